/*
 * Reading the scoreboard: the sums over all workers, dead or alive, as one consistent picture.
 *
 * Comes from the master's status command and, in a worker, from sl_stats_new(). A slot that is
 * being folded into the totals would be counted twice or not at all; the totals' turn tells, and
 * the reader begins again. Should the master have died in that moment the reader takes what there
 * is.
 */
#include "cluster/scoreboard.h"

#include "base/histogram.h"
#include "base/mem.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES 1000
#define SLOT_TRIES 100 /* it may have been killed or stopped in between */

#define LOAD(at) atomic_load_explicit(&(at), memory_order_relaxed)

/* What is not stored is the rest: answers of 2xx, and those too quick to be looked at. A worker may
 * have died between two of its stores, so no rest is taken below zero. */
static uint64_t rest(uint64_t all, uint64_t others)
{
    return all > others ? all - others : 0;
}

static void read_tally(sl_counts *to, const struct sl__tally *from, uint64_t served)
{
    uint64_t others = 0, looked_at = 0;

    to->requests = served;
    to->bytes_in = LOAD(from->received);
    to->bytes_out = LOAD(from->sent);
    to->messages_in = LOAD(from->messages_in);
    to->messages_out = LOAD(from->messages_out);
    to->log_dropped = LOAD(from->log_dropped);
    for (unsigned i = 0; i < 6; i++) {
        to->statuses[i] = LOAD(from->others[i]);
        others += to->statuses[i];
    }
    to->statuses[2] = rest(served, others);
    for (unsigned i = 1; i < SL_LATENCY_BUCKETS; i++) {
        to->latency[i] = LOAD(from->latency[i]);
        looked_at += to->latency[i];
    }
    to->latency[0] = rest(served, looked_at);
}

static void add(sl_counts *to, const sl_counts *from)
{
    to->requests += from->requests;
    to->bytes_in += from->bytes_in;
    to->bytes_out += from->bytes_out;
    to->messages_in += from->messages_in;
    to->messages_out += from->messages_out;
    to->log_dropped += from->log_dropped;
    for (unsigned i = 0; i < 6; i++)
        to->statuses[i] += from->statuses[i];
    for (unsigned i = 0; i < SL_LATENCY_BUCKETS; i++)
        to->latency[i] += from->latency[i];
}

static double lag_of(const struct sl__slot *s, int64_t now)
{
    int64_t tick = LOAD(s->tick), lag = LOAD(s->lag), earlier = LOAD(s->earlier_lag);

    if (now - LOAD(s->lag_at) > 2 * SL__SEC) /* it has had nothing to do */
        lag = earlier = 0;
    if (earlier > lag)
        lag = earlier;
    if (tick != 0 && now - tick > lag)
        lag = now - tick;
    return (double)lag / 1e9;
}

static void read_counts(sl_counts *to, const struct sl__slot *s)
{
    uint32_t turn;
    int tries = 0;

    do {
        turn = atomic_load_explicit(&s->turn, memory_order_acquire);
        read_tally(to, &s->tally, LOAD(s->served));
        atomic_thread_fence(memory_order_acquire);
    } while ((turn % 2 || LOAD(s->turn) != turn) && tries++ < SLOT_TRIES);
}

static void read_slot(sl_worker_stats *to, const struct sl__slot *s, int64_t now)
{
    *to = (sl_worker_stats){
        .id = (int)LOAD(s->worker),
        .pid = (pid_t)LOAD(s->pid),
        .generation = LOAD(s->generation),
        .restarts = LOAD(s->restarts),
        .ready = LOAD(s->accepting) != 0,
        .connections = LOAD(s->connections),
        .in_flight = LOAD(s->requests),
        .lag = lag_of(s, now),
        .leaving = LOAD(s->leaving) != 0,
        .stopped = LOAD(s->stopped) != 0,
    };
    if (LOAD(s->started))
        to->uptime = (double)(now - LOAD(s->started)) / 1e9;
    read_counts(&to->counts, s);
}

static void add_worker(sl_stats *to, const sl_worker_stats *w)
{
    add(&to->total, &w->counts);
    to->worker_count++;
    to->ready += w->ready;
    to->connections += w->connections;
    to->in_flight += w->in_flight;
    if (w->lag > to->lag)
        to->lag = w->lag;
}

