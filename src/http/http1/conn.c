/*
 * A connection's life: events come in from the loop, phases go on until something has to be waited
 * for, and then one look decides what to watch, until when, and what memory to give back.
 *
 *   READ -> SERVE -> (FILE) -> (SKIP) -> READ ...      and from anywhere
 *        -> CLOSING -> LINGER -> DEAD                  or at once -> DEAD
 *
 * sl__conn_open() comes in from the server; requests leave through turn.c to a fiber. The fiber
 * never enters here: it pokes, and the connection goes on by a task of this tick. Nothing is freed
 * under anybody's feet: closing only takes the connection out of the world, its memory goes with
 * the task.
 *
 * In the steady state a request costs this file no system call but the recv, and nothing of timers:
 * the deadline is a field, the timer is moved when it fires too early.
 */
#include "http/http1/conn.h"

#include <assert.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shallot/error.h"

#define ROUNDS 16         /* full reads of one connection before others are served */
#define EMPTY_LINES_MAX 8 /* as the parser bears ahead of one request (RFC 9112 §2.2) */
#define INPUT_EVENTS ((uint32_t)(EPOLLIN | EPOLLRDHUP))

_Static_assert(sizeof(struct sl__conn) <= 240, "an idle connection costs 256 octets at most");

static bool has_fiber(const struct sl__conn *c)
{
    return c->phase == SL__CONN_SERVE && !c->turn->done;
}

static bool may_read(const struct sl__conn *c)
{
    if (c->fin || c->broken)
        return false;
    switch (c->phase) {
    case SL__CONN_READ:
        return !c->blocked;
    case SL__CONN_SERVE:
    case SL__CONN_SKIP:
        return sl__input_has_room(c);
    case SL__CONN_LINGER:
        return true;
    default:
        return false;
    }
}

static void unwatch(struct sl__conn *c)
{
    if (!c->watch.ready)
        return;
    sl__loop_remove(c->home->loop, &c->watch);
    c->watch.ready = NULL;
}

/* Out of the world; the descriptor is somebody else's by now. */
static void retire(struct sl__conn *c)
{
    struct sl__conns *home = c->home;

    sl__input_free(c);
    sl__out_free(c);
    sl__timer_stop(home->loop, &c->timer);
    sl__list_remove(&c->link);
    sl__list_append(&home->dead, &c->link);
    c->phase = SL__CONN_DEAD;
    sl__loop_defer(home->loop, &c->task);
    home->count--;
    if (home->gone)
        home->gone(home);
}

