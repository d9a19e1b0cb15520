/*
 * What the master remembers, shared by its files: master.c (life), master_code.c (executables and
 * generations), master_signals.c, aftermath.c and its sisters (crashes), master_bus.c (the relay's
 * hands), crew.c and crew_frames.c (the workers).
 */
#ifndef SL__CLUSTER_MASTER_STATE_H
#define SL__CLUSTER_MASTER_STATE_H

#include "cluster/aftermath.h"
#include "cluster/archive.h"
#include "cluster/control.h"
#include "cluster/crew.h"
#include "cluster/development.h"
#include "cluster/executable.h"
#include "cluster/listeners.h"
#include "cluster/master.h"
#include "cluster/notify.h"
#include "cluster/regions.h"
#include "cluster/relay.h"
#include "cluster/scoreboard.h"
#include "cluster/supervisor.h"
#include "loop/signals.h"

/** How far an upgrade has come. */
enum sl__upgrade_stage {
    SL__UPGRADE_NONE,
    SL__UPGRADE_PROVING,    /* a generation of it is being tried */
    SL__UPGRADE_REHEARSING, /* a child tries to read the state */
    SL__UPGRADE_READY       /* the exec comes at the end of this tick */
};

struct sl__master {
    struct sl__master_config config; /* times replaced by those of a good generation */
    struct sl__loop loop;
    struct sl__signals signals;
    struct {
        bool control;     /* there was a controlling terminal at the start */
        bool ours[3];     /* the standard descriptors that were terminals */
        bool hup_ignored; /* nohup(1) */
    } terminal;
    struct rlimit files; /* as the program was given it: workers get it back */
    struct sl__executable held, candidate;
    bool stopping;    /* the port is given up: no HELLO opens it again */
    bool change_seen; /* of the held file, in place: said once */
    struct sl__scoreboard board;
    struct sl__listeners listeners;
    struct sl__regions regions;
    struct sl__crew crew;
    struct sl__aftermath aftermath; /* of crashes */
    struct sl__supervisor *supervisor;
    struct sl__timer wake; /* the supervisor's */
    struct sl__timer turn; /* until those who leave are not waited for any more */
    struct sl__task look;  /* it is due, once what has happened meanwhile has been heard */
    struct sl__relay *relay;
    uint64_t forgotten;                  /* retained messages that are not kept any more */
    struct sl__timer donor;              /* the relay's: ASK was not answered */
    uint32_t donor_ask;                  /* the ask the timer runs for; 0: none */
    struct sl__development *development; /* NULL in production */
    struct {
        enum sl__upgrade_stage stage;
        struct sl__task next;       /* what comes after the stage */
        struct sl__watch rehearsal; /* pidfd; -1 */
        struct sl__timer patience;  /* of it */
        pid_t pid;
        int report;
        int64_t until; /* the exec may wait for other things to end */
    } upgrade;
    struct sl__control control;
    struct sl__notify notify;
    bool named;               /* the file with our PID was written */
    uint32_t instances;       /* as the code that serves wants it; by its HELLO or config */
    struct sl__buf told_urls; /* the feed's: where we listen, each with its NUL */
    int64_t ready_at;         /* when the latest worker was READY */
    int status;
};

/* master_code.c */
/** New code is at the executable's path: opens it and lets the supervisor try it. 0, or a negative
 * errno, which has been logged. */
int sl__master_reload(struct sl__master *m);
/** What a worker of @p generation is to run. */
const struct sl__executable *sl__master_code(struct sl__master *m, bool candidate);
/** The supervisor's good() and failed(). */
void sl__master_promote(struct sl__master *m, unsigned generation);
void sl__master_demote(struct sl__master *m);

/* master_upgrade.c */
void sl__master_upgrade_init(struct sl__master *m);
/** Begins to become the program that lies at the executable's path; the outcome is logged, and told
 * to clients that wait for SL__CONTROL_UPGRADE. 0; a negative errno if it cannot begin, with the
 * reason, logged too. */
int sl__master_upgrade(struct sl__master *m, char *why, size_t len);
/** The supervisor's: the new program's generation serves beside the old one. */
void sl__master_upgrade_proven(struct sl__master *m);
/** The candidate failed or was given up: there is nothing to become any more. */
void sl__master_upgrade_end(struct sl__master *m);
/** In the new program: takes everything over. 0, or a negative errno, printed: then nothing has
 * been taken, and sl__master_return() is the way out. */
int sl__master_take_over(struct sl__master *m);
/** What is due when everything has been taken over. */
void sl__master_taken_over(struct sl__master *m);
/** Back to the program that we come from; without a way back the process ends. Returns if this one
 * was not to take over. */
void sl__master_return(struct sl__master *m);
/** If this process is the rehearsal of a master: does its part and ends. */
void sl__master_rehearsed(struct sl__master *m);

/* master_signals.c */
/** Stops gently, or at once if @p fast or when it is stopping already. */
void sl__master_stop(struct sl__master *m, const char *why, bool fast);
int sl__master_signals_start(struct sl__master *m);
/** As PID 1: buries whoever has died, also those nobody knows. */
void sl__master_reap(struct sl__master *m);

/* master_feed.c: each says nothing if there is no feed */
/** Where @p w listens, unless that has been told. */
void sl__master_tell_listening(struct sl__master *m, const struct sl__member *w);
void sl__master_tell_swapped(struct sl__master *m, unsigned generation);
void sl__master_tell_kept(struct sl__master *m, const char *why);
/** @p report may be NULL. */
void sl__master_tell_death(uint32_t worker, int signal, const char *then, const char *report);
/** What becomes of a worker's work, right after the supervisor has heard that it is @p dead. */
const char *sl__master_what_then(const struct sl__master *m, const struct sl__member *dead);

/* master_bus.c */
int sl__master_bus_start(struct sl__master *m);
void sl__master_bus_stop(struct sl__master *m);
/** To be called after everything that may have moved the relay. */
void sl__master_watch_donor(struct sl__master *m);

/* master.c */
/** The program in the master uses the memory that the serving code uses. */
void sl__master_bind_shared(struct sl__master *m);
/** Something that the program should know of, with the worker's particulars. */
void sl__master_tell(struct sl__master *m, const struct sl__member *w,
                     void (*hook)(void *self, const sl_worker_info *info), int code, int signal);

#endif
