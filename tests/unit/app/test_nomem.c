/* The n-th allocation fails, for every n: while an app is built, and while it serves. */
#include "memory_exchange.h"
#include "starving.h"

#include "base/mem.h"

static int frees;

static void count_free(void *self)
{
    frees++;
}

static int run(sl_ctx *c, void *self)
{
    return sl_next(c);
}

static int start(sl_app *app, void *self)
{
    return 0;
}

static void message(sl_app *app, const sl_message *m, void *self)
{
}

static int busy(sl_ctx *c)
{
    const void *body;
    size_t len;
    int r = sl_request_body(c, &body, &len);

    if (r < 0)
        return r;
    sl_defer(c, count_free, NULL);
    sl_set_state(c, "k", &left, count_free);
    if (!sl_param(c, "id") || !sl_path(c) || !sl_query(c, "a") || !sl_cookie(c, "b"))
        return -ENOMEM;
    r = sl_set_header(c, "X-Id", sl_param(c, "id"));
    if (r < 0)
        return r;
    return sl_text(c, "%s %s %s %*s", sl_param(c, "id"), sl_query(c, "a"), sl_cookie(c, "b"), 9000,
                   "wide");
}

/* Every registration may fail; what was registered serves, and everything is freed once. */
static void building(void **state)
{
    long n;

    memory_log_start();
    for (n = 0, failed = true; failed; n++) {
        sl_middleware m = {run, &frees, count_free};
        sl_router *r;
        sl_app *app;
        bool mounted;

        left = -1;
        app = sl_new();
        r = sl_router_new(.prefix = "/r/:x");
        frees = 0;
        failed = false;
        left = n;
        sl__mem_fault = fault;
        if (sl_use(app, m) == 0)
            assert_int_equal(frees, 0);
        sl_get(app, "/a/:id/*rest", m, busy);
        sl_get(app, "^/x(y)z$", busy);
        sl_app_route(app, "PURGE", "/a/b", &m, 1);
        sl_router_use(r, m);
        sl_get(r, "/q", busy);
        mounted = sl_use(app, sl_routes(r)) == 0;
        sl_on_start(app, start, NULL);
        sl_on_master_message(app, "t", message, NULL);
        sl__app_set_url(app, 1, "x");
        sl__mem_fault = NULL;
        memory_expect(app, "GET", "/nothing", 404, NULL);
        sl_free(app);
        if (!mounted) /* it stays the program's */
            sl_router_free(r);
        assert_in_range(frees, 1, 3); /* once for each time it was given up */
    }
    assert_true(n > 20);
}

static void serving(void **state)
{
    static const char text[] = "POST /a/b%20c/7?a=1&b=2 HTTP/1.1\r\nHost: a\r\nCookie: b=3\r\n"
                               "Cookie: c=4\r\nContent-Length: 6000\r\n\r\n";
    static char request[8000];
    sl_app *app = sl_new();
    long n;

    memory_log_start();
    strcpy(request, text);
    memset(request + sizeof text - 1, 'x', 6000);
    sl_post(app, "/a/b c/:id", busy);
    for (n = 0, failed = true; failed; n++) {
        struct memory m = {0};

        memory_begin(&m, app, request);
        frees = 0;
        failed = false;
        left = n;
        sl__mem_fault = fault;
        memory_serve(&m);
        sl__mem_fault = NULL;
        assert_true(m.status == 200 || m.status == 503 || m.status == 500);
        if (!failed) {
            assert_int_equal(m.status, 200);
            assert_int_equal(frees, 2);
        }
        memory_finish(&m);
    }
    assert_true(n > 4);
    sl_free(app);
}

static const char *served;

static int file(sl_ctx *c)
{
    char *room = sl_alloc(c, 3900); /* so that there is little left in the first block */

    return room ? sl_file(c, served) : -ENOMEM;
}

/* A file is answered wholly, with or without memory to keep it, or not at all. */
static void files(void **state)
{
    static const int sizes[] = {100, 40000};
    static char bytes[40000];
    long n;

    memory_log_start();
    for (size_t i = 0; i < 2; i++) {
        char path[] = "/tmp/shallot-XXXXXX";
        int fd = mkstemp(path);
        sl_app *app = sl_new();

        assert_int_equal(write(fd, bytes, (size_t)sizes[i]), sizes[i]);
        close(fd);
        served = path;
        sl_get(app, "/", file);
        for (n = 0, failed = true; failed; n++) {
            struct memory m = {0};

            memory_begin(&m, app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_int_equal(sl__buf_reserve(&m.body, sizeof bytes), 0); /* the test's own */
            failed = false;
            left = n;
            sl__mem_fault = fault;
            memory_serve(&m);
            sl__mem_fault = NULL;
            assert_true(m.status == 200 || m.status == 503);
            if (m.status == 200)
                assert_int_equal(sl__buf_len(&m.body), sizes[i]);
            memory_finish(&m);
        }
        assert_true(n > 2);
        unlink(path);
        sl_free(app);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(building),
        cmocka_unit_test(serving),
        cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
