/* Ranges (RFC 9110 §14.1.2): which octets are meant, what is joined, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/range.h"

static struct sl__ranges got;

/* "WHOLE", "NONE", or "at+len at+len". */
static const char *describe(const char *value, int64_t size)
{
    static char text[1024];
    size_t at = 0;

    switch (sl__range_read(sl__str_of(value), size, &got)) {
    case SL__RANGE_WHOLE:
        return "WHOLE";
    case SL__RANGE_NONE:
        return "NONE";
    case SL__RANGE_PARTS:
        break;
    }
    for (int i = 0; i < got.count; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld+%lld", i ? " " : "",
                               (long long)got.list[i].at, (long long)got.list[i].len);
    return text;
}

static void meanings(void **state)
{
    static const struct {
        const char *value;
        int64_t size;
        const char *meaning;
    } table[] = {
        /* those of the RFC, for 10,000 octets */
        {"bytes=0-499", 10000, "0+500"},
        {"bytes=500-999", 10000, "500+500"},
        {"bytes=-500", 10000, "9500+500"},
        {"bytes=9500-", 10000, "9500+500"},
        {"bytes=0-0,-1", 10000, "0+1 9999+1"},
        {"bytes= 0-999, 4500-5499, -1000", 10000, "0+1000 4500+1000 9000+1000"},
        {"bytes=500-600,601-999", 10000, "500+500"},
        {"bytes=500-700,601-999", 10000, "500+500"},
        /* at the ends */
        {"bytes=0-", 10000, "0+10000"},
        {"bytes=0-9999", 10000, "0+10000"},
        {"bytes=0-10000", 10000, "0+10000"},
        {"bytes=9999-", 10000, "9999+1"},
        {"bytes=9999-9999", 10000, "9999+1"},
        {"bytes=10000-", 10000, "NONE"},
        {"bytes=10000-20000", 10000, "NONE"},
        {"bytes=-10000", 10000, "0+10000"},
        {"bytes=-10001", 10000, "0+10000"},
        {"bytes=-0", 10000, "NONE"},
        {"bytes=0-,10000-", 10000, "0+10000"},
        {"bytes=10000-,-0", 10000, "NONE"},
        /* of nothing */
        {"bytes=0-", 0, "NONE"},
        {"bytes=0-0", 0, "NONE"},
        {"bytes=-1", 0, "NONE"},
        /* numbers beyond all */
        {"bytes=0-99999999999999999999999999", 10000, "0+10000"},
        {"bytes=99999999999999999999999999-", 10000, "NONE"},
        {"bytes=-99999999999999999999999999", 10000, "0+10000"},
        {"bytes=9223372036854775807-9223372036854775807", 10000, "NONE"},
        {"bytes=00000000000000000000000000000001-2", 10000, "1+2"},
        /* the list */
        {"bytes=0-9 ,,\t1000-1009 , ", 10000, "0+10 1000+10"},
        {"bytes=1000-1009,0-9", 10000, "1000+10 0+10"},
        {"BYTES=0-9", 10000, "0+10"},
        {" bytes=0-9 ", 10000, "0+10"},
        /* joined: overlapping, the same, close, and what that brings together */
        {"bytes=0-99,50-149", 10000, "0+150"},
        {"bytes=0-9,0-9,0-9", 10000, "0+10"},
        {"bytes=0-9,90-99", 10000, "0+100"},
        {"bytes=0-9,91-99", 10000, "0+10 91+9"},
        {"bytes=0-9,1000-1009,0-2000", 10000, "0+2001"},
        {"bytes=1000-1009,0-9,5000-5009,5-1000", 10000, "0+1010 5000+10"},
        {"bytes=5000-5009,0-9,9000-9009,4000-4999,10-20", 10000, "4000+1010 0+21 9000+10"},
        {"bytes=0-,0-,0-,0-,0-", 10000, "0+10000"},
        /* as many as there may be, and one more */
        {"bytes=0-0,100-100,200-200,300-300,400-400,500-500,600-600,700-700,800-800,900-900,1000-"
         "1000,1100-1100,1200-1200,1300-1300,1400-1400,1500-1500",
         10000,
         "0+1 100+1 200+1 300+1 400+1 500+1 600+1 700+1 800+1 900+1 1000+1 1100+1 1200+1 1300+1 "
         "1400+1 1500+1"},
        {"bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0", 10000,
         "WHOLE"},
        {"bytes=20000-,20000-,20000-,20000-,20000-,20000-,20000-,20000-,20000-,20000-,20000-,20000-"
         ",20000-,20000-,20000-,20000-,20000-",
         10000, "WHOLE"},
        /* no ranges of octets; then malformed ones */
        {"", 10000, "WHOLE"},
        {"bytes", 10000, "WHOLE"},
        {"bytes=", 10000, "WHOLE"},
        {"bytes=,", 10000, "WHOLE"},
        {"bytes 0-9", 10000, "WHOLE"},
        {"bytes =0-9", 10000, "WHOLE"},
        {"lines=0-9", 10000, "WHOLE"},
        {"bytes=9-0", 10000, "NONE"},
        {"bytes=0-9,9-0", 10000, "NONE"},
        {"bytes=-", 10000, "NONE"},
        {"bytes=--1", 10000, "NONE"},
        {"bytes=5", 10000, "NONE"},
        {"bytes=a-b", 10000, "NONE"},
        {"bytes=0-9;", 10000, "NONE"},
        {"bytes=0 - 9", 10000, "NONE"},
        {"bytes=+1-2", 10000, "NONE"},
        {"bytes=0x1-2", 10000, "NONE"},
        {"bytes=1-2-3", 10000, "NONE"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *meaning = describe(table[i].value, table[i].size);

        if (strcmp(meaning, table[i].meaning) != 0)
            print_error("%s\n", table[i].value);
        assert_string_equal(meaning, table[i].meaning);
    }
}

/* Whatever is asked for: nothing twice, nothing that is not there, and everything that is. */
static void against_a_map(void **state)
{
    srand(14);
    for (int round = 0; round < 20000; round++) {
        int size = 1 + rand() % 2000, count = 1 + rand() % SL__RANGES_MAX;
        static unsigned char wanted[2000], sent[2000];
        char value[400] = "bytes=";
        size_t at = 6;

        memset(wanted, 0, sizeof wanted);
        memset(sent, 0, sizeof sent);
        for (int i = 0; i < count; i++) {
            int first = rand() % 2200, last = first + rand() % (1 + rand() % 300);

            at += (size_t)snprintf(value + at, sizeof value - at, "%d-%d,", first, last);
            for (int j = first; j <= last && j < size; j++)
                wanted[j] = 1;
        }
        if (sl__range_read(sl__str_of(value), size, &got) == SL__RANGE_NONE)
            got.count = 0;
        for (int i = 0; i < got.count; i++)
            for (int64_t j = got.list[i].at; j < got.list[i].at + got.list[i].len; j++) {
                assert_true(j < size);
                assert_int_equal(sent[j]++, 0);
            }
        for (int j = 0; j < size; j++)
            assert_true(sent[j] >= wanted[j]);
    }
}

static void cut_everywhere(void **state)
{
    static const char value[] = "bytes=0-9, 200-299 ,-5";

    for (size_t len = 0; len < sizeof value; len++) {
        char *piece = malloc(len + 1);

        memcpy(piece, value, len);
        sl__range_read((struct sl__str){piece, len}, 1000, &got);
        free(piece);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meanings),
        cmocka_unit_test(against_a_map),
        cmocka_unit_test(cut_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
