/*
 * The last minutes of the cluster, one point for each second, in a map that the workers share.
 *
 * Each worker comes by once a second (dashboard_live.c); the first one in a second adds the point,
 * which is how it claims it, and fills it with what was counted since the look before. What had
 * been counted then is in the map as well, so that any worker can go on where another one has
 * stopped: the series has no hole when workers come and go. Nothing is done for a request, and a
 * look is a read of shared memory: it asks the system for nothing but the time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dashboard.h"

#define KEY_BYTES 24
#define TTL_MS ((DASH_SECONDS + 30) * 1000u)

/** What had been counted at a look. */
struct before {
    int64_t at_us;
    sl_counts counts;
};

static int64_t monotonic_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t); /* the same for all processes */
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

int64_t dash__second(void)
{
    return monotonic_us() / 1000000;
}

int64_t dash__wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

int dash__past_open(struct dash__feed *f)
{
    f->points = sl_map_new(f->app, "shallot.dashboard", .capacity = DASH_SECONDS + 60,
                           .value_bytes = sizeof(struct dash__point), .key_bytes = KEY_BYTES);
    f->last = sl_map_new(f->app, "shallot.dashboard last", .capacity = 1,
                         .value_bytes = sizeof(struct before), .key_bytes = KEY_BYTES);
    return f->points && f->last ? 0 : -1;
}

static uint64_t grown(uint64_t before, uint64_t now)
{
    return now > before ? now - before : 0;
}

static uint32_t microseconds(double seconds)
{
    return seconds < 4000 ? (uint32_t)(seconds * 1e6 + 0.5) : UINT32_MAX;
}

void dash__point_make(struct dash__point *p, const sl_counts *before, const sl_stats *now)
{
    const sl_counts *n = &now->total;
    sl_counts grew = {.requests = grown(before->requests, n->requests)};

    for (unsigned i = 0; i < SL_LATENCY_BUCKETS; i++) {
        grew.latency[i] = grown(before->latency[i], n->latency[i]);
        p->latency[i == 0 ? 0 : 1 + (i - 1) / 8] += (uint32_t)grew.latency[i];
    }
    p->requests = grew.requests;
    p->client_errors = grown(before->statuses[4], n->statuses[4]);
    p->server_errors = grown(before->statuses[5], n->statuses[5]);
    p->bytes_in = grown(before->bytes_in, n->bytes_in);
    p->bytes_out = grown(before->bytes_out, n->bytes_out);
    p->messages_in = grown(before->messages_in, n->messages_in);
    p->messages_out = grown(before->messages_out, n->messages_out);
    p->p50_us = microseconds(sl_latency_quantile(&grew, 0.5));
    p->p99_us = microseconds(sl_latency_quantile(&grew, 0.99));
    p->connections = now->connections;
    p->in_flight = now->in_flight;
    p->workers = now->ready;
    p->lag_us = microseconds(now->lag);
}

static void key_of(char key[KEY_BYTES], int64_t second)
{
    snprintf(key, KEY_BYTES, "%" PRId64, second);
}

/* The point is claimed: fills it. Without a look before it there is nothing to compare with. */
static void fill(struct dash__feed *f, const char *key, struct dash__point *p, int64_t now_us)
{
    struct before before, after = {.at_us = now_us};
    bool first = sl_map_get(f->last, "last", &before, sizeof before) != sizeof before;
    sl_stats s;

    if (!sl_stats_glance(f->app, &s)) {
        sl_map_delete(f->points, key);
        return;
    }
    after.counts = s.total;
    if (!first) {
        p->span_us = now_us > before.at_us ? now_us - before.at_us : 1;
        dash__point_make(p, &before.counts, &s);
        sl_map_set(f->points, key, p, sizeof *p, TTL_MS);
    }
    sl_map_set(f->last, "last", &after, sizeof after, 0);
}

void dash__past_look(struct dash__feed *f)
{
    int64_t now = monotonic_us();
    struct dash__point p = {.second = now / 1000000, .at_ms = dash__wall_ms()};
    char key[KEY_BYTES];

    key_of(key, p.second);
    if (sl_map_add(f->points, key, "", 0, TTL_MS) == 0)
        fill(f, key, &p, now);
}

int64_t dash__past_each(struct dash__feed *f, int64_t from,
                        void (*fn)(const struct dash__point *p, void *self), void *self)
{
    int64_t now = dash__second(), last = from - 1;

    for (int64_t second = from < now - DASH_SECONDS ? now - DASH_SECONDS : from; second <= now;
         second++) {
        struct dash__point p;
        char key[KEY_BYTES];

        key_of(key, second);
        if (sl_map_get(f->points, key, &p, sizeof p) != sizeof p)
            continue;
        fn(&p, self);
        last = second;
    }
    return last;
}
