/*
 * Building a serving process and taking it apart: what worker and standalone program have in
 * common.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "app/ctx.h"
#include "base/log.h"
#include "base/sys.h"
#include "cluster/crash.h"
#include "fiber/fiber.h"
#include "serve/serving.h"
#include "shallot/error.h"

/* The mailbox, sl_every() runs, start and stop callbacks need fibers beside those of requests. */
#define SPARE_FIBERS 64

static void on_give(void *self, int fd, unsigned listener)
{
    struct sl__serving *s = self;

    sl__worker_give(s->worker, fd, listener);
}

static uint64_t request_number(void)
{
    struct sl__fiber *f = sl__fiber_current();
    const struct sl__exchange *x = f ? sl__fiber_user(f) : NULL;

    return x ? x->number : 0;
}

static const char *request_name(void)
{
    struct sl__fiber *f = sl__fiber_current();
    const struct sl__exchange *x = f ? sl__fiber_user(f) : NULL;

    return x && x->ctx ? sl__ctx_name(x->ctx) : NULL;
}

static sl_stats *read_stats(sl_app *app)
{
    struct sl__serving *s = app->root;

    return sl__scoreboard_read(&s->board, sl__sys_now());
}

static void glance(sl_app *app, sl_stats *ret)
{
    struct sl__serving *s = app->root;

    sl__scoreboard_glance(&s->board, sl__sys_now(), ret);
}

static void fill_endpoint(struct sl__endpoint *to, const struct sl__app_endpoint *from, int nth)
{
    *to = (struct sl__endpoint){.port = from->port, .backlog = from->backlog};
    snprintf(to->host, sizeof to->host, "%s", from->host);
    snprintf(to->unix_path, sizeof to->unix_path, "%s", from->unix_path);
    to->nth = from->port == 0 ? nth : 0;
}

unsigned sl__serving_endpoints(const sl_app *app, struct sl__endpoint *to)
{
    unsigned count = 0;

    for (const struct sl__app_endpoint *e = app->endpoints; e && count < SL__LISTENERS_MAX;
         e = e->next, count++)
        fill_endpoint(&to[count], e, (int)count);
    return count;
}

int sl__serving_init(struct sl__serving *s)
{
    struct sl__server_events events = {
        .drained = sl__serving_drained, .give = on_give, .waited = sl__counting_waited, .self = s};
    int r = sl__loop_init(&s->loop);

    if (r < 0)
        return r;
    r = sl__fibers_init(&s->loop, s->app->options.limits.fibers + SPARE_FIBERS);
    if (r < 0)
        return r;
    signal(SIGPIPE, SIG_IGN); /* a log or a client that is gone must not take the process along */
    signal(SIGXFSZ, SIG_IGN); /* nor a log file that may not grow */
    sl__fiber_install_overflow_handler();
    s->server = sl__server_new(&s->loop, sl__serving_service(s), &s->app->options.limits,
                               s->gate.crowd ? &s->gate : NULL, &events);
    if (!s->server)
        return -ENOMEM;
    sl__app_shared(s->app);
    sl__app_shared_setup(s->app, s->lane, &s->loop.now, true);
    sl__counting_start(s);
    sl__log_lost_at = &s->slot->tally.log_dropped;
    sl__log_request = request_number;
    sl__log_request_name = request_name;
    s->app->read_stats = read_stats;
    s->app->glance = glance;
    s->app->root = s;
    return s->app->counts_routes ? sl__route_counts_start(s) : 0;
}

void sl__serving_listener(struct sl__serving *s, unsigned index, int fd)
{
    char url[300];
    int r;

    sl__endpoint_url(fd, url, sizeof url);
    sl__app_set_url(s->app, index, url);
    r = sl__server_add_listener(s->server, fd);
    if (r < 0)
        sl__serving_give_up(s, sl_strerror(r));
}

void sl__serving_run(struct sl__serving *s)
{
    int r = sl__loop_run(&s->loop);

    if (r < 0) /* requests may be in their handlers: there is no way back through main() */
        sl__serving_give_up(s, sl_strerror(r));
}

int sl__serving_failed_to(const char *what, int error)
{
    sl__log(SL__ERROR, "cannot %s: %s", what, sl_strerror(error));
    return 1;
}

void sl__serving_finish(struct sl__serving *s)
{
    sl__app_shared_setup(s->app, s->lane, NULL, true);
    sl__log_flush();
    sl__log_lost_at = NULL;
    sl__log_request = NULL;
    sl__log_request_name = NULL;
    s->app->read_stats = NULL;
    s->app->glance = NULL;
    s->app->root = NULL;
    sl__crash_retire();
    sl__timer_stop(&s->loop, &s->deadline);
    sl__retire_stop(s);
    sl__beats_stop(s);
    sl__beats_free(s);
    sl__server_free(s->server);
    sl__app_end(s->app);
    sl__worker_free(s->worker);
    sl__fibers_finish();
    sl__signals_stop(&s->signals);
    sl__loop_finish(&s->loop);
}
