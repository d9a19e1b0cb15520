/*
 * The log: one line per call, to standard error, as text or as JSON.
 *
 * Master and workers share that descriptor, so a line must leave whole: it is composed on the stack
 * and cut at PIPE_BUF, the length up to which a pipe does not mix writers. Control characters are
 * escaped, because texts quote what clients sent, and neither a forged line nor a terminal sequence
 * shall come out of a request target. How a line leaves without waiting is log_sink.c's business.
 */
#include "base/log.h"

#include <shallot/log.h>

#include <errno.h>
#include <inttypes.h>
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

uint64_t (*sl__log_request)(void);
const char *(*sl__log_request_name)(void);

bool sl__log_requests_shown;

static enum sl__level lowest = SL__INFO;
static bool json;
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

static struct timespec now(void)
{
    struct timespec t;

    if (sl__sys_wall_fn)
        return (struct timespec){.tv_sec = sl__sys_wall()};
    clock_gettime(CLOCK_REALTIME, &t);
    return t;
}

unsigned sl__log_worker(void)
{
    return strncmp(who_column, "worker ", 7) == 0 ? (unsigned)strtoul(who_column + 7, NULL, 10) : 0;
}

static void add_request(struct line *l, const char *before, const char *behind)
{
    uint64_t number = sl__log_request ? sl__log_request() : 0;
    const char *name = sl__log_request_name ? sl__log_request_name() : NULL;
    size_t room = sizeof l->text - l->len;
    int n;

    if (number == 0)
        return;
    if (name)
        n = snprintf(l->text + l->len, room, "%s%s%s", before, name, behind);
    else
        n = snprintf(l->text + l->len, room, "%s%u-%" PRIu64 "%s", before, sl__log_worker(), number,
                     behind);
    l->len += n > 0 ? (size_t)n : 0;
}

static void begin_text(struct line *l, enum sl__level level, bool colour)
{
    struct timespec t = now();
    struct tm local;
    int n;

    localtime_r(&t.tv_sec, &local);
    n = snprintf(l->text, sizeof(l->text), "%02d:%02d:%02d.%03ld %s%-5s%s  %-*.*s ", local.tm_hour,
                 local.tm_min, local.tm_sec, t.tv_nsec / 1000000,
                 colour ? levels[level].colour : "", levels[level].name, colour ? "\033[0m" : "",
                 WHO_WIDTH, WHO_MAX - 1, who());
    l->len = n > 0 ? (size_t)n : 0;
    add_request(l, "#", " ");
}

