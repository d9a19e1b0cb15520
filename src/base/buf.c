/*
 * Growable byte buffer: filled at the end, consumed at the front.
 *
 * Bytes are moved to the front only when at least as many have been consumed as there are to move,
 * so that each byte is moved once on average, whatever the pattern of calls; otherwise the memory
 * doubles.
 */
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define SMALLEST ((size_t)256)

static int grow(struct sl__buf *b, size_t wanted)
{
    size_t len = sl__buf_len(b), size = b->size > SMALLEST ? b->size : SMALLEST;
    char *data;

    while (size < wanted || size / 2 < len) /* half of it free, or the next move comes too soon */
        size = size > SIZE_MAX / 2 ? SIZE_MAX : size * 2;
    if (b->at == 0) {
        data = sl__try_realloc(b->data, size);
        if (!data)
            return -ENOMEM;
    } else {
        data = sl__try_alloc(size);
        if (!data)
            return -ENOMEM;
        memcpy(data, b->data + b->at, len); /* at > 0: there is data */
        sl__free(b->data);
    }
    b->data = data;
    b->at = 0;
    b->end = len;
    b->size = size;
    return 0;
}

int sl__buf_make_room(struct sl__buf *b, size_t more)
{
    size_t len = sl__buf_len(b);

    if (more > SIZE_MAX - len)
        return -ENOMEM;
    if (len + more > b->size || b->at < len)
        return grow(b, len + more);
    memmove(b->data, b->data + b->at, len);
    b->at = 0;
    b->end = len;
    return 0;
}

int sl__buf_append(struct sl__buf *b, const void *bytes, size_t len)
{
    int r;

    if (len == 0)
        return 0;
    r = sl__buf_reserve(b, len);
    if (r < 0)
        return r;
    memcpy(b->data + b->end, bytes, len);
    b->end += len;
    return 0;
}

void sl__buf_consume(struct sl__buf *b, size_t len)
{
    assert(len <= sl__buf_len(b));
    b->at += len;
    if (b->at == b->end)
        b->at = b->end = 0;
}

void sl__buf_trim(struct sl__buf *b)
{
    size_t len = sl__buf_len(b), size = len > SMALLEST ? len : SMALLEST;
    char *data;

    if (b->size <= size || b->size - size < b->size / 8)
        return;
    if (b->at > 0)
        memmove(b->data, b->data + b->at, len);
    b->at = 0;
    b->end = len;
    data = sl__try_realloc(b->data, size);
    if (!data) /* it stays as large as it is */
        return;
    b->data = data;
    b->size = size;
}

void sl__buf_finish(struct sl__buf *b)
{
    sl__free(b->data);
    *b = (struct sl__buf){0};
}
