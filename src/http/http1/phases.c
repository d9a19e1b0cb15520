/*
 * What a connection does: events come in from the loop, and phases go on until something has to be
 * waited for.
 *
 *   READ -> SERVE -> (FILE or DETACHED) -> (SKIP) -> READ ...      and from anywhere
 *        -> CLOSING -> LINGER -> DEAD                  or at once -> DEAD
 *
 * There are two ways through here. The short one is for what nearly all requests are; the long one
 * takes a connection in any state, and ends in sl__conn_settle(), which looks what to wait for.
 * Requests leave through turn.c to a fiber.
 *
 * In the steady state a request costs this file no system call but one recv and one send for all
 * that came with it, and nothing of timers: the deadline is a field.
 */
#include "http/http1/conn.h"
#include "shallot/error.h"

#define ROUNDS 16         /* full reads of one connection before others are served */
#define EMPTY_LINES_MAX 8 /* as the parser bears ahead of one request (RFC 9112 §2.2) */

/* Receives once, and tells a fiber that waits for it. */
void sl__conn_take(struct sl__conn *c)
{
    size_t n = sl__input_receive(c);
    struct sl__turn *t = c->turn;

    if (!t || (n == 0 && !c->fin))
        return;
    sl__pace_body(c);
    if (!sl__conn_has_fiber(c) || !t->exchange.fiber)
        return;
    if (t->wants_body)
        sl__fiber_wake(t->reader);
    if (c->fin && t->open_ended)
        sl__fiber_cancel(t->exchange.fiber);
}

/* Drops the empty lines a client may send ahead of a request, and says how many there were. They
 * are no part of a head: whoever sends only these is idle. */
static int drop_empty_lines(struct sl__conn *c)
{
    struct sl__block *b = c->in;
    int r = 0;

    if (!b)
        return 0;
    for (; b->end - b->at >= 2 && b->data[b->at] == '\r' && b->data[b->at + 1] == '\n'; b->at += 2)
        if (++c->empty_lines > EMPTY_LINES_MAX)
            r = -SL_EBADREQUEST;
    return r;
}

/* READ without input. */
static bool read_nothing(struct sl__conn *c)
{
    if (!c->fin || c->blocked)
        return false;
    c->phase = SL__CONN_CLOSING;
    return true;
}

/* READ: begins the next request if its head is there. False if there is something to wait for. */
static bool read_head(struct sl__conn *c)
{
    int r;

    if (sl__input_len(c) == 0)
        return read_nothing(c);
    if (sl__out_pending(c) >= SL__OUT_HIGH)
        sl__out_flush(c, 0);
    if (c->blocked || c->broken)
        return c->broken;
    r = drop_empty_lines(c);
    if (r == 0 && sl__input_len(c) > 0)
        r = sl__turn_begin(c);
    if (r > 0)
        return true;
    if (r == 0 && !c->fin)
        return false;
    if (r == 0 && sl__input_len(c) > 0)
        r = -SL_EBADREQUEST; /* a head that will never be complete */
    if (r < 0)
        sl__close_refuse(c, r);
    else
        c->phase = SL__CONN_CLOSING;
    return true;
}

static bool skip_body(struct sl__conn *c)
{
    int r = sl__body_skip(c);

    if (r == 0 && !c->fin)
        return false;
    sl__turn_free(c);
    c->phase = r > 0 ? SL__CONN_READ : SL__CONN_CLOSING;
    return true;
}

/* The phases that most requests never see. False if there is something to wait for. */
static bool advance_rest(struct sl__conn *c)
{
    switch (c->phase) {
    case SL__CONN_FILE:
        if (!sl__out_push_file(c) && !c->broken)
            return false;
        if (!c->broken)
            sl__turn_after(c);
        return true;
    case SL__CONN_DETACHED:
        return sl__detached_advance(c);
    case SL__CONN_SKIP:
        return skip_body(c);
    case SL__CONN_CLOSING:
        sl__close_advance(c);
        return c->phase != SL__CONN_CLOSING || c->broken;
    default:
        return false;
    }
}

/* Goes on until something has to be waited for. */
static void advance(struct sl__conn *c)
{
    bool on = true;

    while (on) {
        if (c->broken && !sl__conn_has_fiber(c))
            sl__conn_close(c);
        if (c->phase == SL__CONN_READ) {
            on = read_head(c);
        } else if (c->phase == SL__CONN_SERVE) {
            on = c->turn->done;
            if (on)
                sl__turn_after(c);
        } else {
            on = advance_rest(c);
        }
    }
}

