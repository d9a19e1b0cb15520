/*
 * Faults that end the program: it is told to stop, or its master is killed.
 *
 * From the moment of the fault connections may be refused. Whoever has one keeps it until it was
 * answered.
 */
#include "verify.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#define IDLE 8
#define SLOW 10
#define DRAIN_MAX (31 * SECOND)
#define TOLERANCE (300 * MS) /* of a busy machine, where a second is promised */

static bool has_ended(void *app)
{
    return ((struct app *)app)->pid == 0;
}

struct group {
    struct held *all;
    unsigned count;
};

static bool are_answered(void *arg)
{
    struct group *g = arg;

    return held_answered(g->all, g->count, 200) == g->count;
}

static int64_t last_end(const struct held *all, unsigned count)
{
    int64_t last = 0;

    for (unsigned i = 0; i < count; i++)
        last = all[i].ended > last ? all[i].ended : last;
    return last;
}

static void ask_slowly(struct verify *v, const char *request, struct tally *y, int *outcomes)
{
    for (int i = 0; i < SLOW; i++) {
        outcomes[i] = 0;
        if (request)
            traffic_ask(&v->traffic, request, y, &outcomes[i]);
    }
    pass(v, 50 * MS);
}

static unsigned count_good(const int *outcomes)
{
    unsigned good = 0;

    for (int i = 0; i < SLOW; i++)
        good += outcomes[i] == 200;
    return good;
}

/* @at: of the signal. */
static void judge_term(struct verify *v, struct result *r, struct group *idle, int64_t at)
{
    int64_t took = now_ns() - at, gone = last_end(idle->all, IDLE) - at;
    int64_t grace = v->options.grace_ms * MS + TOLERANCE;

    require(r, v->app.pid == 0, "it did not end");
    require(r, v->app.pid || (WIFEXITED(v->app.status) && WEXITSTATUS(v->app.status) == 0),
            "the exit status is not 0");
    require(r, took < DRAIN_MAX, "it took %lld s", (long long)(took / SECOND));
    require(r, held_left(idle->all, IDLE) == 0 && gone <= grace,
            "idle connections lasted %lld ms (--grace)", (long long)(gone / MS));
    note(r, "ended after %.1f s, idle connections after %.1f s", (double)took / 1e9,
         (double)gone / 1e9);
}

void scenario_term(struct verify *v, struct result *r)
{
    const char *path = v->options.slow_path;
    char *request = path ? request_text(path, false) : NULL;
    struct group idle = {held_open(&v->traffic, IDLE, v->traffic.keep, 0), IDLE};
    struct tally slow = {0};
    int outcomes[SLOW];
    int64_t at;

    pass_until(v, 5 * SECOND, are_answered, &idle);
    pass(v, 500 * MS);
    ask_slowly(v, request, &slow, outcomes);
    at = now_ns();
    v->traffic.refused_ends_new = true;
    kill(v->app.pid, SIGTERM);
    pass_until(v, DRAIN_MAX, has_ended, &v->app);
    pass(v, 20 * MS); /* the ends of connections are heard, too */
    judge_term(v, r, &idle, at);
    traffic_stop(&v->traffic);
    require(r, !request || count_good(outcomes) == SLOW, "%u of %d slow requests were answered",
            count_good(outcomes), SLOW);
    held_free(idle.all, IDLE);
    free(request);
}

struct processes {
    pid_t pids[WORKERS_MAX];
    unsigned count;
};

static bool are_gone(void *arg)
{
    const struct processes *p = arg;

    for (unsigned i = 0; i < p->count; i++)
        if (process_lives(p->pids[i]))
            return false;
    return true;
}

/* Another master on the same port, again and again until it may bind. @return tries */
static unsigned start_another(struct verify *v, uint16_t port)
{
    int64_t until = now_ns() + 30 * SECOND;
    unsigned tries = 0;

    while (now_ns() < until && !*v->traffic.interrupted) {
        tries++;
        if (app_launch(&v->app, port) != 0)
            break;
        pass_until(v, until - now_ns(), app_serves, &v->app);
        if (v->app.pid)
            break;
        pass(v, 20 * MS);
    }
    return tries;
}

void scenario_master(struct verify *v, struct result *r)
{
    struct processes old;
    uint16_t port = v->app.port;
    unsigned long refused;
    int64_t at, served;
    unsigned tries;

    pass(v, SECOND);
    old.count = app_workers(&v->app, old.pids);
    at = now_ns();
    kill(v->app.pid, SIGKILL);
    pass_until(v, SECOND, has_ended, &v->app);
    tries = start_another(v, port);
    served = now_ns() - at;
    refused = v->traffic.tally.refused;
    pass_until(v, DRAIN_MAX, are_gone, &old);
    require(r, are_gone(&old), "workers of the killed master are left");
    require(r, now_ns() - at <= SECOND + TOLERANCE, "the last worker went after %.1f s",
            (double)(now_ns() - at) / 1e9);
    note(r, "workers gone after %.1f s; another served after %.2f s, bound at try %u",
         (double)(now_ns() - at) / 1e9, (double)served / 1e9, tries);
    require(r, served < SECOND, "another master served after %.1f s", (double)served / 1e9);
    pass(v, SECOND);
    require(r, v->traffic.tally.refused == refused, "refused after another served");
}
