/*
 * Cookies as text: fields taken apart, what may be written, and which cookie a line means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/cookie.h"

/* A field and its pairs, each as "[name=value]". */
static const struct {
    const char *field, *pairs;
} fields[] = {
    {"", ""},
    {"a=1", "[a=1]"},
    {"a=1; b=2", "[a=1][b=2]"},
    {"a=1;b=2;", "[a=1][b=2]"},
    {" \ta \t=\t 1 ;; ; b = 2 ", "[a=1][b=2]"},
    {"a=1; a=2", "[a=1][a=2]"},
    {"a=b=c", "[a=b=c]"},
    {"a==", "[a==]"},
    {"a=", "[a=]"},
    {"a", ""},
    {"=a", ""},
    {"=", ""},
    {"=__Host-a=1; b=2", "[b=2]"}, /* nameless, as an attacker may have set it */
    {"a; b=2", "[b=2]"},
    {"a=\"1\"", "[a=1]"},
    {"a=\"\"", "[a=]"},
    {"a=\"", "[a=\"]"},
    {"a=\"\"\"", "[a=\"]"},
    {"a=\"1", "[a=\"1]"},
    {"a=\"1; b=2; c=3\"", "[a=\"1][b=2][c=3\"]"}, /* quotes protect nothing */
    {"a=\"1\\\"; b=2", "[a=1\\][b=2]"},
    {"$Version=1; a=1; $Path=/", "[$Version=1][a=1][$Path=/]"}, /* no RFC 2109 */
    {"a=1, b=2", "[a=1, b=2]"},
    {"a=%41+b", "[a=%41+b]"},                       /* nothing is decoded */
    {"\xc2\xa0__Host-a=1", "[\xc2\xa0__Host-a=1]"}, /* spaces of Unicode are none here */
    {"\v__Host-a=1", "[\v__Host-a=1]"},
    {"__host-a=1", "[__host-a=1]"},
    {"a[b]=1; {x}=y", "[a[b]=1][{x}=y]"},
};

static void reading(void **state)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct sl__str left = sl__str_of(fields[i].field), name, value;
        char got[200] = "";

        while (sl__cookie_next(&left, &name, &value)) {
            size_t len = strlen(got);

            snprintf(got + len, sizeof got - len, "[%.*s=%.*s]", (int)name.len, name.ptr,
                     (int)value.len, value.ptr);
        }
        assert_string_equal(got, fields[i].pairs);
        assert_int_equal(left.len, 0);
    }
}

static void octets(void **state)
{
    for (int c = 0; c < 256; c++) {
        char text[3] = {'a', (char)c, 'b'};
        bool token = c > ' ' && c < 127 && !memchr("\"(),/:;<=>?@[\\]{}", c, 17);
        bool value = c > ' ' && c < 127 && !memchr("\",;\\", c, 4);

        assert_int_equal(sl__cookie_name_fault((struct sl__str){text, 3}), token ? -1 : 1);
        assert_int_equal(sl__cookie_value_fault((struct sl__str){text, 3}), value ? -1 : 1);
    }
    assert_int_equal(sl__cookie_name_fault(SL__STR("")), -1);
    assert_int_equal(sl__cookie_value_fault(SL__STR("abc ")), 3);
}

static void paths(void **state)
{
    static const char *const good[] = {"/", "/a/b?x=1,\"", "/%20~"};
    static const char *const bad[] = {"",    "a",     "/a;b",      "/a b",
                                      "/\t", "/\x7f", "/\xc3\xa4", "/\r\nX"};
    char text[1026];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(sl__cookie_path_valid(sl__str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(sl__cookie_path_valid(sl__str_of(bad[i])));
    memset(text, '/', sizeof text);
    assert_true(sl__cookie_path_valid((struct sl__str){text, 1024}));
    assert_false(sl__cookie_path_valid((struct sl__str){text, 1025}));
}

static void domains(void **state)
{
    static const char *const good[] = {"a", "example.com", "a-b.C3.d", "1.2.3.4",
                                       "xn--mller-kva.de"};
    static const char *const bad[] = {"",      ".",    ".a",   "a.",         "a..b", "-a",
                                      "a-",    "a-.b", "a.-b", "a_b",        "a b",  "a;b",
                                      "[::1]", "a:80", "a/b",  "\xc3\xa4.de"};
    char text[254];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(sl__cookie_domain_valid(sl__str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(sl__cookie_domain_valid(sl__str_of(bad[i])));
    memset(text, 'a', sizeof text);
    assert_true(sl__cookie_domain_valid((struct sl__str){text, 63}));
    assert_false(sl__cookie_domain_valid((struct sl__str){text, 64}));
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = '.';
    assert_true(sl__cookie_domain_valid((struct sl__str){text, 253}));
    text[253] = 'a';
    assert_false(sl__cookie_domain_valid((struct sl__str){text, 254}));
}

static const struct {
    const char *a, *b;
    bool same;
} lines[] = {
    {"a=1", "a=2", true},
    {"a=1", "A=1", false},
    {"a=1; Path=/", "a=2; HttpOnly; Path=/; Secure", true},
    {"a=1; Path=/", "a=1; Path=/a", false},
    {"a=1; Path=/", "a=1", false},
    {"a=1; path=/", "a=1;PATH = /", true},
    {"a=1; Path=/a; Path=/b", "a=1; Path=/b", true}, /* the last one counts */
    {"a=1; Domain=x.org", "a=1; Domain=.X.ORG", true},
    {"a=1; Domain=x.org", "a=1", false},
    {"a=1; Partitioned", "a=1", false},
    {"a=1; Partitioned", "a=2; Partitioned", true},
    {"a", "a=1", true},
    {"ab=1", "a=b=1", false},
    {"", "", true},
};

static void identities(void **state)
{
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct sl__str a = sl__str_of(lines[i].a), b = sl__str_of(lines[i].b);

        if (sl__set_cookie_same(a, b) != lines[i].same)
            print_error("\"%s\" and \"%s\"\n", lines[i].a, lines[i].b);
        assert_true(sl__set_cookie_same(a, b) == lines[i].same);
        assert_true(sl__set_cookie_same(b, a) == lines[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading), cmocka_unit_test(octets),     cmocka_unit_test(paths),
        cmocka_unit_test(domains), cmocka_unit_test(identities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
