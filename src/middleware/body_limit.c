/*
 * A bound for request bodies: refused at once if their length says so, else while they are read.
 */
#include <shallot/ctx.h>
#include <shallot/middleware.h>
#include <shallot/request.h>

#include "keep.h"

#define NAME "sl_body_limit"

struct limit {
    struct keeper keeper;
    uint64_t bytes;
};

static int run(sl_ctx *c, void *self)
{
    const struct limit *l = self;
    int r = sl_set_body_limit(c, l->bytes);

    return r < 0 ? r : sl_next(c);
}

sl_middleware sl_body_limit(uint64_t bytes)
{
    struct limit *l = keep_new(sizeof *l);

    if (l)
        l->bytes = bytes;
    return keep_done(l, run, NAME);
}
