/*
 * The request's body: whole, bounded and kept, or in pieces as it comes.
 *
 * Both wait in the protocol's read_body. A body with a length over the limit is refused before
 * anything is read, so a client that asked for 100 (Continue) never begins to send it. The buffer
 * grows with what has arrived, not with what was promised: a thousand clients that promise a
 * megabyte and send nothing cost nothing.
 */
#include <errno.h>

#include "app/ctx.h"
#include "shallot/error.h"
#include "shallot/limits.h"
#include "shallot/request.h"

#define FIRST_ROOM ((size_t)2048)

struct whole {
    char *bytes;
    size_t len, room;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int grow(sl_ctx *c, struct whole *w, size_t most)
{
    size_t room = w->room > 0 ? smaller(w->room * 2, most) : smaller(FIRST_ROOM, most);
    char *bytes = sl__arena_alloc(&c->x->arena, room);

    if (!bytes)
        return -ENOMEM;
    if (w->len > 0)
        memcpy(bytes, w->bytes, w->len);
    w->bytes = bytes;
    w->room = room;
    return 0;
}

/* @p most: octets the body may have. One more is asked for, to see whether it is at its end. */
static int collect(sl_ctx *c, struct whole *w, size_t most)
{
    for (;;) {
        ssize_t n;

        if (w->len == w->room) {
            int r = grow(c, w, most + 1);

            if (r < 0)
                return r;
        }
        n = c->x->ops->read_body(c->x, w->bytes + w->len, w->room - w->len);
        if (n <= 0)
            return (int)n;
        w->len += (size_t)n;
        if (w->len > most || c->x->body_ahead > most - w->len) /* the chunk says so: why wait? */
            return -SL_ETOOBIG;
    }
}

/* Octets that a body held in memory may have. */
static size_t most_in_memory(const sl_ctx *c)
{
    const uint64_t ever = SIZE_MAX / 4; /* a buffer grows by doubling */

    if (!c->told || !c->told->bounded)
        return c->x->limits->body_bytes;
    return (size_t)(c->told->body_left < ever ? c->told->body_left : ever);
}

static int read_whole(sl_ctx *c)
{
    const struct sl__request *r = sl__ctx_request(c);
    size_t most = most_in_memory(c);
    struct whole w = {0};
    int result;

    if (r->body == SL__BODY_NONE)
        return 0;
    if (r->body == SL__BODY_LENGTH) {
        if (r->content_length > most)
            return -SL_ETOOBIG;
        most = (size_t)r->content_length;
    }
    result = collect(c, &w, most);
    if (result < 0)
        return result;
    c->body = w.bytes;
    c->body_len = w.len;
    return 0;
}

int sl_request_body(sl_ctx *c, const void **ret, size_t *ret_len)
{
    if (c->body_use == SL__BODY_PIECES)
        return -EBUSY;
    if (c->body_use == SL__BODY_UNTOUCHED) {
        c->body_use = SL__BODY_WHOLE;
        c->body = "";
        c->body_len = 0;
        c->x->body_begun = true;
        c->body_error = read_whole(c);
    }
    if (c->body_error < 0)
        return sl__ctx_error(c, c->body_error);
    *ret = c->body;
    *ret_len = c->body_len;
    return 0;
}

int sl_set_body_limit(sl_ctx *c, uint64_t bytes)
{
    const struct sl__request *r = sl__ctx_request(c);
    struct sl__told *told = sl__ctx_told(c);

    if (c->body_use != SL__BODY_UNTOUCHED)
        return -EBUSY;
    if (!told)
        return -ENOMEM;
    told->bounded = true;
    told->body_left = bytes;
    if (r->body == SL__BODY_LENGTH && r->content_length > bytes)
        return sl__ctx_error(c, -SL_ETOOBIG);
    return 0;
}

/* One octet more than there may be is asked for, to see whether there is. What is over the limit
 * is over it for ever. */
static ssize_t read_bounded(sl_ctx *c, void *buf, size_t len)
{
    struct sl__told *told = c->told;
    uint64_t left = told->body_left;
    ssize_t n;

    if (told->exceeded)
        return -SL_ETOOBIG;
    n = c->x->ops->read_body(c->x, buf, left < len ? (size_t)left + 1 : len);
    if (n <= 0)
        return n;
    if ((uint64_t)n > left || c->x->body_ahead > left - (uint64_t)n) {
        told->exceeded = true;
        return sl__ctx_error(c, -SL_ETOOBIG);
    }
    told->body_left -= (uint64_t)n;
    return n;
}

ssize_t sl_read(sl_ctx *c, void *buf, size_t len)
{
    if (c->body_use == SL__BODY_WHOLE)
        return -EBUSY;
    if (len == 0)
        return -EINVAL; /* 0 would say that the body is at its end */
    c->body_use = SL__BODY_PIECES;
    c->x->body_begun = true;
    if (c->told && c->told->bounded)
        return read_bounded(c, buf, len);
    return c->x->ops->read_body(c->x, buf, len);
}
