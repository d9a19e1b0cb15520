/*
 * Tasks: what sl_spawn() starts, and what can be joined, detached and cancelled.
 *
 * Handlers come in through the public functions, the app floor through the groups. A task is a
 * fiber and a small record that outlives it, because its result is fetched later; the records are
 * kept for the next spawn.
 */
#include "fiber/task.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "fiber/runtime.h"

#define SPARE_MAX 256

struct sl_task {
    struct sl__link link; /* in its group; the next one while spare */
    struct sl__task_group *group;
    struct sl__fiber *fiber;  /* NULL after the end */
    struct sl__fiber *joiner; /* waits in sl_join() */
    int (*fn)(void *arg);
    void *arg;
    int result;
    bool ended, joined, detached;
};

static struct sl_task *take_record(struct sl__fibers *rt)
{
    struct sl_task *t = rt->spare_tasks;

    if (!t)
        return sl__try_alloc(sizeof(*t));
    rt->spare_tasks = t->arg;
    rt->spare_task_count--;
    return t;
}

static void give_record(struct sl__fibers *rt, struct sl_task *t)
{
    if (rt->spare_task_count >= SPARE_MAX) {
        sl__free(t);
        return;
    }
    t->arg = rt->spare_tasks;
    rt->spare_tasks = t;
    rt->spare_task_count++;
}

static void free_task(struct sl_task *t)
{
    sl__list_remove(&t->link);
    give_record(&sl__fibers_here, t);
}

static void run_task(void *arg)
{
    struct sl_task *t = arg;
    struct sl__task_group *g = t->group;

    t->fiber = sl__fiber_current();
    t->result = t->fn(t->arg);
    t->fiber->root = NULL; /* the next one on this stack has another, or none */
    t->fiber = NULL;
    t->ended = true;
    if (t->joiner)
        sl__fiber_wake(t->joiner);
    if (t->detached)
        free_task(t);
    g->running--;
    if (g->running == 0 && g->waiter)
        sl__fiber_wake(g->waiter);
}

void sl__tasks_forget(struct sl__fibers *rt)
{
    while (rt->spare_tasks) {
        struct sl_task *t = rt->spare_tasks;

        rt->spare_tasks = t->arg;
        sl__free(t);
    }
    rt->spare_task_count = 0;
}

sl_task *sl__task_start(struct sl__task_group *g, int (*fn)(void *arg), void *arg)
{
    struct sl__fibers *rt = &sl__fibers_here;
    const char *label = rt->current ? rt->current->label : NULL;
    struct sl__fiber *f;
    struct sl_task *t;

    if (g->finishing)
        return NULL;
    t = take_record(rt);
    if (!t)
        return NULL;
    *t = (struct sl_task){.group = g, .fn = fn, .arg = arg};
    if (!sl__link_used(&g->tasks))
        sl__list_init(&g->tasks);
    sl__list_append(&g->tasks, &t->link);
    g->running++;
    if (sl__fiber_start(&f, run_task, t) < 0) {
        g->running--;
        free_task(t);
        return NULL;
    }
    if (f) {
        t->fiber = f;
        f->label = label;
        if (g->keep && rt->current) /* which outlives the whole group */
            f->root = rt->current->root ? rt->current->root : rt->current;
    }
    return t;
}

void sl__task_group_cancel(struct sl__task_group *g)
{
    if (!sl__link_used(&g->tasks))
        return;
    for (struct sl__link *at = g->tasks.next; at != &g->tasks; at = at->next)
        sl_cancel(SL__OWNER(at, struct sl_task, link));
}

void sl__task_group_finish(struct sl__task_group *g)
{
    if (!sl__link_used(&g->tasks))
        return;
    g->finishing = true; /* cleaning up, nobody may make it longer */
    sl__task_group_cancel(g);
    g->waiter = sl__fiber_current();
    assert(g->running == 0 || g->waiter);
    sl__fiber_shield(true);
    while (g->running > 0)
        sl__fiber_wait(SL__FOREVER);
    sl__fiber_shield(false);
    while (!sl__list_empty(&g->tasks))
        free_task(SL__OWNER(g->tasks.next, struct sl_task, link));
    g->waiter = NULL;
    g->finishing = false;
}

int sl_join(sl_task *t)
{
    struct sl__fiber *self = sl__fiber_current();
    int result;

    if (t->joined || t->detached)
        return -EINVAL;
    if (t->joiner)
        return -EBUSY;
    while (!t->ended) {
        int r;

        if (!self || t->fiber == self)
            return -EDEADLK;
        t->joiner = self;
        r = sl__fiber_wait(SL__FOREVER);
        t->joiner = NULL;
        if (r < 0 && !t->ended)
            return r;
    }
    result = t->result;
    t->joined = true;
    if (!t->group->keep)
        free_task(t);
    return result;
}

void sl_detach(sl_task *t)
{
    assert(!t->joiner);
    t->detached = true;
    if (t->ended)
        free_task(t);
}

void sl_cancel(sl_task *t)
{
    if (t->fiber)
        sl__fiber_cancel(t->fiber);
}
