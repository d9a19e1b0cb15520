/*
 * shallot verify: does to a program what befalls services, and says what its clients saw.
 *
 * Scenarios come from scenarios.c, endings.c and slow.c, one after the other, each with traffic of
 * its own; what holds for all of them is judged here. Whatever happens, also Ctrl-C, the program is
 * gone at the end and its file is as it was.
 */
#include "verify.h"
#include "cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

static void take_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};

    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

__attribute__((format(printf, 3, 0))) static void append(char *text, size_t size, const char *fmt,
                                                         va_list args)
{
    size_t len = strlen(text);

    if (len > 0 && len + 3 < size) {
        memcpy(text + len, "; ", 3);
        len += 2;
    }
    vsnprintf(text + len, size - len, fmt, args);
}

void require(struct result *r, bool holds, const char *fmt, ...)
{
    va_list args;

    if (holds)
        return;
    va_start(args, fmt);
    append(r->why, sizeof r->why, fmt, args);
    va_end(args);
}

void note(struct result *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    append(r->note, sizeof r->note, fmt, args);
    va_end(args);
}

static bool is_wanted(const struct verify_options *o, const char *name)
{
    for (unsigned i = 0; i < o->only_count; i++)
        if (strcmp(o->only[i], name) == 0)
            return true;
    return o->only_count == 0;
}

/* What holds for every fault. */
static void judge(const struct verify *v, const struct scenario *s, struct result *r)
{
    const struct tally *y = &r->tally;
    unsigned long elsewhere = y->lost - y->excused;

    require(r, elsewhere == 0,
            "%lu lost that were not in flight at the fault (%lu on kept connections "
            "that were closed unannounced)",
            elsewhere, y->races);
    require(r, y->hung == 0, "%lu without an answer for 10 s", y->hung);
    require(r, s->refuses || y->refused == 0, "%lu refused", y->refused);
    require(r, y->errors == 0 || (s->apologises && y->errors == y->busy), "%lu answers of 5xx",
            y->errors);
    require(r, y->wrong == 0, "%lu answers that are not 200", y->wrong);
    require(r, y->answered > 0, "nobody was answered");
    require(r, s->ends || v->app.pid, "the program has ended");
}

static bool needs_start(const struct verify *v, const struct scenario *s)
{
    return v->app.pid == 0 || v->app.files != s->files;
}

/* 0, or 1 with the error printed. */
static int make_ready(struct verify *v, const struct scenario *s)
{
    if (needs_start(v, s)) {
        traffic_drop(&v->traffic);
        app_end(&v->app);
        v->app.files = s->files;
        if (app_start(&v->app, 0) != 0) {
            if (!interrupted)
                app_explain(&v->app, v->app.pid ? "does not say where it listens" : "ended");
            return 1;
        }
    }
    pass_until(v, 5 * SECOND, app_complete, &v->app);
    return 0;
}

static bool run_one(struct verify *v, const struct scenario *s, struct result *r)
{
    *r = (struct result){0};
    if (s->apologises && !v->options.crash_path) {
        r->skipped = true;
        note(r, "no --crash-path");
        return true;
    }
    if (make_ready(v, s) != 0)
        return false;
    traffic_start(&v->traffic);
    s->run(v, r);
    traffic_stop(&v->traffic);
    r->tally = v->traffic.tally;
    judge(v, s, r);
    return !interrupted;
}

struct outcome {
    int status;
};

static bool is_known(void *arg)
{
    return ((struct outcome *)arg)->status != 0;
}

/* One request before all others: the program must be one that can be verified. */
static int probe(struct verify *v)
{
    struct outcome o = {0};
    struct tally apart = {0};
    pid_t workers[WORKERS_MAX];

    if (make_ready(v, &scenarios[0]) != 0)
        return 1;
    if (interrupted)
        return 1;
    if (app_workers(&v->app, workers) == 0)
        return say_failure("%s has no workers: does it serve in one process (.standalone)?",
                           v->app.original);
    traffic_ask(&v->traffic, v->traffic.close, &apart, &o.status);
    pass_until(v, 10 * SECOND, is_known, &o);
    if (o.status == 200)
        return 0;
    traffic_drop(&v->traffic);
    if (interrupted)
        return 1;
    if (o.status > 0)
        return say_failure(
            "GET %s is answered with %d; name a path that is answered with 200: --path",
            v->options.path, o.status);
    return say_failure("GET %s is not answered", v->options.path);
}

static int run_all(struct verify *v)
{
    static struct result r; /* too large for the stack */
    unsigned failed = 0, run = 0;

    if (probe(v) != 0)
        return interrupted ? 128 + interrupted : 1;
    if (!is_wanted(&v->options, scenarios[0].name)) { /* what the others are compared with */
        traffic_start(&v->traffic);
        scenarios[0].run(v, &r);
        traffic_stop(&v->traffic);
    }
    report_head(v);
    for (unsigned i = 0; i < scenario_count && !interrupted; i++) {
        if (!is_wanted(&v->options, scenarios[i].name))
            continue;
        if (!run_one(v, &scenarios[i], &r))
            break;
        report_line(v, &scenarios[i], &r);
        v->reported++;
        failed += r.why[0] != 0;
        run += !r.skipped;
    }
    if (interrupted)
        return 128 + interrupted;
    report_end(v, failed, run);
    return failed > 0 || run == 0;
}

static int list(void)
{
    for (unsigned i = 0; i < scenario_count; i++)
        printf("  %-9s %s\n", scenarios[i].name, scenarios[i].what);
    return 0;
}

int verify_main(int argc, char **argv)
{
    static struct verify v;
    int r = verify_options_read(argc, argv, &v.options);

    if (r != 0)
        return r;
    if (v.options.help) {
        fputs(verify_help, stdout);
        return 0;
    }
    if (v.options.list)
        return list();
    take_signals();
    if (traffic_init(&v.traffic, &v.options, &interrupted) != 0)
        return say_failure("out of memory");
    r = app_init(&v.app, &v.traffic, &v.options);
    if (r == 0)
        r = run_all(&v);
    app_finish(&v.app);
    traffic_finish(&v.traffic);
    return r;
}
