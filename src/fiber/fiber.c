/*
 * Fibers: who runs, who waits, who is next.
 *
 * The loop comes in by starting a fiber or by the task that runs the ready ones; every fiber comes
 * in by waiting or by ending, and leaves to the loop: fibers never switch to each other, so the
 * stack of the loop is the only place where somebody is run, and nobody is ever run from inside
 * somebody else's callback.
 */
#include "fiber/fiber.h"

#include <assert.h>
#include <errno.h>

#include "fiber/runtime.h"
#include "fiber/switch.h"
#include "loop/offload.h"

#define STUBBORN 100 /* times -ECANCELED before a fiber is reported */

_Thread_local struct sl__fibers sl__fibers_here;

void (*sl__fiber_on_stubborn)(struct sl__fiber *f, const char *label);

static SL__APART void make_ready(struct sl__fibers *rt, struct sl__fiber *f)
{
    if (f->queued)
        return;
    f->queued = true;
    f->next = NULL;
    if (rt->ready)
        rt->last_ready->next = f;
    else
        rt->ready = f;
    rt->last_ready = f;
    sl__loop_defer(rt->loop, &rt->run);
}

/* From a fiber back to the loop, for a while. */
static void leave(struct sl__fibers *rt, struct sl__fiber *f)
{
    sl__san_leave(&f->san, &rt->san, false);
    sl__switch(&f->place, rt->loop_place);
    sl__san_arrive(&f->san, &rt->san);
}

/* A fiber's life, from its first breath to its last; the loop goes on after it. */
static void *live(void *arg)
{
    struct sl__fiber *f = arg;
    struct sl__fibers *rt = &sl__fibers_here;

    sl__san_arrive(&f->san, &rt->san);
    f->fn(f->arg);
    f->state = SL__FIBER_ENDED;
    sl__san_leave(&f->san, &rt->san, true);
    return rt->loop_place;
}

/* The stack of a fiber that has just ended is the one the next will want. */
static inline struct sl__stack *take_stack(struct sl__fibers *rt)
{
    struct sl__stack *s = rt->warm;

    if (!s)
        return sl__stack_take(&rt->stacks);
    rt->warm = NULL;
    return s;
}

static inline void give_stack(struct sl__fibers *rt, struct sl__stack *s)
{
    if (rt->warm)
        sl__stack_give(&rt->stacks, s);
    else
        rt->warm = s;
}

/* From the loop into a fiber. False if it has ended there. */
static inline bool run(struct sl__fibers *rt, struct sl__fiber *f, bool fresh)
{
    f->state = SL__FIBER_RUNNING;
    rt->current = f;
    sl__san_leave(&rt->san, &f->san, false);
    sl__san_run_as(&f->san);
    if (fresh)
        sl__switch_start(&rt->loop_place, f->stack.top, live, f, rt->control, f->stack.low);
    else
        sl__switch_resume(&rt->loop_place, f->place, rt->control);
    sl__san_run_as(&rt->san);
    sl__san_arrive(&rt->san, &f->san);
    rt->current = NULL;
    if (f->state != SL__FIBER_ENDED)
        return true;
    sl__san_end(&f->san);
    rt->live--;
    give_stack(rt, &f->stack);
    return false;
}

static void run_ready(struct sl__task *t)
{
    struct sl__fibers *rt = SL__OWNER(t, struct sl__fibers, run);
    struct sl__fiber *f;

    while ((f = rt->ready)) {
        rt->ready = f->next;
        f->queued = false;
        run(rt, f, f->state == SL__FIBER_NEW);
    }
}

static void on_time(struct sl__timer *t)
{
    struct sl__fiber *f = SL__OWNER(t, struct sl__fiber, timer);

    f->timed_out = true;
    make_ready(&sl__fibers_here, f);
}

/* By a time that is over, unless it has put up a shield meanwhile. */
static SL__APART bool is_too_late(const struct sl__fiber *f)
{
    for (const struct sl__within *w = f->within; w; w = w->outer)
        if (w->over && f->shield <= w->shield)
            return true;
    return false;
}

static inline bool is_cancelled(const struct sl__fiber *f)
{
    return (f->cancelled && f->shield == 0) || (f->within && is_too_late(f));
}

static void suspend(struct sl__fibers *rt, struct sl__fiber *f, enum sl__fiber_state state,
                    int64_t deadline)
{
    f->state = (uint8_t)state;
    f->timed_out = false;
    if (deadline != SL__FOREVER) {
        f->timer.fire = on_time;
        sl__timer_start(rt->loop, &f->timer, deadline);
    }
    leave(rt, f);
    if (deadline != SL__FOREVER)
        sl__timer_stop(rt->loop, &f->timer);
}

static int refuse(struct sl__fiber *f)
{
    if (++f->ignored == STUBBORN && sl__fiber_on_stubborn)
        sl__fiber_on_stubborn(f, f->label);
    return -ECANCELED;
}

