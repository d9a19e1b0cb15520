/*
 * Answers that go on when their request is over: a queue of pieces, and a connection.
 *
 * The turn comes here on its fiber to write the head, then in the loop, when the fiber has ended
 * and the turn's memory can go. From then on the owner of the answer (app/) fills its queue and
 * pokes, and the connections that have something to send are looked at here, some each tick, so
 * that what is said to ten thousand of them does not keep the others waiting. Pieces are framed on
 * their way into the call that sends them: they belong to many connections, and are not copied.
 *
 * Such an answer may last for ever, so nothing times it but a client that does not take what it is
 * sent, and the end of the client's input is taken for its leaving.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "http/http1/conn.h"
#include "http/http1/write.h"

#define PIECES 16   /* in one call; 3 parts each */
#define AT_ONCE 256 /* connections looked at in one tick: some milliseconds */

struct batch {
    struct iovec parts[3 * PIECES];
    char lines[PIECES][SL__CHUNK_LINE];
    size_t count;
};

/* The kernel only reads it. */
static void add(struct batch *b, const void *bytes, size_t len, size_t *skip)
{
    if (*skip >= len) {
        *skip -= len;
        return;
    }
    b->parts[b->count++] = (struct iovec){(char *)(uintptr_t)bytes + *skip, len - *skip};
    *skip = 0;
}

static size_t framed_len(const struct sl__detached *d, const struct sl__piece *p)
{
    char line[SL__CHUNK_LINE];

    return d->framing == SL__FRAMING_CHUNKED ? sl__http1_chunk_line(line, p->len) + p->len + 2
                                             : p->len;
}

static void fill(struct batch *b, const struct sl__detached *d)
{
    const struct sl__queued *q = d->first;
    size_t skip = d->at;

    b->count = 0;
    for (unsigned i = 0; q && i < PIECES; i++, q = q->next) {
        if (d->framing == SL__FRAMING_CHUNKED)
            add(b, b->lines[i], sl__http1_chunk_line(b->lines[i], q->piece->len), &skip);
        add(b, q->piece->bytes, q->piece->len, &skip);
        if (d->framing == SL__FRAMING_CHUNKED)
            add(b, "\r\n", 2, &skip);
    }
}

static void consume(struct sl__detached *d, size_t n)
{
    d->octets += n;
    d->at += n;
    while (d->first && d->at >= framed_len(d, d->first->piece)) {
        d->at -= framed_len(d, d->first->piece);
        sl__detached_pop(d);
    }
}

static void send_queue(struct sl__conn *c)
{
    struct sl__detached *d = c->detached;
    struct batch b;

    sl__conns_send_first(c->home);
    while (d->first && !c->blocked && !c->broken) {
        fill(&b, d);
        consume(d, sl__out_send_parts(c, b.parts, b.count));
    }
}

/* Whoever was sent something and is not heard of any more is gone: the kernel says so, a little
 * later than one that is there and takes nothing is given up here. 0: not any more. On a unix
 * socket it fails, and is not needed. */
