/*
 * The life of a serving process, from joining to the last stop callback.
 *
 * The bus comes in when it has brought the app to the present, the master (or a signal) when it is
 * time to leave. Out goes the loop's end, once everything that was begun is finished, or by force
 * after the deadline.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "cluster/feed.h"
#include "fiber/fiber.h"
#include "fiber/wait.h"
#include "serve/serving.h"
#include "shallot/error.h"

/* After the drain deadline handlers have been cancelled; one that ignores it is not waited for
 * longer than this. */
#define CUT_PATIENCE SL__SEC

_Noreturn void sl__serving_give_up(struct sl__serving *s, const char *reason)
{
    if (s->worker)
        sl__worker_failed(s->worker, reason);
    else
        sl__log(SL__ERROR, "cannot start: %s", reason);
    fflush(stdout);
    _exit(1); /* other fibers may live: there is no way back through main() */
}

static void announce(struct sl__serving *s)
{
    const struct sl__app_endpoint *e = s->app->endpoints;

    for (size_t i = 0; e; i++, e = e->next) {
        if (!s->worker || !sl__feed_open()) /* else the master tells it */
            sl__log(SL__INFO, "listening on %s", sl_url(s->app, i));
        if (e->on_listening)
            e->on_listening(s->app);
    }
}

void sl__serving_accept(struct sl__serving *s)
{
    int r;

    if (s->held || !s->begun || s->accepting || s->draining)
        return;
    r = sl__server_accept(s->server);
    if (r < 0)
        sl__serving_give_up(s, sl_strerror(r));
    s->accepting = true;
    atomic_store_explicit(&s->slot->accepting, 1, memory_order_relaxed);
    sl__beats_start(s);
    sl__retire_start(s);
}

static void begin(void *arg)
{
    struct sl__serving *s = arg;
    int r;

    for (const struct sl__app_hook *h = s->app->start; h; h = h->next) {
        char reason[128];

        r = h->fn.start(s->app, h->self);
        if (s->draining) /* then it may have been cancelled: no fault of it */
            break;
        if (r >= 0)
            continue;
        snprintf(reason, sizeof reason, "a start callback failed: %s", sl_strerror(r));
        sl__serving_give_up(s, reason);
    }
    if (!s->draining && s->app->options.ready_path && s->worker) {
        char reason[1200];

        r = sl__ready_probe(s, s->app->options.ready_path, reason, sizeof reason);
        if (r < 0 && !s->draining)
            sl__serving_give_up(s, reason);
    }
    s->begin = NULL;
    if (s->draining)
        return;
    s->begun = true;
    sl__serving_accept(s);
    if (s->worker) { /* READY first: who reads the line below may rely on it */
        sl__worker_ready(s->worker);
        sl__channel_flush(sl__worker_channel(s->worker));
    }
    announce(s);
}

static void joined(void *self)
{
    struct sl__serving *s = self;
    int r;

    if (s->draining)
        return;
    r = sl__fiber_start(&s->begin, begin,
                        s); /* its own: messages go on being delivered meanwhile */
    if (r < 0)
        sl__serving_give_up(s, sl_strerror(r));
}

static void join_failed(void *self, const char *reason)
{
    sl__serving_give_up(self, reason);
}

static void notice(void *self, const char *line)
{
    sl__log(SL__WARN, "%s", line);
}

int sl__serving_start(struct sl__serving *s, uint32_t id)
{
    struct sl__bus_events events = {
        .joined = joined, .failed = join_failed, .notice = notice, .self = s};

    return sl__bus_start(s->app->bus, &s->loop, s->worker ? sl__worker_channel(s->worker) : NULL,
                         id, s->app->options.limits.message_bytes, &events);
}

struct idle_wait {
    struct sl__fiber *fiber;
    bool idle;
};

static void bus_is_idle(void *self)
{
    struct idle_wait *w = self;

    w->idle = true;
    sl__fiber_wake(w->fiber);
}

static void wait_for_bus(struct sl__serving *s)
{
    struct idle_wait w = {.fiber = sl__fiber_current()};

    sl__bus_when_idle(s->app->bus, bus_is_idle, &w);
    while (!w.idle)
        sl__fiber_wait(SL__FOREVER);
}

static void run_stop_hooks(sl_app *app)
{
    for (const struct sl__app_hook *h = app->stop; h; h = h->next) /* kept in reverse order */
        h->fn.stop(app, h->self);
}

static void leave(void *arg)
{
    struct sl__serving *s = arg;
    struct sl__channel *wire = s->worker ? sl__worker_channel(s->worker) : NULL;

    if (s->begin)
        sl__fiber_cancel(s->begin);
    wait_for_bus(s);
    sl__app_finish_tasks(s->app);
    if (s->begun)
        run_stop_hooks(s->app);
    while (wire && sl__channel_flush(wire) == -EAGAIN) /* the last messages */
        sl__wait_time(SL__MS);
    sl__bus_stop(s->app->bus);
    while (sl__fibers_live() > 1) /* mailbox and once-tasks, which have been cancelled */
        sl__wait_time(0);
    sl__loop_stop(&s->loop);
}

void sl__serving_drained(void *self)
{
    struct sl__serving *s = self;

    if (s->leaving)
        return;
    s->leaving = true;
    if (sl__fiber_start(NULL, leave, s) < 0)
        sl__loop_stop(&s->loop);
}

static void deadline_passed(struct sl__timer *t)
{
    struct sl__serving *s = SL__OWNER(t, struct sl__serving, deadline);

    if (s->cut) { /* a handler ignores its cancellation, or a stop callback hangs */
        sl__log(SL__WARN, "ended by force: something is still running");
        fflush(stdout);
        _exit(0);
    }
    s->cut = true;
    if (!s->leaving) {
        unsigned requests = sl__server_cut(s->server);

        if (requests)
            sl__log(SL__WARN, "%u request%s cut at the drain deadline", requests,
                    requests == 1 ? "" : "s");
    }
    sl__timer_start(&s->loop, t, s->loop.now + CUT_PATIENCE);
}

void sl__serving_drain(struct sl__serving *s, enum sl__drain kind, int64_t deadline_ns,
                       int64_t grace_ns, bool take_queued)
{
    s->draining = true;
    atomic_store_explicit(&s->slot->accepting, 0, memory_order_relaxed);
    atomic_store_explicit(&s->slot->leaving, 1, memory_order_relaxed);
    sl__beats_stop(s);
    sl__retire_stop(s);
    s->deadline.fire = deadline_passed;
    if (!sl__timer_running(&s->deadline))
        sl__timer_start(&s->loop, &s->deadline, s->loop.now + deadline_ns);
    sl__server_drain(s->server, kind, grace_ns, take_queued);
}
