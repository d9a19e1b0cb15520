/* Headers that make browsers careful: defaults, changes, and where they stay. */
#include "layers.h"

#include "../../../src/middleware/secure_headers.c"

static int handler(sl_ctx *c)
{
    return sl_body(c, "hello");
}

static int says_otherwise(sl_ctx *c)
{
    sl_set_header(c, "X-Frame-Options", "DENY");
    return sl_body(c, "hello");
}

static int fails(sl_ctx *c)
{
    return sl_fail(c, 500, "oops");
}

static int https(sl_ctx *c)
{
    int r = sl_set_scheme(c, "https");

    return r < 0 ? r : sl_next(c);
}

static sl_middleware all(sl_app *app)
{
    return sl_secure_headers(.csp = "default-src 'self'", .frame = "DENY", .referrer = "",
                             .hsts = "max-age=5; preload", .opener = "", .resource = "cross-origin",
                             .permissions = "camera=()", .content_type = "");
}

static sl_middleware defaults(sl_app *app)
{
    return sl_secure_headers();
}

static void expect(sl_middleware (*make)(sl_app *app), const char *target, bool secure,
                   const char *const *expected)
{
    static const char *const names[] = {
        "X-Content-Type-Options",
        "X-Frame-Options",
        "Referrer-Policy",
        "Cross-Origin-Opener-Policy",
        "Cross-Origin-Resource-Policy",
        "Content-Security-Policy",
        "Permissions-Policy",
        "Strict-Transport-Security",
    };
    sl_app *app = sl_new();
    struct memory m;

    memory_log_start();
    if (secure)
        sl_use(app, https);
    sl_use(app, make(app));
    sl_get(app, "/", handler);
    sl_get(app, "/otherwise", says_otherwise);
    sl_get(app, "/fails", fails);
    ask(&m, app, "GET", target, "");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        expect_header(&m, names[i], expected[i]);
    memory_finish(&m);
    sl_free(app);
}

static void headers(void **state)
{
    static const char *usual[] = {
        "nosniff",     "SAMEORIGIN",  "strict-origin-when-cross-origin",
        "same-origin", "same-origin", NULL,
        NULL,          NULL,
    };
    static const char *const changed[] = {
        NULL,           "DENY",
        NULL,           NULL,
        "cross-origin", "default-src 'self'",
        "camera=()",    "max-age=5; preload",
    };

    expect(defaults, "/", false, usual);
    expect(defaults, "/none", false, usual);
    expect(defaults, "/fails", false, usual);
    usual[1] = "DENY";
    expect(defaults, "/otherwise", false, usual);
    usual[1] = "SAMEORIGIN";
    usual[7] = "max-age=31536000";
    expect(defaults, "/", true, usual);
    expect(all, "/", true, changed);
    expect(all, "/fails", true, changed);
}

static void memory(void **state)
{
    sl_app *app = sl_new();

    each_part_of_making_fails(all);
    each_part_of_making_fails(defaults);
    sl_use(app, https);
    sl_use(app, all(app));
    sl_get(app, "/", handler);
    each_part_of_serving_fails(app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
