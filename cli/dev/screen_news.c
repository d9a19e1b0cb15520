/*
 * Lines about what happens: the library's news, one by one.
 *
 * sl_develop() comes in from its loop; out go lines on the paper, and a state for the live line.
 */
#include "cli.h"
#include "screen_state.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COMPLAINTS_MOST 10
#define REST_MOST 12      /* lines of a failed build that are no complaints */
#define REST_GOOD 4       /* and of a good one */
#define LINES_A_SECOND 60 /* requests; more are counted */

void screen_line(struct screen *s, enum colour colour, const char *word, const char *fmt, ...)
{
    char text[2 * PATH_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    paper_begin(&s->paper, (int64_t)time(NULL), colour, word);
    paper_add_foreign(&s->paper, text, 0);
    paper_print(&s->paper, "\n");
}

void screen_add_held(struct screen *s)
{
    if (s->held == 0)
        return;
    paper_begin(&s->paper, s->second, COLOUR_QUIET, s->paper.unicode ? "…" : "...");
    paper_print(&s->paper, "%u more request%s\n", s->held, s->held == 1 ? "" : "s");
    s->held = 0;
}

static void request(struct screen *s, const sl_development_news *n)
{
    int64_t clock = (int64_t)time(NULL);

    if (strncmp(n->path, "/_shallot", 9) == 0 && n->status < 500)
        return; /* the pages that help, helping themselves */
    s->requests++;
    if (clock != s->second) {
        screen_add_held(s);
        s->second = (time_t)clock;
        s->lines = 0;
    }
    if (!s->is_live || s->lines++ < LINES_A_SECOND)
        paper_request(&s->paper, clock, n);
    else if (s->held++ == 0)
        screen_tick_while(s, true);
}

/* The lines of a build that are no complaints: hints of ours as such, others if there are few or
 * nothing else says what is wrong. */
static void add_rest(struct screen *s, const char *rest, unsigned most)
{
    unsigned lines = 0, at = 0;

    for (const char *c = rest; *c; c++)
        lines += *c == '\n';
    for (size_t len; *rest; rest += len + (rest[len] != '\0'), at++) {
        len = strcspn(rest, "\n");
        if (strncmp(rest, "shallot: ", 9) == 0) {
            paper_begin(&s->paper, (int64_t)time(NULL), COLOUR_YELLOW, "hint");
            paper_add_output(&s->paper, rest + 9, len - 9);
        } else if (at + most >= lines) {
            paper_print(&s->paper, "  ");
            paper_add_output(&s->paper, rest, len);
        } else {
            continue;
        }
        paper_print(&s->paper, "\n");
    }
}

static void built(struct screen *s, const sl_development_news *n)
{
    sl_diagnostics *d = sl_diagnostics_new(n->output);
    bool good = n->event == SL_DEV_BUILT;
    char counts[80] = "", took[32];

    if (d)
        paper_counts(d, counts, sizeof counts);
    paper_time(n->ns, took, sizeof took);
    snprintf(s->why, sizeof s->why, "build failed");
    if (d && d->errors)
        snprintf(s->why, sizeof s->why, "%u error%s", d->errors, d->errors == 1 ? "" : "s");
    screen_set_state(s, !good ? STATE_BROKEN : s->serves ? STATE_SERVING : STATE_BUILDING);
    if (good)
        screen_line(s, COLOUR_GREEN, "built", "in %s%s%s", took, counts[0] ? ", " : "", counts);
    else if (n->signal)
        screen_line(s, COLOUR_RED, "failed", "the build was ended by SIG%s after %s",
                    sigabbrev_np(n->signal) ? sigabbrev_np(n->signal) : "?", took);
    else
        screen_line(s, COLOUR_RED, "failed",
                    counts[0] ? "build failed after %s: %s"
                              : "build failed after %s: %sexit code %d",
                    took, counts, n->status);
    if (!d)
        return;
    if (d->count)
        paper_print(&s->paper, "\n");
    paper_diagnostics(&s->paper, d, COMPLAINTS_MOST);
    add_rest(s, d->rest, good ? REST_GOOD : d->errors ? 0 : REST_MOST);
    sl_diagnostics_free(d);
}

void screen_open_browser(struct screen *s)
{
    char why[PATH_SIZE];

    if (!s->url[0])
        screen_line(s, COLOUR_YELLOW, "browser", "nothing serves yet");
    else if (browser_open(s->url, why, sizeof why) != 0)
        screen_line(s, COLOUR_YELLOW, "browser", "%s", why);
    else
        screen_line(s, COLOUR_QUIET, "browser", "opens %s", s->url);
    s->open = false;
}

/* A program that listens everywhere is not called so by browsers. */
static void take_url(struct screen *s, const sl_development_news *n)
{
    static const char everywhere[] = "http://0.0.0.0:";

    if (strncmp(n->url, everywhere, sizeof everywhere - 1) == 0)
        snprintf(s->url, sizeof s->url, "http://localhost:%s", n->url + sizeof everywhere - 1);
    else
        snprintf(s->url, sizeof s->url, "%s", n->url);
}

static void listening(struct screen *s, const sl_development_news *n)
{
    s->serves = s->reachable = true;
    screen_set_state(s, STATE_SERVING);
    screen_line(s, COLOUR_GREEN, "listening", "on %s", n->url);
    if (n->index == 0)
        take_url(s, n);
    if (s->open && n->index == 0)
        screen_open_browser(s);
}

static void swapped(struct screen *s, const sl_development_news *n)
{
    char took[32];

    s->serves = s->reachable = true;
    screen_set_state(s, STATE_SERVING);
    paper_time(n->ns, took, sizeof took);
    if (n->ns)
        screen_line(s, COLOUR_GREEN, "swapped", "the new code serves, %s after the save", took);
    else
        screen_line(s, COLOUR_GREEN, "swapped", "the new code serves");
}

static void crashed(struct screen *s, const sl_development_news *n)
{
    snprintf(s->why, sizeof s->why, "crashed");
    if (!n->worker || n->then == SL_DEV_THEN_WAITS) {
        s->serves = s->reachable = false;
        screen_set_state(s, STATE_BROKEN);
    }
    screen_line(s, COLOUR_RED, "crashed", "%s", n->text);
    paper_crash(&s->paper, n);
}

/* Its address, if there is one, shows what is wrong. */
static void waiting(struct screen *s, const sl_development_news *n)
{
    s->serves = false;
    s->reachable = n->url[0] != '\0';
    if (n->url[0])
        take_url(s, n);
    screen_set_state(s, s->state == STATE_BROKEN ? STATE_BROKEN : STATE_WAITING);
    screen_line(s, COLOUR_YELLOW, "waiting", "for changes in %s%s%s%s", n->file,
                n->url[0] ? "; " : "", n->url, n->url[0] ? " shows what is wrong" : "");
    if (s->open && n->url[0])
        screen_open_browser(s);
}

static void say(struct screen *s, const sl_development_news *n)
{
    switch (n->event) {
    case SL_DEV_CHANGED:
        screen_line(s, COLOUR_CYAN, "changed", n->more ? "%s and %u more" : "%s", n->file, n->more);
        break;
    case SL_DEV_BUILDING:
        screen_set_state(s, STATE_BUILDING);
        break;
    case SL_DEV_BUILT:
    case SL_DEV_FAILED:
        built(s, n);
        break;
    case SL_DEV_WAITING:
        waiting(s, n);
        break;
    case SL_DEV_LISTENING:
        listening(s, n);
        break;
    case SL_DEV_SWAPPED:
        swapped(s, n);
        break;
    case SL_DEV_KEPT:
        snprintf(s->why, sizeof s->why, "the new code did not come up");
        screen_set_state(s, STATE_BROKEN);
        screen_line(s, COLOUR_RED, "kept", "%s", n->text);
        break;
    case SL_DEV_CRASHED:
        crashed(s, n);
        break;
    case SL_DEV_REQUEST:
        request(s, n);
        break;
    case SL_DEV_STOPPED:
        screen_line(s, COLOUR_RED, "stopped", "%s", n->text);
        break;
    case SL_DEV_TROUBLE:
        screen_line(s, COLOUR_RED, "trouble", "%s", n->text);
        break;
    }
}

void screen_news(struct screen *s, const sl_development_news *n)
{
    say(s, n);
    screen_flush(s);
}