void sl__conn_close(struct sl__conn *c)
{
    assert(!has_fiber(c));
    if (c->phase == SL__CONN_DEAD)
        return;
    if (c->turn)
        sl__turn_free(c);
    unwatch(c);
    if (c->reset) {
        struct linger at_once = {.l_onoff = 1};

        setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    close(c->watch.fd);
    retire(c);
}

void sl__conn_break(struct sl__conn *c)
{
    struct sl__turn *t = c->turn;

    if (c->broken)
        return;
    c->broken = true;
    unwatch(c);
    if (has_fiber(c) && t->exchange.fiber) {
        sl__fiber_cancel(t->exchange.fiber);
        if (t->wants_body || t->wants_room) /* it may be shielded */
            sl__fiber_wake(t->exchange.fiber);
    }
    sl__conn_poke(c);
}

void sl__conn_poke(struct sl__conn *c)
{
    if (!c->pumping)
        sl__loop_defer(c->home->loop, &c->task);
}

/* Receives once, and tells a fiber that waits for it. */
static void take_input(struct sl__conn *c)
{
    size_t n = sl__input_receive(c);
    struct sl__turn *t = c->turn;

    if (!t || (n == 0 && !c->fin))
        return;
    sl__pace_body(c);
    if (!has_fiber(c) || !t->exchange.fiber)
        return;
    if (t->wants_body)
        sl__fiber_wake(t->exchange.fiber);
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
        if (c->broken && !has_fiber(c))
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

static int64_t deadline_for(struct sl__conn *c, enum sl__awaited what)
{
    const struct sl_limits *l = &c->home->limits;
    int64_t now = c->home->loop->now;

    switch (what) {
    case SL__AWAIT_REQUEST:
        return now + l->idle_ms * SL__MS;
    case SL__AWAIT_HEAD:
        return now + l->head_ms * SL__MS;
    case SL__AWAIT_BODY:
        return sl__pace_await_body(c);
    case SL__AWAIT_ROOM:
        return sl__pace_await_room(c);
    case SL__AWAIT_END:
        return now + l->linger_ms * SL__MS;
    default:
        return SL__FOREVER;
    }
}

static enum sl__awaited awaited_now(const struct sl__conn *c)
{
    if (c->blocked)
        return SL__AWAIT_ROOM;
    switch (c->phase) {
    case SL__CONN_READ:
        return c->in ? SL__AWAIT_HEAD : SL__AWAIT_REQUEST;
    case SL__CONN_SERVE:
        return c->turn->wants_body ? SL__AWAIT_BODY : SL__AWAIT_NOTHING;
    case SL__CONN_SKIP:
        return SL__AWAIT_BODY;
    case SL__CONN_LINGER:
        return SL__AWAIT_END;
    default:
        return SL__AWAIT_NOTHING;
    }
}

static void set_deadline(struct sl__conn *c)
{
    struct sl__conns *home = c->home;
    enum sl__awaited what = awaited_now(c);

    if (what == SL__AWAIT_NOTHING)
        c->deadline = SL__FOREVER;
    else if (what != c->awaited)
        c->deadline = deadline_for(c, what);
    if (what == SL__AWAIT_REQUEST && home->leaving == SL__STOP && c->deadline > home->grace_end)
        c->deadline = home->grace_end;
    c->awaited = (uint8_t)what;
    if (c->deadline == SL__FOREVER)
        return;
    if (!sl__timer_running(&c->timer) || c->timer.at > c->deadline)
        sl__timer_start(home->loop, &c->timer, c->deadline);
}

/* Asks for events that are missing. Input that is not wanted any more stays asked for until it
 * comes and disturbs, because mostly it does not. */
static void change_events(struct sl__conn *c)
{
    uint32_t events = c->watch.events & INPUT_EVENTS;

    if (c->fin)
        events = 0;
    else if (may_read(c))
        events = INPUT_EVENTS;
    if (c->blocked)
        events |= EPOLLOUT;
    if (events != c->watch.events && sl__loop_modify(c->home->loop, &c->watch, events) < 0)
        sl__conn_break(c);
}

static inline void set_events(struct sl__conn *c)
{
    if (c->watch.events != INPUT_EVENTS || c->fin || c->blocked)
        change_events(c);
}

static bool is_idle(const struct sl__conn *c)
{
    return c->phase == SL__CONN_READ && !c->in && !c->out && !c->fin && !c->broken;
}

static void hand_over(struct sl__conn *c)
{
    struct sl__conns *home = c->home;
    int fd = c->watch.fd;

    unwatch(c);
    retire(c);
    home->give(home, fd, c->listener);
}

/* Before the loop goes to sleep for this connection. */
void sl__conn_settle(struct sl__conn *c)
{
    struct sl__conns *home = c->home;

    if (c->in && c->phase != SL__CONN_SERVE &&
        (sl__input_len(c) == 0 || (c->phase == SL__CONN_READ && !c->blocked)))
        sl__input_park(c);
    if (home->leaving == SL__HAND_OVER && home->give && is_idle(c)) {
        hand_over(c);
        return;
    }
    set_events(c);
    if (c->broken && !has_fiber(c))
        sl__conn_close(c);
    else
        set_deadline(c);
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

/* The long way: goes on from whatever state the connection is in. */
static SL__APART void run(struct sl__conn *c)
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
        if (!c->more || rounds == ROUNDS || !may_read(c) || c->phase == SL__CONN_LINGER)
            break;
        take_input(c);
    }
    if (c->broken || c->phase == SL__CONN_DEAD)
        return;
    sl__conn_settle(c);
}

/* Input that cannot be taken now must not wake us again; set_events() asks for it in time. */
static void mute(struct sl__conn *c, uint32_t events)
{
    uint32_t unwanted = events & EPOLLRDHUP ? INPUT_EVENTS : EPOLLIN;
    struct sl__turn *t = c->turn;

    if (sl__loop_modify(c->home->loop, &c->watch, c->watch.events & ~unwanted) < 0)
        sl__conn_break(c);
    if (!(events & EPOLLRDHUP) || !t)
        return;
    t->half_closed = true;
    if (t->open_ended && has_fiber(c) && t->exchange.fiber)
        sl__fiber_cancel(t->exchange.fiber);
}

/* Serves everything that one recv brought. False if something is left to do or to wait for. */
static inline bool serve_all(struct sl__conn *c)
{
    int r;

    if (sl__input_receive(c) == 0 || c->more)
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
    sl__out_flush(c, 0);
    if (c->out || c->broken)
        return false;
    sl__input_park(c);
    c->awaited = SL__AWAIT_REQUEST;
    c->deadline = home->loop->now + home->limits.idle_ms * SL__MS;
    return true;
}

static void on_ready(struct sl__watch *w, uint32_t events)
{
    struct sl__conn *c = SL__OWNER(w, struct sl__conn, watch);

    if (events == EPOLLIN && c->awaited == SL__AWAIT_REQUEST) { /* so it is_idle() */
        if (!serve_idle(c))
            run(c);
        return;
    }
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
    } else if (events & (EPOLLERR | EPOLLHUP) && (c->phase != SL__CONN_READ || c->blocked)) {
        sl__conn_break(c);
    } else if (events & ~(uint32_t)EPOLLOUT) {
        if (may_read(c))
            take_input(c);
        else
            mute(c, events);
    }
    run(c);
}

