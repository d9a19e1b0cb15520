/*
 * One worker's life as the supervisor sees it: spawned into the lowest free slot, asked to leave,
 * and killed when its time is over.
 *
 * Comes from the other supervisor files, which decide who should live. What a worker does by itself
 * (HELLO, READY, dying) comes through supervisor.c.
 */
#include "cluster/supervisor_state.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"

#define ABORT_GRACE (5 * SL__SEC) /* for writing a core */
#define LEAVE_GRACE (1 * SL__SEC) /* beyond the deadline that the worker itself keeps */

/* The lowest one, so that the scoreboard stays short. SL__SLOTS: none is free. */
static unsigned free_slot(const struct sl__supervisor *s)
{
    unsigned slot = 0;

    while (slot < s->slots_used && s->workers[slot].id)
        slot++;
    return slot;
}

unsigned sl__sv_slot_of(const struct sl__supervisor *s, uint32_t id)
{
    for (unsigned slot = 0; slot < s->slots_used; slot++) {
        if (s->workers[slot].id == id && id != 0)
            return slot;
    }
    return SL__SLOTS;
}

bool sl__sv_spawn(struct sl__supervisor *s, struct sl__sv_generation *g, struct sl__sv_position *p,
                  int64_t now)
{
    unsigned slot = free_slot(s);

    assert(!p->holder);
    if (slot == SL__SLOTS)
        return false;
    s->workers[slot] = (struct sl__sv_worker){
        .id = ++s->last_id,
        .generation = g->number,
        .state = SL__WORKER_STARTING,
        .deadline = now + s->config.ready_ns,
    };
    if (slot == s->slots_used)
        s->slots_used++;
    p->holder = slot + 1;
    p->due = SL__NEVER;
    s->actions.spawn(s->actions.self, s->last_id, slot, g->number, g == &s->candidate);
    return true;
}

/* Connections can be handed over only to somebody who serves. */
static bool another_serves(const struct sl__supervisor *s, const struct sl__sv_worker *w)
{
    for (unsigned slot = 0; slot < s->slots_used; slot++) {
        const struct sl__sv_worker *other = &s->workers[slot];

        if (other != w && other->id && other->state == SL__WORKER_READY && !other->leaving &&
            !other->aborted)
            return true;
    }
    return false;
}

void sl__sv_dismiss(struct sl__supervisor *s, struct sl__sv_worker *w, enum sl__drain_kind kind,
                    int64_t now)
{
    bool serves = w->state == SL__WORKER_READY;

    if (w->leaving)
        return;
    w->leaving = true;
    w->state = SL__WORKER_DRAINING;
    if (w->aborted)
        return; /* it dies already, and the deadline of that stands */
    if (serves) {
        w->deadline = now + s->config.drain_ns + LEAVE_GRACE;
        s->actions.drain(s->actions.self, w->id, another_serves(s, w) ? kind : SL__LEAVE_STOP,
                         s->config.drain_ns);
    } else { /* nobody is served yet, and nobody may be listening to the channel */
        w->deadline = now + LEAVE_GRACE;
        s->actions.kill(s->actions.self, w->id, SIGTERM);
    }
}

void sl__sv_kill(struct sl__supervisor *s, struct sl__sv_worker *w)
{
    if (w->killed)
        return;
    w->leaving = w->killed = true;
    w->state = SL__WORKER_DRAINING;
    w->deadline = SL__NEVER;
    s->actions.kill(s->actions.self, w->id, SIGKILL);
}

void sl__sv_impatient(struct sl__supervisor *s, struct sl__sv_worker *w, int64_t now)
{
    char reason[80];

    if (w->leaving || w->aborted) {
        if (w->leaving && !w->aborted)
            sl__sv_say(s, SL__WARN, "worker %u did not leave in time: killing it", w->id);
        w->killed = true;
        w->deadline = SL__NEVER;
        s->actions.kill(s->actions.self, w->id, SIGKILL);
        return;
    }
    w->aborted = true;
    w->deadline = now + ABORT_GRACE;
    s->actions.kill(s->actions.self, w->id, SIGABRT);
    snprintf(reason, sizeof reason, "worker %u was not ready within %.1f s", w->id,
             (double)s->config.ready_ns / 1e9);
    if (w->generation == s->candidate.number)
        sl__sv_candidate_failed(s, reason, now);
    else
        sl__sv_say(s, SL__WARN, "%s: aborting it", reason);
}

const char *sl__sv_cause(const struct sl__exit *exit, char *buf, size_t len)
{
    const char *name = exit->signal ? sigabbrev_np(exit->signal) : NULL;

    if (name)
        snprintf(buf, len, "SIG%s", name);
    else if (exit->signal)
        snprintf(buf, len, "signal %d", exit->signal);
    else
        snprintf(buf, len, "exit code %d", exit->code);
    return buf;
}
