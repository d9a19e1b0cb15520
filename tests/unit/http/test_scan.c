/*
 * The vector scans against the tables: every octet at every place, buffers of every length around
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

static const char *name_by_table(const char *p, const char *last, const char *end)
{
    (void)last;
    return sl__scan_name_by_table(p, end);
}

static const char *value_by_table(const char *p, const char *last, const char *end)
{
    (void)last;
    return sl__scan_value_by_table(p, end);
}

static const char *target_by_table(const char *p, const char *last, const char *end)
{
    (void)last;
    return sl__scan_target_by_table(p, end);
}

/* The quick scan of hosts may stop early; whoever goes on by table ends where the table would. */
static const char *host(const char *p, const char *last, const char *end)
{
    const char *stop = sl__scan_host_quick(p, last, end);

    assert_true(stop >= p && stop <= end);
    return sl__scan_host_by_table(stop, end);
}

static const char *host_by_table(const char *p, const char *last, const char *end)
{
    (void)last;
    return sl__scan_host_by_table(p, end);
}

/* Runs of 'a' with one other octet, in memory that ends where the buffer ends. */
static void same_everywhere(scan_fn *vector, scan_fn *table)
{
    for (size_t len = 0; len <= LONGEST; len++) {
        char *begin = malloc(len ? len : 1), *end = begin + len;
        const char *last = sl__scan_last(begin, end);

        assert_non_null(begin);
        memset(begin, 'a', len);
        for (const char *p = begin; p <= end; p++)
            assert_ptr_equal(vector(p, last, end), end);
        for (char *odd = begin; odd < end; odd++) {
            for (int octet = 0; octet < 256; octet++) {
                *odd = (char)octet;
                assert_ptr_equal(vector(begin, last, end), table(begin, last, end));
                assert_ptr_equal(vector(odd, last, end), table(odd, last, end));
            }
            *odd = 'a';
        }
        free(begin);
    }
}

static void names(void **state)
{
    (void)state;
    same_everywhere(sl__scan_name, name_by_table);
}

static void values(void **state)
{
    (void)state;
    same_everywhere(sl__scan_value, value_by_table);
}

static void targets(void **state)
{
    (void)state;
    same_everywhere(sl__scan_target, target_by_table);
}

static void hosts(void **state)
{
    (void)state;
    same_everywhere(host, host_by_table);
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
        cmocka_unit_test(names), cmocka_unit_test(values),  cmocka_unit_test(targets),
        cmocka_unit_test(hosts), cmocka_unit_test(classes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
