/*
 * The scoreboard: shared memory of the master with one cache-line-aligned slot per worker; each
 * worker writes only its own.
 */
#ifndef SL__CLUSTER_SCOREBOARD_H
#define SL__CLUSTER_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cluster/board_events.h"
#include "cluster/board_routes.h"
#include "shallot/stats.h"

#define SL__SLOTS 512u

/** What a worker counts: written by it alone, but for what is said otherwise. */
struct sl__tally {
    _Atomic uint64_t received, sent; /* octets */
    _Atomic uint64_t others[6];      /* answers by the status's first digit; 2xx are the rest */
    _Atomic uint64_t messages_in;
    _Atomic uint64_t messages_out; /* by the master, which hears them */
    _Atomic uint64_t log_dropped;
    _Atomic uint64_t latency[SL_LATENCY_BUCKETS]; /* the first one is the rest */
};

struct sl__slot {
    _Alignas(128) _Atomic uint32_t worker; /* id of the worker that owns the slot; 0: free */
    _Atomic uint32_t accepting;            /* it is READY and not draining */
    _Atomic uint32_t connections;
    _Atomic uint64_t served; /* requests answered */
    _Atomic int64_t tick;    /* monotonic ns when the present tick began; 0: asleep in epoll_wait */
    _Atomic uint32_t accepted;        /* connections so far: somebody sees whether it takes any */
    _Atomic uint32_t open;            /* in the accept set */
    _Atomic uint32_t stopped;         /* by a signal; the master's word */
    _Atomic uint32_t requests;        /* in a handler */
    _Atomic uint32_t turn;            /* odd: served and tally do not agree, read again */
    _Atomic int64_t lag, lag_at;      /* ns: the longest tick since then */
    _Atomic int64_t earlier_lag;      /* of the period before */
    _Atomic uint32_t generation, pid; /* the master's words, like the two below */
    _Atomic uint32_t restarts;        /* workers that died unasked in this slot */
    _Atomic uint32_t leaving;         /* it has been told to, or has decided to */
    _Atomic int64_t started;          /* monotonic ns */
    struct sl__tally tally;
};

/** Of those that live no longer, and of the master. Only the master writes. */
struct sl__totals {
    _Atomic uint32_t turn; /* odd: a slot is being folded into this, read again */
    _Atomic int64_t since; /* monotonic ns */
    _Atomic uint64_t started, restarts, served;
    struct sl__tally tally;
};

struct sl__scoreboard {
    struct sl__slot *slots; /* SL__SLOTS of them, mapped */
    _Atomic uint32_t *used; /* no slot from here on was ever assigned */
    struct sl__totals *totals;
    struct sl__board_events *events; /* the master's */
    struct sl__board_routes *routes;
    int fd; /* memfd, for the workers */
};

/** Adds to a number that nobody else writes: a load and a store, no locked instruction. */
static inline void sl__tally_add(_Atomic uint64_t *at, uint64_t n)
{
    atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/** In the master. 0 or a negative errno. */
int sl__scoreboard_create(struct sl__scoreboard *b);
/** In a worker: maps the inherited descriptor, which is owned on success only. 0, -EBADMSG for
 * another layout, or a negative errno. */
int sl__scoreboard_attach(struct sl__scoreboard *b, int fd);
/** Makes the memory that numbers of routes take, 2 MiB of which what is used is taken: before the
 * first row is claimed. 0, or a negative errno (-EFBIG: RLIMIT_FSIZE), and then there is none. */
int sl__scoreboard_count_routes(struct sl__scoreboard *b);
/** Unmaps and closes. */
void sl__scoreboard_finish(struct sl__scoreboard *b);

/** In the master: gives the slot to @p worker, all numbers zero but the restarts. 0: it is free. */
void sl__scoreboard_assign(struct sl__scoreboard *b, unsigned slot, uint32_t worker);
/** Of a slot just assigned: what readers shall know of its worker. */
void sl__scoreboard_introduce(struct sl__scoreboard *b, unsigned slot, pid_t pid,
                              unsigned generation, int64_t now);
/** The slot's worker is dead: its numbers go into the totals, the slot is free. @p restart:
 * unasked, so that another takes its place. */
void sl__scoreboard_bury(struct sl__scoreboard *b, unsigned slot, bool restart);
/** In the master: it has answered a request for a dead worker, with a status of 5xx. */
void sl__scoreboard_answered(struct sl__scoreboard *b);
/** In any process: all there is to know, at @p now. NULL when out of memory; free with
 * sl_stats_free(). */
sl_stats *sl__scoreboard_read(const struct sl__scoreboard *b, int64_t now);
/** The sums alone; nothing is allocated, and the system not asked. */
void sl__scoreboard_glance(const struct sl__scoreboard *b, int64_t now, sl_stats *ret);

enum sl__crowding {
    SL__FEW,
    SL__ABOVE_MEAN,
    SL__TOO_MANY, /* by a sixteenth of the mean and one */
};
/**
 * The gate: @p mine connections against the mean of the accepting workers. Workers that are
 * stopped, or busy in one tick for longer than 50 ms, count neither in the sum nor in the number
 * (they cannot accept now).
 */
enum sl__crowding sl__scoreboard_crowding(const struct sl__scoreboard *b, unsigned slot,
                                          unsigned mine, int64_t now);
/** True if another worker that can accept now is in the accept set. */
bool sl__scoreboard_others_open(const struct sl__scoreboard *b, unsigned slot, int64_t now);
/** Connections that all workers but the one of @p slot have accepted, modulo 2^32: to be compared
 * with what it was. */
uint32_t sl__scoreboard_accepted(const struct sl__scoreboard *b, unsigned slot);

#endif
