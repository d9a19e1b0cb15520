/*
 * Whether the client's copy is as good as what stands: the response's validators against the
 * request's conditions.
 *
 * Handlers and middleware come here with sl_fresh(), once ETag or Last-Modified are set. The rules
 * are in http/condition.c.
 */
#include "app/fresh.h"

#include "app/reply.h"
#include "base/sys.h"
#include "base/time.h"
#include "shallot/request.h"
#include "shallot/response.h"

static struct sl__str text(const char *value)
{
    return value ? sl__str_of(value) : (struct sl__str){NULL, 0};
}

struct sl__validators sl__fresh_validators(const sl_ctx *c, int64_t now)
{
    struct sl__str modified = text(sl_response_header(c, "Last-Modified"));
    struct sl__validators v = {.etag = text(sl_response_header(c, "ETag"))};

    v.dated = modified.ptr && sl__http_date_read(modified, now, &v.modified);
    return v;
}

bool sl_fresh(sl_ctx *c)
{
    enum sl__method method = sl__ctx_request(c)->method;
    const struct sl__conditions conditions = {
        .none_match = text(sl_header(c, "If-None-Match")),
        .modified_since = text(sl_header(c, "If-Modified-Since")),
    };
    int64_t now = sl__sys_wall();
    struct sl__validators v;
    int status = sl__reply_status(c);

    if (c->x->committed || c->failing || (method != SL__METHOD_GET && method != SL__METHOD_HEAD) ||
        status < 200 || status > 299)
        return false;
    if (!conditions.none_match.ptr && !conditions.modified_since.ptr)
        return false;
    v = sl__fresh_validators(c, now);
    return sl__condition_judge(&conditions, &v, true, now) == SL__VERDICT_FRESH;
}
