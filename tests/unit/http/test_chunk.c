/*
 * The chunked decoder: a table of bodies, each decoded whole, cut at every octet and octet by
 * octet; the outcome is always the same data, or the same error at the same octet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/http1/chunk.h"
#include "shallot/error.h"

#define DONE 1 /* the body ends with the input */
#define MORE 0
#define BAD (-SL_EBADREQUEST)
#define BIG (-SL_EHEADTOOBIG)

struct chunk_case {
    const char *section, *why, *in;
    size_t len;
    int result;
    const char *data, *trailer; /* of a body that is DONE or wants MORE */
};

#define BODY(section, why, in, result, data, trailer)                                              \
    {                                                                                              \
        section, why, in, sizeof(in) - 1, result, data, trailer                                    \
    }
#define ONE(section, why, line, result)                                                            \
    BODY(section, why, line "\r\nhello\r\n0\r\n\r\n", result, "hello", "\r\n")
#define TRAILER(section, why, lines, result)                                                       \
    BODY(section, why, "0\r\n" lines "\r\n", result, "", lines "\r\n")

static const struct chunk_case cases[] = {
    BODY("7.1", "no data", "0\r\n\r\n", DONE, "", "\r\n"),
    BODY("7.1", "several chunks", "5\r\nhello\r\n1\r\n \r\n6\r\nonions\r\n0\r\n\r\n", DONE,
         "hello onions", "\r\n"),
    BODY("7.1", "both cases of digits", "a\r\n0123456789\r\nB\r\nabcdefghijk\r\n0\r\n\r\n", DONE,
         "0123456789abcdefghijk", "\r\n"),
    BODY("7.1", "line ends are data inside", "6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", DONE, "\r\n0\r\n\r",
         "\r\n"),
    BODY("7.1", "many zeros for the last chunk", "0000\r\n\r\n", DONE, "", "\r\n"),
    ONE("7.1", "zeros in front", "00000000000000000000000000000000000005", DONE),
    ONE("7.1", "no size", "", BAD),
    ONE("7.1", "space behind the size", "5 ", BAD),
    ONE("7.1", "tab behind the size", "5\t", BAD),
    ONE("7.1", "space before the size", " 5", BAD),
    ONE("7.1", "plus", "+5", BAD),
    ONE("7.1", "minus", "-5", BAD),
    ONE("7.1", "prefix of C", "0x5", BAD),
    ONE("7.1", "suffix", "5h", BAD),
    ONE("7.1", "no digit", "g", BAD),
    ONE("7.1", "quoted", "\"5\"", BAD),
    ONE("7.1", "two sizes", "5 5", BAD),
    ONE("7.1", "comma", "5,5", BAD),
    ONE("7.1", "point", "5.0", BAD),
    ONE("7.1", "underscore", "0_5", BAD),
    ONE("7.1", "NUL before", "\0005", BAD),
    ONE("7.1", "NUL behind", "5\0", BAD),
    ONE("7.1", "octet above ASCII", "\xb5", BAD),
    ONE("7.1", "2^63 - 1 of zeros and fives", "ffffffffffffffff", BAD),
    ONE("7.1", "2^63", "8000000000000000", BAD),
    ONE("7.1", "2^64 + 5", "10000000000000005", BAD),
    ONE("7.1", "2^68 + 5", "100000000000000005", BAD),
    BODY("7.1", "2^63 - 1", "7fffffffffffffff\r\nhello", MORE, "hello", ""),
    BODY("7.1", "2^32 + 5 is not 5", "100000005\r\nhello\r\n", MORE, "hello\r\n", ""),
    BODY("7.1", "bare LF behind the size", "5\nhello\r\n0\r\n\r\n", BAD, "", ""),
    BODY("7.1", "bare CR behind the size", "5\rhello\r\n0\r\n\r\n", BAD, "", ""),
    BODY("7.1", "CR CR LF behind the size", "5\r\r\nhello\r\n0\r\n\r\n", BAD, "", ""),
    BODY("7.1", "data too long", "5\r\nhello!\r\n0\r\n\r\n", BAD, "", ""),
    BODY("7.1", "data too short", "5\r\nhell\r\n0\r\n\r\n", BAD, "", ""),
    BODY("7.1", "no line end behind the data", "5\r\nhello0\r\n\r\n", BAD, "", ""),
    BODY("7.1", "bare LF behind the data", "5\r\nhello\n0\r\n\r\n", BAD, "", ""),
    BODY("7.1", "bare CR behind the data", "5\r\nhello\r0\r\n\r\n", BAD, "", ""),
    BODY("7.1", "LF CR behind the data", "5\r\nhello\n\r0\r\n\r\n", BAD, "", ""),
    BODY("7.1", "an empty line before the size", "\r\n5\r\nhello\r\n0\r\n\r\n", BAD, "", ""),
    BODY("7.1", "nothing", "", MORE, "", ""),
    BODY("7.1", "a size", "5", MORE, "", ""),
    BODY("7.1", "half the data", "5\r\nhel", MORE, "hel", ""),
    BODY("7.1", "half a line end", "5\r\nhello\r", MORE, "hello", ""),
    BODY("7.1", "the last chunk is not the end", "0\r\n", MORE, "", ""),
    BODY("7.1", "half the end", "0\r\n\r", MORE, "", "\r"),

    ONE("7.1.1", "extension name", "5;a", DONE),
    ONE("7.1.1", "extension with value", "5;a=b", DONE),
    ONE("7.1.1", "several", "5;a=b;c;d=e", DONE),
    ONE("7.1.1", "every token character", "5;!#$%&'*+-.^_`|~09azAZ=!#$%&'*+-.^_`|~09azAZ", DONE),
    ONE("7.1.1", "quoted value", "5;a=\"b c;d=\te\"", DONE),
    ONE("7.1.1", "empty quoted value", "5;a=\"\"", DONE),
    ONE("7.1.1", "quoted pairs", "5;a=\"\\\"\\\\\\ \\b\"", DONE),
    ONE("7.1.1", "octets above ASCII in quotes", "5;a=\"\xc3\xa9\\\xe9\"", DONE),
    ONE("7.1.1", "bad whitespace before the semicolon", "5 ;a", DONE),
    ONE("7.1.1", "bad whitespace wherever it may be", "5 \t; a\t=  b ; c =\t\"d\" ;e", DONE),
    ONE("7.1.1", "bad whitespace before the end", "5;a ", BAD),
    ONE("7.1.1", "bad whitespace behind a value", "5;a=b ", BAD),
    ONE("7.1.1", "bad whitespace behind quotes", "5;a=\"b\" ", BAD),
    ONE("7.1.1", "semicolon alone", "5;", BAD),
    ONE("7.1.1", "semicolon and space", "5; ", BAD),
    ONE("7.1.1", "two semicolons", "5;;a", BAD),
    ONE("7.1.1", "semicolon at the end", "5;a;", BAD),
    ONE("7.1.1", "no name", "5;=b", BAD),
    ONE("7.1.1", "no semicolon", "5 =b", BAD),
    ONE("7.1.1", "a value of a value", "5;a=b =c", BAD),
    ONE("7.1.1", "a value of quotes", "5;a=\"b\" =c", BAD),
    ONE("7.1.1", "no value", "5;a=", BAD),
    ONE("7.1.1", "no value, another extension", "5;a=;b", BAD),
    ONE("7.1.1", "two values", "5;a=b c", BAD),
    ONE("7.1.1", "two equals", "5;a==b", BAD),
    ONE("7.1.1", "quoted name", "5;\"a\"=b", BAD),
    ONE("7.1.1", "something behind quotes", "5;a=\"b\"c", BAD),
    ONE("7.1.1", "quotes inside a token", "5;a=b\"c\"", BAD),
    ONE("7.1.1", "separator in a token", "5;a=b/c", BAD),
    ONE("7.1.1", "NUL in a name", "5;a\0b", BAD),
    ONE("7.1.1", "NUL in quotes", "5;a=\"\0\"", BAD),
    ONE("7.1.1", "NUL escaped", "5;a=\"\\\0\"", BAD),
    ONE("7.1.1", "DEL in quotes", "5;a=\"\x7f\"", BAD),
    ONE("7.1.1", "octet above ASCII in a token", "5;a=\xc3\xa9", BAD),
    ONE("7.1.1", "quotes left open", "5;a=\"b", BAD),
    ONE("7.1.1", "quotes over a line end", "5;a=\"b\r\nc\"", BAD),
    ONE("7.1.1", "line end escaped", "5;a=\"b\\\r\n\"", BAD),
    ONE("7.1.1", "bare LF in an extension", "5;a\nb", BAD),
    ONE("7.1.1", "bare CR in an extension", "5;a\rb", BAD),
    BODY("7.1.1", "extension of the last chunk", "0;a=\"b\"\r\n\r\n", DONE, "", "\r\n"),
    BODY("7.1.1", "inside quotes", "5;a=\"b", MORE, "", ""),

    TRAILER("7.1.2", "a field", "X: y\r\n", DONE),
    TRAILER("7.1.2", "several", "X: y\r\nA:\r\nB:b \xe9\t\r\n", DONE),
    TRAILER("9110 6.5.1", "framing is a field like others here", "Content-Length: 5\r\n", DONE),
    TRAILER("9110 6.5.1", "framing is never looked at here", "Transfer-Encoding: x\r\n", DONE),
    TRAILER("7.1.2", "no colon", "X\r\n", BAD),
    TRAILER("7.1.2", "no name", ": y\r\n", BAD),
    TRAILER("7.1.2", "space before the colon", "X : y\r\n", BAD),
    TRAILER("7.1.2", "space in front", " X: y\r\n", BAD),
    TRAILER("5.2", "folded", "X: y\r\n z\r\n", BAD),
    TRAILER("5.2", "folded with a tab", "X: y\r\n\tz\r\n", BAD),
    TRAILER("7.1.2", "NUL in a value", "X: \0\r\n", BAD),
    TRAILER("7.1.2", "bell in a value", "X: \a\r\n", BAD),
    TRAILER("7.1.2", "octet above ASCII in a name", "\xe9: y\r\n", BAD),
    TRAILER("7.1.2", "bare CR in a value", "X: y\rz\r\n", BAD),
    TRAILER("7.1.2", "bare LF", "X: y\n", BAD),
    TRAILER("7.1.2", "a chunk where a field should be", "5\r\nhello\r\n", BAD),
    BODY("7.1.2", "bare LF for the last line", "0\r\nX: y\r\n\n", BAD, "", ""),
    BODY("7.1.2", "CR and something for the last line", "0\r\n\rX", BAD, "", ""),
    BODY("7.1.2", "half a trailer", "0\r\nX: y\r\n", MORE, "", "X: y\r\n"),
};

