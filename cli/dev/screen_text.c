/*
 * Lines of the screen, as text: columns, colours, what fits. Pure.
 *
 * screen.c and screen_words.c come here with what there is to say and write out what has been put
 * together. Without a terminal nothing is cut and there is no control octet; texts of others,
 * paths above all, cannot bring any in.
 */
#include "screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATH_COLUMNS 24u     /* the least a path is given, */
#define PATH_COLUMNS_MAX 56u /* and the most: the status should not be far away */
#define NARROW 64u           /* below it the worker is left out */
#define VERY_NARROW 48u      /* below it the clock, too */

void paper_free(struct paper *p)
{
    free(p->text);
    p->text = NULL;
    p->len = p->size = 0;
}

void paper_clear(struct paper *p)
{
    p->len = 0;
    if (p->text)
        p->text[0] = '\0';
}

/* Text that does not fit into memory is lost. */
void paper_add(struct paper *p, const char *text, size_t len)
{
    char *more;

    if (p->size - p->len <= len) {
        more = realloc(p->text, 2 * p->size + len + 256);
        if (!more)
            return;
        p->text = more;
        p->size = 2 * p->size + len + 256;
    }
    memcpy(p->text + p->len, text, len);
    p->len += len;
    p->text[p->len] = '\0';
}

static void add_text(struct paper *p, const char *text)
{
    paper_add(p, text, strlen(text));
}

