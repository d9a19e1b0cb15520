/* What the Accept fields say of what is offered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/accept.h"

struct row {
    const char *field, *offered;
    unsigned weight, rank;
};

static void check(enum sl__accept kind, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sl__quality q =
            sl__accept_quality(kind, sl__str_of(rows[i].field), sl__str_of(rows[i].offered));

        if (q.weight != rows[i].weight || q.rank != rows[i].rank)
            print_error("\"%s\" of \"%s\": weight %u, rank %u\n", rows[i].field, rows[i].offered,
                        q.weight, q.rank);
        assert_int_equal(q.weight, rows[i].weight);
        assert_int_equal(q.rank, rows[i].rank);
    }
}

#define CHECK_ROWS(kind, rows) check(kind, rows, sizeof(rows) / sizeof(rows)[0])

static void types(void **state)
{
    /* RFC 9110 §12.5.1, the example with its table, but for the quoted comma. */
    static const char five[] = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, "
                               "text/plain;format=fixed;q=0.4, */*;q=0.5";
    const struct row rows[] = {
        {five, "text/plain;format=flowed", 1000, 5},
        {five, "text/plain", 700, 4},
        {five, "text/html", 300, 2},
        {five, "image/jpeg", 500, 1},
        {five, "text/plain;format=fixed", 400, 5},
        {five, "text/html;level=3", 300, 2},
        {"text/html", "text/html", 1000, 4},
        {"TEXT/Html", "text/html", 1000, 4},
        {"text/html", "text/plain", 0, 0},
        {"text/html", "text/html; charset=utf-8", 1000, 4},
        {"text/html;charset=utf-8", "text/html; charset=utf-8", 1000, 5},
        {"text/html;charset=UTF-8", "text/html;charset=\"utf-8\"", 1000, 5},
        {"text/html; charset=latin1", "text/html; charset=utf-8", 0, 0},
        {"application/json;charset=utf-8", "application/json", 1000, 4},
        {"text/html;level=1", "text/html", 0, 0},
        {"text/html ; level=1 ; q=0.5", "text/html;level=1", 500, 5},
        {"text/html;x=\"a,b;c\\\"d\";q=0.2", "text/html;x=\"a,b;c\\\"d\"", 200, 5},
        {"text/html;q=0", "text/html", 0, 4},
        {"*/*, text/html;q=0", "text/html", 0, 4},
        {"*/*, text/*;q=0", "text/html", 0, 2},
        {"text/html;q=0.2, text/html;q=0.9", "text/html", 900, 4},
        {"text/html;q=0.9;level=1", "text/html", 900, 4}, /* what once was an accept-ext */
        {"text/html;Q=0.9", "text/html", 900, 4},
        /* malformed: as if it were not there */
        {"text/html;q=1.001", "text/html", 0, 0},
        {"text/html;q=0.1234", "text/html", 0, 0},
        {"text/html;q=2", "text/html", 0, 0},
        {"text/html;q=", "text/html", 0, 0},
        {"text/html;q=-1", "text/html", 0, 0},
        {"text/html;q=.5", "text/html", 0, 0},
        {"text/html;q=0,5", "text/html", 0, 4}, /* two members */
        {"text/html;q=\"0.5\"", "text/html", 0, 0},
        {"text", "text/html", 0, 0},
        {"text/", "text/html", 0, 0},
        {"/html", "text/html", 0, 0},
        {"text/html/x", "text/html", 0, 0},
        {"*/html", "text/html", 0, 0},
        {"*", "text/html", 0, 0},
        {"text /html", "text/html", 0, 0},
        {"text/html;level", "text/html", 0, 0},
        {"text/html;", "text/html", 1000, 4},
        {",, ,text/html,", "text/html", 1000, 4},
        {"text/html;q=1.", "text/html", 1000, 4},
        {"text/html;q=0.", "text/html", 0, 4},
        {"text/html;q=1.000", "text/html", 1000, 4},
        {"text/html;q=0.001", "text/html", 1, 4},
        {"text/html;x=\"never closed, */*", "image/png", 0, 0},
        {"", "text/html", 0, 0},
        {"nonsense, text/html", "text/html", 1000, 4},
    };

    CHECK_ROWS(SL__ACCEPT_TYPE, rows);
}

static void encodings(void **state)
{
    const struct row rows[] = {
        {"gzip, br", "br", 1000, 4},
        {"gzip;q=0.5, *;q=0.1", "gzip", 500, 4},
        {"gzip;q=0.5, *;q=0.1", "br", 100, 1},
        {"gzip;q=0.5, *;q=0.1", "identity", 100, 1},
        {"x-gzip", "gzip", 1000, 4},
        {"gzip", "x-gzip", 1000, 4},
        {"GZip", "gzip", 1000, 4},
        {"*;q=0", "identity", 0, 1},
        {"identity;q=0", "identity", 0, 4},
        {"gzip", "identity", 0, 0},
        {"gzip;q=0", "gzip", 0, 4},
        {"gz ip", "gzip", 0, 0},
    };

    CHECK_ROWS(SL__ACCEPT_ENCODING, rows);
}

static void languages(void **state)
{
    const struct row rows[] = {
        {"da, en-gb;q=0.8, en;q=0.7", "en-GB", 800, 4},
        {"da, en-gb;q=0.8, en;q=0.7", "en-US", 700, 3},
        {"da, en-gb;q=0.8, en;q=0.7", "en", 700, 4},
        {"da, en-gb;q=0.8, en;q=0.7", "da-DK", 1000, 3},
        {"en-GB", "en", 1000, 2},
        {"zh-Hant-TW", "zh", 1000, 2},
        {"zh-Hant-TW", "zh-Hant", 1000, 2},
        {"zh-TW", "zh-CN", 0, 0},
        {"de", "den", 0, 0},
        {"den", "de", 0, 0},
        {"*;q=0.1, fr", "de", 100, 1},
        {"en, en-US;q=0", "en-US", 0, 4},
        {"en_US", "en-US", 0, 0},
    };

    CHECK_ROWS(SL__ACCEPT_LANGUAGE, rows);
}

static void charsets(void **state)
{
    const struct row rows[] = {
        {"iso-8859-5, unicode-1-1;q=0.8", "ISO-8859-5", 1000, 4},
        {"iso-8859-5, *;q=0.1", "utf-8", 100, 1},
        {"iso-8859-5", "utf-8", 0, 0},
    };

    CHECK_ROWS(SL__ACCEPT_CHARSET, rows);
}

static void silence(void **state)
{
    static const char *const silent[] = {"", " ", ",", ";", "html", "text/html;q=5", "*", "a b/c"};
    static const char *const not_silent[] = {"*/*;q=0", "x, a/b", "a/b;x=\"", ",a/b"};

    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
        assert_true(sl__accept_is_silent(SL__ACCEPT_TYPE, sl__str_of(silent[i])));
    for (size_t i = 0; i < sizeof not_silent / sizeof not_silent[0]; i++)
        assert_false(sl__accept_is_silent(SL__ACCEPT_TYPE, sl__str_of(not_silent[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),    cmocka_unit_test(encodings), cmocka_unit_test(languages),
        cmocka_unit_test(charsets), cmocka_unit_test(silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
