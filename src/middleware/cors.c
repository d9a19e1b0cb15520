/*
 * Cross-origin resource sharing: which other sites' pages may read the answers (Fetch standard,
 * §3.2).
 *
 * A browser asks first about whatever is more than a form could do: that preflight, an OPTIONS
 * request with Access-Control-Request-Method, is answered here. Other requests go on, and the
 * answer, or the error that takes its place, says who may read it. Whoever is not allowed gets an
 * answer without these headers, which is all it takes. What an answer says depends on the origin,
 * so caches are told, even when there is none.
 */
#include <shallot/ctx.h>
#include <shallot/middleware.h>
#include <shallot/request.h>
#include <shallot/response.h>

#include <stdio.h>
#include <strings.h>

#include "keep.h"

#define NAME "sl_cors"

struct cors {
    struct keeper keeper;
    sl_cors_options o;
    bool any;
    char max_age[16];
};

static bool listed(const struct cors *cors, const char *origin)
{
    for (const char *const *at = cors->o.origins; *at; at++)
        if (strcasecmp(*at, origin) == 0)
            return true;
    return false;
}

static bool allowed(sl_ctx *c, const struct cors *cors, const char *origin)
{
    return cors->any || listed(cors, origin) ||
           (cors->o.allow && cors->o.allow(c, origin, cors->o.self));
}

/* 0 or the error of the first that fails. */
static int keep_header(sl_ctx *c, int r, const char *name, const char *value)
{
    return r < 0 || !value ? r : sl_keep_header(c, name, value);
}

/* Who may read the answer. */
static int admit(sl_ctx *c, const struct cors *cors, const char *origin)
{
    int r = sl_keep_header(c, "Access-Control-Allow-Origin", cors->any ? "*" : origin);

    return keep_header(c, r, "Access-Control-Allow-Credentials",
                       cors->o.credentials ? "true" : NULL);
}

static int answer_preflight(sl_ctx *c, const struct cors *cors)
{
    const char *headers = cors->o.headers;
    int r = sl_keep_header(c, "Access-Control-Allow-Methods", cors->o.methods);

    if (!headers) {
        headers = sl_header(c, "access-control-request-headers");
        if (r == 0)
            r = sl_vary(c, "Access-Control-Request-Headers");
    }
    r = keep_header(c, r, "Access-Control-Allow-Headers", headers);
    r = keep_header(c, r, "Access-Control-Max-Age", cors->o.max_age_s ? cors->max_age : NULL);
    if (cors->o.private_network && sl_header(c, "access-control-request-private-network"))
        r = keep_header(c, r, "Access-Control-Allow-Private-Network", "true");
    return r;
}

static int run(sl_ctx *c, void *self)
{
    const struct cors *cors = self;
    const char *origin = sl_header(c, "origin");
    bool preflight = origin && strcmp(sl_method(c), "OPTIONS") == 0 &&
                     sl_header(c, "access-control-request-method");
    bool admitted = origin && allowed(c, cors, origin);
    int r = cors->any ? 0 : sl_vary(c, "Origin");

    if (r == 0 && admitted)
        r = admit(c, cors, origin);
    if (r == 0 && admitted && preflight)
        r = answer_preflight(c, cors);
    if (r < 0)
        return r;
    if (preflight)
        return sl_set_status(c, 204);
    if (admitted)
        r = keep_header(c, r, "Access-Control-Expose-Headers", cors->o.expose);
    if (r == 0)
        r = sl_next(c);
    if (!cors->any) /* a handler may have set Vary anew; once the head is out it is too late */
        sl_vary(c, "Origin");
    return r;
}

/* scheme://host and perhaps a port, and nothing behind it, or it will never be equal to one. */
static bool is_origin(const char *text)
{
    const char *host = strstr(text, "://");

    return strcmp(text, "null") == 0 || strcmp(text, "*") == 0 ||
           (host && host > text && host[3] && !strpbrk(host + 3, "/?#@ "));
}

static const char *mistake(const sl_cors_options *o)
{
    bool any = false;

    if (!o->allow && (!o->origins || !o->origins[0]))
        return "who may? Give .origins, {\"https://app.example\", NULL}, or .allow";
    for (const char *const *at = o->origins; at && *at; at++) {
        any |= strcmp(*at, "*") == 0;
        if (!is_origin(*at))
            return "an origin is scheme://host or scheme://host:port, without a path";
    }
    if (any && o->credentials)
        return "any origin with credentials would let every site act as the user: list them";
    return NULL;
}

sl_middleware sl_cors_with(const sl_cors_options *given)
{
    struct cors *cors;
    sl_cors_options o;
    const char *wrong;

    TAKE_OPTIONS(o, given);
    wrong = mistake(&o);
    if (wrong)
        return refuse(NAME, wrong);
    cors = keep_new(sizeof *cors);
    if (!cors)
        return keep_done(NULL, run, NAME);
    o.origins = keep_list(&cors->keeper, o.origins);
    o.methods =
        keep_text(&cors->keeper, o.methods ? o.methods : "GET, HEAD, PUT, PATCH, POST, DELETE");
    o.headers = keep_text(&cors->keeper, o.headers);
    o.expose = keep_text(&cors->keeper, o.expose);
    cors->o = o;
    snprintf(cors->max_age, sizeof cors->max_age, "%u", o.max_age_s);
    if (!cors->keeper.failed)
        cors->any = listed(cors, "*");
    return keep_done(cors, run, NAME);
}
