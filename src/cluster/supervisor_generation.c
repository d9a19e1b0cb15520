/*
 * Generations: the current one, which serves, and during a reload the candidate beside it.
 *
 * Comes from supervisor.c when new code is there, when a candidate's worker is READY or dead, and
 * whenever the number of workers may be wrong. The current generation is not touched before the
 * candidate has proved itself; whatever happens to a candidate costs nothing but its own workers.
 */
#include "cluster/supervisor_state.h"

#include <string.h>

static struct sl__sv_worker *holder_of(struct sl__supervisor *s, const struct sl__sv_position *p)
{
    return p->holder ? &s->workers[p->holder - 1] : NULL;
}

static bool is_ready(const struct sl__sv_worker *w)
{
    return w->id && w->state == SL__WORKER_READY && !w->leaving;
}

/* True if @p a is to go before @p b: a vacant position, or who is not READY yet, costs nobody. */
static bool goes_before(struct sl__supervisor *s, const struct sl__sv_position *a,
                        const struct sl__sv_position *b)
{
    const struct sl__sv_worker *x = holder_of(s, a), *y = holder_of(s, b);

    if (!x || !y)
        return !x && y;
    return is_ready(x) == is_ready(y) ? x->id > y->id : is_ready(y);
}

static struct sl__sv_position *most_dispensable(struct sl__supervisor *s)
{
    struct sl__sv_generation *g = &s->current;
    struct sl__sv_position *best = &g->positions[0];

    for (unsigned i = 1; i < g->count; i++)
        if (goes_before(s, &g->positions[i], best))
            best = &g->positions[i];
    return best;
}

void sl__sv_candidate_begin(struct sl__supervisor *s, int64_t now)
{
    struct sl__sv_generation *g = &s->candidate;

    g->number = ++s->last_generation;
    g->count = s->instances;
    g->settled_at = SL__NEVER;
    s->held = s->proven = false;
    for (unsigned i = 0; i < g->count; i++)
        g->positions[i] =
            (struct sl__sv_position){.due = i > 0 && s->config.rolling ? SL__NEVER : now};
}

void sl__sv_candidate_next(struct sl__supervisor *s, int64_t now)
{
    struct sl__sv_generation *g = &s->candidate;

    for (unsigned i = 0; i < g->count && s->config.rolling; i++) {
        if (!g->positions[i].holder) {
            g->positions[i].due = now;
            return;
        }
        if (holder_of(s, &g->positions[i])->state != SL__WORKER_READY)
            return;
    }
}

/* A worker that neither the current generation nor the candidate knows, and that serves on until it
 * is its turn. */
static bool is_left_over(const struct sl__supervisor *s, const struct sl__sv_worker *w)
{
    return w->id && w->generation != s->current.number && w->generation != s->candidate.number;
}

void sl__sv_roll(struct sl__supervisor *s, int64_t now)
{
    struct sl__sv_worker *next = NULL;

    if (!s->config.rolling)
        return;
    for (unsigned slot = 0; slot < s->slots_used; slot++) {
        struct sl__sv_worker *w = &s->workers[slot];

        if (!is_left_over(s, w))
            continue;
        if (w->leaving)
            return;
        if (!next)
            next = w;
    }
    if (next)
        sl__sv_dismiss(s, next, SL__LEAVE_HAND_OVER, now);
}

/* Gently: one that is READY may be answering somebody already, and its word of that may still be on
 * its way. */
void sl__sv_candidate_end(struct sl__supervisor *s, int64_t now)
{
    struct sl__sv_generation *g = &s->candidate;

    for (unsigned i = 0; i < g->count; i++) {
        struct sl__sv_worker *w = holder_of(s, &g->positions[i]);

        if (w)
            sl__sv_dismiss(s, w, SL__LEAVE_HAND_OVER, now);
    }
    g->number = 0;
    g->count = 0;
    g->settled_at = SL__NEVER;
}

void sl__sv_candidate_failed(struct sl__supervisor *s, const char *reason, int64_t now)
{
    unsigned number = s->candidate.number;

    sl__sv_candidate_end(s, now);
    sl__sv_say(s, s->config.told ? SL__DEBUG : SL__WARN,
               "generation %u failed: %s; generation %u stays%s", number, reason, s->current.number,
               s->config.development ? ", waiting for the next change" : "");
    s->actions.failed(s->actions.self, number, reason);
}

bool sl__sv_candidate_ready(const struct sl__supervisor *s)
{
    const struct sl__sv_generation *g = &s->candidate;

    for (unsigned i = 0; i < g->count; i++) {
        if (!g->positions[i].holder ||
            s->workers[g->positions[i].holder - 1].state != SL__WORKER_READY)
            return false;
    }
    return g->number != 0;
}

void sl__sv_promote(struct sl__supervisor *s, int64_t now)
{
    unsigned old = s->current.number;

    s->current = s->candidate;
    s->current.settled_at = SL__NEVER;
    s->candidate.number = 0;
    s->candidate.count = 0;
    s->candidate.settled_at = SL__NEVER;
    sl__sv_budget_reset(s);
    sl__sv_say(s, s->config.told ? SL__DEBUG : SL__INFO,
               "generation %u serves, generation %u leaves", s->current.number, old);
    s->promoting = true;
    s->actions.good(s->actions.self, s->current.number);
    s->promoting = false;
    for (unsigned slot = 0; slot < s->slots_used && s->config.rolling; slot++) {
        struct sl__sv_worker *w = &s->workers[slot];

        /* Those that serve go one by one, by sl__sv_roll(). */
        if (w->id && w->generation != s->current.number && w->state != SL__WORKER_READY)
            sl__sv_dismiss(s, w, SL__LEAVE_HAND_OVER, now);
    }
    for (unsigned slot = 0; slot < s->slots_used && !s->config.rolling; slot++) {
        struct sl__sv_worker *w = &s->workers[slot];

        if (w->id && w->generation != s->current.number)
            sl__sv_dismiss(s, w, SL__LEAVE_HAND_OVER, now);
    }
}

void sl__sv_relieve(struct sl__supervisor *s, struct sl__sv_position *p, int64_t now)
{
    unsigned slot = p->retiring;

    p->retiring = 0;
    if (slot)
        sl__sv_dismiss(s, &s->workers[slot - 1], SL__LEAVE_HAND_OVER, now);
}

void sl__sv_resize(struct sl__supervisor *s, int64_t now)
{
    struct sl__sv_generation *g = &s->current;

    while (g->count > s->instances) {
        struct sl__sv_position *p = most_dispensable(s);
        struct sl__sv_worker *w = holder_of(s, p);

        sl__sv_relieve(s, p, now);
        *p = g->positions[--g->count];
        if (w)
            sl__sv_dismiss(s, w, SL__LEAVE_HAND_OVER, now);
    }
    while (g->count < s->instances)
        g->positions[g->count++] = (struct sl__sv_position){.due = s->exhausted ? SL__NEVER : now};
}
