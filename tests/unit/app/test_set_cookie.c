/* Cookies of the response: what is written, what is refused and why, and which of two stands. */
#include "memory_exchange.h"
#include "starving.h"

#include "base/mem.h"

static int (*with_ctx)(sl_ctx *c);

static int handle(sl_ctx *c)
{
    return with_ctx(c);
}

static sl_app *app;
static struct memory m;

/* Runs @p fn as a handler; the answer is in m. */
static void run_in(int (*fn)(sl_ctx *c), const char *head)
{
    char text[600];

    memory_finish(&m);
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", head);
    with_ctx = fn;
    memory_request(&m, app, text);
}

struct set_case {
    const char *name, *value;
    sl_cookie_options o;
    const char *line; /* behind "Set-Cookie: "; NULL: refused */
    const char *why;  /* a part of the message */
};

#define O(...)                                                                                     \
    {                                                                                              \
        .size = sizeof(sl_cookie_options), __VA_ARGS__                                             \
    }
#define REST "; Path=/; HttpOnly; SameSite=Lax"

static const struct set_case cases[] = {
    {"a", "1", O(), "a=1; Path=/; HttpOnly; SameSite=Lax", NULL},
    {"a", "", O(), "a=; Path=/; HttpOnly; SameSite=Lax", NULL},
    {"a", "x=y&%20+/()[]{}", O(), "a=x=y&%20+/()[]{}" REST, NULL},
    {"a", "1", O(.path = "/x"), "a=1; Path=/x; HttpOnly; SameSite=Lax", NULL},
    {"a", "1", O(.path = ""), "a=1; HttpOnly; SameSite=Lax", NULL},
    {"a", "1", O(.domain = "x.org"), "a=1; Path=/; Domain=x.org; HttpOnly; SameSite=Lax", NULL},
    {"a", "1", O(.max_age = 60), "a=1; Path=/; Max-Age=60; HttpOnly; SameSite=Lax", NULL},
    {"a", "1", O(.max_age = INT64_MAX),
     "a=1; Path=/; Max-Age=9223372036854775807; HttpOnly; SameSite=Lax", NULL},
    {"a", "1", O(.expires = 784111777),
     "a=1; Path=/; Expires=Sun, 06 Nov 1994 08:49:37 GMT; HttpOnly; SameSite=Lax", NULL},
    {"a", "1", O(.http_only = SL_COOKIE_OFF), "a=1; Path=/; SameSite=Lax", NULL},
    {"a", "1", O(.http_only = SL_COOKIE_ON), "a=1" REST, NULL},
    {"a", "1", O(.secure = SL_COOKIE_ON), "a=1; Path=/; Secure; HttpOnly; SameSite=Lax", NULL},
    {"a", "1", O(.secure = SL_COOKIE_OFF), "a=1" REST, NULL},
    {"a", "1", O(.same_site = SL_SAME_SITE_STRICT), "a=1; Path=/; HttpOnly; SameSite=Strict", NULL},
    {"a", "1", O(.same_site = SL_SAME_SITE_NONE), "a=1; Path=/; Secure; HttpOnly; SameSite=None",
     NULL},
    {"a", "1", O(.partitioned = true), "a=1; Path=/; Secure; HttpOnly; SameSite=Lax; Partitioned",
     NULL},
    {"__Secure-a", "1", O(.path = "/x"), "__Secure-a=1; Path=/x; Secure; HttpOnly; SameSite=Lax",
     NULL},
    {"__Host-a", "1", O(), "__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax", NULL},
    {"__hOST-a", "1", O(), "__hOST-a=1; Path=/; Secure; HttpOnly; SameSite=Lax", NULL},
    {"", "1", O(), NULL, "no name"},
    {"a b", "1", O(), NULL, "octet 1 of its name"},
    {"a=b", "1", O(), NULL, "0x3d"},
    {"a", "x y", O(), NULL, "cookie \"a\": octet 1 of its value cannot be in one (it is 0x20)"},
    {"a", "x;y", O(), NULL, "0x3b"},
    {"a", "\"x\"", O(), NULL, "0x22"},
    {"a", "x\r\nSet-Cookie: b=1", O(), NULL, "0x0d"},
    {"a", "\xc3\xa4", O(), NULL, "0xc3"},
    {"a", "1", O(.path = "x"), NULL, "path"},
    {"a", "1", O(.path = "/;Domain=x"), NULL, "path"},
    {"a", "1", O(.domain = ".x.org"), NULL, "domain"},
    {"a", "1", O(.domain = "x.org; Secure"), NULL, "domain"},
    {"a", "1", O(.max_age = -1), NULL, "sl_clear_cookie()"},
    {"a", "1", O(.expires = -1), NULL, "expires"},
    {"a", "1", O(.expires = INT64_MAX), NULL, "expires"},
    {"a", "1", O(.same_site = SL_SAME_SITE_NONE, .secure = SL_COOKIE_OFF), NULL,
     "SameSite=None asks for Secure"},
    {"a", "1", O(.partitioned = true, .secure = SL_COOKIE_OFF), NULL,
     "Partitioned asks for Secure"},
    {"__Secure-a", "1", O(.secure = SL_COOKIE_OFF), NULL, "its prefix asks for Secure"},
    {"__Host-a", "1", O(.path = "/x"), NULL, "Path=/"},
    {"__Host-a", "1", O(.path = ""), NULL, "Path=/"},
    {"__host-a", "1", O(.domain = "x.org"), NULL, "no Domain"},
};

