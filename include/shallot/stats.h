/*
 * What the cluster has done and is doing, as numbers that any of its processes can read: the whole
 * of it, over all workers there ever were, and each worker that lives.
 */
#ifndef SHALLOT_STATS_H
#define SHALLOT_STATS_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** Buckets of a latency histogram: below 65 us one, from there on eight to an octave, up to 137 s.
 */
#define SL_LATENCY_BUCKETS 169

/** Counted since the beginning; never becomes less. */
typedef struct sl_counts {
    uint64_t requests;                    /**< answered */
    uint64_t statuses[6];                 /**< of them, by the status's first digit */
    uint64_t bytes_in;                    /**< octets received from clients */
    uint64_t bytes_out;                   /**< octets sent to them */
    uint64_t messages_in;                 /**< messages that came from the master */
    uint64_t messages_out;                /**< messages sent to it */
    uint64_t log_dropped;                 /**< log lines that nobody took */
    uint64_t latency[SL_LATENCY_BUCKETS]; /**< requests by how long they took */
} sl_counts;

/** A worker that lives. */
typedef struct sl_worker_stats {
    int id;
    pid_t pid;
    unsigned generation;
    unsigned restarts; /**< workers that have died unasked in its place before it */
    bool ready;        /**< accepts connections */
    unsigned connections;
    unsigned in_flight; /**< requests in a handler */
    double uptime;      /**< seconds */
    double lag;         /**< seconds: its longest tick of late, or the present one */
    uint64_t memory;    /**< resident octets; 0: not known */
    sl_counts counts;
} sl_worker_stats;

/** The numbers of the whole cluster at one moment. */
typedef struct sl_stats {
    double uptime;     /**< of the master, seconds */
    uint64_t started;  /**< workers started so far */
    uint64_t restarts; /**< of them, those that took the place of one that had died unasked */
    sl_counts total;   /**< of all workers, the dead ones too */
    size_t worker_count;
    const sl_worker_stats *workers; /**< in the order of their ids */
} sl_stats;

/** Takes the numbers of this moment. @return owned by the caller (sl_stats_free()); NULL when out
 * of memory, or in a process that does not serve. */
SL_API sl_stats *sl_stats_new(sl_app *app);
/** NULL is fine. */
SL_API void sl_stats_free(sl_stats *stats);

/** Seconds below which are the requests of bucket @p i and of all before it. */
SL_API double sl_latency_bound(unsigned i);
/** Seconds within which the share @p q (0.99) of the requests was answered: the middle of the
 * bucket where that is so; 0 without requests. */
SL_API double sl_latency_quantile(const sl_counts *counts, double q);
/** The sum of all latencies in seconds, as exactly as the buckets know it. */
SL_API double sl_latency_sum(const sl_counts *counts);

SL_END_DECLS

#endif
