/*
 * The viewers: streams of events that say once a second how the cluster is.
 *
 * A stream belongs to one worker, which looks at the shared memory and so knows all of them. What
 * viewers are told is computed once for all of a worker, and not at all while it has none. The
 * first event of a stream is "past": the points since the one the browser says it had last, so that
 * a stream that goes on with another worker leaves no hole. Then come "now" each second, and at
 * once when workers come or go, "events" when something has happened, and "crashes" when there is
 * another report.
 */
#include <shallot/cluster.h>
#include <shallot/ctx.h>
#include <shallot/fiber.h>
#include <shallot/request.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashboard.h"

#define AGAIN 3   /* points are told so many seconds long: one may be late, and the page knows */
#define LOOKS 20u /* seconds after a crash in which its report may still be written */
#define WATCH_MS 200
#define QUEUE_BYTES ((size_t)1 << 20)

static void add_to_list(const struct dash__point *p, void *self)
{
    struct dash__text *t = self;

    if (t->len)
        dash__add(t, ",");
    dash__add_point(t, p);
}

static void send(sl_sse *to, const char *event, const char *id, const struct dash__text *t)
{
    if (!t->failed && t->data)
        sl_sse_send(to, .event = event, .id = id, .data = t->data, .len = t->len);
}

/* To @p one, or to all. Sending calls nobody back, so the list stays as it is. */
static void tell(struct dash__feed *f, sl_sse *one, const char *event, const char *id,
                 const struct dash__text *t)
{
    if (one) {
        send(one, event, id, t);
        return;
    }
    for (struct dash__viewer *v = f->viewers; v; v = v->next)
        send(v->sse, event, id, t);
}

static void tell_past(struct dash__feed *f, sl_sse *to, int64_t from)
{
    struct dash__text points = {0}, t = {0};
    char id[24];
    int64_t last = dash__past_each(f, from, add_to_list, &points);

    dash__add(&t, "{\"seconds\":%d,\"points\":[%s]}", DASH_SECONDS, points.data ? points.data : "");
    snprintf(id, sizeof id, "%" PRId64, last);
    t.failed = t.failed || points.failed;
    send(to, "past", id, &t);
    dash__text_finish(&points);
    dash__text_finish(&t);
}

static void tell_now(struct dash__feed *f, sl_sse *one, const sl_stats *s)
{
    struct dash__text points = {0}, t = {0};
    char id[24];
    int64_t last = dash__past_each(f, dash__second() - AGAIN, add_to_list, &points);

    dash__add_now(&t, s, dash__wall_ms(), sl_worker_id(), &points);
    snprintf(id, sizeof id, "%" PRId64, last);
    tell(f, one, "now", id, &t);
    dash__text_finish(&points);
    dash__text_finish(&t);
}

static void tell_events(struct dash__feed *f, sl_sse *one, const sl_stats *s)
{
    struct dash__text t = {0};

    dash__add_events(&t, s);
    tell(f, one, "events", NULL, &t);
    dash__text_finish(&t);
}

struct look {
    char folder[1024], name[128];
    struct dash__crashes found;
};

static int look_for_crashes(void *arg)
{
    struct look *l = arg;

    dash__crashes_find(l->folder, l->name, &l->found);
    return 0;
}

/* Reads the folder, on a thread, and tells all if there is something new. Waits. */
static void look_again(struct dash__feed *f, const sl_stats *s)
{
    struct look *l = malloc(sizeof *l);
    struct dash__text t = {0};

    if (!l)
        return;
    snprintf(l->folder, sizeof l->folder, "%s", s->crash_dir);
    snprintf(l->name, sizeof l->name, "%s", s->name);
    if (sl_offload(look_for_crashes, l) == 0) {
        dash__add_crashes(&t, &l->found);
        if (!t.failed && (!f->crashes.data || strcmp(f->crashes.data, t.data) != 0)) {
            dash__text_finish(&f->crashes);
            f->crashes = t;
            t = (struct dash__text){0};
            tell(f, NULL, "crashes", NULL, &f->crashes);
        }
    }
    dash__text_finish(&t);
    free(l);
}

