/* Media types and their parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/media.h"
#include "shallot/error.h"

static void types(void **state)
{
    static const char *const cases[][2] = {
        {"text/plain", "text/plain"},
        {" text/plain ; a=b", "text/plain"},
        {"", ""},
        {NULL, ""},
        {";a=b", ""},
        {"text/plain;", "text/plain"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(sl__str_equal(sl__media_type(cases[i][0]), sl__str_of(cases[i][1])));
}

static void parameters(void **state)
{
    static const struct {
        const char *field;
        int r;
        const char *value; /* of "a" */
    } cases[] = {
        {"x/y", 0, NULL},
        {"x/y;", 0, NULL},
        {"x/y;;; ;a=b;", 1, "b"},
        {"x/y; A=b", 1, "b"},
        {"x/y;c=d;a=b", 1, "b"},
        {"x/y;a=\"b c\"", 1, "b c"},
        {"x/y;a=\"b\\\"c\" ; d=e", 1, "b\\\"c"},
        {"x/y;a=\"\"", 1, ""},
        {"x/y;ab=c", 0, NULL},
        {"x/y;a=b;a=b", -1, NULL},
        {"x/y;a", -1, NULL},
        {"x/y;a=", -1, NULL},
        {"x/y;a = b", -1, NULL},
        {"x/y;a=b c", -1, NULL},
        {"x/y;a=b;=", -1, NULL},
        {"x/y;a=\"b", -1, NULL},
        {"x/y;a=\"b\\", -1, NULL},
        {"x/y;a=\"b\"c", -1, NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl__media_param p;
        int r = sl__media_param(cases[i].field, SL__STR("a"), &p);

        if (r != (cases[i].r < 0 ? -SL_EBADREQUEST : cases[i].r))
            fail_msg("%s: %d", cases[i].field, r);
        if (r > 0)
            assert_true(sl__str_equal(p.value, sl__str_of(cases[i].value)));
    }
}

static void quotes(void **state)
{
    char text[20];

    assert_int_equal(sl__media_unquote(SL__STR("a\\\"b\\\\c\\d"), text), 6);
    assert_string_equal(text, "a\"b\\cd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(types), cmocka_unit_test(parameters),
                                       cmocka_unit_test(quotes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
