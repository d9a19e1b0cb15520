/*
 * Serialising an HTTP/1 response head and chunk framing into a buffer: pure, no I/O.
 */
#ifndef SL__HTTP1_WRITE_H
#define SL__HTTP1_WRITE_H

#include "base/buf.h"
#include "base/time.h"
#include "http/response.h"

/** What follows "Date: " in all responses of a second. The beginning of Content-Length, which comes
 * next in nearly all of them, is copied with it. */
struct sl__http1_date {
    char text[48]; /* "Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: " */
};

void sl__http1_date_set(struct sl__http1_date *d, int64_t unix_seconds);

struct sl__http1_head {
    const struct sl__response *response;
    int64_t length; /* Content-Length to announce; -1: none (chunked, until close, or a status that
                       has none) */
    bool chunked;
    bool close;      /* Connection: close */
    bool keep_alive; /* Connection: keep-alive, for an HTTP/1.0 client */
    const struct sl__http1_date *date;
};

/** The same, for sl__http1_write_answer(). */
enum {
    SL__HEAD_CHUNKED = 1,
    SL__HEAD_CLOSE = 2,
    SL__HEAD_KEEP_ALIVE = 4,
    SL__HEAD_AND_BYTES = 8, /* the response's bytes follow */
};

/** Appends status line, Date, framing, the response's type and headers, the empty line, and perhaps
 * the body. 0; -ENOMEM: then nothing. */
int sl__http1_write_answer(struct sl__buf *out, const struct sl__response *r, int64_t length,
                           unsigned flags, const struct sl__http1_date *date);

/** Appends the head. */
static inline int sl__http1_write_head(struct sl__buf *out, const struct sl__http1_head *h)
{
    unsigned flags = (h->chunked ? SL__HEAD_CHUNKED : 0) | (h->close ? SL__HEAD_CLOSE : 0) |
                     (h->keep_alive ? SL__HEAD_KEEP_ALIVE : 0);

    return sl__http1_write_answer(out, h->response, h->length, flags, h->date);
}

/** Appends one chunk around @p len (> 0) bytes. */
int sl__http1_write_chunk(struct sl__buf *out, const void *bytes, size_t len);
#define SL__CHUNK_LINE 18 /* most octets of the line ahead of a chunk's data */

/** Writes that line. @return its length */
size_t sl__http1_chunk_line(char line[SL__CHUNK_LINE], size_t len);
/** Appends the last chunk and an empty trailer section. */
int sl__http1_write_last_chunk(struct sl__buf *out);

#endif
