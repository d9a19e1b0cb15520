/*
 * Cookies as text.
 *
 * pairs.c comes here to read what a browser sent, set_cookie.c with what a handler wants it to
 * keep. Reading takes what is there, because one bad cookie of somebody else's must not hide the
 * others; nothing is decoded and quotes protect nothing, so that no semicolon can be smuggled past
 * the browser's own rules. Writing is strict: what is let out comes back as it was.
 */
#include "http/cookie.h"

#include <string.h>

#include "http/chars.h"

/* Up to the next semicolon, which goes too; false at the end. */
static bool take_piece(struct sl__str *left, struct sl__str *ret)
{
    const char *semicolon;
    size_t used;

    if (left->len == 0)
        return false;
    semicolon = memchr(left->ptr, ';', left->len);
    *ret = (struct sl__str){left->ptr, semicolon ? (size_t)(semicolon - left->ptr) : left->len};
    used = ret->len + (semicolon ? 1 : 0);
    *left = (struct sl__str){left->ptr + used, left->len - used};
    return true;
}

/* Both sides of the '='; false if there is none: then all of it is the name. */
static bool split(struct sl__str piece, struct sl__str *ret_name, struct sl__str *ret_value)
{
    const char *equals = piece.len > 0 ? memchr(piece.ptr, '=', piece.len) : NULL;
    size_t name = equals ? (size_t)(equals - piece.ptr) : piece.len;

    *ret_name = sl__str_trim((struct sl__str){piece.ptr, name});
    *ret_value = (struct sl__str){"", 0};
    if (equals)
        *ret_value = sl__str_trim((struct sl__str){equals + 1, piece.len - name - 1});
    return equals != NULL;
}

static struct sl__str unquoted(struct sl__str s)
{
    if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        return (struct sl__str){s.ptr + 1, s.len - 2};
    return s;
}

bool sl__cookie_next(struct sl__str *left, struct sl__str *ret_name, struct sl__str *ret_value)
{
    struct sl__str piece;

    while (take_piece(left, &piece)) {
        if (!split(piece, ret_name, ret_value) || ret_name->len == 0)
            continue;
        *ret_value = unquoted(*ret_value);
        return true;
    }
    return false;
}

ssize_t sl__cookie_name_fault(struct sl__str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!sl__char_is(name.ptr[i], SL__CHAR_TOKEN))
            return (ssize_t)i;
    return -1;
}

ssize_t sl__cookie_value_fault(struct sl__str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (c <= ' ' || c > '~' || c == '"' || c == ',' || c == ';' || c == '\\')
            return (ssize_t)i;
    }
    return -1;
}

bool sl__cookie_path_valid(struct sl__str path)
{
    if (path.len == 0 || path.len > SL__COOKIE_ATTRIBUTE_MAX || path.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] <= ' ' || path.ptr[i] > '~' || path.ptr[i] == ';')
            return false;
    return true;
}

static bool letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool sl__cookie_domain_valid(struct sl__str domain)
{
    size_t label = 0;

    if (domain.len == 0 || domain.len > 253)
        return false;
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.ptr[i];

        if (c == '.') {
            if (label == 0 || domain.ptr[i - 1] == '-')
                return false;
            label = 0;
        } else if (!letter_or_digit(c) && (c != '-' || label == 0)) {
            return false;
        } else if (++label > 63) {
            return false;
        }
    }
    return label > 0 && domain.ptr[domain.len - 1] != '-';
}

struct identity {
    struct sl__str name, path, domain;
    bool partitioned;
};

static struct identity identity_of(struct sl__str line)
{
    struct identity id = {{"", 0}, {"", 0}, {"", 0}, false};
    struct sl__str piece, name, value;

    if (take_piece(&line, &piece))
        split(piece, &id.name, &value);
    while (take_piece(&line, &piece)) {
        split(piece, &name, &value);
        if (sl__str_equal_nocase(name, SL__STR("Path")))
            id.path = value;
        else if (sl__str_equal_nocase(name, SL__STR("Domain")))
            id.domain = value;
        else if (sl__str_equal_nocase(name, SL__STR("Partitioned")))
            id.partitioned = true;
    }
    if (id.domain.len > 0 && id.domain.ptr[0] == '.') /* as browsers do */
        id.domain = (struct sl__str){id.domain.ptr + 1, id.domain.len - 1};
    return id;
}

bool sl__set_cookie_same(struct sl__str a, struct sl__str b)
{
    struct identity x = identity_of(a), y = identity_of(b);

    return sl__str_equal(x.name, y.name) && sl__str_equal(x.path, y.path) &&
           sl__str_equal_nocase(x.domain, y.domain) && x.partitioned == y.partitioned;
}