static const struct set_case *now;

static int set_one(sl_ctx *c)
{
    int r = sl_set_cookie_with(c, now->name, now->value, &now->o);

    if (now->line) {
        assert_int_equal(r, 0);
        return 0;
    }
    assert_int_equal(r, -SL_EFAIL);
    if (!strstr(sl_error(c), now->why))
        print_error("\"%s\" is not in \"%s\"\n", now->why, sl_error(c));
    assert_non_null(strstr(sl_error(c), now->why));
    return r;
}

static void table(void **state)
{
    char line[200];

    for (now = cases; now < cases + sizeof cases / sizeof cases[0]; now++) {
        run_in(set_one, "");
        assert_int_equal(m.status, now->line ? 200 : 500);
        snprintf(line, sizeof line, "Set-Cookie: %s", now->line ? now->line : "");
        if (now->line)
            assert_true(memory_has_header(&m, line));
        else
            assert_null(strstr(m.headers, "Set-Cookie"));
    }
}

static int sizes_of(sl_ctx *c)
{
    static char value[4097];

    memset(value, 'x', 4096);
    value[4095] = '\0';
    assert_int_equal(sl_set_cookie(c, "a", value), 0);
    assert_int_equal(sl_set_cookie(c, "ab", value), -SL_EFAIL);
    assert_string_equal(
        sl_error(c), "cookie \"ab\": name and value have 4097 octets, browsers keep 4096 at most");
    assert_int_equal(sl_set_cookie(c, NULL, "1"), -EINVAL);
    assert_int_equal(sl_set_cookie(c, "a", NULL), -EINVAL);
    assert_int_equal(sl_clear_cookie(c, NULL), -EINVAL);
    sl_set_header(c, "Set-Cookie", NULL);
    return 0;
}

static void sizes(void **state)
{
    run_in(sizes_of, "");
    assert_int_equal(m.status, 200);
}

static int again(sl_ctx *c)
{
    assert_int_equal(sl_append_header(c, "Set-Cookie", "raw=0; Path=/"), 0);
    assert_int_equal(sl_set_cookie(c, "a", "1"), 0);
    assert_int_equal(sl_set_cookie(c, "a", "other", .path = "/x"), 0);
    assert_int_equal(sl_set_cookie(c, "a", "third", .domain = "x.org"), 0);
    assert_int_equal(sl_set_cookie(c, "a", "fourth", .partitioned = true), 0);
    assert_int_equal(sl_set_cookie(c, "A", "fifth"), 0);
    assert_int_equal(sl_set_cookie(c, "a", "2", .max_age = 5), 0);
    assert_int_equal(sl_set_cookie(c, "raw", "1"), 0);
    return sl_clear_cookie(c, "a", .path = "/x");
}

static void the_last_stands(void **state)
{
    run_in(again, "");
    assert_string_equal(
        strstr(m.headers, "Set-Cookie"),
        "Set-Cookie: raw=1; Path=/; HttpOnly; SameSite=Lax\n"
        "Set-Cookie: a=2; Path=/; Max-Age=5; HttpOnly; SameSite=Lax\n"
        "Set-Cookie: a=; Path=/x; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; "
        "SameSite=Lax\n"
        "Set-Cookie: a=third; Path=/; Domain=x.org; HttpOnly; SameSite=Lax\n"
        "Set-Cookie: a=fourth; Path=/; Secure; HttpOnly; SameSite=Lax; Partitioned\n"
        "Set-Cookie: A=fifth; Path=/; HttpOnly; SameSite=Lax\n");
}

static int clear_prefixed(sl_ctx *c)
{
    assert_int_equal(sl_clear_cookie(c, "__Host-a", .path = "/x"), -SL_EFAIL);
    return sl_clear_cookie(c, "__Host-a", .max_age = 7);
}

