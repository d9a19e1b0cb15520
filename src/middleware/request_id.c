/*
 * A name for each request, the same in every log it leaves a trace in.
 *
 * With a proxy of one's own in front the name is the proxy's, if it is fit for a log line; else it
 * is made here. sl_set_id() hands it to the log; the response says it, on errors too, so that a
 * client can tell which request it is complaining about.
 */
#include <shallot/ctx.h>
#include <shallot/middleware.h>
#include <shallot/request.h>
#include <shallot/response.h>

#include <errno.h>

#include "keep.h"
#include "random.h"

#define NAME "sl_request_id"

struct namer {
    struct keeper keeper;
    const char *header;
    bool trust, quiet;
};

static int name(sl_ctx *c, const struct namer *n)
{
    const char *given = n->trust ? sl_header(c, n->header) : NULL;
    int r = given ? sl_set_id(c, given) : -EINVAL;
    char own[33];

    if (r != -EINVAL)
        return r;
    random_hex(own, 16);
    return sl_set_id(c, own);
}

static int run(sl_ctx *c, void *self)
{
    const struct namer *n = self;
    int r = name(c, n);

    if (r == 0 && !n->quiet)
        r = sl_keep_header(c, n->header, sl_id(c));
    return r < 0 ? r : sl_next(c);
}

sl_middleware sl_request_id_with(const sl_request_id_options *given)
{
    sl_request_id_options o;
    struct namer *n = keep_new(sizeof *n);

    if (!n)
        return keep_done(NULL, run, NAME);
    TAKE_OPTIONS(o, given);
    n->header = keep_text(&n->keeper, o.header ? o.header : "X-Request-Id");
    n->trust = o.trust;
    n->quiet = o.quiet;
    return keep_done(n, run, NAME);
}
