/*
 * The middleware that comes with Shallot; each is written on the public headers alone
 * (src/middleware/). What needs more than that has a header of its own.
 *
 * Options are given as in sl_use(app, sl_cors(.origins = origins, .credentials = true)); whatever
 * is left zero has its default. Texts and lists are copied. A constructor that is asked for the
 * impossible says so in the log, and the app that was to use it does not serve.
 */
#ifndef SHALLOT_MIDDLEWARE_H
#define SHALLOT_MIDDLEWARE_H

#include <shallot/common.h>
#include <shallot/router.h>

SL_BEGIN_DECLS

/** Form of the access log's lines. */
typedef enum sl_logger_form {
    SL_LOGGER_AUTO = 0, /**< SL_LOGGER_DEV in development on a terminal, else SL_LOGGER_PLAIN;
                           nothing under `shallot dev`, which shows each request itself */
    SL_LOGGER_PLAIN,    /**< a line of the log: method, target, status, length, milliseconds */
    SL_LOGGER_DEV,      /**< for the eye: aligned, the status in colour where there are colours */
    SL_LOGGER_COMBINED, /**< Apache's and nginx's combined format */
    SL_LOGGER_JSON,     /**< one object a line */
} sl_logger_form;

/** Options of sl_logger(). */
typedef struct sl_logger_options {
    size_t size;         /**< sizeof(sl_logger_options), set by the macro */
    sl_logger_form form; /**< of the lines. Default SL_LOGGER_AUTO */
    unsigned sample; /**< one of so many requests with a status below 400, whichever; 0: all. Others
                        are always logged */
    const char *const *skip_paths; /**< NULL-terminated: not logged, unless an error comes of it;
                                      "/assets/" at the end of which is a slash: all below it */
    /** True: this request is not logged. Asked when its answer stands. */
    bool (*skip)(sl_ctx *c, void *self);
    void *self;
} sl_logger_options;

/** Access log: one line for each request, on the log, which never waits. Use it first. */
SL_API sl_middleware sl_logger_with(const sl_logger_options *options);

/** Answers with the numbers of the whole cluster (<shallot/stats.h>) in Prometheus' text format; to
 * be put on a route: sl_get(app, "/metrics", sl_metrics()). */
SL_API sl_middleware sl_metrics(void);

/** Options of sl_cors(): origins or allow is needed. */
typedef struct sl_cors_options {
    size_t size;                /**< sizeof(sl_cors_options), set by the macro */
    const char *const *origins; /**< NULL-terminated: "https://app.example"; "*": any, which cannot
                                   be had with credentials */
    /** Asked about origins that are not listed; true: allowed. */
    bool (*allow)(sl_ctx *c, const char *origin, void *self);
    void *self;
    const char *methods; /**< Default "GET, HEAD, PUT, PATCH, POST, DELETE" */
    const char *headers; /**< request headers a page may set; default: those it asks for */
    const char
        *expose;      /**< response headers a page may read besides the safelisted; default none */
    bool credentials; /**< cookies and authorization may be sent along */
    unsigned max_age_s; /**< how long a browser may remember a preflight's answer; 0: its default */
    bool private_network; /**< pages of public sites may ask this server in a private network */
} sl_cors_options;

/** Cross-origin resource sharing (the Fetch standard): lets pages of the given origins read
 * answers, and answers their preflights with 204. Either origins or allow is needed. */
SL_API sl_middleware sl_cors_with(const sl_cors_options *options);

/** Each text is the value of a header; NULL: the default, "": the header is not sent. A handler may
 * set another value; on errors they stay. */
