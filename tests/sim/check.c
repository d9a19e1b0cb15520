/*
 * What must be true in the simulation: the invariants of SEMANTICS CL1-CL9, CL12, IP1-IP8, DV4 that
 * can be seen without sockets.
 *
 * A message's body carries its position, so each worker knows what lies between two messages it is
 * given, and the sum of what it was meant to get and did not must be what GAP frames told it,
 * before.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define ONCE_OCTETS (TASKS * (sizeof(struct sl__note) + 3)) /* what tasks leave is always kept */

void check_failed(struct world *w, const char *fmt, ...)
{
    va_list args;

    if (w->failed)
        return;
    w->failed = true;
    va_start(args, fmt);
    vsnprintf(w->failure, sizeof w->failure, fmt, args);
    va_end(args);
}

static bool to_everybody(uint32_t target)
{
    return target >= SL__TO_RETAINED;
}

static bool meant_for(const struct record *record, uint32_t id)
{
    if (record->target == SL__TO_OTHERS)
        return record->from != id;
    return to_everybody(record->target) || record->target == id;
}

void check_apply(struct shared *state, uint64_t position)
{
    state->count++;
    state->hash = (state->hash ^ position) * UINT64_C(0x9e3779b97f4a7c15);
    state->hash ^= state->hash >> 29;
}

/* Everything before @position that was meant for the worker and has not come will not come. */
static void skip_to(struct world *w, struct worker *k, uint64_t position)
{
    for (; k->cursor < position; k->cursor++) {
        const struct record *record = &w->records[k->cursor];

        if (!meant_for(record, k->id))
            continue;
        if (record->target == k->id && k->cursor < k->connected_at)
            continue; /* then there was nobody of that name */
        if (record->topic != NO_TOPIC && k->last[record->topic] == k->cursor)
            continue; /* came before, as a last value */
        k->skipped++;
        k->skipped_broadcast += to_everybody(record->target);
    }
    if (k->joined)
        CHECK(w, k->skipped <= k->gaps, "worker %u missed %llu, was told of %llu", k->id,
              (unsigned long long)k->skipped, (unsigned long long)k->gaps);
}

void check_message(struct world *w, struct worker *k, uint64_t position)
{
    const struct record *record = &w->records[position];

    trace(w, "worker %u takes %llu", k->id, (unsigned long long)position);
    CHECK(w, position > 0 && position < w->position, "a message from nowhere");
    CHECK(w, meant_for(record, k->id), "message %llu is not for worker %u",
          (unsigned long long)position, k->id);
    if (position < k->cursor) {
        CHECK(w, record->target == SL__TO_RETAINED && !k->joined && k->last[record->topic] == 0,
              "worker %u got message %llu after %llu", k->id, (unsigned long long)position,
              (unsigned long long)k->cursor);
    } else {
        skip_to(w, k, position);
        k->cursor = position + 1;
    }
    if (record->topic != NO_TOPIC) {
        CHECK(w, k->last[record->topic] < position, "an older value of a retained topic");
        k->last[record->topic] = position;
    }
    if (record->target == SL__TO_ALL)
        check_apply(&k->state, position);
}

void check_request(struct world *w, struct worker *k, uint64_t position)
{
    CHECK(w, k->joined, "a request for worker %u, which has not joined", k->id);
    CHECK(w, k->cursor <= position, "worker %u is asked after a later message", k->id);
    skip_to(w, k, position);
}

void check_join_state(struct world *w, struct worker *k, const struct shared *state)
{
    trace(w, "worker %u takes the state at %llu", k->id, (unsigned long long)state->position);
    CHECK(w, k->shares, "a state for worker %u, which shares none", k->id);
    if (!k->joined) {
        k->cursor = state->position;
        k->skipped = k->skipped_broadcast = 0;
    } else {
        CHECK(w, k->joined_at <= state->position, "worker %u goes back", k->id);
        skip_to(w, k, state->position);
    }
    k->state = *state;
}

void check_gap(struct world *w, struct worker *k, uint64_t missed)
{
    CHECK(w, missed > 0, "an empty gap");
    k->gaps += missed;
}

/* Then it has no last value for those who come now. */
static bool forgotten(const struct world *w, unsigned topic)
{
    return topic < TOPICS && w->forgotten[topic];
}

void check_joined(struct world *w, struct worker *k, uint64_t position)
{
    CHECK(w, !k->joined, "worker %u joined twice", k->id);
    skip_to(w, k, position);
    CHECK(w, k->gaps > 0 || k->skipped == 0, "worker %u joined with messages missing", k->id);
    CHECK(w, k->gaps == k->skipped_broadcast, "worker %u joined with %llu missing, told %llu",
          k->id, (unsigned long long)k->skipped_broadcast, (unsigned long long)k->gaps);
    for (unsigned t = 0; t < TOPICS + TASKS; t++) {
        uint64_t last = k->last[t];

        CHECK(w, last != 0 || w->last[t] == 0 || w->last[t] >= k->cursor || forgotten(w, t),
              "worker %u joined without a retained value", k->id);
    }
    k->joined_at = k->cursor;
    k->gaps = k->skipped = 0;
}

