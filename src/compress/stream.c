/*
 * Streams: octets go in as a source or a handler gives them, and come out as the client takes them.
 *
 * compress.c comes here when it has a coder. Nothing is held back: whatever may be followed by a
 * wait is flushed, since a page that a handler sends line by line is to be read line by line. Only
 * memory and files come without waiting, so they are flushed at their end. Compressing takes time:
 * after two milliseconds others have their turn. The coder is given back with the last octet, or
 * when the request ends.
 */
#include "stream.h"

#include <errno.h>
#include <shallot/fiber.h>
#include <string.h>
#include <time.h>

#define TURN INT64_C(2000000) /* ns; compressors that take turns too often lose their caches */

static void let_go(void *arg)
{
    struct sl_compress_stream *s = arg;

    if (s->coder)
        sl_compress_give(s->coder);
    s->coder = NULL;
}

int sl_compress_open(sl_ctx *c, struct sl_compress_stream *s, struct sl_compress_coder *coder)
{
    s->c = c;
    s->coder = coder;
    return sl_defer(c, let_go, s);
}

/* One step with what is in the stream's io. 1: there is more to come out. */
static int step(struct sl_compress_stream *s, char *out, size_t room)
{
    int r;

    s->io.out = out;
    s->io.out_room = room;
    r = s->coder->home->coding->step(s->coder->compressor, &s->io, s->aim);
    s->busy = r > 0;
    s->over = r == 0 && s->aim == SL_COMPRESS_END;
    return r;
}

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Others have their turn, when this one has lasted long enough. 0 or -ECANCELED. */
static int give_way(struct sl_compress_stream *s)
{
    int r = 0;

    if (s->since == 0) {
        s->since = now();
    } else if (now() - s->since >= TURN) {
        r = sl_sleep(0);
        s->since = now();
    }
    return r;
}

/* The next piece of input, into the coder's buffer. 0 or an error. */
static int refill(struct sl_compress_stream *s)
{
    ssize_t n;
    int r = give_way(s);

    if (r < 0)
        return r;
    n = s->below.read(s->c, s->coder->buffer, sizeof s->coder->buffer, s->below.self);
    if (n < 0)
        return (int)n;
    if ((size_t)n > sizeof s->coder->buffer)
        return -EOVERFLOW;
    s->io.in = s->coder->buffer;
    s->io.in_len = (size_t)n;
    s->aim = n == 0 ? SL_COMPRESS_END : s->steady ? SL_COMPRESS_MORE : SL_COMPRESS_FLUSH;
    s->busy = true;
    return 0;
}

/* Fills @p buf with what can be had without waiting, but with something. */
static ssize_t fill(struct sl_compress_stream *s, char *buf, size_t len)
{
    int r = 0;

    s->io.out_room = len;
    while (r == 0 && !s->over && s->io.out_room == len) {
        if (!s->busy)
            r = refill(s);
        if (r == 0)
            r = step(s, buf, len);
    }
    if (s->over)
        let_go(s);
    return r < 0 ? r : (ssize_t)(len - s->io.out_room);
}

ssize_t sl_compress_pull(sl_ctx *c, void *buf, size_t len, void *self)
{
    struct sl_compress_stream *s = self;
    ssize_t n;

    (void)c;
    if (s->spill_at == s->spill_len) {
        if (len >= SL_COMPRESS_ROOM || s->over)
            return s->over ? 0 : fill(s, buf, len);
        n = fill(s, s->spill, sizeof s->spill);
        if (n <= 0)
            return n;
        s->spill_at = 0;
        s->spill_len = (size_t)n;
    }
    if (len > s->spill_len - s->spill_at)
        len = s->spill_len - s->spill_at;
    memcpy(buf, s->spill + s->spill_at, len);
    s->spill_at += len;
    return (ssize_t)len;
}

/* What is in the stream's io, to its end. */
static int drain(struct sl_compress_stream *s, sl_writer *w)
{
    char *buffer = s->coder->buffer;
    int r = 1, passed = 0;

    while (r > 0 && passed == 0) {
        r = step(s, buffer, sizeof s->coder->buffer);
        if (r >= 0)
            passed = sl_pass_write(s->c, w, buffer, sizeof s->coder->buffer - s->io.out_room);
    }
    return r < 0 ? r : passed;
}

int sl_compress_push(struct sl_compress_stream *s, sl_writer *w, const void *bytes, size_t len,
                     enum sl_compress_aim aim)
{
    const char *at = len > 0 ? bytes : "";
    size_t left = len;
    int r = 0;

    if (s->pushing) /* another fiber of this request is at it, and waits for the client */
        return -EBUSY;
    s->pushing = true;
    do {
        size_t n = left < SL_COMPRESS_PIECE ? left : SL_COMPRESS_PIECE;

        left -= n;
        s->io.in = at;
        s->io.in_len = n;
        s->aim = left > 0 ? SL_COMPRESS_MORE : aim;
        r = drain(s, w);
        if (r == 0)
            r = give_way(s);
        at += n;
    } while (r == 0 && left > 0);
    s->pushing = false;
    if (s->over)
        let_go(s);
    return r;
}
