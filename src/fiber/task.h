/*
 * Tasks: fibers with a result, in groups that end together. A request has a group, and so has the
 * app; sl_spawn() starts a task in one of them.
 *
 *     struct sl__task_group g = {0};
 *     sl_task *t = sl__task_start(&g, fn, arg);
 *     int result = sl_join(t);
 *     sl__task_group_finish(&g);
 */
#ifndef SL__FIBER_TASK_H
#define SL__FIBER_TASK_H

#include <shallot/fiber.h>
#include <stdbool.h>

#include "base/list.h"

struct sl__fiber;

/** Zeroed memory is an empty group whose tasks are freed when joined. */
struct sl__task_group {
    struct sl__link tasks;
    unsigned running;         /* of the tasks, those that have not ended */
    struct sl__fiber *waiter; /* in sl__task_group_finish() */
    bool finishing;
    bool keep; /* set by the owner: joined tasks stay valid until the group is finished (a
                  request's) */
};

/**
 * Starts fn(arg) as a task: at once from the loop, later in this tick from a fiber, whose label it
 * inherits.
 *
 * @return the task, owned by the group; NULL when out of memory, over the limit of fibers, or when
 *         the group is being finished
 */
sl_task *sl__task_start(struct sl__task_group *g, int (*fn)(void *arg), void *arg);

/** Cancels every task of the group; waits for none. */
void sl__task_group_cancel(struct sl__task_group *g);

/**
 * Cancels every task, waits for all of them (although the caller may be cancelled himself) and
 * frees them; the group is then empty and usable again. Suspends when some are running, so then it
 * must be called on a fiber, and on none of the group's own.
 */
void sl__task_group_finish(struct sl__task_group *g);

#endif
