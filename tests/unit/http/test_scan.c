/*
 * The quick scans against the tables: every octet at every place, buffers of every length around
 * the width of a vector, beginning anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/http1/scan.h"

#define LONGEST 50

typedef const char *scan_fn(const char *p, const char *last, const char *end);

/* A quick scan may stop early; whoever goes on by table ends where the table would. */
static void agree(scan_fn *quick, unsigned classes, const char *p, const char *end,
                  const char *last)
{
    const char *stop = quick(p, last, end);

    assert_true(stop >= p && stop <= end);
    assert_ptr_equal(sl__scan_by_table(stop, end, classes), sl__scan_by_table(p, end, classes));
}

/* Runs of 'a' with one other octet, in memory that ends where the buffer ends. */
static void same_everywhere(scan_fn *quick, unsigned classes)
{
    for (size_t len = 0; len <= LONGEST; len++) {
        char *begin = malloc(len ? len : 1), *end = begin + len;
        const char *last = sl__scan_last(begin, end);

        assert_non_null(begin);
        memset(begin, 'a', len);
        for (const char *p = begin; p <= end; p++)
            assert_ptr_equal(quick(p, last, end), end);
        for (char *odd = begin; odd < end; odd++) {
            for (int octet = 0; octet < 256; octet++) {
                *odd = (char)octet;
                agree(quick, classes, begin, end, last);
                agree(quick, classes, odd, end, last);
            }
            *odd = 'a';
        }
        free(begin);
    }
}

static void names(void **state)
{
    (void)state;
    same_everywhere(sl__scan_name_quick, SL__CHAR_TOKEN);
}

static void hosts(void **state)
{
    (void)state;
    same_everywhere(sl__scan_host_quick, SL__CHAR_HOST);
}

static void targets(void **state)
{
    (void)state;
    same_everywhere(sl__scan_target_quick, SL__CHAR_PATH);
}

static void check_lines(const char *begin, const char *end)
{
    struct sl__scan_lines lines = sl__scan_lines_of(begin, end);

    for (const char *p = begin, *stop; p <= end; p = stop + 1) {
        stop = sl__scan_line_quick(&lines, p);
        assert_true(stop >= p && stop <= end);
        assert_ptr_equal(sl__scan_by_table(stop, end, SL__CHAR_VALUE),
                         sl__scan_by_table(p, end, SL__CHAR_VALUE));
#ifndef SL__SCAN_BY_TABLE
        if (end - begin >= SL__SCAN_BLOCK && stop < end)
            assert_false(*stop >= ' ' && *stop <= '~'); /* plain text stops no one */
#endif
    }
}

/* Every octet at every place of buffers of up to three blocks, and line ends at any two places:
 * these are taken one after the other, from block to block. */
static void lines(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 3 * SL__SCAN_BLOCK + 3; len++) {
        char *begin = malloc(len ? len : 1), *end = begin + len;

        assert_non_null(begin);
        memset(begin, 'a', len);
        check_lines(begin, end);
        for (char *odd = begin; odd < end; odd++) {
            for (int octet = 0; octet < 256; octet += len % 7 == 0 ? 1 : 13) {
                *odd = (char)octet;
                check_lines(begin, end);
            }
            *odd = '\r';
            for (char *other = odd + 1; other < end; other += 5) {
                *other = '\r';
                check_lines(begin, end);
                *other = 'a';
            }
            *odd = 'a';
        }
        free(begin);
    }
}

/* The classes of the RFCs, said in another way than in the table. */
static void classes(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool visible = c > 0x20 && c < 0x7f;
        bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        bool delimiter = c && strchr("\"(),/:;<=>?@[\\]{}", c);

        assert_int_equal(sl__char_is((char)c, SL__CHAR_TOKEN), visible && !delimiter);
        assert_int_equal(sl__char_is((char)c, SL__CHAR_VALUE),
                         visible || c == ' ' || c == '\t' || c >= 0x80);
        assert_int_equal(sl__char_is((char)c, SL__CHAR_TARGET), visible && !strchr("\"#<>", c));
        assert_int_equal(sl__char_is((char)c, SL__CHAR_PATH), visible && !strchr("\"#<>%?", c));
        assert_int_equal(sl__char_is((char)c, SL__CHAR_HOST),
                         alpha || digit || (c && strchr("-._~!$&'()*+,;=", c)));
        assert_int_equal(sl__char_is((char)c, SL__CHAR_DIGIT), digit);
        assert_int_equal(sl__char_is((char)c, SL__CHAR_HEX),
                         digit || (c && strchr("abcdefABCDEF", c)));
    }
    assert_int_equal(sl__hex_value('0'), 0);
    assert_int_equal(sl__hex_value('9'), 9);
    assert_int_equal(sl__hex_value('a'), 10);
    assert_int_equal(sl__hex_value('F'), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), cmocka_unit_test(hosts),   cmocka_unit_test(targets),
        cmocka_unit_test(lines), cmocka_unit_test(classes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
