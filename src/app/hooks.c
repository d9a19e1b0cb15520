/*
 * Callbacks registered with the app; shallot.c walks the lists when their time has come.
 */
#include "app/hooks.h"

#include <errno.h>

#include "base/mem.h"
#include "shallot/loop.h"

int sl__hook_add(struct sl__app_hook **list, struct sl__app_hook hook, bool in_front)
{
    struct sl__app_hook *copy;

    if (!hook.fn.start) /* whichever it is: they share their place */
        return -EINVAL;
    copy = sl__try_alloc(sizeof *copy);
    if (!copy)
        return -ENOMEM;
    while (!in_front && *list)
        list = &(*list)->next;
    *copy = hook;
    copy->next = *list;
    *list = copy;
    return 0;
}

void sl__hooks_free(struct sl__app_hook **list)
{
    while (*list) {
        struct sl__app_hook *hook = *list;

        *list = hook->next;
        sl__free(hook);
    }
}

int sl_on_start(sl_app *app, int (*fn)(sl_app *app, void *self), void *self)
{
    return sl__hook_add(&app->start, (struct sl__app_hook){.fn.start = fn, .self = self}, false);
}

int sl_on_stop(sl_app *app, void (*fn)(sl_app *app, void *self), void *self)
{
    return sl__hook_add(&app->stop, (struct sl__app_hook){.fn.stop = fn, .self = self}, true);
}

int sl_every(sl_app *app, unsigned ms, void (*fn)(sl_app *app, void *self), void *self)
{
    struct sl__app_hook hook = {.fn.every = fn, .every_ms = ms, .self = self};

    return ms > 0 ? sl__hook_add(&app->every, hook, false) : -EINVAL;
}

int sl_on_end(sl_app *app, void (*fn)(sl_app *app, void *self), void *self)
{
    return sl__hook_add(&app->end, (struct sl__app_hook){.fn.end = fn, .self = self}, true);
}

void sl__app_end(sl_app *app)
{
    struct sl__app_hook *hook;

    while ((hook = app->end)) { /* one may register another */
        app->end = hook->next;
        hook->fn.end(app, hook->self);
        sl__free(hook);
    }
}
