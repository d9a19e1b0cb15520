/*
 * The bus of a worker: what the program has registered, once-tasks, start and stop.
 *
 * main() comes here through sl_on_message(), sl_share(), sl_on_join() and sl_once() before any loop
 * exists; the composition root starts and stops it. Messages leave through wire.c and arrive
 * through mailbox.c. Nothing here logs: lines for the log go out through events.notice.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "bus/inside.h"

static bool name_ok(const char *name)
{
    return name && name[0] && strlen(name) <= 255;
}

static struct sl__bus_topic *topic_of(struct sl__bus *b, const char *topic)
{
    struct sl__str name = sl__str_of(topic);
    struct sl__bus_topic *t;

    if (strcmp(topic, "*") == 0)
        return &b->every_topic;
    t = sl__map_get(&b->topics, name);
    if (t)
        return t;
    t = sl__try_alloc_zeroed(sizeof *t);
    if (!t)
        return NULL;
    t->end = &t->first;
    if (sl__map_set(&b->topics, name, t, NULL) < 0) {
        sl__free(t);
        return NULL;
    }
    return t;
}

static struct sl__bus_once *find_once(struct sl__bus *b, const char *name)
{
    for (struct sl__bus_once *o = b->onces; o; o = o->next)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

/* A standalone process is its own master: the message that everybody gets has no sender. */
static void tell_done(struct sl__bus *b, const char *name)
{
    struct sl__frame f = {.head = {.type = SL__FRAME_MESSAGE, .topic_len = (uint16_t)strlen(name)},
                          .topic = name,
                          .fd = -1};

    sl__mailbox_put(b, &f, false);
}

static int report_once(struct sl__bus *b, const char *name, bool succeeded)
{
    struct sl__frame_head head = {.type = SL__FRAME_ONCE_DONE,
                                  .topic_len = (uint16_t)strlen(name),
                                  .target = succeeded ? 1 : 0};
    int r = 0;

    if (b->stopping)
        return -EPIPE;
    if (!b->wire) {
        if (succeeded)
            tell_done(b, name);
        return 0;
    }
    if (sl__fiber_current())
        sl__fiber_shield(true); /* whoever cancelled the task must not make the others wait */
    r = sl__bus_wire(b, &head, name, NULL);
    if (sl__fiber_current())
        sl__fiber_shield(false);
    return r;
}

static void run_once(void *arg)
{
    struct sl__bus_once *o = arg;
    struct sl__bus *b = o->bus;
    int r = o->fn(b->app);

    if (r < 0 && !b->stopping)
        sl__bus_notice(b, "once-task \"%s\" failed (error %d)", o->name, r);
    report_once(b, o->name, r >= 0);
    o->running = false;
    o->fiber = NULL;
}

static void start_once(struct sl__bus *b, struct sl__bus_once *o)
{
    int r;

    if (o->running)
        return;
    o->running = true;
    r = sl__fiber_start(&o->fiber, run_once, o);
    if (r < 0) {
        o->running = false;
        sl__bus_notice(b, "once-task \"%s\" could not start: %s", o->name, strerror(-r));
        report_once(b, o->name, false);
    } else if (o->fiber) {
        sl__fiber_set_label(o->fiber, o->name);
    }
}

void sl__bus_notice(struct sl__bus *b, const char *fmt, ...)
{
    char line[512];
    va_list args;

    if (!b->events.notice)
        return;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    b->events.notice(b->events.self, line);
}

void sl__bus_ask_onces(struct sl__bus *b)
{
    for (struct sl__bus_once *o = b->onces; o && !b->stopping; o = o->next) {
        struct sl__frame_head head = {.type = SL__FRAME_ONCE_ASK,
                                      .topic_len = (uint16_t)strlen(o->name)};

        if (o->asked)
            continue;
        o->asked = true;
        if (!b->wire)
            start_once(b, o);
        else if (sl__bus_wire(b, &head, o->name, NULL) == -EAGAIN)
            o->asked = false; /* outside a fiber: asked again with the next one */
    }
}

void sl__bus_grant_once(struct sl__bus *b, const char *name)
{
    struct sl__bus_once *o = find_once(b, name);

    if (o)
        start_once(b, o);
    else
        report_once(b, name, false);
}

struct sl__bus *sl__bus_new(sl_app *app)
{
    struct sl__bus *b = sl__alloc_zeroed(sizeof *b);

    b->app = app;
    b->every_topic.end = &b->every_topic.first;
    b->gaps_end = &b->gaps;
    b->shares_end = &b->shares;
    b->joins_end = &b->joins;
    b->onces_end = &b->onces;
    b->end = &b->first;
    sl__list_init(&b->waiters);
    sl__list_init(&b->asking);
    sl__list_init(&b->answering);
    return b;
}

#define FREE_LIST(first)                                                                           \
    while (first) {                                                                                \
        void *gone = first;                                                                        \
        first = (first)->next;                                                                     \
        sl__free(gone);                                                                            \
    }

void sl__bus_free(struct sl__bus *b)
{
    struct sl__str name;
    void *value;
    size_t at = 0;

    if (!b)
        return;
    assert(!b->fiber && sl__list_empty(&b->waiters));
    assert(sl__list_empty(&b->asking) && sl__list_empty(&b->answering));
    while (sl__map_next(&b->topics, &at, &name, &value)) {
        struct sl__bus_topic *t = value;

        FREE_LIST(t->first);
        sl__free(t);
    }
    sl__map_finish(&b->topics);
    for (at = 0; sl__map_next(&b->answerers, &at, &name, &value);)
        sl__free(value);
    sl__map_finish(&b->answerers);
    FREE_LIST(b->every_topic.first);
    FREE_LIST(b->gaps);
    FREE_LIST(b->shares);
    FREE_LIST(b->joins);
    FREE_LIST(b->onces);
    sl__mailbox_finish(b);
    sl__free(b);
}

