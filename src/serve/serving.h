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

/** What ticks have counted and the slot has not been told (counting.c). */
struct sl__counting {
    const struct sl__counted *counted; /* the server's */
    uint64_t others;                   /* as published */
    uint64_t retire_at;                /* answers after which it asks to be replaced */
    uint64_t cycles;                   /* at the beginning of the present tick */
    uint64_t quick;                    /* cycles: a tick below is not looked at. 0: not known yet */
    uint64_t first_cycles;
    int64_t first_ns;
    unsigned waited;    /* requests in latency below: they waited, and are known one by one */
    unsigned low, high; /* the buckets that are not empty: from low up to, not with, high */
    uint32_t latency[SL_LATENCY_BUCKETS];
};

struct sl__serving {
    sl_app *app;
    struct sl__loop loop;
    struct sl__server *server;
    struct sl__service telling; /* in development under a tool: around the app's (telling.c) */
    struct sl__worker *worker;  /* NULL: standalone */
    struct sl__gate gate;
    struct sl__scoreboard board;
    struct sl__slot *slot; /* ours in the scoreboard; a standalone process has one of its own */
    unsigned lane;         /* in shared counters */
    struct sl__counting counting;
    struct sl__timer memory;    /* .max_rss: the next look */
    struct sl__signals signals; /* standalone only: a worker's are handled by cluster/worker.c */
    struct sl__timer deadline;  /* of the drain */
    struct sl__beat *beats;     /* sl_every() */
    struct sl__fiber *begin;    /* runs the start callbacks */
    bool begun;                 /* all of them have run */
    bool turns;                 /* development: one worker accepts after the other */
    bool held;                  /* it is not its turn yet: it is ready and does not accept */
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
/** From now on cluster/crash.h hears when a tick begins and ends. */
void sl__serving_time_ticks(struct sl__serving *s);
/** Takes a listening socket, the index-th of the app. */
void sl__serving_listener(struct sl__serving *s, unsigned index, int fd);
/** Starts the mailbox; once it has joined, the start callbacks run and connections are accepted. 0
 * or a negative errno. */
int sl__serving_start(struct sl__serving *s, uint32_t id);
/** Accepts, if everything has begun and nothing holds it back. */
void sl__serving_accept(struct sl__serving *s);
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

/** Whom the server asks: the app, or somebody who tells the tool what the app has answered. */
struct sl__service *sl__serving_service(struct sl__serving *s);

/** Counts what ticks do and publishes it in the slot; server and slot are there. */
void sl__counting_start(struct sl__serving *s);
/** The server's event. */
void sl__counting_waited(void *self, int64_t ns);

/** Counts requests per route: sl_count_routes(). 0 or -ENOMEM (route_counts.c). */
int sl__route_counts_start(struct sl__serving *s);

/** Replaces the process when it has done enough: .max_requests, .max_rss (retire.c). */
void sl__retire_start(struct sl__serving *s);
void sl__retire_stop(struct sl__serving *s);
/** As many requests as the limit have been answered. */
void sl__retire_by_requests(struct sl__serving *s, uint64_t served);
/** Keeps to one CPU: .affinity. */
void sl__affinity_start(const struct sl__serving *s);

/** Asks GET @p path of this very server, until the answer is 2xx. On a fiber; 0, -ECANCELED, or
 * another negative error with the reason in @p ret_reason (ready.c). */
int sl__ready_probe(struct sl__serving *s, const char *path, char *ret_reason, size_t len);

void sl__beats_start(struct sl__serving *s);
void sl__beats_stop(struct sl__serving *s);
void sl__beats_free(struct sl__serving *s);

#endif
