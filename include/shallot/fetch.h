/*
 * The HTTP client: requests to other services, for which a handler waits while its worker serves
 * others. Library libshallot-fetch (pkg-config shallot-fetch), on libcurl.
 *
 *     sl_fetched answer;
 *     int r = sl_fetch(c, &answer, "https://api.example/users/7", .timeout_ms = 2000);
 *
 *     if (r < 0)
 *         return r;                       // 504 or 502 with a line in the log
 *     if (answer.status != 200)
 *         return sl_fail(c, 502, "the user service answers %d", answer.status);
 *     return sl_bytes(c, answer.body, answer.body_len);
 *
 * Whose it is: with a request's context everything is freed when the request ends, and a client
 * that goes away ends the transfer at once. With an app (in sl_every(), sl_spawn(app, ...), start
 * callbacks) sl_fetch_close() frees it.
 *
 * Connections are kept and used again by the whole worker, each by one request at a time
 * (HTTP/1.1). Host names are resolved on threads. Certificates are verified. Nothing is read from
 * the environment: no proxy, no .netrc. Only http and https. A request that is not idempotent (RFC
 * 9110 §9.2.2) is never sent twice.
 */
#ifndef SHALLOT_FETCH_H
#define SHALLOT_FETCH_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** One line of a head. */
typedef struct sl_fetch_header {
    const char *name, *value;
} sl_fetch_header;

/** Options of sl_fetch() and sl_fetch_open(); a field left zero takes its default. All that is
 * pointed to is needed only during the call, but for source_self. */
typedef struct sl_fetch_options {
    size_t size;                    /**< sizeof(sl_fetch_options), set by the macros */
    const char *method;             /**< default: GET, or POST with a body */
    const sl_fetch_header *headers; /**< ends with a name that is NULL. A value that is NULL keeps
                                       back a line that would be sent by itself: Accept (any type),
                                       User-Agent. Framing (Content-Length, Connection, ...) is not
                                       to be set here */
    const void *body;               /**< default: none */
    size_t body_len;                /**< 0: the body is a text, and this its length */
    /** Instead of a body: gives its bytes piece by piece. Called on a fiber of its own, where it
     * may wait (sl_read()); returns bytes, 0 at the end, or a negative error, which ends the
     * transfer with that error. */
    ssize_t (*source)(void *buf, size_t len, void *self);
    void *source_self;   /**< for source; stays until the transfer is over */
    int64_t source_len;  /**< what the source will give in all; 0: not known, sent chunked */
    unsigned connect_ms; /**< to find and connect to the server, TLS included. Default 10,000 */
    unsigned timeout_ms; /**< sl_fetch(): for everything. sl_fetch_open(): none, as default; until
                            the head has come. Default 30,000 */
    unsigned idle_ms;    /**< longest silence of the other side while it is its turn. Default 30,000
                          */
    size_t max_bytes; /**< sl_fetch(): longest body, decompressed; over it: -EMSGSIZE. Default 8 MiB
                       */
    unsigned follow;  /**< redirects followed at most, for GET and HEAD, and for POST with a body in
                         memory; 0: none, a redirect is the answer */
    bool compressed;  /**< asks for gzip, br or zstd, and decompresses. A stream may then hold
                         more than 64 KiB in memory */
    const char *ca_file;   /**< certificates to trust instead of the system's, PEM */
    const char *unix_path; /**< connect to this unix socket, whatever host the URL names */
    const char *target;    /**< request target to send as it is instead of the URL's path and query
                              (RFC 9112 §3.2); no spaces or controls */
} sl_fetch_options;

/** An answer. Strings are valid until it is closed, or the request has ended. */
typedef struct sl_fetched {
    int status;        /**< 200 to 599; 0 when there is none */
    const char *body;  /**< sl_fetch(): whole, with a NUL behind; never NULL then */
    size_t body_len;   /**< without the NUL */
    const char *url;   /**< where it came from, after redirects */
    const char *error; /**< after a failure: what, on what, why. NULL: none */
    bool repeatable; /**< after a failure: asking again, or somebody else, does no harm: the request
                        was not sent; or the connection broke before an answer, the method is
                        idempotent, and .source was not asked */
    int64_t expected_len;           /**< what Content-Length says; -1: nothing */
    const sl_fetch_header *headers; /**< header_count lines in order, folded ones joined */
    size_t header_count;
    void *inside_;
} sl_fetched;

