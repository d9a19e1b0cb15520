/*
 * The watchdog: a worker that does not come back from one tick is ended, and says where it was.
 *
 * The timer comes in four times within the watchdog's time. A worker is guilty when it is seen
 * twice in the same tick, so that a master that was itself stopped, or a clock that jumped, kills
 * nobody; and when nobody debugs it. Out goes SIGABRT to its main thread, where it becomes a crash
 * like any other, and SIGKILL if that does not end it.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "cluster/aftermath.h"
#include "cluster/master_state.h"

#define LAST_GRACE (5 * SL__SEC)

static int64_t every(const struct sl__master *m)
{
    return m->config.watchdog_ms * SL__MS / 4;
}

static void end(struct sl__member *w)
{
    struct sl__master *m = w->master;

    w->stuck_ms = m->config.watchdog_ms;
    sl__log(SL__ERROR, "worker %d is stuck: one tick takes longer than %u ms", w->pid,
            m->config.watchdog_ms);
    syscall(SYS_tgkill, w->pid, w->pid, SIGABRT);
    sl__timer_start(&m->loop, &w->patience, m->loop.now + LAST_GRACE); /* SIGKILL */
}

static void look_at(struct sl__member *w)
{
    struct sl__master *m = w->master;
    int64_t tick = atomic_load_explicit(&m->board.slots[w->slot].tick, memory_order_relaxed);

    if (!w->ready || w->stuck_ms || w->pid <= 0)
        return;
    if (tick != 0 && tick == w->stuck_tick &&
        m->loop.now - tick >= m->config.watchdog_ms * SL__MS &&
        !sl__is_traced(w->pid)) /* one that stands at a breakpoint is not stuck */
        end(w);
    w->stuck_tick = tick;
}

static void look(struct sl__timer *t)
{
    struct sl__master *m = SL__OWNER(t, struct sl__master, aftermath.watchdog);

    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next)
        look_at(SL__OWNER(at, struct sl__member, link));
    sl__timer_start(&m->loop, t, m->loop.now + every(m));
}

void sl__watchdog_start(struct sl__master *m)
{
    /* Under `shallot dev --debug` a crashed worker waits for its debugger, which takes time. */
    bool debugged = m->config.development && getenv("SHALLOT_DEBUG");

    m->aftermath.watchdog.fire = look;
    if (m->config.watchdog_ms > 0 && !debugged)
        sl__timer_start(&m->loop, &m->aftermath.watchdog, m->loop.now + every(m));
}

void sl__watchdog_stop(struct sl__master *m)
{
    sl__timer_stop(&m->loop, &m->aftermath.watchdog);
}
