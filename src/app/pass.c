/*
 * Passing on: what a layer does that looked for an answer and had none.
 *
 * Comes here from layers such as sl_static(). An app without routes answers 200 to what no layer
 * answers, as the seed does; who has passed a request on did not find something, so that is 404.
 */
#include "app/allowed.h"
#include "app/reply.h"
#include "shallot/ctx.h"
#include "shallot/response.h"

static bool nobody_answered(const sl_ctx *c, uint32_t routes_before)
{
    const struct sl__response *r = &c->x->response;

    return c->routes_ran == routes_before && !r->status && r->payload == SL__PAYLOAD_NONE &&
           !c->x->committed;
}

int sl_pass(sl_ctx *c)
{
    uint32_t before = c->routes_ran;
    int r = sl_next(c);

    if (r < 0)
        return r;
    if (!nobody_answered(c, before))
        return 0;
    if (sl__allowed_status(c) == 200)
        c->x->response.status = 404;
    return 1;
}
