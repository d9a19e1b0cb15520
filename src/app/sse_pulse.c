/*
 * Heartbeats: a comment to every stream that has been silent for long.
 *
 * Streams with the same interval are in one list, in the order in which they spoke last, and have
 * one timer, for the first of them: a stream that speaks goes to the end. Those that are nearly due
 * get theirs along with the first, or the timer would fire for each.
 */
#include <errno.h>

#include "app/app.h"
#include "app/sse.h"
#include "base/mem.h"
#include "base/time.h"
#include "http/event.h"

static int64_t interval(const struct sl__sse_pulse *p)
{
    return p->every_ms * SL__MS;
}

static sl_sse *first(const struct sl__sse_pulse *p)
{
    return SL__OWNER(p->streams.next, sl_sse, beat);
}

/* What is queued already finds out as much; out of memory, the next one will do. */
static void beat(sl_sse *s)
{
    if (s->answer.queued == 0)
        sl__detached_push(&s->answer, s->pulse->beat);
    sl__sse_pulse_spoke(s);
}

static void on_timer(struct sl__timer *t)
{
    struct sl__sse_pulse *p = SL__OWNER(t, struct sl__sse_pulse, timer);
    int64_t now = p->loop->now, due = now - interval(p) + interval(p) / 16;

    while (first(p)->spoke <= due)
        beat(first(p));
    sl__timer_start(p->loop, t, first(p)->spoke + interval(p));
}

static struct sl__sse_pulse *pulse_new(struct sl__sse *shared, struct sl__loop *l,
                                       unsigned every_ms)
{
    struct sl__sse_pulse *p = sl__try_alloc_zeroed(sizeof *p);

    if (!p)
        return NULL;
    p->beat = sl__event_heartbeat();
    if (!p->beat) {
        sl__free(p);
        return NULL;
    }
    p->loop = l;
    p->timer.fire = on_timer;
    p->every_ms = every_ms;
    sl__list_init(&p->streams);
    p->next = shared->pulses;
    shared->pulses = p;
    return p;
}

static struct sl__sse_pulse *pulse_of(struct sl__sse *shared, struct sl__loop *l, unsigned every_ms)
{
    for (struct sl__sse_pulse *p = shared->pulses; p; p = p->next)
        if (p->every_ms == every_ms)
            return p;
    return pulse_new(shared, l, every_ms);
}

int sl__sse_pulse_start(struct sl__sse *shared, sl_sse *s, unsigned every_ms)
{
    struct sl__loop *l = sl__fibers_loop();

    if (!l || every_ms == SL_SSE_NEVER) /* no loop: a test's */
        return 0;
    s->pulse = pulse_of(shared, l, every_ms);
    if (!s->pulse)
        return -ENOMEM;
    sl__sse_pulse_spoke(s);
    if (!sl__timer_running(&s->pulse->timer))
        sl__timer_start(l, &s->pulse->timer, l->now + interval(s->pulse));
    return 0;
}

void sl__sse_pulse_spoke(sl_sse *s)
{
    if (!s->pulse)
        return;
    s->spoke = s->pulse->loop->now;
    sl__list_remove(&s->beat);
    sl__list_append(&s->pulse->streams, &s->beat);
}

void sl__sse_pulse_stop(struct sl__sse *shared, sl_sse *s)
{
    struct sl__sse_pulse *p = s->pulse, **at = &shared->pulses;

    if (!p)
        return;
    s->pulse = NULL;
    sl__list_remove(&s->beat);
    if (!sl__list_empty(&p->streams))
        return;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    sl__timer_stop(p->loop, &p->timer);
    sl__piece_unref(p->beat);
    sl__free(p);
}
