/*
 * The page of a failed build: what the compiler said, beside the source as it is now.
 *
 * Errors come first, warnings are folded behind them; a note stands under what it belongs to. Who
 * does not trust our reading of it finds the compiler's words as they came at the end.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "develop/page.h"
#include "develop/pages.h"
#include "develop/source.h"
#include "shallot/develop.h"

#define AROUND 4u
#define SHOWN_MAX 40u /* complaints of one kind with their source; more are counted */

static unsigned width_of(const sl_diagnostic *d)
{
    for (size_t i = 0; i < d->line_count; i++)
        if (d->lines[i].number == d->line && d->lines[i].to > d->lines[i].from)
            return d->lines[i].to - d->lines[i].from;
    return 1;
}

/* As the compiler showed it, where the file is not to be had. */
static void write_quoted(struct sl__html *h, const sl_diagnostic *d)
{
    if (d->line_count == 0)
        return;
    sl__html_put(h, "<table class=\"code\" role=\"presentation\"><tbody>\n");
    for (size_t i = 0; i < d->line_count; i++) {
        bool here = d->lines[i].number == d->line;

        sl__html_put(h, here ? "<tr class=\"here\"><td>" : "<tr><td>");
        if (d->lines[i].number)
            sl__html_format(h, "%u", d->lines[i].number);
        sl__html_put(h, "</td><td><pre>");
        sl__c_line_write(h, sl__str_of(d->lines[i].text), SL__C_PLAIN);
        sl__html_put(h, "\n</pre></td></tr>\n");
        if (*d->lines[i].marks)
            sl__html_format(h, "<tr class=\"point\"><td></td><td><pre><b>%s</b></pre></td></tr>\n",
                            d->lines[i].marks);
    }
    sl__html_put(h, "</tbody></table>\n");
}

static void write_source(struct sl__html *h, const sl_diagnostic *d, const char *root)
{
    const struct sl__excerpt e = {.file = d->file,
                                  .line = d->line,
                                  .column = d->column,
                                  .width = width_of(d),
                                  .around = d->severity == SL_DIAGNOSED_NOTE ? 1 : AROUND,
                                  .root = root};

    sl__html_put(h, "<div class=\"scroll\">");
    if (!*d->file || d->line == 0 || !sl__excerpt_write(h, &e))
        write_quoted(h, d);
    sl__html_put(h, "</div>");
}

static const char *tag_of(const sl_diagnostic *d)
{
    return d->severity == SL_DIAGNOSED_ERROR     ? "error"
           : d->severity == SL_DIAGNOSED_WARNING ? "warning"
                                                 : "note";
}

/* Names below the project's folder are shorter without it. */
static const char *short_name(const char *file, const char *root)
{
    size_t len = strlen(root);

    return len > 1 && strncmp(file, root, len) == 0 && file[len] == '/' ? file + len + 1 : file;
}

static void write_complaint(struct sl__html *h, const sl_diagnostic *d, const char *root)
{
    sl__html_format(h, "<div class=\"complaint %s\"><div class=\"say-first\">", tag_of(d));
    sl__html_format(h, "<span class=\"tag %s\">%s</span>%s", tag_of(d), tag_of(d), d->message);
    if (*d->option)
        sl__html_format(h, " <code class=\"muted\">%s</code>", d->option);
    sl__html_put(h, "</div>");
    if (*d->file) {
        sl__html_put(h, "<div class=\"place\">");
        if (*d->function)
            sl__html_format(h, "<span class=\"fn\">%s</span>", d->function);
        sl__html_format(h, "<span class=\"at\">%s", short_name(d->file, root));
        if (d->line)
            sl__html_format(h, ":<b>%u</b>", d->line);
        sl__html_put(h, "</span>");
        if (*d->via)
            sl__html_format(h, "<span class=\"at\">through %s</span>", d->via);
        sl__html_put(h, "</div>");
    }
    write_source(h, d, root);
    sl__html_put(h, "</div>\n");
}

