/*
 * Last words: what becomes of a worker's connections when it crashes.
 *
 * A signal handler comes here from serve/, in the middle of anything: nothing may be allocated,
 * locked or changed that somebody relies on, and the structures may be what was broken. So the list
 * is walked no further than the number of connections, and a fault in here only costs what comes
 * after it. Out go the answers that are complete, and a word on each connection.
 *
 * An answer has begun once its head is in the output: then nobody can take it back, and its end is
 * early and visible to the client. The exception is an answer that is delimited by the close, to
 * which an early end looks like a proper one; it is reset. An answer that was detached has no
 * length to fall short of, and whoever reads it comes back by itself: it is only closed, at once,
 * because a process that dumps its core takes its time to die.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http1/conn.h"

static bool has_fiber(const struct sl__conn *c)
{
    return c->phase == SL__CONN_SERVE && c->turn && !c->turn->done;
}

/* Past the seam of base/sys.h: its tests' faults are not meant for this. True if all is sent. */
static bool send_pending(struct sl__conn *c)
{
    while (c->out && c->out->buf.end > c->out->buf.at) {
        struct sl__buf *b = &c->out->buf;
        ssize_t n = send(c->watch.fd, b->data + b->at, b->end - b->at, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        b->at += (size_t)n;
    }
    return true;
}

static bool looks_complete(const struct sl__conn *c)
{
    const struct sl__turn *t = c->turn;

    return t && t->done && !t->failed && t->file_left == 0;
}

static void reset(const struct sl__conn *c)
{
    struct linger at_once = {.l_onoff = 1};

    setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(c->watch.fd);
}

/* The phases without a fiber, everything complete having been sent. */
static enum sl__orphan_kind kind_at_rest(const struct sl__conn *c)
{
    const struct sl__turn *t = c->turn;
    bool goes_on = c->phase == SL__CONN_READ ||
                   (c->phase == SL__CONN_SERVE && looks_complete(c) && !t->close && t->body_done);

    if (!goes_on)
        return SL__ORPHAN_ANSWERED;
    if (sl__input_len(c) > 0)
        return SL__ORPHAN_BYSTANDER;
    return c->fin ? SL__ORPHAN_ANSWERED : SL__ORPHAN_IDLE;
}

static void part(struct sl__conn *c, bool culprit,
                 void (*tell)(void *self, const struct sl__orphan *o), void *self)
{
    struct sl__orphan o = {.fd = c->watch.fd, .listener = c->listener};
    const struct sl__turn *t = c->turn;

    if (c->broken || c->phase == SL__CONN_DEAD)
        return;
    if (t && t->head_done && t->framing == SL__FRAMING_CLOSE && !looks_complete(c)) {
        reset(c);
        return;
    }
    if (c->phase == SL__CONN_DETACHED) {
        send_pending(c);
        shutdown(c->watch.fd, SHUT_WR);
        return;
    }
    if (!send_pending(c))
        return;
    if (!has_fiber(c)) {
        o.kind = kind_at_rest(c);
    } else if (t->head_done) {
        o.kind = SL__ORPHAN_ANSWERED;
    } else {
        o.kind = culprit ? SL__ORPHAN_CULPRIT : SL__ORPHAN_BYSTANDER;
        o.head = t->exchange.request.method == SL__METHOD_HEAD;
    }
    tell(self, &o);
}

static struct sl__conn *conn_of(const struct sl__conns *home, const struct sl__fiber *f)
{
    struct sl__link *at = home->all.next;

    for (unsigned i = 0; f && i < home->count && at != &home->all; i++, at = at->next) {
        struct sl__conn *c = SL__OWNER(at, struct sl__conn, link);

        if (has_fiber(c) && c->turn->exchange.fiber == f)
            return c;
    }
    return NULL;
}

bool sl__conns_request_of(const struct sl__conns *home, const struct sl__fiber *f,
                          struct sl__last_request *ret)
{
    const struct sl__conn *c = conn_of(home, f);
    const struct sl__exchange *x;

    if (!c)
        return false;
    x = &c->turn->exchange;
    *ret = (struct sl__last_request){
        .method = sl__request_str(&x->request, x->request.method_name),
        .path = sl__request_str(&x->request, x->request.path),
        .number = x->number,
        .since = x->since,
        .request = &x->request,
    };
    return true;
}

void sl__conns_last_words(struct sl__conns *home, const struct sl__fiber *culprit,
                          void (*tell)(void *self, const struct sl__orphan *o), void *self)
{
    struct sl__conn *first = conn_of(home, culprit);
    struct sl__link *at = home->all.next;

    if (first)
        part(first, true, tell, self);
    for (unsigned i = 0; i < home->count && at != &home->all; i++, at = at->next) {
        struct sl__conn *c = SL__OWNER(at, struct sl__conn, link);

        if (c != first)
            part(c, false, tell, self);
    }
}
