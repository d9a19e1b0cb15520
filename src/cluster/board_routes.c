/*
 * The rows of routes: who has which, and what was counted there.
 *
 * A worker comes in when it starts, with each of its routes, and has the row's number from then on
 * (serve/route_counts.c); readers come from the scoreboard. A row belongs to a name by its hash,
 * which is claimed in one compare-and-exchange; the name itself is written by whoever finds it
 * missing, always the same octets. So a worker killed in the middle leaves nothing half done.
 */
#include "cluster/board_routes.h"

#include <stdio.h>
#include <string.h>

#define LOAD(at) atomic_load_explicit(&(at), memory_order_relaxed)
#define STALE 2u /* generations without it, after which a row may be given to another route */

static uint64_t hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    while (*text)
        h = (h ^ (unsigned char)*text++) * UINT64_C(0x100000001b3);
    return h ? h : 1;
}

/* Of those that may start together some are of an older generation. */
static void raise_generation(struct sl__route_row *row, unsigned generation)
{
    uint32_t known = LOAD(row->generation);

    while (known < generation &&
           !atomic_compare_exchange_weak(&row->generation, &known, generation))
        ;
}

static void name_row(struct sl__route_row *row, unsigned generation, const char *name)
{
    raise_generation(row, generation);
    if (atomic_load_explicit(&row->named, memory_order_acquire))
        return;
    snprintf(row->name, sizeof row->name, "%s", name);
    atomic_store_explicit(&row->named, 1, memory_order_release);
}

static bool take(struct sl__board_routes *b, unsigned i, uint64_t expected, uint64_t key)
{
    return atomic_compare_exchange_strong(&b->rows[i].key, &expected, key);
}

/* Of a row that another route had. What a worker that leaves still counts there goes astray. */
static void clear_row(struct sl__board_routes *b, unsigned i)
{
    atomic_store_explicit(&b->rows[i].named, 0, memory_order_release);
    atomic_store_explicit(&b->rows[i].generation, 0, memory_order_relaxed);
    for (unsigned lane = 0; lane < SL__ROUTE_LANES; lane++) {
        _Atomic uint64_t *at = (_Atomic uint64_t *)&b->lanes[i][lane];

        for (size_t n = 0; n < sizeof b->lanes[i][lane] / sizeof *at; n++)
            if (LOAD(at[n])) /* so that pages nobody has used stay so */
                atomic_store_explicit(&at[n], 0, memory_order_relaxed);
    }
}

static bool is_stale(const struct sl__route_row *row, unsigned generation)
{
    uint32_t last = LOAD(row->generation);

    return LOAD(row->named) && last + STALE < generation;
}

/* SL__ROUTE_OTHERS if there is none. */
static unsigned claim_stale(struct sl__board_routes *b, unsigned generation, uint64_t key)
{
    for (unsigned i = SL__ROUTE_OTHERS + 1; i < SL__ROUTES; i++) {
        uint64_t old = LOAD(b->rows[i].key);

        if (is_stale(&b->rows[i], generation) && take(b, i, old, key)) {
            clear_row(b, i);
            return i;
        }
    }
    return SL__ROUTE_OTHERS;
}

static unsigned claim(struct sl__board_routes *b, unsigned generation, uint64_t key)
{
    for (unsigned i = SL__ROUTE_OTHERS + 1; i < SL__ROUTES; i++) {
        uint64_t known = LOAD(b->rows[i].key);

        if (known == key || (known == 0 && take(b, i, 0, key)) || LOAD(b->rows[i].key) == key)
            return i;
    }
    return claim_stale(b, generation, key);
}

unsigned sl__board_route_claim(struct sl__board_routes *b, unsigned generation, const char *method,
                               const char *pattern)
{
    char name[SL__ROUTE_NAME];
    unsigned row;

    if (!pattern) {
        raise_generation(&b->rows[SL__ROUTE_NONE], generation);
        return SL__ROUTE_NONE;
    }
    snprintf(name, sizeof name, "%s %s", method, pattern);
    row = claim(b, generation, hash(name));
    name_row(&b->rows[row], generation, row == SL__ROUTE_OTHERS ? "* (others)" : name);
    return row;
}

unsigned sl__board_routes_used(const struct sl__board_routes *b)
{
    unsigned used = SL__ROUTE_OTHERS + 1;

    if (!atomic_load_explicit(&b->counting, memory_order_acquire))
        return 0;
    while (used < SL__ROUTES && LOAD(b->rows[used].key))
        used++;
    return used;
}

static void add_lane(sl_route_stats *to, const struct sl__route_lane *l)
{
    to->client_errors += LOAD(l->client_errors);
    to->server_errors += LOAD(l->server_errors);
    to->seconds += (double)LOAD(l->ns) / 1e9;
    for (unsigned i = 0; i < SL_ROUTE_BUCKETS; i++) {
        uint64_t n = LOAD(l->latency[i]);

        to->latency[i] += n;
        to->requests += n;
    }
}

/* Name and numbers of one row. False: it is of no interest. */
static bool read_row(const struct sl__board_routes *b, unsigned i, unsigned lanes,
                     sl_route_stats *to, char name[SL__ROUTE_NAME])
{
    const struct sl__route_row *row = &b->rows[i];
    char *space;

    if (i != SL__ROUTE_NONE && !atomic_load_explicit(&row->named, memory_order_acquire))
        return false;
    memcpy(name, row->name, SL__ROUTE_NAME);
    name[SL__ROUTE_NAME - 1] = '\0';
    space = strchr(name, ' ');
    if (space)
        *space = '\0';
    *to = (sl_route_stats){
        .method = name, .pattern = space ? space + 1 : "", .generation = LOAD(row->generation)};
    for (unsigned lane = 0; lane < lanes && lane < SL__ROUTE_LANES; lane++)
        add_lane(to, &b->lanes[i][lane]);
    return i > SL__ROUTE_OTHERS || to->requests > 0;
}

unsigned sl__board_routes_read(const struct sl__board_routes *b, unsigned lanes,
                               sl_route_stats *ret, char (*names)[SL__ROUTE_NAME], unsigned count)
{
    unsigned used = sl__board_routes_used(b), found = 0;

    for (unsigned i = 0; i < used && found < count; i++)
        if (read_row(b, i, lanes, &ret[found], names[found]))
            found++;
    return found;
}