struct decoded {
    char data[256], trailer[256];
    size_t data_len, trailer_len, used;
    int result;
};

/* Decodes one piece as a caller does: until nothing is left of it. */
static void feed(struct sl__chunk *c, const char *in, size_t len, struct decoded *d)
{
    char *copy = malloc(len ? len : 1); /* ends where the octets end */
    struct sl__chunk_step step;
    size_t at = 0;

    assert_non_null(copy);
    memcpy(copy, in, len);
    while (d->result == MORE && at < len) {
        int r = sl__chunk_decode(c, copy + at, len - at, &step);

        if (r < 0) {
            d->result = r;
            break;
        }
        assert_true(step.used <= len - at && step.data_at + step.data_len <= step.used);
        assert_true(step.used > 0);
        assert_false(step.trailer && step.data_len > 0);
        memcpy(d->data + d->data_len, copy + at + step.data_at, step.data_len);
        d->data_len += step.data_len;
        if (step.trailer) {
            memcpy(d->trailer + d->trailer_len, copy + at, step.used);
            d->trailer_len += step.used;
        }
        at += step.used;
        d->used += step.used;
        if (step.done)
            d->result = DONE;
    }
    free(copy);
}

static void check(const struct chunk_case *c, const struct decoded *d, const char *how, size_t cut)
{
    bool same = d->result == c->result;

    if (same && c->result >= 0)
        same = d->data_len == strlen(c->data) && memcmp(d->data, c->data, d->data_len) == 0 &&
               d->trailer_len == strlen(c->trailer) &&
               memcmp(d->trailer, c->trailer, d->trailer_len) == 0;
    if (same && c->result == DONE)
        same = d->used == c->len;
    if (!same)
        fail_msg("RFC %s, %s, %s %zu: %d with \"%.*s\", trailer \"%.*s\"", c->section, c->why, how,
                 cut, d->result, (int)d->data_len, d->data, (int)d->trailer_len, d->trailer);
}