static void clearing(void **state)
{
    run_in(clear_prefixed, "");
    assert_true(memory_has_header(&m,
                                  "Set-Cookie: __Host-a=; Path=/; Max-Age=0; Expires=Thu, 01 Jan "
                                  "1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Lax"));
}

static int from_https(sl_ctx *c)
{
    assert_int_equal(sl_set_scheme(c, "https"), 0);
    assert_int_equal(sl_set_cookie(c, "plain", "1", .secure = SL_COOKIE_OFF), 0);
    return sl_set_cookie(c, "a", "1");
}

static void over_https(void **state)
{
    run_in(from_https, "");
    assert_true(memory_has_header(&m, "Set-Cookie: a=1; Path=/; Secure; HttpOnly; SameSite=Lax"));
    assert_true(memory_has_header(&m, "Set-Cookie: plain=1; Path=/; HttpOnly; SameSite=Lax"));
}

static int set_in_begin(sl_ctx *c, sl_writer *w)
{
    assert_int_equal(sl_set_cookie(c, "a", "1"), 0);
    return sl_pass_begin(c, w);
}

static int push(sl_ctx *c)
{
    static sl_writer w = {.begin = set_in_begin};

    sl_push_writer(c, &w);
    return sl_write(c, "x", 1);
}

static void from_a_writer(void **state)
{
    run_in(push, "");
    assert_true(memory_has_header(&m, "Set-Cookie: a=1; Path=/; HttpOnly; SameSite=Lax"));
}

static int after_the_head(sl_ctx *c)
{
    assert_int_equal(sl_write(c, "x", 1), 0);
    assert_int_equal(sl_set_cookie(c, "a", "1"), -SL_ECOMMITTED);
    assert_int_equal(sl_clear_cookie(c, "a"), -SL_ECOMMITTED);
    return 0;
}

static int failing(sl_ctx *c)
{
    assert_int_equal(sl_set_cookie(c, "a", "1"), 0);
    return sl_fail(c, 404, "no");
}

static void too_late(void **state)
{
    run_in(after_the_head, "");
    assert_null(strstr(m.headers, "Set-Cookie"));
    run_in(failing, ""); /* what is set on the way to an error goes with the rest */
    assert_int_equal(m.status, 404);
    assert_null(strstr(m.headers, "Set-Cookie"));
}

static int repeated(sl_ctx *c)
{
    assert_string_equal(sl_cookie(c, "a"), "1");
    assert_string_equal(sl_cookie_at(c, "a", 0), "1");
    assert_string_equal(sl_cookie_at(c, "a", 1), "2");
    assert_string_equal(sl_cookie_at(c, "a", 2), "");
    assert_null(sl_cookie_at(c, "a", 3));
    assert_null(sl_cookie_at(c, "c", 0));
    assert_string_equal(sl_cookie(c, "__Host-a"), "4");
    assert_null(sl_cookie(c, "__host-a"));
    return 0;
}

static void repeated_names(void **state)
{
    run_in(repeated, "Cookie: a=1; b=0; a=2\r\nCookie: a=\"\"; =__Host-a=3; __Host-a=4\r\n");
    assert_int_equal(m.status, 200);
}

static int in_need(sl_ctx *c)
{
    char *room = sl_alloc(c, 3900); /* little is left in the first block */
    int r = room ? sl_set_cookie(c, "a", "1") : -ENOMEM;

    if (r == 0)
        r = sl_set_cookie(c, "b", sl_cookie(c, "b") ? sl_cookie(c, "b") : "none");
    return r < 0 ? r : sl_set_cookie(c, "a", "2");
}

static void without_memory(void **state)
{
    long n;

    memory_log_start();
    for (n = 0, failed = true; failed; n++) {
        failed = false;
        left = n;
        sl__mem_fault = fault;
        run_in(in_need, "Cookie: b=2\r\n");
        sl__mem_fault = NULL;
        assert_true(m.status == 200 || m.status == 503);
    }
    assert_true(n > 3);
    assert_true(memory_has_header(&m, "Set-Cookie: a=2; Path=/; HttpOnly; SameSite=Lax"));
    assert_true(memory_has_header(&m, "Set-Cookie: b=2; Path=/; HttpOnly; SameSite=Lax"));
}

static int make(void **state)
{
    memory_log_start();
    app = sl_new();
    sl_all(app, ".*", handle);
    return 0;
}

static int drop(void **state)
{
    memory_finish(&m);
    sl_free(app);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),           cmocka_unit_test(sizes),
        cmocka_unit_test(the_last_stands), cmocka_unit_test(clearing),
        cmocka_unit_test(over_https),      cmocka_unit_test(from_a_writer),
        cmocka_unit_test(too_late),        cmocka_unit_test(repeated_names),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
