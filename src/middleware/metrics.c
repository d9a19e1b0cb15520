/*
 * Metrics for Prometheus: the numbers of the whole cluster, whichever worker is asked.
 *
 * A layer that answers: sl_get(app, "/metrics", sl_metrics()). Counters include what workers have
 * counted that live no longer, so that they only grow while the master lives. Nothing is labelled
 * with a worker's id, which is never used again: each reload would begin new series.
 */
#include <shallot/ctx.h>
#include <shallot/error.h>
#include <shallot/middleware.h>
#include <shallot/response.h>
#include <shallot/stats.h>

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>

#define PAGE ((size_t)16384) /* four times what there is to say */

struct page {
    char *text;
    size_t len;
};

static void add(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct page *p, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(p->text + p->len, PAGE - p->len, fmt, args);
    va_end(args);
    if (n > 0)
        p->len = p->len + (size_t)n < PAGE ? p->len + (size_t)n : PAGE - 1;
}

static void head(struct page *p, const char *name, const char *type, const char *help)
{
    add(p, "# HELP shallot_%s %s\n# TYPE shallot_%s %s\n", name, help, name, type);
}

static void counter(struct page *p, const char *name, const char *help, uint64_t value)
{
    head(p, name, "counter", help);
    add(p, "shallot_%s %" PRIu64 "\n", name, value);
}

static void gauge(struct page *p, const char *name, const char *help, double value)
{
    head(p, name, "gauge", help);
    add(p, "shallot_%s %.9g\n", name, value);
}

static void requests(struct page *p, const sl_counts *n)
{
    head(p, "requests_total", "counter", "Requests answered, by the first digit of the status.");
    for (unsigned i = 1; i < 6; i++)
        add(p, "shallot_requests_total{status=\"%uxx\"} %" PRIu64 "\n", i, n->statuses[i]);
}

/* One bound to an octave: the finer buckets are for quantiles inside. */
static void durations(struct page *p, const sl_counts *n)
{
    uint64_t seen = 0;

    head(p, "request_duration_seconds", "histogram",
         "From finding a request's head to the end of its handler.");
    for (unsigned i = 0; i < SL_LATENCY_BUCKETS; i++) {
        seen += n->latency[i];
        if (i % 8 == 0)
            add(p, "shallot_request_duration_seconds_bucket{le=\"%.9g\"} %" PRIu64 "\n",
                sl_latency_bound(i), seen);
    }
    add(p, "shallot_request_duration_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", seen);
    add(p, "shallot_request_duration_seconds_sum %.9g\n", sl_latency_sum(n));
    add(p, "shallot_request_duration_seconds_count %" PRIu64 "\n", seen);
}

static void gauges(struct page *p, const sl_stats *s)
{
    double ready = 0, connections = 0, in_flight = 0, memory = 0, lag = 0;

    for (size_t i = 0; i < s->worker_count; i++) {
        const sl_worker_stats *w = &s->workers[i];

        ready += w->ready;
        connections += w->connections;
        in_flight += w->in_flight;
        memory += (double)w->memory;
        lag = w->lag > lag ? w->lag : lag;
    }
    gauge(p, "workers", "Workers that live, leaving ones included.", (double)s->worker_count);
    gauge(p, "workers_ready", "Workers that accept connections.", ready);
    gauge(p, "connections", "Open connections.", connections);
    gauge(p, "requests_in_flight", "Requests in a handler.", in_flight);
    gauge(p, "memory_bytes", "Resident memory of all workers.", memory);
    gauge(p, "loop_lag_seconds", "The longest time of late in which a worker saw to nothing else.",
          lag);
    gauge(p, "uptime_seconds", "Since the master started.", s->uptime);
}

static void fill(struct page *p, const sl_stats *s)
{
    requests(p, &s->total);
    durations(p, &s->total);
    counter(p, "received_bytes_total", "Octets received from clients.", s->total.bytes_in);
    counter(p, "sent_bytes_total", "Octets sent to clients.", s->total.bytes_out);
    counter(p, "messages_received_total", "Messages that workers received.", s->total.messages_in);
    counter(p, "messages_sent_total", "Messages that workers sent.", s->total.messages_out);
    counter(p, "log_lines_dropped_total", "Log lines that nobody took.", s->total.log_dropped);
    counter(p, "workers_started_total", "Workers started.", s->started);
    counter(p, "worker_restarts_total", "Workers that died unasked.", s->restarts);
    gauges(p, s);
}

/* The program may have set a locale in which a number has a comma. Nothing waits meanwhile. */
static void fill_plainly(struct page *p, const sl_stats *s)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;

    fill(p, s);
    if (!plain)
        return;
    uselocale(before);
    freelocale(plain);
}

static int run(sl_ctx *c, void *self)
{
    sl_stats *s = sl_stats_new(sl_app_of(c));
    struct page p = {.text = sl_alloc(c, PAGE)};

    (void)self;
    if (!s || !p.text) {
        sl_stats_free(s);
        return sl_fail(c, 503, "no numbers to be had");
    }
    fill_plainly(&p, s);
    sl_stats_free(s);
    sl_type(c, "text/plain; version=0.0.4; charset=utf-8");
    sl_set_header(c, "Cache-Control", "no-store");
    return sl_bytes(c, p.text, p.len);
}

sl_middleware sl_metrics(void)
{
    return (sl_middleware){run, NULL, NULL};
}
