/*
 * Tasks of a request and of the app: sl_spawn() over fiber/task.h.
 *
 * A group is made with its first task. The request's is finished by service.c when the onion has
 * unwound, and once more at the request's end, for tasks that a pull source has started; the app's
 * by shallot.c when the worker has drained.
 */
#include "app/ctx.h"
#include "app/service.h"
#include "base/mem.h"
#include "fiber/task.h"

sl_task *sl_spawn_in_request(sl_ctx *c, int (*fn)(void *arg), void *arg)
{
    if (!c->tasks) {
        struct sl__task_group *g = sl__arena_alloc(&c->x->arena, sizeof *g);

        if (!g)
            return NULL;
        *g = (struct sl__task_group){.keep = true};
        c->tasks = g;
        sl__service_clean_up_later(c);
    }
    return sl__task_start(c->tasks, fn, arg);
}

sl_task *sl_spawn_in_app(sl_app *app, int (*fn)(void *arg), void *arg)
{
    if (!app->tasks)
        app->tasks = sl__try_alloc_zeroed(sizeof *app->tasks);
    return app->tasks ? sl__task_start(app->tasks, fn, arg) : NULL;
}

void sl__app_finish_tasks(sl_app *app)
{
    if (app->tasks)
        sl__task_group_finish(app->tasks);
}
