/*
 * The report: a table that can be read while it grows, or one JSON text at the end of each line of
 * it.
 */
#include "cli.h"
#include "verify.h"

#include <stdio.h>
#include <unistd.h>

static const char *paint(const char *colour)
{
    return say_in_colour(STDOUT_FILENO) ? colour : "";
}

static void put_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < ' ')
            printf("\\u%04x", (unsigned)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static const char *verdict(const struct result *r)
{
    return r->skipped ? "skipped" : r->why[0] ? "failed" : "ok";
}

static void line_json(const struct scenario *s, const struct result *r)
{
    const struct tally *y = &r->tally;

    printf("    {\"name\": \"%s\", \"verdict\": \"%s\", \"why\": ", s->name, verdict(r));
    put_text(r->why);
    fputs(", \"note\": ", stdout);
    put_text(r->note);
    printf(
        ",\n     \"requests\": %lu, \"answered\": %lu, \"lost\": %lu, \"in_flight_at_fault\": %lu, "
        "\"lost_elsewhere\": %lu, \"reset\": %lu, \"keep_alive_races\": %lu, \"hung\": %lu, "
        "\"refused\": %lu, \"5xx\": %lu, \"503\": %lu, \"wrong\": %lu, \"gap_ms\": %.1f, "
        "\"p50_ms\": %.2f, \"p99_ms\": %.2f, \"p999_ms\": %.2f}",
        y->requests, y->answered, y->lost, y->flagged, y->lost - y->excused, y->reset, y->races,
        y->hung, y->refused, y->errors, y->busy, y->wrong, (double)y->gap / 1e6,
        (double)tally_percentile(y, 0.5) / 1e6, (double)tally_percentile(y, 0.99) / 1e6,
        (double)tally_percentile(y, 0.999) / 1e6);
}

static void line_text(const struct scenario *s, const struct result *r)
{
    const struct tally *y = &r->tally;

    if (r->skipped) {
        printf("  %s%-9s skipped: %s%s\n", paint("\033[2m"), s->name, r->note, paint("\033[0m"));
        return;
    }
    printf("  %-9s %8lu %6lu %6lu %6lu %8lu %8.1f %8.1f  %s%s%s%s%s\n", s->name, y->requests,
           y->lost, y->reset, y->errors, y->refused, (double)y->gap / 1e6,
           (double)tally_percentile(y, 0.99) / 1e6, paint(r->why[0] ? "\033[31m" : "\033[32m"),
           r->why[0] ? "FAILED" : "ok", paint("\033[0m"), r->note[0] ? "  " : "", r->note);
    if (r->why[0])
        printf("  %9s %s\n", "", r->why);
}

void report_head(const struct verify *v)
{
    const struct verify_options *o = &v->options;

    if (o->json) {
        fputs("{\"program\": ", stdout);
        put_text(v->app.original);
        printf(", \"workers\": %u, \"rate\": %u, \"path\": ", o->workers, o->rate);
        put_text(o->path);
        fputs(",\n \"scenarios\": [", stdout);
        return;
    }
    printf("%s: %u worker%s, %u requests a second for %s, half of them on new connections\n\n",
           v->app.original, o->workers, o->workers == 1 ? "" : "s", o->rate, o->path);
    printf("  %-9s %8s %6s %6s %6s %8s %8s %8s\n", "scenario", "requests", "lost", "reset", "5xx",
           "refused", "gap ms", "p99 ms");
    fflush(stdout);
}

void report_line(const struct verify *v, const struct scenario *s, const struct result *r)
{
    if (!v->options.json)
        line_text(s, r);
    else {
        fputs(v->reported ? ",\n" : "\n", stdout);
        line_json(s, r);
    }
    fflush(stdout);
}

void report_end(const struct verify *v, unsigned failed, unsigned run)
{
    if (v->options.json)
        printf("\n ],\n \"passed\": %u, \"failed\": %u}\n", run - failed, failed);
    else if (failed)
        printf("\n%u of %u do not hold\n", failed, run);
    else
        printf("\nall %u hold\n", run);
}
