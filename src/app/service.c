/*
 * The app as a service: one exchange in, one response standing in it.
 *
 * A protocol comes here on the request's fiber when a head is complete. The context is made in the
 * exchange's arena, the onion runs, an error nobody handled becomes a response, and what nobody set
 * is filled in. Cleanups wait until the protocol has sent the response, because a pull source may
 * still need what they free.
 */
#include <errno.h>
#include <stddef.h>

#include "app/ctx.h"
#include "app/error.h"
#include "app/onion.h"
#include "app/reply.h"
#include "app/service.h"
#include "fiber/task.h"

/* The whole onion, from the outside in. */
static int run_onion(sl_ctx *c)
{
    struct sl__opened *own = &c->own;
    int r;

    own->outer = NULL;
    own->params = NULL;
    own->base = 0;
    own->table = NULL;
    c->frame = own;
    c->layer = sl__layers_first(&c->app->layers);
    r = sl__onion_go(c);
    if (r < 0)
        return sl__ctx_error(c, r);
    c->error = c->failing = 0;
    return 0;
}

/* What is read before it was written. */
static inline void clear(sl_ctx *c)
{
    const size_t from = offsetof(sl_ctx, routes_ran), to = offsetof(sl_ctx, own);

    /* In two halves, because of more than 64 octets compilers make a string instruction, which
     * takes longer to start than the rest of this file. */
    _Static_assert(offsetof(sl_ctx, own) - offsetof(sl_ctx, routes_ran) <= 128, "two halves");
    memset((char *)c + from, 0, 64);
    memset((char *)c + from + 64, 0, to - from - 64);
}

static void serve(struct sl__service *s, struct sl__exchange *x)
{
    sl_app *app = SL__OWNER(s, sl_app, service);
    sl_ctx *c = sl__arena_alloc(&x->arena, sizeof *c);
    int r;

    if (!c) {
        x->response.status = 503;
        return;
    }
    clear(c);
    c->x = x;
    c->app = app;
    c->me = c;
    x->ctx = c;
    r = sl__path_init(&c->path, &x->request, &x->arena);
    if (r == 0)
        r = run_onion(c);
    if (c->tasks)
        sl__task_group_finish(c->tasks);
    if (r < 0)
        sl__error_answer(c, r);
    else
        sl__reply_complete(c);
}

static void ended(struct sl__exchange *x)
{
    sl__ctx_finish(x->ctx);
}

void sl__service_init(sl_app *app)
{
    app->service.serve = serve;
}

void sl__service_clean_up_later(sl_ctx *c)
{
    c->x->ended = ended;
}

struct sl__service *sl__app_service(sl_app *app)
{
    return &app->service;
}
