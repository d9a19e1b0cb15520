/*
 * Hosts: a registered name, an IPv4 address (which is one too, by its characters), or an address in
 * brackets; then perhaps a port.
 *
 * The parser comes here with the value of Host and with the authority of an absolute target, and
 * leaves with yes or no. What passes here ends up in logs, redirects and the keys of caches, so the
 * grammar is followed to the letter; beyond it an escaped NUL is refused, as everywhere.
 */
#include "http/http1/host.h"

#include "http/chars.h"

/* Each of the following takes what it knows from [p, end) and returns where it stopped, or NULL if
 * that is wrong. */

static const char *take_reg_name(const char *p, const char *end)
{
    for (; p < end; p++) {
        if (sl__char_is(*p, SL__CHAR_HOST))
            continue;
        if (*p != '%')
            break;
        if (end - p < 3 || !sl__char_is(p[1], SL__CHAR_HEX) || !sl__char_is(p[2], SL__CHAR_HEX) ||
            (p[1] == '0' && p[2] == '0'))
            return NULL;
        p += 2;
    }
    return p;
}

static const char *take_octet(const char *p, const char *end)
{
    const char *start = p;
    unsigned value = 0;

    while (p < end && p - start < 3 && sl__char_is(*p, SL__CHAR_DIGIT))
        value = value * 10 + (unsigned)(*p++ - '0');
    if (p == start || value > 255 || (*start == '0' && p - start > 1))
        return NULL;
    return p;
}

static bool is_ipv4(const char *p, const char *end)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0) {
            if (p == end || *p != '.')
                return false;
            p++;
        }
        p = take_octet(p, end);
        if (!p)
            return false;
    }
    return p == end;
}

static const char *take_group(const char *p, const char *end)
{
    const char *start = p;

    while (p < end && p - start < 4 && sl__char_is(*p, SL__CHAR_HEX))
        p++;
    return p > start ? p : NULL;
}

/* Eight groups of 16 bits, of which the last two may be an IPv4 address; one "::" stands for at
 * least one group of zeros. */
static bool is_ipv6(const char *p, const char *end)
{
    unsigned groups = 0;
    bool gap = end - p >= 2 && p[0] == ':' && p[1] == ':';

    if (gap)
        p += 2;
    while (p < end) {
        if (is_ipv4(p, end)) {
            groups += 2;
            break;
        }
        p = take_group(p, end);
        if (!p)
            return false;
        groups++;
        if (p == end)
            break;
        if (*p++ != ':' || p == end)
            return false;
        if (*p == ':') {
            if (gap)
                return false;
            gap = true;
            p++;
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

static bool is_ip_future(const char *p, const char *end)
{
    const char *digits;

    if (p == end || (*p != 'v' && *p != 'V'))
        return false;
    digits = ++p;
    while (p < end && sl__char_is(*p, SL__CHAR_HEX))
        p++;
    if (p == digits || p == end || *p++ != '.' || p == end)
        return false;
    while (p < end && (sl__char_is(*p, SL__CHAR_HOST) || *p == ':'))
        p++;
    return p == end;
}

static const char *take_ip_literal(const char *p, const char *end)
{
    const char *close = memchr(p, ']', (size_t)(end - p));

    if (!close || !(is_ipv6(p + 1, close) || is_ip_future(p + 1, close)))
        return NULL;
    return close + 1;
}

static bool is_port(const char *p, const char *end)
{
    unsigned value = 0;

    for (; p < end; p++) {
        if (!sl__char_is(*p, SL__CHAR_DIGIT))
            return false;
        value = value * 10 + (unsigned)(*p - '0');
        if (value > 65535)
            return false;
    }
    return true;
}

bool sl__host_valid(struct sl__str host)
{
    const char *start = host.ptr, *end = start + host.len, *p;

    if (host.len == 0)
        return false;
    p = *start == '[' ? take_ip_literal(start, end) : take_reg_name(start, end);
    if (!p || p == start)
        return false;
    return p == end || (*p == ':' && is_port(p + 1, end));
}
