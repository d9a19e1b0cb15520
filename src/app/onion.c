/*
 * The onion: middleware called from the outside in, each deciding when to go further.
 *
 * Comes from app/service.c on the request's fiber, with a fresh context. Leaves when the outermost
 * middleware has returned: the answer is then whole in memory, or already streaming. Nothing here
 * waits by itself; everything called from here may.
 *
 * The cursor says what comes next. A table of routes and a router are layers that put a list of
 * their own in front of what comes next; when that list is exhausted, their frame says how to go
 * on. Every layer gets its cursor back when what it called has returned.
 */
#include "app/onion.h"

#include "app/ctx.h"
#include "shallot/error.h"

static inline int run_layer(sl_ctx *c)
{
    const sl_middleware *m = c->cursor.layer++;

    c->next_called = false;
    return m->run(c, m->self);
}

int sl__onion_go_behind(sl_ctx *c)
{
    struct sl__cursor *cursor = &c->cursor;

    while (cursor->frame) {
        int r = cursor->frame->table ? sl__table_next(c, cursor->frame) : 0;

        if (r < 0)
            return sl__ctx_error(c, r);
        if (r == 0)
            *cursor = cursor->frame->behind;
        if (cursor->layer < cursor->end)
            return run_layer(c);
    }
    return 0; /* past the innermost there is nobody to call, which is no error */
}

int sl__onion_go(sl_ctx *c)
{
    return c->cursor.layer < c->cursor.end ? run_layer(c) : sl__onion_go_behind(c);
}

int sl_next(sl_ctx *c)
{
    struct sl__cursor here = c->cursor;
    int r;

    if (c->next_called)
        return sl__ctx_error(c, -SL_ENEXTTWICE);
    r = sl__onion_go(c);
    c->cursor = here;
    c->next_called = true; /* said of the layer we return to */
    c->error = c->failing = r < 0 ? r : 0;
    return c->error;
}

int sl_run_handler(sl_ctx *c, void *self)
{
    union {
        void *self;
        sl_handler *handler;
    } u = {self};

    return u.handler(c);
}