/* Length of the UTF-8 sequence @p text begins with; 0 if it is none. */
static size_t utf8(const char *text, size_t len)
{
    unsigned char u = (unsigned char)text[0];
    size_t n = u < 0x80 ? 1 : u < 0xc2 ? 0 : u < 0xe0 ? 2 : u < 0xf0 ? 3 : u < 0xf5 ? 4 : 0;

    if (n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
    if (n == 3 && ((u == 0xe0 && (unsigned char)text[1] < 0xa0) ||
                   (u == 0xed && (unsigned char)text[1] > 0x9f)))
        return 0;
    if (n == 4 && ((u == 0xf0 && (unsigned char)text[1] < 0x90) ||
                   (u == 0xf4 && (unsigned char)text[1] > 0x8f)))
        return 0;
    return n;
}

/* Writes what @p text begins with, escaped where need be. @return octets written at @p at, at most
 * 6; *taken: of the text */
static size_t escape(const char *text, size_t len, char *at, size_t *taken)
{
    unsigned char u = (unsigned char)text[0];
    size_t n = utf8(text, len);

    *taken = 1;
    if (json && n == 0)
        return (size_t)sprintf(at, "\\ufffd");
    if (json && n > 1) {
        *taken = n;
        memcpy(at, text, n);
        return n;
    }
    if (json && (u == '"' || u == '\\'))
        return (size_t)sprintf(at, "\\%c", u);
    if ((u >= 0x20 && u != 0x7f) || (u == '\t' && !json)) {
        *at = *text;
        return 1;
    }
    if (u == '\n' || u == '\r')
        return (size_t)sprintf(at, "\\%c", u == '\n' ? 'n' : 'r');
    return (size_t)sprintf(at, json ? "\\u%04x" : "\\x%02x", u);
}

static void add_text(struct line *l, const char *text, size_t len, bool cut)
{
    size_t room = sizeof(l->text) - 1 - 5; /* what ends a line: "..." and the newline, or "} too */
    size_t taken;

    while (len > 0 && text[len - 1] == '\n') /* a habit of printf; the line ends anyway */
        len--;
    for (size_t i = 0; i < len; i += taken) {
        if (l->len + 6 > room) {
            cut = true;
            break;
        }
        l->len += escape(text + i, len - i, l->text + l->len, &taken);
    }
    if (cut) {
        memcpy(l->text + l->len, "...", 3);
        l->len += 3;
    }
}

static void begin_json(struct line *l, enum sl__level level)
{
    struct timespec t = now();
    struct tm utc;

    gmtime_r(&t.tv_sec, &utc);
    l->len = strftime(l->text, sizeof l->text, "{\"time\":\"%Y-%m-%dT%H:%M:%S", &utc);
    l->len +=
        (size_t)snprintf(l->text + l->len, 128, ".%03ldZ\",\"level\":\"%s\",\"pid\":%d,\"who\":\"",
                         t.tv_nsec / 1000000, levels[level].name, getpid());
    add_text(l, who(), strlen(who()), false);
    l->len += (size_t)snprintf(l->text + l->len, 32, sl__log_worker() ? "\",\"worker\":%u" : "\"",
                               sl__log_worker());
    add_request(l, ",\"request\":\"", "\"");
    l->len += (size_t)snprintf(l->text + l->len, 16, ",\"text\":\"");
}

static void end_line(struct line *l)
{
    if (json) {
        l->text[l->len++] = '"';
        l->text[l->len++] = '}';
    }
}

void sl__log_set_who(const char *name)
{
    snprintf(who_column, sizeof(who_column), "%s", name);
}

void sl__log_set_json(bool on)
{
    json = on;
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
    if (json)
        begin_json(&l, level);
    else
        begin_text(&l, level, !sl__log_sink && coloured());
    add_text(&l, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1,
             (size_t)n >= sizeof(text));
    end_line(&l);
    if (sl__log_sink) {
        l.text[l.len] = '\0';
        sl__log_sink(level, l.text);
    } else {
        l.text[l.len++] = '\n';
        sl__log_write(l.text, l.len);
    }
    errno = saved; /* so that a log line may stand between a call and the look at its errno */
}

bool sl_log_coloured(void)
{
    return !sl__log_sink && coloured();
}

bool sl_requests_shown(void)
{
    return sl__log_requests_shown;
}

void sl_log_line(const char *text)
{
    bool colours = sl_log_coloured();
    char line[PIPE_BUF];
    size_t len = 0;

    if (SL__INFO < lowest)
        return;
    for (; *text && len < sizeof line - 5; text++) {
        unsigned char u = (unsigned char)*text;

        if ((u >= 0x20 && u != 0x7f) || u == '\t' || (u == 0x1b && colours))
            line[len++] = *text;
        else
            len += (size_t)sprintf(line + len, "\\x%02x", u);
    }
    if (sl__log_sink) {
        line[len] = '\0';
        sl__log_sink(SL__INFO, line);
        return;
    }
    line[len++] = '\n';
    sl__log_write(line, len);
}

/* On its way through sl__log_write(), which calls it, no line can be lost any more. */
void sl__log_report_lost(uint64_t lost, char *buf, size_t *len)
{
    char text[80];
    int n = snprintf(text, sizeof text, "%" PRIu64 " log line%s lost: nobody took %s", lost,
                     lost == 1 ? " was" : "s were", lost == 1 ? "it" : "them");
    struct line l;

    if (json)
        begin_json(&l, SL__WARN);
    else
        begin_text(&l, SL__WARN, coloured());
    add_text(&l, text, (size_t)n, false);
    end_line(&l);
    l.text[l.len++] = '\n';
    memcpy(buf, l.text, l.len);
    *len = l.len;
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