/* One try. @p workers NULL: the sums alone */
static void read_all(const struct sl__scoreboard *b, unsigned used, sl_stats *ret,
                     sl_worker_stats *workers, int64_t now)
{
    *ret = (sl_stats){.started = LOAD(b->totals->started), .restarts = LOAD(b->totals->restarts)};
    if (LOAD(b->totals->since))
        ret->uptime = (double)(now - LOAD(b->totals->since)) / 1e9;
    read_tally(&ret->total, &b->totals->tally, LOAD(b->totals->served));
    for (unsigned i = 0; i < used; i++) {
        sl_worker_stats one, *w = workers ? &workers[ret->worker_count] : &one;

        if (!LOAD(b->slots[i].worker))
            continue;
        read_slot(w, &b->slots[i], now);
        add_worker(ret, w);
    }
}

static unsigned slots_used(const struct sl__scoreboard *b)
{
    unsigned used = LOAD(*b->used);

    return used < SL__SLOTS ? used : SL__SLOTS;
}

static void read_steadily(const struct sl__scoreboard *b, unsigned used, sl_stats *ret,
                          sl_worker_stats *workers, int64_t now)
{
    uint32_t turn;
    int tries = 0;

    do {
        turn = atomic_load_explicit(&b->totals->turn, memory_order_acquire);
        read_all(b, used, ret, workers, now);
        atomic_thread_fence(memory_order_acquire);
    } while ((turn % 2 || LOAD(b->totals->turn) != turn) && tries++ < TRIES);
    ret->last_event = atomic_load_explicit(&b->events->last, memory_order_acquire);
}

void sl__scoreboard_glance(const struct sl__scoreboard *b, int64_t now, sl_stats *ret)
{
    read_steadily(b, slots_used(b), ret, NULL, now);
    ret->worker_count = 0;
}

static int by_id(const void *a, const void *b)
{
    const sl_worker_stats *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* A picture and everything that it points to. */
struct picture {
    sl_stats stats;
    sl_event events[SL__EVENTS];
    char texts[SL__EVENTS][SL__EVENT_TEXT];
    char name[sizeof((struct sl__board_events *)0)->name];
    char crash_dir[sizeof((struct sl__board_events *)0)->crash_dir];
};

static void read_events(struct picture *p, const struct sl__board_events *e)
{
    p->stats.events = p->events;
    p->stats.event_count = sl__board_events_read(e, p->events, p->texts);
    snprintf(p->name, sizeof p->name, "%s", e->name);
    snprintf(p->crash_dir, sizeof p->crash_dir, "%s", e->crash_dir);
    p->stats.name = p->name;
    p->stats.pid = e->pid;
    p->stats.crash_dir = p->crash_dir;
}

static void ask_system(sl_worker_stats *workers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        workers[i].memory = sl__resident(workers[i].pid);
        workers[i].cpu = sl__cpu_time(workers[i].pid);
    }
}

sl_stats *sl__scoreboard_read(const struct sl__scoreboard *b, int64_t now)
{
    unsigned used = slots_used(b), rows = sl__board_routes_used(b->routes);
    sl_worker_stats *workers;
    sl_route_stats *routes;
    char(*names)[SL__ROUTE_NAME];
    struct picture *p =
        sl__try_alloc(sizeof *p + used * sizeof *workers + rows * (sizeof *routes + sizeof *names));

    if (!p)
        return NULL;
    workers = (sl_worker_stats *)(p + 1);
    routes = (sl_route_stats *)(workers + used);
    names = (char(*)[SL__ROUTE_NAME])(routes + rows);
    read_steadily(b, used, &p->stats, workers, now);
    ask_system(workers, p->stats.worker_count);
    qsort(workers, p->stats.worker_count, sizeof *workers, by_id);
    p->stats.workers = workers;
    p->stats.routes = routes;
    p->stats.route_count = sl__board_routes_read(b->routes, used, routes, names, rows);
    read_events(p, b->events);
    return &p->stats;
}

void sl_stats_free(sl_stats *stats)
{
    sl__free(stats);
}
