/*
 * Field lines (RFC 9112 §5), of heads and of trailer sections, and the five fields the parser
 * itself understands.
 */
#ifndef SL__HTTP1_FIELDS_H
#define SL__HTTP1_FIELDS_H

#include "http/http1/scan.h"
#include "http/request.h"
#include "shallot/error.h"

/* What a step of the parser says: go on; more octets are needed; or a negative error. */
enum { SL__STEP_MORE = 0, SL__STEP_ON = 1 };

/** Where the parser is. */
struct sl__cursor {
    const char *begin, *at, *end;
    const char *last; /* sl__scan_last() of it */
};

static inline struct sl__cursor sl__cursor_of(const char *buf, size_t len)
{
    return (struct sl__cursor){buf, buf, buf + len, sl__scan_last(buf, buf + len)};
}

static inline struct sl__span sl__span_of(const char *begin, const char *from, const char *to)
{
    return (struct sl__span){(uint32_t)(from - begin), (uint32_t)(to - from)};
}

/** Takes CRLF. A CR alone or a LF alone is an error, never a line end (RFC 9112 §2.2). */
static inline int sl__take_crlf(struct sl__cursor *c, const char *p)
{
    if (c->end - p >= 2 && p[0] == '\r' && p[1] == '\n') {
        c->at = p + 2;
        return SL__STEP_ON;
    }
    if (p == c->end || (*p == '\r' && p + 1 == c->end))
        return SL__STEP_MORE;
    return -SL_EBADREQUEST;
}

/** Takes one field line, its value trimmed. Neither space before the colon nor folding. */
static inline int sl__take_field(struct sl__cursor *c, struct sl__field *ret)
{
    const char *name = c->at, *end = c->end, *value, *p;
    int r;

    p = sl__scan_name(name, c->last, end);
    if (p == end)
        return SL__STEP_MORE;
    if (*p != ':' || p == name)
        return -SL_EBADREQUEST;
    ret->name = sl__span_of(c->begin, name, p);
    value = p + 1;
    if (value < end && *value == ' ') /* what all clients send; more is legal */
        value++;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    p = sl__scan_value(value, c->last, end);
    r = sl__take_crlf(c, p);
    if (r <= 0)
        return r;
    while (p > value && (p[-1] == ' ' || p[-1] == '\t'))
        p--;
    ret->value = sl__span_of(c->begin, value, p);
    return SL__STEP_ON;
}

/** The fields that decide where a message ends, whom it is for, and what becomes of the connection.
 */
enum sl__known_field {
    SL__FIELD_OTHER,
    SL__FIELD_HOST,
    SL__FIELD_CONTENT_LENGTH,
    SL__FIELD_TRANSFER_ENCODING,
    SL__FIELD_CONNECTION,
    SL__FIELD_EXPECT,
};

static inline uint64_t sl__lower8(const char *p)
{
    uint64_t octets;

    memcpy(&octets, p, 8);
    return octets | UINT64_C(0x2020202020202020);
}

static inline uint32_t sl__lower4(const char *p)
{
    uint32_t octets;

    memcpy(&octets, p, 4);
    return octets | UINT32_C(0x20202020);
}

/** Which field @p name is, a valid token. Setting bit 0x20 lowers letters, and makes no other token
 * character a letter or '-'; so the comparisons are exact. */
static inline enum sl__known_field sl__known_field(const char *name, size_t len)
{
    const uint32_t initials =
        1U << ('c' & 31) | 1U << ('e' & 31) | 1U << ('h' & 31) | 1U << ('t' & 31);

    if (!(initials >> (*name & 31) & 1)) /* most fields end here, without a branch to guess */
        return SL__FIELD_OTHER;
    switch (len) {
    case 4:
        if (sl__lower4(name) == sl__lower4("host"))
            return SL__FIELD_HOST;
        break;
    case 6:
        if (sl__lower4(name) == sl__lower4("expe") && sl__lower4(name + 2) == sl__lower4("pect"))
            return SL__FIELD_EXPECT;
        break;
    case 10:
        if (sl__lower8(name) == sl__lower8("connecti") &&
            sl__lower4(name + 6) == sl__lower4("tion"))
            return SL__FIELD_CONNECTION;
        break;
    case 14:
        if (sl__lower8(name) == sl__lower8("content-") &&
            sl__lower8(name + 6) == sl__lower8("t-length"))
            return SL__FIELD_CONTENT_LENGTH;
        break;
    case 17:
        if (sl__lower8(name) == sl__lower8("transfer") &&
            sl__lower8(name + 8) == sl__lower8("-encodin") && (name[16] | 0x20) == 'g')
            return SL__FIELD_TRANSFER_ENCODING;
        break;
    default:
        break;
    }
    return SL__FIELD_OTHER;
}

/** Where a host that begins at @p p ends, if it is plain, a name and perhaps a port: nearly every
 * one is. NULL if that takes the grammar to tell. */
static inline const char *sl__scan_plain_host(const char *p, const char *last, const char *end)
{
    const char *stop = sl__scan_host_quick(p, last, end);
    unsigned port = 0;

    if (stop == end || *stop != ':')
        return stop;
    if (stop == p)
        return NULL;
    while (++stop < end && sl__char_is(*stop, SL__CHAR_DIGIT)) {
        port = port * 10 + (unsigned)(*stop - '0');
        if (port > 65535)
            return NULL;
    }
    return stop;
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

/* Each judges one field as its line is complete. SL__STEP_ON or a negative error. */
/* The buffer goes on behind the host up to @p end; @p last is sl__scan_last() of it. */
int sl__judge_host(struct sl__request *r, struct sl__span value, const char *begin,
                   const char *last, const char *end);
int sl__judge_content_length(struct sl__request *r, struct sl__str value);
int sl__judge_transfer_encoding(struct sl__request *r, struct sl__str value);
int sl__judge_connection(struct sl__request *r, struct sl__str value);
int sl__judge_expect(struct sl__request *r, struct sl__str value);

#endif
