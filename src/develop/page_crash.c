/*
 * The page of a crash.
 *
 * The master comes here on behalf of a dead worker, when a helper has found names for the
 * addresses; the overlay and the stand-in, with code that did not come up. First the place in the
 * program's own code, as it is what somebody wants to see; then the way to it, libraries folded;
 * then the request, to try again.
 */
#include "develop/pages.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "develop/page.h"
#include "develop/report.h"
#include "develop/request_text.h"
#include "develop/source.h"

#define AROUND_FIRST 6u
#define AROUND 3u

/* The project's folder, resolved: files of the program lie below it. */
struct place {
    const char *root;
    char resolved[PATH_MAX];
};

static void find_place(struct place *p, const char *root)
{
    p->root = root ? root : ".";
    if (!realpath(p->root, p->resolved))
        p->resolved[0] = '\0';
}

/* The file's name in the project, shorter for the eye; NULL: it lies elsewhere. */
static const char *own_name(const struct place *p, const char *file)
{
    size_t len = strlen(p->resolved);
    char path[PATH_MAX];

    if (*file != '/') {
        if (snprintf(path, sizeof path, "%s/%s", p->root, file) >= (int)sizeof path)
            return NULL;
        return access(path, R_OK) == 0 ? file : NULL;
    }
    if (len == 0 || strncmp(file, p->resolved, len) != 0 || file[len] != '/')
        return NULL;
    return file + len + 1;
}

static char *copy_of(struct sl__str s, char buf[PATH_MAX])
{
    size_t n = s.len < PATH_MAX - 1 ? s.len : PATH_MAX - 1;

    if (n > 0)
        memcpy(buf, s.ptr, n);
    buf[n] = '\0';
    return buf;
}

static bool is_own(const struct place *p, const struct sl__report_frame *f)
{
    char file[PATH_MAX];

    return f->file.len > 0 && f->line > 0 && own_name(p, copy_of(f->file, file));
}

static void write_name(struct sl__html *h, const struct place *p, const struct sl__report_frame *f)
{
    char file[PATH_MAX];
    const char *own = own_name(p, copy_of(f->file, file));

    sl__html_put(h, "<span class=\"fn\">");
    sl__html_text(h, f->function.len > 0 ? f->function : SL__STR("?"));
    sl__html_put(h, "</span>");
    if (f->file.len > 0 && f->line > 0)
        sl__html_format(h, "<span class=\"at\">%s:<b>%u</b></span>", own ? own : file, f->line);
    else if (f->module.len > 0)
        sl__html_format(h, "<span class=\"at\">%.*s</span>", (int)f->module.len, f->module.ptr);
    if (f->note.len > 0)
        sl__html_format(h, " <span class=\"tag\">%.*s</span>", (int)f->note.len, f->note.ptr);
}

static bool write_code(struct sl__html *h, const struct place *p, const struct sl__report_frame *f,
                       unsigned around)
{
    char file[PATH_MAX];
    const struct sl__excerpt e = {.file = copy_of(f->file, file),
                                  .line = f->line,
                                  .column = f->column,
                                  .around = around,
                                  .root = p->root};
    bool there;

    sl__html_put(h, "<div class=\"scroll\">");
    there = sl__excerpt_write(h, &e);
    if (!there)
        sl__html_put(h, "<p class=\"body muted\">The source is not where it was.</p>");
    sl__html_put(h, "</div>");
    return there;
}

static void write_frame(struct sl__html *h, const struct place *p, const struct sl__report_frame *f)
{
    bool own = is_own(p, f);

    sl__html_put(h, "<li>");
    if (own)
        sl__html_put(h, "<details><summary class=\"place\">");
    else
        sl__html_put(h, "<div class=\"place plain\">");
    sl__html_format(h, "<span class=\"nr\">%u</span>", f->number);
    write_name(h, p, f);
    if (own) {
        sl__html_put(h, "</summary>");
        write_code(h, p, f, AROUND);
        sl__html_put(h, "</details></li>\n");
    } else {
        sl__html_put(h, "</div></li>\n");
    }
}

/* Frames of libraries, one after the other. */
static void write_folded(struct sl__html *h, const struct place *p,
                         const struct sl__report_frame *f, unsigned count)
{
    sl__html_format(h,
                    "<li><details class=\"fold-lines\"><summary>%u frame%s of libraries</summary>"
                    "<ol class=\"frames\">\n",
                    count, count == 1 ? "" : "s");
    for (unsigned i = 0; i < count; i++)
        write_frame(h, p, &f[i]);
    sl__html_put(h, "</ol></details></li>\n");
}

static void write_frames(struct sl__html *h, const struct place *p,
                         const struct sl__report_frame *f, unsigned count)
{
    sl__html_put(h, "<div class=\"card\"><ol class=\"frames\">\n");
    for (unsigned i = 0; i < count;) {
        unsigned n = 0;

        while (i + n < count && !is_own(p, &f[i + n]))
            n++;
        if (n > 0)
            write_folded(h, p, f + i, n);
        else
            write_frame(h, p, &f[i]), n = 1;
        i += n;
    }
    sl__html_put(h, "</ol></div>\n");
}

