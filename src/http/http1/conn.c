/*
 * A connection's life: it begins with a socket, and ends closed, handed over or broken.
 *
 * sl__conn_open() (conns.c) comes in from the server. What happens in between is in phases.c, what
 * is waited for in settle.c. Nothing is freed under anybody's feet: closing only takes the
 * connection out of the world, its memory goes with its task. The fiber of a request never enters
 * any of these files: it pokes, and the connection goes on by that task, later in this tick.
 */
#include "http/http1/conn.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(sizeof(struct sl__conn) <= 240, "an idle connection costs 256 octets at most");

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
    assert(!sl__conn_has_fiber(c));
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
    if (c->detached)
        sl__detached_lost(&c->detached, -ECONNRESET);
}

void sl__conn_break(struct sl__conn *c)
{
    struct sl__turn *t = c->turn;

    if (c->broken)
        return;
    c->broken = true;
    unwatch(c);
    if (sl__conn_has_fiber(c) && t->exchange.fiber) {
        sl__fiber_cancel(t->exchange.fiber);
        if (t->wants_room) /* it may be shielded */
            sl__fiber_wake(t->exchange.fiber);
        if (t->wants_body)
            sl__fiber_wake(t->reader);
    }
    sl__conn_poke(c);
}

void sl__conn_poke(struct sl__conn *c)
{
    if (!c->pumping)
        sl__loop_defer(c->home->loop, &c->task);
}

static void on_task(struct sl__task *task)
{
    struct sl__conn *c = SL__OWNER(task, struct sl__conn, task);

    if (c->phase == SL__CONN_DEAD)
        sl__conns_bury(c);
    else
        sl__conn_run(c);
}

void sl__conn_start(struct sl__conn *c, struct sl__conns *home, int fd, unsigned listener)
{
    *c = (struct sl__conn){.watch = {.fd = fd, .events = SL__INPUT_EVENTS, .ready = sl__conn_ready},
                           .timer = {.fire = sl__conn_time},
                           .deadline = SL__FOREVER,
                           .task = {.run = on_task},
                           .home = home,
                           .listener = (uint16_t)listener};
}

void sl__conn_hand_over(struct sl__conn *c)
{
    struct sl__conns *home = c->home;
    int fd = c->watch.fd;

    unwatch(c);
    retire(c);
    home->give(home, fd, c->listener);
}

void sl__conn_leave(struct sl__conn *c)
{
    if (sl__conn_is_idle(c))
        sl__conn_settle(c);
    else if (c->detached)
        sl__detached_leave(c);
}

bool sl__conn_cut(struct sl__conn *c)
{
    bool cut = sl__conn_has_fiber(c) || c->phase == SL__CONN_FILE;

    if (sl__conn_has_fiber(c)) {
        shutdown(c->watch.fd, SHUT_RDWR); /* the client need not wait for the handler's end */
        sl__conn_break(c);
    } else {
        sl__conn_close(c);
    }
    return cut;
}
