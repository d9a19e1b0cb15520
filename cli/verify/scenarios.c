/*
 * The faults that a running program survives: killed and stopped workers, reloads, executables that
 * do not work, handlers that crash. Those that end the program are in endings.c, those of slow and
 * many clients in slow.c.
 *
 * verify.c comes in with the traffic running. What holds for every fault (nothing hung, nothing
 * lost that was not in flight at the place of the fault) is judged there.
 */
#include "verify.h"

#include <signal.h>
#include <stdlib.h>

#define GAP_MAX (50 * MS)
#define SUCCESSOR_MAX (200 * MS)
/* Latencies below this are the machine's, not ours: twice the quiet p99 is not asked of them. */
#define P99_FLOOR (2 * MS)

bool pass(struct verify *v, int64_t ns)
{
    traffic_run(&v->traffic, now_ns() + ns, NULL, NULL);
    return !*v->traffic.interrupted;
}

bool pass_until(struct verify *v, int64_t ns, bool (*done)(void *arg), void *arg)
{
    return traffic_run(&v->traffic, now_ns() + ns, done, arg);
}

bool is_gone(void *pid)
{
    return !process_lives(*(pid_t *)pid);
}

static bool is_stopped(void *pid)
{
    return process_is_stopped(*(pid_t *)pid) || is_gone(pid);
}

pid_t some_worker(struct verify *v)
{
    pid_t workers[WORKERS_MAX];
    unsigned count = app_workers(&v->app, workers);

    return count ? workers[v->next++ % count] : 0;
}

static void quiet(struct verify *v, struct result *r)
{
    pass(v, v->options.seconds * SECOND);
    v->quiet_p99 = tally_percentile(&v->traffic.tally, 0.99);
}

struct listening {
    struct app *app;
    unsigned more_than;
};

static bool another_listens(void *arg)
{
    struct listening *l = arg;

    return l->app->listening > l->more_than || l->app->pid == 0;
}

/* @return how long it took until a successor served; the deadline if none did. */
static int64_t kill_one(struct verify *v)
{
    struct listening l = {&v->app, v->app.listening};
    pid_t victim = some_worker(v);
    int64_t at = now_ns();

    if (!victim)
        return 2 * SECOND;
    traffic_fault(&v->traffic, true);
    kill(victim, SIGKILL);
    pass_until(v, SECOND, is_gone, &victim);
    traffic_fault(&v->traffic, false);
    if (!pass_until(v, 2 * SECOND, another_listens, &l))
        return 2 * SECOND;
    return v->app.listening_at - at;
}

static void kill_workers(struct verify *v, struct result *r)
{
    int64_t longest = 0;

    for (int i = 0; i < 5; i++) {
        int64_t begun = now_ns(), took;

        if (!pass(v, 500 * MS))
            return;
        took = kill_one(v);
        longest = took > longest ? took : longest;
        pass(v, begun + 2 * SECOND - now_ns());
    }
    require(r, longest < SUCCESSOR_MAX, "a successor served after %lld ms, %d are allowed",
            (long long)(longest / MS), (int)(SUCCESSOR_MAX / MS));
    note(r, "5 deaths, %lu of %lu in flight lost, successor within %lld ms", v->traffic.tally.lost,
         v->traffic.tally.flagged, (long long)(longest / MS));
}

static void stop_worker(struct verify *v, struct result *r)
{
    pid_t victim = some_worker(v);

    pass(v, 500 * MS);
    traffic_fault(&v->traffic, true);
    kill(victim, SIGSTOP);
    pass_until(v, SECOND, is_stopped, &victim);
    traffic_fault(&v->traffic, false);
    pass(v, 2 * SECOND);
    require(r, v->traffic.tally.longest_new <= GAP_MAX,
            "a new connection waited %lld ms because of the stopped worker, %d are allowed",
            (long long)(v->traffic.tally.longest_new / MS), (int)(GAP_MAX / MS));
    kill(victim, SIGCONT);
    pass(v, SECOND);
    require(r, process_lives(victim), "the stopped worker did not come back");
    note(r, "2 s; new connections waited %lld ms at most",
         (long long)(v->traffic.tally.longest_new / MS));
}

struct generation {
    struct app *app;
    pid_t old[WORKERS_MAX];
    unsigned count;
};

static bool is_swapped(void *arg)
{
    struct generation *g = arg;

    for (unsigned i = 0; i < g->count; i++)
        if (process_lives(g->old[i]))
            return false;
    return app_complete(g->app);
}

static bool reload_once(struct verify *v)
{
    struct generation g = {.app = &v->app};

    g.count = app_workers(&v->app, g.old);
    kill(v->app.pid, SIGHUP);
    return pass_until(v, 35 * SECOND, is_swapped, &g);
}

static void require_no_gap(struct verify *v, struct result *r)
{
    require(r, v->traffic.tally.gap < GAP_MAX, "no answer for %lld ms, %d are allowed",
            (long long)(v->traffic.tally.gap / MS), (int)(GAP_MAX / MS));
}

