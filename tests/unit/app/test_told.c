/*
 * What layers say about a request and its answer from outside: headers that outlive an error, Vary,
 * names in the log, bounds of the body, hosts.
 */
#include "memory_exchange.h"

#include "app/ctx.h"
#include "app/routes.h"
#include "app/vhost.h"

static int (*inside)(sl_ctx *c);

static int handler(sl_ctx *c)
{
    return inside(c);
}

/* The answer to a request of the only handler. */
static void answer(struct memory *m, const char *text, int (*fn)(sl_ctx *c))
{
    sl_app *app = sl_new();

    inside = fn;
    sl_use(app, handler);
    memory_request(m, app, text);
    m->app = NULL;
    sl_free(app);
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static int keeps_and_fails(sl_ctx *c)
{
    assert_int_equal(sl_set_header(c, "X-Dropped", "1"), 0);
    assert_int_equal(sl_keep_header(c, "Retry-After", "5"), 0);
    assert_int_equal(sl_keep_header(c, "X-Kept", "old"), 0);
    assert_int_equal(sl_set_header(c, "x-kept", "new"), 0);
    assert_int_equal(sl_keep_header(c, "X-Gone", "1"), 0);
    assert_int_equal(sl_set_header(c, "X-Gone", NULL), 0);
    assert_int_equal(sl_set_header(c, "X-Late", "1"), 0);
    assert_int_equal(sl_keep_header(c, "X-Late", "2"), 0);
    assert_int_equal(sl_append_header(c, "X-Last", "1"), 0);
    assert_int_equal(sl_keep_header(c, "Content-Type", "a/b"), -EINVAL);
    assert_int_equal(sl_keep_header(c, "content-length", "5"), -EINVAL);
    assert_int_equal(sl_keep_header(c, "X", NULL), -EINVAL);
    assert_int_equal(sl_keep_header(c, "X", "a\nb"), -SL_EBADHEADER);
    assert_int_equal(sl_keep_header(c, "Date", "x"), -SL_EBADHEADER);
    return sl_fail(c, 503, "later");
}

static void kept_headers(void **state)
{
    struct memory m;

    memory_log_start();
    answer(&m, GET, keeps_and_fails);
    assert_int_equal(m.status, 503);
    assert_string_equal(m.headers, "Content-Type: text/plain; charset=utf-8\nRetry-After: 5\n"
                                   "x-kept: new\nX-Late: 2\n");
    memory_finish(&m);
}

static int varies(sl_ctx *c)
{
    assert_int_equal(sl_vary(c, "Origin"), 0);
    assert_int_equal(sl_vary(c, "origin"), 0);
    assert_int_equal(sl_vary(c, "Accept"), 0);
    return 0;
}

static int varies_already(sl_ctx *c)
{
    sl_set_header(c, "Vary", "Cookie , Accept-Encoding,,");
    assert_int_equal(sl_vary(c, "accept-encoding"), 0);
    assert_int_equal(sl_vary(c, "cookie"), 0);
    assert_int_equal(sl_vary(c, "Accept"), 0);
    return 0;
}

static int varies_by_anything(sl_ctx *c)
{
    sl_set_header(c, "Vary", "*");
    return sl_vary(c, "Accept");
}

static int varies_and_fails(sl_ctx *c)
{
    sl_vary(c, "Origin");
    return sl_fail(c, 404, "no");
}

static void vary(void **state)
{
    struct memory m;

    answer(&m, GET, varies);
    assert_true(memory_has_header(&m, "Vary: Origin, Accept"));
    memory_finish(&m);
    answer(&m, GET, varies_already);
    assert_true(memory_has_header(&m, "Vary: Cookie , Accept-Encoding,,, Accept"));
    memory_finish(&m);
    answer(&m, GET, varies_by_anything);
    assert_string_equal(m.headers, "Content-Type: text/plain; charset=utf-8\nVary: *\n");
    memory_finish(&m);
    answer(&m, GET, varies_and_fails);
    assert_true(memory_has_header(&m, "Vary: Origin"));
    memory_finish(&m);
}

static int ids(sl_ctx *c)
{
    static const char *const bad[] = {"", "a b", "a\"b", "a\\b", "a\nb", "caf\xc3\xa9", "'"};
    char longest[130];

    assert_string_equal(sl_id(c), "0-0");
    assert_null(sl__ctx_name(c)); /* having asked is not having named */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(sl_set_id(c, bad[i]), -EINVAL);
    memset(longest, 'x', sizeof longest);
    longest[129] = '\0';
    assert_int_equal(sl_set_id(c, longest), -EINVAL);
    longest[128] = '\0';
    assert_int_equal(sl_set_id(c, longest), 0);
    assert_string_equal(sl_id(c), longest);
    assert_int_equal(sl_set_id(c, "a/b=c"), 0);
    assert_string_equal(sl_id(c), "a/b=c");
    assert_string_equal(sl__ctx_name(c), "a/b=c");
    assert_int_equal(sl_set_id(c, NULL), 0);
    assert_string_equal(sl_id(c), "0-0");
    assert_null(sl__ctx_name(c));
    return 0;
}

static void names(void **state)
{
    struct memory m;

    answer(&m, GET, ids);
    assert_int_equal(m.status, 200);
    memory_finish(&m);
}

static uint64_t limit;
static int expected, read_so_far;

static int whole(sl_ctx *c)
{
    const void *body;
    size_t len = 0;
    int r = sl_set_body_limit(c, limit);

    if (r == 0)
        r = sl_request_body(c, &body, &len);
    assert_int_equal(r, expected);
    read_so_far = (int)len;
    assert_int_equal(sl_set_body_limit(c, 5),
                     r == -SL_ETOOBIG && len == 0 && limit < 10 && strcmp(sl_method(c), "PUT") == 0
                         ? -SL_ETOOBIG
                         : -EBUSY);
    return r;
}

static int pieces(sl_ctx *c)
{
    char buf[4];
    ssize_t n = sl_set_body_limit(c, limit);

    read_so_far = 0;
    if (n == 0)
        while ((n = sl_read(c, buf, sizeof buf)) > 0)
            read_so_far += (int)n;
    assert_int_equal(n, expected);
    if (n == -SL_ETOOBIG && read_so_far > 0)
        assert_int_equal(sl_read(c, buf, sizeof buf), -SL_ETOOBIG);
    return (int)n;
}

static void limits(void **state)
{
    static const char with_length[] =
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789";
    static const char chunked[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\n012\r\n4\r\n3456\r\n3\r\n789\r\n0\r\n\r\n";
    static const struct {
        const char *text;
        int (*fn)(sl_ctx *c);
        uint64_t limit;
        int expected, read;
    } rows[] = {
        {with_length, whole, 10, 0, 10},
        {with_length, whole, 9, -SL_ETOOBIG, 0},
        {with_length, whole, UINT64_MAX, 0, 10},
        {with_length, pieces, 10, 0, 10},
        {with_length, pieces, 9, -SL_ETOOBIG, 0}, /* nothing was read */
        {chunked, whole, 10, 0, 10},
        {chunked, whole, 9, -SL_ETOOBIG, 0},
        {chunked, whole, 0, -SL_ETOOBIG, 0},
        {chunked, pieces, 10, 0, 10},
        {chunked, pieces, 9, -SL_ETOOBIG, 8},
        {chunked, pieces, 7, -SL_ETOOBIG, 7},
        {chunked, pieces, 0, -SL_ETOOBIG, 0},
        {chunked, pieces, UINT64_MAX, 0, 10},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memory m;

        limit = rows[i].limit;
        expected = rows[i].expected;
        answer(&m, rows[i].text, rows[i].fn);
        if (read_so_far != rows[i].read)
            print_error("row %zu: %d octets\n", i, read_so_far);
        assert_int_equal(read_so_far, rows[i].read);
        assert_int_equal(m.status, expected ? 413 : 200);
        memory_finish(&m);
    }
}

/* More than limits.body_bytes, if a layer says so. */
static void a_limit_may_be_raised(void **state)
{
    static char text[5000] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n";
    sl_app *app = sl_new(.limits = {.body_bytes = 100});
    struct memory m;

    memset(text + strlen(text), 'x', 4000);
    limit = 4000;
    expected = 0;
    inside = whole;
    sl_use(app, handler);
    memory_request(&m, app, text);
    assert_int_equal(m.status, 200);
    assert_int_equal(read_so_far, 4000);
    memory_finish(&m);
    sl_free(app);
}

static void host_patterns(void **state)
{
    static const struct {
        const char *pattern, *host;
        bool matches;
    } rows[] = {
        {"example.com", "example.com", true},
        {"example.com", "EXAMPLE.com:8080", true},
        {"Example.COM", "example.com.", true},
        {"example.com", "example.com.:80", true},
        {"example.com", "www.example.com", false},
        {"example.com", "example.com.evil", false},
        {"example.com", "", false},
        {"example.com", "example.com:", true},
        {"*.example.com", "www.example.com", true},
        {"*.example.com", "a.b.example.com:1", true},
        {"*.example.com", "example.com", false},
        {"*.example.com", ".example.com", false},
        {"*.example.com", "badexample.com", false},
        {"*.com", "example.com", true},
        {"[::1]", "[::1]:8080", true},
        {"[::1]", "[::1]", true},
        {"[::1]", "[::2]", false},
        {"127.0.0.1", "127.0.0.1:1", true},
    };
    static const char *const bad[] = {
        "",        "a b",          "example.com:80", "*",      "*.",
        "a.*.com", "*example.com", "example.com.",   "*..com", "*.a:1",
        "[::1",    "*.*.com",      ".com",
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(sl__vhost_valid(rows[i].pattern));
        if (sl__vhost_matches(rows[i].pattern, sl__str_of(rows[i].host)) != rows[i].matches)
            fail_msg("%s: %s", rows[i].pattern, rows[i].host);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (sl__vhost_valid(bad[i]))
            fail_msg("%s", bad[i]);
}

static int names_host(sl_ctx *c)
{
    return sl_text(c, "api %s", sl_host(c));
}

static int any(sl_ctx *c)
{
    return sl_text(c, "any");
}

static void at_host(sl_app *app, const char *host, const char *target, int status, const char *body)
{
    struct memory m;
    char text[200];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, host);
    memory_request(&m, app, text);
    assert_int_equal(m.status, status);
    assert_string_equal(memory_body(&m), body);
    memory_finish(&m);
}

static void hosts_of_routers(void **state)
{
    sl_app *app = sl_new(), *bad = sl_new();
    sl_router *api = sl_router_new(.host = "*.example.com", .prefix = "/v1");
    sl_router *wrong = sl_router_new(.host = "a:80");
    struct sl__buf out = {0};

    sl_get(api, "/x", names_host);
    sl_get(api, "a.b", names_host);
    sl_use(app, sl_routes(api));
    sl_get(app, "/any", any);
    assert_true(sl__app_fit(app));
    at_host(app, "api.example.com:80", "/v1/x", 200, "api api.example.com:80");
    at_host(app, "example.com", "/v1/x", 404, "404 Not Found\n");
    at_host(app, "api.example.com", "/any", 200, "any");
    at_host(app, "other", "/any", 200, "any");
    assert_int_equal(sl__app_routes(app, &out), 0);
    sl__buf_append(&out, "", 1);
    assert_string_equal(out.data + out.at, "GET     //*.example.com/v1/x\n"
                                           "GET     //*.example.com/v1 ~ a.b\n"
                                           "GET     /any\n");
    sl__buf_finish(&out);
    sl_free(app);
    memory_log_start();
    sl_use(bad, sl_routes(wrong));
    assert_false(sl__app_fit(bad));
    sl_free(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_headers),
        cmocka_unit_test(vary),
        cmocka_unit_test(names),
        cmocka_unit_test(limits),
        cmocka_unit_test(host_patterns),
        cmocka_unit_test(a_limit_may_be_raised),
        cmocka_unit_test(hosts_of_routers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
