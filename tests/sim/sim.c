/*
 * The simulation's main: runs schedules by their seeds, and says which seeds broke a rule.
 *
 *     sim [--count N] [--first N]   schedules, from a seed on
 *     sim --seed N                  one schedule, told step by step
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define PATIENCE (400 * SL__SEC) /* simulated: more than all deadlines and backoffs together */

void trace_line(const struct world *w, const char *fmt, ...)
{
    va_list args;

    printf("%10.4f  ", (double)w->now / 1e9);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

/* Nobody misbehaves from here on. What is going on goes on. */
static void calm_down(struct world *w)
{
    w->weather.quiet = true;
    w->generation_bad = false;
    trace(w, "QUIET");
    world_run(w, w->now + PATIENCE);
    if (w->development && !w->failed && !w->stopped && w->live_count == 0)
        world_reload(w); /* it waited for the next change */
    world_run(w, w->now + PATIENCE);
}

static void run(struct world *w, uint64_t seed)
{
    world_begin(w, seed);
    sl__supervisor_start(w->supervisor, w->now);
    world_run(w, w->weather.length);
    calm_down(w);
    if (!w->failed && !w->stopped) {
        check_quiet(w);
        world_stop(w, chance(w, 30));
        if (chance(w, 20))
            world_stop(w, false);
    }
    world_run(w, w->now + PATIENCE);
    if (!w->failed)
        check_gone(w);
    world_end(w);
}

static int usage(void)
{
    fputs("usage: sim [--count N] [--first N] [--seed N]\n", stderr);
    return 2;
}

static void report(const struct world *w)
{
    printf(
        "spawned %llu, died %llu, reloads %llu (good %llu, failed %llu), messages %llu, "
        "joins %llu, retired %llu, gaps %llu, silent donors %llu, execs %llu, schedules with "
        "lost state %llu, values forgotten %llu, requests %llu (replies %llu, refusals %llu, late "
        "%llu)\n",
        (unsigned long long)w->seen.spawns, (unsigned long long)w->seen.deaths,
        (unsigned long long)w->seen.reloads, (unsigned long long)w->seen.good,
        (unsigned long long)w->seen.failed, (unsigned long long)w->seen.messages,
        (unsigned long long)w->seen.joins, (unsigned long long)w->seen.retired,
        (unsigned long long)w->seen.gaps, (unsigned long long)w->seen.timeouts,
        (unsigned long long)w->seen.execs, (unsigned long long)w->seen.lines,
        (unsigned long long)w->seen.forgotten, (unsigned long long)w->seen.requests,
        (unsigned long long)w->seen.replies, (unsigned long long)w->seen.refusals,
        (unsigned long long)w->seen.late);
}

int main(int argc, char **argv)
{
    uint64_t first = 1, count = 100000, passed = 0, failed = 0;
    struct world *w = calloc(1, sizeof *w);

    if (!w)
        return 2;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);

        if (strcmp(argv[i], "--count") == 0)
            count = number;
        else if (strcmp(argv[i], "--first") == 0)
            first = number;
        else if (strcmp(argv[i], "--seed") == 0) {
            first = number;
            count = 1;
            w->trace = true;
        } else
            return usage();
    }
    if (argc % 2 == 0)
        return usage();
    for (uint64_t seed = first; seed < first + count; seed++) {
        run(w, seed);
        if (w->failed)
            printf("seed %llu: %s\n", (unsigned long long)seed, w->failure);
        failed += w->failed;
        passed += !w->failed;
        if (failed == 20)
            break;
    }
    report(w);
    printf("%llu passed, %llu failed, 0 skipped\n", (unsigned long long)passed,
           (unsigned long long)failed);
    free(w->heap);
    free(w);
    return failed > 0;
}
