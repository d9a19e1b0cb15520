/*
 * The status of the program, as lines of NAME=VALUE pairs or as one JSON object.
 *
 * Comes from control_commands.c; reads the scoreboard, the supervisor and the crew. Both forms are
 * written by the same calls, so that neither can forget what the other tells.
 */
#include "cluster/control.h"

#include "base/histogram.h"
#include "base/time.h"
#include "cluster/master_state.h"

#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct paper {
    struct sl__control_client *client;
    bool json, first;
    struct sl__buf text;
    bool full; /* out of memory: what is missing is announced by the broken form */
};

static void append(struct paper *p, const char *text, size_t len)
{
    p->full = sl__buf_append(&p->text, text, len) < 0 || p->full;
}

static void append_text(struct paper *p, const char *text)
{
    append(p, text, strlen(text));
}

static void key(struct paper *p, const char *name)
{
    if (!p->json)
        append_text(p, "\t");
    else if (!p->first)
        append_text(p, ",");
    p->first = false;
    if (p->json)
        append_text(p, "\"");
    append_text(p, name);
    append_text(p, p->json ? "\":" : "=");
}

static void number(struct paper *p, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void number(struct paper *p, const char *name, const char *fmt, ...)
{
    char text[48];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    key(p, name);
    append_text(p, text);
}

static void words(struct paper *p, const char *name, const char *text)
{
    key(p, name);
    if (p->json)
        append_text(p, "\"");
    for (; *text; text++) {
        char escaped[8] = {*text};
        size_t len = sl__utf8_sequence(text);

        if (len > 0) {
            append(p, text, len);
            text += len - 1;
            continue;
        }
        if (p->json && (unsigned char)*text >= 0x80) /* a route's name may be any octets */
            snprintf(escaped, sizeof escaped, "\\ufffd");
        else if ((unsigned char)*text < ' ' || *text == 0x7f) /* TAB too: it separates pairs */
            snprintf(escaped, sizeof escaped, p->json ? "\\u%04x" : "?", (unsigned char)*text);
        else if (p->json && (*text == '"' || *text == '\\'))
            snprintf(escaped, sizeof escaped, "\\%c", *text);
        append_text(p, escaped);
    }
    if (p->json)
        append_text(p, "\"");
}

static void truth(struct paper *p, const char *name, bool value)
{
    number(p, name, "%s", p->json ? (value ? "true" : "false") : (value ? "1" : "0"));
}

/* Text: one line for each. */
static void begin(struct paper *p, const char *what, bool in_list)
{
    if (!p->json) {
        append_text(p, what);
        return;
    }
    if (!in_list)
        key(p, what);
    else if (!p->first)
        append_text(p, ",");
    append_text(p, "{");
    p->first = true;
}

static void end(struct paper *p)
{
    if (p->json) {
        append_text(p, "}");
        p->first = false;
        return;
    }
    sl__control_put(p->client, '+', p->text.data + p->text.at, sl__buf_len(&p->text));
    sl__buf_consume(&p->text, sl__buf_len(&p->text));
}

static void counts(struct paper *p, const sl_counts *n)
{
    static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};

    number(p, "requests", "%" PRIu64, n->requests);
    for (unsigned i = 0; i < 6; i++)
        number(p, classes[i], "%" PRIu64, n->statuses[i]);
    number(p, "bytes_in", "%" PRIu64, n->bytes_in);
    number(p, "bytes_out", "%" PRIu64, n->bytes_out);
    number(p, "messages_in", "%" PRIu64, n->messages_in);
    number(p, "messages_out", "%" PRIu64, n->messages_out);
    number(p, "log_dropped", "%" PRIu64, n->log_dropped);
    number(p, "p50_ms", "%.3f", sl_latency_quantile(n, 0.5) * 1e3);
    number(p, "p99_ms", "%.3f", sl_latency_quantile(n, 0.99) * 1e3);
    number(p, "p999_ms", "%.3f", sl_latency_quantile(n, 0.999) * 1e3);
}

static const char *state(const struct sl__master *m)
{
    if (m->stopping)
        return "stopping";
    if (sl__supervisor_candidate(m->supervisor))
        return "reloading";
    if (sl__supervisor_ready_count(m->supervisor) == 0)
        return sl__supervisor_exhausted(m->supervisor) ? "crashing" : "starting";
    return sl__supervisor_exhausted(m->supervisor) ? "crashing" : "serving";
}

static void program(struct paper *p, struct sl__master *m, const sl_stats *stats)
{
    int64_t due = sl__supervisor_due(m->supervisor);

    begin(p, "program", false);
    words(p, "name", m->config.name);
    number(p, "pid", "%d", getpid());
    words(p, "version", SL_VERSION);
    words(p, "state", state(m));
    words(p, "executable", m->held.path);
    number(p, "generation", "%u", sl__supervisor_generation(m->supervisor));
    number(p, "candidate", "%u", sl__supervisor_candidate(m->supervisor));
    number(p, "wanted", "%u", sl__supervisor_instances(m->supervisor));
    number(p, "ready", "%u", sl__supervisor_ready_count(m->supervisor));
    number(p, "uptime", "%.1f", stats->uptime);
    number(p, "started", "%" PRIu64, stats->started);
    number(p, "restarts", "%" PRIu64, stats->restarts);
    if (due != INT64_MAX)
        number(p, "respawn_in", "%.1f",
               due > m->loop.now ? (double)(due - m->loop.now) / 1e9 : 0.0);
    truth(p, "development", m->config.development);
    end(p);
}

