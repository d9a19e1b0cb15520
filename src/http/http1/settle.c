/*
 * What a connection waits for: which events, until when, and what memory it keeps meanwhile.
 *
 * phases.c comes here when nothing more can be done at once, the loop when a deadline has passed. A
 * connection has one timer, which is lazy: it fires at or before the deadline and is moved then, so
 * that a request that moves the deadline costs the heap of timers nothing.
 */
#include <errno.h>

#include "http/http1/conn.h"
#include "shallot/error.h"

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
        c->since = now;
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
    uint32_t events = c->watch.events & SL__INPUT_EVENTS;

    if (c->fin)
        events = 0;
    else if (sl__input_wanted(c))
        events = SL__INPUT_EVENTS;
    if (c->blocked)
        events |= EPOLLOUT;
    if (events != c->watch.events && sl__loop_modify(c->home->loop, &c->watch, events) < 0)
        sl__conn_break(c);
}

static inline void set_events(struct sl__conn *c)
{
    if (c->watch.events != SL__INPUT_EVENTS || c->fin || c->blocked)
        change_events(c);
}

/* Before the loop goes to sleep for this connection. */
void sl__conn_settle(struct sl__conn *c)
{
    struct sl__conns *home = c->home;

    if (c->in && c->phase != SL__CONN_SERVE &&
        (sl__input_len(c) == 0 || c->phase == SL__CONN_DETACHED ||
         (c->phase == SL__CONN_READ && !c->blocked)))
        sl__input_park(c);
    if (home->leaving == SL__HAND_OVER && home->give && sl__conn_is_idle(c)) {
        sl__conn_hand_over(c);
        return;
    }
    set_events(c);
    if (c->broken && !sl__conn_has_fiber(c))
        sl__conn_close(c);
    else
        set_deadline(c);
}

/* The deadline has passed, and the input was looked at once more. */
static void expire(struct sl__conn *c)
{
    switch ((enum sl__awaited)c->awaited) {
    case SL__AWAIT_HEAD:
        sl__close_refuse(c, -SL_ETOOSLOW);
        sl__conn_run(c);
        break;
    case SL__AWAIT_BODY:
        if (sl__conn_has_fiber(c)) {
            c->turn->body_error = -SL_ETOOSLOW;
            sl__fiber_wake(c->turn->reader);
            c->deadline = SL__FOREVER;
            break;
        }
        sl__turn_free(c);
        c->phase = SL__CONN_CLOSING;
        sl__conn_run(c);
        break;
    case SL__AWAIT_ROOM:
        if (sl__pace_bear(c)) {
            set_deadline(c);
            break;
        }
        c->reset = true; /* else the kernel would keep the unsent octets for minutes */
        if (c->detached)
            c->detached->why = -ETIMEDOUT;
        sl__conn_break(c);
        break;
    case SL__AWAIT_END:
        if (sl__pace_linger(c)) {
            set_deadline(c);
            break;
        }
        sl__conn_close(c);
        break;
    default:
        sl__conn_close(c);
    }
}

void sl__conn_time(struct sl__timer *timer)
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
    if (c->awaited != SL__AWAIT_END && sl__input_wanted(c)) {
        sl__conn_take(c);
        sl__conn_run(c);
        if (c->phase == SL__CONN_DEAD || c->broken || l->now < c->deadline)
            return;
    }
    if (c->awaited == SL__AWAIT_NOTHING) /* any more, as a fiber found that did not come by here */
        sl__conn_settle(c);
    else
        expire(c);
}
