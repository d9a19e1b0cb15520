/*
 * The context's memory: what lives as long as the request, and the cleanups at its end.
 *
 * Handlers come here at any time; service.c at the end, on the request's fiber.
 */
#include "app/ctx.h"

#include <errno.h>
#include <stdio.h>

#include "app/service.h"
#include "fiber/task.h"

void *sl_alloc(sl_ctx *c, size_t size)
{
    return sl__arena_alloc(&c->x->arena, size);
}

char *sl_strdup(sl_ctx *c, const char *text)
{
    return sl__arena_copy(&c->x->arena, text, strlen(text));
}

/* Most texts fit into what is left of the block, so the first attempt goes straight there. */
char *sl__ctx_vformat(sl_ctx *c, size_t *ret_len, const char *fmt, va_list args)
{
    struct sl__arena *a = &c->x->arena;
    size_t room = (size_t)(a->end - a->ptr);
    char *here = a->ptr, *text = NULL;
    va_list again;
    int n;

    va_copy(again, args);
    n = vsnprintf(room > 0 ? here : NULL, room, fmt, args);
    if (n >= 0)
        text = sl__arena_alloc(a, (size_t)n + 1);
    if (text && (text != here || (size_t)n >= room))
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    *ret_len = text ? (size_t)n : 0;
    return text;
}

char *sl_format(sl_ctx *c, const char *fmt, ...)
{
    va_list args;
    size_t len;
    char *text;

    va_start(args, fmt);
    text = sl__ctx_vformat(c, &len, fmt, args);
    va_end(args);
    return text;
}

int sl_defer(sl_ctx *c, void (*fn)(void *arg), void *arg)
{
    struct sl__deferred *d = sl__arena_alloc(&c->x->arena, sizeof *d);

    if (!d) {
        fn(arg);
        return -ENOMEM;
    }
    *d = (struct sl__deferred){c->deferred, fn, arg};
    c->deferred = d;
    sl__service_clean_up_later(c);
    return 0;
}

struct sl__told *sl__ctx_told(sl_ctx *c)
{
    if (!c->told) {
        c->told = sl_alloc(c, sizeof *c->told);
        if (c->told)
            *c->told = (struct sl__told){0};
    }
    return c->told;
}

sl_app *sl_app_of(const sl_ctx *c)
{
    return c->app;
}

void sl__ctx_finish(sl_ctx *c)
{
    if (c->tasks)
        sl__task_group_finish(c->tasks);
    while (c->deferred) {
        struct sl__deferred *d = c->deferred;

        c->deferred = d->next; /* first, because fn may defer more */
        d->fn(d->arg);
    }
    sl__state_finish(c);
}
