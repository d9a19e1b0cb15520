/*
 * What a build or a crash has to say, on the screen.
 *
 * screen.c comes here with the library's news. Complaints keep the form that compilers gave them
 * (file:line:column: error: ...), which editors and terminals know how to follow; colours, a gutter
 * and some air are ours. Of very many only the first are shown, errors before anything else.
 */
#include "screen.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FRAMES_MOST 8

static void add_location(struct paper *p, const sl_diagnostic *d)
{
    if (!d->file[0])
        return;
    paper_colour(p, COLOUR_BOLD);
    paper_add_foreign(p, d->file, 0);
    if (d->line)
        paper_print(p, ":%u", d->line);
    if (d->column)
        paper_print(p, ":%u", d->column);
    paper_print(p, ": ");
    paper_colour(p, COLOUR_NONE);
}

static enum colour colour_of(sl_severity severity)
{
    return severity == SL_DIAGNOSED_ERROR     ? COLOUR_RED
           : severity == SL_DIAGNOSED_WARNING ? COLOUR_YELLOW
                                              : COLOUR_CYAN;
}

static void add_head(struct paper *p, const sl_diagnostic *d)
{
    static const char *const names[] = {[SL_DIAGNOSED_NOTE] = "note",
                                        [SL_DIAGNOSED_WARNING] = "warning",
                                        [SL_DIAGNOSED_ERROR] = "error"};

    paper_print(p, "  ");
    add_location(p, d);
    paper_colour(p, colour_of(d->severity));
    paper_print(p, "%s: ", names[d->severity]);
    paper_colour(p, COLOUR_NONE);
    paper_add_foreign(p, d->message, 0);
    paper_colour(p, COLOUR_QUIET);
    if (d->option[0])
        paper_print(p, " [%s]", d->option);
    paper_colour(p, COLOUR_NONE);
    paper_print(p, "\n");
}

static void add_gutter(struct paper *p, unsigned number)
{
    paper_colour(p, COLOUR_QUIET);
    if (number)
        paper_print(p, "  %6u %s ", number, p->unicode ? "│" : "|");
    else
        paper_print(p, "  %6s %s ", "", p->unicode ? "│" : "|");
    paper_colour(p, COLOUR_NONE);
}

/* Columns beside the gutter. */
static unsigned room_of(const struct paper *p)
{
    return p->columns == 0 ? 0 : p->columns > 40 ? p->columns - 12 : 28;
}

/* The beginning, and what does not fit is left out: marks must stay below what they mark. */
static void add_cut(struct paper *p, const char *text, unsigned from, unsigned room)
{
    unsigned at = 0, width;

    while (*text && (room == 0 || at < from + room)) {
        size_t len = text_step(text, &width);
        char one[8] = "";

        memcpy(one, text, len);
        if (at >= from)
            paper_add_foreign(p, one, 0);
        at += width;
        text += len;
    }
    paper_print(p, "\n");
}

/* Where the excerpt begins, so that what is marked can be seen. */
static unsigned first_column(const sl_diagnostic_line *l, unsigned room)
{
    if (room == 0 || l->to <= room)
        return 0;
    return l->from > room / 3 ? l->from - room / 3 : 0;
}

static void add_line(struct paper *p, const sl_diagnostic *d, const sl_diagnostic_line *l)
{
    unsigned room = room_of(p), from = first_column(l, room);
    const char *label = l->labels;
    char text[1024];

    add_gutter(p, l->number);
    add_cut(p, l->text, from, room);
    if (l->marks[strspn(l->marks, " ")]) {
        add_gutter(p, 0);
        paper_colour(p, colour_of(d->severity));
        add_cut(p, l->marks, from, room);
        paper_colour(p, COLOUR_NONE);
    }
    while (*label) {
        size_t len = strcspn(label, "\n");

        snprintf(text, sizeof text, "%.*s", (int)len, label);
        add_gutter(p, 0);
        paper_colour(p, COLOUR_GREEN);
        add_cut(p, text, from, room);
        paper_colour(p, COLOUR_NONE);
        label += len + (label[len] != '\0');
    }
}

static void add_diagnostic(struct paper *p, const sl_diagnostic *d)
{
    add_head(p, d);
    for (size_t i = 0; i < d->line_count; i++)
        add_line(p, d, &d->lines[i]);
}

/* Those of one severity, with the notes behind them. @return how many there were */
static unsigned add_severity(struct paper *p, const sl_diagnostics *d, sl_severity severity,
                             unsigned most)
{
    unsigned seen = 0;

    for (size_t i = 0; i < d->count; i++) {
        if (d->items[i].severity != severity || seen++ >= most)
            continue;
        add_diagnostic(p, &d->items[i]);
        while (i + 1 < d->count && d->items[i + 1].severity == SL_DIAGNOSED_NOTE)
            add_diagnostic(p, &d->items[++i]);
        paper_print(p, "\n");
    }
    return seen;
}

