/*
 * The supervisor's door: every event comes in here, is noted, and is followed by one look at what
 * should be (reconcile), from which the actions follow.
 *
 * Comes from cluster/master.c, which performs, and from tests/sim, which pretends to. Leaves
 * through the actions, the wish to be woken, and at last finished().
 */
#include "cluster/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cluster/supervisor_state.h"
#include "shallot/cluster.h"

static unsigned clamp_instances(const struct sl__supervisor *s, int64_t wanted)
{
    if (wanted < 1 || s->config.development)
        return 1;
    return wanted > SL__INSTANCES_MAX ? SL__INSTANCES_MAX : (unsigned)wanted;
}

/* A position that finds no slot stays due; the next exit frees one. */
static void spawn_due(struct sl__supervisor *s, struct sl__sv_generation *g, int64_t now)
{
    for (unsigned i = 0; i < g->count; i++) {
        struct sl__sv_position *p = &g->positions[i];

        if (!p->holder && p->due <= now && !sl__sv_spawn(s, g, p, now))
            return;
    }
}

static void finish_if_empty(struct sl__supervisor *s)
{
    if (s->slots_used > 0 || s->finished)
        return;
    s->finished = true;
    s->actions.finished(s->actions.self, s->status);
}

/* Times that have passed belong to positions that wait for a slot: an exit wakes them. */
static int64_t next_due(const struct sl__sv_generation *g, int64_t now)
{
    int64_t next = g->settled_at;

    for (unsigned i = 0; i < g->count; i++) {
        const struct sl__sv_position *p = &g->positions[i];

        if (!p->holder && p->due > now && p->due < next)
            next = p->due;
    }
    return next;
}

static void plan(struct sl__supervisor *s, int64_t now)
{
    int64_t wake = SL__NEVER;

    if (!s->stopping) {
        int64_t times[] = {next_due(&s->current, now), next_due(&s->candidate, now),
                           sl__sv_budget_wake(s, now)};

        for (unsigned i = 0; i < 3; i++)
            wake = times[i] < wake ? times[i] : wake;
    }
    for (unsigned slot = 0; slot < s->slots_used; slot++) {
        if (s->workers[slot].id && s->workers[slot].deadline < wake)
            wake = s->workers[slot].deadline;
    }
    if (wake == s->wake)
        return;
    s->wake = wake;
    s->actions.wake_at(s->actions.self, wake);
}

static void settled(struct sl__supervisor *s, int64_t now)
{
    if (!s->held) {
        sl__sv_promote(s, now);
        return;
    }
    s->candidate.settled_at = SL__NEVER;
    s->proven = true;
    s->actions.proven(s->actions.self, s->candidate.number);
}

static bool nobody_is_of_use(const struct sl__supervisor *s)
{
    for (unsigned i = 0; i < s->current.count; i++)
        if (!s->current.positions[i].given_up)
            return false;
    return s->candidate.number == 0 && !s->config.development;
}

static void end_if_of_no_use(struct sl__supervisor *s)
{
    if (!nobody_is_of_use(s))
        return;
    sl__sv_say(s, SL__ERROR, "no worker is left that wants to be started");
    s->stopping = true;
    s->status = SL_EXIT_STAY_DOWN;
}

static void reconcile(struct sl__supervisor *s, int64_t now)
{
    if (!s->started || s->finished)
        return;
    if (!s->stopping) {
        if (s->candidate.settled_at <= now)
            settled(s, now);
        sl__sv_resize(s, now);
        sl__sv_roll(s, now);
        sl__sv_budget_check(s, now);
        spawn_due(s, &s->current, now);
        spawn_due(s, &s->candidate, now);
        end_if_of_no_use(s);
    }
    plan(s, now);
    if (s->stopping)
        finish_if_empty(s);
}

/* The position that a worker is about to leave to another. */
static struct sl__sv_position *retired_from(struct sl__supervisor *s, unsigned slot)
{
    for (unsigned i = 0; i < s->current.count; i++) {
        if (s->current.positions[i].retiring == slot + 1)
            return &s->current.positions[i];
    }
    return NULL;
}

