/*
 * Counters: an increment costs one atomic addition in a line that nobody else writes.
 *
 * Handlers come in. A worker adds in the lane of its scoreboard slot; with more than 64 slots two
 * of them may share a lane, which is as right and a little slower. Lanes only ever grow: set and
 * reset move the base, in one compare-and-exchange, by what the lanes were read to hold. So no
 * addition is lost, and a process that is killed at any instruction has done all or nothing.
 */
#include "shared/counter.h"

#include "shared/handle.h"

static struct sl__counter *counter_of(const sl_counter *c)
{
    return c->handle.memory;
}

static uint64_t sum_of_lanes(struct sl__counter *c)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < SL__LANES; i++)
        sum += atomic_load_explicit(&c->lanes[i].sum, memory_order_relaxed);
    return sum;
}

/* Returns what it was. If the base is still what it was read as, nobody has set meanwhile, and what
 * the lanes have gained since is what is to count on top. */
static uint64_t replace(struct sl__counter *c, uint64_t value)
{
    uint64_t base = atomic_load(&c->base), sum;

    do
        sum = sum_of_lanes(c);
    while (!atomic_compare_exchange_weak(&c->base, &base, value - sum));
    return base + sum;
}

void sl_counter_add(sl_counter *c, int64_t n)
{
    struct sl__counter *shared;

    if (!c)
        return;
    shared = counter_of(c);
    atomic_fetch_add_explicit(&shared->lanes[c->handle.lane % SL__LANES].sum, (uint64_t)n,
                              memory_order_relaxed);
}

int64_t sl_counter_read(const sl_counter *c)
{
    struct sl__counter *shared;
    uint64_t base, sum, again;

    if (!c)
        return 0;
    shared = counter_of(c);
    again = atomic_load(&shared->base);
    do { /* a reset in between would make it look twice emptied */
        base = again;
        sum = sum_of_lanes(shared);
        again = atomic_load(&shared->base);
    } while (again != base);
    return (int64_t)(base + sum);
}

void sl_counter_set(sl_counter *c, int64_t value)
{
    if (c)
        replace(counter_of(c), (uint64_t)value);
}

int64_t sl_counter_reset(sl_counter *c)
{
    return c ? (int64_t)replace(counter_of(c), 0) : 0;
}
