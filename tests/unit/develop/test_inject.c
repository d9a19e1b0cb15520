/* The script in HTML answers: where it goes, however the answer is cut, and where it does not go.
 */
#include "../app/memory_exchange.h"

#include "develop/attach.h"
#include "develop/inject.h"

static int collect(void *self, const void *bytes, size_t len)
{
    return sl__buf_append(self, bytes, len);
}

/* In two pieces cut at @p cut, octet by octet with cut -1. */
static void pass(const char *in, int cut, struct sl__buf *out)
{
    struct sl__inject i = {.piece = "@", .out = collect, .self = out};
    size_t len = strlen(in);

    if (cut < 0) {
        for (size_t at = 0; at < len; at++)
            assert_int_equal(sl__inject_pass(&i, in + at, 1), 0);
    } else {
        assert_int_equal(sl__inject_pass(&i, in, (size_t)cut), 0);
        assert_int_equal(sl__inject_pass(&i, in + cut, len - (size_t)cut), 0);
    }
    assert_int_equal(sl__inject_end(&i), 0);
}

static void expect(const char *in, const char *want)
{
    for (int cut = -1; cut <= (int)strlen(in); cut++) {
        struct sl__buf out = {0};

        pass(in, cut, &out);
        sl__buf_append(&out, "", 1);
        if (strcmp(out.data + out.at, want) != 0)
            fail_msg("cut at %d of %s: %s", cut, in, out.data + out.at);
        sl__buf_finish(&out);
    }
}

static void in_front_of_the_bodys_end(void **state)
{
    expect("<html><body>hi</body></html>", "<html><body>hi@</body></html>");
    expect("<BODY>hi</BODY >", "<BODY>hi@</BODY >");
    expect("<body>a</body\n></body>", "<body>a@</body\n></body>");
    expect("<body>a<</body>", "<body>a<@</body>");
    expect("<body>1 < 2 <3</body>", "<body>1 < 2 <3@</body>");
}

static void or_at_the_end(void **state)
{
    expect("", "@");
    expect("<h1>Hello</h1>", "<h1>Hello</h1>@");
    expect("text", "text@");
    expect("cut <", "cut <@");
    expect("cut </bod", "cut </bod@");
    expect("<bodyguard></bodyguard>", "<bodyguard></bodyguard>@");
    expect("</bodys>", "</bodys>@");
}

static void not_where_it_only_looks_like_it(void **state)
{
    expect("<!-- </body> -->x</body>", "<!-- </body> -->x@</body>");
    expect("<!-->x</body>", "<!-->x@</body>");
    expect("<!---->x</body>", "<!---->x@</body>");
    expect("<!-- -- > </body> --></body>", "<!-- -- > </body> -->@</body>");
    expect("<script>var a = '</body>';</script></body>",
           "<script>var a = '</body>';</script>@</body>");
    expect("<SCRIPT src=x>\n</body></scripty></sCript ></body>",
           "<SCRIPT src=x>\n</body></scripty></sCript >@</body>");
    expect("<style>a{content:'</body>'}</style></body>",
           "<style>a{content:'</body>'}</style>@</body>");
    expect("<textarea><</textarea </body></textarea></body>",
           "<textarea><</textarea </body></textarea>@</body>");
    expect("<p title=\"</body>\" a='>'>x</body>", "<p title=\"</body>\" a='>'>x@</body>");
    expect("<title></body></title></body>", "<title></body></title>@</body>");
    expect("<script>if (a<b) </body></script>x</body>",
           "<script>if (a<b) </body></script>x@</body>");
    expect("<!DOCTYPE html \"</body>\"><?x </body>", "<!DOCTYPE html \"</body>\"><?x </body>@");
}

static void a_failure_of_the_way_out_ends_it(void **state)
{
    struct sl__buf out = {0};
    struct sl__inject i = {.piece = "@", .out = collect, .self = &out};

    i.out = NULL; /* nothing is asked of it for nothing */
    assert_int_equal(sl__inject_pass(&i, "", 0), 0);
    i.out = collect;
    assert_int_equal(sl__inject_end(&i), 0);
    assert_int_equal(sl__buf_len(&out), 1);
    assert_int_equal(sl__inject_end(&i), 0);
    sl__buf_finish(&out);
}

/* In an app */

static const char page[] = "<html><body><p>Hi</p></body></html>";
static const char *way = "bytes", *type = "text/html", *extra, *seen_encoding, *seen_match;
static int status;

static ssize_t one_by_one(sl_ctx *c, void *buf, size_t len, void *self)
{
    size_t *at = self;

    if (page[*at] == '\0')
        return 0;
    *(char *)buf = page[(*at)++];
    return 1;
}

static int answer(sl_ctx *c)
{
    size_t *at = sl_alloc(c, sizeof *at);

    *at = 0;
    seen_encoding = sl_header(c, "Accept-Encoding");
    seen_match = sl_header(c, "If-None-Match");
    sl_type(c, type);
    sl_set_status(c, status);
    sl_set_header(c, "ETag", "\"v1\"");
    if (extra)
        sl_set_header(c, extra, strcmp(extra, "Content-Disposition") == 0 ? "attachment" : "gzip");
    if (strcmp(way, "bytes") == 0)
        return sl_bytes(c, page, strlen(page));
    if (strcmp(way, "stream") == 0)
        return sl_stream(c, one_by_one, at);
    if (strcmp(way, "length") == 0) {
        sl_set_header(c, "Content-Length", "35");
        return sl_stream(c, one_by_one, at);
    }
    if (strcmp(way, "pushed") != 0)
        return 0;
    sl_set_header(c, "Content-Length", "35");
    for (; page[*at]; ++*at)
        if (sl_write(c, page + *at, 1) < 0)
            return -EIO;
    return 0;
}

