/*
 * The access log: one line for each request, when its onion has unwound.
 *
 * Use it first, so that it sees what the client gets: an error that nobody handled comes by as the
 * value of sl_next(), and sl_status() tells what it will become. Lines go the way of every log
 * line, which never waits. What clients sent is escaped, and cut before the line is, so that an
 * object stays an object.
 */
#include <shallot/app.h>
#include <shallot/cluster.h>
#include <shallot/ctx.h>
#include <shallot/log.h>
#include <shallot/middleware.h>
#include <shallot/request.h>
#include <shallot/response.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "keep.h"
#include "utf8.h"

#define NAME "sl_logger"
#define LINE 4096         /* what the log writes in one piece, and a little */
#define TARGET_MOST 1500  /* octets of a line, escaped, that a target may take, */
#define FIELD_MOST 400    /* each of the fields that say anything, */
#define NAME_MOST 128     /* and each name: together they fit into what the log writes at once */
#define CLIENT_CLOSED 499 /* as nginx has it: nobody was left to be answered */

struct logger {
    struct keeper keeper;
    sl_logger_options o;
    unsigned seen; /* of those that are sampled */
};

/* A request that is over. */
struct done {
    int status;
    bool cancelled;
    int64_t microseconds;
    char length[24]; /* "-": a stream's is not known */
};

struct line {
    char text[LINE];
    size_t len;
};

static void add(struct line *l, const char *fmt, ...) SL_PRINTF(2, 3);

static void add(struct line *l, const char *fmt, ...)
{
    size_t room = sizeof l->text - l->len;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(l->text + l->len, room, fmt, args);
    va_end(args);
    if (n > 0)
        l->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* Where @p most octets more end, of which there is always room for what has to follow. */
static size_t limit_of(const struct line *l, size_t most)
{
    size_t last = sizeof l->text - 64;

    return l->len + most < last ? l->len + most : last;
}

/* Adds what somebody else has written, at most @p most octets of it: anything but printable ASCII
 * becomes @p escape (of an octet), quotes and backslashes too. */
static void add_foreign(struct line *l, const char *text, size_t most, const char *escape)
{
    size_t end = limit_of(l, most);

    for (; *text && l->len + 6 <= end; text++) {
        unsigned char u = (unsigned char)*text;

        if (u >= 0x20 && u < 0x7f && u != '"' && u != '\\')
            l->text[l->len++] = *text;
        else if (escape[1] == 'x')
            add(l, "\\x%02X", u);
        else
            add(l, "\\u%04x", u);
    }
    if (*text)
        add(l, "...");
    l->text[l->len] = '\0';
}

static void add_json_text(struct line *l, const char *text, size_t most)
{
    size_t end = limit_of(l, most), len;

    for (; *text && l->len + 6 <= end; text += len) {
        unsigned char u = (unsigned char)*text;

        len = utf8_sequence(text);
        if (len > 0) {
            memcpy(l->text + l->len, text, len);
            l->len += len;
            continue;
        }
        len = 1;
        if (u >= 0x80)
            add(l, "\\ufffd");
        else if (u < 0x20 || u == 0x7f)
            add(l, "\\u%04x", u);
        else
            add(l, u == '"' || u == '\\' ? "\\%c" : "%c", u);
    }
    if (*text)
        add(l, "...");
    l->text[l->len] = '\0';
}

/* ,"name":"value"; nothing without a value */
static void add_member(struct line *l, const char *name, const char *value, size_t most)
{
    if (!value)
        return;
    add(l, ",\"%s\":\"", name);
    add_json_text(l, value, most);
    add(l, "\"");
}

static struct timespec wall(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t;
}

/* The client's address without its port. */
static const char *address(sl_ctx *c, char text[NAME_MOST])
{
    const char *remote = sl_remote(c), *colon = strrchr(remote, ':');
    bool port = colon && (remote[0] != '[' || colon[-1] == ']');

    snprintf(text, NAME_MOST, "%.*s", port ? (int)(colon - remote) : NAME_MOST, remote);
    return text;
}

static void plain(sl_ctx *c, const struct done *d)
{
    int64_t tenths = (d->microseconds + 50) / 100;

    if (d->cancelled)
        sl_info("%s %s canceled - %" PRId64 ".%d ms", sl_method(c), sl_target(c), tenths / 10,
                (int)(tenths % 10));
    else
        sl_info("%s %s %d %s %" PRId64 ".%d ms", sl_method(c), sl_target(c), d->status, d->length,
                tenths / 10, (int)(tenths % 10));
}

static void dev(sl_ctx *c, const struct done *d)
{
    static const char *const colours[] = {"", "", "\033[32m", "\033[36m", "\033[33m", "\033[31m"};
    bool coloured = sl_log_coloured();
    struct timespec t = wall();
    struct line l = {.len = 0};
    struct tm local;

    localtime_r(&t.tv_sec, &local);
    add(&l, "%02d:%02d:%02d.%03ld %s%d%s %-7.32s %8" PRId64 ".%d ms %8s ", local.tm_hour,
        local.tm_min, local.tm_sec, t.tv_nsec / 1000000, coloured ? colours[d->status / 100] : "",
        d->status, coloured ? "\033[0m" : "", sl_method(c), d->microseconds / 1000,
        (int)(d->microseconds / 100 % 10), d->cancelled ? "gone" : d->length);
    add_foreign(&l, sl_target(c), TARGET_MOST, "\\x");
    add(&l, coloured ? " \033[2m#%s\033[0m" : " #%s", sl_id(c));
    sl_log_line(l.text);
}

static void add_quoted(struct line *l, const char *value)
{
    add(l, " \"");
    add_foreign(l, value ? value : "-", FIELD_MOST, "\\x");
    add(l, "\"");
}

static void combined(sl_ctx *c, const struct done *d)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const char *user = sl_basic_user(c);
    char remote[NAME_MOST];
    struct timespec t = wall();
    struct line l = {.len = 0};
    struct tm local;
    long east;

    localtime_r(&t.tv_sec, &local);
    east = local.tm_gmtoff / 60;
    add(&l, "%s - ", address(c, remote));
    add_foreign(&l, user ? user : "-", NAME_MOST, "\\x");
    add(&l, " [%02d/%s/%d:%02d:%02d:%02d %c%02ld%02ld] \"%.32s ", local.tm_mday,
        months[local.tm_mon], local.tm_year + 1900, local.tm_hour, local.tm_min, local.tm_sec,
        east < 0 ? '-' : '+', labs(east) / 60, labs(east) % 60, sl_method(c));
    add_foreign(&l, sl_target(c), TARGET_MOST, "\\x");
    add(&l, " %s\" %d %s", sl_protocol(c), d->status, d->length);
    add_quoted(&l, sl_header(c, "referer"));
    add_quoted(&l, sl_header(c, "user-agent"));
    sl_log_line(l.text);
}