void require_calm(struct verify *v, struct result *r)
{
    int64_t p99 = tally_percentile(&v->traffic.tally, 0.99), most = 2 * v->quiet_p99;

    if (most < P99_FLOOR)
        most = P99_FLOOR;
    require_no_gap(v, r);
    require(r, p99 <= most, "p99 is %.1f ms, %.1f are allowed", (double)p99 / 1e6,
            (double)most / 1e6);
}

static void reload(struct verify *v, struct result *r)
{
    unsigned done = 0;

    for (int i = 0; i < 10; i++) {
        int64_t begun = now_ns();

        done += reload_once(v);
        if (!pass(v, begun + SECOND - now_ns()))
            return;
    }
    require(r, done == 10, "%u of 10 reloads swapped the workers", done);
    require_calm(v, r);
    note(r, "10 reloads");
}

struct failures {
    struct app *app;
    unsigned more_than;
};

static bool another_failed(void *arg)
{
    struct failures *f = arg;

    return f->app->failed_reloads > f->more_than;
}

/* @return true if the reload failed, was said to, and the workers stayed. */
static bool is_rejected(struct verify *v, const char *file)
{
    struct failures f = {&v->app, v->app.failed_reloads};
    pid_t before[WORKERS_MAX], after[WORKERS_MAX];
    unsigned count = app_workers(&v->app, before), same = 0, now;

    if (app_replace(&v->app, file) != 0)
        return false;
    kill(v->app.pid, SIGHUP);
    if (!pass_until(v, 10 * SECOND, another_failed, &f))
        return false;
    pass_until(v, 5 * SECOND, app_complete, &v->app);
    now = app_workers(&v->app, after);
    for (unsigned i = 0; i < now; i++)
        for (unsigned j = 0; j < count; j++)
            same += after[i] == before[j];
    return same == count;
}

static void bad_file(struct verify *v, struct result *r)
{
    int64_t successor;

    pass(v, 500 * MS);
    require(r, is_rejected(v, "/proc/version"),
            "a text in place of the executable was not refused");
    /* This very tool: a program, but none that becomes a worker. */
    require(r, is_rejected(v, "/proc/self/exe"), "an executable that ends at once was not refused");
    require_no_gap(v, r);
    successor = kill_one(v);
    require(r, successor < SUCCESSOR_MAX,
            "a worker could not be replaced while the file is broken");
    require(r, app_replace(&v->app, v->app.original) == 0 && reload_once(v),
            "the right file was not loaded afterwards");
    note(r, "a text, a program that ends, a death meanwhile, then the right file");
}

static bool are_named(void *arg)
{
    struct failures *f = arg;

    return f->app->named > f->more_than;
}

static void crash(struct verify *v, struct result *r)
{
    struct failures f = {&v->app, v->app.named + 9};
    struct tally apart = {0};
    char *request = request_text(v->options.crash_path, false);
    unsigned apologies = 0;
    int outcomes[10];

    for (int i = 0; i < 10 && request; i++) {
        outcomes[i] = 0;
        traffic_ask(&v->traffic, request, &apart, &outcomes[i]);
        pass(v, 500 * MS);
        apologies += outcomes[i] == 500;
    }
    require(r, apologies == 10, "%u of 10 crashing requests got their 500", apologies);
    require(r, v->traffic.tally.errors == v->traffic.tally.busy,
            "bystanders got other errors than 503");
    require(r, pass_until(v, 3 * SECOND, are_named, &f), "%u of 10 reports name file and line",
            v->app.named - (f.more_than - 9));
    traffic_run(&v->traffic, now_ns() + SECOND, NULL, NULL);
    note(r, "10 crashes, %u answered with 500, %lu bystanders with 503", apologies,
         v->traffic.tally.busy);
    /* What is still out has somewhere to write to until here. */
    traffic_stop(&v->traffic);
    free(request);
}

const struct scenario scenarios[] = {
    {.name = "quiet", .what = "nothing happens", .run = quiet},
    {.name = "kill", .what = "kill -9 a worker every 2 s, 5 times", .run = kill_workers},
    {.name = "stopped", .what = "a worker is stopped for 2 s", .run = stop_worker},
    {.name = "reload", .what = "10 reloads, 1 s apart", .run = reload},
    {.name = "bad-file", .what = "the executable is replaced by broken ones", .run = bad_file},
    {.name = "crash",
     .what = "10 handlers crash, half a second apart (--crash-path)",
     .run = crash,
     .apologises = true},
    {.name = "slow", .what = "thousands of slow clients", .run = scenario_slow},
    {.name = "files",
     .what = "1,000 connections, 256 descriptors",
     .run = scenario_files,
     .files = 256},
    {.name = "term",
     .what = "SIGTERM with requests in flight",
     .run = scenario_term,
     .refuses = true,
     .ends = true},
    {.name = "master",
     .what = "kill -9 the master, start another",
     .run = scenario_master,
     .refuses = true},
};
const unsigned scenario_count = sizeof scenarios / sizeof *scenarios;
