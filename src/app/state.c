/*
 * State: values under keys that the layers of one request leave for each other.
 *
 * A list, because a request has a handful of them. Setting a key again changes its entry in place.
 */
#include <errno.h>

#include "app/ctx.h"
#include "app/service.h"

static struct sl__state *find(const sl_ctx *c, const char *key)
{
    struct sl__state *s = c->states;

    while (s && strcmp(s->key, key) != 0)
        s = s->next;
    return s;
}

static void replace(struct sl__state *s, void *value, void (*free)(void *value))
{
    struct sl__state old = *s;

    s->value = value;
    s->free = free;
    if (old.free && old.value && old.value != value)
        old.free(old.value);
}

int sl_set_state(sl_ctx *c, const char *key, void *value, void (*free)(void *value))
{
    struct sl__state *s = find(c, key);

    if (s) {
        replace(s, value, free);
        if (free)
            sl__service_clean_up_later(c);
        return 0;
    }
    s = sl__arena_alloc(&c->x->arena, sizeof *s);
    if (s)
        s->key = sl_strdup(c, key);
    if (!s || !s->key) {
        if (free && value)
            free(value);
        return -ENOMEM;
    }
    s->value = value;
    s->free = free;
    s->next = c->states;
    c->states = s;
    if (free)
        sl__service_clean_up_later(c);
    return 0;
}

void *sl_state(const sl_ctx *c, const char *key)
{
    struct sl__state *s = find(c, key);

    return s ? s->value : NULL;
}

void sl__state_finish(sl_ctx *c)
{
    while (c->states) {
        struct sl__state *s = c->states;

        c->states = s->next;
        if (s->free && s->value)
            s->free(s->value);
    }
}