static void json(sl_ctx *c, const struct done *d)
{
    const char *trace = sl_trace_parent(c);
    char remote[NAME_MOST];
    struct timespec t = wall();
    struct line l = {.len = 0};
    struct tm utc;

    gmtime_r(&t.tv_sec, &utc);
    l.len = strftime(l.text, sizeof l.text, "{\"time\":\"%Y-%m-%dT%H:%M:%S", &utc);
    add(&l, ".%03ldZ\",\"level\":\"info\",\"pid\":%d,\"worker\":%d", t.tv_nsec / 1000000, getpid(),
        sl_worker_id());
    add_member(&l, "request", sl_id(c), NAME_MOST + 6);
    add_member(&l, "remote", address(c, remote), NAME_MOST);
    add_member(&l, "user", sl_basic_user(c), NAME_MOST);
    add_member(&l, "method", sl_method(c), NAME_MOST);
    add_member(&l, "target", sl_target(c), TARGET_MOST);
    add_member(&l, "protocol", sl_protocol(c), NAME_MOST);
    add_member(&l, "host", sl_host(c), FIELD_MOST);
    add(&l, ",\"status\":%d,\"ms\":%" PRId64 ".%03d", d->status, d->microseconds / 1000,
        (int)(d->microseconds % 1000));
    if (d->length[0] != '-')
        add(&l, ",\"bytes\":%s", d->length);
    add_member(&l, "referer", sl_header(c, "referer"), FIELD_MOST);
    add_member(&l, "agent", sl_header(c, "user-agent"), FIELD_MOST);
    if (trace)
        add(&l, ",\"trace\":\"%.32s\"", trace + 3);
    add(&l, d->cancelled ? ",\"canceled\":true}" : "}");
    sl_log_line(l.text);
}

static bool is_skipped_path(const struct logger *l, const char *path)
{
    for (const char *const *at = l->o.skip_paths; *at; at++) {
        size_t len = strlen(*at);

        if (strcmp(path, *at) == 0 ||
            (len > 1 && (*at)[len - 1] == '/' && strncmp(path, *at, len) == 0))
            return true;
    }
    return false;
}

static bool is_logged(sl_ctx *c, struct logger *l, const struct done *d)
{
    bool good = !d->cancelled && d->status < 400;

    if (l->o.skip && l->o.skip(c, l->o.self))
        return false;
    if (good && is_skipped_path(l, sl_path(c)))
        return false;
    return !good || l->o.sample < 2 || l->seen++ % l->o.sample == 0;
}

static void write_line(sl_ctx *c, const struct logger *l, const struct done *d)
{
    bool watched = sl_mode_of(sl_app_of(c)) == SL_DEVELOPMENT && sl_log_coloured();

    switch (l->o.form) {
    case SL_LOGGER_DEV:
        dev(c, d);
        break;
    case SL_LOGGER_COMBINED:
        combined(c, d);
        break;
    case SL_LOGGER_JSON:
        json(c, d);
        break;
    case SL_LOGGER_AUTO:
    case SL_LOGGER_PLAIN:
        if (l->o.form == SL_LOGGER_AUTO && watched)
            dev(c, d);
        else
            plain(c, d);
        break;
    }
}

static int64_t microseconds_since(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start->tv_sec) * INT64_C(1000000) + (now.tv_nsec - start->tv_nsec) / 1000;
}

static int run(sl_ctx *c, void *self)
{
    struct logger *l = self;
    struct done d = {.length = "-"};
    struct timespec start;
    int64_t len;
    int r;

    clock_gettime(CLOCK_MONOTONIC, &start);
    r = sl_next(c);
    d.microseconds = microseconds_since(&start);
    d.cancelled = r == -ECANCELED;
    d.status = d.cancelled ? CLIENT_CLOSED : sl_status(c);
    len = sl_response_length(c);
    if (len >= 0 && !d.cancelled)
        snprintf(d.length, sizeof d.length, "%" PRId64, len);
    if (l->o.form == SL_LOGGER_AUTO && sl_requests_shown())
        return r;
    if (is_logged(c, l, &d))
        write_line(c, l, &d);
    return r;
}

sl_middleware sl_logger_with(const sl_logger_options *given)
{
    struct logger *l;
    sl_logger_options o;

    TAKE_OPTIONS(o, given);
    if ((unsigned)o.form > SL_LOGGER_JSON)
        return refuse(NAME, "there is no such form");
    l = keep_new(sizeof *l);
    if (!l)
        return keep_done(NULL, run, NAME);
    o.skip_paths = keep_list(&l->keeper, o.skip_paths);
    l->o = o;
    return keep_done(l, run, NAME);
}
