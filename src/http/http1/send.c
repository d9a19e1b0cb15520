/*
 * Output: one buffer for all answers of a read, one send for all of it, and what happens when the
 * socket takes no more.
 *
 * The turn comes here to append, the connection to send. A buffer belongs to a connection only
 * while something is unsent. On the fiber whoever has more than SL__OUT_HIGH unsent octets waits
 * until half of them are gone; a file needs no fiber to wait, it is pushed by the loop whenever the
 * socket has room. What moves a lot without ever waiting gives way now and then, so that one fast
 * client cannot keep the worker to itself.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "fiber/wait.h"
#include "http/http1/conn.h"

#define SPARE_OUTS 64
#define FIRST_SIZE ((size_t)4096)
#define KEEP_SIZE ((size_t)131072) /* a larger buffer is not kept */

static SL__COLD struct sl__out *out_new(void)
{
    struct sl__out *o = sl__try_alloc_zeroed(sizeof(*o));

    if (o && sl__buf_reserve(&o->buf, FIRST_SIZE) < 0) {
        sl__free(o);
        return NULL;
    }
    return o;
}

static SL__APART struct sl__out *take_spare(struct sl__conns *home)
{
    struct sl__out *o = home->spare.outs;

    if (!o)
        return out_new();
    home->spare.outs = o->next;
    home->spare.out_count--;
    return o;
}

struct sl__buf *sl__out_take(struct sl__conn *c)
{
    struct sl__out *o = c->home->warm.out;

    c->home->warm.out = NULL;
    if (!o)
        o = take_spare(c->home);
    c->out = o;
    return o ? &o->buf : NULL;
}

static SL__APART void give_spare(struct sl__conns *home, struct sl__out *o)
{
    if (home->spare.out_count >= SPARE_OUTS || o->buf.size > KEEP_SIZE) {
        sl__buf_finish(&o->buf);
        sl__free(o);
        return;
    }
    o->next = home->spare.outs;
    home->spare.outs = o;
    home->spare.out_count++;
}

static inline void give(struct sl__conns *home, struct sl__out *o)
{
    o->buf.at = o->buf.end = 0;
    if (home->warm.out || o->buf.size > KEEP_SIZE)
        give_spare(home, o);
    else
        home->warm.out = o;
}

void sl__out_free(struct sl__conn *c)
{
    struct sl__out *o = c->out;

    c->out = NULL;
    if (o)
        give(c->home, o);
}

void sl__outs_finish(struct sl__conns *home)
{
    struct sl__out *o = home->warm.out;

    if (o) {
        o->next = home->spare.outs;
        home->spare.outs = o;
    }
    while ((o = home->spare.outs)) {
        home->spare.outs = o->next;
        sl__buf_finish(&o->buf);
        sl__free(o);
    }
}

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A fiber that waits for room may go on; one that finds too little of it waits again. */
static inline void wake_writer(struct sl__conn *c)
{
    struct sl__turn *t = c->turn;

    if (t && t->wants_room && (!c->blocked || sl__out_pending(c) <= SL__OUT_HIGH / 2)) {
        t->wants_room = false;
        sl__fiber_wake(t->exchange.fiber);
    }
}

/* Judges what a call that sends returned: true if it made progress. */
static inline bool sent(struct sl__conn *c, ssize_t n)
{
    if (n > 0) {
        c->home->counted.sent += (uint64_t)n;
        if (c->slow)
            c->queued += (uint32_t)n;
        return true;
    }
    if (n == -EAGAIN)
        c->blocked = true;
    else
        sl__conn_break(c);
    return false;
}

bool sl__out_send_all(struct sl__conn *c)
{
    struct sl__out *o = c->out;
    ssize_t n;

    if (!o)
        return true;
    if (o->buf.at < o->buf.end) { /* else a fiber has sent it all */
        n = sl__sys_send(c->watch.fd, o->buf.data + o->buf.at, sl__buf_len(&o->buf), 0);
        if (!sent(c, n))
            return false;
        o->buf.at += (size_t)n;
        if (o->buf.at < o->buf.end)
            return false;
    }
    c->out = NULL;
    give(c->home, o);
    return true;
}

void sl__out_flush(struct sl__conn *c, int flags)
{
    bool on = c->out && !c->blocked && !c->broken;

    sl__conns_send_first(c->home);
    while (on && sl__buf_len(&c->out->buf) > 0) {
        struct sl__buf *b = &c->out->buf;
        ssize_t n = sl__sys_send(c->watch.fd, b->data + b->at, sl__buf_len(b), flags);

        on = sent(c, n);
        if (on)
            b->at += (size_t)n;
    }
    if (c->broken || sl__out_pending(c) == 0)
        sl__out_free(c);
    wake_writer(c);
}

size_t sl__out_send_parts(struct sl__conn *c, struct iovec *parts, size_t count)
{
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t n = sl__sys_sendmsg(c->watch.fd, &m, 0);

    return sent(c, n) ? (size_t)n : 0;
}

