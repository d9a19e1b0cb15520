/*
 * The log: one line per call, each in one write(2) to standard error.
 *
 * Master and workers share that descriptor, so a line must leave whole: it is composed on the stack
 * and cut at PIPE_BUF, the length up to which a pipe does not mix writers. Control characters are
 * escaped, because texts quote what clients sent, and neither a forged line nor a terminal sequence
 * shall come out of a request target.
 */
#include "base/log.h"

#include <shallot/log.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"

#define WHO_MAX 32
#define WHO_WIDTH 9 /* "worker 99" */

void (*sl__log_sink)(enum sl__level level, const char *line);

static enum sl__level lowest = SL__INFO;
static char who_column[WHO_MAX];

struct line {
    char text[PIPE_BUF];
    size_t len;
};

static const struct {
    const char *name, *colour;
} levels[] = {
    [SL__DEBUG] = {"debug", "\033[2m"},
    [SL__INFO] = {"info", "\033[32m"},
    [SL__WARN] = {"warn", "\033[33m"},
    [SL__ERROR] = {"error", "\033[31m"},
};

static bool coloured(void)
{
    static int answer = -1;

    if (answer < 0) {
        const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

        answer = isatty(STDERR_FILENO) && !(no_colour && *no_colour) &&
                 !(term && strcmp(term, "dumb") == 0);
    }
    return answer > 0;
}

static const char *who(void)
{
    return who_column[0] ? who_column : program_invocation_short_name;
}

static void begin_line(struct line *l, enum sl__level level, bool colour)
{
    struct timespec t;
    struct tm local;
    int n;

    clock_gettime(CLOCK_REALTIME, &t);
    if (sl__sys_wall_fn)
        t = (struct timespec){.tv_sec = sl__sys_wall()};
    localtime_r(&t.tv_sec, &local);
    n = snprintf(l->text, sizeof(l->text), "%02d:%02d:%02d.%03ld %s%-5s%s  %-*.*s ", local.tm_hour,
                 local.tm_min, local.tm_sec, t.tv_nsec / 1000000,
                 colour ? levels[level].colour : "", levels[level].name, colour ? "\033[0m" : "",
                 WHO_WIDTH, WHO_MAX - 1, who());
    l->len = n > 0 ? (size_t)n : 0;
}

/* Writes one byte of the text, escaped where need be, and says how long that is; at most 4. */
static size_t escape(char c, char *at)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char u = (unsigned char)c;

    if ((u >= 0x20 && u != 0x7f) || c == '\t') {
        *at = c;
        return 1;
    }
    at[0] = '\\';
    at[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : 'x';
    if (at[1] != 'x')
        return 2;
    at[2] = hex[u >> 4];
    at[3] = hex[u & 15];
    return 4;
}

static void add_text(struct line *l, const char *text, size_t len, bool cut)
{
    size_t room = sizeof(l->text) - 1 - 3; /* what ends a line: "..." and the newline */

    while (len > 0 && text[len - 1] == '\n') /* a habit of printf; the line ends anyway */
        len--;
    for (size_t i = 0; i < len; i++) {
        if (l->len + 4 > room) {
            cut = true;
            break;
        }
        l->len += escape(text[i], l->text + l->len);
    }
    if (cut) {
        memcpy(l->text + l->len, "...", 3);
        l->len += 3;
    }
}

static void write_line(struct line *l)
{
    ssize_t n;

    l->text[l->len++] = '\n';
    do
        n = write(STDERR_FILENO, l->text, l->len);
    while (n < 0 &&
           errno == EINTR); /* any other failure loses the line: there is nowhere to say so */
}

void sl__log_set_who(const char *name)
{
    snprintf(who_column, sizeof(who_column), "%s", name);
}

void sl__log_set_level(enum sl__level level)
{
    lowest = level;
}

void sl__vlog(enum sl__level level, const char *fmt, va_list args)
{
    int saved = errno, n;
    char text[PIPE_BUF];
    struct line l;

    if (level < lowest)
        return;
    n = vsnprintf(text, sizeof(text), fmt, args);
    if (n < 0)
        n = 0;
    begin_line(&l, level, !sl__log_sink && coloured());
    add_text(&l, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1,
             (size_t)n >= sizeof(text));
    if (sl__log_sink) {
        l.text[l.len] = '\0';
        sl__log_sink(level, l.text);
    } else {
        write_line(&l);
    }
    errno = saved; /* so that a log line may stand between a call and the look at its errno */
}

void sl__log(enum sl__level level, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    sl__vlog(level, fmt, args);
    va_end(args);
}

#define PUBLIC(name, level)                                                                        \
    void name(const char *fmt, ...)                                                                \
    {                                                                                              \
        va_list args;                                                                              \
                                                                                                   \
        va_start(args, fmt);                                                                       \
        sl__vlog(level, fmt, args);                                                                \
        va_end(args);                                                                              \
    }

PUBLIC(sl_debug, SL__DEBUG)
PUBLIC(sl_info, SL__INFO)
PUBLIC(sl_warn, SL__WARN)
PUBLIC(sl_log_error, SL__ERROR)
