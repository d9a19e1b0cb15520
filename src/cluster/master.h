/*
 * The master: owns listening sockets, the held executable, the scoreboard and the relay; performs
 * what supervisor and relay decide.
 */
#ifndef SL__CLUSTER_MASTER_H
#define SL__CLUSTER_MASTER_H

#include <stdbool.h>

#include "cluster/frame.h"
#include "net/endpoint.h"
#include "shallot/cluster.h"
#include "shallot/stats.h"
#include "shared/handle.h"

struct sl__master_hooks {
    void (*worker_up)(void *self, const sl_worker_info *info);
    void (*worker_exit)(void *self, const sl_worker_info *info);
    void (*message)(void *self, const char *topic, const void *data, size_t len, int from);
    /** The memory of this name serves from now on; the descriptor stays the caller's. May be NULL.
     */
    void (*shared)(void *self, const char *name, int fd);
    void *self;
};

struct sl__master_config {
    const char *name;
    unsigned instances;
    const char *instances_reason; /* one log line: why this many */
    bool development;
    unsigned drain_ms, grace_ms, ready_ms;
    unsigned health_ms; /* 0: as usual */
    bool rolling;       /* workers of a reload come and go one by one */
    size_t message_bytes, queue_bytes;
    const struct sl__endpoint *endpoints;
    unsigned endpoint_count;
    const struct sl__handle *shared; /* what main() names in the master; a list */
    const char *build, *watch;       /* development; build may be NULL */
    const char *user, *group;        /* to become once the listeners are open; NULL: stays */
    const char *pid_file;            /* NULL: none */
    const char *control;             /* path of the control socket; NULL: where it belongs; "off" */
    const char *crash_dir;           /* for reports; NULL: the default place; "": keep none */
    unsigned crash_reports;          /* kept there, of this name */
    unsigned watchdog_ms;            /* 0: none */
    /** The answer to a request whose worker has crashed, into @p buf. @return its length. NULL:
     * such connections are only closed. */
    size_t (*last_answer)(bool culprit, bool head, char *buf, size_t size);
    /** Development: whether who sent this head, line by line, waits until it is known where the
     * crash was, for crash_page. Both or neither. */
    bool (*wants_page)(const char *head);
    /** The whole answer then, of malloc(3); NULL: last_answer. @p self is that of the hooks. */
    char *(*crash_page)(void *self, const char *head, const char *report, size_t *ret_len);
    struct sl__master_hooks hooks;
};

/** Runs the master until it is told to stop. @return the exit status; errors have been printed. */
int sl__master_run(const struct sl__master_config *config);

/** From a hook: sends as the master. -EPERM outside sl__master_run(). */
int sl__master_send(uint32_t target, const char *topic, const void *data, size_t len);

/** From a hook: the numbers of this moment, as sl_stats_new(). NULL outside sl__master_run(). */
sl_stats *sl__master_stats(void);
/** What sl_stats_glance() is in the master: all zero without one. */
void sl__master_glance(sl_stats *ret);

/** CPUs this process may use: affinity mask and cgroup cpu.max; writes why. At least 1. */
unsigned sl__usable_cpus(char *ret_reason, size_t len);

#endif
