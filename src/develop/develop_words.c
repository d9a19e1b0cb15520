/*
 * What there is to say in development, in words. Pure.
 *
 * develop.c comes here with news of its own and of the feed, before the tool or the log gets them.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "develop/develop.h"

struct words {
    char *buf;
    size_t size, len;
};

static void add(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct words *w, const char *fmt, ...)
{
    size_t room = w->size - w->len;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(w->buf + w->len, room, fmt, args);
    va_end(args);
    if (n > 0)
        w->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_signal(struct words *w, int signal)
{
    const char *name = sigabbrev_np(signal);

    if (name)
        add(w, "SIG%s (%s)", name, sigdescr_np(signal));
    else
        add(w, "signal %d", signal);
}

static void add_failure(struct words *w, const sl_development_news *n)
{
    add(w, "build failed: ");
    if (n->signal) {
        add(w, "ended by ");
        add_signal(w, n->signal);
    } else {
        add(w, "exit code %d", n->status);
    }
    add(w, " after %.2f s", (double)n->ns / 1e9);
}

static const char *name_in(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void add_crash(struct words *w, const sl_development_news *n)
{
    if (n->worker)
        add(w, "worker %u was ended by ", n->worker);
    else
        add(w, "%s %s ", n->file[0] ? name_in(n->file) : "the program",
            n->signal ? "was ended by" : "ended with");
    if (n->signal)
        add_signal(w, n->signal);
    else
        add(w, "status %d", n->status);
    if (n->then == SL_DEV_THEN_RESTART)
        add(w, ", another takes its place");
    else if (n->then == SL_DEV_THEN_SERVES)
        add(w, ", the one before serves on");
    else if (n->then == SL_DEV_THEN_WAITS)
        add(w, ": waiting for the next change");
}

static void add_words(struct words *w, const sl_development_news *n)
{
    switch (n->event) {
    case SL_DEV_CHANGED:
        add(w, "changed: %s", n->file);
        if (n->more)
            add(w, " and %u more", n->more);
        break;
    case SL_DEV_BUILDING:
        add(w, "building");
        break;
    case SL_DEV_BUILT:
        add(w, "built in %.2f s", (double)n->ns / 1e9);
        break;
    case SL_DEV_FAILED:
        add_failure(w, n);
        break;
    case SL_DEV_WAITING:
        add(w, "waiting for changes in %s", n->file);
        if (n->url[0])
            add(w, "; %s shows what is wrong", n->url);
        break;
    case SL_DEV_LISTENING:
        add(w, "listening on %s", n->url);
        break;
    case SL_DEV_SWAPPED:
        add(w, "generation %u serves", n->generation);
        if (n->ns)
            add(w, ", %.0f ms after the save", (double)n->ns / 1e6);
        break;
    case SL_DEV_KEPT:
        add(w, "the code before serves on: %s", n->why);
        break;
    case SL_DEV_CRASHED:
        add_crash(w, n);
        break;
    case SL_DEV_REQUEST:
        add(w, "%s %s%s%s %d in %.1f ms", n->method, n->path, n->query[0] ? "?" : "", n->query,
            n->status, (double)n->ns / 1e6);
        break;
    case SL_DEV_STOPPED:
        add(w, "worker %u stopped at ", n->worker);
        add_signal(w, n->signal);
        break;
    case SL_DEV_TROUBLE:
        add(w, "%s", n->why);
        break;
    }
}

void sl__develop_complete(sl_development_news *n, char *buf, size_t size)
{
    const char **const strings[] = {&n->text, &n->output, &n->file, &n->url,
                                    &n->why,  &n->method, &n->path, &n->query};
    struct words w = {.buf = buf, .size = size};

    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        if (!*strings[i])
            *strings[i] = "";
    n->size = sizeof *n;
    buf[0] = '\0';
    add_words(&w, n);
    n->text = buf;
}
