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

/**
 * Sets a header that stays when an error takes the place of the answer, which drops all others: for
 * what concerns the exchange rather than the body, as WWW-Authenticate, Retry-After, CORS and
 * security headers do. The mark stays if somebody replaces the value with sl_set_header().
 *
 * @return as sl_set_header(); -EINVAL without a value, for Content-Type and for Content-Length
 */
SL_API int sl_keep_header(sl_ctx *c, const char *name, const char *value);

/** Says that the answer depends on a request header (RFC 9110 §12.5.5): adds the name to Vary
 * unless it is there, in whatever line, or "*" is, and keeps it as sl_keep_header() does. Errors as
 * sl_set_header(). */
SL_API int sl_vary(sl_ctx *c, const char *name);

/** Sets Content-Type; "html", "text" and "json" are short for the full types with UTF-8.
 * @return as sl_set_header(); -SL_EBADHEADER for a short name that is not known */
SL_API int sl_type(sl_ctx *c, const char *type);

/** Body from text (copied). Without a type set: text/html if it begins with '<' after spaces, else
 * text/plain, both UTF-8. @return 0; -SL_ECOMMITTED once the head is on its way; -ENOMEM */
SL_API int sl_body(sl_ctx *c, const char *text);

/** Body from bytes (copied). Without a type set: application/octet-stream. @return as sl_body() */
SL_API int sl_bytes(sl_ctx *c, const void *bytes, size_t len);

/** Body from a format, always text/plain; charset=utf-8. @return as sl_body() */
SL_API int sl_text(sl_ctx *c, const char *fmt, ...) SL_PRINTF(2, 3);

/**
 * Body from a file; type from the extension unless one was set. Large files are sent by
 * sendfile(2), small ones from memory if they were asked for before and have not changed since.
 *
 * With status 200 the answer has Last-Modified and ETag, unless the program set one of them, and to
 * GET and HEAD it is then what the client asks for: 304 if it has that version, 412, or some ranges
 * of it (RFC 9110 §13 and §14; "Accept-Ranges: none", set by the program, sends it whole always).
 * That is decided when the onion has unwound: sl_status() and sl_response_length() tell what it
 * will be, while sl_response_bytes() and sl_take_body() give all of the file. A file that is to
 * change while it is served should be replaced by rename(2): then every answer is wholly
 * of one version. One that becomes shorter while it is sent ends the connection.
 *
 * @param path  the program's own path, never a client's (that is what sl_static() is for)
 * @return      0; a negative errno from opening (-ENOENT, -EACCES, ...); -EISDIR for what is not a
 * regular file
 */
SL_API int sl_file(sl_ctx *c, const char *path);

/**
 * Has the client save the body under a name instead of showing it: Content-Disposition (RFC 6266),
 * the name in ASCII and, if that is not all of it, exactly too (RFC 8187).
 *
 * @param filename  UTF-8; of a path the last name. What no name may hold becomes '_'. Unless
 *                  a type was set it is that of the extension, if it has a known one. NULL or "":
 *                  the client chooses a name
 * @return          0; -SL_ECOMMITTED; -ENOMEM
 */
SL_API int sl_attachment(sl_ctx *c, const char *filename);

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

/** Length of the body as it stands; -1 if not known in advance (a stream, or what stays open). */
SL_API int64_t sl_response_length(const sl_ctx *c);

/** Bytes of the body as it stands, when it is held in memory; NULL otherwise. @p ret_len may be
 * NULL. */
SL_API const void *sl_response_bytes(const sl_ctx *c, size_t *ret_len);

/** What the body is as it stands. */
typedef enum sl_response_kind {
    SL_RESPONSE_NONE = 0, /**< nobody gave one: the status, or an error, says it all */
    SL_RESPONSE_BYTES,    /**< in memory: see sl_response_bytes() */
    SL_RESPONSE_FILE,     /**< of sl_file(), not in memory; its length is known */
    SL_RESPONSE_STREAM,   /**< of sl_stream() */
    SL_RESPONSE_PUSHED,   /**< by sl_write(): the head is on its way */
    SL_RESPONSE_OPEN, /**< it goes on when the request is over, and nobody sees it pass: sse.h */
} sl_response_kind;

