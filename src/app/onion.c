/*
 * The onion: middleware called from the outside in, each deciding when to go further.
 *
 * Comes from app/service.c on the request's fiber, with a fresh context. Leaves when the outermost
 * middleware has returned: the answer is then whole in memory, or already streaming. Nothing here
 * waits by itself; everything called from here may.
 *
 * The context says which layer comes next, and in which frame. A table of routes and a router are
 * layers that open a frame, which puts a list of their own in front of what comes next. Every list
 * ends with a layer that knows how to go on behind it, so nobody else asks whether there is more.
 * Every layer finds the context in its own frame when what it called has returned, and nothing more
 * to call.
 */
#include "app/onion.h"

#include "app/ctx.h"
#include "shallot/error.h"

static inline int run(sl_ctx *c, const sl_middleware *m)
{
    c->layer = m + 1;
    return m->run(c, m->self);
}

int sl__onion_go(sl_ctx *c)
{
    return run(c, c->layer);
}

/* Out of a list that is exhausted, into the one around it. Past the innermost layer there is nobody
 * to call, which is no error. */
static int leave(sl_ctx *c, struct sl__opened *frame)
{
    if (!frame->outer)
        return 0;
    c->layer = frame->behind;
    c->frame = frame->outer;
    return sl__onion_go(c);
}

static int go_behind(sl_ctx *c, void *self)
{
    struct sl__opened *frame = c->frame;
    struct sl__params *params = frame->params;
    int r;

    if (!frame->table)
        return leave(c, frame);
    r = sl__table_next(c, frame);
    if (r == 0)
        return leave(c, frame);
    r = r < 0 ? sl__ctx_error(c, r) : sl__onion_go(c);
    frame->params = params;
    return r;
}

const sl_middleware sl__layer_behind = {go_behind, NULL, NULL};

int sl__onion_open(sl_ctx *c, struct sl__opened *frame, const sl_middleware *first)
{
    int r;

    c->frame = frame;
    r = run(c, first);
    c->frame = frame->outer;
    c->layer = NULL;
    return r;
}

int sl_next(sl_ctx *c)
{
    const sl_middleware *layer = c->layer;
    struct sl__opened *frame = c->frame;
    int r;

    if (!layer)
        return sl__ctx_error(c, -SL_ENEXTTWICE);
    r = run(c, layer);
    c->layer = NULL; /* said of the layer we return to */
    c->frame = frame;
    if (r < 0)
        return sl__ctx_error(c, r);
    c->error = c->failing = 0;
    return 0;
}

int sl_run_handler(sl_ctx *c, void *self)
{
    union {
        void *self;
        sl_handler *handler;
    } u = {self};

    return u.handler(c);
}
