/*
 * The HTTP/1 parser: the head of a request, from its first octet to its empty line.
 *
 * The connection comes here with everything it has received so far and leaves with the length of
 * the head, an error, or the wish for more. Nothing is kept between calls. Each step below looks at
 * octets in their order and never asks how many there are except to find that one is missing; so
 * the first thing wrong in a head decides its answer, however the octets were cut.
 *
 * A step returns SL__STEP_ON, SL__STEP_MORE or a negative error. Line ends are CRLF and nothing
 * else.
 */
#include "http/http1/parse.h"

#include "http/http1/fields.h"
#include "http/http1/host.h"

/* A client may send an empty line or two ahead of a request (RFC 9112 §2.2), not a flood. */
#define EMPTY_LINES_MAX 8

/* The longest method there is a name for has 17 letters. */
#define METHOD_MAX 64

static inline int skip_empty_lines(struct sl__cursor *c)
{
    for (int i = 0; i < EMPTY_LINES_MAX; i++) {
        int r;

        if (c->at == c->end)
            return SL__STEP_MORE;
        if (*c->at != '\r')
            return SL__STEP_ON;
        r = sl__take_crlf(c, c->at);
        if (r <= 0)
            return r;
    }
    return SL__STEP_ON;
}

static inline int take_method(struct sl__cursor *c, struct sl__request *r)
{
    const char *method = c->at, *end = c->end, *p;

    if (end - method >= 4 && memcmp(method, "GET ", 4) == 0) { /* most of the traffic there is */
        r->method = SL__METHOD_GET;
        p = method + 3;
    } else {
        if (end - method > METHOD_MAX)
            end = method + METHOD_MAX + 1;
        p = sl__scan_name_by_table(method, end);
        if (p - method > METHOD_MAX) /* longer than any we would serve (RFC 9112 §3) */
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
static inline int check_escape(const char *p, const char *end)
{
    if (end - p < 3)
        return SL__STEP_MORE;
    if (!sl__char_is(p[1], SL__CHAR_HEX) || !sl__char_is(p[2], SL__CHAR_HEX))
        return -SL_EBADREQUEST;
    return p[1] == '0' && p[2] == '0' ? -SL_EBADREQUEST : SL__STEP_ON;
}

/* Takes the target's octets, whatever form it has; leaves the query's beginning in r->query. The
 * scan ends one octet beyond the limit, as if nothing followed, so that a target is too long before
 * anything behind that is looked at. */
static inline int take_target(struct sl__cursor *c, size_t max, struct sl__request *r)
{
    const char *target = c->at, *end = c->end, *last = c->last, *p = target;
    int step = SL__STEP_MORE;

    if ((size_t)(end - target) > max) {
        end = target + max + 1;
        last = sl__scan_last(c->begin, end);
    }
    for (;;) {
        p = sl__scan_target(p, last, end);
        if (p == end)
            break;
        if (*p == '?') {
            if (r->query.at == 0)
                r->query.at = (uint32_t)(++p - c->begin);
            else
                p++;
            continue;
        }
        if (*p != '%') {
            if (*p != ' ' || p == target)
                return -SL_EBADREQUEST;
            r->target = sl__span_of(c->begin, target, p);
            c->at = p + 1;
            return SL__STEP_ON;
        }
        step = check_escape(p, end);
        if (step <= 0)
            break;
        r->path_escaped |= r->query.at == 0;
        p += 3;
    }
    if (step < 0)
        return step;
    return (size_t)(end - target) > max ? -SL_ETARGETTOOLONG : SL__STEP_MORE;
}

/* HTTP/D.D and nothing else (RFC 9112 §2.3). Any minor of 1 is spoken as the highest we know; any
 * other major is somebody else's protocol, and version 0 never was one. */
static int take_odd_version(struct sl__cursor *c)
{
    static const char form[] = "HTTP/#.#\r\n";
    const char *p = c->at;

    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        if (p + i == c->end)
            return SL__STEP_MORE;
        if (form[i] == '#' ? !sl__char_is(p[i], SL__CHAR_DIGIT) : p[i] != form[i])
            return -SL_EBADREQUEST;
    }
    return p[5] == '0' ? -SL_EBADREQUEST : -SL_EVERSION;
}

static inline int take_version(struct sl__cursor *c, struct sl__request *r)
{
    const char *p = c->at;

    if (c->end - p < 10 || memcmp(p, "HTTP/1.", 7) != 0 || !sl__char_is(p[7], SL__CHAR_DIGIT) ||
        memcmp(p + 8, "\r\n", 2) != 0)
        return take_odd_version(c);
    r->minor = (uint8_t)(p[7] - '0');
    c->at = p + 10;
    return SL__STEP_ON;
}

/* Length of "http://" or "https://" in any case, 0 if it is neither (RFC 9110 §4.2). */
static size_t scheme_length(const char *p, size_t len)
{
    if (len > 7 && sl__lower4(p) == sl__lower4("http")) {
        if (memcmp(p + 4, "://", 3) == 0)
            return 7;
        if ((p[4] | 0x20) == 's' && memcmp(p + 5, "://", 3) == 0)
            return 8;
    }
    return 0;
}

/* scheme://authority, then path and query as in the origin form (RFC 9112 §3.2.2). */
static int judge_absolute(struct sl__request *r, const char *begin)
{
    const char *target = begin + r->target.at, *end = target + r->target.len;
    size_t scheme = scheme_length(target, r->target.len);
    const char *host = target + scheme, *p = host;

    if (scheme == 0)
        return -SL_EBADREQUEST;
    while (p < end && *p != '/' && *p != '?')
        p++;
    if (!sl__host_valid((struct sl__str){host, (size_t)(p - host)}))
        return -SL_EBADREQUEST;
    r->facts |= SL__FACT_AUTHORITY;
    r->host = sl__span_of(begin, host, p);
    r->path.at = (uint32_t)(p - begin);
    /* OPTIONS for the authority alone is the asterisk form on its way (RFC 9112 §3.2.4). */
    r->asterisk = p == end && r->method == SL__METHOD_OPTIONS;
    return SL__STEP_ON;
}

static bool is_connect(const struct sl__request *r, const char *begin)
{
    return r->method_name.len == 7 && memcmp(begin + r->method_name.at, "CONNECT", 7) == 0;
}

/* Origin, absolute or asterisk form (RFC 9112 §3.2). The authority form belongs to CONNECT, which
 * asks for a tunnel; this is no proxy, and refuses it whatever its target. */
static inline int judge_target(struct sl__request *r, const char *begin)
{
    const char *target = begin + r->target.at;
    uint32_t end = r->target.at + r->target.len;
    int step = SL__STEP_ON;

    if (r->method == SL__METHOD_OTHER && is_connect(r, begin))
        return -SL_EBADREQUEST;
    r->path.at = r->target.at;
    if (*target == '*' && r->target.len == 1) {
        if (r->method != SL__METHOD_OPTIONS)
            return -SL_EBADREQUEST;
        r->asterisk = true;
    } else if (*target != '/') {
        step = judge_absolute(r, begin);
    }
    r->path.len = (r->query.at ? r->query.at - 1 : end) - r->path.at;
    if (r->query.at)
        r->query.len = end - r->query.at;
    return step;
}

static inline int take_request_line(struct sl__cursor *c, const struct sl_limits *limits,
                                    struct sl__request *r)
{
    int step = skip_empty_lines(c);

    if (step > 0)
        step = take_method(c, r);
    if (step > 0)
        step = take_target(c, limits->target_bytes, r);
    if (step > 0)
        step = take_version(c, r);
    if (step > 0)
        step = judge_target(r, c->begin);
    return step;
}

static inline int judge_field(struct sl__request *r, const struct sl__field *field,
                              const struct sl__cursor *c)
{
    const char *begin = c->begin;
    struct sl__str value = {begin + field->value.at, field->value.len};

    switch (sl__known_field(begin + field->name.at, field->name.len)) {
    case SL__FIELD_HOST:
        return sl__judge_host(r, field->value, begin, c->last, c->end);
    case SL__FIELD_CONTENT_LENGTH:
        return sl__judge_content_length(r, value);
    case SL__FIELD_TRANSFER_ENCODING:
        return sl__judge_transfer_encoding(r, value);
    case SL__FIELD_CONNECTION:
        return sl__judge_connection(r, value);
    case SL__FIELD_EXPECT:
        return sl__judge_expect(r, value);
    case SL__FIELD_OTHER:
        break;
    }
    return SL__STEP_ON;
}

/* Nearly every head begins with a plain Host, as RFC 9110 §7.2 recommends; of that one scan tells
 * all that there is to know. False: it is to be looked at like any other field. */
static inline bool take_plain_host(struct sl__cursor *c, struct sl__request *r,
                                   struct sl__field *field)
{
    const char *name = c->at, *host = name + 6, *p;

    if (c->end - name < 6 || memcmp(name, "Host: ", 6) != 0 || r->facts)
        return false;
    p = sl__scan_plain_host(host, c->last, c->end);
    if (!p || p == host || c->end - p < 2 || memcmp(p, "\r\n", 2) != 0)
        return false;
    field->name = sl__span_of(c->begin, name, name + 4);
    field->value = r->host = sl__span_of(c->begin, host, p);
    r->facts = SL__FACT_HOST;
    c->at = p + 2;
    return true;
}

static inline int take_fields(struct sl__cursor *c, const struct sl_limits *limits,
                              struct sl__request *r, struct sl__field *fields)
{
    struct sl__field *field = fields, *last = fields + limits->head_fields;
    int step;

    if (field < last && take_plain_host(c, r, field))
        field++;
    for (;; field++) {
        if (c->at == c->end)
            return SL__STEP_MORE;
        if (*c->at == '\r')
            break;
        if (field == last)
            return -SL_EHEADTOOBIG;
        step = sl__take_field(c, field);
        if (step > 0)
            step = judge_field(r, field, c);
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

/* What the steps may leave alone, or not come to. Not by assigning a whole struct: compilers make a
 * string instruction of that, which takes longer to start than a short head to parse. */
static inline void clear(struct sl__request *r)
{
    r->method = SL__METHOD_OTHER;
    r->body = SL__BODY_NONE;
    r->minor = r->facts = 0;
    r->path_escaped = r->asterisk = r->keep_alive = r->expect_continue = false;
    r->query = r->host = (struct sl__span){0, 0};
    r->content_length = 0;
    r->fields = r->trailers = NULL;
    r->field_count = r->trailer_count = 0;
    r->trailer_base = NULL;
}

ssize_t sl__http1_parse(const char *buf, size_t len, const struct sl_limits *limits,
                        struct sl__request *ret, struct sl__field *fields)
{
    bool full = len >= limits->head_bytes;
    struct sl__cursor c = sl__cursor_of(buf, full ? limits->head_bytes : len);
    int step;

    clear(ret);
    step = take_request_line(&c, limits, ret);
    if (step > 0)
        step = take_fields(&c, limits, ret, fields);
    if (step > 0)
        step = judge_head(ret);
    if (step > 0)
        return c.at - buf;
    return step == SL__STEP_MORE && full ? -SL_EHEADTOOBIG : step;
}

void sl__http1_terminate_fields(char *buf, const struct sl__field *fields, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buf[fields[i].name.at + fields[i].name.len] = '\0';
        buf[fields[i].value.at + fields[i].value.len] = '\0';
    }
}

void sl__http1_terminate(char *buf, const struct sl__request *r)
{
    buf[r->method_name.at + r->method_name.len] = '\0';
    buf[r->target.at + r->target.len] = '\0';
    sl__http1_terminate_fields(buf, r->fields, r->field_count);
}
