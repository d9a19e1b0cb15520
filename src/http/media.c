/*
 * Media types and their parameters.
 *
 * Who reads a body comes here with its Content-Type, multipart.c with the Content-Disposition of a
 * part. Nothing is copied but by sl__media_unquote().
 */
#include "http/media.h"

#include "http/chars.h"
#include "shallot/error.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_spaces(struct sl__str *s)
{
    while (s->len > 0 && is_space(s->ptr[0]))
        *s = (struct sl__str){s->ptr + 1, s->len - 1};
}

static struct sl__str take(struct sl__str *s, size_t len)
{
    struct sl__str taken = {s->ptr, len};

    *s = (struct sl__str){s->ptr + len, s->len - len};
    return taken;
}

static struct sl__str take_token(struct sl__str *s)
{
    size_t len = 0;

    while (len < s->len && sl__char_is(s->ptr[len], SL__CHAR_TOKEN))
        len++;
    return take(s, len);
}

struct sl__str sl__media_type(const char *field)
{
    struct sl__str s = sl__str_of(field ? field : "");

    skip_spaces(&s);
    s.len = strcspn(s.ptr, ";");
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct sl__str sl__media_params(const char *field)
{
    return sl__str_of(field ? field + strcspn(field, ";") : "");
}

/* Behind the opening quote. A backslash takes the next octet with it. */
static int take_quoted(struct sl__str *left, struct sl__str *ret)
{
    size_t len = 0;

    while (len < left->len && left->ptr[len] != '"')
        len += left->ptr[len] == '\\' ? 2 : 1;
    if (len >= left->len)
        return -SL_EBADREQUEST;
    *ret = take(left, len);
    take(left, 1);
    return 1;
}

static int take_value(struct sl__str *left, struct sl__media_param *ret)
{
    ret->quoted = left->len > 0 && left->ptr[0] == '"';
    if (ret->quoted) {
        take(left, 1);
        return take_quoted(left, &ret->value);
    }
    ret->value = take_token(left);
    return ret->value.len > 0 ? 1 : -SL_EBADREQUEST;
}

int sl__media_param_next(struct sl__str *left, struct sl__media_param *ret)
{
    for (;;) {
        skip_spaces(left);
        if (left->len == 0)
            return 0;
        if (take(left, 1).ptr[0] != ';')
            return -SL_EBADREQUEST;
        skip_spaces(left);
        if (left->len > 0 && left->ptr[0] != ';') /* nothing between two semicolons is allowed */
            break;
    }
    ret->name = take_token(left);
    if (ret->name.len == 0 || left->len == 0 || take(left, 1).ptr[0] != '=')
        return -SL_EBADREQUEST;
    return take_value(left, ret);
}

int sl__media_param(const char *field, struct sl__str name, struct sl__media_param *ret)
{
    struct sl__str left = sl__media_params(field);
    struct sl__media_param p;
    int found = 0, r;

    while ((r = sl__media_param_next(&left, &p)) > 0) {
        if (!sl__str_equal_nocase(p.name, name))
            continue;
        if (found)
            return -SL_EBADREQUEST;
        *ret = p;
        found = 1;
    }
    return r < 0 ? r : found;
}

size_t sl__media_unquote(struct sl__str in, char *out)
{
    char *to = out;

    for (size_t i = 0; i < in.len; i++) {
        if (in.ptr[i] == '\\' && i + 1 < in.len)
            i++;
        *to++ = in.ptr[i];
    }
    *to = '\0';
    return (size_t)(to - out);
}
