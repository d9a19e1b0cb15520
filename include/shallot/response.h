/*
 * Writing the response. It leaves once the onion has unwound, so any layer may still change it
 * after sl_next(); only sl_write() sends at once.
 */
#ifndef SHALLOT_RESPONSE_H
#define SHALLOT_RESPONSE_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** Sets the status, 200 to 599. 0; -EINVAL; -SL_ECOMMITTED once the head is on its way. */
SL_API int sl_set_status(sl_ctx *c, int status);

/**
 * Sets a header, replacing all of that name; a NULL value removes it. Name and value are copied.
 *
 * @return 0; -SL_EBADHEADER if the name is not a token or the value has CR, LF, NUL or another
 * control character, or the header is one the server writes itself (Connection, Transfer-Encoding,
 * Date); -SL_ECOMMITTED; -ENOMEM
 */
SL_API int sl_set_header(sl_ctx *c, const char *name, const char *value);

/** Adds a header line, keeping those there are (Set-Cookie). Errors as sl_set_header(). */
SL_API int sl_append_header(sl_ctx *c, const char *name, const char *value);

/** Sets Content-Type; "html", "text" and "json" are short for the full types with UTF-8. */
SL_API int sl_type(sl_ctx *c, const char *type);

/** Body from text (copied). Without a type set: text/html if it begins with '<' after spaces, else
 * text/plain, both UTF-8. */
SL_API int sl_body(sl_ctx *c, const char *text);

/** Body from bytes (copied). Without a type set: application/octet-stream. */
SL_API int sl_bytes(sl_ctx *c, const void *bytes, size_t len);

/** Body from a format, always text/plain; charset=utf-8. */
SL_API int sl_text(sl_ctx *c, const char *fmt, ...) SL_PRINTF(2, 3);

/**
 * Body from a file; type from the extension unless one was set. Large files are sent by
 * sendfile(2), small ones from memory if they were asked for before and have not changed since.
 *
 * With status 200 the answer has Last-Modified and ETag, unless the program set one of them. A file
 * that is to change while it is served should be replaced by rename(2): then every answer is wholly
 * of one version. One that becomes shorter while it is sent ends the connection.
 *
 * @param path  the program's own path, never a client's (that is what sl_static() is for)
 * @return      0; a negative errno from opening (-ENOENT, -EACCES, ...); -EISDIR for what is not a
 * regular file
 */
SL_API int sl_file(sl_ctx *c, const char *path);

/** Redirects: sets Location and, unless a 3xx status was set, 302 (RFC 9110 §15.4). */
SL_API int sl_redirect(sl_ctx *c, const char *location);

/**
 * Body from a pull source. Called on the request's fiber after the onion has unwound, so it may
 * wait.
 *
 * @param read  fills @p buf; returns bytes, 0 at the end, or a negative error, which closes the
 * connection and never fakes an end Sent chunked, or raw when a Content-Length header was set.
 * Clean up with sl_defer().
 */
SL_API int sl_stream(sl_ctx *c, ssize_t (*read)(sl_ctx *c, void *buf, size_t len, void *self),
                     void *self);

/**
 * Sends bytes at once: the head first, then the bytes; waits while the client is slow. The response
 * ends when the onion has unwound. After it the head can no longer be changed.
 *
 * @return 0; -ECANCELED if the client went away; -SL_ETOOBIG beyond a Content-Length that was set
 */
SL_SUSPENDS SL_API int sl_write(sl_ctx *c, const void *bytes, size_t len);

/** The status as it stands: what was set, or what the response will have. */
SL_API int sl_status(const sl_ctx *c);

/** Value of a response header as it stands, or NULL. Valid until that header changes. */
SL_API const char *sl_response_header(const sl_ctx *c, const char *name);

/** Length of the body as it stands; -1 if not known in advance (a stream). */
SL_API int64_t sl_response_length(const sl_ctx *c);

/** Bytes of the body as it stands, when it is held in memory; NULL otherwise. @p ret_len may be
 * NULL. */
SL_API const void *sl_response_bytes(const sl_ctx *c, size_t *ret_len);

/**
 * True if the client's copy is as good as the response that stands, so that it need not be sent:
 * `if (sl_fresh(c)) return sl_set_status(c, 304);`
 *
 * Compares ETag and Last-Modified, as they stand, with If-None-Match (weakly, RFC 9110 §13.1.2) or
 * without it If-Modified-Since (§13.1.3). False for other methods than GET and HEAD, and for a
 * status that is not 2xx. Does not suspend.
 */
SL_API bool sl_fresh(sl_ctx *c);

/** Message of the error on its way up, or NULL: sl_fail()'s text, or that of the error number. In
 * code: sl_error(c). */
SL_API const char *sl_error_of(const sl_ctx *c);

SL_END_DECLS

#endif
