/*
 * The app's own seam: what shallot.c (the composition root) and tests need of it. Everything that
 * runs is in service, onion, table, reply.
 */
#ifndef SL__APP_APP_H
#define SL__APP_APP_H

#include "bus/bus.h"
#include "http/exchange.h"
#include "http/file_cache.h"
#include "shallot/app.h"
#include "shallot/cluster.h"
#include "shallot/ctx.h"
#include "shallot/stats.h"

#include "app/layers.h"
#include "app/shared.h"

#define SL__APP_HOST_MAX 256 /* with NUL; as net/endpoint.h has it */
#define SL__APP_PATH_MAX 108 /* with NUL; sun_path */

/** A callback registered with the app, in order of registration (stop: in reverse order). */
struct sl__app_hook {
    struct sl__app_hook *next;
    union {
        int (*start)(sl_app *app, void *self);
        void (*stop)(sl_app *app, void *self);
        void (*every)(sl_app *app, void *self);
        void (*end)(sl_app *app, void *self);
        sl_worker_fn *worker;
    } fn;
    unsigned every_ms;
    void *self;
};

/** Where the program wants to listen, checked; the environment has had its say. */
struct sl__app_endpoint {
    struct sl__app_endpoint *next;
    char host[SL__APP_HOST_MAX];      /* "" when unix_path is set */
    char unix_path[SL__APP_PATH_MAX]; /* "" for TCP */
    int port;                         /* 0: any (SL_PORT_ANY) */
    int backlog;                      /* 0: the system's limit */
    void (*on_listening)(sl_app *app);
};

/** A callback of sl_on_master_message(). */
struct sl__app_topic {
    struct sl__app_topic *next;
    char *topic; /* "*": every one */
    sl_message_fn *fn;
    void *self;
};

struct sl__task_group;
struct sl__kept;

struct sl_app {
    struct sl__service service; /* first member: serve() finds the app by it */
    struct sl_options options;  /* in force: defaults filled in, then the environment; the strings
                                   are the app's. instances 0: as many as there are CPUs */
    bool development;           /* options.mode, for the hot path */
    bool bad;                   /* a pattern, option or endpoint was refused: must not serve */
    struct sl__layers layers;
    struct sl__app_endpoint *endpoints;
    unsigned endpoint_count;
    struct sl__app_hook *start, *stop, *every, *end, *worker_up, *worker_exit;
    struct sl__app_topic *master_topics;
    struct sl__bus *bus;
    struct sl__app_shared shared; /* counters and maps */
    struct sl__task_group *tasks; /* of sl_spawn_in_app(); made with the first one */
    struct sl__file_cache files;  /* of sl_file() */
    struct sl__sse *sse;          /* event streams; made with the first one */
    char **urls;                  /* see sl__app_set_url() */
    size_t url_count;
    void *data;
    struct sl__kept *kept; /* sl_set_app_state(), newest first */
    /** Set in the master by shallot.c: what sl_send() and its sisters do there. As
     * sl__bus_send(). NULL: they fail with -EPIPE. */
    int (*master_send)(sl_app *app, uint32_t target, const char *topic, const void *data,
                       size_t len);
    /** What sl_stats_new() does; set by whoever runs the process. NULL: nothing is known. */
    sl_stats *(*read_stats)(sl_app *app);
    /** Development: the answer stands as text, because nobody handled @p error (0: because nobody
     * gave one), and may be exchanged for a page. NULL: it stays as it is. */
    void (*show)(sl_ctx *c, int error);
    void (*glance)(sl_app *app, sl_stats *ret); /* sl_stats_glance(); set along with it */
    bool counts_routes;                         /* sl_count_routes() */
    void *root;                                 /* of whoever runs the process */
};

/** The app as a service: set serve to run requests through its onion. Valid as long as the app. */
struct sl__service *sl__app_service(sl_app *app);

/**
 * True if the app may serve; false if something was refused while main() built it, which has been
 * logged already (a bad pattern in a mounted router counts).
 */
bool sl__app_fit(const sl_app *app);

/** Tells the URL of the i-th listener (copied). 0 or -ENOMEM. */
int sl__app_set_url(sl_app *app, size_t i, const char *url);

/** Calls the sl_on_master_message() callbacks of the message's topic. */
void sl__app_master_message(sl_app *app, const sl_message *m);

/** What sl_worker_id() and sl_is_master() say from now on. */
void sl__app_set_role(int worker_id, bool master);

/** Cancels the tasks of sl_spawn_in_app() and waits for them. On a fiber, when the worker has
 * drained. */
void sl__app_finish_tasks(sl_app *app);

/** Calls the sl_on_end() callbacks, each once. In the loop's thread, when no fiber lives. */
void sl__app_end(sl_app *app);

#endif
