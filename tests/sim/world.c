/*
 * The world: its time, its dice, its events in order, and the trouble it makes.
 *
 * Comes from sim.c with a seed, leaves when nothing is left to happen. What the master does with an
 * event is in master.c, what a worker does in worker.c.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

uint64_t draw(struct world *w)
{
    uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

unsigned below(struct world *w, unsigned n)
{
    return n > 1 ? (unsigned)((draw(w) >> 33) % n) : 0;
}

bool chance(struct world *w, unsigned percent)
{
    return below(w, 100) < percent;
}

int64_t between(struct world *w, int64_t low, int64_t high)
{
    return low + (int64_t)(draw(w) % (uint64_t)(high - low + 1));
}

static bool earlier(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

struct event *schedule(struct world *w, int64_t at, enum event_type type, uint32_t id,
                       uint32_t what)
{
    struct event e = {.at = at, .order = ++w->order, .type = type, .id = id, .what = what};
    size_t i = w->heap_count;

    if (w->heap_count == w->heap_size) {
        w->heap_size = w->heap_size ? 2 * w->heap_size : 256;
        w->heap = realloc(w->heap, w->heap_size * sizeof *w->heap);
        if (!w->heap)
            abort();
    }
    w->heap_count++;
    for (; i > 0 && earlier(&e, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = e;
    return &w->heap[i]; /* valid until the next event is scheduled or taken */
}

static struct event take_first(struct world *w)
{
    struct event first = w->heap[0], last = w->heap[--w->heap_count];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= w->heap_count)
            break;
        if (child + 1 < w->heap_count && earlier(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!earlier(&w->heap[child], &last))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return first;
}

static void draw_weather(struct world *w)
{
    static const unsigned levels[] = {0, 0, 2, 10, 30};
    struct weather *y = &w->weather;

    *y = (struct weather){
        .die_boot = levels[below(w, 5)],
        .die_join = levels[below(w, 5)],
        .die_ready = levels[below(w, 5)],
        .never = levels[below(w, 4)],
        .stubborn = levels[below(w, 5)],
        .stuck = levels[below(w, 5)],
        .slow = levels[below(w, 5)],
        .bad_generation = levels[below(w, 5)] * 2,
        .shares = chance(w, 85),
        .mixed = chance(w, 10),
        .big_states = chance(w, 20),
        .storms = chance(w, 50),
        .length = between(w, 1, 20) * SL__SEC / 2,
    };
    w->development = chance(w, 15);
    w->instances = w->development ? 1 : 1 + below(w, 5);
    w->generation_shares = y->shares;
    w->generation_bad = chance(w, y->bad_generation / 2);
}

static void plan_events(struct world *w)
{
    unsigned messages = below(w, 60), troubles = below(w, 12);

    for (unsigned i = 0; i < messages; i++)
        schedule(w, between(w, 0, w->weather.length), EVENT_MESSAGE, 0, 0);
    for (unsigned i = 0; i < troubles; i++)
        schedule(w, between(w, 0, w->weather.length), EVENT_TROUBLE, 0, 0);
}

void world_begin(struct world *w, uint64_t seed)
{
    struct sl__relay_actions to_relay = relay_actions;
    struct sl__supervisor_actions to_supervisor = supervisor_actions;

    w->seed = w->random = seed;
    w->failed = false;
    w->now = SL__SEC;
    w->wake = INT64_MAX;
    w->heap_count = 0;
    w->order = 0;
    w->stopped = w->finished = w->retired = false;
    w->candidate_count = w->candidate_generation = 0;
    w->last_id = w->ask_number = 0;
    w->live_count = 0;
    w->position = 1;
    w->truth = (struct shared){0};
    memset(w->last, 0, sizeof w->last);
    memset(w->task_done, 0, sizeof w->task_done);
    memset(w->forgotten, 0, sizeof w->forgotten);
    w->to_master_due = 0;
    draw_weather(w);
    w->limits = (struct sl__relay_limits){
        .queue_bytes = (size_t)between(w, 1500, 12000),
        .message_bytes = 2048,
        .log_bytes = (size_t)between(w, 400, 6000),
        .retained_bytes = (size_t)between(w, 200, 6000),
    };
    w->config = (struct sl__supervisor_config){
        .instances = w->instances,
        .development = w->development,
        .rolling = chance(w, 25),
        .drain_ns = between(w, 1, 30) * SL__SEC / 10,
        .ready_ns = between(w, 10, 60) * SL__SEC / 10,
        .settle_ns = between(w, 0, 2) * SL__SEC / 10,
        .healthy_ns = SL__SEC,
        .backoff_min_ns = SL__SEC / 10,
        .backoff_max_ns = 10 * SL__SEC,
        .crash_budget = below(w, 4) ? 3 + below(w, 10) : 0,
        .seed = seed,
    };
    to_relay.self = to_supervisor.self = w;
    w->relay = sl__relay_new(&w->limits, &to_relay);
    w->supervisor = sl__supervisor_new(&w->config, &to_supervisor);
    w->weather.length += w->now;
    plan_events(w);
    trace(w, "%u instances%s%s, queue %zu, log %zu", w->instances,
          w->development ? ", development" : "", w->weather.shares ? ", shared state" : "",
          w->limits.queue_bytes, w->limits.log_bytes);
}

void world_end(struct world *w)
{
    sl__relay_free(w->relay);
    sl__supervisor_free(w->supervisor);
    for (uint32_t id = 1; id <= w->last_id && id < WORKERS_MAX; id++)
        free(w->workers[id].queue);
    memset(w->workers, 0, (w->last_id + 1) * sizeof w->workers[0]);
}

