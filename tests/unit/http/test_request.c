/*
 * Methods and fields of a request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/request.h"

static void methods(void **state)
{
    static const char *const others[] = {"",     "get",   "Get",   "GETT",   "GE",      "PUSH",
                                         "HEED", "TRACE", "PITCH", "DELETF", "CONNECT", "OPTIONS2"};

    (void)state;
    for (int m = SL__METHOD_GET; m < SL__METHOD_COUNT; m++)
        assert_int_equal(sl__method_of(sl__str_of(sl__method_name((enum sl__method)m))), m);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        assert_int_equal(sl__method_of(sl__str_of(others[i])), SL__METHOD_OTHER);
    assert_string_equal(sl__method_name(SL__METHOD_OPTIONS), "OPTIONS");
    assert_string_equal(sl__method_name(SL__METHOD_OTHER), "");
    assert_string_equal(sl__method_name((enum sl__method)77), "");
}

static void fields_by_name(void **state)
{
    char head[] = "Cookie: a\r\nX: 1\r\ncOOKIE: b\r\n";
    const struct sl__field fields[] = {
        {{0, 6}, {8, 1}},
        {{11, 1}, {14, 1}},
        {{17, 6}, {25, 1}},
    };
    struct sl__request r = {.base = head, .fields = fields, .field_count = 3};
    uint32_t at = 0;

    (void)state;
    assert_ptr_equal(sl__request_field(&r, SL__STR("cookie"), &at), &fields[0]);
    assert_ptr_equal(sl__request_field(&r, SL__STR("COOKIE"), &at), &fields[2]);
    assert_true(sl__str_equal(sl__request_str(&r, fields[2].value), SL__STR("b")));
    assert_null(sl__request_field(&r, SL__STR("cookie"), &at));
    assert_null(sl__request_field(&r, SL__STR("cookie"), &at));
    at = 0;
    assert_null(sl__request_field(&r, SL__STR("Cooki"), &at));
    at = 0;
    assert_null(sl__request_field(&r, SL__STR(""), &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods),
        cmocka_unit_test(fields_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