static struct sl__sv_position *position_of(struct sl__supervisor *s, unsigned slot)
{
    for (unsigned i = 0; i < s->current.count; i++) {
        if (s->current.positions[i].holder == slot + 1)
            return &s->current.positions[i];
    }
    return NULL;
}

/* It said itself that starting it again is of no use. */
static void stays_down(struct sl__supervisor *s, struct sl__sv_position *p,
                       const struct sl__exit *exit)
{
    p->given_up = true;
    sl__sv_say(s, SL__WARN, "worker %d ended (exit code %d): it asks not to be started again",
               exit->pid, exit->code);
}

/* The first line is the seed's, word for word; a respawn that is not immediate says when it is. */
static void died(struct sl__supervisor *s, const struct sl__sv_worker *w, unsigned slot,
                 const struct sl__exit *exit, int64_t now)
{
    struct sl__sv_position *p = position_of(s, slot);
    char buf[32], then[48];

    assert(p);
    p->holder = 0;
    p->due = SL__NEVER;
    if (exit->signal == 0 && exit->code == SL_EXIT_STAY_DOWN) {
        stays_down(s, p, exit);
        return;
    }
    if (s->config.development && w->state != SL__WORKER_READY)
        snprintf(then, sizeof then, "waiting for the next change");
    else {
        sl__sv_backoff(s, p, w, exit->served, now);
        if (p->due == SL__NEVER)
            snprintf(then, sizeof then, "waiting for another to stay up");
        else if (p->due <= now)
            snprintf(then, sizeof then, "restarting...");
        else
            snprintf(then, sizeof then, "restarting... in %.1f s", (double)(p->due - now) / 1e9);
    }
    if (!exit->pid && exit->reason) { /* there was no process */
        sl__sv_say(s, SL__WARN, "%s. %s", exit->reason, then);
        return;
    }
    sl__sv_say(s, s->config.told && exit->signal ? SL__DEBUG : SL__WARN, "worker %d died (%s). %s",
               exit->pid, sl__sv_cause(exit, buf, sizeof buf), then);
    if (exit->reason && exit->reason[0])
        sl__sv_say(s, SL__WARN, "worker %d: %s", exit->pid, exit->reason);
}

static void candidate_died(struct sl__supervisor *s, const struct sl__exit *exit, int64_t now)
{
    char buf[32], reason[512];
    bool said = exit->reason && exit->reason[0];

    if (!exit->pid && said) /* there was no process */
        snprintf(reason, sizeof reason, "%s", exit->reason);
    else
        snprintf(reason, sizeof reason, "worker %d died (%s)%s%s", exit->pid,
                 sl__sv_cause(exit, buf, sizeof buf), said ? ": " : "", said ? exit->reason : "");
    sl__sv_candidate_failed(s, reason, now);
}

/* Dying of what we sent is leaving, too. */
static void left(struct sl__supervisor *s, const struct sl__sv_worker *w,
                 const struct sl__exit *exit)
{
    char buf[32];

    if ((exit->signal == 0 && exit->code == 0) || exit->signal == SIGTERM || w->killed ||
        w->aborted)
        sl__sv_say(s, SL__DEBUG, "worker %d left", exit->pid);
    else
        sl__sv_say(s, SL__WARN, "worker %d died (%s) while it was leaving", exit->pid,
                   sl__sv_cause(exit, buf, sizeof buf));
}

/* Its successor is on its way, or will be when it is due. */
static void died_retiring(struct sl__supervisor *s, struct sl__sv_position *p,
                          const struct sl__exit *exit)
{
    char buf[32];

    p->retiring = 0;
    sl__sv_say(s, SL__WARN, "worker %d died (%s) before it was replaced", exit->pid,
               sl__sv_cause(exit, buf, sizeof buf));
}

/* A candidate's slot is forgotten with the worker, before anything looks at its holder. */
static struct sl__sv_worker release(struct sl__supervisor *s, unsigned slot)
{
    struct sl__sv_worker w = s->workers[slot];

