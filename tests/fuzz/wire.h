/*
 * A client over memory, and a strict reader of what it hears.
 *
 * The loop and the clock belong to the target: nothing happens but in settle(), and no time passes.
 * The reader knows nothing of our code: what it takes for one answer is what RFC 9112 calls one.
 */
#ifndef FUZZ_WIRE_H
#define FUZZ_WIRE_H

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/time.h"
#include "fiber/fiber.h"
#include "fuzz.h"
#include "http/server.h"

struct heard {
    char *got;
    size_t len, size;
    bool eof;
};

static struct sl__loop loop;

static inline int64_t wire_still(void)
{
    return 1000 * SL__SEC;
}

static inline int64_t wire_wall(void)
{
    return 784111777;
}

static inline void wire_open(void)
{
    sl__sys_clock_fn = wire_still;
    sl__sys_wall_fn = wire_wall;
    CHECK(sl__loop_init(&loop) == 0 && sl__fibers_init(&loop, 16) == 0);
}

/* Takes what is there. True if there was something. */
static inline bool hear(int fd, struct heard *h)
{
    bool some = false;

    while (!h->eof) {
        ssize_t n;

        if (h->size - h->len < 65536) {
            h->size += 131072;
            h->got = realloc(h->got, h->size);
            CHECK(h->got);
        }
        n = recv(fd, h->got + h->len, h->size - h->len, 0);
        if (n < 0)
            CHECK(errno == EAGAIN || errno == ECONNRESET);
        if (n < 0 && errno == EAGAIN)
            break;
        some = true;
        h->eof = n <= 0;
        h->len += n > 0 ? (size_t)n : 0;
    }
    return some;
}

/* Ticks until nothing more happens. */
static inline void settle(int fd, struct heard *h)
{
    for (int quiet = 0; quiet < 3; quiet++) {
        CHECK(sl__loop_once(&loop, 0) == 0);
        if (hear(fd, h))
            quiet = -1;
    }
}

/* False when nobody takes any more. */
static inline bool say(int fd, const char *data, size_t len, struct heard *h)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0) {
            size_t before = h->len;

            settle(fd, h);
            if (h->len == before && send(fd, data, 1, MSG_NOSIGNAL) == 1)
                n = 1;
        }
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* One answer; views of what was heard. */
struct answer {
    int status;
    const char *fields, *fields_end; /* lines, each with its CRLF */
    const char *body;
    size_t body_len; /* on the wire if chunked */
    bool chunked, until_close, closes;
    long length; /* Content-Length, -1: none */
};

static inline bool is_token(const char *p, const char *end)
{
    if (p == end)
        return false;
    for (; p < end; p++)
        if (!isalnum((unsigned char)*p) && (!*p || !strchr("!#$%&'*+-.^_`|~", *p)))
            return false;
    return true;
}

static inline bool is_value(const char *p, const char *end)
{
    if (p < end && (isblank((unsigned char)*p) || isblank((unsigned char)end[-1])))
        return false;
    for (; p < end; p++)
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 127)
            return false;
    return true;
}

static inline const char *line_end(const char *p, const char *end)
{
    const char *cr = memmem(p, (size_t)(end - p), "\r\n", 2);

    CHECK(cr);
    return cr;
}

static inline bool line_is(const char *p, const char *end, const char *text)
{
    return (size_t)(end - p) == strlen(text) && strncasecmp(p, text, strlen(text)) == 0;
}

/* Takes a field line in. */
static inline void take_field(struct answer *a, const char *p, const char *end, unsigned *dates)
{
    const char *colon = memchr(p, ':', (size_t)(end - p)), *value;
    char *after;

    CHECK(colon && is_token(p, colon));
    for (value = colon + 1; value < end && isblank((unsigned char)*value); value++)
        ;
    while (end > value && isblank((unsigned char)end[-1]))
        end--;
    CHECK(is_value(value, end));
    *dates += line_is(p, colon, "Date");
    if (line_is(p, colon, "Content-Length")) {
        CHECK(a->length < 0 && value < end && isdigit((unsigned char)*value));
        a->length = strtol(value, &after, 10);
        CHECK(after == end);
    } else if (line_is(p, colon, "Transfer-Encoding")) {
        CHECK(!a->chunked && line_is(value, end, "chunked"));
        a->chunked = true;
    } else if (line_is(p, colon, "Connection")) {
        CHECK(!a->closes);
        a->closes = line_is(value, end, "close");
        CHECK(a->closes || line_is(value, end, "keep-alive"));
    }
}

/* Past the last chunk; NULL if there is no proper end. */
static inline const char *skip_chunks(const char *p, const char *end)
{
    for (;;) {
        char *after;
        unsigned long n;

        if (p == end)
            return NULL;
        CHECK(isxdigit((unsigned char)*p));
        n = strtoul(p, &after, 16);
        CHECK(end - after >= 2 && memcmp(after, "\r\n", 2) == 0);
        p = after + 2;
        if ((size_t)(end - p) < n + 2)
            return NULL;
        CHECK(memcmp(p + n, "\r\n", 2) == 0);
        p += n + 2;
        if (n == 0)
            return p;
    }
}

/* The next answer at *at, which moves behind it. @p bodiless: to HEAD. False if it is cut short,
 * which only the connection's end may do. */
static inline bool take_answer(const char **at, const char *end, bool bodiless, struct answer *a)
{
    const char *p = *at, *stop = line_end(p, end);
    unsigned dates = 0;

    *a = (struct answer){.length = -1};
    CHECK(stop - p >= 13 && memcmp(p, "HTTP/1.1 ", 9) == 0 && p[12] == ' ');
    CHECK(isdigit((unsigned char)p[9]) && isdigit((unsigned char)p[10]) &&
          isdigit((unsigned char)p[11]) && is_value(p + 13, stop));
    a->status = atoi(p + 9);
    a->fields = stop + 2;
    for (p = a->fields; (stop = line_end(p, end)) > p; p = stop + 2)
        take_field(a, p, stop, &dates);
    a->fields_end = p;
    p += 2;
    a->body = p;
    CHECK(dates == (a->status >= 200) && !(a->chunked && a->length >= 0));
    if (a->status < 200 || a->status == 204)
        CHECK(a->length < 0 && !a->chunked);
    if (!bodiless && a->status >= 200 && a->status != 204 && a->status != 304) {
        if (a->chunked) {
            p = skip_chunks(p, end);
        } else if (a->length >= 0) {
            p = end - p >= a->length ? p + a->length : NULL;
        } else {
            a->until_close = true;
            p = end;
        }
    }
    if (!p) {
        *at = end;
        return false;
    }
    a->body_len = (size_t)(p - a->body);
    *at = p;
    return true;
}

/* Value of the n-th field of that name, malloc'd; NULL when there is none. */
static inline char *answer_field(const struct answer *a, const char *name, unsigned n)
{
    for (const char *p = a->fields, *stop; p < a->fields_end; p = stop + 2) {
        const char *colon = strchr(p, ':');

        stop = line_end(p, a->fields_end);
        if (!line_is(p, colon, name) || n-- > 0)
            continue;
        for (colon++; colon < stop && isblank((unsigned char)*colon); colon++)
            ;
        while (stop > colon && isblank((unsigned char)stop[-1]))
            stop--;
        return strndup(colon, (size_t)(stop - colon));
    }
    return NULL;
}

#endif
