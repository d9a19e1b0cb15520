/*
 * Reading the request. All strings are NUL-terminated and valid until the request ends.
 */
#ifndef SHALLOT_REQUEST_H
#define SHALLOT_REQUEST_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** Method as sent, for example "GET" (RFC 9110 §9). */
SL_API const char *sl_method(const sl_ctx *c);

/** Request target as it came, query included (RFC 9112 §3.2). */
SL_API const char *sl_target(const sl_ctx *c);

/** Path of the target, percent-decoded except that %2F stays as it is; "*" for the asterisk form.
 */
SL_API const char *sl_path(const sl_ctx *c);

/**
 * The part of sl_path() below what leads here: without the prefixes of the routers around, and in a
 * route whose pattern ends with "*name" without what comes before that. For layers that serve a
 * tree wherever they are mounted.
 *
 * @return begins with '/'; "" if the path ends where it would begin; the whole path elsewhere
 */
SL_API const char *sl_path_below(const sl_ctx *c);

/** Parameter of the matched path pattern, percent-decoded; NULL if the pattern has no such name. */
SL_API const char *sl_param(const sl_ctx *c, const char *name);

/** First value of a query parameter, form-decoded (+ is a space); "" for a key without '='; NULL if
 * absent. */
SL_API const char *sl_query(sl_ctx *c, const char *name);

/** The i-th value, from 0, of a query parameter that may come several times; NULL beyond. */
SL_API const char *sl_query_at(sl_ctx *c, const char *name, size_t i);

/** The i-th name and value of the query, from 0, in their order; false beyond. To go through all.
 */
SL_API bool sl_query_pair(sl_ctx *c, size_t i, const char **ret_name, const char **ret_value);

/** Value of a request header, name in any case; several lines are joined by ", " (RFC 9110 §5.3).
 * NULL if absent. Host is the authority of the target, should the client have sent an absolute one
 * (RFC 9112 §3.2.2). */
SL_API const char *sl_header(sl_ctx *c, const char *name);

/**
 * The request's header lines as they came, one by one, for whoever passes them on.
 *
 * @param i   from 0
 * @return    false behind the last one; the strings are then left alone
 */
SL_API bool sl_header_at(const sl_ctx *c, size_t i, const char **ret_name, const char **ret_value);

/** Value of a trailer field received after a chunked body (RFC 9110 §6.5); NULL before the body was
 * read to its end. */
SL_API const char *sl_trailer(const sl_ctx *c, const char *name);

/** Value of a request cookie as sent, without quotes (RFC 6265 §4.2); NULL if absent. */
SL_API const char *sl_cookie(sl_ctx *c, const char *name);

/** The client's address, for example "127.0.0.1:54321" or "[::1]:54321"; "unix" for a unix socket.
 * It is the socket's peer, unless a layer knows better (sl_trust_proxy()): then the port may be
 * missing, "203.0.113.7" or "[2001:db8::7]". */
SL_API const char *sl_remote(const sl_ctx *c);

/** "http" or "https": how the client came, as far as this server, or a proxy that a layer trusts,
 * knows. */
SL_API const char *sl_scheme(const sl_ctx *c);

/** "HTTP/1.1" or "HTTP/1.0": the version the client spoke. */
SL_API const char *sl_protocol(const sl_ctx *c);

/** What names this request in log lines: "3-17" for the 17th of worker 3, unless a layer has given
 * it another name (sl_request_id()). */
SL_API const char *sl_id(const sl_ctx *c);

/** Host and, if it was sent, port that the client asked for: the Host field or the authority of the
 * target, unless a layer knows better; "" if there is none. It is the client's word: check it
 * before a link is made of it. */
SL_API const char *sl_host(sl_ctx *c);

/*
 * For layers that know better where the request came from. The text is copied; NULL goes back to
 * what the connection says. Returned is 0; -EINVAL for what is no such thing; -ENOMEM.
 */

/** What sl_remote() says: any text without control characters. */
SL_API int sl_set_remote(sl_ctx *c, const char *remote);
/** What sl_id() and the log say: 1 to 128 visible ASCII characters, no quotes or backslash. */
SL_API int sl_set_id(sl_ctx *c, const char *id);
/** What sl_scheme() says: "http", "https" (any case) or another scheme (RFC 3986 §3.1). */
SL_API int sl_set_scheme(sl_ctx *c, const char *scheme);
/** What sl_host() says: host, host:port or [address]:port (RFC 9110 §7.2). sl_header(c, "Host")
 * stays what was sent. */
SL_API int sl_set_host(sl_ctx *c, const char *host);

/**
 * Bounds the request's body, whichever way it is read: in place of limits.body_bytes for
 * sl_request_body(), be it less or more, and for sl_read(), which has no bound otherwise. The last
 * call counts.
 *
 * @return 0; -SL_ETOOBIG if Content-Length is more already (the limit holds nevertheless); -EBUSY
 * once reading has begun; -ENOMEM
 */
SL_API int sl_set_body_limit(sl_ctx *c, uint64_t bytes);

/**
 * Waits for the whole request body. A second call gives the same bytes again.
 *
 * @param ret      receives the bytes, in the request's arena; not NUL-terminated; never NULL on
 * success
 * @return         0; -SL_ETOOBIG over limits.body_bytes or sl_set_body_limit(), -SL_EBADREQUEST for
 * broken framing, -SL_ETOOSLOW, -ECANCELED if the client went away, -EBUSY after sl_read(),
 * -ENOMEM. Returned by the handler, each becomes the right status
 */
SL_SUSPENDS SL_API int sl_request_body(sl_ctx *c, const void **ret, size_t *ret_len);

/**
 * Reads the next piece of the request body as it comes.
 *
 * Waits until at least one byte is there. Every byte is delivered once; memory stays bounded, the
 * client is slowed down.
 *
 * @param buf  caller's storage, filled with at most @p len bytes
 * @return     bytes read; 0 at the end of the body; -SL_EBADREQUEST for broken framing,
 * -SL_ETOOBIG over sl_set_body_limit(), -SL_ETOOSLOW, -ECANCELED if the client went away, -EBUSY
 * after sl_request_body() (RFC 9112 §6 and §7)
 */
SL_SUSPENDS SL_API ssize_t sl_read(sl_ctx *c, void *buf, size_t len);

SL_END_DECLS

#endif
