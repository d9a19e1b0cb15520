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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_dates),
        cmocka_unit_test(test_against_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