typedef struct sl_secure_headers_options {
    size_t size;             /**< sizeof(sl_secure_headers_options), set by the macro */
    const char *csp;         /**< Content-Security-Policy. Default: none, it depends on the pages */
    const char *frame;       /**< X-Frame-Options. Default "SAMEORIGIN" */
    const char *referrer;    /**< Referrer-Policy. Default "strict-origin-when-cross-origin" */
    const char *hsts;        /**< Strict-Transport-Security, where sl_scheme() is "https". Default
                                "max-age=31536000" */
    const char *opener;      /**< Cross-Origin-Opener-Policy. Default "same-origin" */
    const char *resource;    /**< Cross-Origin-Resource-Policy. Default "same-origin" */
    const char *permissions; /**< Permissions-Policy. Default: none */
    const char *content_type; /**< X-Content-Type-Options. Default "nosniff" */
} sl_secure_headers_options;

/** Headers that make browsers more careful with what they are sent. */
SL_API sl_middleware sl_secure_headers_with(const sl_secure_headers_options *options);

/** Options of sl_request_id(). */
typedef struct sl_request_id_options {
    size_t size;        /**< sizeof(sl_request_id_options), set by the macro */
    const char *header; /**< of request and response. Default "X-Request-Id" */
    bool trust;         /**< take the one a request comes with, if sl_set_id() does: only where a
                           proxy of yours is in front, or clients write what they like into logs */
    bool quiet;         /**< the response does not say it */
} sl_request_id_options;

/** Gives each request an id of 32 hexadecimal digits, random, which sl_id(), log lines and the
 * response say. */
SL_API sl_middleware sl_request_id_with(const sl_request_id_options *options);

/** Options of sl_trace(). */
typedef struct sl_trace_options {
    size_t size;    /**< sizeof(sl_trace_options), set by the macro */
    bool distrust;  /**< begin a new trace even if the request is part of one */
    bool unsampled; /**< traces that begin here are not marked as sampled */
} sl_trace_options;

/** Takes part in distributed traces (W3C Trace Context): goes on with the trace a request is part
 * of, or begins one. What is asked of others on its behalf should carry sl_trace_parent(). */
SL_API sl_middleware sl_trace_with(const sl_trace_options *options);

/** Value of a traceparent header for requests made on behalf of this one; NULL without sl_trace().
 */
SL_API const char *sl_trace_parent(const sl_ctx *c);
/** Likewise of tracestate; NULL if there is none. */
SL_API const char *sl_trace_state(const sl_ctx *c);

/**
 * What is below gets @p ms milliseconds; then its calls that wait return -ECANCELED (sl_within()),
 * and the answer is 503. An answer that has begun is cut off. A body of sl_stream() and one read
 * by sl_read() in a source come after the layers, so their time is not counted.
 */
SL_API sl_middleware sl_timeout(unsigned ms);

/** A user of sl_basic_auth(). */
typedef struct sl_user {
    const char *name, *password;
} sl_user;

/** Options of sl_basic_auth(): users or check is needed. */
typedef struct sl_basic_auth_options {
    size_t size;          /**< sizeof(sl_basic_auth_options), set by the macro */
    const char *realm;    /**< what the browser shows. Default "restricted" */
    const sl_user *users; /**< ends with one without a name */
    /** Asked about who is not among users; true: they may. May wait. */
    bool (*check)(sl_ctx *c, const char *name, const char *password, void *self);
    void *self;
} sl_basic_auth_options;

/** HTTP Basic authentication (RFC 7617), UTF-8; 401 for everybody else. Only over TLS is it worth
 * anything. Either users or check is needed. */
SL_API sl_middleware sl_basic_auth_with(const sl_basic_auth_options *options);

/** Whom sl_basic_auth() has let in; NULL: nobody. */
SL_API const char *sl_basic_user(const sl_ctx *c);

/** Bounds request bodies, 413 over it: at once by Content-Length, else while they are read. In
 * place of limits.body_bytes for bodies held in memory, be it less or more. */
SL_API sl_middleware sl_body_limit(uint64_t bytes);

/** What sl_vhost() calls: @p m for requests to @p host, which is copied; the next layer for others.
 */
SL_API sl_middleware sl_vhost_of(const char *host, sl_middleware m);

