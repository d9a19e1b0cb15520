/* The access log sees what the client gets. The middleware has no other floor to be tested on. */
#include "../../../src/middleware/logger.c"

#include "memory_exchange.h"

static int handler(sl_ctx *c)
{
    return sl_body(c, "hello");
}

static int fails(sl_ctx *c)
{
    return sl_fail(c, 418, "teapot");
}

static int canceled(sl_ctx *c)
{
    return -ECANCELED;
}

static ssize_t end(sl_ctx *c, void *buf, size_t len, void *self)
{
    return 0;
}

static int streams(sl_ctx *c)
{
    return sl_stream(c, end, NULL);
}

static void expect_line(sl_app *app, const char *target, const char *start)
{
    memory_log_start();
    memory_expect(app, "GET", target,
                  strstr(start, "canceled") ? 503 : atoi(strchr(start + 5, ' ')), NULL);
    if (!strstr(memory_log, start))
        print_error("%s", memory_log);
    assert_non_null(strstr(memory_log, start));
    assert_non_null(strstr(memory_log, " ms\n"));
    assert_int_equal(memory_log_lines, 1);
}

static void lines(void **state)
{
    sl_app *app = sl_new();

    sl_use(app, sl_logger());
    sl_get(app, "/hello", handler);
    sl_get(app, "/fails", fails);
    sl_get(app, "/canceled", canceled);
    sl_get(app, "/streams", streams);
    expect_line(app, "/hello?x", "GET /hello?x 200 5 ");
    expect_line(app, "/fails", "GET /fails 418 7 ");
    expect_line(app, "/none", "GET /none 404 14 ");
    expect_line(app, "/canceled", "GET /canceled canceled - ");
    expect_line(app, "/streams", "GET /streams 200 - ");
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
