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
    double cpu;         /**< seconds of CPU time of its loop's thread so far; 0: not known */
    bool leaving;       /**< accepts no more, and finishes what it has begun */
    bool stopped;       /**< by a signal */
    sl_counts counts;
} sl_worker_stats;

/** Buckets of a route's latencies: the first below 1,024 ns, each next one up to twice as far. */
#define SL_ROUTE_BUCKETS 29

/** What was asked of one route, since the beginning, by requests whose onion has unwound. Workers
 * that live no longer, and earlier generations, count. */
typedef struct sl_route_stats {
    const char *method;     /**< "*": every one; "" where there is no route */
    const char *pattern;    /**< with the prefixes before it; "" for what no route took: middleware,
                               what was not found */
    unsigned generation;    /**< the newest that has it */
    uint64_t requests;      /**< answered */
    uint64_t client_errors; /**< of them, with 4xx */
    uint64_t server_errors; /**< with 5xx */
    double seconds;         /**< the sum of their latencies */
    uint64_t latency[SL_ROUTE_BUCKETS]; /**< requests by how long they took */
} sl_route_stats;

/** What the master remembers of late. */
typedef enum sl_event_kind {
    SL_EVENT_DIED = 1,      /**< a worker ended unasked; text: how */
    SL_EVENT_CRASHED,       /**< the same, and it has left a record; text: why, in whose request */
    SL_EVENT_RELOADING,     /**< new code is tried */
    SL_EVENT_RELOADED,      /**< it serves */
    SL_EVENT_RELOAD_FAILED, /**< it does not; text: why */
    SL_EVENT_UPGRADED,      /**< the master runs the new program */
} sl_event_kind;

/** Something that has happened. */
typedef struct sl_event {
    uint64_t number; /**< from 1 */
    int64_t at_ms;   /**< since the epoch, wall clock */
    sl_event_kind kind;
    int worker; /**< its id; 0: none */
    pid_t pid;
    unsigned generation;
    int code, signal; /**< of a worker that ended, as in sl_worker_info */
    const char *text; /**< one line; "" if there is nothing to add */
} sl_event;

/** The numbers of the whole cluster at one moment. */
typedef struct sl_stats {
    double uptime;     /**< of the master, seconds */
    uint64_t started;  /**< workers started so far */
    uint64_t restarts; /**< of them, those that took the place of one that had died unasked */
    sl_counts total;   /**< of all workers, the dead ones too */
    size_t worker_count;
    const sl_worker_stats *workers;  /**< in the order of their ids */
    unsigned ready;                  /**< workers that accept connections */
    unsigned connections, in_flight; /**< of all workers */
    double lag;                      /**< the longest of all workers */
    uint64_t last_event;             /**< number of the newest; 0: none yet */
    size_t route_count;
    const sl_route_stats *routes; /**< if they are counted: sl_count_routes() */
    size_t event_count;
    const sl_event *events; /**< oldest first; at most 64 */
    const char *name;       /**< of the program: sl_options.name */
    pid_t pid;              /**< of the master */
    const char *crash_dir;  /**< folder of the crash reports; "": none */
} sl_stats;

/** Takes the numbers of this moment. @return owned by the caller (sl_stats_free()); NULL when out
 * of memory, or in a process that does not serve. */
SL_API sl_stats *sl_stats_new(sl_app *app);
/** NULL is fine. */
SL_API void sl_stats_free(sl_stats *stats);

/** The sums alone, without a system call or memory: what can be asked for every second. Nothing is
 * to be freed; workers, routes and events are NULL. @return false in a process that does not serve
 */
SL_API bool sl_stats_glance(sl_app *app, sl_stats *ret);

/** From now on every request is counted for the route that answered it (the innermost, when one
 * goes on to another), for all workers together. Costs a look at the clock and three additions a
 * request; apps that do not ask pay nothing. At most 126 routes have numbers of their own, what
 * others are asked is counted together, with the pattern "(others)". While main() runs. */
SL_API void sl_count_routes(sl_app *app);

/** As sl_latency_quantile() for a route: right to within a factor of 1.5. */
SL_API double sl_route_quantile(const sl_route_stats *route, double q);

/** Seconds below which are the requests of bucket @p i and of all before it. */
SL_API double sl_latency_bound(unsigned i);
/** Seconds within which the share @p q (0.99) of the requests was answered: the middle of the
 * bucket where that is so; 0 without requests. */
SL_API double sl_latency_quantile(const sl_counts *counts, double q);
/** The sum of all latencies in seconds, as exactly as the buckets know it. */
SL_API double sl_latency_sum(const sl_counts *counts);

SL_END_DECLS

#endif
