/*
 * Waiting for time, descriptors and threads: each a loop around sl__fiber_wait() and a condition of
 * its own.
 *
 * Handlers come in through the public functions at the end, everybody inside through sl__wait_*().
 * What the loop is lent while they wait (a watch, a job) lies on the fiber's own stack and is taken
 * back before the function returns.
 */
#include "fiber/wait.h"

#include <errno.h>
#include <poll.h>
#include <shallot/fiber.h>
#include <sys/epoll.h>

#include "base/sys.h"
#include "base/time.h"
#include "fiber/runtime.h"
#include "loop/offload.h"

#define OFFLOAD_THREADS 4

_Static_assert(POLLIN == EPOLLIN && POLLPRI == EPOLLPRI && POLLOUT == EPOLLOUT &&
                   POLLERR == EPOLLERR && POLLHUP == EPOLLHUP && POLLRDHUP == EPOLLRDHUP,
               "poll's events are epoll's");

struct fd_wait {
    struct sl__watch watch;
    struct sl__fiber *fiber;
    int ready;
};

struct job_wait {
    struct sl__job job;
    struct sl__fiber *fiber;
    bool done;
};

int64_t sl__wait_until(int64_t ns)
{
    int64_t now = sl__sys_now(); /* not the loop's: the handler may have computed for long */

    return ns < SL__FOREVER - now ? now + ns : SL__FOREVER;
}

int sl__wait_on(int64_t deadline)
{
    int r = sl__fiber_wait(deadline);

    return r == 0 && sl__fibers_here.loop->now >= deadline ? -ETIMEDOUT : r;
}

static void on_ready(struct sl__watch *watch, uint32_t events)
{
    struct fd_wait *w = SL__OWNER(watch, struct fd_wait, watch);

    w->ready |= (int)events;
    sl__fiber_wake(w->fiber);
}

static void on_done(struct sl__job *job)
{
    struct job_wait *w = SL__OWNER(job, struct job_wait, job);

    w->done = true;
    sl__fiber_wake(w->fiber);
}

static int await_job(struct sl__offload *o, struct job_wait *w)
{
    bool shielded = false;

    while (!w->done) {
        if (sl__fiber_wait(SL__FOREVER) == 0 || w->done)
            continue;
        if (sl__offload_cancel(o, &w->job))
            return -ECANCELED;
        sl__fiber_shield(true); /* a thread is at it, with our storage */
        shielded = true;
    }
    if (shielded)
        sl__fiber_shield(false);
    return w->job.result;
}

int sl__wait_time(int64_t ns)
{
    int64_t deadline;
    int r;

    if (ns <= 0)
        return sl__fiber_give_way();
    deadline = sl__wait_until(ns);
    do
        r = sl__wait_on(deadline);
    while (r == 0);
    return r == -ETIMEDOUT ? 0 : r;
}

int sl__wait_fd(int fd, int poll_events, int64_t deadline)
{
    struct sl__fibers *rt = &sl__fibers_here;
    struct fd_wait w = {.fiber = rt->current};
    int r;

    if (!w.fiber)
        return -EDEADLK;
    w.watch = (struct sl__watch){
        .fd = fd, .events = (uint32_t)(poll_events & SL__POLL_EVENTS), .ready = on_ready};
    r = sl__loop_add(rt->loop, &w.watch);
    if (r == -EPERM) { /* a regular file, always ready, as poll(2) says */
        r = sl__wait_time(0);
        return r < 0 ? r : poll_events & (POLLIN | POLLOUT);
    }
    if (r < 0)
        return r == -EEXIST ? -EBUSY : r;
    do
        r = sl__wait_on(deadline);
    while (r == 0 && !w.ready);
    sl__loop_remove(rt->loop, &w.watch);
    if (r == -ETIMEDOUT && w.ready)
        r = 0;
    return r < 0 ? r : w.ready;
}

int sl__wait_offload(int (*fn)(void *arg), void *arg)
{
    struct sl__fibers *rt = &sl__fibers_here;
    struct job_wait w = {.fiber = rt->current};
    int r;

    if (!w.fiber)
        return -EDEADLK;
    if (sl__fiber_cancelled())
        return sl__fiber_wait(SL__FOREVER);
    if (!rt->offload)
        rt->offload = sl__offload_new(rt->loop, OFFLOAD_THREADS);
    if (!rt->offload)
        return -ENOMEM;
    w.job.run = fn;
    w.job.arg = arg;
    w.job.done = on_done;
    r = sl__offload_submit(rt->offload, &w.job);
    return r < 0 ? -ENOMEM : await_job(rt->offload, &w);
}

struct sl__fiber *sl__fiber_blamed(void)
{
    struct sl__fiber *f = sl__fibers_here.current;
    struct sl__job *job = sl__job_running;

    if (!f && job && job->done == on_done)
        f = SL__OWNER(job, struct job_wait, job)->fiber;
    return f && f->root ? f->root : f;
}

int sl_sleep(unsigned ms)
{
    return sl__wait_time(ms * SL__MS);
}

int sl_wait_fd(int fd, int events, int timeout_ms)
{
    return sl__wait_fd(fd, events,
                       timeout_ms < 0 ? SL__FOREVER : sl__wait_until(timeout_ms * SL__MS));
}

int sl_offload(int (*fn)(void *arg), void *arg)
{
    return sl__wait_offload(fn, arg);
}

int sl_shield(int (*fn)(void *arg), void *arg)
{
    int r;

    sl__fiber_shield(true);
    r = fn(arg);
    sl__fiber_shield(false);
    return r;
}
