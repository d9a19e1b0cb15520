/*
 * A layer for the requests to one host: a router that asks for it, with the layer inside.
 */
#include <shallot/middleware.h>
#include <shallot/router.h>

#include "keep.h"

#define NAME "sl_vhost"

sl_middleware sl_vhost_of(const char *host, sl_middleware m)
{
    sl_router *router = sl_router_new(.host = host ? host : ""); /* which is none, and says so */

    if (sl_router_use_middleware(router, m) < 0) { /* which has taken it all the same */
        sl_router_free(router);
        return refuse(NAME, "the layer cannot be had");
    }
    return sl_routes(router);
}
