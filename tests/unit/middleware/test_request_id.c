/* Names for requests: made, taken, refused, said. */
#include "layers.h"

#include "../../../src/middleware/request_id.c"

static char seen[200];

static int handler(sl_ctx *c)
{
    snprintf(seen, sizeof seen, "%s", sl_id(c));
    return strcmp(sl_path(c), "/fails") == 0 ? sl_fail(c, 409, "no") : sl_body(c, "hello");
}

static sl_middleware defaults(sl_app *app)
{
    return sl_request_id();
}

static sl_middleware trusting(sl_app *app)
{
    return sl_request_id(.trust = true, .header = "X-Correlation");
}

static sl_middleware quiet(sl_app *app)
{
    return sl_request_id(.trust = true, .quiet = true);
}

static bool is_made(const char *id)
{
    return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

/* @p expected NULL: one of our own */
static void expect(sl_middleware (*make)(sl_app *app), const char *target, const char *lines,
                   const char *header, const char *expected)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, make(app));
    sl_use(app, handler);
    ask(&m, app, "GET", target, lines);
    if (expected)
        assert_string_equal(seen, expected);
    else
        assert_true(is_made(seen));
    if (header)
        expect_header(&m, header, seen);
    else
        expect_header(&m, "X-Request-Id", NULL);
    memory_finish(&m);
    sl_free(app);
}

static void names(void **state)
{
    static char longest[200] = "X-Correlation: ";

    expect(defaults, "/", "", "X-Request-Id", NULL);
    expect(defaults, "/fails", "", "X-Request-Id", NULL);
    expect(defaults, "/", "X-Request-Id: abc\r\n", "X-Request-Id", NULL);
    expect(trusting, "/", "X-Correlation: abc/1:2\r\n", "X-Correlation", "abc/1:2");
    expect(trusting, "/", "X-Request-Id: abc\r\n", "X-Correlation", NULL);
    expect(trusting, "/", "X-Correlation:\r\n", "X-Correlation", NULL);
    expect(trusting, "/", "X-Correlation: a b\r\n", "X-Correlation", NULL);
    expect(trusting, "/", "X-Correlation: a\"b\r\n", "X-Correlation", NULL);
    expect(trusting, "/", "X-Correlation: a\r\nX-Correlation: b\r\n", "X-Correlation", NULL);
    memset(longest + 15, 'x', 129);
    strcpy(longest + 15 + 129, "\r\n");
    expect(trusting, "/", longest, "X-Correlation", NULL);
    expect(quiet, "/", "X-Request-Id: abc\r\n", NULL, "abc");
}

static void no_two_are_equal(void **state)
{
    static char all[2000][33];

    for (size_t i = 0; i < 2000; i++)
        random_hex(all[i], 16);
    qsort(all, 2000, 33, (int (*)(const void *, const void *))strcmp);
    for (size_t i = 1; i < 2000; i++)
        assert_string_not_equal(all[i - 1], all[i]);
}

static void memory(void **state)
{
    sl_app *app = sl_new();

    each_part_of_making_fails(trusting);
    sl_use(app, trusting(app));
    sl_use(app, handler);
    each_part_of_serving_fails(
        app, "GET / HTTP/1.1\r\nHost: a\r\nX-Correlation: a\r\nX-Correlation: b\r\n\r\n", 200);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(no_two_are_equal),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
