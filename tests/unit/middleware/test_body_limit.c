/* Bounds of bodies by a layer; and layers for one host. */
#include "layers.h"

#include "../../../src/middleware/body_limit.c"
#undef NAME
#include "../../../src/middleware/vhost.c"

static int handler(sl_ctx *c)
{
    const void *body;
    size_t len;
    int r = sl_request_body(c, &body, &len);

    return r < 0 ? r : sl_text(c, "%zu", len);
}

static void bounds(void **state)
{
    sl_app *app = sl_new(.limits = {.body_bytes = 4});
    struct memory m;

    sl_post(app, "/five", sl_body_limit(5), handler);
    sl_post(app, "/none", sl_body_limit(0), handler);
    sl_post(app, "/any", sl_body_limit(UINT64_MAX), handler);
    sl_post(app, "/default", handler);
    for (int i = 0; i <= 6; i++) {
        static const char *const targets[] = {"/five", "/none", "/any", "/default"};
        static const int most[] = {5, 0, 1000, 4};

        for (int k = 0; k < 4; k++) {
            char text[200];

            snprintf(text, sizeof text,
                     "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%.*s", targets[k], i,
                     i, "123456");
            memory_request(&m, app, text);
            assert_int_equal(m.status, i <= most[k] ? 200 : 413);
            assert_int_equal(m.reads > 0, i <= most[k] && i > 0); /* refused before a single read */
            memory_finish(&m);
        }
    }
    sl_free(app);
}

static int here(sl_ctx *c)
{
    return sl_body(c, "here");
}

static int around(sl_ctx *c, void *self)
{
    int r = sl_next(c);

    sl_set_header(c, "X-Around", self);
    return r;
}

static int freed;

static void count_free(void *self)
{
    freed++;
}

static void hosts(void **state)
{
    sl_middleware m = {around, (void *)(uintptr_t) "yes", count_free};
    sl_router *router = sl_router_new();
    sl_app *app = sl_new();
    struct memory answer;

    freed = 0;
    sl_get(router, "/x", here);
    sl_use(app, sl_vhost("*.example.com", m));
    sl_use(app, sl_vhost("api.example.com", sl_routes(router)));
    sl_use(app, sl_vhost("v2.example.com", sl_routes(router)));
    sl_use(app, sl_vhost("plain.test", here));
    assert_true(sl__app_fit(app));
    ask(&answer, app, "GET", "/x", "Host: api.example.com:80\r\n");
    assert_int_equal(answer.status, 200);
    expect_header(&answer, "X-Around", "yes");
    memory_finish(&answer);
    ask(&answer, app, "GET", "/x", "Host: v2.example.com\r\n");
    assert_int_equal(answer.status, 200);
    memory_finish(&answer);
    ask(&answer, app, "GET", "/x", "Host: plain.test\r\n");
    assert_string_equal(memory_body(&answer), "here");
    expect_header(&answer, "X-Around", NULL);
    memory_finish(&answer);
    ask(&answer, app, "GET", "/x", "Host: example.com\r\n");
    assert_int_equal(answer.status, 404);
    memory_finish(&answer);
    sl_free(app);
    assert_int_equal(freed, 1);
}

static void bad_hosts(void **state)
{
    static const char *const bad[] = {"a:80", "", "*"};
    sl_middleware none = {NULL, NULL, NULL};
    sl_app *app;

    memory_log_start();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        app = sl_new();
        sl_use(app, sl_vhost(bad[i], here));
        assert_false(sl__app_fit(app));
        sl_free(app);
    }
    app = sl_new();
    sl_use(app, sl_vhost(NULL, here));
    assert_false(sl__app_fit(app));
    sl_free(app);
    app = sl_new();
    assert_int_equal(sl_use(app, sl_vhost("a", none)), -EINVAL);
    assert_false(sl__app_fit(app));
    sl_free(app);
}

static sl_middleware make(sl_app *app)
{
    return sl_body_limit(5);
}

static void memory(void **state)
{
    each_part_of_making_fails(make);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds),
        cmocka_unit_test(hosts),
        cmocka_unit_test(bad_hosts),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
