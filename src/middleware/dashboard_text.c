/*
 * What the dashboard says, as JSON. Pure: numbers and texts come in, text goes out.
 *
 * Only whole numbers are written (microseconds, octets), so that no locale has its say. What others
 * have written, names of routes above all, is made valid UTF-8 here and put into the page as text
 * there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashboard.h"
#include "utf8.h"

/* Room for @p more octets and a NUL. */
static bool make_room(struct dash__text *t, size_t more)
{
    size_t size = t->size ? t->size : 4096;
    char *data;

    if (t->failed)
        return false;
    while (size < t->len + more + 1)
        size *= 2;
    if (size == t->size)
        return true;
    data = realloc(t->data, size);
    t->failed = !data;
    if (!data)
        return false;
    t->data = data;
    t->size = size;
    return true;
}

void dash__text_finish(struct dash__text *t)
{
    free(t->data);
    *t = (struct dash__text){0};
}

void dash__add(struct dash__text *t, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !make_room(t, (size_t)n))
        return;
    va_start(args, fmt);
    vsnprintf(t->data + t->len, t->size - t->len, fmt, args);
    va_end(args);
    t->len += (size_t)n;
}

static void add_bytes(struct dash__text *t, const char *bytes, size_t len)
{
    if (!make_room(t, len))
        return;
    memcpy(t->data + t->len, bytes, len);
    t->len += len;
    t->data[t->len] = '\0';
}

static void add_octet(struct dash__text *t, unsigned char octet)
{
    char plain = (char)octet;

    if (octet >= 0x80)
        dash__add(t, "\\ufffd");
    else if (octet < 0x20 || octet == 0x7f || octet == '<' || octet == '>' || octet == '&')
        dash__add(t, "\\u%04x", octet); /* harmless even to who takes it for HTML */
    else if (octet == '"' || octet == '\\')
        dash__add(t, "\\%c", octet);
    else
        add_bytes(t, &plain, 1);
}

void dash__add_string(struct dash__text *t, const char *text, size_t most)
{
    const char *end = text + strnlen(text, most);

    add_bytes(t, "\"", 1);
    while (text < end) {
        size_t len = utf8_sequence(text);

        if (len > (size_t)(end - text)) /* cut in the middle */
            break;
        if (len > 0)
            add_bytes(t, text, len);
        else
            add_octet(t, (unsigned char)*text);
        text += len > 0 ? len : 1;
    }
    add_bytes(t, "\"", 1);
}

static void add_name(struct dash__text *t, const char *name, const char *text, size_t most)
{
    dash__add(t, "\"%s\":", name);
    dash__add_string(t, text, most);
}

/* Without the zeros at the end, which are most of it. */
static void add_octaves(struct dash__text *t, const uint64_t *n, unsigned count)
{
    while (count > 0 && n[count - 1] == 0)
        count--;
    dash__add(t, "[");
    for (unsigned i = 0; i < count; i++)
        dash__add(t, i ? ",%" PRIu64 : "%" PRIu64, n[i]);
    dash__add(t, "]");
}

static uint64_t in_us(double seconds)
{
    return seconds > 0 ? (uint64_t)(seconds * 1e6 + 0.5) : 0;
}

/* A list, because there are hundreds of them: the page knows the places by heart. */
void dash__add_point(struct dash__text *t, const struct dash__point *p)
{
    uint64_t octaves[DASH_OCTAVES];

    for (unsigned i = 0; i < DASH_OCTAVES; i++)
        octaves[i] = p->latency[i];
    dash__add(t,
              "[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
              ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32
              ",%" PRIu32 ",%" PRIu32 ",",
              p->second, p->at_ms, p->span_us, p->requests, p->client_errors, p->server_errors,
              p->bytes_in, p->bytes_out, p->messages_in, p->messages_out, p->p50_us, p->p99_us,
              p->connections, p->in_flight, p->workers, p->lag_us);
    add_octaves(t, octaves, DASH_OCTAVES);
    dash__add(t, "]");
}

static void add_counts(struct dash__text *t, const sl_counts *n)
{
    uint64_t octaves[DASH_OCTAVES] = {0};

    for (unsigned i = 0; i < SL_LATENCY_BUCKETS; i++)
        octaves[i == 0 ? 0 : 1 + (i - 1) / 8] += n->latency[i];
    dash__add(t, "\"requests\":%" PRIu64 ",\"status\":[", n->requests);
    for (unsigned i = 1; i < 6; i++)
        dash__add(t, i > 1 ? ",%" PRIu64 : "%" PRIu64, n->statuses[i]);
    dash__add(t,
              "],\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64 ",\"messages_in\":%" PRIu64
              ",\"messages_out\":%" PRIu64 ",\"log_dropped\":%" PRIu64 ",\"p50_us\":%" PRIu64
              ",\"p99_us\":%" PRIu64 ",\"latency\":",
              n->bytes_in, n->bytes_out, n->messages_in, n->messages_out, n->log_dropped,
              in_us(sl_latency_quantile(n, 0.5)), in_us(sl_latency_quantile(n, 0.99)));
    add_octaves(t, octaves, DASH_OCTAVES);
}