/* Nothing is remembered of requests whose asker or answerer is gone. */
static void check_requests(struct world *w)
{
    const struct sl__relay *r = w->relay;

    for (struct sl__link *at = r->asked.next; at != &r->asked; at = at->next) {
        const struct sl__asked *a = SL__OWNER(at, struct sl__asked, link);

        CHECK(w, w->workers[a->asker].connected && w->workers[a->answerer].connected,
              "a request of worker %u to worker %u, which is gone", a->asker, a->answerer);
    }
}

static void check_supervisor(struct world *w)
{
    unsigned current = sl__supervisor_generation(w->supervisor), live[2] = {0, 0};

    for (size_t i = 0; i < w->live_count; i++) {
        const struct worker *k = &w->workers[w->live[i]];

        enum sl__worker_state state = sl__supervisor_state(w->supervisor, k->id);

        CHECK(w, state != SL__WORKER_GONE, "worker %u lives but is forgotten", k->id);
        if (k->told || (k->aborted && state == SL__WORKER_DRAINING))
            continue;
        CHECK(w, !w->stopped, "worker %u was not told of the stop", k->id);
        if (k->generation == current)
            live[0]++;
        else if (k->generation == w->candidate_generation)
            live[1]++;
        else if (!w->config
                      .rolling) /* else it waits for its turn; check_quiet() sees that it comes */
            check_failed(w, "worker %u of generation %u was left behind", k->id, k->generation);
    }
    CHECK(w, live[0] <= (w->retired ? 2 : 1) * w->instances, "%u workers instead of %u", live[0],
          w->instances);
    CHECK(w, live[1] <= w->candidate_count, "%u candidates", live[1]);
}

void check_always(struct world *w)
{
    const struct sl__relay *r = w->relay;
    size_t soft = r->limits.log_bytes > 4200 ? r->limits.log_bytes : 4200; /* the largest state */

    CHECK(w, r->position == w->position, "the relay lost count");
    CHECK(w, !r->donor || w->workers[r->donor].connected, "the dead are asked for their state");
    CHECK(w, r->logging || (!r->snapshot && r->log_octets == 0), "a log that nobody needs");
    CHECK(w, r->retained_octets <= r->limits.retained_bytes + ONCE_OCTETS, "too much is retained");
    check_requests(w);
    CHECK(w, r->log_octets <= soft + r->limits.queue_bytes, "the log is too long");
    check_supervisor(w);
}

/* @first: some worker that shares. */
static void check_worker(struct world *w, struct worker *k, const struct worker *first)
{
    CHECK(w, sl__supervisor_state(w->supervisor, k->id) == SL__WORKER_READY,
          "worker %u is not READY in the end", k->id);
    CHECK(w, k->generation == sl__supervisor_generation(w->supervisor),
          "worker %u is of generation %u", k->id, k->generation);
    CHECK(w, k->count == 0, "worker %u has frames left", k->id);
    skip_to(w, k, w->position);
    CHECK(w, k->skipped == k->gaps, "worker %u missed %llu, told of %llu", k->id,
          (unsigned long long)k->skipped, (unsigned long long)k->gaps);
    for (unsigned t = 0; t < TOPICS + TASKS; t++)
        CHECK(w, k->last[t] == w->last[t] || (k->last[t] < w->last[t] && forgotten(w, t)),
              "worker %u has not the last value of topic %u", k->id, t);
    for (unsigned t = 0; t < TASKS; t++)
        CHECK(w, !k->asked[t] || k->failed_task[t] || w->task_done[t],
              "worker %u waits for a task for ever", k->id);
    if (!k->shares)
        return;
    CHECK(w, k->state.count == first->state.count && k->state.hash == first->state.hash,
          "workers %u and %u differ: %llu and %llu", k->id, first->id,
          (unsigned long long)k->state.count, (unsigned long long)first->state.count);
    if (w->relay->last_line == 0)
        CHECK(w, k->state.count == w->truth.count && k->state.hash == w->truth.hash,
              "worker %u has counted %llu of %llu", k->id, (unsigned long long)k->state.count,
              (unsigned long long)w->truth.count);
}

void check_quiet(struct world *w)
{
    const struct worker *sharing = NULL;

    CHECK(w, w->heap_count == 0, "events without end");
    CHECK(w, w->wake == INT64_MAX, "a timer without need");
    CHECK(w, sl__relay_awaited(w->relay) == 0, "a state is awaited without end");
    CHECK(w, sl__list_empty(&w->relay->asked) && w->relay->asked_by.used == 0,
          "a request is open without end");
    CHECK(w, sl__supervisor_ready_count(w->supervisor) == w->instances, "%u workers READY, not %u",
          sl__supervisor_ready_count(w->supervisor), w->instances);
    CHECK(w, w->live_count == w->instances, "%zu workers live, not %u", w->live_count,
          w->instances);
    for (size_t i = 0; i < w->live_count; i++) {
        if (w->workers[w->live[i]].shares)
            sharing = &w->workers[w->live[i]];
    }
    for (size_t i = 0; i < w->live_count; i++)
        check_worker(w, &w->workers[w->live[i]], sharing);
    w->seen.lines += w->relay->last_line > 0;
}

void check_gone(struct world *w)
{
    CHECK(w, w->finished, "the stop does not end");
    CHECK(w, w->live_count == 0, "%zu workers survive", w->live_count);
    CHECK(w, w->relay->peer_count == 0, "the relay remembers the dead");
}