/* Suspends the fiber until at most half of SL__OUT_HIGH is unsent. */
static int wait_for_room(struct sl__turn *t)
{
    struct sl__conn *c = t->conn;
    int r = 0;

    t->burst = 0;
    t->wants_room = true;
    if (c->out) /* it may be a long time */
        sl__buf_trim(&c->out->buf);
    while (r == 0 && t->wants_room && !c->broken) {
        sl__conn_poke(c); /* for EPOLLOUT and the deadline */
        r = sl__fiber_wait(SL__FOREVER);
    }
    t->wants_room = false;
    return c->broken ? -ECANCELED : r;
}

int sl__out_await_room(struct sl__turn *t)
{
    struct sl__conn *c = t->conn;

    if (c->broken)
        return -ECANCELED;
    if (sl__out_pending(c) >= SL__OUT_HIGH) {
        t->burst += sl__out_pending(c);
        sl__out_flush(c, 0);
        if (c->broken)
            return -ECANCELED;
        if (sl__out_pending(c) > SL__OUT_HIGH / 2)
            return wait_for_room(t);
    }
    if (t->burst < SL__BURST)
        return 0;
    t->burst = 0;
    return sl__wait_time(0);
}

/* One call for what is unsent and as much of @p bytes as the socket takes. */
static size_t send_both(struct sl__turn *t, const char *bytes, size_t len)
{
    struct sl__conn *c = t->conn;
    size_t pending = sl__out_pending(c), early;
    struct iovec parts[2] = {
        {.iov_base = pending ? c->out->buf.data + c->out->buf.at : NULL, .iov_len = pending},
        /* The kernel only reads it. */
        {.iov_base = (void *)(uintptr_t)bytes, .iov_len = min_size(len, SL__BURST)},
    };
    struct msghdr m = {.msg_iov = pending ? parts : parts + 1, .msg_iovlen = pending ? 2 : 1};
    ssize_t n;

    sl__conns_send_first(c->home);
    n = sl__sys_sendmsg(c->watch.fd, &m, 0);
    if (!sent(c, n))
        return 0;
    t->burst += (size_t)n;
    early = min_size((size_t)n, pending);
    if (early > 0)
        sl__buf_consume(&c->out->buf, early);
    return (size_t)n - early;
}

int sl__out_put(struct sl__turn *t, const char *bytes, size_t len)
{
    struct sl__conn *c = t->conn;
    struct sl__buf *b;
    int r = 0;

    while (sl__out_pending(c) + len > SL__OUT_HIGH) {
        size_t n;

        if (c->broken)
            return -ECANCELED;
        if (c->blocked) {
            r = wait_for_room(t);
            if (r < 0)
                return r;
            continue;
        }
        n = send_both(t, bytes, len);
        bytes += n;
        len -= n;
        if (t->burst >= SL__BURST) {
            t->burst = 0;
            r = sl__wait_time(0);
            if (r < 0)
                return r;
        }
    }
    if (c->broken)
        return -ECANCELED;
    if (len > 0) {
        b = sl__out_buf(c);
        r = b ? sl__buf_append(b, bytes, len) : -ENOMEM;
    }
    sl__conn_poke(c); /* sent at the end of this tick, with whatever else is written in it */
    return r;
}

ssize_t sl__out_read_file(struct sl__turn *t, size_t len)
{
    struct sl__buf *b = sl__out_buf(t->conn);
    ssize_t n;

    if (!b || sl__buf_reserve(b, len) < 0)
        return -ENOMEM;
    do
        n = pread(t->file, b->data + b->end, len, t->file_at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    b->end += (size_t)n;
    t->file_at += n;
    t->file_left -= n;
    return n;
}

/* One piece of the file; false if nothing more can be done now, or ever (t->failed). */
static bool push_piece(struct sl__conn *c, struct sl__turn *t)
{
    size_t len = t->file_left < (int64_t)SL__BURST ? (size_t)t->file_left : SL__BURST;
    off_t at = t->file_at;
    ssize_t n;

    if (t->no_sendfile) {
        n = sl__out_read_file(t, min_size(len, SL__OUT_HIGH));
        t->failed = n <= 0;
        return n > 0;
    }
    n = sl__sys_sendfile(c->watch.fd, t->file, &at, len);
    if (n == -EINVAL || n == -ENOSYS) { /* a file system without it */
        t->no_sendfile = true;
        return true;
    }
    if (n == 0 || n == -EIO || n == -EOVERFLOW) { /* the file became shorter, or cannot be read */
        t->failed = true;
        return false;
    }
    if (!sent(c, n))
        return false;
    t->file_at += n;
    t->file_left -= n;
    t->burst += (size_t)n;
    return true;
}

bool sl__out_push_file(struct sl__conn *c)
{
    struct sl__turn *t = c->turn;

    t->burst = 0;
    while (t->file_left > 0) {
        sl__out_flush(c, MSG_MORE);
        if (c->blocked || c->broken)
            return false;
        if (t->burst >= SL__BURST) {
            c->blocked = true; /* it is not, so EPOLLOUT brings us back when others had theirs */
            return false;
        }
        if (!push_piece(c, t))
            return t->failed;
    }
    return true;
}