static const char *state_of(const sl_worker_stats *w)
{
    if (w->stopped)
        return "stopped";
    if (w->leaving)
        return "draining";
    return w->ready ? "ready" : "starting";
}

static void add_worker(struct dash__text *t, const sl_worker_stats *w)
{
    dash__add(t,
              "{\"id\":%d,\"pid\":%d,\"generation\":%u,\"restarts\":%u,\"state\":\"%s\","
              "\"uptime_us\":%" PRIu64 ",\"connections\":%u,\"in_flight\":%u,\"lag_us\":%" PRIu64
              ",\"cpu_us\":%" PRIu64 ",\"memory\":%" PRIu64 ",",
              w->id, w->pid, w->generation, w->restarts, state_of(w), in_us(w->uptime),
              w->connections, w->in_flight, in_us(w->lag), in_us(w->cpu), w->memory);
    add_counts(t, &w->counts);
    dash__add(t, "}");
}

static void add_route(struct dash__text *t, const sl_route_stats *r)
{
    dash__add(t, "{");
    add_name(t, "method", r->method, 64);
    dash__add(t, ",");
    add_name(t, "pattern", r->pattern, 300);
    dash__add(t,
              ",\"generation\":%u,\"requests\":%" PRIu64 ",\"errors4\":%" PRIu64
              ",\"errors5\":%" PRIu64 ",\"sum_us\":%" PRIu64 ",\"p50_us\":%" PRIu64
              ",\"p99_us\":%" PRIu64 "}",
              r->generation, r->requests, r->client_errors, r->server_errors, in_us(r->seconds),
              in_us(sl_route_quantile(r, 0.5)), in_us(sl_route_quantile(r, 0.99)));
}

void dash__add_now(struct dash__text *t, const sl_stats *s, int64_t at_ms, int me,
                   const struct dash__text *points)
{
    dash__add(t, "{\"at_ms\":%" PRId64 ",\"program\":{", at_ms);
    add_name(t, "name", s->name, 128);
    dash__add(t,
              ",\"pid\":%d,\"version\":\"" SL_VERSION "\",\"worker\":%d,\"uptime_us\":%" PRIu64
              ",\"started\":%" PRIu64 ",\"restarts\":%" PRIu64 "},\"total\":{",
              s->pid, me, in_us(s->uptime), s->started, s->restarts);
    add_counts(t, &s->total);
    dash__add(t, "},\"workers\":[");
    for (size_t i = 0; i < s->worker_count; i++) {
        dash__add(t, "%s", i ? "," : "");
        add_worker(t, &s->workers[i]);
    }
    dash__add(t, "],\"routes\":[");
    for (size_t i = 0; i < s->route_count; i++) {
        dash__add(t, "%s", i ? "," : "");
        add_route(t, &s->routes[i]);
    }
    dash__add(t, "],\"points\":[%s]}", points->data && !points->failed ? points->data : "");
}

static const char *kind_of(sl_event_kind kind)
{
    switch (kind) {
    case SL_EVENT_DIED:
        return "died";
    case SL_EVENT_CRASHED:
        return "crashed";
    case SL_EVENT_RELOADING:
        return "reloading";
    case SL_EVENT_RELOADED:
        return "reloaded";
    case SL_EVENT_RELOAD_FAILED:
        return "reload-failed";
    case SL_EVENT_UPGRADED:
        return "upgraded";
    }
    return "other";
}

void dash__add_events(struct dash__text *t, const sl_stats *s)
{
    dash__add(t, "[");
    for (size_t i = 0; i < s->event_count; i++) {
        const sl_event *e = &s->events[i];

        dash__add(t,
                  "%s{\"number\":%" PRIu64 ",\"at_ms\":%" PRId64
                  ",\"kind\":\"%s\",\"worker\":%d,\"pid\":%d,\"generation\":%u,\"code\":%d,"
                  "\"signal\":%d,",
                  i ? "," : "", e->number, e->at_ms, kind_of(e->kind), e->worker, e->pid,
                  e->generation, e->code, e->signal);
        add_name(t, "text", e->text, 400);
        dash__add(t, "}");
    }
    dash__add(t, "]");
}

void dash__add_crashes(struct dash__text *t, const struct dash__crashes *c)
{
    dash__add(t, "[");
    for (size_t i = 0; i < c->count; i++) {
        const struct dash__crash *one = &c->list[i];

        dash__add(t, "%s{\"number\":%lu,", i ? "," : "", one->number);
        add_name(t, "when", one->when, sizeof one->when);
        dash__add(t, ",");
        add_name(t, "what", one->what, sizeof one->what);
        dash__add(t, ",");
        add_name(t, "request", one->request, sizeof one->request);
        dash__add(t, ",");
        add_name(t, "place", one->place, sizeof one->place);
        dash__add(t, "}");
    }
    dash__add(t, "]");
}
