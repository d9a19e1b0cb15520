/*
 * What the supervisor remembers, shared by its files: supervisor.c (events), supervisor_worker.c
 * (one worker), supervisor_generation.c (candidate, promotion, size), supervisor_backoff.c (when to
 * try again).
 *
 * A worker's place in workers[] is its scoreboard slot. A generation has positions: what should be
 * there, whether or not somebody is; backoff belongs to the position, so it outlives respawns.
 */
#ifndef SL__CLUSTER_SUPERVISOR_STATE_H
#define SL__CLUSTER_SUPERVISOR_STATE_H

#include "cluster/scoreboard.h"
#include "cluster/supervisor.h"

#define SL__NEVER INT64_MAX

struct sl__sv_worker {
    uint32_t id; /* 0: the slot is free */
    unsigned generation;
    enum sl__worker_state state;
    bool leaving; /* asked to, or given up: not replaced */
    bool aborted; /* was not READY in time and has got SIGABRT */
    bool killed;  /* has got SIGKILL: nothing stronger is left */
    int64_t ready_at;
    int64_t deadline; /* patience ends: SIGABRT, or SIGKILL if leaving or aborted */
};

struct sl__sv_position {
    unsigned holder;   /* slot + 1 of its worker; 0: vacant */
    unsigned retiring; /* slot + 1 of the worker before, which leaves once the holder is READY */
    unsigned deaths;   /* in a row without health */
    int64_t due;       /* vacant: when to spawn; SL__NEVER: waits for an event, not for a time */
};

struct sl__sv_generation {
    unsigned number; /* 0: there is none */
    unsigned count;
    int64_t settled_at; /* candidate, all READY: when it will be good; else SL__NEVER */
    struct sl__sv_position positions[SL__INSTANCES_MAX];
};

struct sl__supervisor {
    struct sl__supervisor_config config;
    struct sl__supervisor_actions actions;
    bool started, stopping, finished;
    bool held;      /* the candidate does not take over by itself */
    bool proven;    /* it would have */
    bool promoting; /* in good(): the size is looked at afterwards */
    bool exhausted; /* the crash budget is used up */
    unsigned crashes;
    unsigned instances;
    uint32_t last_id;
    unsigned last_generation;
    uint64_t random;
    int64_t wake;        /* as wished last; INT64_MIN: unknown */
    unsigned slots_used; /* beyond it all slots are free */
    struct sl__sv_worker workers[SL__SLOTS];
    struct sl__sv_generation current, candidate;
};

void sl__sv_say(struct sl__supervisor *s, enum sl__level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* supervisor_worker.c */
/** SL__SLOTS if no such worker lives. */
unsigned sl__sv_slot_of(const struct sl__supervisor *s, uint32_t id);
/** False if no slot is free. */
bool sl__sv_spawn(struct sl__supervisor *s, struct sl__sv_generation *g, struct sl__sv_position *p,
                  int64_t now);
/** Asks a worker to leave: DRAIN if it serves, else SIGTERM. */
void sl__sv_dismiss(struct sl__supervisor *s, struct sl__sv_worker *w, enum sl__drain_kind kind,
                    int64_t now);
/** SIGKILL, and no replacement. */
void sl__sv_kill(struct sl__supervisor *s, struct sl__sv_worker *w);
/** Acts on the worker's deadline. */
void sl__sv_impatient(struct sl__supervisor *s, struct sl__sv_worker *w, int64_t now);
/** "SIGKILL" or "exit code 3". */
const char *sl__sv_cause(const struct sl__exit *exit, char *buf, size_t len);

/* supervisor_generation.c */
void sl__sv_candidate_begin(struct sl__supervisor *s, int64_t now);
/** Gives its workers up and forgets it. */
void sl__sv_candidate_end(struct sl__supervisor *s, int64_t now);
void sl__sv_candidate_failed(struct sl__supervisor *s, const char *reason, int64_t now);
bool sl__sv_candidate_ready(const struct sl__supervisor *s);
/** The candidate becomes the current generation, and the one before is told to leave. */
void sl__sv_promote(struct sl__supervisor *s, int64_t now);
/** With config.rolling: lets the next worker of the candidate be spawned, once those before are
 * READY. */
void sl__sv_candidate_next(struct sl__supervisor *s, int64_t now);
/** With config.rolling: tells the next worker of an earlier generation to leave, once those before
 * are gone. */
void sl__sv_roll(struct sl__supervisor *s, int64_t now);
/** The holder is READY: whom it replaces may go. */
void sl__sv_relieve(struct sl__supervisor *s, struct sl__sv_position *p, int64_t now);
/** Makes the current generation as large as it should be. */
void sl__sv_resize(struct sl__supervisor *s, int64_t now);

/* supervisor_backoff.c */
/** A worker of the current generation died unasked: decides when position @p p is tried again. */
void sl__sv_backoff(struct sl__supervisor *s, struct sl__sv_position *p,
                    const struct sl__sv_worker *w, bool served, int64_t now);
/** READY long enough, and somebody was answered. */
bool sl__sv_healthy(const struct sl__supervisor *s, const struct sl__sv_worker *w, int64_t now);
/** While exhausted: leaves that state if one is healthy, else sees to the one slow retry. */
void sl__sv_budget_check(struct sl__supervisor *s, int64_t now);
/** When to look again whether one is healthy; SL__NEVER. */
int64_t sl__sv_budget_wake(const struct sl__supervisor *s, int64_t now);
/** A new generation is new luck. */
void sl__sv_budget_reset(struct sl__supervisor *s);

#endif