/* The innermost one in the program's own code; NULL if none is. */
static const struct sl__report_frame *own_frame(const struct place *p, const struct sl__report *r,
                                                const struct sl__report_stack *s)
{
    for (unsigned i = 0; i < s->count; i++)
        if (is_own(p, &r->frames[s->first + i]))
            return &r->frames[s->first + i];
    return NULL;
}

static void write_spot(struct sl__html *h, const struct place *p, const struct sl__report_frame *f)
{
    sl__html_put(h, "<div class=\"card\"><div class=\"place\">");
    write_name(h, p, f);
    sl__html_put(h, "</div>");
    write_code(h, p, f, AROUND_FIRST);
    sl__html_put(h, "</div>\n");
}

static void write_stack(struct sl__html *h, const struct place *p, const struct sl__report *r,
                        unsigned nth)
{
    const struct sl__report_stack *s = &r->stacks[nth];
    const struct sl__report_frame *own = own_frame(p, r, s);

    if (s->count == 0)
        return;
    sl__html_put(h, "<section><h2>");
    if (s->heading.len > 0)
        sl__html_text(h, s->heading);
    else
        sl__html_put(h, "Where it happened");
    sl__html_put(h, "</h2>\n");
    if (own)
        write_spot(h, p, own);
    write_frames(h, p, &r->frames[s->first], s->count);
    sl__html_put(h, "</section>\n");
}

static const char *badge_of(const struct sl__crash_told *c, const struct sl__report *r)
{
    if (r->sanitizer)
        return "Sanitizer";
    if (c->scene == SL__CRASH_KEPT)
        return "The new code did not start; the old one serves on";
    return c->scene == SL__CRASH_AT_START ? "The program does not start" : "Crash";
}

static void write_hero(struct sl__html *h, const struct sl__crash_told *c, const struct place *p,
                       const struct sl__report *r)
{
    const struct sl__report_frame *own = NULL;

    for (unsigned i = 0; i < r->stack_count && !own; i++)
        own = own_frame(p, r, &r->stacks[i]);
    sl__html_format(h, "<div class=\"hero\"><span class=\"badge\">%s</span>\n<h1>", badge_of(c, r));
    if (r->title.len > 0)
        sl__html_text(h, r->title);
    else
        sl__html_format(h, "%s", c->why ? c->why : "The program has ended");
    if (own && own->function.len > 0)
        sl__html_format(h, " in <code>%.*s</code>", (int)own->function.len, own->function.ptr);
    sl__html_put(h, "</h1>\n");
    if (r->title.len > 0 && c->why)
        sl__html_format(h, "<p class=\"lead\">%s</p>\n", c->why);
    else if (r->located.len > 0)
        sl__html_format(h, "<p class=\"lead\">%.*s</p>\n", (int)r->located.len, r->located.ptr);
    else if (r->about.len > 0)
        sl__html_format(h, "<p class=\"lead\">%.*s</p>\n", (int)r->about.len, r->about.ptr);
    sl__html_put(h, "</div>\n");
}

static void write_foot(struct sl__html *h, const struct sl__crash_told *c,
                       const struct sl__report *r)
{
    sl__html_put(h, "<div class=\"foot\">");
    if (c->page.from || c->page.piece)
        sl__html_put(h, "<span class=\"wait\">Waiting for the next save</span>");
    if (r->number)
        sl__html_format(h, "<span>Kept as <code>shallot crashes %llu</code></span>",
                        (unsigned long long)r->number);
    sl__html_put(h, "</div>\n");
}

static void write_inside(struct sl__html *h, const struct sl__crash_told *c, const struct place *p,
                         const struct sl__report *r)
{
    struct sl__asked asked;

    sl__asked_parse(c->head, &asked);
    write_hero(h, c, p, r);
    for (unsigned i = 0; i < r->stack_count; i++)
        write_stack(h, p, r, i);
    if (c->output.len > 0) {
        sl__html_put(h, "<section><h2>The last that it said</h2>\n<div class=\"card\">"
                        "<pre class=\"raw\" tabindex=\"0\">");
        sl__html_text(h, c->output);
        sl__html_put(h, "</pre></div></section>\n");
    }
    sl__asked_write(h, &asked);
    sl__page_raw(h, "The whole report", c->report);
    write_foot(h, c, r);
}

void sl__page_of_crash(struct sl__html *h, const struct sl__crash_told *c)
{
    struct sl__report *r = malloc(sizeof *r);
    struct sl__page page = {
        .title = "Crash", .name = c->page.name, .from = c->page.from, .number = c->page.number};
    struct place p;

    if (!r) {
        h->failed = true;
        return;
    }
    find_place(&p, c->page.root);
    sl__report_parse(c->report, r);
    if (!c->page.piece)
        sl__page_begin(h, &page);
    write_inside(h, c, &p, r);
    if (!c->page.piece)
        sl__page_end(h, &page);
    free(r);
}
