/*
 * The scoreboard: shared memory of the master with one cache-line-aligned slot per worker; each
 * worker writes only its own.
 */
#ifndef SL__CLUSTER_SCOREBOARD_H
#define SL__CLUSTER_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SL__SLOTS 512u

struct sl__slot {
    _Alignas(128) _Atomic uint32_t worker; /* id of the worker that owns the slot; 0: free */
    _Atomic uint32_t accepting;            /* it is READY and not draining */
    _Atomic uint32_t connections;
    _Atomic uint64_t served; /* requests answered */
    _Atomic int64_t tick;    /* monotonic ns when the present tick began; 0: asleep in epoll_wait */
};

struct sl__scoreboard {
    struct sl__slot *slots; /* SL__SLOTS of them, mapped */
    _Atomic uint32_t *used; /* no slot from here on was ever assigned */
    int fd;                 /* memfd, for the workers */
};

/** In the master. 0 or a negative errno. */
int sl__scoreboard_create(struct sl__scoreboard *b);
/** In a worker: maps the inherited descriptor, which is owned on success only. 0, -EBADMSG for
 * another layout, or a negative errno. */
int sl__scoreboard_attach(struct sl__scoreboard *b, int fd);
/** Unmaps and closes. */
void sl__scoreboard_finish(struct sl__scoreboard *b);

/** In the master: gives the slot to @p worker, all numbers zero. 0: it is free. */
void sl__scoreboard_assign(struct sl__scoreboard *b, unsigned slot, uint32_t worker);

/**
 * The gate: true if @p mine connections exceed the mean of the accepting workers by an eighth and
 * two. Workers busy in one tick for longer than 50 ms count neither in the sum nor in the number
 * (they cannot accept now).
 */
bool sl__scoreboard_too_many(const struct sl__scoreboard *b, unsigned slot, unsigned mine,
                             int64_t now);

#endif
