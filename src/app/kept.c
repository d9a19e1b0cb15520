/*
 * What libraries built on the public headers leave with the app: values under keys, and the word
 * that it must not serve.
 *
 * Comes here while main() runs; values are read by requests. They go when nothing of the app runs
 * any more, the last kept first.
 */
#include "app/kept.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "base/log.h"
#include "base/mem.h"

struct sl__kept {
    struct sl__kept *next; /* newest first */
    void *value;
    void (*free)(void *value);
    char key[];
};

static struct sl__kept *find(const sl_app *app, const char *key)
{
    struct sl__kept *k = app->kept;

    while (k && strcmp(k->key, key) != 0)
        k = k->next;
    return k;
}

static void drop(const struct sl__kept *k)
{
    if (k->free && k->value)
        k->free(k->value);
}

int sl_set_app_state(sl_app *app, const char *key, void *value, void (*free)(void *value))
{
    struct sl__kept new = {NULL, value, free}, old, *k = find(app, key);

    if (!k) {
        k = sl__try_alloc(sizeof *k + strlen(key) + 1);
        if (!k) {
            drop(&new);
            return -ENOMEM;
        }
        *k = (struct sl__kept){.next = app->kept};
        strcpy(k->key, key);
        app->kept = k;
    }
    old = *k;
    k->value = value;
    k->free = free;
    if (old.value != value)
        drop(&old);
    return 0;
}

void *sl_app_state(const sl_app *app, const char *key)
{
    const struct sl__kept *k = find(app, key);

    return k ? k->value : NULL;
}

void sl__kept_free(sl_app *app)
{
    while (app->kept) {
        struct sl__kept *k = app->kept;

        app->kept = k->next;
        drop(k);
        sl__free(k);
    }
}

int sl_refuse(sl_app *app, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sl__log(SL__ERROR, "%s", text);
    app->bad = true;
    return -EINVAL;
}