/** Options of sl_rate_limit(): limit is needed. */
typedef struct sl_rate_limit_options {
    size_t size;        /**< sizeof(sl_rate_limit_options), set by the macro */
    unsigned limit;     /**< requests in a window. Needed */
    unsigned window_ms; /**< Default 60,000 */
    unsigned burst;     /**< so many may come at once, before the rate counts. Default: limit */
    const char *header; /**< whose value tells clients apart ("X-Api-Key"); those without it, and
                           all if this is NULL, by address: IPv6 by its network of 64 bits */
    /** Tells clients apart; NULL: this request is not counted. In place of header. */
    const char *(*key)(sl_ctx *c, void *self);
    void *self;
    const char *name; /**< of the shared map: limiters of one name, with the same numbers, share
                         their buckets. Default: one for each limiter, the same after a reload */
    size_t capacity; /**< clients remembered; beyond, those not seen for longest begin anew. Default
                        16,384 */
    bool quiet;      /**< no RateLimit headers */
} sl_rate_limit_options;

/**
 * Bounds the rate of requests, of the whole cluster together: a token bucket for each client in a
 * shared map. Over it: 429 with Retry-After. Answers have RateLimit and RateLimit-Policy
 * (draft-ietf-httpapi-ratelimit-headers). Reloads keep the buckets. If the map cannot be had
 * (-EBUSY) requests pass, and the log says so.
 */
SL_API sl_middleware sl_rate_limit_with(sl_app *app, const sl_rate_limit_options *options);

/** Options of sl_trust_proxy(). */
typedef struct sl_trust_proxy_options {
    size_t size;                /**< sizeof(sl_trust_proxy_options), set by the macro */
    const char *const *trusted; /**< NULL-terminated: addresses ("192.0.2.1"), networks
                                   ("10.0.0.0/8"), "loopback", "private" (RFC 1918, fc00::/7),
                                   "linklocal", "unix". Default: loopback and unix */
    bool forwarded; /**< believe Forwarded (RFC 7239) instead of X-Forwarded-For and -Proto: choose
                       the one your proxy sets, as the other is its client's word */
    bool host; /**< believe the host it says, too (X-Forwarded-Host): only if your proxy sets or
                  removes it */
} sl_trust_proxy_options;

/** Makes sl_remote(), sl_scheme() and sl_host() right behind proxies: believes what those whom it
 * trusts say, from the last one back to the first stranger. Use it before what looks at them. */
SL_API sl_middleware sl_trust_proxy_with(const sl_trust_proxy_options *options);
/** Options of sl_etag(). */
typedef struct sl_etag_options {
    size_t size; /**< sizeof(sl_etag_options), set by the macro */
    bool strong; /**< the tag says that every byte is the same, not only the meaning: for answers
                    that nothing outside of this layer changes */
} sl_etag_options;

/**
 * Tags answers, and says 304 to clients that have them already; in C use the macro sl_etag().
 *
 * GET and HEAD: a 200 whose body is held in memory and that has no ETag gets one, made of its
 * bytes (not with `Cache-Control: no-store`). Then an answer of any kind that is fresh (sl_fresh())
 * becomes a 304 without a body. Use it inside of sl_compress(), so that one tag is good for all
 * encodings.
 */
SL_API sl_middleware sl_etag_with(const sl_etag_options *options);

/** Options of sl_dashboard(): where it is, and who may see it. Texts are copied. */
typedef struct sl_dashboard_options {
    size_t size;          /**< sizeof(sl_dashboard_options), set by the macro */
    const char *path;     /**< where it is, without a slash at the end. Default "/_shallot" */
    const char *user;     /**< who may see it, by HTTP Basic authentication: only over TLS is it */
    const char *password; /**< worth anything */
    /** Asked about each request for it, before a password is; false: 403. May wait. */
    bool (*allow)(sl_ctx *c, void *self);
    void *self; /**< for allow */
} sl_dashboard_options;

