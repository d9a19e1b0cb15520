/*
 * Cookies: a field is taken apart without losing or finding octets, what may be written comes back
 * as it was, and a line always means the same cookie as itself.
 */
#include <string.h>

#include "fuzz.h"
#include "http/cookie.h"

static bool inside(struct sl__str part, struct sl__str whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The same by another way: octet by octet, for the pair that begins at @p at. */
static size_t step(struct sl__str in, size_t at, struct sl__str *ret_name,
                   struct sl__str *ret_value)
{
    size_t end = at, equals;

    while (end < in.len && in.ptr[end] != ';')
        end++;
    for (equals = at; equals < end && in.ptr[equals] != '=';)
        equals++;
    *ret_name = (struct sl__str){in.ptr + at, equals - at};
    *ret_value = (struct sl__str){in.ptr + equals + 1, equals < end ? end - equals - 1 : 0};
    for (struct sl__str *s = ret_name; s; s = s == ret_name ? ret_value : NULL) {
        for (; s->len > 0 && blank(s->ptr[0]); s->len--)
            s->ptr++;
        while (s->len > 0 && blank(s->ptr[s->len - 1]))
            s->len--;
    }
    if (ret_value->len >= 2 && ret_value->ptr[0] == '"' &&
        ret_value->ptr[ret_value->len - 1] == '"')
        *ret_value = (struct sl__str){ret_value->ptr + 1, ret_value->len - 2};
    if (equals == end)
        ret_name->len = 0;
    return end + 1;
}

static void check_written(struct sl__str name, struct sl__str value)
{
    char *text = malloc(name.len + value.len + 2);
    struct sl__str field = {text, name.len + value.len + 1}, back_name, back_value;

    CHECK(text);
    memcpy(text, name.ptr, name.len);
    text[name.len] = '=';
    memcpy(text + name.len + 1, value.ptr, value.len);
    CHECK(sl__cookie_next(&field, &back_name, &back_value) && field.len == 0);
    CHECK(sl__str_equal(back_name, name) && sl__str_equal(back_value, value));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl__str in = {(const char *)data, size}, left = in, name, value, name2, value2;
    size_t at = 0;

    while (sl__cookie_next(&left, &name, &value)) {
        CHECK(inside(name, in) && inside(value, in) && name.len > 0);
        do
            at = step(in, at, &name2, &value2);
        while (name2.len == 0 && at <= in.len);
        CHECK(sl__str_equal(name, name2) && sl__str_equal(value, value2));
        if (sl__cookie_name_fault(name) < 0 && sl__cookie_value_fault(value) < 0)
            check_written(name, value);
        sl__cookie_path_valid(value);
        sl__cookie_domain_valid(value);
    }
    CHECK(left.len == 0);
    while (at < in.len) {
        at = step(in, at, &name2, &value2);
        CHECK(name2.len == 0);
    }
    CHECK(sl__set_cookie_same(in, in));
    return 0;
}
