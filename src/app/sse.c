/*
 * Event streams: opened by a handler, written to by anybody, and over once.
 *
 * A handler comes here with its context and leaves with a stream whose detached answer is the
 * response's payload. Then come fibers, message callbacks and timers with events; http/ sends them
 * and comes back here when the stream is over, whoever has ended it. The program is told on a fiber
 * of its own, because it will want to tell others.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/ctx.h"
#include "app/reply.h"
#include "app/sse.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "http/event.h"
#include "shallot/error.h"
#include "shallot/request.h"
#include "shallot/response.h"

#define HEARTBEAT_MS 15000
#define RETRY_MS 2000
#define QUEUE_BYTES ((size_t)65536)

static struct sl__sse *shared_of(sl_app *app)
{
    if (!app->sse)
        app->sse = sl__try_alloc_zeroed(sizeof *app->sse);
    if (app->sse && app->sse->random == 0)
        app->sse->random = (uint64_t)sl__sys_now() ^ (uint64_t)getpid() << 32;
    return app->sse;
}

void sl__sse_free(struct sl__sse *shared)
{
    if (!shared)
        return;
    sl__map_finish(&shared->feeds);
    sl__free(shared);
}

/* On its fiber, or without one if there was none to be had. */
static void tell(void *arg)
{
    sl_sse *s = arg;

    if (sl__fiber_current())
        sl__fiber_set_label(sl__fiber_current(), "on_close of an event stream");
    s->on_close(s, s->why, s->self);
    sl_sse_unref(s);
}

static void on_over(struct sl__detached *d, int why)
{
    sl_sse *s = SL__OWNER(d, sl_sse, answer);

    s->why = why;
    sl__sse_leave(s->app->sse, s);
    sl__sse_pulse_stop(s->app->sse, s);
    if (!s->on_close)
        sl_sse_unref(s);
    else if (!sl__fibers_loop() || sl__fiber_start(NULL, tell, s) < 0)
        tell(s);
}

/* Each stream another one, in a range as large as what was asked for. */
static unsigned retry_ms(struct sl__sse *shared, unsigned ms)
{
    shared->random = shared->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ms / 2 + 1 + (unsigned)((shared->random >> 33) % (ms + UINT64_C(1)));
}

static int say_retry(sl_sse *s, unsigned ms)
{
    if (ms == SL_SSE_NEVER)
        return 0;
    return sl_sse_send(s, .retry_ms = retry_ms(s->app->sse, ms > 0 ? ms : RETRY_MS));
}

static sl_sse *stream_new(sl_app *app, const sl_sse_options *o)
{
    static const struct sl__detached_events events = {.over = on_over};
    struct sl__sse *shared = shared_of(app);
    sl_sse *s = shared ? sl__try_alloc_zeroed(sizeof *s) : NULL;

    if (!s)
        return NULL;
    sl__detached_init(&s->answer, &events);
    s->app = app;
    s->refs = 1;
    s->queue_bytes = o->queue_bytes > 0 ? o->queue_bytes : QUEUE_BYTES;
    s->overflow = o->overflow;
    if (say_retry(s, o->retry_ms) < 0 ||
        sl__sse_pulse_start(shared, s, o->heartbeat_ms > 0 ? o->heartbeat_ms : HEARTBEAT_MS) < 0) {
        sl__detached_over(&s->answer, -ENOMEM);
        return NULL;
    }
    return s;
}

static int set_head(sl_ctx *c)
{
    int r = 0;

    if (!sl_response_header(c, "Cache-Control"))
        r = sl_set_header(c, "Cache-Control", "no-store");
    if (r == 0)
        r = sl_set_header(c, "X-Accel-Buffering", "no");
    if (r == 0)
        r = sl_type(c, "text/event-stream");
    return r;
}

static void let_go(void *s)
{
    sl_sse_unref(s);
}

sl_sse *sl_sse_open_with(sl_ctx *c, const sl_sse_options *options)
{
    sl_sse_options o = {0};
    sl_sse *s;

    if (sl__reply_open(c) < 0) {
        sl__log(SL__ERROR, "%s %s: sl_sse_open() after the answer has begun", sl_method(c),
                sl_target(c));
        return NULL;
    }
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    if (set_head(c) < 0)
        return NULL;
    s = stream_new(c->app, &o);
    if (!s)
        return NULL;
    if (sl_defer(c, let_go, sl_sse_ref(s)) < 0) {
        sl__detached_over(&s->answer, -ENOMEM);
        return NULL;
    }
    s->on_close = o.on_close;
    s->self = o.self;
    sl__response_set_detached(&c->x->response, &s->answer);
    return s;
}

const char *sl_sse_last_id(sl_ctx *c)
{
    return sl_header(c, "Last-Event-ID");
}

int sl__sse_push(sl_sse *s, struct sl__piece *p)
{
    size_t cost = p->len + SL__PIECE_COST;
    int r;

    if (cost > s->queue_bytes)
        return -EMSGSIZE;
    if (s->answer.queued + cost > s->queue_bytes) {
        if (s->overflow == SL_SSE_CLOSE)
            sl__detached_cut(&s->answer, -ENOBUFS);
        return -ENOBUFS;
    }
    r = sl__detached_push(&s->answer, p);
    if (r == 0)
        sl__sse_pulse_spoke(s);
    return r;
}

int sl_sse_send_event(sl_sse *s, const sl_sse_event *e)
{
    sl_sse_event copy = {0};
    struct sl__piece *p;
    int r;

    if (!s)
        return -ENOMEM;
    if (s->answer.over || s->answer.ending || s->answer.cut)
        return -EPIPE;
    memcpy(&copy, e, e->size < sizeof copy ? e->size : sizeof copy);
    r = sl__event_piece(&copy, &p);
    if (r < 0)
        return r;
    r = sl__sse_push(s, p);
    sl__piece_unref(p);
    return r;
}

size_t sl_sse_pending(const sl_sse *s)
{
    return s ? s->answer.queued : 0;
}

void sl_sse_close(sl_sse *s)
{
    if (s)
        sl__detached_end(&s->answer, 0);
}

sl_sse *sl_sse_ref(sl_sse *s)
{
    if (s)
        s->refs++;
    return s;
}

void sl_sse_unref(sl_sse *s)
{
    if (s && --s->refs == 0)
        sl__free(s);
}
