/* Cross-origin requests and their preflights, by a table. */
#include "layers.h"

#include "../../../src/middleware/cors.c"

static int handler(sl_ctx *c)
{
    sl_set_header(c, "Vary", "Accept");
    return sl_body(c, "hello");
}

static int fails(sl_ctx *c)
{
    return sl_fail(c, 403, "no");
}

static int pushes(sl_ctx *c)
{
    return sl_write(c, "x", 1);
}

static bool ends_with_example(sl_ctx *c, const char *origin, void *self)
{
    const char *end = strstr(origin, self);

    return end && strcmp(end, self) == 0;
}

static const char *const listed_origins[] = {"https://app.example", "http://localhost:3000", NULL};
static const char *const any_origin[] = {"*", NULL};

static sl_middleware strict(sl_app *app)
{
    return sl_cors(.origins = listed_origins, .methods = "GET, PUT", .headers = "X-A, X-B",
                   .expose = "X-Total", .credentials = true, .max_age_s = 600);
}

static sl_middleware anybody(sl_app *app)
{
    return sl_cors(.origins = any_origin, .private_network = true);
}

static sl_middleware by_function(sl_app *app)
{
    return sl_cors(.allow = ends_with_example, .self = (void *)(uintptr_t) ".example");
}

struct row {
    sl_middleware (*make)(sl_app *app);
    const char *method, *target, *lines;
    int status;
    const char *origin, *credentials, *methods, *headers, *age, *expose, *network, *vary;
};

#define PREFLIGHT "Access-Control-Request-Method: PUT\r\n"
#define APP "Origin: https://app.example\r\n"
#define EVIL "Origin: https://evil.example.com\r\n"

static const struct row rows[] = {
    /* no origin: nothing but what caches must know */
    {strict, "GET", "/", "", 200, 0, 0, 0, 0, 0, 0, 0, "Accept, Origin"},
    {anybody, "GET", "/", "", 200, 0, 0, 0, 0, 0, 0, 0, "Accept"},
    /* simple requests */
    {strict, "GET", "/", APP, 200, "https://app.example", "true", 0, 0, 0, "X-Total", 0,
     "Accept, Origin"},
    {strict, "GET", "/", "Origin: HTTPS://APP.example\r\n", 200, "HTTPS://APP.example", "true", 0,
     0, 0, "X-Total", 0, "Accept, Origin"},
    {strict, "GET", "/", EVIL, 200, 0, 0, 0, 0, 0, 0, 0, "Accept, Origin"},
    {strict, "GET", "/", "Origin: https://app.example.evil\r\n", 200, 0, 0, 0, 0, 0, 0, 0,
     "Accept, Origin"},
    {strict, "GET", "/", "Origin: https://app.example:444\r\n", 200, 0, 0, 0, 0, 0, 0, 0,
     "Accept, Origin"},
    {strict, "GET", "/", "Origin: null\r\n", 200, 0, 0, 0, 0, 0, 0, 0, "Accept, Origin"},
    {strict, "GET", "/", APP APP, 200, 0, 0, 0, 0, 0, 0, 0, "Accept, Origin"},
    {anybody, "GET", "/", EVIL, 200, "*", 0, 0, 0, 0, 0, 0, "Accept"},
    {by_function, "GET", "/", APP, 200, "https://app.example", 0, 0, 0, 0, 0, 0, "Accept, Origin"},
    {by_function, "GET", "/", EVIL, 200, 0, 0, 0, 0, 0, 0, 0, "Accept, Origin"},
    /* errors can be read, too */
    {strict, "GET", "/fails", APP, 403, "https://app.example", "true", 0, 0, 0, "X-Total", 0,
     "Origin"},
    {strict, "GET", "/none", APP, 404, "https://app.example", "true", 0, 0, 0, "X-Total", 0,
     "Origin"},
    {strict, "GET", "/pushes", APP, 200, "https://app.example", "true", 0, 0, 0, "X-Total", 0,
     "Origin"},
    /* preflights */
    {strict, "OPTIONS", "/", APP PREFLIGHT, 204, "https://app.example", "true", "GET, PUT",
     "X-A, X-B", "600", 0, 0, "Origin"},
    {strict, "OPTIONS", "/none", APP PREFLIGHT, 204, "https://app.example", "true", "GET, PUT",
     "X-A, X-B", "600", 0, 0, "Origin"},
    {strict, "OPTIONS", "/", EVIL PREFLIGHT, 204, 0, 0, 0, 0, 0, 0, 0, "Origin"},
    {anybody, "OPTIONS", "/", EVIL PREFLIGHT, 204, "*", 0, "GET, HEAD, PUT, PATCH, POST, DELETE", 0,
     0, 0, 0, "Access-Control-Request-Headers"},
    {anybody, "OPTIONS", "/", EVIL PREFLIGHT "Access-Control-Request-Headers: x-c,x-d\r\n", 204,
     "*", 0, "GET, HEAD, PUT, PATCH, POST, DELETE", "x-c,x-d", 0, 0, 0,
     "Access-Control-Request-Headers"},
    {anybody, "OPTIONS", "/", EVIL PREFLIGHT "Access-Control-Request-Private-Network: true\r\n",
     204, "*", 0, "GET, HEAD, PUT, PATCH, POST, DELETE", 0, 0, 0, "true",
     "Access-Control-Request-Headers"},
    {strict, "OPTIONS", "/", APP PREFLIGHT "Access-Control-Request-Private-Network: true\r\n", 204,
     "https://app.example", "true", "GET, PUT", "X-A, X-B", "600", 0, 0, "Origin"},
    /* an OPTIONS that is no preflight is the program's */
    {strict, "OPTIONS", "/", APP, 204, "https://app.example", "true", 0, 0, 0, "X-Total", 0,
     "Origin"},
    {strict, "OPTIONS", "/", PREFLIGHT, 204, 0, 0, 0, 0, 0, 0, 0, "Origin"},
    {strict, "PUT", "/", APP PREFLIGHT, 405, "https://app.example", "true", 0, 0, 0, "X-Total", 0,
     "Origin"},
};

