/*
 * Topics joined to streams: a message becomes one piece, which every stream of its feed sends.
 *
 * A feed is a topic, a way to format it, and the streams that joined so; it lives while there is
 * one. The bus comes here with every message, behind the program's own callbacks of its topic, once
 * anything has been joined: topics come and go with the streams, and registrations at the bus do
 * not. Nothing here waits, and no stream ends while its feed is walked: the ends come later, in the
 * loop.
 */
#include <errno.h>
#include <string.h>

#include "app/app.h"
#include "app/sse.h"
#include "base/cold.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/event.h"
#include "shallot/error.h"

struct sl__sse_feed {
    struct sl__sse_feed *next; /* of the same topic */
    sl_sse_format_fn *format;
    void *self;
    struct sl__link joins;
    bool too_large; /* it was logged */
    char topic[];
};

struct sl__sse_join {
    struct sl__sse_join *next; /* of the stream */
    struct sl__sse_feed *feed;
    sl_sse *stream;
    struct sl__link link; /* of the feed */
};

static struct sl__piece *piece_of(const struct sl__sse_feed *f, const sl_message *m)
{
    sl_sse_event e = {
        .size = sizeof e, .event = m->topic, .data = m->len > 0 ? m->data : "", .len = m->len};
    struct sl__piece *p = NULL;
    int r;

    if (f->format && !f->format(m, &e, f->self))
        return NULL;
    r = sl__event_piece(&e, &p);
    if (r < 0)
        sl__log(SL__ERROR, "a message of topic \"%s\" is no event: %s", m->topic, sl_strerror(r));
    return p;
}

static SL__COLD void warn_of_size(struct sl__sse_feed *f, size_t len)
{
    if (!f->too_large)
        sl__log(SL__WARN,
                "an event of topic \"%s\" (%zu bytes) is larger than a stream's queue_bytes. it is "
                "left out, and so will others be",
                f->topic, len);
    f->too_large = true;
}

/* Whoever misses an event for want of memory comes back for it, as one that is too slow. */
static void push(struct sl__sse_feed *f, sl_sse *s, struct sl__piece *p)
{
    int r = sl__sse_push(s, p);

    if (r == -EMSGSIZE)
        warn_of_size(f, p->len);
    else if (r == -ENOMEM && s->overflow == SL_SSE_CLOSE)
        sl__detached_cut(&s->answer, r);
}

static void feed(struct sl__sse_feed *f, const sl_message *m)
{
    struct sl__piece *p = piece_of(f, m);
    struct sl__link *at = f->joins.next;

    for (; p && at != &f->joins; at = at->next)
        push(f, SL__OWNER(at, struct sl__sse_join, link)->stream, p);
    sl__piece_unref(p);
}

static void feed_topic(struct sl__sse *shared, const char *topic, const sl_message *m)
{
    struct sl__sse_feed *f = sl__map_get(&shared->feeds, sl__str_of(topic));

    for (; f; f = f->next)
        feed(f, m);
}

static void on_message(sl_app *app, const sl_message *m, void *self)
{
    feed_topic(self, m->topic, m);
    feed_topic(self, "*", m);
}

static int listen_to_bus(sl_app *app)
{
    int r = 0;

    if (!app->sse->listening)
        r = sl__bus_on(app->bus, "*", on_message, app->sse);
    if (r == 0)
        app->sse->listening = true;
    return r;
}

static struct sl__sse_feed *feed_new(struct sl__sse *shared, const char *topic,
                                     const sl_sse_join_options *o)
{
    size_t len = strlen(topic);
    struct sl__sse_feed *f = sl__try_alloc_zeroed(sizeof *f + len + 1), *others;

    if (!f)
        return NULL;
    memcpy(f->topic, topic, len + 1);
    f->format = o->format;
    f->self = o->self;
    sl__list_init(&f->joins);
    others = sl__map_get(&shared->feeds, sl__str_of(topic));
    if (others) {
        f->next = others->next;
        others->next = f;
    } else if (sl__map_set(&shared->feeds, sl__str_of(topic), f, NULL) < 0) {
        sl__free(f);
        return NULL;
    }
    return f;
}

static struct sl__sse_feed *feed_of(struct sl__sse *shared, const char *topic,
                                    const sl_sse_join_options *o)
{
    struct sl__sse_feed *f = sl__map_get(&shared->feeds, sl__str_of(topic));

    for (; f; f = f->next)
        if (f->format == o->format && f->self == o->self)
            return f;
    return feed_new(shared, topic, o);
}

/* The last stream has left. */
static void feed_free(struct sl__sse *shared, struct sl__sse_feed *f)
{
    struct sl__str topic = sl__str_of(f->topic);
    struct sl__sse_feed *at = sl__map_get(&shared->feeds, topic);

    if (at == f && f->next) { /* storing in an entry that is there cannot fail */
        sl__map_set(&shared->feeds, topic, f->next, NULL);
    } else if (at == f) {
        sl__map_remove(&shared->feeds, topic);
    } else {
        while (at->next != f)
            at = at->next;
        at->next = f->next;
    }
    sl__free(f);
}

static bool has_joined(const sl_sse *s, const struct sl__sse_feed *f)
{
    for (const struct sl__sse_join *j = s->joins; j; j = j->next)
        if (j->feed == f)
            return true;
    return false;
}

static int join(sl_sse *s, struct sl__sse_feed *f)
{
    struct sl__sse_join *j;

    if (has_joined(s, f))
        return 0;
    j = sl__try_alloc(sizeof *j);
    if (!j)
        return -ENOMEM;
    *j = (struct sl__sse_join){.next = s->joins, .feed = f, .stream = s};
    sl__list_append(&f->joins, &j->link);
    s->joins = j;
    return 0;
}

int sl_sse_join_with(sl_sse *s, const char *topic, const sl_sse_join_options *options)
{
    sl_sse_join_options o = {0};
    struct sl__sse_feed *f;
    int r;

    if (!s)
        return -ENOMEM;
    if (!topic || !*topic || strlen(topic) > SL__TOPIC_MAX)
        return -EINVAL;
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    if (!o.format && !sl__event_line_ok(topic))
        return -EINVAL;
    if (s->answer.over || s->answer.ending || s->answer.cut)
        return -EPIPE;
    r = listen_to_bus(s->app);
    if (r < 0)
        return r;
    f = feed_of(s->app->sse, topic, &o);
    if (!f)
        return -ENOMEM;
    r = join(s, f);
    if (sl__list_empty(&f->joins))
        feed_free(s->app->sse, f);
    return r;
}

void sl__sse_leave(struct sl__sse *shared, sl_sse *s)
{
    while (s->joins) {
        struct sl__sse_join *j = s->joins;

        s->joins = j->next;
        sl__list_remove(&j->link);
        if (sl__list_empty(&j->feed->joins))
            feed_free(shared, j->feed);
        sl__free(j);
    }
}