    s->workers[slot] = (struct sl__sv_worker){0};
    while (s->slots_used > 0 && !s->workers[s->slots_used - 1].id)
        s->slots_used--;
    for (unsigned i = 0; i < s->candidate.count; i++) {
        if (s->candidate.positions[i].holder == slot + 1)
            s->candidate.positions[i] = (struct sl__sv_position){.due = SL__NEVER};
    }
    return w;
}

struct sl__supervisor *sl__supervisor_new(const struct sl__supervisor_config *config,
                                          const struct sl__supervisor_actions *actions)
{
    struct sl__supervisor *s = sl__alloc_zeroed(sizeof *s);

    s->config = *config;
    s->actions = *actions;
    if (config->development)
        s->config.crash_budget = 0; /* the next change is the retry */
    s->instances = clamp_instances(s, config->instances);
    s->random = config->seed;
    s->wake = INT64_MIN;
    s->current.settled_at = s->candidate.settled_at = SL__NEVER;
    return s;
}

void sl__supervisor_free(struct sl__supervisor *s)
{
    sl__free(s);
}

void sl__supervisor_start(struct sl__supervisor *s, int64_t now)
{
    if (s->started)
        return;
    s->started = true;
    s->current.number = ++s->last_generation;
    reconcile(s, now);
}

void sl__supervisor_hello(struct sl__supervisor *s, uint32_t id, int64_t now)
{
    unsigned slot = sl__sv_slot_of(s, id);

    if (slot != SL__SLOTS && s->workers[slot].state == SL__WORKER_STARTING)
        s->workers[slot].state = SL__WORKER_JOINING;
    reconcile(s, now);
}

void sl__supervisor_ready(struct sl__supervisor *s, uint32_t id, int64_t now)
{
    unsigned slot = sl__sv_slot_of(s, id);
    struct sl__sv_worker *w = &s->workers[slot % SL__SLOTS];

    struct sl__sv_position *p;

    if (slot == SL__SLOTS || w->state != SL__WORKER_JOINING || w->aborted)
        return;
    w->state = SL__WORKER_READY;
    w->ready_at = now;
    w->deadline = SL__NEVER;
    if (w->generation == s->candidate.number && sl__sv_candidate_ready(s))
        s->candidate.settled_at = now + s->config.settle_ns;
    sl__sv_candidate_next(s, now);
    p = position_of(s, slot);
    if (p)
        sl__sv_relieve(s, p, now);
    reconcile(s, now);
}

void sl__supervisor_exited(struct sl__supervisor *s, uint32_t id, const struct sl__exit *exit,
                           int64_t now)
{
    unsigned slot = sl__sv_slot_of(s, id);
    struct sl__sv_worker w;

    if (slot == SL__SLOTS)
        return;
    w = release(s, slot);
    if (w.leaving)
        left(s, &w, exit);
    else if (w.generation == s->candidate.number)
        candidate_died(s, exit, now);
    else if (w.generation != s->current.number) /* it was to leave in its turn */
        sl__sv_say(s, SL__WARN, "worker %d died before it was told to leave", exit->pid);
    else if (retired_from(s, slot))
        died_retiring(s, retired_from(s, slot), exit);
    else
        died(s, &w, slot, exit, now);
    reconcile(s, now);
}

void sl__supervisor_reload(struct sl__supervisor *s, int64_t now)
{
    if (!s->started || s->stopping)
        return;
    if (s->candidate.number)
        sl__sv_say(s, SL__DEBUG, "generation %u is given up for a newer one", s->candidate.number);
    sl__sv_candidate_end(s, now);
    sl__sv_candidate_begin(s, now);
    reconcile(s, now);
}

void sl__supervisor_try(struct sl__supervisor *s, int64_t now)
{
    if (!s->started || s->stopping)
        return;
    sl__sv_candidate_end(s, now);
    sl__sv_candidate_begin(s, now);
    s->held = true;
    reconcile(s, now);
}

void sl__supervisor_accept(struct sl__supervisor *s, int64_t now)
{
    if (!s->candidate.number || !s->proven || s->stopping)
        return;
    sl__sv_promote(s, now);
    reconcile(s, now);
}

void sl__supervisor_reject(struct sl__supervisor *s, const char *reason, int64_t now)
{
    if (!s->candidate.number || !s->held || s->stopping)
        return;
    sl__sv_candidate_failed(s, reason, now);
    reconcile(s, now);
}