static void bound_silence(struct sl__conn *c, unsigned ms)
{
    ms += ms / 4;
    setsockopt(c->watch.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static bool worker_stops(const struct sl__conns *home)
{
    return home->leaving == SL__STOP || (home->leaving == SL__HAND_OVER && !home->give);
}

/* The end as the owner wants it: what comes next on the connection? */
static void finish(struct sl__conn *c)
{
    struct sl__detached *d = c->detached;
    bool close = d->close || worker_stops(c->home);

    if (d->framing == SL__FRAMING_CHUNKED) {
        struct sl__buf *out = sl__out_buf(c);

        if (!out || sl__http1_write_last_chunk(out) < 0) {
            sl__conn_break(c);
            return;
        }
    }
    if (!close) {
        c->last = false;
        bound_silence(c, 0);
    }
    c->phase = close ? SL__CONN_CLOSING : SL__CONN_READ;
    sl__detached_lost(&c->detached, 0);
}

bool sl__detached_advance(struct sl__conn *c)
{
    struct sl__detached *d = c->detached;

    if (d->cut) {
        c->reset = true; /* the client is slow, and the kernel need not keep what it did not take */
        sl__conn_break(c);
        return true;
    }
    if (c->out)
        sl__out_flush(c, d->first ? MSG_MORE : 0);
    send_queue(c);
    if (c->broken)
        return true;
    if (c->blocked)
        return false;
    c->slow = false; /* it has taken everything: whatever makes it wait next is another matter */
    if (!d->ending)
        return false;
    finish(c);
    return true;
}

void sl__detached_failed(struct sl__conn *c)
{
    int error = 0;
    socklen_t len = sizeof(error);

    getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error == ETIMEDOUT)
        c->detached->why = -ETIMEDOUT;
    sl__conn_break(c);
}

static void poke(struct sl__detached *d)
{
    struct sl__conn *c = d->conn;
    struct sl__conns *home = c->home;

    if (sl__link_used(&d->link) || (c->blocked && !d->cut))
        return;
    sl__list_append(&home->wanting.list, &d->link);
    if (!sl__timer_running(&home->wanting.next))
        sl__loop_defer(home->loop, &home->wanting.task);
}

static const struct sl__detached_ops ops = {.poke = poke};

static void look(struct sl__conns *home)
{
    struct sl__link *link;

    for (int n = 0; n < AT_ONCE && (link = sl__list_take(&home->wanting.list)); n++)
        sl__conn_run(SL__OWNER(link, struct sl__detached, link)->conn);
    if (!sl__list_empty(&home->wanting.list))
        sl__timer_start(home->loop, &home->wanting.next, home->loop->now);
}

static void on_task(struct sl__task *t)
{
    struct sl__conns *home = SL__OWNER(t, struct sl__conns, wanting.task);

    if (!sl__timer_running(&home->wanting.next))
        look(home);
}

static void on_next(struct sl__timer *t)
{
    look(SL__OWNER(t, struct sl__conns, wanting.next));
}

void sl__detached_start(struct sl__conns *home)
{
    sl__list_init(&home->wanting.list);
    home->wanting.task.run = on_task;
    home->wanting.next.fire = on_next;
}

void sl__detached_stop(struct sl__conns *home)
{
    sl__timer_stop(home->loop, &home->wanting.next);
    sl__list_remove(&home->wanting.task.link);
}

int sl__detach_begin(struct sl__turn *t)
{
    struct sl__response *r = &t->exchange.response;
    bool chunked = t->exchange.request.minor > 0;
    int result;

    if (!chunked || !t->body_done)
        t->close = true;
    t->framing = chunked ? SL__FRAMING_CHUNKED : SL__FRAMING_CLOSE;
    result = sl__answer_head(t, -1, chunked);
    if (result < 0)
        return result;
    t->detached = r->detached;
    t->file_left = -1;
    r->payload = SL__PAYLOAD_NONE;
    r->detached = NULL;
    return 0;
}

void sl__detach(struct sl__conn *c)
{
    struct sl__turn *t = c->turn;
    struct sl__detached *d = t->detached;
    bool gone = c->fin || t->half_closed;

    t->detached = NULL;
    d->close = t->close;
    d->framing = t->framing;
    d->conn = c;
    d->ops = &ops;
    d->at = 0;
    c->last = !t->exchange.request.keep_alive && !c->more && sl__input_len(c) == 0;
    sl__turn_free(c);
    c->detached = d;
    c->phase = SL__CONN_DETACHED;
    bound_silence(c, c->home->limits.write_ms);
    if (gone)
        sl__conn_break(c);
    else if (c->home->leaving != SL__STAY)
        sl__detached_leave(c);
}

void sl__detached_leave(struct sl__conn *c)
{
    sl__detached_end(c->detached, -ESHUTDOWN);
}

void sl__detached_lost(struct sl__detached **at, int why)
{
    struct sl__detached *d = *at;

    *at = NULL;
    sl__detached_over(d, why);
}
