/* src/base/errors.c: our texts, the system's, and what is neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <shallot/error.h>

static void test_texts(void **state)
{
    static const struct {
        int error;
        const char *text;
    } table[] = {
        {-SL_EFAIL, "the handler failed the request"},
        {SL_ENEXTTWICE, "next() called multiple times"},
        {-SL_EPROTOCOL, "master and worker speak different versions"},
        {-ENOENT, "No such file or directory"},
        {EADDRINUSE, "Address already in use"},
        {0, "Success"},
        {-4096, "unknown error"},
        {-99999, "unknown error"},
        {INT_MIN, "unknown error"},
        {INT_MAX, "unknown error"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_string_equal(sl_strerror(table[i].error), table[i].text);
}

static void test_table(void **state)
{
    static const struct {
        int number, status;
        const char *text;
    } table[] = {
#define ROW(name, number, status, text) {number, status, text},
        SL_ERRORS(ROW)
#undef ROW
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_true(table[i].number > 4096); /* beyond every errno */
        assert_in_range(table[i].status, 400, 599);
        assert_string_equal(sl_strerror(-table[i].number), table[i].text);
        if (i > 0)
            assert_true(table[i].number > table[i - 1].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