static sl_app *app_with(sl_middleware (*make)(sl_app *app))
{
    sl_app *app = sl_new();

    assert_int_equal(sl_use(app, make(app)), 0);
    sl_get(app, "/", handler);
    sl_get(app, "/fails", fails);
    sl_get(app, "/pushes", pushes);
    return app;
}

static void table(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        sl_app *app = app_with(r->make);
        struct memory m;

        ask(&m, app, r->method, r->target, r->lines);
        if (m.status != r->status || !nth_header(&m, "Vary", 0) ||
            strcmp(nth_header(&m, "Vary", 0), r->vary) != 0)
            print_error("row %zu: %d\n%s", i, m.status, m.headers);
        assert_int_equal(m.status, r->status);
        expect_header(&m, "Access-Control-Allow-Origin", r->origin);
        expect_header(&m, "Access-Control-Allow-Credentials", r->credentials);
        expect_header(&m, "Access-Control-Allow-Methods", r->methods);
        expect_header(&m, "Access-Control-Allow-Headers", r->headers);
        expect_header(&m, "Access-Control-Max-Age", r->age);
        expect_header(&m, "Access-Control-Expose-Headers", r->expose);
        expect_header(&m, "Access-Control-Allow-Private-Network", r->network);
        expect_header(&m, "Vary", r->vary);
        /* the program's own answer to OPTIONS, not ours */
        expect_header(&m, "Allow",
                      m.status == 405 || (m.status == 204 && !(strstr(r->lines, APP) == NULL
                                                                   ? strstr(r->lines, EVIL)
                                                                   : strstr(r->lines, PREFLIGHT)))
                          ? "GET, HEAD, OPTIONS"
                          : NULL);
        memory_finish(&m);
        sl_free(app);
    }
}

static void mistakes(void **state)
{
    static const char *const path[] = {"https://app.example/", NULL};
    static const char *const bare[] = {"app.example", NULL};
    static const char *const none[] = {NULL};

    memory_log_start();
    expect_refusal(sl_cors(), "sl_cors: who may?");
    expect_refusal(sl_cors(.origins = none), "who may?");
    expect_refusal(sl_cors(.origins = any_origin, .credentials = true), "list them");
    expect_refusal(sl_cors(.origins = path), "without a path");
    expect_refusal(sl_cors(.origins = bare), "scheme://host");
}

static void memory(void **state)
{
    sl_app *app = app_with(strict), *other = app_with(anybody);

    each_part_of_making_fails(strict);
    each_part_of_making_fails(by_function);
    each_part_of_serving_fails(app, "GET / HTTP/1.1\r\nHost: a\r\n" APP "\r\n", 200);
    each_part_of_serving_fails(app, "OPTIONS / HTTP/1.1\r\nHost: a\r\n" APP PREFLIGHT "\r\n", 204);
    each_part_of_serving_fails(other, "OPTIONS / HTTP/1.1\r\nHost: a\r\n" APP PREFLIGHT "\r\n",
                               204);
    sl_free(app);
    sl_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