int sl__bus_on(struct sl__bus *b, const char *topic, sl_message_fn *fn, void *self)
{
    struct sl__bus_handler *h;
    struct sl__bus_topic *t;

    if (!name_ok(topic) || !fn)
        return -EINVAL;
    t = topic_of(b, topic);
    h = t ? sl__try_alloc_zeroed(sizeof *h) : NULL;
    if (!h)
        return -ENOMEM;
    h->fn = fn;
    h->self = self;
    *t->end = h;
    t->end = &h->next;
    return 0;
}

int sl__bus_on_gap(struct sl__bus *b, void (*fn)(sl_app *app, uint64_t missed, void *self),
                   void *self)
{
    struct sl__bus_gap *g;

    if (!fn)
        return -EINVAL;
    g = sl__try_alloc_zeroed(sizeof *g);
    if (!g)
        return -ENOMEM;
    g->fn = fn;
    g->self = self;
    *b->gaps_end = g;
    b->gaps_end = &g->next;
    return 0;
}

int sl__bus_share(struct sl__bus *b, const char *name, void *ptr, size_t size)
{
    struct sl__bus_share *share;

    if (!name_ok(name) || !ptr)
        return -EINVAL;
    for (share = b->shares; share; share = share->next)
        if (strcmp(share->name, name) == 0)
            return -EEXIST;
    share = sl__try_alloc_zeroed(sizeof *share);
    if (!share)
        return -ENOMEM;
    memcpy(share->name, name, strlen(name) + 1);
    share->ptr = ptr;
    share->size = size;
    *b->shares_end = share;
    b->shares_end = &share->next;
    return 0;
}

int sl__bus_on_join(struct sl__bus *b, int (*give)(sl_app *, sl_snapshot *, void *),
                    int (*take)(sl_app *, const void *, size_t, void *), void *self)
{
    struct sl__bus_join *join;

    if (!give || !take)
        return -EINVAL;
    join = sl__try_alloc_zeroed(sizeof *join);
    if (!join)
        return -ENOMEM;
    join->give = give;
    join->take = take;
    join->self = self;
    *b->joins_end = join;
    b->joins_end = &join->next;
    return 0;
}

int sl__bus_once(struct sl__bus *b, const char *name, int (*fn)(sl_app *app))
{
    struct sl__bus_once *o;

    if (!name_ok(name) || !fn)
        return -EINVAL;
    if (find_once(b, name))
        return -EEXIST;
    o = sl__try_alloc_zeroed(sizeof *o);
    if (!o)
        return -ENOMEM;
    memcpy(o->name, name, strlen(name) + 1);
    o->bus = b;
    o->fn = fn;
    *b->onces_end = o;
    b->onces_end = &o->next;
    if (b->joined)
        sl__bus_ask_onces(b);
    return 0;
}

int sl__bus_on_request(struct sl__bus *b, const char *topic, sl_request_fn *fn, void *self)
{
    struct sl__bus_answerer *a;

    if (!name_ok(topic) || !fn)
        return -EINVAL;
    if (sl__map_get(&b->answerers, sl__str_of(topic)))
        return -EEXIST;
    a = sl__try_alloc(sizeof *a);
    if (!a)
        return -ENOMEM;
    *a = (struct sl__bus_answerer){fn, self};
    if (sl__map_set(&b->answerers, sl__str_of(topic), a, NULL) < 0) {
        sl__free(a);
        return -ENOMEM;
    }
    return 0;
}

bool sl__bus_shares(const struct sl__bus *b)
{
    return b->shares || b->joins;
}

int sl__bus_start(struct sl__bus *b, struct sl__loop *l, struct sl__channel *wire, uint32_t worker,
                  size_t message_bytes, const struct sl__bus_events *events)
{
    struct sl__frame joined = {.head = {.type = SL__FRAME_JOINED}, .topic = "", .fd = -1};
    int r;

    assert(!b->started);
    b->loop = l;
    b->wire = wire;
    b->worker = worker;
    b->message_bytes = message_bytes;
    b->events = *events;
    r = sl__mailbox_start(b);
    if (r < 0)
        return r;
    b->started = true;
    if (!wire)
        sl__bus_frame(b, &joined);
    return 0;
}

void sl__bus_writable(struct sl__bus *b)
{
    sl__bus_wake_sender(b);
}

void sl__bus_orphaned(struct sl__bus *b)
{
    sl__bus_asking_failed(b, -EPIPE);
    sl__bus_wake_sender(b);
}

void sl__bus_stop(struct sl__bus *b)
{
    if (!b->started || b->stopping)
        return;
    b->stopping = true;
    b->wire = NULL;
    sl__mailbox_drop(b);
    if (b->fiber)
        sl__fiber_cancel(b->fiber);
    for (struct sl__bus_once *o = b->onces; o; o = o->next)
        if (o->fiber)
            sl__fiber_cancel(o->fiber);
    sl__bus_asking_failed(b, -EPIPE);
    sl__bus_stop_answering(b);
    sl__bus_wake_sender(b);
}