void paper_diagnostics(struct paper *p, const sl_diagnostics *d, unsigned most)
{
    unsigned errors = add_severity(p, d, SL_DIAGNOSED_ERROR, most), warnings;

    warnings = add_severity(p, d, SL_DIAGNOSED_WARNING, errors < most ? most - errors : 0);
    if (errors + warnings <= most)
        return;
    paper_colour(p, COLOUR_QUIET);
    paper_print(p, "  %s %u more\n\n", p->unicode ? "…" : "...", errors + warnings - most);
    paper_colour(p, COLOUR_NONE);
}

void paper_counts(const sl_diagnostics *d, char *buf, size_t size)
{
    char errors[32] = "", warnings[32] = "";

    if (d->errors)
        snprintf(errors, sizeof errors, "%u error%s", d->errors, d->errors == 1 ? "" : "s");
    if (d->warnings)
        snprintf(warnings, sizeof warnings, "%u warning%s", d->warnings,
                 d->warnings == 1 ? "" : "s");
    snprintf(buf, size, "%s%s%s", errors, errors[0] && warnings[0] ? ", " : "", warnings);
}

/* A line of the report, cut into what is of interest. */
struct frame {
    char function[128], place[512]; /* "": not known */
};

/* "  #0  0x55 hello at /home/me/hello.c:15" */
static bool read_frame(const char *line, size_t len, struct frame *ret)
{
    char text[1024], *function, *place;

    snprintf(text, sizeof text, "%.*s", (int)len, line);
    *ret = (struct frame){"", ""};
    if (strncmp(text, "  #", 3) != 0)
        return false;
    function = strstr(text, " 0x");
    function = function ? strchr(function + 1, ' ') : NULL;
    place = function ? strstr(function, " at ") : NULL;
    if (place) {
        *place = '\0';
        snprintf(ret->function, sizeof ret->function, "%s", function + 1);
        snprintf(ret->place, sizeof ret->place, "%s", place + 4);
    }
    return true;
}

/* Those of Shallot and of the C library are of no interest beside one's own. */
static bool is_own(const struct frame *f)
{
    return f->place[0] && !strstr(f->place, "/sysdeps/") && !strstr(f->place, "/csu/") &&
           !strstr(f->place, "../src/") && !strstr(f->place, "/src/shallot.c");
}

static const char *below_here(const char *path)
{
    char here[4096];
    size_t len;

    if (!getcwd(here, sizeof here))
        return path;
    len = strlen(here);
    return strncmp(path, here, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

static void add_frame(struct paper *p, const struct frame *f)
{
    paper_print(p, "    in ");
    paper_colour(p, COLOUR_BOLD);
    paper_add_foreign(p, f->function, 0);
    paper_print(p, "  ");
    paper_add_foreign(p, below_here(f->place), 0);
    paper_colour(p, COLOUR_NONE);
    paper_print(p, "\n");
}

static void add_report_line(struct paper *p, const char *line, size_t len, enum colour colour)
{
    char text[1024];

    snprintf(text, sizeof text, "%.*s", (int)len, line);
    paper_print(p, "    ");
    paper_colour(p, colour);
    paper_add_foreign(p, text + strspn(text, " "), p->columns > 20 ? p->columns - 6 : p->columns);
    paper_colour(p, COLOUR_NONE);
    paper_print(p, "\n");
}

/* Of the first line, "crash of worker 3 (pid 7): SIGSEGV, address 0x0 is not mapped", the end. */
static void add_reason(struct paper *p, const char *line, size_t len)
{
    const char *comma = memchr(line, ',', len);

    if (!comma)
        return;
    comma += 1 + strspn(comma + 1, " ");
    add_report_line(p, comma, len - (size_t)(comma - line), COLOUR_RED);
}

static bool has_own(const char *report)
{
    struct frame f;

    for (size_t len; *report; report += len + (report[len] != '\0')) {
        len = strcspn(report, "\n");
        if (read_frame(report, len, &f) && is_own(&f))
            return true;
    }
    return false;
}

void paper_crash(struct paper *p, const sl_development_news *n)
{
    bool own = has_own(n->output);
    unsigned frames = 0, at = 0;
    const char *line = n->output;
    struct frame f;

    for (size_t len; *line; line += len + (line[len] != '\0'), at++) {
        len = strcspn(line, "\n");
        if (at == 0)
            add_reason(p, line, len);
        else if (!read_frame(line, len, &f) && !memmem(line, len, "answered for it", 15))
            add_report_line(p, line, len, COLOUR_QUIET);
        else if (f.function[0] && (own ? is_own(&f) : true) && frames++ < FRAMES_MOST)
            add_frame(p, &f);
    }
    if (n->output[0])
        paper_print(p, "\n");
}
