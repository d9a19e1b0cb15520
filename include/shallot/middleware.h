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

SL_END_DECLS

#endif