static void happen(struct world *w, const struct event *e)
{
    struct worker *k = &w->workers[e->id];

    switch (e->type) {
    case EVENT_WORKER:
        if (k->running)
            worker_act(w, k, (enum act)e->what, e);
        break;
    case EVENT_FRAME:
        if (k->running || e->at <= k->cut_at)
            world_frame(w, e);
        break;
    case EVENT_EXIT:
        world_exit(w, e->id);
        break;
    case EVENT_DONOR:
        if (sl__relay_awaited(w->relay) && sl__relay_ask_number(w->relay) == e->what) {
            trace(w, "donor %u does not answer", sl__relay_awaited(w->relay));
            w->seen.timeouts++;
            sl__relay_donor_timeout(w->relay, sl__relay_awaited(w->relay));
        }
        break;
    case EVENT_MESSAGE:
        world_message(w);
        break;
    case EVENT_VERDICT:
        world_verdict(w, e->what);
        break;
    case EVENT_TROUBLE:
        world_trouble(w);
        break;
    }
}

/* As the master: its timer belongs to one ask. */
static void watch_donor(struct world *w)
{
    if (!sl__relay_awaited(w->relay) || sl__relay_ask_number(w->relay) == w->ask_number)
        return;
    w->ask_number = sl__relay_ask_number(w->relay);
    schedule(w, w->now + 5 * SL__SEC, EVENT_DONOR, 0, w->ask_number);
}

void world_run(struct world *w, int64_t until)
{
    while (!w->failed && !w->finished) {
        int64_t next = w->heap_count > 0 ? w->heap[0].at : INT64_MAX;

        if ((next < w->wake ? next : w->wake) > until)
            return;
        if (w->wake < next) {
            w->now = w->wake > w->now ? w->wake : w->now;
            w->wake = INT64_MAX;
            sl__supervisor_tick(w->supervisor, w->now);
        } else {
            struct event e = take_first(w);

            w->now = e.at > w->now ? e.at : w->now;
            happen(w, &e);
        }
        watch_donor(w);
        check_always(w);
    }
}

static struct worker *any_live(struct world *w)
{
    return w->live_count ? &w->workers[w->live[below(w, (unsigned)w->live_count)]] : NULL;
}

void world_new_code(struct world *w)
{
    w->generation_bad = !w->weather.quiet && chance(w, w->weather.bad_generation);
    if (w->weather.mixed)
        w->generation_shares = chance(w, 60);
    w->candidate_count = w->instances;
    w->candidate_generation = 0;
    w->seen.reloads++;
}

void world_reload(struct world *w)
{
    if (w->stopped)
        return;
    world_new_code(w);
    trace(w, "RELOAD%s", w->generation_bad ? " (bad)" : "");
    sl__supervisor_reload(w->supervisor, w->now);
}

static void scale(struct world *w, int by)
{
    if (!w->development && !w->stopped) {
        int wanted = (int)w->instances + by;

        w->instances = wanted < 1 ? 1 : (unsigned)wanted;
    }
    trace(w, "SCALE %+d", by);
    sl__supervisor_scale(w->supervisor, by, w->now);
}

static void retire(struct world *w, const struct worker *k)
{
    int r = sl__supervisor_retire(w->supervisor, k->id, w->now);

    trace(w, "RETIRE worker %u: %d", k->id, r);
    w->retired = w->retired || r == 0;
    w->seen.retired += r == 0;
}

void world_stop(struct world *w, bool fast)
{
    trace(w, "STOP%s", fast ? " (fast)" : "");
    w->stopped = true;
    w->candidate_count = w->candidate_generation = 0;
    sl__supervisor_stop(w->supervisor, fast, w->now);
}

static void storm(struct world *w)
{
    trace(w, "STORM");
    for (unsigned n = 10 + below(w, below(w, 8) ? 60 : 300); n > 0; n--)
        world_message(w);
}

/* Nobody reads, and the master goes on sending: states are lost, and must be found again. */
static void flood(struct world *w)
{
    for (size_t i = 0; i < w->live_count; i++) {
        if (chance(w, 80))
            w->workers[w->live[i]].stuck_until = w->now + between(w, 1, 70) * SL__SEC / 10;
    }
    storm(w);
    schedule(w, w->now + between(w, 1, 3000) * SL__MS, EVENT_TROUBLE, 0, 0);
}

void world_trouble(struct world *w)
{
    struct worker *k = any_live(w);
    unsigned kind = below(w, 100);

    if (kind < 20)
        world_reload(w);
    else if (kind < 28)
        world_upgrade(w);
    else if (kind < 30)
        world_exec(w); /* at any moment, too */
    else if (kind < 36 && k)
        retire(w, k);
    else if (kind < 42)
        scale(w, chance(w, 50) ? 1 : -1);
    else if (kind < 55 && k && k->running)
        worker_die(w, k, -1, 9);
    else if (kind < 60) {
        for (size_t i = 0; i < w->live_count; i++) {
            if (w->workers[w->live[i]].running)
                worker_die(w, &w->workers[w->live[i]], -1, 9);
        }
    } else if (kind < 68 && sl__relay_awaited(w->relay)) {
        k = &w->workers[sl__relay_awaited(w->relay)];
        if (k->running)
            worker_die(w, k, -1, 11);
    } else if (kind < 80 && k) {
        k->stuck_until = w->now + between(w, 1, 80) * SL__SEC / 10;
        trace(w, "worker %u is stuck", k->id);
    } else if (kind < 88 && w->weather.storms)
        storm(w);
    else if (kind < 97 && w->weather.storms)
        flood(w);
    else if (kind >= 97)
        world_stop(w, chance(w, 20));
}