/* Answers leave after the messages their handlers have sent, so whoever has the answer may rely on
 * those. The messages leave at the end of the tick, before our task, which is queued behind them.
 */
static bool hold(struct sl__conn *c)
{
    struct sl__conns *home = c->home;

    if (c->held || !home->before || !sl__link_used(&home->before->link)) {
        c->held = false;
        return false;
    }
    c->held = true;
    sl__conn_poke(c);
    return true;
}

void sl__conn_run(struct sl__conn *c)
{
    for (int rounds = 0;; rounds++) {
        advance(c);
        if (c->out && !c->blocked && !c->broken) {
            if (hold(c))
                return;
            sl__out_flush(c, 0);
        }
        if (c->broken) {
            advance(c);
            break;
        }
        if (!c->more || rounds == ROUNDS || !sl__input_wanted(c) || c->phase == SL__CONN_LINGER)
            break;
        sl__conn_take(c);
    }
    if (c->broken || c->phase == SL__CONN_DEAD)
        return;
    sl__conn_settle(c);
}

/* Input that cannot be taken now must not wake us again; set_events() asks for it in time. */
static SL__APART void mute(struct sl__conn *c, uint32_t events)
{
    uint32_t unwanted = events & EPOLLRDHUP ? SL__INPUT_EVENTS : EPOLLIN;
    struct sl__turn *t = c->turn;

    if (sl__loop_modify(c->home->loop, &c->watch, c->watch.events & ~unwanted) < 0)
        sl__conn_break(c);
    if (!(events & EPOLLRDHUP) || !t)
        return;
    t->half_closed = true;
    if (t->open_ended && sl__conn_has_fiber(c) && t->exchange.fiber)
        sl__fiber_cancel(t->exchange.fiber);
}

/* Serves everything that one recv brought. False if something is left to do or to wait for. */
static inline bool serve_all(struct sl__conn *c)
{
    int r;

    if (sl__input_receive_first(c) == 0 || c->more)
        return false;
    do {
        if (c->in->data[c->in->at] == '\r')
            return false;
        r = sl__turn_begin(c);
        if (r < 0)
            sl__close_refuse(c, r);
        if (r <= 0 || c->phase != SL__CONN_READ)
            return false;
    } while (sl__input_len(c) > 0 && sl__out_pending(c) < SL__OUT_HIGH);
    return sl__input_len(c) == 0;
}

/* The short way, for nearly all requests: they come to an idle connection, whole, their handlers
 * do not wait, the answers fit into the socket, and the connection is idle again. Its timer runs,
 * and never later than the deadline. Wherever that turns out not to be so, the long way goes on. */
static inline bool serve_idle(struct sl__conn *c)
{
    struct sl__conns *home = c->home;

    if (!serve_all(c) || home->leaving != SL__STAY)
        return false;
    if (hold(c))
        return true; /* the task goes on */
    if (!sl__out_send_all(c))
        return false;
    sl__input_park(c);
    c->awaited = SL__AWAIT_REQUEST;
    c->deadline = home->loop->now + home->limits.idle_ms * SL__MS;
    return true;
}

/* An event of a connection in any state. */
static SL__APART void take_events(struct sl__conn *c, uint32_t events)
{
    if (c->phase == SL__CONN_LINGER) {
        sl__close_linger(c);
        return;
    }
    if (events & EPOLLOUT) {
        c->blocked = false;
        sl__pace_room(c);
        sl__out_flush(c, 0);
    }
    if (c->broken) {
        ; /* nothing more to be had */
    } else if (c->detached && events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        sl__detached_failed(c);
    } else if (events & (EPOLLERR | EPOLLHUP) && (c->phase != SL__CONN_READ || c->blocked)) {
        sl__conn_break(c);
    } else if (events & ~(uint32_t)EPOLLOUT) {
        if (sl__input_wanted(c))
            sl__conn_take(c);
        else
            mute(c, events);
    }
    sl__conn_run(c);
}

void sl__conn_ready(struct sl__watch *w, uint32_t events)
{
    struct sl__conn *c = SL__OWNER(w, struct sl__conn, watch);

    if (events != EPOLLIN || c->awaited != SL__AWAIT_REQUEST) /* else it is idle */
        take_events(c, events);
    else if (!serve_idle(c))
        sl__conn_run(c);
}
