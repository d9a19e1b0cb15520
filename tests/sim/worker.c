/*
 * The workers of the simulation: what a program does between being spawned and being gone, well or
 * badly, by the weather.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static int64_t soon(struct world *w, int64_t most)
{
    return w->now + between(w, 0, most);
}

static bool misfortune(struct world *w, const struct worker *k, unsigned percent)
{
    return !w->weather.quiet && (chance(w, percent) || (k->bad && chance(w, 70)));
}

void worker_spawned(struct world *w, uint32_t id, unsigned slot, unsigned generation,
                    bool candidate)
{
    struct worker *k = &w->workers[id];

    *k = (struct worker){.id = id, .slot = slot, .generation = generation, .running = true};
    w->last_id = id;
    w->live[w->live_count++] = id;
    if (generation >= GENERATIONS_MAX) {
        check_failed(w, "too many generations");
        return;
    }
    if (candidate || generation == 1) {
        w->bad[generation] = w->generation_bad;
        w->shares[generation] = w->generation_shares;
    }
    k->shares = w->shares[generation];
    k->bad = w->bad[generation];
    k->never_ready = misfortune(w, k, w->weather.never);
    k->stubborn = !w->weather.quiet && chance(w, w->weather.stubborn);
    k->pace = chance(w, w->weather.slow) ? 50 * SL__MS : SL__MS / 10;
    k->exit_code = 0;
    if (misfortune(w, k, w->weather.die_boot)) {
        schedule(w, soon(w, 300 * SL__MS), EVENT_WORKER, id, ACT_DIE);
        if (chance(w, 50))
            return;
    }
    schedule(w, soon(w, 100 * SL__MS), EVENT_WORKER, id, ACT_HELLO);
}

/* What it has said up to a moment still reaches the master; then the master learns of its end. */
void worker_die(struct world *w, struct worker *k, int code, int signal)
{
    trace(w, "worker %u dies (%d, %d)", k->id, code, signal);
    k->running = false;
    k->exit_code = code;
    k->exit_signal = signal;
    k->cut_at = code == 0 ? (k->out_at > w->now ? k->out_at : w->now) : soon(w, 5 * SL__MS);
    schedule(w, k->cut_at + 1, EVENT_EXIT, k->id, 0);
}

void worker_signal(struct world *w, struct worker *k, int signal)
{
    if (!k->running)
        return;
    if (signal == SIGKILL || !k->stubborn)
        worker_die(w, k, -1, signal);
}

static void wake(struct world *w, struct worker *k)
{
    int64_t at = w->now + k->pace;

    if (k->consuming || k->count == 0 || !k->running)
        return;
    k->consuming = true;
    schedule(w, at > k->stuck_until ? at : k->stuck_until, EVENT_WORKER, k->id, ACT_CONSUME);
}

void worker_push(struct world *w, struct worker *k, const struct parcel *p)
{
    if (!k->running)
        return;
    if (k->count == k->size) {
        size_t size = k->size ? 2 * k->size : 16;
        struct parcel *grown = malloc(size * sizeof *grown);

        if (!grown)
            abort();
        for (size_t i = 0; i < k->count; i++)
            grown[i] = k->queue[(k->first + i) % k->size];
        free(k->queue);
        k->queue = grown;
        k->size = size;
        k->first = 0;
    }
    k->queue[(k->first + k->count++) % k->size] = *p;
    k->octets += p->octets;
    k->was_high = k->was_high || k->octets > w->limits.queue_bytes / 4;
    wake(w, k);
}

void worker_frame(struct world *w, struct worker *k, enum sl__frame_type type, uint32_t target,
                  uint8_t topic)
{
    struct event *e;
    int64_t at = soon(w, 2 * SL__MS);

    k->out_at = at > k->out_at ? at : k->out_at;
    e = schedule(w, k->out_at, EVENT_FRAME, k->id, type);
    e->target = target;
    e->topic = topic;
    if (type == SL__FRAME_SEND)
        e->size = (uint32_t)sizeof(uint64_t) + below(w, below(w, 5) ? 100 : 1500);
    if (type == SL__FRAME_STATE) {
        e->state = k->state;
        e->size = (uint32_t)sizeof e->state + (w->weather.big_states ? below(w, 3900) : 0);
    }
}