bool sl__supervisor_reloading(const struct sl__supervisor *s)
{
    return s->candidate.number != 0;
}

void sl__supervisor_stop(struct sl__supervisor *s, bool fast, int64_t now)
{
    bool again = s->stopping;

    s->started = s->stopping = true;
    s->candidate.number = s->candidate.count = 0; /* its workers leave with the others */
    for (unsigned slot = 0; slot < s->slots_used; slot++) {
        struct sl__sv_worker *w = &s->workers[slot];

        if (!w->id)
            continue;
        if (fast || again)
            sl__sv_kill(s, w);
        else
            sl__sv_dismiss(s, w, SL__LEAVE_STOP, now);
    }
    reconcile(s, now);
}

void sl__supervisor_scale(struct sl__supervisor *s, int by, int64_t now)
{
    unsigned wanted = clamp_instances(s, (int64_t)s->instances + by);

    if (s->stopping || wanted == s->instances)
        return;
    s->instances = wanted;
    sl__sv_say(s, SL__INFO, "%u worker%s wanted", wanted, wanted == 1 ? "" : "s");
    reconcile(s, now);
}

int sl__supervisor_retire(struct sl__supervisor *s, uint32_t id, int64_t now)
{
    unsigned slot = sl__sv_slot_of(s, id);
    struct sl__sv_position *p;

    if (slot == SL__SLOTS)
        return -ESRCH;
    p = position_of(s, slot);
    if (!p || p->retiring || s->stopping || s->workers[slot].state != SL__WORKER_READY)
        return -EBUSY;
    p->retiring = slot + 1;
    p->holder = 0;
    p->due = now;
    reconcile(s, now);
    return 0;
}

void sl__supervisor_set_instances(struct sl__supervisor *s, unsigned instances, int64_t now)
{
    s->instances = clamp_instances(s, instances);
    if (!s->promoting)
        reconcile(s, now);
}

void sl__supervisor_set_times(struct sl__supervisor *s, int64_t drain_ns, int64_t ready_ns)
{
    s->config.drain_ns = drain_ns;
    s->config.ready_ns = ready_ns;
}

void sl__supervisor_tick(struct sl__supervisor *s, int64_t now)
{
    s->wake = INT64_MIN; /* the timer is spent */
    for (unsigned slot = 0; slot < s->slots_used; slot++) {
        struct sl__sv_worker *w = &s->workers[slot];

        if (w->id && w->deadline <= now)
            sl__sv_impatient(s, w, now);
    }
    reconcile(s, now);
}

enum sl__worker_state sl__supervisor_state(const struct sl__supervisor *s, uint32_t id)
{
    unsigned slot = sl__sv_slot_of(s, id);

    return slot == SL__SLOTS ? SL__WORKER_GONE : s->workers[slot].state;
}

unsigned sl__supervisor_ready_count(const struct sl__supervisor *s)
{
    unsigned count = 0;

    for (unsigned slot = 0; slot < s->slots_used; slot++)
        count += s->workers[slot].id && s->workers[slot].state == SL__WORKER_READY;
    return count;
}

unsigned sl__supervisor_generation(const struct sl__supervisor *s)
{
    return s->current.number;
}

unsigned sl__supervisor_candidate(const struct sl__supervisor *s)
{
    return s->candidate.number;
}

unsigned sl__supervisor_instances(const struct sl__supervisor *s)
{
    return s->instances;
}

bool sl__supervisor_exhausted(const struct sl__supervisor *s)
{
    return s->exhausted;
}

int64_t sl__supervisor_due(const struct sl__supervisor *s)
{
    int64_t due = SL__NEVER;

    for (unsigned i = 0; i < s->current.count; i++) {
        const struct sl__sv_position *p = &s->current.positions[i];

        if (!p->holder && p->due < due)
            due = p->due;
    }
    return due;
}

void sl__sv_say(struct sl__supervisor *s, enum sl__level level, const char *fmt, ...)
{
    char line[640];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    s->actions.log(s->actions.self, level, line);
}
