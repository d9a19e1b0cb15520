/*
 * The page of an error that nobody handled: what was said, where, and what had gone wrong before
 * that.
 */
#include <stdio.h>

#include "app/ctx.h"
#include "app/error.h"
#include "app/trace.h"
#include "develop/page.h"
#include "develop/show.h"
#include "develop/source.h"
#include "fiber/fiber.h"
#include "http/status.h"
#include "shallot/error.h"
#include "shallot/request.h"

#define AROUND 5u

/* What sl_fail() has kept of this error; NULL for one that came up by its number only. */
static const struct sl__trace *trace_of(const sl_ctx *c, int error)
{
    return c->fail_error == error ? c->trace : NULL;
}

static const char *words_of(const struct sl__trace *t)
{
    return t->message ? t->message : sl__status_text(t->status);
}

static void write_hero(struct sl__html *h, sl_ctx *c, int error)
{
    const char *words = sl__error_words(c, error);
    int status = c->x->response.status;

    sl__html_format(h, "<div class=\"hero\"><span class=\"badge\">%d %s</span>\n<h1>%s</h1>\n",
                    status, sl__status_text(status), words ? words : sl__status_text(status));
    sl__html_format(
        h, "<p class=\"lead\">No layer handled this error of <code>%s %s</code>.</p></div>\n",
        sl_method(c), sl_target(c));
}

/* One call of sl_fail(). */
static void write_raised(struct sl__html *h, const sl_ctx *c, const struct sl__trace *t, bool first)
{
    const struct sl__excerpt e = {.file = t->file,
                                  .line = t->line > 0 ? (unsigned)t->line : 0,
                                  .around = AROUND,
                                  .root = sl__project_root(c->app)};

    if (!t->file && first)
        return;
    sl__html_put(h, first ? "<section><h2>Raised here</h2>\n" : "<section><h2>Because of</h2>\n");
    sl__html_put(h, "<div class=\"card\">");
    if (t->file)
        sl__html_format(
            h,
            "<div class=\"place\"><span class=\"fn\">%s</span><span class=\"at\">%s:<b>%d"
            "</b></span></div>\n",
            t->function ? t->function : "?", t->file, t->line);
    if (!first)
        sl__html_format(h, "<div class=\"say-first\"><span class=\"tag error\">%d</span>%s</div>\n",
                        t->status, words_of(t));
    sl__html_put(h, "<div class=\"scroll\">");
    sl__excerpt_write(h, &e);
    sl__html_put(h, "</div></div></section>\n");
}

static void fact(struct sl__html *h, const char *name, const char *value)
{
    if (value && *value)
        sl__html_format(h, "<div><dt>%s</dt><dd>%s</dd></div>", name, value);
}

static void write_facts(struct sl__html *h, sl_ctx *c, int error)
{
    const char *route = c->x->fiber ? sl__fiber_label(c->x->fiber) : NULL;
    char number[64] = "";

    if (error > -SL_EFAIL)
        snprintf(number, sizeof number, "%d (%s)", error,
                 strerrorname_np(-error) ? strerrorname_np(-error) : "?");
    else if (error != -SL_EFAIL)
        snprintf(number, sizeof number, "%d", error);
    sl__html_put(h, "<section><div class=\"card\"><dl class=\"facts\">");
    fact(h, "Route", c->routes_ran && route ? route : "none ran");
    fact(h, "Error", number);
    fact(h, "Request", sl_id(c));
    fact(h, "Client", sl_remote(c));
    sl__html_put(h, "</dl></div></section>\n");
}

void sl__write_error(struct sl__html *h, sl_ctx *c, int error)
{
    const struct sl__trace *first = trace_of(c, error);
    struct sl__asked asked;

    write_hero(h, c, error);
    for (const struct sl__trace *t = first; t; t = t->before)
        write_raised(h, c, t, t == first);
    write_facts(h, c, error);
    sl__asked_of(c, &asked);
    sl__asked_write(h, &asked);
    if (first)
        sl__page_raw(h, "The stack, as addresses", sl__str_of(sl__trace_text(first, &c->x->arena)));
}
