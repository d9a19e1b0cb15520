/*
 * Telling the tool of each request, in development under `shallot dev` only.
 *
 * It stands between the protocol and the app, as a service around the app's: so production, where
 * there is nobody to tell, does not even ask. The record leaves when the onion has unwound and
 * never waits. What the ready path is asked before connections are accepted is nobody's request.
 */
#include "base/log.h"
#include "base/sys.h"
#include "cluster/feed.h"
#include "fiber/fiber.h"
#include "serve/serving.h"

#define CLIENT_GONE 499 /* as sl_logger() has it */

static int status_of(const struct sl__exchange *x)
{
    if (!x->committed && sl__fiber_cancelled())
        return CLIENT_GONE;
    return x->response.status ? x->response.status : 200;
}

static void tell(const struct sl__exchange *x, int64_t ns)
{
    const struct sl__request *r = &x->request;
    struct sl__str method = sl__request_str(r, r->method_name);
    struct sl__str path = sl__request_str(r, r->path), query = sl__request_str(r, r->query);
    struct sl__feed_line line;

    sl__feed_begin(&line, "request");
    sl__feed_add(&line, "method", method.ptr, method.len < 40 ? method.len : 40);
    sl__feed_add_number(&line, "status", status_of(x));
    sl__feed_add_number(&line, "us", ns / 1000);
    sl__feed_add_number(&line, "worker", sl__log_worker());
    sl__feed_add(&line, "path", path.len ? path.ptr : "/", path.len ? path.len : 1);
    if (query.len)
        sl__feed_add(&line, "query", query.ptr, query.len);
    sl__feed_send_one_of_many(&line);
}

static void serve(struct sl__service *service, struct sl__exchange *x)
{
    struct sl__serving *s = SL__OWNER(service, struct sl__serving, telling);
    struct sl__service *app = sl__app_service(s->app);
    int64_t begun = sl__sys_now();

    app->serve(app, x);
    if (s->accepting)
        tell(x, sl__sys_now() - begun);
}

struct sl__service *sl__serving_service(struct sl__serving *s)
{
    if (!sl__feed_open())
        return sl__app_service(s->app);
    sl__log_requests_shown = true;
    s->telling.serve = serve;
    return &s->telling;
}
