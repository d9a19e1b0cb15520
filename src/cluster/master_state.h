/*
 * What the master remembers, shared by its files: master.c (life), master_code.c (executables and
 * generations), master_signals.c, master_bus.c (the relay's hands), crew.c and crew_frames.c (the
 * workers).
 */
#ifndef SL__CLUSTER_MASTER_STATE_H
#define SL__CLUSTER_MASTER_STATE_H

#include "cluster/crew.h"
#include "cluster/development.h"
#include "cluster/executable.h"
#include "cluster/listeners.h"
#include "cluster/master.h"
#include "cluster/relay.h"
#include "cluster/scoreboard.h"
#include "cluster/supervisor.h"
#include "loop/signals.h"

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
    struct sl__crew crew;
    struct sl__supervisor *supervisor;
    struct sl__timer wake; /* the supervisor's */
    struct sl__task look;  /* it is due, once what has happened meanwhile has been heard */
    struct sl__relay *relay;
    uint64_t forgotten;                  /* retained messages that are not kept any more */
    struct sl__timer donor;              /* the relay's: ASK was not answered */
    uint32_t donor_ask;                  /* the ask the timer runs for; 0: none */
    struct sl__development *development; /* NULL in production */
    uint32_t instances; /* as the code that serves wants it; by its HELLO or config */
    int status;
};

/* master_code.c */
/** New code is at the executable's path: opens it and lets the supervisor try it. */
void sl__master_reload(struct sl__master *m);
/** What a worker of @p generation is to run. */
const struct sl__executable *sl__master_code(struct sl__master *m, bool candidate);
/** The supervisor's good() and failed(). */
void sl__master_promote(struct sl__master *m, unsigned generation);
void sl__master_demote(struct sl__master *m);

/* master_signals.c */
int sl__master_signals_start(struct sl__master *m);
/** As PID 1: buries whoever has died, also those nobody knows. */
void sl__master_reap(struct sl__master *m);

/* master_bus.c */
int sl__master_bus_start(struct sl__master *m);
void sl__master_bus_stop(struct sl__master *m);
/** To be called after everything that may have moved the relay. */
void sl__master_watch_donor(struct sl__master *m);

/* master.c */
/** Something that the program should know of, with the worker's particulars. */
void sl__master_tell(struct sl__master *m, const struct sl__member *w,
                     void (*hook)(void *self, const sl_worker_info *info), int code, int signal);

#endif