/* The deadline has passed, and the input was looked at once more. */
static void expire(struct sl__conn *c)
{
    switch ((enum sl__awaited)c->awaited) {
    case SL__AWAIT_HEAD:
        sl__close_refuse(c, -SL_ETOOSLOW);
        run(c);
        break;
    case SL__AWAIT_BODY:
        if (has_fiber(c)) {
            c->turn->body_error = -SL_ETOOSLOW;
            sl__fiber_wake(c->turn->exchange.fiber);
            c->deadline = SL__FOREVER;
            break;
        }
        sl__turn_free(c);
        c->phase = SL__CONN_CLOSING;
        run(c);
        break;
    case SL__AWAIT_ROOM:
        if (sl__pace_bear(c)) {
            set_deadline(c);
            break;
        }
        c->reset = true; /* else the kernel would keep the unsent octets for minutes */
        sl__conn_break(c);
        break;
    default:
        sl__conn_close(c);
    }
}

static void on_time(struct sl__timer *timer)
{
    struct sl__conn *c = SL__OWNER(timer, struct sl__conn, timer);
    struct sl__loop *l = c->home->loop;

    if (c->deadline == SL__FOREVER || c->broken)
        return;
    if (l->now < c->deadline) {
        sl__timer_start(l, timer, c->deadline);
        return;
    }
    /* The worker may have been busy, and what is late may have been here in time. */
    if (c->awaited != SL__AWAIT_END && may_read(c)) {
        take_input(c);
        run(c);
        if (c->phase == SL__CONN_DEAD || c->broken || l->now < c->deadline)
            return;
    }
    if (c->awaited == SL__AWAIT_NOTHING) /* any more, as a fiber found that did not come by here */
        sl__conn_settle(c);
    else
        expire(c);
}

static void on_task(struct sl__task *task)
{
    struct sl__conn *c = SL__OWNER(task, struct sl__conn, task);

    if (c->phase == SL__CONN_DEAD)
        sl__conns_bury(c);
    else
        run(c);
}

void sl__conn_start(struct sl__conn *c, struct sl__conns *home, int fd, unsigned listener)
{
    *c = (struct sl__conn){.watch = {.fd = fd, .events = INPUT_EVENTS, .ready = on_ready},
                           .timer = {.fire = on_time},
                           .deadline = SL__FOREVER,
                           .task = {.run = on_task},
                           .home = home,
                           .listener = (uint16_t)listener};
}

void sl__conn_leave(struct sl__conn *c)
{
    if (is_idle(c))
        sl__conn_settle(c);
}

bool sl__conn_cut(struct sl__conn *c)
{
    bool cut = has_fiber(c) || c->phase == SL__CONN_FILE;

    if (has_fiber(c)) {
        shutdown(c->watch.fd, SHUT_RDWR); /* the client need not wait for the handler's end */
        sl__conn_break(c);
    } else {
        sl__conn_close(c);
    }
    return cut;
}
