/*
 * Field lines (RFC 9112 §5), of heads and of trailer sections, and the fields that the parser
 * itself understands.
 */
#ifndef SL__HTTP1_FIELDS_H
#define SL__HTTP1_FIELDS_H

#include "http/http1/scan.h"
#include "http/request.h"
#include "shallot/error.h"

/* What a step of the parser says; or a negative error. */
enum {
    SL__STEP_MORE = 0, /* more octets are needed */
    SL__STEP_ON = 1,   /* go on */
};

/** Where the parser is. */
struct sl__cursor {
    const char *begin, *at, *end;
    const char *last; /* sl__scan_last() */
    struct sl__scan_lines lines;
    unsigned
        run; /* with SL__STEP_MORE: the class of which more octets would change nothing, or 0 */
};

static inline struct sl__cursor sl__cursor_of(const char *buf, size_t len)
{
    const char *end = buf + len;

    return (struct sl__cursor){
        .begin = buf,
        .at = buf,
        .end = end,
        .last = sl__scan_last(buf, end),
        .lines = sl__scan_lines_of(buf, end),
    };
}

static inline struct sl__span sl__span_of(const char *begin, const char *from, const char *to)
{
    return (struct sl__span){(uint32_t)(from - begin), (uint32_t)(to - from)};
}

/** Takes CRLF. A CR alone or a LF alone is an error, never a line end (RFC 9112 §2.2). */
static inline int sl__take_crlf(struct sl__cursor *c, const char *p)
{
    if (c->end - p >= 2 && memcmp(p, "\r\n", 2) == 0) {
        c->at = p + 2;
        return SL__STEP_ON;
    }
    return p == c->end || (*p == '\r' && p + 1 == c->end) ? SL__STEP_MORE : -SL_EBADREQUEST;
}

/** Takes the whitespace off both ends of a value. */
void sl__trim(const char *begin, struct sl__span *value);

/** Takes one field line, its value trimmed (RFC 9112 §5). There is no whitespace before the colon
 * (§5.1) and no folding (§5.2). */
static inline int sl__take_field(struct sl__cursor *c, struct sl__field *ret)
{
    const char *name = c->at, *colon = sl__scan_name_quick(name, c->last, c->end), *value, *stop;
    int step;

    if (colon == c->end || *colon != ':') { /* a rare name, or not the whole of it */
        colon = sl__scan_by_table(colon, c->end, SL__CHAR_TOKEN);
        if (colon == c->end) {
            c->run = SL__CHAR_TOKEN;
            return SL__STEP_MORE;
        }
        if (*colon != ':')
            return -SL_EBADREQUEST;
    }
    if (colon == name)
        return -SL_EBADREQUEST;
    /* What may stand in a name, and its colon, may stand in a value: nothing there stops a scan. */
    stop = sl__scan_line_quick(&c->lines, name);
    step = sl__take_crlf(c, stop);
    if (step <= 0) { /* not plain text, or not the whole line */
        stop = sl__scan_by_table(stop, c->end, SL__CHAR_VALUE);
        c->run = stop == c->end ? SL__CHAR_VALUE : 0;
        step = sl__take_crlf(c, stop);
        if (step <= 0)
            return step;
    }
    value = colon + 1;
    value += *value == ' '; /* one is what all clients send */
    ret->name = sl__span_of(c->begin, name, colon);
    ret->value = sl__span_of(c->begin, value, stop);
    /* More of it, at either end; or there is no value at all. */
    if ((unsigned char)*value <= ' ' || (unsigned char)stop[-1] <= ' ')
        sl__trim(c->begin, &ret->value);
    return SL__STEP_ON;
}

/* Four and eight letters or '-' as a number, in lower case. Setting bit 0x20 lowers letters and
 * makes nothing else one, and '-' only of CR, which no name or value holds; so comparisons are
 * exact. */
static inline uint32_t sl__lower4(const char *p)
{
    uint32_t octets;

    memcpy(&octets, p, 4);
    return octets | UINT32_C(0x20202020);
}

static inline uint64_t sl__lower8(const char *p)
{
    uint64_t octets;

    memcpy(&octets, p, 8);
    return octets | UINT64_C(0x2020202020202020);
}

/** What was seen so far; bits of sl__request.facts. */
enum {
    SL__FACT_AUTHORITY = 1, /* the target was absolute: its authority is the host, not Host */
    SL__FACT_HOST = 2,
    SL__FACT_LENGTH = 4,
    SL__FACT_CHUNKED = 8,
    SL__FACT_CLOSE = 16,
    SL__FACT_KEEP_ALIVE = 32,
    SL__FACT_CONTINUE = 64,
};

/** False if no field that sl__judge_field() knows has a name that begins so. */
static inline bool sl__may_be_judged(char initial)
{
    const uint32_t initials =
        1U << ('c' & 31) | 1U << ('e' & 31) | 1U << ('h' & 31) | 1U << ('t' & 31);

    return initials >> (initial & 31) & 1;
}

/** Takes from a field that has just been taken what it says about the request's end, its recipient
 * and the connection. SL__STEP_ON or a negative error. */
int sl__judge_field(struct sl__request *r, const char *begin, const struct sl__field *field);

#endif