static inline void set_up(struct sl__fiber *f, void (*fn)(void *arg), void *arg)
{
    f->fn = fn;
    f->arg = arg;
    f->state = SL__FIBER_NEW;
    f->queued = f->woken = f->timed_out = f->cancelled = false;
    f->shield = f->ignored = 0;
    f->label = NULL;
    f->user = NULL;
    sl__san_begin(&f->san, f->stack.low, f->stack.top);
}

int sl__fibers_init(struct sl__loop *l, unsigned max_live)
{
    struct sl__fibers *rt = &sl__fibers_here;

    if (rt->loop)
        return -EBUSY;
    *rt = (struct sl__fibers){
        .loop = l, .max_live = max_live, .run.run = run_ready, .control = sl__switch_control()};
    sl__stack_pool_init(&rt->stacks, l, sizeof(struct sl__fiber));
    sl__san_adopt(&rt->san);
    return 0;
}

void sl__fibers_finish(void)
{
    struct sl__fibers *rt = &sl__fibers_here;

    if (!rt->loop)
        return;
    assert(rt->live == 0 && !rt->current);
    sl__offload_free(rt->offload);
    sl__tasks_forget(rt);
    sl__list_remove(&rt->run.link);
    if (rt->warm)
        sl__stack_give(&rt->stacks, rt->warm);
    sl__stack_pool_finish(&rt->stacks);
    *rt = (struct sl__fibers){.loop = NULL};
}

unsigned sl__fibers_live(void)
{
    return sl__fibers_here.live;
}

struct sl__loop *sl__fibers_loop(void)
{
    return sl__fibers_here.loop;
}

int sl__fiber_start(struct sl__fiber **ret, void (*fn)(void *arg), void *arg)
{
    struct sl__fibers *rt = &sl__fibers_here;
    struct sl__stack *s;
    struct sl__fiber *f;

    if (ret)
        *ret = NULL;
    if (rt->live >= rt->max_live)
        return -EAGAIN;
    s = take_stack(rt);
    if (!s)
        return -ENOMEM;
    f = SL__OWNER(s, struct sl__fiber, stack);
    set_up(f, fn, arg);
    rt->live++;
    if (rt->current)
        make_ready(rt, f);
    else if (!run(rt, f, true))
        return 0;
    if (ret)
        *ret = f;
    return 0;
}

struct sl__fiber *sl__fiber_current(void)
{
    return sl__fibers_here.current;
}

int sl__fiber_give_way(void)
{
    struct sl__fibers *rt = &sl__fibers_here;
    struct sl__fiber *f = rt->current;

    if (!f)
        return -EDEADLK;
    suspend(rt, f, SL__FIBER_YIELDING, rt->loop->now);
    return is_cancelled(f) ? refuse(f) : 0;
}

int sl__fiber_wait(int64_t deadline)
{
    struct sl__fibers *rt = &sl__fibers_here;
    struct sl__fiber *f = rt->current;

    if (!f)
        return -EDEADLK;
    if (is_cancelled(f))
        return sl__fiber_give_way();
    if (!f->woken) {
        suspend(rt, f, SL__FIBER_WAITING, deadline);
        if (is_cancelled(f))
            return refuse(f);
        if (!f->woken)
            return f->timed_out ? -ETIMEDOUT : 0;
    }
    f->woken = false;
    return 0;
}

void sl__fiber_wake(struct sl__fiber *f)
{
    f->woken = true;
    if (f->state == SL__FIBER_WAITING)
        make_ready(&sl__fibers_here, f);
}

bool sl__fiber_is_cancelled(const struct sl__fiber *f)
{
    return is_cancelled(f);
}

void sl__fiber_interrupt(struct sl__fiber *f)
{
    if (f->state == SL__FIBER_WAITING && is_cancelled(f))
        make_ready(&sl__fibers_here, f);
}

void sl__fiber_cancel(struct sl__fiber *f)
{
    f->cancelled = true;
    sl__fiber_interrupt(f);
}

bool sl__fiber_cancelled(void)
{
    const struct sl__fiber *f = sl__fibers_here.current;

    return f && is_cancelled(f);
}

void sl__fiber_shield(bool on)
{
    struct sl__fiber *f = sl__fibers_here.current;

    if (!f)
        return;
    assert(on || f->shield > 0);
    f->shield += on ? 1 : -1u;
}

void sl__fiber_set_label(struct sl__fiber *f, const char *label)
{
    f->label = label;
}

const char *sl__fiber_label(const struct sl__fiber *f)
{
    return f->label;
}

void sl__fiber_set_user(struct sl__fiber *f, void *user)
{
    f->user = user;
}

void *sl__fiber_user(struct sl__fiber *f)
{
    return f->user;
}