/**
 * A live page of the cluster: workers, requests and latencies over the last minutes, routes,
 * messages, crashes and reloads. All workers are on it, whichever is asked. Use it before other
 * layers, so that they see nothing of it; what is not below its path goes on.
 *
 * In production user and password, or allow, have to be given, or both, and then both must hold; an
 * app with neither does not serve. In development everybody may see it, and it is at /_shallot
 * without being asked for.
 *
 * Counts requests per route from then on (sl_count_routes()). While nobody looks, one worker reads
 * the scoreboard once a second, for the history of the last five minutes.
 */
SL_API sl_middleware sl_dashboard_with(sl_app *app, const sl_dashboard_options *options);

SL_END_DECLS

#ifndef __cplusplus
#define sl_logger(...)                                                                             \
    sl_logger_with(&(sl_logger_options){.size = sizeof(sl_logger_options), __VA_ARGS__})
#define sl_etag(...) sl_etag_with(&(sl_etag_options){.size = sizeof(sl_etag_options), __VA_ARGS__})
#define sl_cors(...) sl_cors_with(&(sl_cors_options){.size = sizeof(sl_cors_options), __VA_ARGS__})
#define sl_secure_headers(...)                                                                     \
    sl_secure_headers_with(                                                                        \
        &(sl_secure_headers_options){.size = sizeof(sl_secure_headers_options), __VA_ARGS__})
#define sl_request_id(...)                                                                         \
    sl_request_id_with(&(sl_request_id_options){.size = sizeof(sl_request_id_options), __VA_ARGS__})
#define sl_trace(...)                                                                              \
    sl_trace_with(&(sl_trace_options){.size = sizeof(sl_trace_options), __VA_ARGS__})
#define sl_basic_auth(...)                                                                         \
    sl_basic_auth_with(&(sl_basic_auth_options){.size = sizeof(sl_basic_auth_options), __VA_ARGS__})
#define sl_rate_limit(app, ...)                                                                    \
    sl_rate_limit_with(                                                                            \
        app, &(sl_rate_limit_options){.size = sizeof(sl_rate_limit_options), __VA_ARGS__})
#define sl_dashboard(...) SL_DASHBOARD_(__VA_ARGS__, .size = sizeof(sl_dashboard_options))
#define SL_DASHBOARD_(app, ...) sl_dashboard_with(app, &(sl_dashboard_options){__VA_ARGS__})
#define sl_trust_proxy(...)                                                                        \
    sl_trust_proxy_with(                                                                           \
        &(sl_trust_proxy_options){.size = sizeof(sl_trust_proxy_options), __VA_ARGS__})
/** A layer for one host, or with "*." in front for all below it, whatever the port: a router, a
 * middleware or a handler. Requests for others go on to the next layer. sl_vhost("api.example.com",
 * sl_routes(api)). */
#define sl_vhost(host, ...) sl_vhost_of(host, SL_LAYER_((__VA_ARGS__)))
#else
#define SL_WITH_(name)                                                                             \
    inline sl_middleware name(name##_options o = {})                                               \
    {                                                                                              \
        o.size = sizeof o;                                                                         \
        return name##_with(&o);                                                                    \
    }
SL_WITH_(sl_logger)
SL_WITH_(sl_cors)
SL_WITH_(sl_secure_headers)
SL_WITH_(sl_request_id)
SL_WITH_(sl_trace)
SL_WITH_(sl_basic_auth)
SL_WITH_(sl_trust_proxy)
SL_WITH_(sl_etag)
#undef SL_WITH_
inline sl_middleware sl_rate_limit(sl_app *app, sl_rate_limit_options o)
{
    o.size = sizeof o;
    return sl_rate_limit_with(app, &o);
}
inline sl_middleware sl_dashboard(sl_app *app, sl_dashboard_options o = {})
{
    o.size = sizeof o;
    return sl_dashboard_with(app, &o);
}
inline sl_middleware sl_vhost(const char *host, sl_middleware m)
{
    return sl_vhost_of(host, m);
}
inline sl_middleware sl_vhost(const char *host, sl_handler *h)
{
    return sl_vhost_of(host, sl_layer_of_handler(h));
}
#endif

#endif
