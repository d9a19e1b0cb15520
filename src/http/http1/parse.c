/*
 * The HTTP/1 parser: the head of a request, from its first octet to its empty line.
 *
 * The connection comes here with everything it has received so far and leaves with the length of
 * the head, an error, or the wish for more. Nothing is kept between calls. line.h takes the request
 * line, fields.h one field line after the other; here they become a head, and what the fields say
 * together is judged.
 *
 * Each step looks at octets in their order and never asks how many there are except to find that
 * one is missing; so the first thing wrong in a head decides its answer, however the octets were
 * cut. A step returns SL__STEP_ON, SL__STEP_MORE or a negative error. Line ends are CRLF and
 * nothing else.
 */
#include "http/http1/parse.h"

#include "http/http1/fields.h"
#include "http/http1/line.h"

static inline bool is_four_digits(const char *p)
{
    const uint32_t high = UINT32_C(0xf0f0f0f0), digits = UINT32_C(0x30303030);
    uint32_t octets;

    memcpy(&octets, p, 4);
    /* Each is 0x30 to 0x3f, so that adding six overflows none, and leaves 0x30 to 0x39 there. */
    return (octets & high) == digits && ((octets + UINT32_C(0x06060606)) & high) == digits;
}

/* Behind a port that is one whatever its digits are: four at most. */
static inline const char *plain_port_end(const char *port, const char *end)
{
    const char *p = port;

    if (end - port >= 4 && is_four_digits(port))
        return port + 4;
    while (p < end && p < port + 4 && sl__char_is(*p, SL__CHAR_DIGIT))
        p++;
    return p;
}

/* Where a plain host ends, a name and perhaps a port, as nearly every one is; NULL if that takes
 * the whole grammar to tell. */
static inline const char *plain_host_end(const struct sl__cursor *c, const char *host)
{
    const char *p = sl__scan_host_quick(host, c->last, c->end);

    if (p == host || p == c->end)
        return NULL;
    if (*p == ':')
        p = plain_port_end(p + 1, c->end);
    return c->end - p >= 2 && memcmp(p, "\r\n", 2) == 0 ? p : NULL;
}

/* Nearly every head begins with Host, as RFC 9110 §7.2 recommends, and a plain one, of which one
 * scan tells all that there is to know. False: it is to be looked at like any other field. */
static inline bool take_plain_host(struct sl__cursor *c, struct sl__request *r,
                                   struct sl__field *field)
{
    const char *name = c->at, *host = name + 6, *end;

    if (c->end - name < 6 || sl__lower4(name) != sl__lower4("host") ||
        memcmp(name + 4, ": ", 2) != 0 || r->facts)
        return false;
    end = plain_host_end(c, host);
    if (!end)
        return false;
    field->name = sl__span_of(c->begin, name, name + 4);
    field->value = r->host = sl__span_of(c->begin, host, end);
    r->facts = SL__FACT_HOST;
    c->at = end + 2;
    return true;
}

static inline int take_fields(struct sl__cursor *c, const struct sl_limits *limits,
                              struct sl__request *r, struct sl__field *fields)
{
    struct sl__field *field = fields, *last = fields + limits->head_fields;

    if (field < last && take_plain_host(c, r, field))
        field++;
    for (; c->at < c->end && *c->at != '\r'; field++) {
        const char *line = c->at;
        int step;

        if (field == last)
            return -SL_EHEADTOOBIG;
        step = sl__take_field(c, field);
        if (step > 0 && sl__may_be_judged(*line))
            step = sl__judge_field(r, c->begin, field);
        if (step <= 0)
            return step;
    }
    r->fields = fields;
    r->field_count = (uint32_t)(field - fields);
    return sl__take_crlf(c, c->at);
}

/* The head is complete: what do its fields say together? */
static inline int judge_head(struct sl__request *r)
{
    unsigned facts = r->facts;

    if (r->minor > 0 && !(facts & SL__FACT_HOST))
        return -SL_EBADREQUEST;
    r->keep_alive = !(facts & SL__FACT_CLOSE) && (r->minor > 0 || facts & SL__FACT_KEEP_ALIVE);
    if (facts & SL__FACT_CHUNKED)
        r->body = SL__BODY_CHUNKED;
    else if (r->content_length > 0)
        r->body = SL__BODY_LENGTH;
    /* HTTP/1.0 knows no interim answers, and without a body there is nothing to wait for. */
    r->expect_continue = facts & SL__FACT_CONTINUE && r->minor > 0 && r->body != SL__BODY_NONE;
    return SL__STEP_ON;
}

/* What the steps may leave alone. Not by assigning a whole struct: compilers make a string
 * instruction of that, which takes longer to start than a short head to parse. */
static inline void clear(struct sl__request *r)
{
    r->method = SL__METHOD_OTHER;
    r->body = SL__BODY_NONE;
    r->facts = 0;
    r->path_escaped = r->asterisk = false;
    r->query = r->host = (struct sl__span){0, 0};
    r->content_length = 0;
    r->trailers = NULL;
    r->trailer_count = 0;
}

ssize_t sl__http1_parse(const char *buf, size_t len, const struct sl_limits *limits,
                        struct sl__request *ret, struct sl__field *fields)
{
    bool full = len >= limits->head_bytes;
    struct sl__cursor c = sl__cursor_of(buf, full ? limits->head_bytes : len);
    int step;

    clear(ret);
    step = sl__take_request_line(&c, limits, ret);
    if (step > 0)
        step = take_fields(&c, limits, ret, fields);
    if (step > 0)
        step = judge_head(ret);
    if (step > 0)
        return c.at - buf;
    ret->run = (uint8_t)c.run;
    return step == SL__STEP_MORE && full ? -SL_EHEADTOOBIG : step;
}

bool sl__http1_still_partial(const struct sl__http1_part *part, const char *buf, size_t len,
                             const struct sl_limits *limits)
{
    const char *end = buf + len;

    return part->run && len < limits->head_bytes &&
           sl__scan_by_table(buf + part->seen, end, part->run) == end;
}

void sl__http1_terminate_fields(char *buf, const struct sl__field *fields, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buf[fields[i].name.at + fields[i].name.len] = '\0';
        buf[fields[i].value.at + fields[i].value.len] = '\0';
    }
}