/* A frame that has to do with a request. */
static void frame_about(struct world *w, struct worker *k, enum sl__frame_type type,
                        uint32_t target, uint32_t number, uint32_t size)
{
    struct event *e;
    int64_t at = soon(w, 2 * SL__MS);

    k->out_at = at > k->out_at ? at : k->out_at;
    e = schedule(w, k->out_at, EVENT_FRAME, k->id, type);
    e->target = target;
    e->number = number;
    e->size = size;
}

static void joined(struct world *w, struct worker *k, uint64_t position)
{
    check_joined(w, k, position);
    k->joined = true;
    for (unsigned i = 0; i < TASKS; i++) {
        if (chance(w, 50)) {
            k->asked[i] = true;
            if (chance(w, 10)) /* asking twice is not running twice */
                worker_frame(w, k, SL__FRAME_ONCE_ASK, 0, (uint8_t)(TOPICS + i));
            worker_frame(w, k, SL__FRAME_ONCE_ASK, 0, (uint8_t)(TOPICS + i));
        }
    }
    if (misfortune(w, k, w->weather.die_join))
        schedule(w, soon(w, 300 * SL__MS), EVENT_WORKER, k->id, ACT_DIE);
    else if (!k->never_ready)
        schedule(w, soon(w, 100 * SL__MS), EVENT_WORKER, k->id, ACT_READY);
}

static void granted(struct world *w, struct worker *k, unsigned task)
{
    CHECK(w, k->asked[task] && !k->runs[task], "worker %u granted what it did not ask for", k->id);
    CHECK(w, !w->task_done[task], "a task granted after it was done");
    for (size_t i = 0; i < w->live_count; i++)
        CHECK(w, !w->workers[w->live[i]].runs[task], "a task runs twice");
    k->runs[task] = true;
    schedule(w, soon(w, 500 * SL__MS), EVENT_WORKER, k->id, ACT_ONCE_END)->topic = (uint8_t)task;
}

void worker_request(struct world *w, struct worker *k)
{
    uint32_t target = chance(w, 50) ? SL__TO_ANY : w->live[below(w, (unsigned)w->live_count)];
    uint32_t number = k->last_request + 1;

    if (chance(w, 10))
        target = 1 + below(w, w->last_id + 2); /* gone, or never there */
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        if (k->open[i])
            continue;
        k->open[i] = k->last_request = number;
        w->seen.requests++;
        frame_about(w, k, SL__FRAME_REQUEST, target, number, below(w, 5) ? 100 : 1500);
        schedule(w, w->now + between(w, 1, 4000) * SL__MS, EVENT_WORKER, k->id, ACT_DEADLINE)
            ->number = number;
        return;
    }
}

/* True if it was open. */
static bool close_request(struct worker *k, uint32_t number)
{
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        if (k->open[i] == number) {
            k->open[i] = 0;
            return true;
        }
    }
    return false;
}

static void deadline(struct world *w, struct worker *k, uint32_t number)
{
    if (close_request(k, number))
        frame_about(w, k, SL__FRAME_FORGET, 0, number, 0);
}

static void asked(struct world *w, struct worker *k, const struct parcel *p)
{
    struct event *e;

    check_request(w, k, p->position);
    if (!w->weather.quiet && chance(w, 10))
        return; /* it hangs: the asker's deadline ends it */
    e = schedule(w, soon(w, chance(w, 20) ? 4 * SL__SEC : 10 * SL__MS), EVENT_WORKER, k->id,
                 ACT_ANSWER);
    e->target = p->from;
    e->number = p->target;
}

static void heard(struct world *w, struct worker *k, const struct parcel *p)
{
    bool open = close_request(k, p->target);

    trace(w, "worker %u hears %u of its request %u from worker %u", k->id, p->type, p->target,
          p->from);
    CHECK(w, p->target > 0 && p->target <= k->last_request, "a reply to no request");
    CHECK(w, ++k->heard <= k->last_request, "worker %u got two replies to one request", k->id);
    w->seen.late += !open;
    w->seen.replies += open && p->type == SL__FRAME_REPLY;
    w->seen.refusals += open && p->type == SL__FRAME_REFUSAL;
}

