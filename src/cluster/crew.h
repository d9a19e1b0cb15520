/*
 * The crew: each worker as the master sees it, from before its birth until it has been buried.
 */
#ifndef SL__CLUSTER_CREW_H
#define SL__CLUSTER_CREW_H

#include "cluster/channel.h"
#include "cluster/executable.h"
#include "cluster/hello.h"
#include "cluster/listeners.h"
#include "cluster/supervisor.h"

struct sl__master;

struct sl__member {
    struct sl__link link; /* in the crew; who adopted last comes last */
    struct sl__master *master;
    uint32_t id;
    unsigned slot, generation;
    pid_t pid;                   /* 0: could not be spawned */
    struct sl__watch process;    /* pidfd; -1 */
    struct sl__channel *channel; /* NULL: could not be spawned */
    struct sl__task stillborn;   /* says so, outside of the supervisor */
    struct sl__timer patience;   /* it was given up, but lives on */
    bool given_up;
    bool greeted;       /* it said HELLO and was let in */
    bool ready;         /* it said READY */
    bool held;          /* it was told to wait for its turn (crew_turns.c) */
    bool shut;          /* it accepts no more */
    bool leaving;       /* it was asked to leave, or killed by us without its fault */
    bool aborted;       /* it was not ready in time */
    bool refused;       /* killed for what it said: nothing more is heard */
    bool dying;         /* it has crashed, and leaves its connections to us */
    int64_t stuck_tick; /* the tick in which the watchdog has seen it last; 0: none */
    unsigned stuck_ms;  /* killed by the watchdog: after so long */
    struct {
        unsigned culprits, bystanders, idle;
    } left; /* connections that its crash has left to the master */
    unsigned listener_count;
    struct sl__listener
        *listeners[SL__LISTENERS_MAX]; /* by index of its HELLO; NULL: closed since */
    uint32_t instances, drain_ms, grace_ms, ready_ms; /* as its HELLO says */
    struct sl__saved_member *saved;                   /* as read; NULL once resumed */
    char reason[512];                                 /* why it went, in its words or ours */
};

/** All living members; a table by id, because every message asks for everybody. */
struct sl__crew {
    struct sl__link members;
    struct sl__member *recent[1024]; /* at id modulo its size */
};

void sl__crew_init(struct sl__crew *c);
/** NULL if no such worker lives. */
struct sl__member *sl__crew_find(struct sl__crew *c, uint32_t id);

/** Starts a worker from @p executable. A failure is reported to the supervisor at the end of the
 * tick. */
void sl__crew_spawn(struct sl__master *m, uint32_t id, unsigned slot, unsigned generation,
                    const struct sl__executable *executable);
void sl__crew_drain(struct sl__master *m, uint32_t id, enum sl__drain_kind kind,
                    int64_t deadline_ns);
void sl__crew_kill(struct sl__master *m, uint32_t id, int signal);
/** A worker that can no longer be kept in step is asked to leave, so that another takes its place;
 * killed if it does not. */
void sl__crew_give_up(struct sl__member *w, const char *why);
/** The process has ended: its last words are heard, then it is reaped and everybody told. */
void sl__crew_bury(struct sl__member *w);
/** Passes an idle connection of @p giver on to the worker with the newest code that serves the same
 * listener. False if there is none: then @p fd is still the caller's. */
bool sl__crew_pass_on(struct sl__master *m, const struct sl__member *giver,
                      const struct sl__listener *l, int fd);
/** No member may refer to this listener any more. */
void sl__crew_forget_listener(struct sl__listener *l, void *master);
/** SIGKILLs and reaps whoever is left. */
void sl__crew_finish(struct sl__master *m);

/** A member that has neither process nor channel yet. */
struct sl__member *sl__crew_add(struct sl__master *m, uint32_t id);
/** Watches its process and takes our end of its channel. 0 or a negative errno. */
int sl__crew_attach(struct sl__member *w, int channel);
/** Writes all members, or reads them; a read one does nothing before sl__crew_resume()
 * (crew_archive.c). */
void sl__crew_archive(struct sl__master *m, struct sl__archive *a);
/** The members that were read are watched and heard again. 0 or a negative errno. */
int sl__crew_resume(struct sl__master *m);

/** Development: a worker accepts only when none before it does any more (crew_turns.c). A new one
 * is told so before it joins. */
void sl__crew_hold(struct sl__member *w);
/** Something has happened: gives the turn to whom it belongs. */
void sl__crew_turn(struct sl__master *m);
/** For the master's timer: those who are leaving have had time enough. */
void sl__crew_turn_over(struct sl__timer *t);

/** A frame of worker @p self (crew_frames.c). */
void sl__crew_frame(void *self, struct sl__frame *frame);

#endif
