/*
 * shallot status: one look at a running program, as a table.
 */
#include "operate/operate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char status_help[] =
    "shallot status [PROGRAM] [--json] [--socket PATH]\n"
    "\n"
    "Shows the state of a running program and of each of its workers.\n"
    "\n"
    "  --json           one JSON object, for programs\n"
    "  --socket PATH    its control socket, if it is not where they usually are\n"
    "\n"
    "PROGRAM: its name or the PID of its master; not needed if only one runs.\n";

void row_read(char *line, struct row *ret)
{
    char *at = strchr(line, '\t');

    ret->what = line;
    ret->count = 0;
    while (at && ret->count < sizeof ret->pairs / sizeof *ret->pairs) {
        char *name = at + 1, *equals = strchr(name, '=');

        *at = 0;
        at = strchr(name, '\t');
        if (!equals || (at && equals > at))
            continue;
        *equals = 0;
        ret->pairs[ret->count].name = name;
        ret->pairs[ret->count++].value = equals + 1;
    }
    if (at)
        *at = 0;
}

const char *row_text(const struct row *r, const char *name)
{
    for (unsigned i = 0; i < r->count; i++)
        if (strcmp(r->pairs[i].name, name) == 0)
            return r->pairs[i].value;
    return "";
}

double row_number(const struct row *r, const char *name)
{
    return strtod(row_text(r, name), NULL);
}

void short_number(double n, char *buf, size_t size)
{
    static const char units[] = " kMGTP";
    unsigned unit = 0;

    while (n >= 999.5 && unit + 1 < sizeof units - 1) {
        n /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(buf, size, "%.0f", n);
    else
        snprintf(buf, size, n < 9.95 ? "%.1f%c" : "%.0f%c", n, units[unit]);
}

void short_time(double seconds, char *buf, size_t size)
{
    long s = (long)seconds;

    if (s >= 86400)
        snprintf(buf, size, "%ldd %ldh", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        snprintf(buf, size, "%ldh %ldm", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(buf, size, "%ldm %lds", s / 60, s % 60);
    else
        snprintf(buf, size, "%lds", s);
}

static void show_program(const struct row *r)
{
    char uptime[32];

    short_time(row_number(r, "uptime"), uptime, sizeof uptime);
    printf("%s  %s  master %s, up %s, generation %s, %s of %s workers ready, %s restarted\n",
           row_text(r, "name"), row_text(r, "state"), row_text(r, "pid"), uptime,
           row_text(r, "generation"), row_text(r, "ready"), row_text(r, "wanted"),
           row_text(r, "restarts"));
    if (strcmp(row_text(r, "state"), "crashing") == 0)
        printf("the workers die one after the other; next try in %s s\n",
               row_text(r, "respawn_in")[0] ? row_text(r, "respawn_in") : "?");
    printf("%s\n", row_text(r, "executable"));
}

static const char heading[] = "\n  id     pid state     gen  up        conns  busy  requests    "
                              "4xx    5xx     p50 ms   p99 ms p99.9 ms   lag ms   memory\n";

static void show_worker(const struct row *r, bool total)
{
    char uptime[32] = "", requests[16], bad[16], worse[16], memory[16] = "";

    short_number(row_number(r, "requests"), requests, sizeof requests);
    short_number(row_number(r, "4xx"), bad, sizeof bad);
    short_number(row_number(r, "5xx"), worse, sizeof worse);
    if (!total) {
        short_time(row_number(r, "uptime"), uptime, sizeof uptime);
        short_number(row_number(r, "memory"), memory, sizeof memory);
    }
    printf("%4s %7s %-9s %3s  %-8s %6s %5s %9s %6s %6s %10.3f %8.3f %8.3f",
           total ? "all" : row_text(r, "id"), row_text(r, "pid"), row_text(r, "state"),
           row_text(r, "generation"), uptime, row_text(r, "connections"), row_text(r, "in_flight"),
           requests, bad, worse, row_number(r, "p50_ms"), row_number(r, "p99_ms"),
           row_number(r, "p999_ms"));
    if (!total)
        printf(" %8.3f %8s", row_number(r, "lag_ms"), memory);
    putchar('\n');
}

static void show(char *text)
{
    struct row total = {0};
    char *totals = NULL;
    bool headed = false;

    for (char *line = text; *line;) {
        char *next = line + strlen(line) + 1;
        struct row r;

        row_read(line, &r);
        if (strcmp(r.what, "program") == 0) {
            show_program(&r);
        } else if (strcmp(r.what, "listener") == 0) {
            printf("%s\n", row_text(&r, "url"));
        } else if (strcmp(r.what, "total") == 0) {
            total = r;
            totals = r.what;
        } else if (strcmp(r.what, "worker") == 0) {
            if (!headed)
                fputs(heading, stdout);
            headed = true;
            show_worker(&r, false);
        }
        line = next;
    }
    if (totals) {
        if (!headed)
            fputs(heading, stdout);
        show_worker(&total, true);
        if (row_number(&total, "log_dropped") > 0)
            printf("\n%s log lines were lost: nobody took them\n", row_text(&total, "log_dropped"));
    }
}

int status_main(int argc, char **argv)
{
    static const char *const flags[] = {"json", NULL};
    struct talk_options o;
    struct talk t;
    char *text;
    int r = talk_read(argc, argv, 0, 1, flags, &o);

    if (r != 0)
        return r;
    if (o.help) {
        fputs(status_help, stdout);
        return 0;
    }
    if (talk_open(&t, &o, o.words[0]) != 0)
        return 1;
    text = talk_fetch(&t, o.json ? "status json" : "status");
    talk_close(&t);
    if (!text)
        return 1;
    if (o.json)
        puts(text);
    else
        show(text);
    free(text);
    return 0;
}