void paper_print(struct paper *p, const char *fmt, ...)
{
    char text[8192];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n > 0)
        paper_add(p, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void paper_colour(struct paper *p, enum colour colour)
{
    static const char *const codes[] = {
        [COLOUR_NONE] = "\033[0m",   [COLOUR_BOLD] = "\033[1m",  [COLOUR_QUIET] = "\033[2m",
        [COLOUR_GREEN] = "\033[32m", [COLOUR_CYAN] = "\033[36m", [COLOUR_YELLOW] = "\033[33m",
        [COLOUR_RED] = "\033[31m",
    };

    if (p->colours)
        add_text(p, codes[colour]);
}

/* Two columns: East Asian wide characters and pictures; none: what is set upon the one before. */
static unsigned width_of(uint32_t c)
{
    if ((c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) ||
        (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0x20d0 && c <= 0x20ff))
        return 0;
    if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf && c != 0x303f) ||
        (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
        (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
        (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) ||
        (c >= 0x20000 && c <= 0x3fffd))
        return 2;
    return 1;
}

/* @return octets of the character, 0 if it is none */
static size_t decode(const char *text, uint32_t *ret)
{
    const unsigned char *u = (const unsigned char *)text;
    size_t len = u[0] < 0x80   ? 1
                 : u[0] < 0xc2 ? 0
                 : u[0] < 0xe0 ? 2
                 : u[0] < 0xf0 ? 3
                 : u[0] < 0xf5 ? 4
                               : 0;

    *ret = len < 2 ? u[0] : u[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        *ret = *ret << 6 | (u[i] & 0x3f);
    }
    if ((len == 3 && *ret < 0x800) || (len == 4 && (*ret < 0x10000 || *ret > 0x10ffff)) ||
        (*ret >= 0xd800 && *ret < 0xe000))
        return 0;
    return len;
}

/* C0, DEL and C1: what a terminal might act upon. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

size_t text_step(const char *text, unsigned *ret_width)
{
    uint32_t c;
    size_t len = decode(text, &c);

    *ret_width = len == 0 || is_control(c) ? 1 : width_of(c);
    return len ? len : 1;
}

unsigned text_width(const char *text)
{
    unsigned total = 0, width;

    while (*text) {
        text += text_step(text, &width);
        total += width;
    }
    return total;
}

/* Up to @p room columns of it. @return columns */
static unsigned add_some(struct paper *p, const char *text, unsigned room)
{
    unsigned total = 0, width;
    uint32_t c;

    while (*text) {
        size_t len = text_step(text, &width);

        if (total + width > room)
            break;
        if (decode(text, &c) == 0 || is_control(c))
            add_text(p, "?");
        else
            paper_add(p, text, len);
        text += len;
        total += width;
    }
    return total;
}

/* Where the last @p room columns of @p text begin. */
static const char *tail(const char *text, unsigned room)
{
    unsigned total = text_width(text), width;

    while (total > room) {
        text += text_step(text, &width);
        total -= width;
    }
    return text;
}

unsigned paper_add_foreign(struct paper *p, const char *text, unsigned room)
{
    const char *dots = p->unicode ? "…" : "...";
    unsigned gap = p->unicode ? 1 : 3, taken;

    if (room == 0 || text_width(text) <= room)
        return add_some(p, text, UINT32_MAX);
    if (room <= gap + 2)
        return add_some(p, text, room);
    taken = add_some(p, text, (room - gap) / 2);
    add_text(p, dots);
    return taken + gap + add_some(p, tail(text, room - gap - taken), room);
}

/* Octets of the sequence at @p s that only changes colours; 0: it is another one. */
static size_t colour_length(const char *s, size_t len)
{
    size_t n = 2;

    if (len < 3 || s[1] != '[')
        return 0;
    while (n < len && ((s[n] >= '0' && s[n] <= '9') || s[n] == ';' || s[n] == ':'))
        n++;
    return n < len && s[n] == 'm' ? n + 1 : 0;
}

/* Octets of any other escape sequence, which is left out. */
static size_t escape_length(const char *s, size_t len)
{
    size_t n = 2;

    if (len < 2)
        return len;
    if (s[1] == '[')
        while (n < len && (s[n] < 0x40 || s[n] > 0x7e))
            n++;
    else if (s[1] == ']')
        while (n < len && s[n] != '\a' && s[n] != '\033')
            n++;
    else
        return 2;
    return n < len ? n + 1 : n;
}

void paper_add_output(struct paper *p, const char *text, size_t len)
{
    bool coloured = false;

    for (size_t i = 0; i < len;) {
        size_t n = text[i] == '\033' ? colour_length(text + i, len - i) : 0;

        if (n > 0) {
            if (p->colours)
                paper_add(p, text + i, n);
            coloured = true;
            i += n;
        } else if (text[i] == '\033') {
            i += escape_length(text + i, len - i);
        } else {
            if (text[i] == '\t' || (unsigned char)text[i] >= 0x20)
                paper_add(p, text + i, text[i] != 0x7f);
            i++;
        }
    }
    if (coloured)
        paper_colour(p, COLOUR_NONE);
}

void paper_time(int64_t ns, char *buf, size_t size)
{
    double ms = (double)ns / 1e6;

    if (ms < 1000)
        snprintf(buf, size, ms < 100 ? "%.1f ms" : "%.0f ms", ms);
    else
        snprintf(buf, size, ms < 100000 ? "%.2f s" : "%.0f s", ms / 1000);
}

static bool has_clock(const struct paper *p)
{
    return p->columns == 0 || p->columns >= VERY_NARROW;
}

void paper_begin(struct paper *p, int64_t clock, enum colour colour, const char *word)
{
    time_t seconds = (time_t)clock;
    struct tm local;

    add_text(p, "  ");
    if (has_clock(p)) {
        localtime_r(&seconds, &local);
        paper_colour(p, COLOUR_QUIET);
        paper_print(p, "%02d:%02d:%02d", local.tm_hour, local.tm_min, local.tm_sec);
        paper_colour(p, COLOUR_NONE);
        add_text(p, "  ");
    }
    paper_colour(p, colour);
    paper_print(p, "%-9.16s", word);
    paper_colour(p, COLOUR_NONE);
    add_text(p, " ");
}

static enum colour colour_of(int status)
{
    static const enum colour colours[] = {COLOUR_CYAN, COLOUR_GREEN, COLOUR_CYAN, COLOUR_YELLOW,
                                          COLOUR_RED};

    return status >= 100 && status < 600 ? colours[status / 100 - 1] : COLOUR_RED;
}

/* Path and query, the latter quiet, in @p room columns. @return columns */
static unsigned add_path(struct paper *p, const sl_development_news *n, unsigned room)
{
    unsigned taken = paper_add_foreign(p, n->path, room);

    if (!n->query[0] || (room && taken + 3 > room))
        return taken;
    paper_colour(p, COLOUR_QUIET);
    add_text(p, "?");
    taken += 1 + paper_add_foreign(p, n->query, room ? room - taken - 1 : 0);
    paper_colour(p, COLOUR_NONE);
    return taken;
}

static unsigned path_columns(const struct paper *p)
{
    unsigned others = (has_clock(p) ? 22 : 12) + 2 + 3 + 2 + 8 + (p->columns < NARROW ? 1 : 6);

    if (p->columns < others + 8)
        return 8;
    return p->columns - others < PATH_COLUMNS_MAX ? p->columns - others : PATH_COLUMNS_MAX;
}

void paper_request(struct paper *p, int64_t clock, const sl_development_news *n)
{
    unsigned room = p->columns ? path_columns(p) : 0, taken;
    char method[16], took[32];

    snprintf(method, sizeof method, "%.8s", n->method);
    paper_begin(p, clock, COLOUR_BOLD, method);
    taken = add_path(p, n, room);
    paper_print(
        p, "%*s  ",
        taken < (room ? room : PATH_COLUMNS) ? (int)((room ? room : PATH_COLUMNS) - taken) : 0, "");
    paper_colour(p, colour_of(n->status));
    paper_print(p, "%d", n->status);
    paper_colour(p, COLOUR_NONE);
    paper_time(n->ns, took, sizeof took);
    if (n->ns < 100000000)
        paper_colour(p, COLOUR_QUIET);
    paper_print(p, "  %8s", took);
    paper_colour(p, COLOUR_QUIET);
    if (p->columns == 0 || p->columns >= NARROW)
        paper_print(p, "  w%u", n->worker);
    paper_colour(p, COLOUR_NONE);
    add_text(p, "\n");
}
