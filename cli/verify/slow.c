/*
 * Clients that are slow, and clients that are too many: what they cost, that they end, and that
 * nobody else notices.
 */
#include "verify.h"

#include <stdlib.h>
#include <sys/resource.h>

#define READERS 100
#define HEAD_MAX (15 * SECOND) /* 10 s by default */
#define READ_MAX (25 * SECOND)
#define HELD_MAX 1024 /* octets of memory for a slow head */
#define READER_MAX (64 * 1024)
#define MANY 1000
#define OWN_FILES 600

/* Of all workers together. */
static int64_t sum_of(struct verify *v, int64_t (*of)(pid_t pid))
{
    pid_t workers[WORKERS_MAX];
    unsigned count = app_workers(&v->app, workers);
    int64_t sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum += of(workers[i]);
    return sum;
}

static unsigned as_many_as_possible(unsigned wanted)
{
    struct rlimit files;
    unsigned most;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 100;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    most = files.rlim_max > 1000000 ? 1000000 : (unsigned)files.rlim_max;
    most = most > 2 * OWN_FILES ? most - OWN_FILES : most / 4;
    return wanted < most ? wanted : most;
}

/* An octet from some of them each time, so that everybody says one in ten seconds. */
static void drip(struct held *all, unsigned count, unsigned nth, unsigned parts)
{
    for (unsigned i = nth % parts; i < count; i += parts)
        held_say(&all[i], "x");
}

static void slow_heads(struct verify *v, struct result *r, unsigned count)
{
    int64_t until = now_ns() + HEAD_MAX;
    long before = sum_of(v, process_memory), each;
    struct held *all =
        held_open(&v->traffic, count, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", 0);

    if (!all) {
        require(r, *v->traffic.interrupted != 0, "%u slow clients could not connect", count);
        return;
    }
    pass(v, 500 * MS);
    each = (sum_of(v, process_memory) - before) / (long)count;
    for (unsigned n = 0; held_left(all, count) > 0 && now_ns() < until && pass(v, 100 * MS); n++)
        drip(all, count, n, 100);
    require(r, held_answered(all, count, 408) == count, "%u of %u slow heads got a 408 in %d s",
            held_answered(all, count, 408), count, (int)(HEAD_MAX / SECOND));
    require(r, each <= HELD_MAX, "a slow head costs %ld octets, %d are allowed", each, HELD_MAX);
    note(r, "%u slow heads, %ld octets each", count, each > 0 ? each : 0);
    held_free(all, count);
}

static void slow_readers(struct verify *v, struct result *r)
{
    char *request = request_text(v->options.large_path, true);
    long before = sum_of(v, process_memory), each;
    struct held *all = request ? held_open(&v->traffic, READERS, request, 4096) : NULL;
    int64_t until = now_ns() + READ_MAX;

    if (!all) {
        require(r, *v->traffic.interrupted != 0, "slow readers could not connect");
        free(request);
        return;
    }
    pass(v, 500 * MS);
    each = (sum_of(v, process_memory) - before) / READERS;
    while (held_left(all, READERS) > 0 && now_ns() < until && pass(v, 500 * MS))
        for (unsigned i = 0; i < READERS; i++)
            held_sip(&all[i], 50);
    require(r, held_left(all, READERS) == 0, "%u of %d slow readers are still there",
            held_left(all, READERS), READERS);
    require(r, each <= READER_MAX, "a slow reader costs %ld octets, %d are allowed", each,
            READER_MAX);
    note(r, "%d slow readers, %ld octets each", READERS, each > 0 ? each : 0);
    held_free(all, READERS);
    free(request);
}

void scenario_slow(struct verify *v, struct result *r)
{
    pass(v, 500 * MS);
    slow_heads(v, r, as_many_as_possible(v->options.slow_clients));
    if (v->options.large_path)
        slow_readers(v, r);
    require_calm(v, r);
}

struct crowd {
    struct held *all;
    unsigned answered;
};

/* Who has been answered leaves, which makes room for another. */
static bool all_served(void *arg)
{
    struct crowd *c = arg;

    for (unsigned i = 0; i < MANY; i++) {
        struct held *h = &c->all[i];

        if (h->answer.state == ANSWER_DONE && h->watch.fd >= 0) {
            held_end(h);
            c->answered += h->answer.status == 200;
        }
    }
    return c->answered == MANY;
}

static void release(struct verify *v, struct result *r, struct crowd *c)
{
    int64_t at = now_ns();
    bool served = pass_until(v, 10 * SECOND, all_served, c);

    require(r, served && now_ns() - at <= SECOND, "%u of %d were served %lld ms after the release",
            c->answered, MANY, (long long)((now_ns() - at) / MS));
    note(r, "all served %lld ms after the release", (long long)((now_ns() - at) / MS));
}

void scenario_files(struct verify *v, struct result *r)
{
    struct crowd crowd = {0};
    pid_t before[WORKERS_MAX];
    unsigned count = app_workers(&v->app, before), alive = 0;
    unsigned long answered;
    int64_t cpu;

    as_many_as_possible(MANY);
    pass(v, 500 * MS);
    v->traffic.no_new = true;
    crowd.all = held_open(&v->traffic, MANY, v->traffic.keep, 0);
    if (!crowd.all)
        return;
    answered = v->traffic.tally.answered;
    pass(v, SECOND);
    require(r, v->traffic.tally.answered - answered >= v->options.rate / 4,
            "kept connections were not served");
    v->traffic.on = false;
    cpu = sum_of(v, process_cpu);
    pass(v, SECOND);
    cpu = sum_of(v, process_cpu) - cpu;
    require(r, cpu <= SECOND / 20 * (int64_t)count, "accepting costs %lld %% of a CPU",
            (long long)(cpu * 100 / SECOND));
    note(r, "%.1f %% of a CPU meanwhile", (double)cpu * 100 / SECOND);
    release(v, r, &crowd);
    for (unsigned i = 0; i < count; i++)
        alive += process_lives(before[i]);
    require(r, alive == count, "a worker died");
    held_free(crowd.all, MANY);
}
