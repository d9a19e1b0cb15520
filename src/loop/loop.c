/*
 * The event loop: where a process spends its life.
 *
 * The kernel comes in with a batch of events, the clock with the time; out go the callbacks of
 * timers, watches and tasks, in that order, once per tick. A watch may be removed, and its memory
 * freed, by any callback: removing it wipes its event from the rest of the batch in hand. The
 * steady state costs one epoll_wait and one reading of the clock per tick and allocates nothing.
 */
#include "loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "loop/timer.h"

#define BATCH 256

/* How long epoll may sleep. The time known is that of the last waking, and the tick may have worked
 * long since. A near timer is worth another look at the clock; for a far one we wake up early once,
 * and look again then. */
static SL__HOT int sleep_ms(struct sl__loop *l, int most)
{
    int64_t at, left;

    if (!sl__list_empty(&l->tasks) || most == 0)
        return 0;
    at = sl__timers_next(l);
    if (at == INT64_MAX)
        return most;
    left = at <= l->now ? 0 : at - l->now;
    if (left >= SL__SEC) {
        left -= SL__SEC / 2;
    } else if (left > 0) {
        l->now = sl__sys_now();
        left = at - l->now;
    }
    if (left <= 0)
        return 0;
    left = (left + SL__MS - 1) / SL__MS; /* rounded up, or the loop would spin in the last one */
    if (most >= 0 && left > most)
        return most;
    return left < INT_MAX ? (int)left : INT_MAX;
}

static void run_watches(struct sl__loop *l)
{
    struct epoll_event *events = l->events;

    while (l->event_at < l->event_count) {
        struct epoll_event *ev = &events[l->event_at++];
        struct sl__watch *w = ev->data.ptr;
        uint32_t ready;

        if (!w)
            continue;
        ready = ev->events & (w->events | EPOLLERR | EPOLLHUP); /* modified meanwhile? */
        if (ready)
            w->ready(w, ready);
    }
    l->event_at = l->event_count = 0;
}

static void run_tasks(struct sl__loop *l)
{
    struct sl__link *link;

    while ((link = sl__list_take(&l->tasks))) {
        struct sl__task *t = SL__OWNER(link, struct sl__task, link);
        t->run(t);
    }
}

static SL__HOT int tick(struct sl__loop *l, int timeout_ms)
{
    int n;

    timeout_ms = sleep_ms(l, timeout_ms);
    if (l->tick.before)
        l->tick.before(l->tick.self);
    n = sl__sys_epoll_wait(l->epfd, l->events, BATCH, timeout_ms);
    if (n == -EINTR) /* by a stop and SIGCONT, too: what happened meanwhile comes with the time */
        n = sl__sys_epoll_wait(l->epfd, l->events, BATCH, 0);
    l->now = sl__sys_now();
    if (l->tick.after)
        l->tick.after(l->tick.self);
    if (n < 0 && n != -EINTR)
        return n;
    l->event_at = 0;
    l->event_count = n > 0 ? n : 0;
    sl__timers_fire(l);
    run_watches(l);
    run_tasks(l);
    return 0;
}

int sl__loop_init(struct sl__loop *l)
{
    *l = (struct sl__loop){.due = INT64_MIN};
    sl__list_init(&l->tasks);
    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epfd < 0)
        return -errno;
    l->events = sl__alloc(BATCH * sizeof(struct epoll_event));
    l->now = sl__sys_now();
    return 0;
}

void sl__loop_finish(struct sl__loop *l)
{
    if (!l->events) /* zeroed, or init failed: 0 is somebody else's descriptor */
        return;
    close(l->epfd);
    sl__free(l->events);
    sl__timers_finish(l);
    *l = (struct sl__loop){.epfd = -1};
    sl__list_init(&l->tasks);
}

SL__HOT int sl__loop_run(struct sl__loop *l)
{
    int r = 0;

    l->now = sl__sys_now();
    while (r == 0 && !l->stopping)
        r = tick(l, -1);
    l->stopping = false;
    return r;
}

int sl__loop_once(struct sl__loop *l, int timeout_ms)
{
    if (timeout_ms != 0)
        l->now = sl__sys_now(); /* the caller may have done anything since the last tick */
    return tick(l, timeout_ms);
}

void sl__loop_stop(struct sl__loop *l)
{
    l->stopping = true;
}

int sl__loop_add(struct sl__loop *l, struct sl__watch *w)
{
    struct epoll_event ev = {.events = w->events, .data.ptr = w};

    return sl__sys_epoll_ctl(l->epfd, EPOLL_CTL_ADD, w->fd, &ev);
}

int sl__loop_modify(struct sl__loop *l, struct sl__watch *w, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = w};
    int r;

    if (events == w->events && !(events & EPOLLET))
        return 0;
    r = sl__sys_epoll_ctl(l->epfd, EPOLL_CTL_MOD, w->fd, &ev);
    if (r == 0)
        w->events = events;
    return r;
}

void sl__loop_remove(struct sl__loop *l, struct sl__watch *w)
{
    struct epoll_event *events = l->events;

    /* Past the seam: a removal that fails has no right handling, so no test should have to see one.
     */
    epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, NULL);
    for (int i = l->event_at; i < l->event_count; i++)
        if (events[i].data.ptr == w)
            events[i].data.ptr = NULL;
}
