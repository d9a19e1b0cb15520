/* Choosing by what the client accepts, and where the request came from. */
#include "memory_exchange.h"

static const char *chosen;
static const char *(*choose)(sl_ctx *c);

static int handler(sl_ctx *c)
{
    chosen = choose(c);
    return sl_body(c, "");
}

static const char *with(const char *lines, const char *(*fn)(sl_ctx *c))
{
    sl_app *app = sl_new();
    struct memory m;
    char text[1000];

    choose = fn;
    chosen = "not asked";
    sl_use(app, handler);
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", lines);
    memory_request(&m, app, text);
    assert_int_equal(m.status, 200);
    memory_finish(&m);
    sl_free(app);
    return chosen;
}

static const char *type(sl_ctx *c)
{
    return sl_accepts(c, "html", "application/json", "nonsense", "png");
}

static const char *coding(sl_ctx *c)
{
    return sl_accepts_encoding(c, "br", "gzip");
}

static const char *coding_or_none(sl_ctx *c)
{
    return sl_accepts_encoding(c, "br", "gzip", "identity");
}

static const char *language(sl_ctx *c)
{
    return sl_accepts_language(c, "en", "zh-CN", "de");
}

static const char *charset(sl_ctx *c)
{
    return sl_accepts_charset(c, "utf-8");
}

static const char *nothing(sl_ctx *c)
{
    const char *none[] = {NULL};

    assert_null(sl_accepts_of(c, none));
    assert_null(sl_accepts_encoding_of(c, none));
    return sl_accepts_language_of(c, none);
}

static void choosing(void **state)
{
    static const struct {
        const char *lines, *expected;
        const char *(*fn)(sl_ctx *c);
    } rows[] = {
        {"", "html", type},
        {"Accept:\r\n", "html", type},
        {"Accept: rubbish\r\n", "html", type},
        {"Accept: */*\r\n", "html", type},
        {"Accept: application/json, text/html\r\n", "html", type}, /* ours first at the same q */
        {"Accept: application/json, */*\r\n", "application/json", type}, /* named exactly */
        {"Accept: application/json, text/html;q=0.9\r\n", "application/json", type},
        {"Accept: text/html;q=0.1\r\nAccept: image/*;q=0.2\r\n", "png", type},
        {"Accept: text/html;charset=utf-8\r\n", "html", type},
        {"Accept: video/mp4\r\n", NULL, type},
        {"Accept: */*;q=0\r\n", NULL, type},
        {"", NULL, coding},
        {"Accept-Encoding:\r\n", NULL, coding},
        {"Accept-Encoding: gzip, deflate, br\r\n", "br", coding},
        {"Accept-Encoding: gzip, br;q=0.5\r\n", "gzip", coding},
        {"Accept-Encoding: *\r\n", "br", coding},
        {"Accept-Encoding: *, br;q=0\r\n", "gzip", coding},
        {"Accept-Encoding: gzip;q=0.5, identity\r\n", "gzip", coding},
        {"Accept-Encoding: deflate\r\n", NULL, coding},
        {"", "identity", coding_or_none},
        {"Accept-Encoding:\r\n", "identity", coding_or_none},
        {"Accept-Encoding: gzip;q=0.001\r\n", "gzip", coding_or_none},
        {"Accept-Encoding: gzip;q=0.5, identity\r\n", "identity", coding_or_none},
        {"Accept-Encoding: deflate\r\n", "identity", coding_or_none},
        {"Accept-Encoding: deflate, identity;q=0\r\n", NULL, coding_or_none},
        {"Accept-Encoding: *;q=0\r\n", NULL, coding_or_none},
        {"Accept-Encoding: *;q=0, identity;q=0.5\r\n", "identity", coding_or_none},
        {"Accept-Encoding: *;q=0, gzip\r\n", "gzip", coding_or_none},
        {"", "en", language},
        {"Accept-Language: zh-cn, en;q=0.8\r\n", "zh-CN", language},
        {"Accept-Language: zh\r\n", "zh-CN", language},
        {"Accept-Language: de-AT, en-GB;q=0.9\r\n", "de", language},
        {"Accept-Language: en-GB, de\r\n", "de", language}, /* the one that is meant exactly */
        {"Accept-Language: fr\r\n", NULL, language},
        {"Accept-Language: fr, *;q=0.1\r\n", "en", language},
        {"", "utf-8", charset},
        {"Accept-Charset: iso-8859-1\r\n", NULL, charset},
        {"Accept-Charset: iso-8859-1, *\r\n", "utf-8", charset},
        {"", NULL, nothing},
        {"Accept: a/b\r\nAccept-Encoding: x\r\nAccept-Language: y\r\n", NULL, nothing},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *got = with(rows[i].lines, rows[i].fn);

        if (!got != !rows[i].expected || (got && strcmp(got, rows[i].expected) != 0))
            fail_msg("%s: %s", rows[i].lines, got ? got : "(none)");
    }
}

static const char *origin(sl_ctx *c)
{
    assert_string_equal(sl_scheme(c), "http");
    assert_string_equal(sl_host(c), "a");
    assert_string_equal(sl_remote(c), "127.0.0.1:54321");
    assert_int_equal(sl_set_scheme(c, "HttpS"), 0);
    assert_int_equal(sl_set_host(c, "example.com:8443"), 0);
    assert_int_equal(sl_set_remote(c, "203.0.113.7"), 0);
    assert_string_equal(sl_scheme(c), "https");
    assert_string_equal(sl_host(c), "example.com:8443");
    assert_string_equal(sl_header(c, "host"), "a");
    assert_string_equal(sl_remote(c), "203.0.113.7");
    assert_int_equal(sl_set_scheme(c, "1http"), -EINVAL);
    assert_int_equal(sl_set_scheme(c, "ht tp"), -EINVAL);
    assert_int_equal(sl_set_scheme(c, ""), -EINVAL);
    assert_int_equal(sl_set_host(c, "a b"), -EINVAL);
    assert_int_equal(sl_set_host(c, ""), -EINVAL);
    assert_int_equal(sl_set_host(c, "a:99999"), -EINVAL);
    assert_int_equal(sl_set_remote(c, "a\r\nb"), -EINVAL);
    assert_int_equal(sl_set_remote(c, ""), -EINVAL);
    assert_string_equal(sl_scheme(c), "https");
    assert_int_equal(sl_set_scheme(c, NULL), 0);
    assert_int_equal(sl_set_host(c, NULL), 0);
    assert_int_equal(sl_set_remote(c, NULL), 0);
    assert_string_equal(sl_scheme(c), "http");
    assert_string_equal(sl_host(c), "a");
    assert_string_equal(sl_remote(c), "127.0.0.1:54321");
    return "done";
}

static void origins(void **state)
{
    assert_string_equal(with("", origin), "done");
}

static const char *no_host(sl_ctx *c)
{
    assert_string_equal(sl_host(c), "");
    return "done";
}

static void without_a_host(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    choose = no_host;
    chosen = NULL;
    sl_use(app, handler);
    memory_request(&m, app, "GET / HTTP/1.0\r\n\r\n");
    assert_string_equal(chosen, "done");
    memory_finish(&m);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choosing),
        cmocka_unit_test(origins),
        cmocka_unit_test(without_a_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
