/* src/base/time.c against the C library, which takes another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/time.h"

static void check(int64_t t)
{
    char expected[64], got[SL__HTTP_DATE_LEN + 1];
    time_t seconds = (time_t)t;
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    sl__http_date(t, got);
    assert_string_equal(got, expected);
}

static void test_known_dates(void **state)
{
    static const struct {
        int64_t at;
        const char *text;
    } table[] = {
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"}, /* RFC 9110's own */
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"}, /* 2100 has no leap day */
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT"},
    };
    char got[SL__HTTP_DATE_LEN + 1];

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        sl__http_date(table[i].at, got);
        assert_string_equal(got, table[i].text);
    }
}

static void test_against_the_c_library(void **state)
{
    srand(4);
    for (int64_t day = -3000; day < 60000; day++) /* every day from 1961 to 2134 */
        check(day * 86400 + rand() % 86400);
    for (int i = 0; i < 20000; i++) /* the years 1000 to 9999 */
        check(INT64_C(-30610224000) + (int64_t)((double)rand() / RAND_MAX * 284012568000.0));
}

static bool read_date(const char *text, int64_t now, int64_t *ret)
{
    return sl__http_date_read(sl__str_of(text), now, ret);
}

static void test_reading(void **state)
{
    static const struct {
        const char *text;
        int64_t now, at; /* -1: no date */
    } table[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0, 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777, 784111777},
        {"Sun Nov  6 08:49:37 1994", 0, 784111777},
        {"Wed Nov 16 08:49:37 1994", 0, 784975777},
        {"Mon, 06 Nov 1994 08:49:37 GMT", 0, 784111777}, /* the wrong day, but a day */
        {"Sat, 31 Dec 2016 23:59:60 GMT", 0, 1483228800},
        {"Tue, 29 Feb 2000 00:00:00 GMT", 0, 951782400},
        {"Saturday, 01-Jan-00 00:00:00 GMT", 1700000000, 946684800},
        {"Wednesday, 01-Jan-70 00:00:00 GMT", 1700000000, 3155760000}, /* 2070 from 2023 */
        {"Wednesday, 01-Jan-75 00:00:00 GMT", 1700000000, 157766400},  /* 2075 would be 52 ahead */
        {"Thursday, 01-Jan-99 00:00:00 GMT", 4000000000, 4070908800},  /* 2099 from 2096 */
        {"Thursday, 01-Jan-03 00:00:00 GMT", 4070908800, 4197052800},  /* 2103 from 2099 */
        {"", 0, -1},
        {"Sun", 0, -1},
        {"Sun, 06 Nov 1994 08:49:37", 0, -1},
        {"Sun, 06 Nov 1994 08:49:37 UTC", 0, -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", 0, -1},
        {" Sun, 06 Nov 1994 08:49:37 GMT", 0, -1},
        {"sun, 06 nov 1994 08:49:37 gmt", 0, -1},
        {"Sun, 6 Nov 1994 08:49:37 GMT", 0, -1},
        {"Sun, 00 Nov 1994 08:49:37 GMT", 0, -1},
        {"Sun, 31 Nov 1994 08:49:37 GMT", 0, -1},
        {"Wed, 29 Feb 2100 00:00:00 GMT", 0, -1},
        {"Sun, 06 Nov 1994 24:49:37 GMT", 0, -1},
        {"Sun, 06 Nov 1994 08:60:37 GMT", 0, -1},
        {"Sun, 06 Nov 1994 08:49:61 GMT", 0, -1},
        {"Sun, 06 Nov 94 08:49:37 GMT", 0, -1},
        {"Sunday, 06-Nov-1994 08:49:37 GMT", 0, -1},
        {"Mondayday, 06-Nov-94 08:49:37 GMT", 0, -1},
        {"Sun Nov 06 08:49:37 94", 0, -1},
        {"Sun Nov   6 08:49:37 1994", 0, -1},
        {"784111777", 0, -1},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int64_t at = -1;

        if (read_date(table[i].text, table[i].now, &at) != (table[i].at >= 0) || at != table[i].at)
            print_error("%s: %lld\n", table[i].text, (long long)at);
        assert_int_equal(at, table[i].at);
    }
}

static void test_what_is_written_can_be_read(void **state)
{
    char text[SL__HTTP_DATE_LEN + 1];
    int64_t at;

    srand(5);
    for (int64_t day = -719528; day < 2932896; day += 11) {
        int64_t t = day * 86400 + rand() % 86400;

        sl__http_date(t, text);
        assert_true(read_date(text, 0, &at));
        assert_int_equal(at, t);
    }
    for (size_t len = 0; len < SL__HTTP_DATE_LEN; len++)
        assert_false(sl__http_date_read((struct sl__str){text, len}, 0, &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_dates),
        cmocka_unit_test(test_against_the_c_library),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_what_is_written_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
