/*
 * The simulation: supervisor and relay in a world without processes, sockets or clocks, where every
 * schedule follows from one number.
 *
 * sim.c runs schedules; world.c owns time; master.c performs; upgrade.c execs; worker.c is the
 * workers; check.c knows what must be true.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "cluster/relay_state.h"
#include "cluster/supervisor.h"

#define WORKERS_MAX 1024
#define RECORDS_MAX 8192
#define TOPICS 3 /* retained topics r0 r1 r2 */
#define TASKS 2  /* once-tasks o0 o1 */
#define GENERATIONS_MAX 64
#define OPEN_MAX 16 /* requests of one worker at once */

/* What all workers share: a count, and a hash that any loss, doubling or change of order changes.
 */
struct shared {
    uint64_t count, hash;
    uint64_t position; /* in a snapshot: before which message it was cut */
};

/* A message the relay has put into its order; its index is its position. */
struct record {
    uint32_t from, target;
    uint8_t topic; /* retained topic or once-task, else NO_TOPIC */
};
#define NO_TOPIC 255

enum event_type {
    EVENT_WORKER,  /* a worker does something: act */
    EVENT_FRAME,   /* a frame of a worker reaches the master */
    EVENT_EXIT,    /* the master learns of a death */
    EVENT_DONOR,   /* the donor timer */
    EVENT_MESSAGE, /* somebody sends */
    EVENT_VERDICT, /* on the candidate of an upgrade */
    EVENT_TROUBLE, /* reload, scale, kill, ... */
};

enum act {
    ACT_HELLO,
    ACT_READY,
    ACT_DIE,
    ACT_LEAVE,
    ACT_CONSUME,
    ACT_ONCE_END,
    ACT_ANSWER,   /* to worker target's request number */
    ACT_DEADLINE, /* of its own request number */
};

struct event {
    int64_t at;
    uint64_t order;
    enum event_type type;
    uint32_t id;
    uint32_t what; /* act; frame type; ask number */
    uint32_t target;
    uint32_t size;
    uint32_t number; /* of a request */
    uint8_t topic;
    struct shared state;
};

/* A frame in a worker's queue. */
struct parcel {
    uint8_t type, topic;
    uint32_t target; /* of ASK: its number; of what has to do with a request likewise */
    uint32_t from;
    uint64_t position;
    uint64_t missed;
    size_t octets;
    struct shared state;
};

struct worker {
    uint32_t id;
    unsigned slot, generation;
    bool candidate, shares;
    bool running;   /* the process exists */
    bool told;      /* the supervisor asked it to leave */
    bool aborted;   /* the supervisor sent SIGABRT: on its way out anyway */
    bool draining;  /* it has got DRAIN */
    bool connected; /* the relay knows it */
    bool begun;     /* has been sent something */
    bool bad;       /* of a generation that does not work */
    bool joined, ready, served;
    bool never_ready, stubborn;
    int64_t ready_at, stuck_until, pace, out_at, cut_at;
    int exit_code, exit_signal;
    bool consuming;
    struct parcel *queue;
    size_t first, count, size, octets;
    bool was_high;
    /* what it has seen */
    struct shared state;
    uint64_t cursor; /* the next position it may be given */
    uint64_t connected_at, joined_at;
    uint64_t skipped, skipped_broadcast, gaps;
    uint64_t last[TOPICS + TASKS]; /* position of the value it has */
    bool asked[TASKS], runs[TASKS], failed_task[TASKS];
    uint32_t last_request, heard; /* number of the last; how many came back */
    uint32_t open[OPEN_MAX];      /* numbers of those it waits for; 0: free */
};

/* How bad a schedule is; drawn from its seed. */
struct weather {
    bool quiet; /* the end: nobody misbehaves any more */
    unsigned die_boot, die_join, die_ready, never, stubborn, stuck, slow, bad_generation; /* % */
    bool shares, mixed, big_states, storms;
    int64_t length;
};

struct world {
    uint64_t seed, random;
    bool trace, failed;
    char failure[256];
    int64_t now, wake;
    struct event *heap;
    size_t heap_count, heap_size;
    uint64_t order;