#define CASES (sizeof(cases) / sizeof(*cases))

static void table_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct sl__chunk c = {0};
        struct decoded d = {0};

        feed(&c, cases[i].in, cases[i].len, &d);
        check(&cases[i], &d, "whole", 0);
    }
}

static void table_cut_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        for (size_t cut = 0; cut <= cases[i].len; cut++) {
            struct sl__chunk c = {0};
            struct decoded d = {0};

            feed(&c, cases[i].in, cut, &d);
            feed(&c, cases[i].in + cut, cases[i].len - cut, &d);
            check(&cases[i], &d, "cut", cut);
        }
    }
}

static void table_octet_by_octet(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct sl__chunk c = {0};
        struct decoded d = {0};

        for (size_t at = 0; at < cases[i].len; at++)
            feed(&c, cases[i].in + at, 1, &d);
        check(&cases[i], &d, "octets", cases[i].len);
    }
}

static void what_follows_is_not_touched(void **state)
{
    static const char in[] = "1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
    struct sl__chunk c = {0};
    struct decoded d = {0};
    struct sl__chunk_step step;

    (void)state;
    feed(&c, in, sizeof(in) - 1, &d);
    assert_int_equal(d.result, DONE);
    assert_int_equal(d.used, 11);
    assert_int_equal(sl__chunk_decode(&c, in, 5, &step), 0); /* over is over */
    assert_int_equal(step.used, 0);
    assert_true(step.done);
}