/**
 * Asks and waits for the whole answer. In C use sl_fetch(owner, &answer, url, .method = "PUT",
 * ...).
 *
 * Errors, besides which @p ret->error says why; in a request they become a status if the handler
 * returns them, in brackets: -ETIMEDOUT (504), -EHOSTUNREACH: no address for the host,
 * -ECONNREFUSED: cannot connect, -ECONNRESET: the connection broke, -EPROTO: TLS or what came is no
 * HTTP, -ELOOP: too many redirects, -EMSGSIZE: over max_bytes (502 all of them), -EINVAL: bad URL,
 * method or header (500), -ENOMEM (503), -ECANCELED, what .source returned, -EDEADLK outside a
 * fiber.
 *
 * @param ret  filled in any case
 * @return     0 for an answer, whatever its status
 */
SL_SUSPENDS SL_API int sl_fetch_in_request(sl_ctx *c, sl_fetched *ret, const char *url,
                                           const sl_fetch_options *options);
SL_SUSPENDS SL_API int sl_fetch_in_app(sl_app *app, sl_fetched *ret, const char *url,
                                       const sl_fetch_options *options);

/**
 * Asks and waits for the head of the answer only; sl_fetch_read() then gives the body. The body of
 * the request, if it comes from a source, may still be on its way. Errors as above.
 */
SL_SUSPENDS SL_API int sl_fetch_open_in_request(sl_ctx *c, sl_fetched *ret, const char *url,
                                                const sl_fetch_options *options);
SL_SUSPENDS SL_API int sl_fetch_open_in_app(sl_app *app, sl_fetched *ret, const char *url,
                                            const sl_fetch_options *options);

/**
 * Reads the next piece of the body after sl_fetch_open(). What is not read slows the other side
 * down: about 64 KiB wait in memory.
 *
 * @return bytes, at most @p len; 0 at the end, which is the true one; errors as above
 */
SL_SUSPENDS SL_API ssize_t sl_fetch_read(sl_fetched *answer, void *buf, size_t len);

/**
 * Makes the body after sl_fetch_open() that of the response: streamed once the onion has unwound,
 * with Content-Length if it was announced. Status and headers are the caller's to set.
 *
 * @return 0; errors of sl_stream()
 */
SL_API int sl_fetch_pass(sl_ctx *c, sl_fetched *answer);

/** Value of the first header of that name, in any case; NULL if there is none. */
SL_API const char *sl_fetched_header(const sl_fetched *answer, const char *name);

/** Ends the transfer, at once if it is going on, and frees the answer. Needed only without a
 * request. Zeroed memory and a second call are fine. */
SL_SUSPENDS SL_API void sl_fetch_close(sl_fetched *answer);

SL_END_DECLS

#ifndef __cplusplus
/** sl_fetch(c, &answer, url, ...) for a request's lifetime, sl_fetch(app, &answer, url, ...) until
 * sl_fetch_close(). */
#define sl_fetch(owner, ...)                                                                       \
    SL_FETCH_CALL_(_Generic((owner), sl_ctx *                                                      \
                            : sl_fetch_in_request, sl_app *                                        \
                            : sl_fetch_in_app),                                                    \
                   owner, __VA_ARGS__, .size = sizeof(sl_fetch_options))
#define sl_fetch_open(owner, ...)                                                                  \
    SL_FETCH_CALL_(_Generic((owner), sl_ctx *                                                      \
                            : sl_fetch_open_in_request, sl_app *                                   \
                            : sl_fetch_open_in_app),                                               \
                   owner, __VA_ARGS__, .size = sizeof(sl_fetch_options))
#define SL_FETCH_CALL_(fn, owner, ret, url, ...)                                                   \
    fn(owner, ret, url, &(sl_fetch_options){__VA_ARGS__})
#else
inline int sl_fetch(sl_ctx *c, sl_fetched *ret, const char *url, sl_fetch_options o = {})
{
    o.size = sizeof o;
    return sl_fetch_in_request(c, ret, url, &o);
}
inline int sl_fetch(sl_app *app, sl_fetched *ret, const char *url, sl_fetch_options o = {})
{
    o.size = sizeof o;
    return sl_fetch_in_app(app, ret, url, &o);
}
inline int sl_fetch_open(sl_ctx *c, sl_fetched *ret, const char *url, sl_fetch_options o = {})
{
    o.size = sizeof o;
    return sl_fetch_open_in_request(c, ret, url, &o);
}
inline int sl_fetch_open(sl_app *app, sl_fetched *ret, const char *url, sl_fetch_options o = {})
{
    o.size = sizeof o;
    return sl_fetch_open_in_app(app, ret, url, &o);
}
#endif

#endif
