/*
 * The live line: state, address, requests, keys; always the last line of the terminal.
 *
 * The other files of the screen put lines on the paper and come here to have them printed. The live
 * line is taken away before and drawn again behind, never longer than the terminal is wide. Without
 * a terminal, or in the background, there are only lines.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "screen_state.h"

#define TICK_NS 100000000

static const struct mark {
    enum colour colour;
    const char *mark, *plain, *word;
} marks[] = {
    [STATE_BUILDING] = {COLOUR_CYAN, "◐", "*", "building"},
    [STATE_SERVING] = {COLOUR_GREEN, "●", "*", "serving"},
    [STATE_BROKEN] = {COLOUR_RED, "●", "!", "broken"},
    [STATE_WAITING] = {COLOUR_YELLOW, "○", "-", "waiting for a change"},
    [STATE_ENDING] = {COLOUR_QUIET, "○", "-", "stopping"},
};

void screen_write(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

/* What takes the live line away: it may have been broken into several by a narrower terminal. */
static void add_erasure(struct screen *s, struct paper *to)
{
    unsigned columns = terminal_columns();
    unsigned rows = s->shown_width > columns && columns > 0 ? (s->shown_width - 1) / columns : 0;

    if (!s->shown)
        return;
    paper_print(to, "\r");
    if (rows)
        paper_print(to, "\033[%uA", rows);
    paper_print(to, "\033[J");
    s->shown = false;
}

static void add_words(const struct screen *s, char *buf, size_t size)
{
    struct timespec t;

    if (s->state == STATE_BUILDING) {
        clock_gettime(CLOCK_MONOTONIC, &t);
        snprintf(buf, size, "building %.1f s",
                 (double)(t.tv_sec - s->since.tv_sec) +
                     (double)(t.tv_nsec - s->since.tv_nsec) / 1e9);
    } else if (s->state == STATE_BROKEN) {
        snprintf(buf, size, "%s%s", s->why, s->serves ? ", the old code serves" : "");
    } else {
        snprintf(buf, size, "%s", marks[s->state].word);
    }
}

/* Adds "  " and the text, if there is room for it. */
static void add_part(struct paper *p, unsigned *left, enum colour colour, const char *text)
{
    unsigned width = text_width(text);

    if (!text[0] || *left < width + 3)
        return;
    paper_print(p, "   ");
    paper_colour(p, colour);
    paper_add_foreign(p, text, 0);
    paper_colour(p, COLOUR_NONE);
    *left -= width + 3;
}

static void add_live_line(struct screen *s, struct paper *p)
{
    const struct mark *m = &marks[s->state];
    unsigned left = p->columns > 5 ? p->columns - 5 : 1, whole = left;
    char words[160], requests[48] = "";

    add_words(s, words, sizeof words);
    paper_print(p, "  ");
    paper_colour(p, m->colour);
    paper_print(p, "%s ", p->unicode ? m->mark : m->plain);
    left -= paper_add_foreign(p, words, left);
    paper_colour(p, COLOUR_NONE);
    if (s->requests)
        snprintf(requests, sizeof requests, "%llu request%s", (unsigned long long)s->requests,
                 s->requests == 1 ? "" : "s");
    if (s->reachable)
        add_part(p, &left, COLOUR_BOLD, s->url);
    add_part(p, &left, COLOUR_NONE, requests);
    add_part(p, &left, COLOUR_QUIET, "r reload  o open  c clear  q quit");
    s->shown_width = 4 + whole - left;
}

/* Prints what has been put on the paper, above the live line. */
void screen_flush(struct screen *s)
{
    struct paper *out = &s->live;

    bool there = s->is_live && terminal_take();

    screen_hear_keys(s, there);
    if (!there) { /* in the background there are only lines */
        if (s->paper.len)
            screen_write(s->paper.text, s->paper.len);
        paper_clear(&s->paper);
        return;
    }
    paper_clear(out);
    paper_print(out, "\033[?25l");
    add_erasure(s, out);
    if (s->paper.len)
        paper_add(out, s->paper.text, s->paper.len);
    paper_clear(&s->paper);
    add_live_line(s, out);
    s->shown = true;
    screen_write(out->text, out->len);
}

void screen_take_live_line_away(struct screen *s)
{
    struct paper *out = &s->live;

    paper_clear(out);
    add_erasure(s, out);
    if (out->len)
        screen_write(out->text, out->len);
}

void screen_tick_while(struct screen *s, bool on)
{
    struct itimerspec t = {.it_value.tv_nsec = on ? TICK_NS : 0,
                           .it_interval.tv_nsec = on ? TICK_NS : 0};

    if (s->timer >= 0)
        timerfd_settime(s->timer, 0, &t, NULL);
}

void screen_set_state(struct screen *s, enum state state)
{
    if (state == STATE_BUILDING)
        clock_gettime(CLOCK_MONOTONIC, &s->since);
    s->state = state;
    screen_tick_while(s, state == STATE_BUILDING || s->held);
}