/** What the body of this answer is, so far. */
SL_API sl_response_kind sl_response_kind_of(const sl_ctx *c);

/** A body to be pulled: what sl_stream() takes and sl_take_body() gives. */
typedef struct sl_source {
    /** As in sl_stream(): bytes, 0 at the end, a negative error. May wait. */
    ssize_t (*read)(sl_ctx *c, void *buf, size_t len, void *self);
    void *self;
} sl_source;

/**
 * Takes the body that stands, of whatever kind, to wrap it: after sl_next() has returned 0, take
 * it, and give sl_stream() a function that reads from it.
 *
 * No body stands then. Status and headers stay, an automatic type, Last-Modified and ETag included;
 * so does a Content-Length the handler set, which has to go if the wrapper changes the length
 * (sl_response_length() told it before, should the wrapper want to set it). The source gives bytes
 * of memory and files in full pieces and never waits for them; one of sl_stream() it gives as it
 * comes. A body that turns out shorter than was promised is an error, never an end; the wrapper
 * passes it on, and the connection closes.
 *
 * @param ret  receives the source, good until the request ends; NULL: the body is dropped
 * @return     0; -ENODATA if there is none, or it goes on for ever (SL_RESPONSE_OPEN);
 * -SL_ECOMMITTED; -ENOMEM, and nothing has changed
 */
SL_API int sl_take_body(sl_ctx *c, sl_source *ret);

/**
 * A layer's place on the way of pushed bytes from sl_write() to the client: pushed before
 * sl_next(), by a layer that wants to see or change what is pushed below it. The last one pushed is
 * asked first.
 *
 * Every function runs on the request's fiber, may wait, and passes on what it has to the writer
 * below; NULL passes on what comes as it is. 0 or a negative error, after which nothing more is
 * asked and the connection closes. Bodies that stand when the onion has unwound do not come by
 * here: the layer wraps those after sl_next().
 */
typedef struct sl_writer sl_writer;
struct sl_writer {
    /** The head: once, before any byte. Status and headers may be read and changed for the last
     * time (a Content-Length the handler announced has to go if the length changes). Passes on
     * before it returns. */
    int (*begin)(sl_ctx *c, sl_writer *w);
    /** Bytes of one sl_write(); never none. Whoever keeps some back for long keeps them from the
     * client. */
    int (*write)(sl_ctx *c, sl_writer *w, const void *bytes, size_t len);
    /** The body is complete. Not called for one that is cut short: clean up with sl_defer(). */
    int (*end)(sl_ctx *c, sl_writer *w);
    void *below; /**< set by sl_push_writer() */
};

/**
 * Puts a writer on top of the others, for the rest of this request.
 *
 * @param w  the caller's, valid until the request ends (sl_alloc())
 * @return   0; -SL_ECOMMITTED; -ENOMEM
 */
SL_API int sl_push_writer(sl_ctx *c, sl_writer *w);

/** What the functions of @p w call to pass on to the writer below. For HEAD the head and the end
 * go all the way, bytes nowhere. Errors as sl_write(); -EINVAL for a head passed on twice, or with
 * a status that has no body. */
SL_SUSPENDS SL_API int sl_pass_begin(sl_ctx *c, sl_writer *w);
SL_SUSPENDS SL_API int sl_pass_write(sl_ctx *c, sl_writer *w, const void *bytes, size_t len);
SL_SUSPENDS SL_API int sl_pass_end(sl_ctx *c, sl_writer *w);

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

/**
 * Calls @p fn when an answer that goes on (SL_RESPONSE_OPEN) is over: for logs and numbers. It must
 * not wait, and @p self must not be in the request's memory, which is gone by then.
 *
 * @param octets  sent since the head
 * @param why     0, or why it did not go on; see sl_sse_options
 * @return        0; -EINVAL if the answer is another one; -ENOMEM
 */
SL_API int sl_on_close(sl_ctx *c, void (*fn)(uint64_t octets, int why, void *self), void *self);

SL_END_DECLS

#endif
