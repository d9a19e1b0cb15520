/*
 * When a worker has done enough: after so many requests, or with so much memory, it asks the master
 * to be replaced, and is told to leave once another is ready. And the CPU it keeps to.
 *
 * Comes from counting.c and from a timer; leaves as a frame to the master, who may have no time for
 * it at present (a reload is going on): so it is said again after a while.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "serve/serving.h"

#define LOOK_AGAIN SL__SEC

static void ask(struct sl__serving *s, const char *why)
{
    if (!s->worker || !s->accepting || s->draining)
        return;
    sl__worker_retire(s->worker, why);
    sl__channel_flush(sl__worker_channel(s->worker)); /* the loop may be about to fall asleep */
}

static void look(struct sl__timer *t)
{
    struct sl__serving *s = SL__OWNER(t, struct sl__serving, memory);
    uint64_t now = sl__resident(getpid());
    char why[64];

    if (now > s->app->options.max_rss) {
        snprintf(why, sizeof why, "%.1f MB of memory", (double)now / 1e6);
        ask(s, why);
    }
    sl__timer_start(&s->loop, t, s->loop.now + LOOK_AGAIN);
}

void sl__retire_by_requests(struct sl__serving *s, uint64_t served)
{
    char why[64];

    s->counting.retire_at = served + s->app->options.max_requests / 8 + 1;
    snprintf(why, sizeof why, "%" PRIu64 " requests", served);
    ask(s, why);
}

void sl__retire_start(struct sl__serving *s)
{
    uint64_t most = s->app->options.max_requests;

    /* Spread over an eighth, or workers that began together would all leave at the same time. */
    if (most > 0)
        s->counting.retire_at = most + most / 8 * (sl_worker_id() * UINT64_C(5) % 8) / 8;
    s->memory.fire = look;
    if (s->app->options.max_rss > 0)
        sl__timer_start(&s->loop, &s->memory, s->loop.now + LOOK_AGAIN);
}

void sl__retire_stop(struct sl__serving *s)
{
    sl__timer_stop(&s->loop, &s->memory);
    s->counting.retire_at = UINT64_MAX;
}

void sl__affinity_start(const struct sl__serving *s)
{
    size_t nth = (size_t)(s->slot - s->board.slots);
    cpu_set_t all, one;
    int count;

    if (!s->app->options.affinity || sched_getaffinity(0, sizeof all, &all) < 0)
        return;
    count = CPU_COUNT(&all);
    if (count < 2)
        return;
    nth %= (size_t)count;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all) || nth-- > 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one) == 0)
            sl__log(SL__DEBUG, "keeps to CPU %zu", cpu);
        return;
    }
}
