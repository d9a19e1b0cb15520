/*
 * The request line (RFC 9112 §3): method, target and version, one SP between them, CRLF behind.
 *
 * Inline, because it is read for every request and is all of a short one's head but for Host. Each
 * function takes what it is named after from the cursor and leaves it behind that.
 */
#ifndef SL__HTTP1_LINE_H
#define SL__HTTP1_LINE_H

#include "http/http1/fields.h"
#include "shallot/limits.h"

/* A client may send an empty line or two ahead of a request (RFC 9112 §2.2), not a flood. */
#define SL__EMPTY_LINES_MAX 8

/* The longest method there is a name for has 17 letters. */
#define SL__METHOD_MAX 64

static inline int sl__take_empty_lines(struct sl__cursor *c)
{
    for (int i = 0; i < SL__EMPTY_LINES_MAX; i++) {
        int step;

        if (c->at == c->end)
            return SL__STEP_MORE;
        if (*c->at != '\r')
            return SL__STEP_ON;
        step = sl__take_crlf(c, c->at);
        if (step <= 0)
            return step;
    }
    return SL__STEP_ON;
}

/* A token (RFC 9110 §9.1), and not longer than any we would serve (RFC 9112 §3). */
static inline int sl__take_method(struct sl__cursor *c, struct sl__request *r)
{
    const char *method = c->at, *end = c->end, *p;

    if (end - method >= 4 && memcmp(method, "GET ", 4) == 0) { /* most of the traffic there is */
        r->method = SL__METHOD_GET;
        p = method + 3;
    } else {
        if (end - method > SL__METHOD_MAX)
            end = method + SL__METHOD_MAX + 1;
        p = sl__scan_by_table(method, end, SL__CHAR_TOKEN);
        if (p - method > SL__METHOD_MAX)
            return -SL_EMETHOD;
        if (p == end)
            return SL__STEP_MORE;
        if (*p != ' ' || p == method)
            return -SL_EBADREQUEST;
        r->method = sl__method_of((struct sl__str){method, (size_t)(p - method)});
    }
    r->method_name = sl__span_of(c->begin, method, p);
    c->at = p + 1;
    return SL__STEP_ON;
}

/* '%' and two hexadecimal digits, but not the NUL: nothing behind it would be seen by a C string
 * (RFC 3986 §2.1, §7.3). */
static inline int sl__check_escape(const char *p, const char *end)
{
    if (end - p < 3)
        return SL__STEP_MORE;
    if (!sl__char_is(p[1], SL__CHAR_HEX) || !sl__char_is(p[2], SL__CHAR_HEX))
        return -SL_EBADREQUEST;
    return p[1] == '0' && p[2] == '0' ? -SL_EBADREQUEST : SL__STEP_ON;
}

/* The octets of a target, whatever its form; where its query begins goes into r->query. The scan
 * ends one octet beyond the limit, as if nothing followed, so that a target is too long before
 * anything behind that is looked at. */
static inline int sl__take_target(struct sl__cursor *c, size_t max, struct sl__request *r)
{
    const char *target = c->at, *end = c->end, *last = c->last, *p;
    int at_the_end = SL__STEP_MORE, step;

    if ((size_t)(end - target) > max) {
        at_the_end = -SL_ETARGETTOOLONG;
        end = target + max + 1;
        last = sl__scan_last(c->begin, end);
    }
    for (p = target;; p++) {
        p = sl__scan_target_quick(p, last, end);
        if (p == end)
            return at_the_end;
        if (*p == ' ')
            break;
        if (*p == '?' && r->query.at == 0) {
            r->query.at = (uint32_t)(p + 1 - c->begin);
        } else if (*p == '%') {
            step = sl__check_escape(p, end);
            if (step <= 0)
                return step < 0 ? step : at_the_end;
            r->path_escaped |= r->query.at == 0;
            p += 2;
        } else if (!sl__char_is(*p, SL__CHAR_TARGET)) {
            return -SL_EBADREQUEST;
        }
    }
    if (p == target)
        return -SL_EBADREQUEST;
    r->target = sl__span_of(c->begin, target, p);
    c->at = p + 1;
    return SL__STEP_ON;
}

/** Any version but 1.1: its minor in @p ret_minor, if we speak it. */
int sl__read_version(const char *p, const char *end, uint8_t *ret_minor);

/* HTTP/1.1 is what nearly everybody speaks (RFC 9112 §2.3). */
static inline int sl__take_version(struct sl__cursor *c, struct sl__request *r)
{
    const char *p = c->at;
    int step = SL__STEP_ON;

    if (c->end - p >= 10 && memcmp(p, "HTTP/1.1", 8) == 0 && memcmp(p + 8, "\r\n", 2) == 0)
        r->minor = 1;
    else
        step = sl__read_version(p, c->end, &r->minor);
    if (step > 0)
        c->at = p + 10;
    return step;
}

/** Any target but the origin form of a method we know. */
int sl__judge_target(struct sl__request *r, const char *begin);

/* Path and query, and what the form of the target says (RFC 9112 §3.2). */
static inline int sl__divide_target(struct sl__request *r, const char *begin)
{
    r->path = r->target;
    if (r->query.at) {
        r->path.len = r->query.at - 1 - r->target.at;
        r->query.len = r->target.len - r->path.len - 1;
    }
    if (begin[r->target.at] == '/' && r->method != SL__METHOD_OTHER)
        return SL__STEP_ON;
    return sl__judge_target(r, begin);
}

static inline int sl__take_request_line(struct sl__cursor *c, const struct sl_limits *limits,
                                        struct sl__request *r)
{
    int step = sl__take_empty_lines(c);

    if (step > 0)
        step = sl__take_method(c, r);
    if (step > 0)
        step = sl__take_target(c, limits->target_bytes, r);
    if (step > 0)
        step = sl__take_version(c, r);
    if (step > 0)
        step = sl__divide_target(r, c->begin);
    return step;
}

#endif
