/* The access log sees what the client gets, and says it in four forms. */
#include "layers.h"

#include <time.h>

static bool in_colour;

static bool test_coloured(void)
{
    return in_colour;
}

/* 12.34 ms later each time it is asked; a wall clock that stands. */
static int test_clock(clockid_t id, struct timespec *t)
{
    static int64_t now;

    now += 12340000;
    *t = id == CLOCK_REALTIME ? (struct timespec){784111777, 42000000}
                              : (struct timespec){now / 1000000000, now % 1000000000};
    return 0;
}

#define clock_gettime test_clock
#define sl_log_coloured test_coloured
#undef skip
#include "../../../src/middleware/logger.c"
#undef clock_gettime
#undef sl_log_coloured

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

static int names(sl_ctx *c)
{
    sl_set_id(c, "the-id");
    sl_set_remote(c, "[2001:db8::1]:443");
    return sl_next(c);
}

static sl_app *app_with(sl_middleware m)
{
    sl_app *app = sl_new();

    sl_use(app, m);
    sl_get(app, "/hello", handler);
    sl_get(app, "/named", names, handler);
    sl_get(app, "/fails", fails);
    sl_get(app, "/canceled", canceled);
    sl_get(app, "/streams", streams);
    sl_get(app, "/auth", sl_basic_auth(.users = (const sl_user[]){{"Al\"i", "b"}, {NULL, NULL}}),
           handler);
    sl_get(app, "/traced", sl_trace(), handler);
    sl_get(app, "/assets/*path", handler);
    return app;
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
    sl_app *app = app_with(sl_logger());

    expect_line(app, "/hello?x", "GET /hello?x 200 5 12.3 ms");
    expect_line(app, "/fails", "GET /fails 418 7 ");
    expect_line(app, "/none", "GET /none 404 14 ");
    expect_line(app, "/canceled", "GET /canceled canceled - ");
    expect_line(app, "/streams", "GET /streams 200 - ");
    sl_free(app);
}

/* The whole line; times are the clock's. */
static void expect_whole(sl_logger_form form, const char *target, const char *more,
                         const char *expected)
{
    sl_app *app = app_with(sl_logger(.form = form));
    struct memory m;

    memory_log_start();
    ask(&m, app, "GET", target, more);
    memory_finish(&m);
    assert_string_equal(memory_log, expected);
    sl_free(app);
}

static void combined_lines(void **state)
{
    expect_whole(SL_LOGGER_COMBINED, "/hello?x", "",
                 "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /hello?x HTTP/1.1\" 200 5 \"-\" "
                 "\"-\"\n");
    expect_whole(SL_LOGGER_COMBINED, "/named",
                 "Referer: http://x/\r\nUser-Agent: a \"b\" \\ \xc3\xa9\r\n",
                 "[2001:db8::1] - - [06/Nov/1994:08:49:37 +0000] \"GET /named HTTP/1.1\" 200 5 "
                 "\"http://x/\" \"a \\x22b\\x22 \\x5C \\xC3\\xA9\"\n");
    expect_whole(SL_LOGGER_COMBINED, "/auth", "Authorization: Basic QWwiaTpi\r\n",
                 "127.0.0.1 - Al\\x22i [06/Nov/1994:08:49:37 +0000] \"GET /auth HTTP/1.1\" 200 5 "
                 "\"-\" \"-\"\n");
    expect_whole(
        SL_LOGGER_COMBINED, "/canceled", "",
        "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /canceled HTTP/1.1\" 499 - \"-\" "
        "\"-\"\n");
    setenv("TZ", "XYZ+3:30", 1); /* west */
    tzset();
    expect_whole(SL_LOGGER_COMBINED, "/streams", "",
                 "127.0.0.1 - - [06/Nov/1994:05:19:37 -0330] \"GET /streams HTTP/1.1\" 200 - \"-\" "
                 "\"-\"\n");
    setenv("TZ", "UTC", 1);
    tzset();
}

#define JSON_BEGIN                                                                                 \
    "{\"time\":\"1994-11-06T08:49:37.042Z\",\"level\":\"info\",\"pid\":%d,\"worker\":0,"

