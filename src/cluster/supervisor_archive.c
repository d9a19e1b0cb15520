/*
 * The supervisor on its way through an exec of the master.
 *
 * Comes from master_upgrade.c. Times are monotonic, and the same for the new program. What is read
 * is checked as far as everything else relies on it: slots and holders point to each other.
 */
#include "cluster/supervisor_state.h"

#include "cluster/archive.h"

#include <errno.h>

static void archive_worker(struct sl__archive *a, struct sl__sv_worker *w)
{
    uint32_t state = w->state;

    sl__archive_u32(a, &w->id);
    sl__archive_u32(a, &w->generation);
    sl__archive_u32(a, &state);
    sl__archive_bool(a, &w->leaving);
    sl__archive_bool(a, &w->aborted);
    sl__archive_bool(a, &w->killed);
    sl__archive_i64(a, &w->ready_at);
    sl__archive_i64(a, &w->deadline);
    if (state > SL__WORKER_DRAINING)
        a->error = -EBADMSG;
    w->state = (enum sl__worker_state)state;
}

static void archive_generation(struct sl__archive *a, struct sl__sv_generation *g)
{
    size_t count = g->count;

    sl__archive_u32(a, &g->number);
    sl__archive_size(a, &count, SL__INSTANCES_MAX);
    sl__archive_i64(a, &g->settled_at);
    g->count = (unsigned)count;
    for (unsigned i = 0; i < g->count; i++) {
        struct sl__sv_position *p = &g->positions[i];

        sl__archive_u32(a, &p->holder);
        sl__archive_u32(a, &p->retiring);
        sl__archive_u32(a, &p->deaths);
        sl__archive_i64(a, &p->due);
    }
}

static bool sound(const struct sl__supervisor *s, const struct sl__sv_generation *g)
{
    for (unsigned i = 0; i < g->count; i++) {
        unsigned holder = g->positions[i].holder;

        if (g->positions[i].retiring > s->slots_used || holder > s->slots_used ||
            (holder && s->workers[holder - 1].id == 0))
            return false;
    }
    return true;
}

void sl__supervisor_archive(struct sl__supervisor *s, struct sl__archive *a)
{
    size_t used = s->slots_used;

    sl__archive_mark(a, "SUPV");
    sl__archive_i64(a, &s->config.drain_ns);
    sl__archive_i64(a, &s->config.ready_ns);
    sl__archive_bool(a, &s->started);
    sl__archive_bool(a, &s->stopping);
    sl__archive_bool(a, &s->finished);
    sl__archive_bool(a, &s->held);
    sl__archive_bool(a, &s->proven);
    sl__archive_bool(a, &s->exhausted);
    sl__archive_u32(a, &s->crashes);
    sl__archive_u32(a, &s->instances);
    sl__archive_u32(a, &s->last_id);
    sl__archive_u32(a, &s->last_generation);
    sl__archive_u64(a, &s->random);
    sl__archive_size(a, &used, SL__SLOTS);
    s->slots_used = (unsigned)used;
    for (unsigned i = 0; i < s->slots_used; i++)
        archive_worker(a, &s->workers[i]);
    archive_generation(a, &s->current);
    archive_generation(a, &s->candidate);
    s->wake = INT64_MIN;
    if (a->error == 0 && !s->stopping && /* then positions are not looked after any more */
        (s->instances < 1 || s->instances > SL__INSTANCES_MAX || !sound(s, &s->current) ||
         !sound(s, &s->candidate)))
        a->error = -EBADMSG;
}
