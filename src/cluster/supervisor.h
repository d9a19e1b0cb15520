/*
 * The supervisor: which workers should live, as a pure state machine. Events and the time come in
 * as calls, actions go out through callbacks; nothing here makes a system call, so millions of
 * seeded schedules can be simulated.
 *
 * A worker: STARTING (spawned) -> JOINING (said HELLO) -> READY -> DRAINING (asked to leave) ->
 * gone. A generation is good once all its workers have been READY at the same time; only then is
 * the one before told to drain. Workers given up or stopped before they were READY are killed, not
 * drained; they count as DRAINING until they are gone.
 */
#ifndef SL__CLUSTER_SUPERVISOR_H
#define SL__CLUSTER_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "cluster/archive.h"

/** So that a generation and its candidate find room in the scoreboard together. */
#define SL__INSTANCES_MAX 256u

struct sl__supervisor;

enum sl__drain_kind { SL__LEAVE_HAND_OVER = 0, SL__LEAVE_STOP = 1 };

struct sl__supervisor_config {
    unsigned instances; /* at least 1, at most SL__INSTANCES_MAX count */
    bool rolling;       /* a reload's workers are spawned one by one, and so the old ones leave */
    bool development;   /* one worker; a death before READY waits for the next reload */
    int64_t drain_ns;   /* DRAIN deadline, then SIGKILL */
    int64_t ready_ns;   /* from spawn to READY, then SIGABRT */
    int64_t
        settle_ns; /* a generation must stay up this long after all are READY before it is good */
    int64_t healthy_ns; /* 1 s: with a request served, the backoff starts afresh */
    int64_t backoff_min_ns, backoff_max_ns; /* 0.1 s doubling to 10 s, jitter of a quarter */
    unsigned crash_budget; /* deaths in a row without health; after it one slow retry only; 0: no
                              end of patience */
    uint64_t seed;         /* of the jitter */
    bool told; /* good(), failed() and deaths by a signal are told elsewhere: said for debugging */
};

/**
 * Called from within the functions below, and must not call them, except sl__supervisor_state() and
 * its neighbours, and sl__supervisor_set_instances() and
 * sl__supervisor_set_times() from good().
 */
struct sl__supervisor_actions {
    /** Start worker @p id in scoreboard slot @p slot. @p candidate: run the new executable, not the
     * held one. The outcome comes as an event; a failure to fork too (exited with code 127). */
    void (*spawn)(void *self, uint32_t id, unsigned slot, unsigned generation, bool candidate);
    /** Tell a READY worker to leave, within @p deadline_ns from now. */
    void (*drain)(void *self, uint32_t id, enum sl__drain_kind kind, int64_t deadline_ns);
    void (*kill)(void *self, uint32_t id, int signal);
    /** The candidate generation is good: its executable is the held one from now on. */
    void (*good)(void *self, unsigned generation);
    /** A candidate begun by sl__supervisor_try() has settled and waits for a verdict. May be NULL
     * if there is none. */
    void (*proven)(void *self, unsigned generation);
    /** The candidate generation failed: forget its executable. @p reason is one line, logged
     * already. Not called for a candidate given up for a newer reload or a stop. */
    void (*failed)(void *self, unsigned generation, const char *reason);
    /** True if worker @p id, READY, has served a request (its scoreboard slot says so). Asked only
     * to decide whether the crash budget is restored. May be NULL: then time is enough. */
    bool (*served)(void *self, uint32_t id);
    /** Call sl__supervisor_tick() at @p at; replaces the earlier wish; INT64_MAX: never. */
    void (*wake_at)(void *self, int64_t at);
    /** All workers are gone after a stop: end with this exit status. */
    void (*finished)(void *self, int status);
    void (*log)(void *self, enum sl__level level, const char *line);
    void *self;
};

struct sl__exit {
    int code;           /* -1 if a signal ended it */
    int signal;         /* 0 if it exited */
    bool served;        /* it had served a request */
    int pid;            /* for the log line */
    const char *reason; /* what the worker said before it went (SL__FRAME_FAILED), or NULL */
};

struct sl__supervisor *sl__supervisor_new(const struct sl__supervisor_config *config,
                                          const struct sl__supervisor_actions *actions);
void sl__supervisor_free(struct sl__supervisor *s);

void sl__supervisor_start(struct sl__supervisor *s, int64_t now);
void sl__supervisor_hello(struct sl__supervisor *s, uint32_t id, int64_t now);
void sl__supervisor_ready(struct sl__supervisor *s, uint32_t id, int64_t now);
void sl__supervisor_exited(struct sl__supervisor *s, uint32_t id, const struct sl__exit *exit,
                           int64_t now);
/** New code is there. During a reload: the candidate is given up and another begun. */
void sl__supervisor_reload(struct sl__supervisor *s, int64_t now);
/** As a reload, but what settles is only told by proven(), and waits beside the old generation. */
void sl__supervisor_try(struct sl__supervisor *s, int64_t now);
/** The verdict on one that waits: it takes over, or is given up as failed. Nothing if there is
 * none. */
void sl__supervisor_accept(struct sl__supervisor *s, int64_t now);
void sl__supervisor_reject(struct sl__supervisor *s, const char *reason, int64_t now);
/** True while there is a candidate. */
bool sl__supervisor_reloading(const struct sl__supervisor *s);
/** Drain all and finish; a second time, or @p fast: kill at once. */
void sl__supervisor_stop(struct sl__supervisor *s, bool fast, int64_t now);
/** One worker more (+1) or less (-1); at least one stays. */
void sl__supervisor_scale(struct sl__supervisor *s, int by, int64_t now);
/** Replaces a READY worker of the current generation: it is told to leave once another is READY in
 * its place. 0; -ESRCH if there is no such worker; -EBUSY if it is about to be replaced or is not
 * READY, or everybody is to leave. */
int sl__supervisor_retire(struct sl__supervisor *s, uint32_t id, int64_t now);
/** From a HELLO of a good generation: the code wants this many. Call it once for a generation, from
 * good() for instance, or a respawn's HELLO takes back what sl__supervisor_scale() did. */
void sl__supervisor_set_instances(struct sl__supervisor *s, unsigned instances, int64_t now);
/** From the same HELLO: how long to drain, and to wait for READY, from now on. Also from good(). */
void sl__supervisor_set_times(struct sl__supervisor *s, int64_t drain_ns, int64_t ready_ns);
void sl__supervisor_tick(struct sl__supervisor *s, int64_t now);

enum sl__worker_state {
    SL__WORKER_GONE,
    SL__WORKER_STARTING,
    SL__WORKER_JOINING,
    SL__WORKER_READY,
    SL__WORKER_DRAINING
};
enum sl__worker_state sl__supervisor_state(const struct sl__supervisor *s, uint32_t id);
unsigned sl__supervisor_ready_count(const struct sl__supervisor *s);
unsigned sl__supervisor_generation(const struct sl__supervisor *s);
/** Of the generation that is being tried; 0: there is none. */
unsigned sl__supervisor_candidate(const struct sl__supervisor *s);
/** How many workers there should be. */
unsigned sl__supervisor_instances(const struct sl__supervisor *s);
/** The crash budget is used up: one slow retry goes on. */
bool sl__supervisor_exhausted(const struct sl__supervisor *s);
/** When the next worker is to be spawned after a death; INT64_MAX: none is due. */
int64_t sl__supervisor_due(const struct sl__supervisor *s);

/** Writes all it knows, or reads it into a supervisor that was not started; what is due then is
 * done with the next call. */
void sl__supervisor_archive(struct sl__supervisor *s, struct sl__archive *a);

#endif
