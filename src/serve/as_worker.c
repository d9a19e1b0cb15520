/*
 * A serving process as a worker: the gate and the scoreboard, and what the master says.
 *
 * sl_run() comes in; HELLO goes out first, then everything is a reaction to the master's frames
 * (cluster/worker.c).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/routes.h"
#include "base/log.h"
#include "base/time.h"
#include "cluster/crash.h"
#include "serve/dying.h"
#include "serve/serving.h"
#include "shallot/error.h"

/* What an orphan grants its idle connections: it must be gone within a second (CL7). */
#define ORPHAN_GRACE (SL__SEC / 2)

static void set_connections(struct sl__gate *g, unsigned connections)
{
    struct sl__slot *slot = SL__OWNER(g, struct sl__serving, gate)->slot;

    if (connections > atomic_load_explicit(&slot->connections, memory_order_relaxed))
        atomic_store_explicit(&slot->accepted,
                              atomic_load_explicit(&slot->accepted, memory_order_relaxed) + 1,
                              memory_order_relaxed);
    atomic_store_explicit(&slot->connections, connections, memory_order_relaxed);
}

static void set_open(struct sl__gate *g, bool open)
{
    struct sl__serving *s = SL__OWNER(g, struct sl__serving, gate);

    atomic_store_explicit(&s->slot->open, open, memory_order_relaxed);
}

static uint32_t taken(struct sl__gate *g)
{
    struct sl__serving *s = SL__OWNER(g, struct sl__serving, gate);

    return sl__scoreboard_accepted(&s->board, (unsigned)(s->slot - s->board.slots));
}

static enum sl__crowd crowd(struct sl__gate *g)
{
    struct sl__serving *s = SL__OWNER(g, struct sl__serving, gate);

    unsigned slot = (unsigned)(s->slot - s->board.slots);

    enum sl__crowding crowding =
        sl__scoreboard_crowding(&s->board, slot, sl__server_connections(s->server), s->loop.now);

    if (crowding == SL__TOO_MANY)
        return sl__scoreboard_others_open(&s->board, slot, s->loop.now) ? SL__CROWD_FAR
                                                                        : SL__CROWD_ALONE;
    return crowding == SL__FEW ? SL__CROWD_NONE : SL__CROWD_ABOVE;
}

static void on_listener(void *self, unsigned index, int fd)
{
    sl__serving_listener(self, index, fd);
}

static void on_bus_frame(void *self, struct sl__frame *frame)
{
    struct sl__serving *s = self;

    if (frame->head.type == SL__FRAME_MESSAGE)
        sl__tally_add(&s->slot->tally.messages_in, 1);
    sl__bus_frame(s->app->bus, frame);
}

static void on_writable(void *self)
{
    struct sl__serving *s = self;

    sl__bus_writable(s->app->bus);
}

static void on_adopt(void *self, unsigned index, int fd)
{
    struct sl__serving *s = self;

    sl__server_adopt(s->server, fd, index);
}

static int on_shared(void *self, const char *name, int fd)
{
    struct sl__serving *s = self;

    return sl__app_bind_shared(s->app, name, fd);
}

static void on_drain(void *self, enum sl__drain_kind kind, int64_t deadline_ns, int64_t grace_ns)
{
    struct sl__serving *s = self;

    bool stop = kind == SL__LEAVE_STOP; /* then nobody else accepts what is queued */

    sl__serving_drain(s, stop ? SL__DRAIN_STOP : SL__DRAIN_HAND_OVER, deadline_ns, grace_ns, stop);
    if (s->turns)
        sl__worker_shut(s->worker);
}

static void on_hold(void *self)
{
    struct sl__serving *s = self;

    s->held = s->turns = true;
}

static void on_serve(void *self)
{
    struct sl__serving *s = self;

    s->held = false;
    sl__serving_accept(s);
}

static void on_orphaned(void *self)
{
    struct sl__serving *s = self;
    int64_t grace = s->app->options.grace_ms * SL__MS;

    sl__log(SL__WARN, "the master is gone. finishing what was begun");
    sl__bus_orphaned(s->app->bus);
    if (!s->accepting) { /* it serves nobody yet, and never will */
        fflush(stdout);
        _exit(1);
    }
    sl__serving_drain(s, SL__DRAIN_STOP, s->app->options.drain_ms * SL__MS,
                      grace < ORPHAN_GRACE ? grace : ORPHAN_GRACE, true);
}

static void on_question(void *self, const char *what, uint32_t number)
{
    struct sl__serving *s = self;
    struct sl__buf text = {0};

    if (strcmp(what, "routes") == 0 && sl__app_routes(s->app, &text) == 0)
        sl__worker_answer(s->worker, number, text.data ? text.data + text.at : "",
                          sl__buf_len(&text));
    sl__buf_finish(&text);
}

int sl__serve_as_worker(sl_app *app, const struct sl__role *role)
{
    struct sl__serving s = {.app = app, .gate = {set_connections, crowd, set_open, taken}};
    struct sl__worker_events events = {.listener = on_listener,
                                       .bus = on_bus_frame,
                                       .adopt = on_adopt,
                                       .shared = on_shared,
                                       .drain = on_drain,
                                       .orphaned = on_orphaned,
                                       .hold = on_hold,
                                       .serve = on_serve,
                                       .question = on_question,
                                       .writable = on_writable,
                                       .self = &s};
    struct sl__hello hello = {.instances = (uint32_t)app->options.instances,
                              .drain_ms = app->options.drain_ms,
                              .grace_ms = app->options.grace_ms,
                              .ready_ms = app->options.ready_ms,
                              .message_bytes = app->options.limits.message_bytes,
                              .shares = sl__bus_shares(app->bus)};
    char who[32];
    int status = 1, r;

    snprintf(who, sizeof who, "worker %u", role->worker);
    sl__log_set_who(who);
    sl__set_process_title("shallot: worker %u (%s)", role->worker, app->options.name);
    r = sl__scoreboard_attach(&s.board, role->scoreboard);
    if (r < 0)
        return sl__serving_failed_to("map the scoreboard", r);
    s.slot = &s.board.slots[role->slot];
    s.lane = role->slot;
    sl__affinity_start(&s);
    sl__crash_uninstall(); /* comes back behind the handler of stack overflows */
    r = sl__serving_init(&s);
    if (r < 0) {
        sl__serving_failed_to("start the worker", r);
        goto out;
    }
    sl__dying_prepare(&s);
    hello.endpoint_count = sl__serving_endpoints(app, hello.endpoints);
    s.worker = sl__worker_new(&s.loop, &hello, sl__app_shared(app), app->options.limits.queue_bytes,
                              &events);
    if (!s.worker)
        goto out;
    sl__server_send_after(s.server, sl__channel_sending(sl__worker_channel(s.worker)));
    r = sl__serving_start(&s, role->worker);
    if (r < 0) {
        sl__serving_failed_to("start the bus", r);
        goto out;
    }
    sl__serving_run(&s);
    status = 0;
out:
    sl__serving_finish(&s);
    sl__scoreboard_finish(&s.board);
    return status;
}