static void expect_json(const char *target, const char *more, const char *rest)
{
    char expected[2000];

    snprintf(expected, sizeof expected, JSON_BEGIN "%s\n", getpid(), rest);
    expect_whole(SL_LOGGER_JSON, target, more, expected);
}

static void json_lines(void **state)
{
    expect_json("/hello", "",
                "\"request\":\"0-0\",\"remote\":\"127.0.0.1\",\"method\":\"GET\",\"target\":"
                "\"/hello\",\"protocol\":\"HTTP/1.1\",\"host\":\"a\",\"status\":200,\"ms\":12.340,"
                "\"bytes\":5}");
    expect_json("/named?\\", "User-Agent: a \"b\"\t\xc3\xa9\xff\xed\xa0\x80\r\nReferer: r\r\n",
                "\"request\":\"the-id\",\"remote\":\"[2001:db8::1]\",\"method\":\"GET\",\"target\":"
                "\"/named?\\\\\",\"protocol\":\"HTTP/1.1\",\"host\":\"a\",\"status\":200,\"ms\":12."
                "340,\"bytes\":5,\"referer\":\"r\",\"agent\":\"a "
                "\\\"b\\\"\\u0009\xc3\xa9\\ufffd\\ufffd\\ufffd\\ufffd\"}");
    expect_json("/canceled", "",
                "\"request\":\"0-0\",\"remote\":\"127.0.0.1\",\"method\":\"GET\",\"target\":"
                "\"/canceled\",\"protocol\":\"HTTP/1.1\",\"host\":\"a\",\"status\":499,\"ms\":12."
                "340,\"canceled\":true}");
    expect_json("/auth", "Authorization: Basic QWwiaTpi\r\n",
                "\"request\":\"0-0\",\"remote\":\"127.0.0.1\",\"user\":\"Al\\\"i\",\"method\":"
                "\"GET\",\"target\":\"/auth\",\"protocol\":\"HTTP/1.1\",\"host\":\"a\",\"status\":"
                "200,\"ms\":12.340,\"bytes\":5}");
}

static void traces(void **state)
{
    sl_app *app = app_with(sl_logger(.form = SL_LOGGER_JSON));
    struct memory m;

    memory_log_start();
    ask(&m, app, "GET", "/traced",
        "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
    memory_finish(&m);
    assert_non_null(strstr(memory_log, ",\"trace\":\"0af7651916cd43dd8448eb211c80319c\"}"));
    sl_free(app);
}

/* However much a client sends, the line is an object, and fits. */
static void long_lines(void **state)
{
    static const char *const fillers[] = {"x", "\"", "\t", "\xff", "\xc3\xa9", "\xf0\x9f\x98\x80"};
    static char lines_of[20000], target[3000];

    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++) {
        for (int form = SL_LOGGER_DEV; form <= SL_LOGGER_JSON; form++) {
            sl_app *app = app_with(sl_logger(.form = (sl_logger_form)form));
            struct memory m;

            strcpy(target, "/hello?");
            memset(target + 7, 'y', 2900);
            strcpy(lines_of, "User-Agent: u");
            for (size_t at = strlen(lines_of); at < 3000; at = strlen(lines_of))
                strcpy(lines_of + at, fillers[i]);
            strcat(lines_of, "v\r\nReferer: w");
            for (size_t at = strlen(lines_of); at < 6000; at = strlen(lines_of))
                strcpy(lines_of + at, fillers[i]);
            strcat(lines_of, "v\r\nX-Long: ");
            memory_log_start();
            ask(&m, app, "GET", target, strcat(lines_of, "1\r\n"));
            assert_int_equal(m.status, 200);
            memory_finish(&m);
            assert_int_equal(memory_log_lines, 1);
            assert_in_range(strlen(memory_log), 1500, 4000);
            assert_non_null(strstr(memory_log, "..."));
            if (form == SL_LOGGER_JSON)
                assert_string_equal(memory_log + strlen(memory_log) - 3, "\"}\n");
            sl_free(app);
        }
    }
}

