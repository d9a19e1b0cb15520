/*
 * Counting: from what a tick of the loop has done to the worker's slot of the scoreboard.
 *
 * The loop comes here when it wakes and before it falls asleep, once a tick, so every instruction
 * counts. Most ticks take less than SL__LATENCY_QUICK, which the processor's cycle counter tells
 * without a look at the clock; such a tick stores four numbers and is done, for its requests are
 * what remains when those of other ticks are subtracted. Only when there is more to say the slot's
 * turn is made odd for a moment, so that readers never see a remainder that shrinks.
 */
#include "base/histogram.h"
#include "base/sys.h"
#include "base/time.h"
#include "cluster/crash.h"
#include "serve/serving.h"

#define LAG_PERIOD SL__SEC
#define LEARN_NS (10 * SL__MS) /* so long has to be watched to know how quick the counter is */

#define STORE(at, value) atomic_store_explicit(&(at), value, memory_order_relaxed)
#define LOAD(at) atomic_load_explicit(&(at), memory_order_relaxed)

/* Something that grows with time, at about one rate, and costs next to nothing to read. */
static inline uint64_t cycles(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t now;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
    return now;
#else
    return (uint64_t)sl__sys_now();
#endif
}

static void enter(struct sl__counting *n, int64_t ns, uint32_t count)
{
    unsigned i = sl__latency_bucket(ns);

    if (n->low == n->high) {
        n->low = i;
        n->high = i + 1;
    } else if (i < n->low) {
        n->low = i;
    } else if (i >= n->high) {
        n->high = i + 1;
    }
    n->latency[i] += count;
}

/* How many cycles the shortest tick worth a look has; learnt from the clock at every such look. */
static void learn(struct sl__counting *n, int64_t now, uint64_t at)
{
    int64_t passed = now - n->first_ns;

    if (n->first_ns == 0 || passed < 0) {
        n->first_ns = now;
        n->first_cycles = at;
    } else if (passed >= LEARN_NS) {
        n->quick =
            (uint64_t)((double)(at - n->first_cycles) / (double)passed * (double)SL__LATENCY_QUICK);
        if (passed >= LAG_PERIOD) { /* counters change their pace: the last second tells */
            n->first_ns = now;
            n->first_cycles = at;
        }
    }
}

/* The longest tick of this period, and that of the one before. */
static void note_lag(struct sl__slot *slot, int64_t now, int64_t ns)
{
    int64_t since = LOAD(slot->lag_at);

    if (now - since >= LAG_PERIOD) {
        STORE(slot->earlier_lag, now - since < 2 * LAG_PERIOD ? LOAD(slot->lag) : 0);
        STORE(slot->lag, ns);
        STORE(slot->lag_at, now);
    } else if (ns > LOAD(slot->lag)) {
        STORE(slot->lag, ns);
    }
}

static void publish_latencies(struct sl__counting *n, struct sl__slot *slot)
{
    for (unsigned i = n->low; i < n->high; i++) {
        if (n->latency[i] == 0)
            continue;
        sl__tally_add(&slot->tally.latency[i], n->latency[i]);
        n->latency[i] = 0;
    }
    n->low = n->high = n->waited = 0;
}

/* With remainders that change: whoever reads meanwhile begins again. */
static SL__COLD void publish_all(struct sl__counting *n, struct sl__slot *slot, uint64_t served)
{
    const struct sl__counted *counted = n->counted;
    uint32_t turn = LOAD(slot->turn);

    atomic_store_explicit(&slot->turn, turn + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    STORE(slot->served, served);
    for (unsigned i = 0; i < 6; i++)
        STORE(slot->tally.others[i], counted->classes[i]);
    publish_latencies(n, slot);
    n->others = counted->others;
    atomic_store_explicit(&slot->turn, turn + 2, memory_order_release);
}

/* A tick that may have been a long one: the clock is asked. */
static SL__COLD void look(struct sl__serving *s, uint64_t at, uint64_t served)
{
    struct sl__counting *n = &s->counting;
    int64_t now = sl__sys_now(), ns = now - s->loop.now;
    uint64_t answered = served - LOAD(s->slot->served);

    learn(n, now, at);
    if (ns < SL__LATENCY_QUICK)
        return;
    note_lag(s->slot, now, ns);
    if (answered > n->waited)
        enter(n, ns, (uint32_t)(answered - n->waited));
}

static void store(struct sl__slot *slot, const struct sl__counted *counted)
{
    STORE(slot->tally.received, counted->received);
    STORE(slot->tally.sent, counted->sent);
    STORE(slot->requests, counted->serving);
    STORE(slot->tick, 0);
}

/* There is more to say than how many. A call at the very end, so that the short way needs no frame.
 */
static SL__COLD void fall_asleep_slowly(struct sl__serving *s, uint64_t at)
{
    struct sl__counting *n = &s->counting;
    const struct sl__counted *counted = n->counted;
    uint64_t served = counted->served + counted->refused;

    if (at - n->cycles >= n->quick)
        look(s, at, served);
    if (n->high != 0 || counted->others != n->others)
        publish_all(n, s->slot, served);
    else
        STORE(s->slot->served, served);
    store(s->slot, counted);
    if (served >= n->retire_at)
        sl__retire_by_requests(s, served);
}

static void falls_asleep(void *self)
{
    struct sl__serving *s = self;
    struct sl__counting *n = &s->counting;
    const struct sl__counted *counted = n->counted;
    uint64_t at = cycles(), served = counted->served + counted->refused;

    if (__builtin_expect(at - n->cycles >= n->quick || n->high != 0 ||
                             counted->others != n->others || served >= n->retire_at,
                         0)) {
        fall_asleep_slowly(s, at);
        return;
    }
    STORE(s->slot->served, served);
    store(s->slot, counted);
}

static void wakes_up(void *self)
{
    struct sl__serving *s = self;

    s->counting.cycles = cycles();
    STORE(s->slot->tick, s->loop.now);
}

void sl__counting_waited(void *self, int64_t ns)
{
    struct sl__serving *s = self;
    struct sl__counting *n = &s->counting;

    if (ns < SL__LATENCY_QUICK) /* answered in a tick of its own, whose length is not known yet */
        ns = SL__LATENCY_QUICK;
    enter(n, ns, 1);
    n->waited++;
}

static void falls_asleep_timed(void *self)
{
    sl__crash_tick_ends();
    falls_asleep(self);
}

static void wakes_up_timed(void *self)
{
    wakes_up(self);
    sl__crash_tick_begins();
}

void sl__serving_time_ticks(struct sl__serving *s)
{
    s->loop.tick.before = falls_asleep_timed;
    s->loop.tick.after = wakes_up_timed;
}

void sl__counting_start(struct sl__serving *s)
{
    s->counting.counted = sl__server_counted(s->server);
    s->counting.retire_at = UINT64_MAX;
    s->loop.tick.before = falls_asleep;
    s->loop.tick.after = wakes_up;
    s->loop.tick.self = s;
}
