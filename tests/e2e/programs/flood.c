/*
 * One worker sends messages of 1 KB at a steady rate; each counts what it gets, how long that took
 * and what it was told it missed. test_bus_stress.py stops one of them meanwhile.
 */
#include <shallot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUCKETS 10000 /* of 100 microseconds */

struct piece {
    int64_t sent_ns;
    long number;
    char rest[1008];
};

static struct {
    long got, missed, next, wrong, latency[BUCKETS];
} me = {.next = 1};
static int rate, seconds;

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void on_piece(sl_app *app, const sl_message *m, void *self)
{
    const struct piece *p = m->data;
    int64_t bucket = (now() - p->sent_ns) / 100000;

    me.latency[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    me.wrong += m->len != sizeof *p || p->number < me.next ||
                (p->number > me.next && me.missed == 0) || p->rest[7] != (char)p->number;
    me.next = p->number + 1;
    me.got++;
}

static void on_gap(sl_app *app, uint64_t missed, void *self)
{
    me.missed += (long)missed;
}

static int p99(void)
{
    long seen = 0;
    int i = 0;

    while (i < BUCKETS && (seen += me.latency[i]) < me.got * 99 / 100)
        i++;
    return i;
}

static int on_report(sl_app *app, const sl_message *m, void *self)
{
    char text[160];

    snprintf(text, sizeof text, "%ld %ld %ld %d.%d", me.got, me.missed, me.wrong, p99() / 10,
             p99() % 10);
    return sl_reply(m, text, strlen(text) + 1);
}

/* What came before does not count: it was to measure the machine. */
static int on_afresh(sl_app *app, const sl_message *m, void *self)
{
    int r = on_report(app, m, self);

    memset(&me, 0, sizeof me);
    me.next = 1;
    return r;
}

/* As many in each millisecond as the rate wants by then. */
static int flood(void *arg)
{
    sl_app *app = arg;
    int64_t begin = now();
    long total = (long)rate * seconds, number = 0;
    struct piece p;

    memset(&p, 0, sizeof p);
    while (number < total) {
        while (number < total && number < (now() - begin) / 1000 * rate / 1000000) {
            p.number = ++number;
            memset(p.rest, (char)number, sizeof p.rest);
            p.sent_ns = now();
            if (sl_send(app, "piece", &p, sizeof p) < 0)
                printf("sl_send fails\n");
        }
        sl_sleep(1);
    }
    printf("all %ld sent in %lld ms\n", total, (long long)(now() - begin) / 1000000);
    return 0;
}

static int begin(sl_ctx *c)
{
    rate = atoi(sl_param(c, "rate"));
    seconds = atoi(sl_param(c, "seconds"));
    sl_detach(sl_spawn_in_app(sl_app_of(c), flood, sl_app_of(c)));
    return sl_text(c, "%d", (int)getpid());
}

static int report(sl_ctx *c)
{
    void *text;
    int r = sl_request(sl_app_of(c), atoi(sl_param(c, "id")), sl_param(c, "what"), NULL, 0, 20000,
                       &text, NULL);

    if (r < 0)
        return r;
    r = sl_text(c, "%s", (char *)text);
    free(text);
    return r;
}

int main(void)
{
    const char *queue = getenv("QUEUE");
    sl_app *app =
        sl_new(.instances = 3, .limits = {.queue_bytes = queue ? (size_t)atol(queue) : 0});

    sl_on_message(app, "piece", on_piece, NULL);
    sl_on_gap(app, on_gap, NULL);
    sl_on_request(app, "report", on_report, NULL);
    sl_on_request(app, "afresh", on_afresh, NULL);
    sl_get(app, "/flood/:rate/:seconds", begin);
    sl_get(app, "/:what/:id", report);
    return sl_listen(app);
}
