/*
 * The composition root: decides which role this process has, and is the only file that sees all
 * floors.
 *
 * main() comes in through sl_run(). As the master it leaves through cluster/master.c, as a worker
 * or standalone through serve/.
 */
#include <stdio.h>
#include <stdlib.h>

#include "app/app.h"
#include "base/log.h"
#include "cluster/master.h"
#include "cluster/rehearsal.h"
#include "cluster/role.h"
#include "develop/attach.h"
#include "develop/crash_answer.h"
#include "serve/dying.h"
#include "serve/serving.h"
#include "shallot/middleware.h"

/* Named here because main() seldom frees it: so a leak checker that looks after main() has returned
 * does not take it for lost. */
__attribute__((used)) static sl_app *running;

static void call_worker_hooks(sl_app *app, const struct sl__app_hook *h, const sl_worker_info *info)
{
    for (; h; h = h->next)
        h->fn.worker(app, info, h->self);
}

static void on_worker_up(void *self, const sl_worker_info *info)
{
    sl_app *app = self;

    call_worker_hooks(app, app->worker_up, info);
}

static void on_worker_exit(void *self, const sl_worker_info *info)
{
    sl_app *app = self;

    call_worker_hooks(app, app->worker_exit, info);
}

static void on_master_message(void *self, const char *topic, const void *data, size_t len, int from)
{
    sl_message m = {.topic = topic, .data = data, .len = len, .from = from};

    sl__app_master_message(self, &m);
}

/* Only what has the sizes that the master's own code knows. */
static void on_shared(void *self, const char *name, int fd)
{
    sl__app_bind_shared(self, name, fd);
}

static int master_send(sl_app *app, uint32_t target, const char *topic, const void *data,
                       size_t len)
{
    return sl__master_send(target, topic, data, len);
}

static sl_stats *master_stats(sl_app *app)
{
    return sl__master_stats();
}

static void master_glance(sl_app *app, sl_stats *ret)
{
    sl__master_glance(ret);
}

static int run_master(sl_app *app)
{
    struct sl__endpoint endpoints[SL__LISTENERS_MAX];
    char reason[160];
    struct sl__master_config config = {
        .name = app->options.name,
        .instances = (unsigned)app->options.instances,
        .instances_reason = reason,
        .development = app->development,
        .drain_ms = app->options.drain_ms,
        .grace_ms = app->options.grace_ms,
        .ready_ms = app->options.ready_ms,
        .health_ms = app->options.health_ms,
        .rolling = app->options.rolling,
        .message_bytes = app->options.limits.message_bytes,
        .queue_bytes = app->options.limits.queue_bytes,
        .endpoints = endpoints,
        .build = app->options.build,
        .watch = app->options.watch,
        .shared = sl__app_shared(app),
        .control = app->options.control,
        .user = app->options.user,
        .group = app->options.group,
        .pid_file = app->options.pid_file,
        .crash_dir = app->options.crash_dir,
        .crash_reports = app->options.crash_reports,
        .watchdog_ms = app->options.watchdog_ms == SL_NO_WATCHDOG ? 0 : app->options.watchdog_ms,
        .last_answer = sl__last_answer,
        .hooks = {.worker_up = on_worker_up,
                  .worker_exit = on_worker_exit,
                  .message = on_master_message,
                  .shared = on_shared,
                  .self = app},
    };

    sl__log_set_who("master");
    app->master_send = master_send;
    sl__app_shared_setup(app, 0, NULL, false); /* the master waits for nobody */
    app->read_stats = master_stats;
    app->glance = master_glance;
    config.endpoint_count = sl__serving_endpoints(app, endpoints);
    if (app->development) {
        config.wants_page = app->options.no_pages ? NULL : sl__head_wants_page;
        config.crash_page = app->options.no_pages ? NULL : sl__crash_answer;
        config.instances = 1;
        snprintf(reason, sizeof reason, "development");
    } else if (config.instances == 0) {
        config.instances = sl__usable_cpus(reason, sizeof reason);
    } else {
        snprintf(reason, sizeof reason, "%s",
                 getenv("SHALLOT_INSTANCES") ? "SHALLOT_INSTANCES" : "as the program says");
    }
    return sl__master_run(&config);
}

/* Before main(), so that it may ask which process it runs in. */
__attribute__((constructor)) static void know_role(void)
{
    uint32_t worker = sl__role()->worker;

    sl__app_set_role((int)worker, worker == 0);
    if (worker)
        sl__dying_early();
}

/* In the master too: it makes the shared memory that the dashboard names. */
static bool attach_development(sl_app *app, const struct sl__role *role)
{
    if (sl__layers_wrap(&app->layers, sl_dashboard(app)) < 0 || !sl__app_fit(app))
        return false;
    return !role->worker || sl__develop_attach(app) == 0;
}

int sl_run(sl_app *app)
{
    const struct sl__role *role = sl__role();

    running = app;
    sl__keep_standard_descriptors();
    if (app->development)
        sl__log_set_level(SL__DEBUG);
    if (!app->endpoints && sl_bind(app) < 0)
        return 1;
    if (!sl__app_fit(app))
        return 1;
    if (app->development && !attach_development(app, role))
        return 1;
    if (role->worker)
        return sl__serve_as_worker(app, role);
    if (role->rehearsal >= 0 && app->options.standalone && !app->development)
        sl__rehearsal_end("it is standalone, which needs a restart");
    if (app->options.standalone && !app->development)
        return sl__serve_standalone(app);
    return run_master(app);
}

int sl_listen_on(sl_app *app, const sl_endpoint *endpoint)
{
    running = app;
    return sl_bind_to(app, endpoint) < 0 ? 1 : sl_run(app);
}
