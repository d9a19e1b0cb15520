/*
 * Work that may take so long and no longer.
 *
 * A handler comes in through sl_within() and goes on in its function. The record of the call lies
 * on the fiber's stack, with the timer that the loop is lent meanwhile; when that fires, the
 * fiber's waits are refused as if it had been cancelled (fiber.c looks at the records), until the
 * function has returned and its record is gone. Nothing else remembers it, so the fiber can wait
 * again, and whether the client has left stays a matter of its own.
 */
#include <shallot/fiber.h>

#include <errno.h>

#include "base/sys.h"
#include "base/time.h"
#include "fiber/runtime.h"

static void on_time(struct sl__timer *t)
{
    struct sl__within *w = SL__OWNER(t, struct sl__within, timer);

    w->over = true;
    sl__fiber_interrupt(w->fiber);
}

int sl_within(unsigned ms, int (*fn)(void *arg), void *arg)
{
    struct sl__fibers *rt = &sl__fibers_here;
    struct sl__fiber *f = rt->current;
    struct sl__within w = {.fiber = f, .timer.fire = on_time};
    unsigned ignored;
    int r;

    if (!f) /* nothing can wait, so nothing can be too late */
        return fn(arg);
    ignored = f->ignored;
    w.outer = f->within;
    w.shield = f->shield;
    f->within = &w;
    sl__timer_start(rt->loop, &w.timer, sl__sys_now() + ms * SL__MS);
    r = fn(arg);
    sl__timer_stop(rt->loop, &w.timer);
    f->within = w.outer;
    if (!w.over)
        return r;
    f->ignored = ignored;
    return sl__fiber_is_cancelled(f) ? r : -ETIMEDOUT;
}
