/*
 * Decoding what a target carries.
 *
 * The app comes here for the path and its parameters, and for query values when a handler asks, and
 * leaves with them in storage of its own. Runs without an escape are copied whole.
 */
#include "http/target.h"

#include "http/chars.h"
#include "shallot/error.h"

/* Decodes the escape at @p p. -1 if it is none, or a NUL. */
static int escape_at(const char *p, const char *end)
{
    unsigned octet;

    if (end - p < 3 || !sl__char_is(p[1], SL__CHAR_HEX) || !sl__char_is(p[2], SL__CHAR_HEX))
        return -1;
    octet = sl__hex_value(p[1]) << 4 | sl__hex_value(p[2]);
    return octet ? (int)octet : -1;
}

static ssize_t decode(struct sl__str in, char *out, bool keep_slash, bool plus_is_space)
{
    const char *p = in.ptr, *end = p + in.len;
    char *to = out;

    while (p < end) {
        int octet = (unsigned char)*p;

        if (*p == '%') {
            octet = escape_at(p, end);
            if (octet < 0)
                return -SL_EBADREQUEST;
            if (octet == '/' && keep_slash) {
                memmove(to, p, 3);
                to += 2;
                octet = p[2];
            }
            p += 2;
        } else if (*p == '+' && plus_is_space) {
            octet = ' ';
        }
        *to++ = (char)octet;
        p++;
    }
    *to = '\0';
    return to - out;
}

ssize_t sl__decode_path(struct sl__str in, char *out)
{
    return decode(in, out, true, false);
}

ssize_t sl__decode_component(struct sl__str in, char *out)
{
    return decode(in, out, false, false);
}

ssize_t sl__decode_form(struct sl__str in, char *out)
{
    return decode(in, out, false, true);
}

/* Takes what is before the first @p separator, and the separator. */
static struct sl__str split(struct sl__str *rest, char separator)
{
    const char *at = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
    struct sl__str before = *rest;

    if (at) {
        before.len = (size_t)(at - rest->ptr);
        *rest = (struct sl__str){at + 1, rest->len - before.len - 1};
    } else {
        *rest = (struct sl__str){rest->ptr + rest->len, 0};
    }
    return before;
}

bool sl__query_next(struct sl__str *query, struct sl__str *ret_key, struct sl__str *ret_value)
{
    while (query->len > 0) {
        struct sl__str pair = split(query, '&');

        if (pair.len == 0)
            continue;
        *ret_key = split(&pair, '=');
        *ret_value = pair;
        return true;
    }
    return false;
}

bool sl__form_equal(struct sl__str raw, struct sl__str plain)
{
    const char *p = raw.ptr, *end = p + raw.len;

    for (size_t i = 0; i < plain.len; i++, p++) {
        int octet;

        if (p == end)
            return false;
        octet = *p == '%' ? escape_at(p, end) : *p == '+' ? ' ' : (unsigned char)*p;
        if (octet != (unsigned char)plain.ptr[i])
            return false;
        if (*p == '%')
            p += 2;
    }
    return p == end;
}
