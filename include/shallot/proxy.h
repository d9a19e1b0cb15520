/*
 * A reverse proxy: puts an app, or one of its routes, in front of another service. Library
 * libshallot-fetch (pkg-config shallot-fetch).
 *
 *     sl_use(app, sl_logger());
 *     sl_get(app, "/hello", hello);                           // ours
 *     sl_use(app, sl_proxy("http://127.0.0.1:3000"));         // everything else
 */
#ifndef SHALLOT_PROXY_H
#define SHALLOT_PROXY_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** Which of several upstreams a request goes to. */
typedef enum sl_balance {
    SL_ROUND_ROBIN = 0, /**< one after the other */
    SL_LEAST_BUSY = 1,  /**< who has the fewest requests of this worker; among equals in turn */
} sl_balance;

/** Options of sl_proxy(); a field left zero takes its default. */
typedef struct sl_proxy_options {
    size_t size;         /**< sizeof(sl_proxy_options), set by the macro */
    sl_balance balance;  /**< whose turn it is, of several upstreams */
    bool append;         /**< keep Forwarded and X-Forwarded-* that came, and add to them: behind
                            another proxy that removes what its clients say. Default: replaced by what
                            sl_remote(), sl_scheme() and sl_host() say */
    bool upstream_host;  /**< Host names the upstream. Default: as the client sent it */
    unsigned connect_ms; /**< to connect, TLS included. Default 5,000 */
    unsigned idle_ms;    /**< longest silence of an upstream, before its answer and within. Default
                            60,000 */
    unsigned fails; /**< failures in a row after which one of several upstreams is out. Default 3 */
    unsigned out_ms;     /**< for so long. Default 10,000 */
    const char *probe;   /**< path that upstreams are asked for now and then; one that does not
                            answer with 2xx or 3xx is out until it does. Default: not asked */
    unsigned probe_ms;   /**< how often, and how long it may take. Default 5,000 */
    const char *name;    /**< what Via calls this proxy. Default "shallot" */
    const char *ca_file; /**< certificates to trust instead of the system's, for https; PEM */
} sl_proxy_options;

/**
 * Passes every request that reaches it to an upstream, and its answer to the client. In C use the
 * macro sl_proxy("http://127.0.0.1:3000", .idle_ms = 5000).
 *
 * Bodies stream both ways, whatever their length; the side that is read slowly is slowed down.
 * Target, method, fields and status go through as they came, but for what belongs to a connection
 * (RFC 9110 §7.6.1; that includes trailers, 1xx answers and Date), and Forwarded, X-Forwarded-For,
 * -Host, -Proto and Via, which are set. Expect: 100-continue is answered when the upstream wants
 * the body.
 *
 * A request goes to another upstream, each once, if it cannot have been carried out: no connection;
 * or none of the answer has come, and it is idempotent (RFC 9110 §9.2.2) and none of its body was
 * read. An upstream that cannot be reached or breaks off is 502, one that is too slow 504, none
 * that is not out 503, each with a line in the log. An answer that breaks off in the middle breaks
 * off for the client too. A client that goes away ends the transfer.
 *
 * Upgrades (WebSocket) are not passed on: 501. Which upstreams are out each worker finds out for
 * itself; a single one is never out, unless a probe says so.
 *
 * @param upstreams  one or several URLs with a space between, scheme, host and port only:
 *                   "http://10.0.0.1:3000 https://b.internal unix:/run/app.sock"; at most 64
 * @return           run is NULL if something was refused, which is logged
 */
SL_API sl_middleware sl_proxy_with(const char *upstreams, const sl_proxy_options *options);

SL_END_DECLS

#ifndef __cplusplus
#define sl_proxy(...) SL_PROXY_CALL_(__VA_ARGS__, .size = sizeof(sl_proxy_options))
#define SL_PROXY_CALL_(upstreams, ...) sl_proxy_with(upstreams, &(sl_proxy_options){__VA_ARGS__})
#else
inline sl_middleware sl_proxy(const char *upstreams, sl_proxy_options o = {})
{
    o.size = sizeof o;
    return sl_proxy_with(upstreams, &o);
}
#endif

#endif