static void take_parcel(struct world *w, struct worker *k, const struct parcel *p)
{
    switch (p->type) {
    case SL__FRAME_MESSAGE:
        check_message(w, k, p->position);
        break;
    case SL__FRAME_GAP:
        check_gap(w, k, p->missed);
        break;
    case SL__FRAME_JOIN_STATE:
        check_join_state(w, k, &p->state);
        break;
    case SL__FRAME_JOINED:
        joined(w, k, p->position);
        break;
    case SL__FRAME_ASK:
        CHECK(w, k->cursor <= p->position, "worker %u is ahead of its own ASK", k->id);
        k->state.position = p->position;
        worker_frame(w, k, SL__FRAME_STATE, p->target, NO_TOPIC);
        break;
    case SL__FRAME_ONCE_GRANT:
        granted(w, k, p->topic - TOPICS);
        break;
    case SL__FRAME_REQUEST:
        asked(w, k, p);
        break;
    case SL__FRAME_REPLY:
    case SL__FRAME_REFUSAL:
        heard(w, k, p);
        break;
    case SL__FRAME_DRAIN:
        k->draining = true;
        if (!k->stubborn)
            schedule(w, soon(w, 1000 * SL__MS), EVENT_WORKER, k->id, ACT_LEAVE);
        break;
    default:
        check_failed(w, "frame %u for worker %u", p->type, k->id);
    }
}

static void consume(struct world *w, struct worker *k)
{
    k->consuming = false;
    if (k->stuck_until > w->now && !w->weather.quiet) {
        wake(w, k);
        return;
    }
    for (unsigned n = 1 + below(w, 8); n > 0 && k->count > 0; n--) {
        struct parcel p = k->queue[k->first];

        k->first = (k->first + 1) % k->size;
        k->count--;
        k->octets -= p.octets;
        take_parcel(w, k, &p);
    }
    wake(w, k);
    if (k->was_high && k->octets <= w->limits.queue_bytes / 4) {
        k->was_high = false;
        if (k->connected)
            sl__relay_writable(w->relay, k->id);
    }
}

static void once_end(struct world *w, struct worker *k, unsigned task)
{
    bool succeeded = w->weather.quiet || chance(w, 70);

    k->failed_task[task] = !succeeded;
    worker_frame(w, k, SL__FRAME_ONCE_DONE, succeeded, (uint8_t)(TOPICS + task));
}

void worker_act(struct world *w, struct worker *k, enum act act, const struct event *e)
{
    switch (act) {
    case ACT_HELLO:
        if (chance(w, 1))
            worker_frame(w, k, SL__FRAME_HELLO, 0, NO_TOPIC);
        worker_frame(w, k, SL__FRAME_HELLO, 0, NO_TOPIC);
        break;
    case ACT_READY:
        k->served = chance(w, 60);
        if (misfortune(w, k, w->weather.die_ready))
            schedule(w, soon(w, 5 * SL__SEC), EVENT_WORKER, k->id, ACT_DIE);
        if (!w->weather.quiet && chance(w, w->weather.stuck))
            k->stuck_until = soon(w, 9 * SL__SEC);
        worker_frame(w, k, SL__FRAME_READY, 0, NO_TOPIC);
        break;
    case ACT_DIE:
        if (!w->weather.quiet)
            worker_die(w, k, e->order % 2 ? 3 : -1, e->order % 2 ? 0 : SIGSEGV);
        break;
    case ACT_LEAVE:
        worker_die(w, k, 0, 0);
        break;
    case ACT_CONSUME:
        consume(w, k);
        break;
    case ACT_ONCE_END:
        once_end(w, k, e->topic);
        break;
    case ACT_ANSWER:
        if (chance(w, 80))
            frame_about(w, k, SL__FRAME_REPLY, e->target, e->number, below(w, 5) ? 100 : 1500);
        else
            frame_about(w, k, SL__FRAME_REFUSAL, e->target, e->number, sizeof(int32_t));
        break;
    case ACT_DEADLINE:
        deadline(w, k, e->number);
        break;
    }
}
