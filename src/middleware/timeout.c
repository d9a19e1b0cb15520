/*
 * A time for what is below: then it is cut, and the client told.
 *
 * The layers below run inside sl_within(): when the time is over their waits are refused, they
 * unwind as they would if the client had left, and this layer, which can wait again, fails the
 * request with 503. That the client has left stays another thing, said by -ECANCELED.
 */
#include <shallot/ctx.h>
#include <shallot/fiber.h>
#include <shallot/middleware.h>

#include <errno.h>

#include "keep.h"

#define NAME "sl_timeout"

struct timeout {
    struct keeper keeper;
    unsigned ms;
};

static int next(void *c)
{
    return sl_next(c);
}

static int run(sl_ctx *c, void *self)
{
    const struct timeout *t = self;
    int r = sl_within(t->ms, next, c);

    return r == -ETIMEDOUT ? sl_fail(c, 503, "not done within %u ms", t->ms) : r;
}

sl_middleware sl_timeout(unsigned ms)
{
    struct timeout *t;

    if (ms == 0)
        return refuse(NAME, "0 ms are over before anything has begun");
    t = keep_new(sizeof *t);
    if (t)
        t->ms = ms;
    return keep_done(t, run, NAME);
}
