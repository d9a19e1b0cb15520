/* Lines of the control socket, taken apart and put together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_split(void **state)
{
    static const struct {
        const char *line;
        int count;
        const char *words[SL__CONTROL_WORDS];
    } rows[] = {
        {"", 0, {0}},
        {"   ", 0, {0}},
        {"status", 1, {"status"}},
        {"  scale   +1 ", 2, {"scale", "+1"}},
        {"a b c d e f g h", 8, {"a", "b", "c", "d", "e", "f", "g", "h"}},
        {"a b c d e f g h ", 8, {"a", "b", "c", "d", "e", "f", "g", "h"}},
        {"a b c d e f g h i", -E2BIG, {0}},
        {"stat\tus", -EINVAL, {0}},
        {"status\r", -EINVAL, {0}},
        {"\x7f", -EINVAL, {0}},
        {"caf\xc3\xa9", -EINVAL, {0}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[SL__CONTROL_LINE], *words[SL__CONTROL_WORDS];
        int n;

        snprintf(line, sizeof line, "%s", rows[i].line);
        n = sl__control_split(line, strlen(line), words);
        assert_int_equal(n, rows[i].count);
        for (int j = 0; j < n; j++)
            assert_string_equal(words[j], rows[i].words[j]);
    }
}

static void test_a_nul_is_no_end(void **state)
{
    char line[] = "sta\0tus", *words[SL__CONTROL_WORDS];

    assert_int_equal(sl__control_split(line, 7, words), -EINVAL);
}

static void test_random_lines_stay_inside(void **state)
{
    srand(1);
    for (int i = 0; i < 100000; i++) {
        char *words[SL__CONTROL_WORDS];
        size_t len = (size_t)rand() % 40;
        char *line = malloc(len + 1); /* of its size: a sanitizer sees a step outside */
        int n;

        for (size_t j = 0; j < len; j++)
            line[j] = rand() % 4 ? (char)(' ' + rand() % 95) : ' ';
        n = sl__control_split(line, len, words);
        assert_in_range(n < 0 ? 0 : n, 0, SL__CONTROL_WORDS);
        for (int j = 0; j < n; j++)
            assert_true(words[j] >= line && words[j] + strlen(words[j]) <= line + len && *words[j]);
        free(line);
    }
}

static void test_numbers(void **state)
{
    uint32_t n = 0;

    assert_true(sl__control_number("1", 1, 256, &n) && n == 1);
    assert_true(sl__control_number("256", 1, 256, &n) && n == 256);
    assert_true(sl__control_number("4294967295", 0, UINT32_MAX, &n) && n == UINT32_MAX);
    assert_false(sl__control_number("0", 1, 256, &n));
    assert_false(sl__control_number("257", 1, 256, &n));
    assert_false(sl__control_number("", 0, 256, &n));
    assert_false(sl__control_number("-1", 0, 256, &n));
    assert_false(sl__control_number("1x", 0, 256, &n));
    assert_false(sl__control_number("99999999999999999999999", 0, UINT32_MAX, &n));
}

static void test_compose(void **state)
{
    struct sl__buf out = {0};

    assert_int_equal(sl__control_compose(&out, '+', "a\tb\nc\x1b[31m\x7f\xc3\xa9", 14), 0);
    assert_int_equal(sl__control_compose(&out, '.', "", 0), 0);
    assert_int_equal(sl__buf_len(&out), 3 + 14 + 3 - 0);
    assert_memory_equal(out.data + out.at, "+ a\tb?c?[31m?\xc3\xa9\0\n", 5);
    assert_memory_equal(out.data + out.end - 3, ". \n", 3);
    assert_null(memchr(out.data + out.at + 2, '\x1b', sl__buf_len(&out) - 2));
    sl__buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_a_nul_is_no_end),
        cmocka_unit_test(test_random_lines_stay_inside),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_compose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
