/*
 * The cluster as the program sees it.
 */
#ifndef SHALLOT_CLUSTER_H
#define SHALLOT_CLUSTER_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** Id of this worker, from 1, never used again; 0 in the master. A standalone process is worker 1.
 */
SL_API int sl_worker_id(void);

/** True in the process the user started, unless it serves by itself (standalone). */
SL_API bool sl_is_master(void);

/** Exit code of a worker that it is of no use to start again: its place stays empty until the next
 * reload. When no worker is left the program ends with this code. */
#define SL_EXIT_STAY_DOWN 86

/** Exit code of a worker that it is of no use to start again: its place stays empty until the next
 * reload. When no worker is left the program ends with this code. */
#define SL_EXIT_STAY_DOWN 86

/** A worker as the master's callbacks see it. */
typedef struct sl_worker_info {
    int id;
    pid_t pid;
    unsigned generation;
    int code;      /**< at an exit: exit code, -1 if a signal ended it */
    int signal;    /**< at an exit: the signal, 0 if there was none */
    bool expected; /**< at an exit: it had been asked to leave */
} sl_worker_info;

/** Told of a worker, in the master. Must not block. */
typedef void sl_worker_fn(sl_app *app, const sl_worker_info *worker, void *self);

/** Called in the master when a worker serves. Must not block. 0; -EINVAL; -ENOMEM. */
SL_API int sl_on_worker_up(sl_app *app, sl_worker_fn *fn, void *self);

/** Called in the master when a worker has ended. Must not block. 0; -EINVAL; -ENOMEM. */
SL_API int sl_on_worker_exit(sl_app *app, sl_worker_fn *fn, void *self);

SL_END_DECLS

#endif
