/*
 * Decoding: what each of the three ways makes of the same octets, and queries taken apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/target.h"
#include "shallot/error.h"

struct decode_case {
    const char *in, *path, *component, *form; /* NULL: refused by all */
};

static const struct decode_case cases[] = {
    {"", "", "", ""},
    {"/a/b", "/a/b", "/a/b", "/a/b"},
    {"%41", "A", "A", "A"},
    {"a%20b%7e", "a b~", "a b~", "a b~"},
    {"%c3%A9", "\xc3\xa9", "\xc3\xa9", "\xc3\xa9"},
    {"%fF", "\xff", "\xff", "\xff"},
    {"a%2Fb", "a%2Fb", "a/b", "a/b"},
    {"a%2fb", "a%2fb", "a/b", "a/b"},
    {"%2f%2F%2e", "%2f%2F.", "//.", "//."},
    {"%252F", "%2F", "%2F", "%2F"}, /* once, not twice */
    {"%25", "%", "%", "%"},
    {"%2541", "%41", "%41", "%41"},
    {"a+b", "a+b", "a+b", "a b"},
    {"%2B+", "++", "++", "+ "},
    {"%0d%0a", "\r\n", "\r\n", "\r\n"},
    {"%01", "\x01", "\x01", "\x01"},
    {"..%2f..", "..%2f..", "../..", "../.."},
    {"100%", NULL, NULL, NULL},
    {"%", NULL, NULL, NULL},
    {"%4", NULL, NULL, NULL},
    {"%4x", NULL, NULL, NULL},
    {"%x4", NULL, NULL, NULL},
    {"%%41", NULL, NULL, NULL},
    {"% 41", NULL, NULL, NULL},
    {"%+1", NULL, NULL, NULL},
    {"%-1", NULL, NULL, NULL},
    {"%00", NULL, NULL, NULL},
    {"a%00b", NULL, NULL, NULL},
    {"good%20bad%2", NULL, NULL, NULL},
};

typedef ssize_t decode_fn(struct sl__str in, char *out);

/* Into storage that just suffices, and in place. */
static void check(decode_fn *decode, const char *in, const char *want)
{
    size_t len = strlen(in);
    char *copy = malloc(len ? len : 1), *out = malloc(len + 1);
    ssize_t n, wanted = want ? (ssize_t)strlen(want) : -SL_EBADREQUEST;

    assert_non_null(copy);
    assert_non_null(out);
    memcpy(copy, in, len);
    n = decode((struct sl__str){copy, len}, out);
    if (n != wanted || (want && strcmp(out, want) != 0))
        fail_msg("%s: %zd", in, n);
    memcpy(out, in, len);
    n = decode((struct sl__str){out, len}, out);
    if (n != wanted || (want && strcmp(out, want) != 0))
        fail_msg("%s in place: %zd", in, n);
    free(copy);
    free(out);
}

static void decoding(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        check(sl__decode_path, cases[i].in, cases[i].path);
        check(sl__decode_component, cases[i].in, cases[i].component);
        check(sl__decode_form, cases[i].in, cases[i].form);
    }
}

/* Every octet but NUL, escaped, comes back. */
static void every_octet(void **state)
{
    static const char digits[] = "0123456789abcdef";

    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        char in[3] = {'%', digits[octet >> 4], digits[octet & 15]}, out[4];
        ssize_t n = sl__decode_component((struct sl__str){in, 3}, out);

        assert_int_equal(n, octet ? 1 : -SL_EBADREQUEST);
        if (octet)
            assert_int_equal((unsigned char)out[0], octet);
    }
}

struct query_case {
    const char *query;
    const char *pairs[8]; /* key, value, ..., NULL */
};

static void queries(void **state)
{
    static const struct query_case queries[] = {
        {"", {NULL}},
        {"&", {NULL}},
        {"a=b", {"a", "b"}},
        {"a", {"a", ""}},
        {"a=", {"a", ""}},
        {"=b", {"", "b"}},
        {"=", {"", ""}},
        {"a=b&c=d&e", {"a", "b", "c", "d", "e", ""}},
        {"&&a=b&&c=d&&", {"a", "b", "c", "d"}},
        {"a=b=c", {"a", "b=c"}},
        {"a=b;c=d", {"a", "b;c=d"}},
        {"a%3Db=c%26d", {"a%3Db", "c%26d"}},
        {"a=1&a=2", {"a", "1", "a", "2"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(queries) / sizeof(*queries); i++) {
        struct sl__str rest = sl__str_of(queries[i].query), key, value;
        const char *const *want = queries[i].pairs;

        while (sl__query_next(&rest, &key, &value)) {
            assert_non_null(want[0]);
            assert_true(sl__str_equal(key, sl__str_of(want[0])));
            assert_true(sl__str_equal(value, sl__str_of(want[1])));
            want += 2;
        }
        assert_null(want[0]);
    }
}

static void keys_are_compared_decoded(void **state)
{
    (void)state;
    assert_true(sl__form_equal(SL__STR("a"), SL__STR("a")));
    assert_true(sl__form_equal(SL__STR("%61+b"), SL__STR("a b")));
    assert_true(sl__form_equal(SL__STR(""), SL__STR("")));
    assert_true(sl__form_equal(SL__STR("a%2Bb"), SL__STR("a+b")));
    assert_true(sl__form_equal(SL__STR("%C3%a9"), SL__STR("\xc3\xa9")));
    assert_false(sl__form_equal(SL__STR("a+b"), SL__STR("a+b")));
    assert_false(sl__form_equal(SL__STR("a"), SL__STR("ab")));
    assert_false(sl__form_equal(SL__STR("ab"), SL__STR("a")));
    assert_false(sl__form_equal(SL__STR("%61"), SL__STR("%61")));
    assert_false(sl__form_equal(SL__STR("%6"), SL__STR("a")));
    assert_false(sl__form_equal(SL__STR("%"), SL__STR("%")));
    assert_false(sl__form_equal(SL__STR("A"), SL__STR("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding),
        cmocka_unit_test(every_octet),
        cmocka_unit_test(queries),
        cmocka_unit_test(keys_are_compared_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
