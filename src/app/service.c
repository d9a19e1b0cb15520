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
    const struct sl__layers *layers = &c->app->layers;
    int r;

    c->cursor.layer = layers->list;
    c->cursor.end = sl__layers_end(layers);
    r = sl__onion_go(c);
    c->error = c->failing = r < 0 ? r : 0;
    return c->error;
}

/* What is read before it was written. Not by assigning a whole struct: compilers make a string
 * instruction of that, which takes longer to start than the rest of this file. */
static inline void clear(sl_ctx *c)
{
    c->cursor.frame = NULL;
    c->cursor.params = NULL;
    c->cursor.base = 0;
    c->next_called = c->route_ran = c->type_linked = false;
    c->type_rank = SL__TYPE_NONE;
    c->body_use = SL__BODY_UNTOUCHED;
    c->error = c->failing = c->fail_status = 0;
    c->fail_message = NULL;
    c->trace = NULL;
    c->type = (struct sl__str){NULL, 0};
    c->deferred = NULL;
    c->states = NULL;
    c->query = c->cookies = NULL;
    c->joined = NULL;
    c->remote = c->path_text = NULL;
    c->tasks = NULL;
    c->allowed.methods = 0;
    c->allowed.more = NULL;
    c->allowed.passed = c->allowed.known = false;
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
