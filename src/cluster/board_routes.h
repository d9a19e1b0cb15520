/*
 * Requests per route, in the scoreboard's memory: a row for each route that some generation of the
 * program has or had, with a lane for each worker.
 *
 * Lanes only grow, whoever dies, so nothing has to be saved from a dead worker, and what has been
 * counted stays counted. Like the lanes of counters (shared/counter.h) two workers may share one.
 */
#ifndef SL__CLUSTER_BOARD_ROUTES_H
#define SL__CLUSTER_BOARD_ROUTES_H

#include <stdatomic.h>
#include <stdint.h>

#include "shallot/stats.h"

#define SL__ROUTES 128u
#define SL__ROUTE_LANES 64u
#define SL__ROUTE_NAME 240
#define SL__ROUTE_NONE 0u   /* the row of what no route took */
#define SL__ROUTE_OTHERS 1u /* of routes for which there is no row */

struct sl__route_lane {
    _Atomic uint64_t client_errors, server_errors, ns;
    _Atomic uint64_t latency[SL_ROUTE_BUCKETS];
};

struct sl__route_row {
    _Atomic uint64_t key;        /* of its name; 0: free */
    _Atomic uint32_t named;      /* the name stands */
    _Atomic uint32_t generation; /* the newest that has it */
    char name[SL__ROUTE_NAME];   /* "GET /users/:id" */
};

/** Zeroed memory knows no route. */
struct sl__board_routes {
    _Atomic uint32_t counting; /* somebody does: only then are lanes there */
    struct sl__route_row rows[SL__ROUTES];
    _Alignas(256) struct sl__route_lane lanes[SL__ROUTES][SL__ROUTE_LANES];
};

/** The row of a route, a new one if there is none; rows that no generation has had for long are
 * given away, with their numbers, when there are no others. Any number of processes may ask at
 * once. */
unsigned sl__board_route_claim(struct sl__board_routes *b, unsigned generation, const char *method,
                               const char *pattern);

/** A request that was answered with @p status after @p ns. */
static inline void sl__board_route_count(struct sl__board_routes *b, unsigned row, unsigned lane,
                                         unsigned status, int64_t ns)
{
    struct sl__route_lane *l = &b->lanes[row][lane % SL__ROUTE_LANES];
    uint64_t units = ns > 0 ? (uint64_t)ns >> 10 : 0;
    unsigned i = units ? 64 - (unsigned)__builtin_clzll(units) : 0;

    if (i >= SL_ROUTE_BUCKETS)
        i = SL_ROUTE_BUCKETS - 1;
    atomic_fetch_add_explicit(&l->latency[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&l->ns, ns > 0 ? (uint64_t)ns : 0, memory_order_relaxed);
    if (status >= 500)
        atomic_fetch_add_explicit(&l->server_errors, 1, memory_order_relaxed);
    else if (status >= 400)
        atomic_fetch_add_explicit(&l->client_errors, 1, memory_order_relaxed);
}

/** Rows that are in use, at most SL__ROUTES. */
unsigned sl__board_routes_used(const struct sl__board_routes *b);
/** Reads up to @p count rows; names[i] gets the name that ret[i] points to. @return how many there
 * are */
unsigned sl__board_routes_read(const struct sl__board_routes *b, unsigned lanes,
                               sl_route_stats *ret, char (*names)[SL__ROUTE_NAME], unsigned count);

#endif