/* All of one severity, each with its notes in one card. */
static void write_all(struct sl__html *h, const sl_diagnostics *all, sl_severity severity,
                      const char *root)
{
    unsigned shown = 0, left = 0;

    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].severity != severity)
            continue;
        if (shown++ >= SHOWN_MAX) {
            left++;
            continue;
        }
        sl__html_put(h, "<div class=\"card\">");
        write_complaint(h, &all->items[i], root);
        while (i + 1 < all->count && all->items[i + 1].severity == SL_DIAGNOSED_NOTE)
            write_complaint(h, &all->items[++i], root);
        sl__html_put(h, "</div>\n");
    }
    if (left)
        sl__html_format(
            h, "<p class=\"muted\">and %u more, in the compiler\xe2\x80\x99s words below</p>\n",
            left);
}

static void write_title(struct sl__html *h, const sl_diagnostics *all)
{
    const sl_diagnostic *first = NULL;

    for (size_t i = 0; all && i < all->count && !first; i++)
        if (all->items[i].severity == SL_DIAGNOSED_ERROR)
            first = &all->items[i];
    if (first)
        sl__html_format(h, "<h1>%s</h1>\n", first->message);
    else
        sl__html_put(h, "<h1>The build failed</h1>\n");
}

static void write_hero(struct sl__html *h, const struct sl__build_told *b,
                       const sl_diagnostics *all)
{
    unsigned errors = all ? all->errors : 0;
    char seconds[32];

    sl__html_put(h, "<div class=\"hero\"><span class=\"badge\">Build failed</span>\n");
    write_title(h, all);
    sl__html_put(h, "<p class=\"lead\">");
    if (errors)
        sl__html_format(h, "%u error%s", errors, errors == 1 ? "" : "s");
    else if (b->signal)
        sl__html_format(h, "Ended by SIG%s",
                        sigabbrev_np(b->signal) ? sigabbrev_np(b->signal) : "?");
    else
        sl__html_format(h, "Exit status %d", b->status);
    if (all && all->warnings)
        sl__html_format(h, ", %u warning%s", all->warnings, all->warnings == 1 ? "" : "s");
    snprintf(seconds, sizeof seconds, "%.2f", (double)b->ms / 1000);
    if (b->ms > 0)
        sl__html_format(h, " after %s s", seconds);
    sl__html_put(h, ".</p></div>\n");
}

static void write_inside(struct sl__html *h, const struct sl__build_told *b,
                         const sl_diagnostics *all)
{
    const char *root = b->page.root ? b->page.root : ".";

    write_hero(h, b, all);
    if (all && all->errors) {
        sl__html_put(h, "<section>\n");
        write_all(h, all, SL_DIAGNOSED_ERROR, root);
        sl__html_put(h, "</section>\n");
    }
    if (all && all->warnings) {
        sl__html_format(h, "<section><h2>Warnings <small>%u</small></h2>\n", all->warnings);
        write_all(h, all, SL_DIAGNOSED_WARNING, root);
        sl__html_put(h, "</section>\n");
    }
    if ((!all || !all->errors) && b->output.len > 0) {
        sl__html_put(h, "<section><div class=\"card\"><pre class=\"raw\" tabindex=\"0\">");
        sl__html_text(h, b->output);
        sl__html_put(h, "</pre></div></section>\n");
    } else {
        sl__html_put(h, "<section>\n");
        sl__page_raw(h, "The compiler\xe2\x80\x99s words", b->output);
        sl__html_put(h, "</section>\n");
    }
    if (b->command) {
        sl__html_put(h, "<section><h2>Build again</h2>\n<div class=\"card\">");
        sl__page_command(h, "build-command", sl__str_of(b->command));
        sl__html_put(h, "</div></section>\n");
    }
    sl__html_put(h, "<div class=\"foot\"><span class=\"wait\">Waiting for the next save</span>"
                    "</div>\n");
}

void sl__page_of_build(struct sl__html *h, const struct sl__build_told *b)
{
    struct sl__page page = {.title = "Build failed",
                            .name = b->page.name,
                            .from = b->page.from,
                            .number = b->page.number};
    char *output = strndup(b->output.len > 0 ? b->output.ptr : "", b->output.len);
    sl_diagnostics *all = output ? sl_diagnostics_new(output) : NULL;

    if (!b->page.piece)
        sl__page_begin(h, &page);
    write_inside(h, b, all);
    if (!b->page.piece)
        sl__page_end(h, &page);
    sl_diagnostics_free(all);
    free(output);
}
