/*
 * Growable byte buffer with a read position: bytes are appended at the end and consumed at the
 * front.
 */
#ifndef SL__BASE_BUF_H
#define SL__BASE_BUF_H

#include "base/cold.h"
#include <stddef.h>

/** Zeroed memory is an empty buffer. */
struct sl__buf {
    char *data;
    size_t at, end, size; /* data[at..end) is filled, size allocated */
};

static inline size_t sl__buf_len(const struct sl__buf *b)
{
    return b->end - b->at;
}

/** Takes the slow way: moves or grows. */
SL__COLD int sl__buf_make_room(struct sl__buf *b, size_t more);

/** Makes room for @p more bytes behind the end (moving or growing). 0 or -ENOMEM. */
static inline int sl__buf_reserve(struct sl__buf *b, size_t more)
{
    return more <= b->size - b->end ? 0 : sl__buf_make_room(b, more);
}

int sl__buf_append(struct sl__buf *b, const void *bytes, size_t len);
/** Drops @p len bytes at the front; an empty buffer starts again at 0. */
void sl__buf_consume(struct sl__buf *b, size_t len);
/** Frees the memory; the buffer is empty and usable again. */
/** Gives back the memory that the content does not need, for one that will not grow soon. */
void sl__buf_trim(struct sl__buf *b);
void sl__buf_finish(struct sl__buf *b);

#endif
