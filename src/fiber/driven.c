/*
 * Watches, timers and waiters of the public loop.h: for libraries that are driven by callbacks.
 *
 * The loop comes in when a descriptor is ready or a time has come, and leaves through the program's
 * callback, on the loop's own stack. Fibers meet those callbacks at a waiter: it remembers one
 * wake, apart from the one that a fiber itself remembers, which anybody else's wake would have
 * used up.
 */
#include <errno.h>
#include <shallot/loop.h>

#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "fiber/runtime.h"
#include "fiber/wait.h"

struct sl_watch {
    struct sl__watch watch;
    struct sl__loop *loop;
    void (*fn)(sl_watch *w, int events, void *arg);
    void *arg;
};

struct sl_timer {
    struct sl__timer timer;
    struct sl__loop *loop;
    void (*fn)(sl_timer *t, void *arg);
    void *arg;
};

static void on_ready(struct sl__watch *watch, uint32_t events)
{
    sl_watch *w = SL__OWNER(watch, sl_watch, watch);

    w->fn(w, (int)events, w->arg);
}

static void on_time(struct sl__timer *timer)
{
    sl_timer *t = SL__OWNER(timer, sl_timer, timer);

    t->fn(t, t->arg);
}

sl_watch *sl_watch_new(int fd, int events, void (*fn)(sl_watch *w, int events, void *arg),
                       void *arg)
{
    struct sl__loop *loop = sl__fibers_here.loop;
    sl_watch *w = loop ? sl__try_alloc_zeroed(sizeof *w) : NULL;

    if (!w)
        return NULL;
    w->watch = (struct sl__watch){
        .fd = fd, .events = (uint32_t)(events & SL__POLL_EVENTS), .ready = on_ready};
    w->loop = loop;
    w->fn = fn;
    w->arg = arg;
    if (sl__loop_add(loop, &w->watch) < 0) {
        sl__free(w);
        return NULL;
    }
    return w;
}

int sl_watch_set(sl_watch *w, int events)
{
    return sl__loop_modify(w->loop, &w->watch, (uint32_t)(events & SL__POLL_EVENTS));
}

void sl_watch_free(sl_watch *w)
{
    if (!w)
        return;
    sl__loop_remove(w->loop, &w->watch);
    sl__free(w);
}

sl_timer *sl_timer_new(void (*fn)(sl_timer *t, void *arg), void *arg)
{
    struct sl__loop *loop = sl__fibers_here.loop;
    sl_timer *t = loop ? sl__try_alloc_zeroed(sizeof *t) : NULL;

    if (!t)
        return NULL;
    t->timer.fire = on_time;
    t->loop = loop;
    t->fn = fn;
    t->arg = arg;
    return t;
}

void sl_timer_start(sl_timer *t, unsigned ms)
{
    /* Not the loop's time: the caller may have computed for long. */
    sl__timer_start(t->loop, &t->timer, ms > 0 ? sl__sys_now() + ms * SL__MS : t->loop->now);
}

void sl_timer_stop(sl_timer *t)
{
    sl__timer_stop(t->loop, &t->timer);
}

void sl_timer_free(sl_timer *t)
{
    if (!t)
        return;
    sl__timer_stop(t->loop, &t->timer);
    sl__free(t);
}

void sl_waiter_init(sl_waiter *w)
{
    *w = (sl_waiter){NULL, 0};
}

int sl_waiter_wait(sl_waiter *w, int timeout_ms)
{
    struct sl__fiber *f = sl__fibers_here.current;
    int64_t deadline = timeout_ms < 0 ? SL__FOREVER : sl__wait_until(timeout_ms * SL__MS);
    int r = 0;

    if (!f)
        return -EDEADLK;
    if (w->fiber_)
        return -EBUSY;
    if (w->woken_ && !sl__fiber_cancelled()) {
        w->woken_ = 0;
        return 0;
    }
    w->fiber_ = f;
    do
        r = sl__wait_on(deadline);
    while (r == 0 && !w->woken_);
    w->fiber_ = NULL;
    if (r == -ETIMEDOUT && w->woken_)
        r = 0;
    if (r == 0)
        w->woken_ = 0;
    return r;
}

void sl_waiter_wake(sl_waiter *w)
{
    w->woken_ = 1;
    if (w->fiber_)
        sl__fiber_wake(w->fiber_);
}
