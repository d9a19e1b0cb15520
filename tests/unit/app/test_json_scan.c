/* JSON's grammar: what is refused, where, and what should stand there; limits; the same verdict as
 * the parser behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>

#include "app/json_scan.h"
#include "shallot/error.h"

static int scan(const char *text, size_t len, unsigned depth, size_t values,
                struct sl__json_fault *ret)
{
    char *exact = malloc(len ? len : 1); /* for the sanitizer: nothing behind the text is read */
    struct sl__str s = {memcpy(exact, text, len), len};
    int r = sl__json_scan(s, depth, values, ret);

    free(exact);
    return r;
}

static void refuses(void **state)
{
    static const struct {
        const char *text;
        size_t at;
        const char *expected;
    } cases[] = {
        {"", 0, "a value"},
        {" \n ", 3, "a value"},
        {"{", 1, "a name in quotes or '}'"},
        {"[", 1, "a value"},
        {"[1,x]", 3, "a value"},
        {"[1,]", 3, "a value"},
        {"[1 2]", 3, "',' or ']'"},
        {"[1}", 2, "',' or ']'"},
        {"{\"a\" 1}", 5, "':'"},
        {"{\"a\":}", 5, "a value"},
        {"{\"a\":1,}", 7, "a name in quotes"},
        {"{\"a\":1 \"b\"}", 7, "',' or '}'"},
        {"{\"a\":1]", 6, "',' or '}'"},
        {"{1:2}", 1, "a name in quotes or '}'"},
        {"{'a':2}", 1, "a name in quotes or '}'"},
        {"\"abc", 4, "'\"' at the end of a string"},
        {"\"a\nb\"", 2, "an escape (\\n, \\t, \\u....)"},
        {"\"\\x\"", 2, "one of \" \\ / b f n r t u"},
        {"\"\\", 2, "one of \" \\ / b f n r t u"},
        {"\"\\u12g4\"", 5, "four hexadecimal digits"},
        {"\"\\u12", 5, "four hexadecimal digits"},
        {"-", 1, "a digit"},
        {"+1", 0, "a value"},
        {"01", 1, "nothing more"},
        {"1.", 2, "a digit"},
        {"1.e5", 2, "a digit"},
        {".5", 0, "a value"},
        {"1e", 2, "a digit"},
        {"1e+", 3, "a digit"},
        {"tru", 0, "a value"},
        {"[nul]", 1, "a value"},
        {"True", 0, "a value"},
        {"NaN", 0, "a value"},
        {"[1]x", 3, "nothing more"},
        {"{}{}", 2, "nothing more"},
        {"// c\n1", 0, "a value"},
        {"]", 0, "a value"},
        {"\xef\xbb\xbf{}", 0, "a value"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl__json_fault f;
        size_t len = strlen(cases[i].text);

        if (scan(cases[i].text, len, 64, 100, &f) != -SL_EBADREQUEST || f.at != cases[i].at ||
            strcmp(f.expected, cases[i].expected) != 0)
            fail_msg("%s: at %zu: %s", cases[i].text, f.at, f.expected ? f.expected : "fine");
    }
}

static void takes(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "0",
        "-0.5e-7",
        "1E400",
        " [ 1 , 2.5 , \"a\\u00e9\\n\\\"\\/\" , true , false , null , { \"a\" : [ ] } ] \r\n\t",
        "\"\"",
        "123456789012345678901234567890",
        "{\"a\":1,\"a\":2}",
        "[[[[[[[[]]]]]]]]",
    };
    struct sl__json_fault f;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (scan(texts[i], strlen(texts[i]), 64, 100, &f) != 0)
            fail_msg("%s: at %zu: %s", texts[i], f.at, f.expected);
}

static void limits(void **state)
{
    struct sl__json_fault f;
    char deep[2 * 600];

    assert_int_equal(scan("[[[]]]", 6, 3, 100, &f), 0);
    assert_int_equal(scan("[{\"a\":[]}]", 10, 2, 100, &f), -SL_ETOOBIG);
    assert_string_equal(f.expected, "nesting");
    assert_int_equal(f.at, 6);
    assert_int_equal(scan("[1,2,{}]", 8, 3, 4, &f), 0);
    assert_int_equal(scan("[1,2,{}]", 8, 3, 3, &f), -SL_ETOOBIG);
    assert_string_equal(f.expected, "values");
    memset(deep, '[', 600);
    memset(deep + 600, ']', 600);
    assert_int_equal(scan(deep + 88, 1024, 10000, 10000, &f), 0);
    assert_int_equal(scan(deep + 87, 1026, 10000, 10000, &f), -SL_ETOOBIG);
}

/* Every cut of a text, and every octet replaced: both say the same. */
static bool same(const char *text, size_t len)
{
    struct sl__json_fault f;
    json_error_t e;
    json_t *json = json_loadb(text, len, JSON_DECODE_ANY, &e);
    bool mine = scan(text, len, 64, 1000, &f) == 0, theirs = json != NULL;

    json_decref(json);
    if (!theirs && mine) /* theirs alone to refuse */
        return json_error_code(&e) == json_error_numeric_overflow ||
               json_error_code(&e) == json_error_null_character ||
               json_error_code(&e) == json_error_invalid_utf8 || strstr(e.text, "Unicode");
    return mine == theirs;
}

static void agrees_with_the_parser(void **state)
{
    static const char text[] =
        "{\"a\\u00e9\":[1,-2.5e+3,true,null,{\"b\":\"\\\"\"},[]],\"c\":false} ";
    static const char octets[] = "{}[]\",:\\0159-+.eEtfnu /\n\x01\x7f\xc3\xa9";
    char copy[sizeof text];

    for (size_t len = 0; len < sizeof text; len++)
        assert_true(same(text, len));
    for (size_t i = 0; i < sizeof text - 1; i++)
        for (size_t j = 0; j < sizeof octets - 1; j++) {
            memcpy(copy, text, sizeof text);
            copy[i] = octets[j];
            if (!same(copy, sizeof text - 1))
                fail_msg("%s", copy);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(refuses), cmocka_unit_test(takes),
                                       cmocka_unit_test(limits),
                                       cmocka_unit_test(agrees_with_the_parser)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
