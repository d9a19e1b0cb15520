/*
 * One process that serves: a worker, or a standalone program. Loop, fibers, the server with the app
 * behind it, the bus, and in a worker the channel to the master. Its life: init -> bus joined ->
 * start callbacks -> accepting -> drain -> stop callbacks -> end.
 */
#ifndef SL__SERVE_SERVING_H
#define SL__SERVE_SERVING_H

#include "app/app.h"
#include "cluster/role.h"
#include "cluster/scoreboard.h"
#include "cluster/worker.h"
#include "http/server.h"
#include "loop/signals.h"

struct sl__beat;

struct sl__serving {
    sl_app *app;
    struct sl__loop loop;
    struct sl__server *server;
    struct sl__worker *worker; /* NULL: standalone */
    struct sl__gate gate;
    struct sl__scoreboard board;
    struct sl__slot *slot;      /* ours in the scoreboard; standalone alone */
    unsigned lane;              /* in shared counters */
    struct sl__slot alone;      /* there is no board then */
    struct sl__signals signals; /* standalone only: a worker's are handled by cluster/worker.c */
    struct sl__timer deadline;  /* of the drain */
    struct sl__beat *beats;     /* sl_every() */
    struct sl__fiber *begin;    /* runs the start callbacks */
    bool begun;                 /* all of them have run */
    bool accepting, draining, cut, leaving;
};

/** Whole lives of the two kinds. @return the exit status for main(); errors have been printed. */
int sl__serve_as_worker(sl_app *app, const struct sl__role *role);
int sl__serve_standalone(sl_app *app);

/** What the app's endpoints are called below: fills at most SL__LISTENERS_MAX. @return how many. */
unsigned sl__serving_endpoints(const sl_app *app, struct sl__endpoint *to);

/* Shared by the files of this floor, in the order of a life. */

/** Loop, fibers, server; s->app, s->slot and s->gate are set. 0 or a negative errno. */
int sl__serving_init(struct sl__serving *s);
/** Takes a listening socket, the index-th of the app. */
void sl__serving_listener(struct sl__serving *s, unsigned index, int fd);
/** Starts the mailbox; once it has joined, the start callbacks run and connections are accepted. 0
 * or a negative errno. */
int sl__serving_start(struct sl__serving *s, uint32_t id);
/** Runs until it has left. */
void sl__serving_run(struct sl__serving *s);
/** Frees everything; also after any of the above has failed. No fiber lives. */
void sl__serving_finish(struct sl__serving *s);
/** Logs why the process ends. @return 1, its exit status */
int sl__serving_failed_to(const char *what, int error);
/** Accepts no more, finishes what was begun, runs the stop callbacks and ends the loop; by force
 * after the deadline. */
void sl__serving_drain(struct sl__serving *s, enum sl__drain kind, int64_t deadline_ns,
                       int64_t grace_ns, bool take_queued);
/** The server's event: no connection is left. */
void sl__serving_drained(void *self);
/** Ends the process at once, telling why it could not start. */
_Noreturn void sl__serving_give_up(struct sl__serving *s, const char *reason);

void sl__beats_start(struct sl__serving *s);
void sl__beats_stop(struct sl__serving *s);
void sl__beats_free(struct sl__serving *s);

#endif
