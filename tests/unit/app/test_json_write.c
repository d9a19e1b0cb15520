/* JSON values to text: what is written is what was meant, and as short as it can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "app/json_write.h"
#include "base/mem.h"

static void expect(json_t *json, const char *text)
{
    struct sl__arena a = {0};
    struct sl__str s;

    assert_non_null(json);
    assert_int_equal(sl__json_write(&a, json, &s), 0);
    if (s.len != strlen(text) || memcmp(s.ptr, text, s.len) != 0)
        fail_msg("%.*s instead of %s", (int)s.len, s.ptr, text);
    sl__arena_reset(&a);
    json_decref(json);
}

static void values(void **state)
{
    expect(json_null(), "null");
    expect(json_true(), "true");
    expect(json_false(), "false");
    expect(json_array(), "[]");
    expect(json_object(), "{}");
    expect(json_integer(0), "0");
    expect(json_integer(-1234567890123456789), "-1234567890123456789");
    expect(json_integer(INT64_MIN), "-9223372036854775808");
    expect(json_pack("[i,[n],{s:b,s:{}}]", 1, "a", 1, "b"), "[1,[null],{\"a\":true,\"b\":{}}]");
    expect(json_stringn("a\0b", 3), "\"a\\u0000b\"");
    expect(json_string("\"\\/\b\f\n\r\t\x1f\x7f"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001f\x7f\"");
    expect(json_string("caf\xc3\xa9 \xf0\x9f\xa7\x85 \xe2\x82\xac"),
           "\"caf\xc3\xa9 \xf0\x9f\xa7\x85 \xe2\x82\xac\"");
    expect(json_pack("{s:i}", "a \"name\"", 1), "{\"a \\\"name\\\"\":1}");
}

static void reals(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {0.1, "0.1"},
        {-0.5, "-0.5"},
        {19.99, "19.99"},
        {3.25, "3.25"},
        {100.001, "100.001"},
        {1e15, "1000000000000000.0"},
        {123456789.123, "123456789.123"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e21, "1e+21"},
        {1.0 / 3, "0.3333333333333333"},
        {0.000000001, "0.000000001"},
        {1e-10, "1e-10"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {-DBL_MIN, "-2.2250738585072014e-308"},
        {4.9406564584124654e-324, "5e-324"},
        {1e20 / 3, "33333333333333330000.0"},
        {1e22 / 3, "3.3333333333333335e+21"},
        {1.0 / 3e5, "0.0000033333333333333333"},
        {1.0 / 3e7, "3.3333333333333334e-8"},
        {9007199254740993.0, "9007199254740992.0"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(json_real(cases[i].value), cases[i].text);
}

/* Every octet at every place of what is copied eight at a time. */
static void strings(void **state)
{
    for (size_t len = 1; len < 200; len += len < 20 ? 1 : 37)
        for (size_t at = 0; at < len; at++)
            for (int octet = 1; octet < 0x80; octet++) {
                struct sl__arena a = {0};
                char text[200];
                struct sl__str s;
                json_t *json, *back;

                memset(text, 'x', len);
                text[at] = (char)octet;
                json = json_stringn(text, len);
                assert_int_equal(sl__json_write(&a, json, &s), 0);
                back = json_loadb(s.ptr, s.len, JSON_DECODE_ANY, NULL);
                assert_true(json_equal(json, back));
                json_decref(json);
                json_decref(back);
                sl__arena_reset(&a);
            }
}

/* Any number of bits is read back as it was. */
static void reals_come_back(void **state)
{
    uint64_t x = 88172645463325252u;

    for (int i = 0; i < 100000; i++) {
        struct sl__arena a = {0};
        struct sl__str s;
        json_t *json;
        char text[64];
        double value;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        if (i % 2)
            memcpy(&value, &x, sizeof value);
        else
            value = (double)(int64_t)(x % 2000000000) / (i % 3 ? 1000 : 7);
        if (!isfinite(value))
            continue;
        json = json_real(value);
        assert_int_equal(sl__json_write(&a, json, &s), 0);
        memcpy(text, s.ptr, s.len);
        text[s.len] = '\0';
        assert_true(s.len < 32 && strtod(text, NULL) == value);
        assert_non_null(strpbrk(text, ".e"));
        json_decref(json);
        sl__arena_reset(&a);
    }
}

static json_t *nested(unsigned depth)
{
    json_t *json = json_array();

    while (--depth > 0)
        json = json_pack("[o]", json);
    return json;
}

static void refuses(void **state)
{
    struct sl__arena a = {0};
    struct sl__str s;
    json_t *json = nested(512);

    assert_int_equal(sl__json_write(&a, json, &s), 0);
    assert_int_equal(s.len, 1024);
    json = json_pack("[o]", json);
    assert_int_equal(sl__json_write(&a, json, &s), -EINVAL);
    assert_int_equal(sl__json_write(&a, NULL, &s), -EINVAL);
    json_decref(json);
    sl__arena_reset(&a);
}

/* Into what is left of a block, whatever is left, and out of it. */
static void any_room(void **state)
{
    json_t *json = json_pack("{s:[i,i,i,s],s:f,s:n}", "numbers", 1, 22, 333, "a\n\"b\"", "half", .5,
                             "nothing");

    for (size_t used = 0; used < 4080; used += 16) {
        struct sl__arena a = {0};
        struct sl__str s;
        json_t *back;

        assert_non_null(sl__arena_alloc(&a, 16));
        for (size_t i = 0; i < used; i += 16)
            sl__arena_alloc(&a, 16);
        assert_int_equal(sl__json_write(&a, json, &s), 0);
        memset(sl__arena_alloc(&a, 64), 'x', 64); /* behind it, or elsewhere */
        back = json_loadb(s.ptr, s.len, 0, NULL);
        assert_true(json_equal(json, back));
        json_decref(back);
        sl__arena_reset(&a);
    }
    json_decref(json);
}

static bool never(size_t size)
{
    return true;
}

static void without_memory(void **state)
{
    struct sl__arena a = {0};
    struct sl__str s;
    json_t *json = json_string("x");

    sl__mem_fault = never;
    assert_int_equal(sl__json_write(&a, json, &s), -ENOMEM);
    sl__mem_fault = NULL;
    json_decref(json);
    sl__arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),          cmocka_unit_test(reals),   cmocka_unit_test(strings),
        cmocka_unit_test(reals_come_back), cmocka_unit_test(refuses), cmocka_unit_test(any_room),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