static void errors_are_final(void **state)
{
    struct sl__chunk c = {0};
    struct sl__chunk_step step;

    (void)state;
    assert_int_equal(sl__chunk_decode(&c, "x", 1, &step), BAD);
    assert_int_equal(sl__chunk_decode(&c, "0\r\n\r\n", 5, &step), BAD);
    assert_int_equal(sl__chunk_decode(&c, "", 0, &step), BAD);
}

/* Feeds the same text @p times; the result of the first call that is not MORE. */
static int repeat(struct sl__chunk *c, const char *text, size_t times)
{
    struct decoded d = {0};

    for (size_t i = 0; i < times && d.result == MORE; i++) {
        d.data_len = d.trailer_len = 0;
        feed(c, text, strlen(text), &d);
    }
    return d.result;
}

static void framing_is_bounded(void **state)
{
    struct sl__chunk c = {0};

    (void)state;
    assert_int_equal(repeat(&c, "1\r\nx\r\n", 100000), MORE); /* slow, but no attack */
    assert_int_equal(repeat(&c, "1;abcdefghijklm\r\nx\r\n", 100000), MORE);
    c = (struct sl__chunk){0};
    assert_int_equal(repeat(&c, "1;abcdefghijklmn\r\nx\r\n", 16383), MORE); /* one too many each */
    assert_int_equal(repeat(&c, "1;abcdefghijklmn\r\nx\r\n", 1), BAD);
    c = (struct sl__chunk){0};
    assert_int_equal(repeat(&c, "0", 4094), MORE); /* one line of 4096 octets */
    assert_int_equal(repeat(&c, "1", 1), MORE);
    assert_int_equal(repeat(&c, "\r", 1), MORE);
    assert_int_equal(repeat(&c, "\n", 1), BAD);
    c = (struct sl__chunk){0};
    assert_int_equal(repeat(&c, "0", 4093), MORE);
    assert_int_equal(repeat(&c, "1\r\nx\r\n0\r\n\r\n", 1), DONE);
}

static void trailers_are_bounded(void **state)
{
    struct sl__chunk c = {0};

    (void)state;
    assert_int_equal(repeat(&c, "0\r\n", 1), MORE);
    assert_int_equal(repeat(&c, "X: abc\r\n", 1023), MORE); /* 8184 octets */
    assert_int_equal(repeat(&c, "X:ab\r\n\r\n", 1), DONE);  /* 8192 */
    c = (struct sl__chunk){0};
    assert_int_equal(repeat(&c, "0\r\n", 1), MORE);
    assert_int_equal(repeat(&c, "X: abc\r\n", 1023), MORE);
    assert_int_equal(repeat(&c, "X:abc\r\n\r\n", 1), BIG);
}

static void trailers_are_parsed(void **state)
{
    static const char section[] = "X-Sum:\t12 \r\nY:\r\n\r\n";
    struct sl__field fields[2];

    (void)state;
    assert_int_equal(sl__trailers_parse(section, sizeof(section) - 1, fields, 2), 2);
    assert_int_equal(fields[0].name.len, 5);
    assert_int_equal(fields[0].value.len, 2);
    assert_memory_equal(section + fields[0].value.at, "12", 2);
    assert_int_equal(fields[1].value.len, 0);
    assert_int_equal(sl__trailers_parse(section, sizeof(section) - 1, fields, 1), BIG);
    assert_int_equal(sl__trailers_parse("\r\n", 2, fields, 0), 0);
    assert_int_equal(sl__trailers_parse(section, sizeof(section) - 3, fields, 2), BAD);
    assert_int_equal(sl__trailers_parse("\r\nX: y\r\n", 8, fields, 2), BAD);
    assert_int_equal(sl__trailers_parse("X : y\r\n\r\n", 9, fields, 2), BAD);
    assert_int_equal(sl__trailers_parse("", 0, fields, 2), BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_whole),          cmocka_unit_test(table_cut_everywhere),
        cmocka_unit_test(table_octet_by_octet), cmocka_unit_test(what_follows_is_not_touched),
        cmocka_unit_test(errors_are_final),     cmocka_unit_test(framing_is_bounded),
        cmocka_unit_test(trailers_are_bounded), cmocka_unit_test(trailers_are_parsed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
