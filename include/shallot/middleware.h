/*
 * The middleware that comes with Shallot; each is written on the public headers alone
 * (src/middleware/).
 */
#ifndef SHALLOT_MIDDLEWARE_H
#define SHALLOT_MIDDLEWARE_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** Access log: one line per request on the log: method, target, status, body length, milliseconds.
 */
SL_API sl_middleware sl_logger(void);

/** Answers with the numbers of the whole cluster (<shallot/stats.h>) in Prometheus' text format; to
 * be put on a route: sl_get(app, "/metrics", sl_metrics()). */
SL_API sl_middleware sl_metrics(void);

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

SL_END_DECLS

#ifndef __cplusplus
#define sl_etag(...) sl_etag_with(&(sl_etag_options){.size = sizeof(sl_etag_options), __VA_ARGS__})
#else
inline sl_middleware sl_etag(sl_etag_options o = {})
{
    o.size = sizeof o;
    return sl_etag_with(&o);
}
#endif

#endif
