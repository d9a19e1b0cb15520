/* sl_fresh(): which responses the client has already. The rules are tested in test_condition.c. */
#include "memory_exchange.h"

static bool fresh;
static int status;
static const char *etag, *modified;

static int answer(sl_ctx *c)
{
    int r = sl_text(c, "hello");

    if (r == 0 && etag)
        r = sl_set_header(c, "ETag", etag);
    if (r == 0 && modified)
        r = sl_set_header(c, "Last-Modified", modified);
    if (r == 0 && status)
        r = sl_set_status(c, status);
    fresh = sl_fresh(c);
    return r == 0 && fresh ? sl_set_status(c, 304) : r;
}

static void as_it_stands(void **state)
{
    static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    static const struct {
        const char *method, *fields, *etag, *modified;
        int status;
        bool fresh;
    } table[] = {
        {"GET", "", "\"a\"", date, 0, false},
        {"GET", "If-None-Match: \"a\"\r\n", "\"a\"", NULL, 0, true},
        {"HEAD", "If-None-Match: \"a\"\r\n", "\"a\"", NULL, 0, true},
        {"GET", "If-None-Match: \"a\"\r\n", "W/\"a\"", NULL, 203, true},
        {"GET", "if-none-match: \"b\"\r\nIf-None-Match: \"a\"\r\n", "\"a\"", NULL, 0, true},
        {"GET", "If-None-Match: \"b\"\r\n", "\"a\"", date, 0, false},
        {"GET", "If-None-Match: \"a\"\r\n", NULL, date, 0, false},
        {"GET", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", NULL, date, 0, true},
        {"GET", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", NULL, date, 0, false},
        {"GET", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "\"a\"", NULL, 0, false},
        {"GET", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", NULL, "today", 0, false},
        {"GET", "If-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n", "\"a\"", NULL, 0, true},
        {"POST", "If-None-Match: \"a\"\r\n", "\"a\"", date, 0, false},
        {"GET", "If-None-Match: \"a\"\r\n", "\"a\"", date, 404, false},
        {"GET", "If-None-Match: \"a\"\r\n", "\"a\"", date, 302, false},
    };
    sl_app *app = sl_new();

    memory_log_start();
    sl_use(app, answer);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct memory m;
        char text[512];

        etag = table[i].etag;
        modified = table[i].modified;
        status = table[i].status;
        snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", table[i].method,
                 table[i].fields);
        memory_request(&m, app, text);
        if (fresh != table[i].fresh)
            print_error("row %zu\n", i);
        assert_int_equal(fresh, table[i].fresh);
        assert_int_equal(m.status, fresh ? 304 : status ? status : 200);
        memory_finish(&m);
    }
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
