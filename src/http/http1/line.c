/*
 * What is seldom in a request line: versions other than 1.1, and targets that are no plain path.
 *
 * The parser comes here from line.h when its quick look was not enough, and leaves with what it
 * would have found itself, or with the error.
 */
#include "http/http1/line.h"

#include "http/http1/host.h"

/* HTTP/D.D and nothing else (RFC 9112 §2.3). Any minor of 1 is spoken as the highest we know; any
 * other major is somebody else's protocol, and version 0 never was one. */
int sl__read_version(const char *p, const char *end, uint8_t *ret_minor)
{
    static const char form[] = "HTTP/#.#\r\n";

    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        if (p + i == end)
            return SL__STEP_MORE;
        if (form[i] == '#' ? !sl__char_is(p[i], SL__CHAR_DIGIT) : p[i] != form[i])
            return -SL_EBADREQUEST;
    }
    if (p[5] != '1')
        return p[5] == '0' ? -SL_EBADREQUEST : -SL_EVERSION;
    *ret_minor = (uint8_t)(p[7] - '0');
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
    r->path.at += (uint32_t)(p - target);
    r->path.len -= (uint32_t)(p - target);
    /* OPTIONS for the authority alone is the asterisk form on its way (RFC 9112 §3.2.4). */
    r->asterisk = p == end && r->method == SL__METHOD_OPTIONS;
    return SL__STEP_ON;
}

static bool is_connect(const struct sl__request *r, const char *begin)
{
    return r->method_name.len == 7 && memcmp(begin + r->method_name.at, "CONNECT", 7) == 0;
}

/* The authority form belongs to CONNECT, which asks for a tunnel (RFC 9112 §3.2.3); this is no
 * proxy, and refuses it whatever its target. */
int sl__judge_target(struct sl__request *r, const char *begin)
{
    const char *target = begin + r->target.at;

    if (is_connect(r, begin))
        return -SL_EBADREQUEST;
    if (*target == '/')
        return SL__STEP_ON;
    if (*target != '*' || r->target.len > 1)
        return judge_absolute(r, begin);
    r->asterisk = r->method == SL__METHOD_OPTIONS; /* RFC 9112 §3.2.4 */
    return r->asterisk ? SL__STEP_ON : -SL_EBADREQUEST;
}