static bool crashed_since(const sl_stats *s, uint64_t number)
{
    for (size_t i = 0; i < s->event_count; i++)
        if (s->events[i].number > number && s->events[i].kind == SL_EVENT_CRASHED)
            return true;
    return false;
}

static void tell_all(struct dash__feed *f)
{
    sl_stats *s = sl_stats_new(f->app);

    if (!s)
        return;
    tell_now(f, NULL, s);
    if (s->last_event != f->told_event) {
        if (crashed_since(s, f->told_event))
            f->crash_looks = LOOKS;
        f->told_event = s->last_event;
        tell_events(f, NULL, s);
    }
    if (f->crash_looks > 0) {
        f->crash_looks--;
        look_again(f, s);
    }
    sl_stats_free(s);
}

void dash__live_beat(sl_app *app, void *self)
{
    struct dash__feed *f = self;

    dash__past_look(f);
    if (f->viewers)
        tell_all(f);
}

/* True if workers have come or gone since the last time. */
static bool crew_changed(struct dash__feed *f)
{
    sl_stats s;
    uint64_t now[4];

    if (!sl_stats_glance(f->app, &s))
        return false;
    now[0] = s.started;
    now[1] = s.restarts;
    now[2] = s.ready;
    now[3] = s.last_event;
    if (memcmp(now, f->crew, sizeof now) == 0)
        return false;
    memcpy(f->crew, now, sizeof now);
    return true;
}

/* Between two beats, while somebody looks: who kills a worker wants to see its successor come. */
static int watch(void *arg)
{
    struct dash__feed *f = arg;

    while (f->viewers && sl_sleep(WATCH_MS) == 0)
        if (crew_changed(f))
            tell_all(f);
    f->watching = false;
    return 0;
}

static void start_watching(struct dash__feed *f)
{
    sl_task *t;

    if (f->watching)
        return;
    crew_changed(f);
    t = sl_spawn_in_app(f->app, watch, f);
    f->watching = t != NULL;
    if (t)
        sl_detach(t);
}

static void gone(sl_sse *sse, int why, void *self)
{
    struct dash__viewer *v = self;
    struct dash__viewer **at = &v->feed->viewers;

    while (*at && *at != v)
        at = &(*at)->next;
    if (*at)
        *at = v->next;
    v->feed->viewer_count--;
    free(v);
}

/* The second behind the last one that the browser has; without one, all that are kept. */
static int64_t wanted(sl_ctx *c)
{
    const char *last = sl_sse_last_id(c);
    int64_t second = last ? strtoll(last, NULL, 10) : 0;

    return second > 0 && second <= dash__second() ? second + 1 : 0;
}

/* The list of reports may be old, or not known yet: the next beat looks. */
static void greet(struct dash__feed *f, sl_ctx *c, sl_sse *sse)
{
    sl_stats *s = sl_stats_new(f->app);

    tell_past(f, sse, wanted(c));
    if (!s)
        return;
    tell_now(f, sse, s);
    tell_events(f, sse, s);
    if (f->crashes.data)
        send(sse, "crashes", NULL, &f->crashes);
    if (f->crash_looks == 0)
        f->crash_looks = 1;
    sl_stats_free(s);
}

int dash__live(sl_ctx *c, struct dash__feed *f)
{
    struct dash__viewer *v;

    if (f->viewer_count >= DASH_VIEWERS)
        return sl_fail(c, 503, "this worker has %d viewers already", DASH_VIEWERS);
    v = calloc(1, sizeof *v);
    if (!v)
        return -ENOMEM;
    v->feed = f;
    v->sse =
        sl_sse_open(c, .on_close = gone, .self = v, .retry_ms = 300, .queue_bytes = QUEUE_BYTES);
    if (!v->sse) {
        free(v);
        return -ENOMEM;
    }
    v->next = f->viewers;
    f->viewers = v;
    f->viewer_count++;
    start_watching(f);
    greet(f, c, v->sse);
    return 0;
}