static void ask(struct memory *m, const char *method, const char *lines)
{
    sl_app *app = sl_new(.mode = SL_DEVELOPMENT);
    char text[1000];

    sl_all(app, ".*", answer);
    assert_int_equal(sl__develop_attach(app), 0);
    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, lines);
    memory_request(m, app, text);
    sl_free(app);
}

#define BROWSER                                                                                    \
    "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Encoding: gzip\r\n"               \
    "If-None-Match: \"v1\"\r\n"

static bool injected(struct memory *m)
{
    sl__buf_append(&m->body, "", 1);
    return strstr(m->body.data + m->body.at,
                  "<p>Hi</p><script src=\"/_shallot/live.js\" data-from=");
}

static void whatever_way_the_page_comes(void **state)
{
    static const char *const ways[] = {"bytes", "stream", "length", "pushed"};
    struct memory m;

    status = 200;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char length[64];

        way = ways[i];
        ask(&m, "GET", BROWSER);
        assert_int_equal(m.status, 200);
        snprintf(length, sizeof length, "Content-Length: %zu\n", sl__buf_len(&m.body));
        assert_true(injected(&m));
        assert_null(strstr(m.headers, "ETag"));
        if (i >= 2)
            assert_non_null(strstr(m.headers, length));
        assert_null(seen_encoding);
        assert_null(seen_match);
        memory_finish(&m);
    }
}

static void only_pages_for_browsers(void **state)
{
    static const struct {
        const char *lines, *method, *type, *extra;
        int status;
    } cases[] = {
        {"Accept: */*\r\n", "GET", "text/html", NULL, 200},
        {"", "GET", "text/html", NULL, 200},
        {"Accept: application/json, text/html;q=0.5\r\n", "GET", "text/html", NULL, 200},
        {BROWSER "Sec-Fetch-Mode: cors\r\n", "GET", "text/html", NULL, 200},
        {BROWSER "X-Requested-With: XMLHttpRequest\r\n", "GET", "text/html", NULL, 200},
        {BROWSER "HX-Request: true\r\n", "GET", "text/html", NULL, 200},
        {BROWSER "Range: bytes=0-1\r\n", "GET", "text/html", NULL, 200},
        {BROWSER, "POST", "text/html", NULL, 200},
        {BROWSER, "GET", "application/json", NULL, 200},
        {BROWSER, "GET", "text/htmlx", NULL, 200},
        {BROWSER, "GET", "text/event-stream", NULL, 200},
        {BROWSER, "GET", "text/html; charset=UTF-16", NULL, 200},
        {BROWSER, "GET", "text/html", "Content-Encoding", 200},
        {BROWSER, "GET", "text/html", "Content-Disposition", 200},
        {BROWSER, "GET", "text/html", NULL, 206},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct memory m;

        way = "bytes";
        type = cases[i].type;
        extra = cases[i].extra;
        status = cases[i].status;
        ask(&m, cases[i].method, cases[i].lines);
        assert_int_equal(sl__buf_len(&m.body), strlen(page));
        assert_memory_equal(m.body.data + m.body.at, page, strlen(page));
        assert_non_null(strstr(m.headers, "ETag: \"v1\""));
        memory_finish(&m);
    }
    type = "text/html";
    extra = NULL;
}

static void an_error_page_of_the_programs_own_is_one_too(void **state)
{
    struct memory m;

    way = "bytes";
    status = 404;
    ask(&m, "GET", BROWSER "Sec-Fetch-Mode: navigate\r\n");
    assert_int_equal(m.status, 404);
    assert_true(injected(&m));
    memory_finish(&m);
}

static void it_can_be_turned_off(void **state)
{
    sl_app *app = sl_new(.mode = SL_DEVELOPMENT, .no_pages = true);
    struct memory m;

    status = 200;
    sl_all(app, "/here", answer);
    assert_int_equal(sl__develop_attach(app), 0);
    memory_request(&m, app, "GET /here HTTP/1.1\r\nHost: a\r\n" BROWSER "\r\n");
    assert_int_equal(sl__buf_len(&m.body), strlen(page));
    memory_finish(&m);
    memory_request(&m, app, "GET /away HTTP/1.1\r\nHost: a\r\n" BROWSER "\r\n");
    assert_int_equal(m.status, 404);
    assert_int_equal(sl__buf_len(&m.body), strlen("404 Not Found\n"));
    memory_finish(&m);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_front_of_the_bodys_end),
        cmocka_unit_test(or_at_the_end),
        cmocka_unit_test(not_where_it_only_looks_like_it),
        cmocka_unit_test(a_failure_of_the_way_out_ends_it),
        cmocka_unit_test(whatever_way_the_page_comes),
        cmocka_unit_test(only_pages_for_browsers),
        cmocka_unit_test(an_error_page_of_the_programs_own_is_one_too),
        cmocka_unit_test(it_can_be_turned_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
