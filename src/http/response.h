/*
 * A response while the onion works on it: status, headers, and a body that is none, bytes, bytes
 * lent by somebody, a file, a pull source, or detached: a queue that outlives the request.
 *
 * Headers and bytes live in the exchange's arena. Nothing here does I/O except closing the file it
 * was given.
 */
#ifndef SL__HTTP_RESPONSE_H
#define SL__HTTP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/cold.h"
#include "base/str.h"
#include "base/time.h"

struct sl__header {
    struct sl__header *next;
    struct sl__str name, value; /* both NUL-terminated too */
    bool kept;                  /* when an error takes the place of the answer */
};

enum sl__payload {
    SL__PAYLOAD_NONE,
    SL__PAYLOAD_BYTES,
    /* From here on there is something to give back. */
    SL__PAYLOAD_LENT,
    SL__PAYLOAD_FILE,
    SL__PAYLOAD_SOURCE,
    SL__PAYLOAD_DETACHED,
};

struct sl__detached;

/** Who lends bytes, which neither change nor move until they are given back. */
struct sl__lender {
    void (*give_back)(struct sl__lender *l); /* once, from the loop or a fiber; never waits */
};

/** Validators of a file (RFC 9110 §8.8), terminated: values of headers. */
struct sl__stamp {
    char modified[SL__HTTP_DATE_LEN + 1]; /* Last-Modified */
    char etag[42];                        /* two numbers of 64 bits in hex, quotes, a dash */
};

/** Gives the next bytes of a body; 0 at its end, negative on failure. Runs on the request's fiber,
 * may wait. */
typedef ssize_t sl__source_fn(void *self, void *buf, size_t len);

struct sl__response {
    int status;          /* 0: not set */
    struct sl__str type; /* Content-Type, which is not among the headers; ptr NULL: none. Static or
                            in the arena, terminated */
    struct sl__header *headers, **last; /* in order; a Content-Length set by a handler is there */
    enum sl__payload payload;
    struct sl__str bytes;      /* SL__PAYLOAD_BYTES, SL__PAYLOAD_LENT */
    struct sl__lender *lender; /* SL__PAYLOAD_LENT: bytes are given back when replaced or sent */
    const struct sl__stamp *stamp; /* SL__PAYLOAD_LENT, SL__PAYLOAD_FILE: NULL: none. Lent likewise,
                                      or in the arena */
    int file;                      /* SL__PAYLOAD_FILE: owned, closed when replaced or sent */
    int64_t file_at, file_len;
    sl__source_fn *source; /* SL__PAYLOAD_SOURCE */
    void *source_self;
    struct sl__detached *detached; /* SL__PAYLOAD_DETACHED: is over when replaced */
};

static inline void sl__response_init(struct sl__response *r)
{
    r->status = 0;
    r->type.ptr = NULL;
    r->headers = NULL;
    r->last = &r->headers;
    r->payload = SL__PAYLOAD_NONE;
    r->bytes = (struct sl__str){NULL, 0};
    r->file = -1;
    r->source = NULL;
}

/** Back to no payload: closes a file, gives back what was lent. */
SL__APART void sl__response_drop_payload(struct sl__response *r);

/** Back to the state after init: drops the payload, forgets headers. */
static inline void sl__response_clear(struct sl__response *r)
{
    if (r->payload > SL__PAYLOAD_BYTES)
        sl__response_drop_payload(r);
    sl__response_init(r);
}

/** The same, but for the headers that are to be kept. */
void sl__response_clear_for_error(struct sl__response *r);

/** 0; -SL_EBADHEADER; -ENOMEM. @p value NULL removes. @p append keeps earlier lines of the name,
 * but there is never more than one Content-Length. Copies into @p a; space around the value is
 * dropped. On failure nothing has changed. */
int sl__response_set_header(struct sl__response *r, struct sl__arena *a, struct sl__str name,
                            const struct sl__str *value, bool append);
const struct sl__header *sl__response_header(const struct sl__response *r, struct sl__str name);

/** Each replaces the payload there was. Bytes are not copied. */
static inline void sl__response_set_bytes(struct sl__response *r, struct sl__str bytes)
{
    if (r->payload > SL__PAYLOAD_BYTES)
        sl__response_drop_payload(r);
    r->payload = SL__PAYLOAD_BYTES;
    r->bytes = bytes;
}

/** @p bytes are the lender's until they are given back. This and the next leave the stamp NULL. */
void sl__response_set_lent(struct sl__response *r, struct sl__str bytes, struct sl__lender *lender);
void sl__response_set_file(struct sl__response *r, int fd, int64_t at, int64_t len);
void sl__response_set_source(struct sl__response *r, sl__source_fn *source, void *self);
/** @p d stays its owner's; see http/detached.h. */
void sl__response_set_detached(struct sl__response *r, struct sl__detached *d);

/** Length of the body as it stands, -1 for a source without a Content-Length header
 * and for what is detached. */
int64_t sl__response_length(const struct sl__response *r);

/** What a Content-Length header among the headers says, -1 if there is none: the length a handler
 * promises for what it will stream, or would send to a GET. */
int64_t sl__response_announced(const struct sl__response *r);

/** Reason phrase; "" for a status without one. */
const char *sl__status_text(int status);

/** True if a handler may send a header of this name and value (RFC 9110 §5.1, §5.5): a token, and
 * no CR, LF, NUL or other control characters; a Content-Length that is a number; and none of those
 * the protocol writes itself: Connection, Transfer-Encoding, Date, Keep-Alive, Upgrade, Trailer. */
bool sl__header_allowed(struct sl__str name, struct sl__str value);

#endif
