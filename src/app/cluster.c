/*
 * Which role this process has, as the program sees it, and what it wants to hear in the master.
 *
 * shallot.c sets the role before anything of the program's runs but main() itself.
 */
#include "shallot/cluster.h"

#include <errno.h>

#include "app/app.h"
#include "app/hooks.h"

static int this_worker;
static bool this_master;

void sl__app_set_role(int worker_id, bool master)
{
    this_worker = worker_id;
    this_master = master;
}

int sl_worker_id(void)
{
    return this_worker;
}

bool sl_is_master(void)
{
    return this_master;
}

int sl_on_worker_up(sl_app *app, sl_worker_fn *fn, void *self)
{
    return sl__hook_add(&app->worker_up, (struct sl__app_hook){.fn.worker = fn, .self = self},
                        false);
}

int sl_on_worker_exit(sl_app *app, sl_worker_fn *fn, void *self)
{
    return sl__hook_add(&app->worker_exit, (struct sl__app_hook){.fn.worker = fn, .self = self},
                        false);
}

bool sl_stats_glance(sl_app *app, sl_stats *ret)
{
    if (app->glance)
        app->glance(app, ret);
    return app->glance != NULL;
}

void sl_count_routes(sl_app *app)
{
    app->counts_routes = true;
}

sl_stats *sl_stats_new(sl_app *app)
{
    return app->read_stats ? app->read_stats(app) : NULL;
}