    struct weather weather;
    bool development, stopped, finished;
    bool retired; /* a worker was, so that there may be more than wanted for a while */
    unsigned instances, candidate_count;
    unsigned candidate_generation;          /* 0: none */
    bool generation_bad, generation_shares; /* of the next one */
    bool bad[GENERATIONS_MAX], shares[GENERATIONS_MAX];
    struct sl__supervisor *supervisor;
    struct sl__supervisor_config config;
    struct sl__relay *relay;
    struct sl__relay_limits limits;
    uint32_t last_id, ask_number;
    struct worker workers[WORKERS_MAX];
    uint32_t live[WORKERS_MAX];
    size_t live_count;

    struct record records[RECORDS_MAX];
    uint64_t position; /* of the next message */
    struct shared truth;
    uint64_t last[TOPICS + TASKS];
    uint64_t to_master_due;
    bool task_done[TASKS];
    uint64_t refused;       /* refusals sent to workers that run */
    bool forgotten[TOPICS]; /* the relay keeps its last value no longer */
    struct {
        uint64_t spawns, deaths, reloads, good, failed, gaps, lines, messages, joins, timeouts,
            retired, execs;
        uint64_t requests, replies, refusals, late, forgotten;
    } seen;
};

/* sim.c */
void trace_line(const struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define trace(w, ...)                                                                              \
    do {                                                                                           \
        if (((const struct world *)(w))->trace)                                                    \
            trace_line(w, __VA_ARGS__);                                                            \
    } while (0)

/* world.c */
uint64_t draw(struct world *w);
unsigned below(struct world *w, unsigned n);
bool chance(struct world *w, unsigned percent);
int64_t between(struct world *w, int64_t low, int64_t high);
struct event *schedule(struct world *w, int64_t at, enum event_type type, uint32_t id,
                       uint32_t what);
void world_begin(struct world *w, uint64_t seed);
/** Runs events until nothing is left to happen, or @p until. */
void world_run(struct world *w, int64_t until);
void world_end(struct world *w);
void world_stop(struct world *w, bool fast);
void world_reload(struct world *w);
void world_trouble(struct world *w);
/** What the next generation is like. */
void world_new_code(struct world *w);

/* upgrade.c */
void world_exec(struct world *w);
void world_upgrade(struct world *w);
void world_proven(struct world *w, unsigned generation);
void world_verdict(struct world *w, unsigned generation);

/* master.c */
extern const struct sl__supervisor_actions supervisor_actions;
extern const struct sl__relay_actions relay_actions;
void world_frame(struct world *w, const struct event *e);
void world_exit(struct world *w, uint32_t id);
void world_message(struct world *w);
/** Puts a message into the list the relay must agree with; returns its position. */
uint64_t world_record(struct world *w, uint32_t from, uint32_t target, uint8_t topic);

/* worker.c */
void worker_spawned(struct world *w, uint32_t id, unsigned slot, unsigned generation,
                    bool candidate);
void worker_act(struct world *w, struct worker *k, enum act act, const struct event *e);
void worker_signal(struct world *w, struct worker *k, int signal);
void worker_die(struct world *w, struct worker *k, int code, int signal);
void worker_push(struct world *w, struct worker *k, const struct parcel *p);
void worker_frame(struct world *w, struct worker *k, enum sl__frame_type type, uint32_t target,
                  uint8_t topic);
/** Asks some worker, or any. */
void worker_request(struct world *w, struct worker *k);

/* check.c */
void check_failed(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define CHECK(w, condition, ...)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            check_failed(w, __VA_ARGS__);                                                          \
    } while (0)
/** The message changes what is shared. */
void check_apply(struct shared *state, uint64_t position);
/** A message reached a worker's callbacks. */
void check_message(struct world *w, struct worker *k, uint64_t position);
void check_join_state(struct world *w, struct worker *k, const struct shared *state);
void check_gap(struct world *w, struct worker *k, uint64_t missed);
/** A request reached a worker that was put into its queue before the message at @p position. */
void check_request(struct world *w, struct worker *k, uint64_t position);
/** All messages before @p position have come, but for those it was told of. */
void check_joined(struct world *w, struct worker *k, uint64_t position);
/** After every event. */
void check_always(struct world *w);
/** When all has become quiet. */
void check_quiet(struct world *w);
void check_gone(struct world *w);

#endif
