/*
 * Serialising an HTTP/1 response head and chunk framing into a buffer: pure, no I/O.
 */
#ifndef SL__HTTP1_WRITE_H
#define SL__HTTP1_WRITE_H

#include "base/buf.h"
#include "base/time.h"
#include "http/response.h"

struct sl__http1_head {
    const struct sl__response *response;
    int64_t length; /* Content-Length to announce; -1: none (chunked, until close, or a status that
                       has none) */
    bool chunked;
    bool close;       /* Connection: close */
    bool keep_alive;  /* Connection: keep-alive, for an HTTP/1.0 client */
    const char *date; /* SL__HTTP_DATE_LEN characters */
};

/** Appends status line, Date, framing, the response's headers and the empty line. 0 or -ENOMEM. */
int sl__http1_write_head(struct sl__buf *out, const struct sl__http1_head *h);

/** Appends one chunk around @p len (> 0) bytes. */
int sl__http1_write_chunk(struct sl__buf *out, const void *bytes, size_t len);
/** Appends the last chunk and an empty trailer section. */
int sl__http1_write_last_chunk(struct sl__buf *out);

#endif