static void dev_lines(void **state)
{
    expect_whole(SL_LOGGER_DEV, "/hello?x", "",
                 "08:49:37.042 200 GET           12.3 ms        5 /hello?x #0-0\n");
    expect_whole(SL_LOGGER_DEV, "/none", "",
                 "08:49:37.042 404 GET           12.3 ms       14 /none #0-0\n");
    expect_whole(SL_LOGGER_DEV, "/canceled", "",
                 "08:49:37.042 499 GET           12.3 ms     gone /canceled #0-0\n");
    in_colour = true; /* the log itself has none in tests and shows the escapes */
    expect_whole(SL_LOGGER_DEV, "/hello", "",
                 "08:49:37.042 \\x1b[32m200\\x1b[0m GET           12.3 ms        5 /hello "
                 "\\x1b[2m#0-0\\x1b[0m\n");
    in_colour = false;
}

/* By itself it is for the eye in development, where there are colours. */
static void automatic(void **state)
{
    static const struct {
        sl_mode mode;
        bool colours, dev;
    } rows[] = {{SL_PRODUCTION, false, false},
                {SL_PRODUCTION, true, false},
                {SL_DEVELOPMENT, false, false},
                {SL_DEVELOPMENT, true, true}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sl_app *app = sl_new(.mode = rows[i].mode);
        struct memory m;

        sl_use(app, sl_logger());
        sl_use(app, handler);
        in_colour = rows[i].colours;
        memory_log_start();
        ask(&m, app, "GET", "/", "");
        memory_finish(&m);
        in_colour = false;
        assert_int_equal(strstr(memory_log, "[32m") != NULL, rows[i].dev);
        assert_int_equal(strstr(memory_log, "GET / 200 5 ") != NULL, !rows[i].dev);
        sl_free(app);
    }
}

static bool skips_long(sl_ctx *c, void *self)
{
    assert_string_equal(self, "self");
    return sl_response_length(c) > 5;
}

static int logged(sl_app *app, const char *target)
{
    struct memory m;

    memory_log_start();
    ask(&m, app, "GET", target, "");
    memory_finish(&m);
    return memory_log_lines;
}

static void choices(void **state)
{
    static const char *const paths[] = {"/hello", "/assets/", "/none", NULL};
    sl_app *app = app_with(sl_logger(.skip_paths = paths));
    int count = 0;

    assert_int_equal(logged(app, "/hello?x"), 0);
    assert_int_equal(logged(app, "/assets/a/b.css"), 0);
    assert_int_equal(logged(app, "/named"), 1);
    assert_int_equal(logged(app, "/none"), 1); /* an error */
    sl_free(app);
    app = app_with(sl_logger(.sample = 10));
    for (int i = 0; i < 100; i++)
        count += logged(app, "/hello");
    assert_int_equal(count, 10);
    for (int i = 0; i < 5; i++)
        assert_int_equal(logged(app, "/fails"), 1);
    assert_int_equal(logged(app, "/canceled"), 1);
    sl_free(app);
    app = app_with(sl_logger(.skip = skips_long, .self = (void *)(uintptr_t) "self"));
    assert_int_equal(logged(app, "/hello"), 1);
    assert_int_equal(logged(app, "/fails"), 0);
    sl_free(app);
}

static sl_middleware make(sl_app *app)
{
    static const char *const paths[] = {"/hello", "/assets/", NULL};

    return sl_logger(.skip_paths = paths);
}

static void memory(void **state)
{
    static const char request[] =
        "GET /named HTTP/1.1\r\nHost: a\r\nReferer: a\r\nReferer: b\r\n\r\n";

    expect_refusal(sl_logger(.form = (sl_logger_form)9), "sl_logger: there is no such form");
    each_part_of_making_fails(make);
    for (int form = SL_LOGGER_AUTO; form <= SL_LOGGER_JSON; form++) {
        sl_app *app = app_with(sl_logger(.form = (sl_logger_form)form));

        each_part_of_serving_fails(app, request, 200);
        sl_free(app);
    }
}

static int start(void **state)
{
    setenv("TZ", "UTC", 1);
    tzset();
    memory_log_start();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),     cmocka_unit_test(combined_lines),
        cmocka_unit_test(traces),    cmocka_unit_test(json_lines),
        cmocka_unit_test(dev_lines), cmocka_unit_test(long_lines),
        cmocka_unit_test(automatic), cmocka_unit_test(choices),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