static const char *worker_state(struct sl__master *m, uint32_t id)
{
    static const char *const names[] = {
        [SL__WORKER_GONE] = "gone",         [SL__WORKER_STARTING] = "starting",
        [SL__WORKER_JOINING] = "joining",   [SL__WORKER_READY] = "ready",
        [SL__WORKER_DRAINING] = "draining",
    };

    return names[sl__supervisor_state(m->supervisor, id)];
}

static void worker(struct paper *p, struct sl__master *m, const sl_worker_stats *w)
{
    begin(p, "worker", true);
    number(p, "id", "%d", w->id);
    number(p, "pid", "%d", w->pid);
    words(p, "state", worker_state(m, (uint32_t)w->id));
    number(p, "generation", "%u", w->generation);
    number(p, "restarts", "%u", w->restarts);
    number(p, "uptime", "%.1f", w->uptime);
    number(p, "connections", "%u", w->connections);
    number(p, "in_flight", "%u", w->in_flight);
    number(p, "lag_ms", "%.3f", w->lag * 1e3);
    number(p, "memory", "%" PRIu64, w->memory);
    number(p, "cpu", "%.3f", w->cpu);
    counts(p, &w->counts);
    end(p);
}

static void listeners(struct paper *p, struct sl__master *m)
{
    for (struct sl__link *at = m->listeners.all.next; at != &m->listeners.all; at = at->next) {
        const struct sl__listener *l = SL__OWNER(at, struct sl__listener, link);
        char url[300];

        sl__endpoint_url(l->fd, url, sizeof url);
        begin(p, "listener", true);
        words(p, "url", url);
        end(p);
    }
}

static void route(struct paper *p, const sl_route_stats *r)
{
    begin(p, "route", true);
    words(p, "method", r->method);
    words(p, "pattern", r->pattern);
    number(p, "generation", "%u", r->generation);
    number(p, "requests", "%" PRIu64, r->requests);
    number(p, "4xx", "%" PRIu64, r->client_errors);
    number(p, "5xx", "%" PRIu64, r->server_errors);
    number(p, "p50_ms", "%.3f", sl_route_quantile(r, 0.5) * 1e3);
    number(p, "p99_ms", "%.3f", sl_route_quantile(r, 0.99) * 1e3);
    end(p);
}

static void event(struct paper *p, const sl_event *e)
{
    static const char *const kinds[] = {
        [SL_EVENT_DIED] = "died",
        [SL_EVENT_CRASHED] = "crashed",
        [SL_EVENT_RELOADING] = "reloading",
        [SL_EVENT_RELOADED] = "reloaded",
        [SL_EVENT_RELOAD_FAILED] = "reload failed",
        [SL_EVENT_UPGRADED] = "upgraded",
    };

    begin(p, "event", true);
    number(p, "number", "%" PRIu64, e->number);
    number(p, "at", "%.3f", (double)e->at_ms / 1e3);
    words(p, "kind", kinds[e->kind]);
    number(p, "worker", "%d", e->worker);
    number(p, "pid", "%d", e->pid);
    number(p, "generation", "%u", e->generation);
    number(p, "code", "%d", e->code);
    number(p, "signal", "%d", e->signal);
    words(p, "text", e->text);
    end(p);
}

static void list(struct paper *p, const char *name, bool opens)
{
    if (!p->json)
        return;
    if (opens) {
        key(p, name);
        append_text(p, "[");
    } else {
        append_text(p, "]");
    }
    p->first = opens;
}

static void write_status(struct sl__control_client *c, bool json)
{
    struct sl__master *m = c->master;
    struct paper p = {.client = c, .json = json, .first = true};
    sl_stats *stats = sl__scoreboard_read(&m->board, m->loop.now);

    if (!stats)
        return;
    if (json)
        append_text(&p, "{");
    program(&p, m, stats);
    list(&p, "listeners", true);
    listeners(&p, m);
    list(&p, NULL, false);
    begin(&p, "total", false);
    counts(&p, &stats->total);
    end(&p);
    list(&p, "workers", true);
    for (size_t i = 0; i < stats->worker_count; i++)
        worker(&p, m, &stats->workers[i]);
    list(&p, NULL, false);
    list(&p, "routes", true);
    for (size_t i = 0; i < stats->route_count; i++)
        route(&p, &stats->routes[i]);
    list(&p, NULL, false);
    list(&p, "events", true);
    for (size_t i = 0; i < stats->event_count; i++)
        event(&p, &stats->events[i]);
    list(&p, NULL, false);
    if (json) {
        append_text(&p, "}");
        sl__control_put(c, '+', p.text.data + p.text.at, sl__buf_len(&p.text));
    }
    sl__buf_finish(&p.text);
    sl_stats_free(stats);
}

/* The program's main() may have set a locale in which a number has a comma. */
void sl__control_status(struct sl__control_client *c, bool json)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;

    write_status(c, json);
    if (!plain)
        return;
    uselocale(before);
    freelocale(plain);
}

void sl__control_latencies(struct sl__control_client *c)
{
    struct sl__master *m = c->master;
    struct paper p = {.client = c};
    sl_stats *stats = sl__scoreboard_read(&m->board, m->loop.now);

    if (!stats)
        return;
    begin(&p, "latencies", false);
    for (unsigned i = 0; i < SL_LATENCY_BUCKETS; i++) {
        char name[8];

        if (stats->total.latency[i] == 0)
            continue;
        snprintf(name, sizeof name, "%u", i);
        number(&p, name, "%" PRIu64, stats->total.latency[i]);
    }
    end(&p);
    sl__buf_finish(&p.text);
    sl_stats_free(stats);
}
