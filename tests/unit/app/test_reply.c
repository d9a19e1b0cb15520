/* The response: BO1 to BO4 and BO6, bodies of every kind, and what stands when nobody set it. */
#include <fcntl.h>
#include <sys/stat.h>

#include "memory_exchange.h"

static const char *given; /* what the next request's handler is to do something with */
static int result;

static int nothing(sl_ctx *c)
{
    return 0;
}

static int body(sl_ctx *c)
{
    return sl_body(c, given);
}

static int text(sl_ctx *c)
{
    sl_type(c, "text/html");
    return sl_text(c, "%s", given);
}

static int typed_body(sl_ctx *c)
{
    assert_int_equal(sl_type(c, given), 0);
    return sl_body(c, "<x>");
}

static void expect_type(sl_handler *handler, const char *argument, const char *type)
{
    sl_app *app = sl_new();
    struct memory m;
    char line[200];

    given = argument;
    sl_use(app, handler);
    memory_request(&m, app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 200);
    snprintf(line, sizeof line, "Content-Type: %s", type);
    assert_true(memory_has_header(&m, line));
    memory_finish(&m);
    sl_free(app);
}

static void bo1_nothing_set(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    memory_request(&m, app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 200);
    assert_string_equal(memory_body(&m), "200 OK"); /* as in the seed */
    assert_string_equal(m.headers, "Content-Type: text/plain; charset=utf-8\n");
    memory_finish(&m);
    memory_expect(app, "OPTIONS", "/", 200, "200 OK");
    sl_get(app, "/a", nothing);
    memory_expect(app, "GET", "/a", 200, "200 OK");
    memory_expect(app, "GET", "/", 404, "404 Not Found\n");
    sl_free(app);
}

static int only_body(sl_ctx *c)
{
    assert_int_equal(sl_status(c), 404); /* as things stand */
    sl_body(c, "mine");
    assert_int_equal(sl_status(c), 200);
    return sl_next(c);
}

static void bo1_a_body_makes_it_200(void **state)
{
    sl_app *app = sl_new();

    sl_use(app, only_body);
    sl_get(app, "/a", nothing);
    memory_expect(app, "GET", "/none", 200, "mine");
    sl_free(app);
}

static void bo2_types(void **state)
{
    expect_type(body, "<h1>", "text/html; charset=utf-8");
    expect_type(body, " \t\r\n <h1>", "text/html; charset=utf-8");
    expect_type(body, "a <h1>", "text/plain; charset=utf-8");
    expect_type(body, "", "text/plain; charset=utf-8");
    expect_type(text, "<h1>", "text/plain; charset=utf-8");
    expect_type(typed_body, "text", "text/plain; charset=utf-8");
    expect_type(typed_body, "html", "text/html; charset=utf-8");
    expect_type(typed_body, "json", "application/json; charset=utf-8");
    expect_type(typed_body, "svg", "image/svg+xml");
    expect_type(typed_body, "image/x-own; v=1", "image/x-own; v=1");
}

static int two_bodies(sl_ctx *c)
{
    sl_body(c, "<p>");
    sl_body(c, "plain"); /* the guess goes with its body */
    return 0;
}

static int type_afterwards(sl_ctx *c)
{
    sl_body(c, "<p>");
    sl_set_header(c, "content-TYPE", "x/y");
    sl_bytes(c, "\0\1", 2);
    return 0;
}

static int no_type(sl_ctx *c)
{
    sl_set_header(c, "Content-Type", NULL);
    sl_body(c, "<p>");
    return 0;
}

static int octets(sl_ctx *c)
{
    return sl_bytes(c, "a\0b", 3);
}

static void bo2_types_follow_the_body(void **state)
{
    struct memory m;
    sl_app *app = sl_new();

    expect_type(two_bodies, NULL, "text/plain; charset=utf-8");
    expect_type(type_afterwards, NULL, "x/y");
    expect_type(octets, NULL, "application/octet-stream");
    sl_get(app, "/no", no_type);
    sl_get(app, "/octets", octets);
    memory_request(&m, app, "GET /no HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(m.headers, "");
    memory_finish(&m);
    memory_request(&m, app, "GET /octets HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(sl__buf_len(&m.body), 3);
    assert_memory_equal(memory_body(&m), "a\0b", 3);
    memory_finish(&m);
    sl_free(app);
}

static int deferred;

static void count_deferred(void *arg)
{
    deferred++;
}

static ssize_t five_pieces(sl_ctx *c, void *buf, size_t len, void *self)
{
    int *left = self;

    assert_int_equal(deferred, 0);
    if (*left == 0)
        return 0;
    --*left;
    memcpy(buf, "piece ", 6);
    return 6;
}

static int stream(sl_ctx *c)
{
    int *left = sl_alloc(c, sizeof *left);

    *left = 5;
    sl_defer(c, count_deferred, NULL);
    assert_int_equal(sl_stream(c, five_pieces, left), 0);
    assert_int_equal(sl_response_length(c), -1);
    sl_set_header(c, "Content-Length", "30");
    assert_int_equal(sl_response_length(c), 30);
    return sl_set_header(c, "Content-Length", NULL);
}

static ssize_t breaks(sl_ctx *c, void *buf, size_t len, void *self)
{
    return sl_fail(c, 500, "the tape tore");
}

static int broken_stream(sl_ctx *c)
{
    return sl_stream(c, breaks, NULL);
}

static void bo2_streams(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_get(app, "/five", stream);
    sl_get(app, "/broken", broken_stream);
    memory_log_start();
    deferred = 0;
    memory_expect(app, "GET", "/five", 200, "piece piece piece piece piece ");
    assert_int_equal(deferred, 1); /* when the source was done, not before */
    memory_request(&m, app, "GET /broken HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(m.aborted);
    assert_non_null(strstr(memory_log, "the tape tore"));
    memory_finish(&m);
    sl_free(app);
}

static int push(sl_ctx *c)
{
    sl_body(c, "<p>never seen");
    sl_set_header(c, "X-Early", "1");
    assert_int_equal(sl_write(c, "one ", 4), 0);
    assert_int_equal(sl_set_header(c, "X-Late", "1"), -SL_ECOMMITTED);
    assert_int_equal(sl_set_status(c, 500), -SL_ECOMMITTED);
    assert_int_equal(sl_body(c, "x"), -SL_ECOMMITTED);
    assert_int_equal(sl_redirect(c, "/x"), -SL_ECOMMITTED);
    assert_int_equal(sl_type(c, "html"), -SL_ECOMMITTED);
    assert_int_equal(sl_status(c), 200);
    return sl_write(c, "two", 3);
}

static int push_too_much(sl_ctx *c)
{
    sl_set_header(c, "Content-Length", "3");
    assert_int_equal(sl_write(c, "abc", 3), 0);
    assert_int_equal(sl_write(c, "d", 1), -SL_ETOOBIG);
    return 0;
}

static int push_into_204(sl_ctx *c)
{
    sl_set_status(c, 204);
    sl_type(c, "html");
    assert_int_equal(sl_write(c, "x", 1), -EINVAL);
    return 0;
}

static int push_and_fail(sl_ctx *c)
{
    sl_write(c, "begun", 5);
    return sl_fail(c, 404, "too late");
}

static void pushed_responses(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    memory_log_start();
    sl_get(app, "/push", push);
    sl_get(app, "/much", push_too_much);
    sl_get(app, "/204", push_into_204);
    sl_get(app, "/fail", push_and_fail);
    memory_request(&m, app, "GET /push HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(memory_body(&m), "one two");
    assert_string_equal(m.headers, "X-Early: 1\n"); /* the guessed type went with its body */
    assert_true(m.committed && !m.aborted);
    memory_finish(&m);
    memory_expect(app, "GET", "/much", 200, "abc");
    memory_request(&m, app, "GET /204 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 204);
    assert_string_equal(m.headers, "Content-Type: text/html; charset=utf-8\n"); /* once */
    memory_finish(&m);
    assert_int_equal(memory_log_lines, 0);
    memory_request(&m, app, "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n"); /* BO4 */
    assert_int_equal(m.status, 200);
    assert_true(m.aborted);
    assert_string_equal(memory_body(&m), "begun");
    assert_int_equal(memory_log_lines, 1);
    memory_finish(&m);
    sl_free(app);
}

static int by_status(sl_ctx *c)
{
    return sl_set_status(c, atoi(sl_param(c, "status")));
}

static void bo3_statuses_without_a_body(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_get(app, "/:status", by_status);
    memory_expect(app, "GET", "/201", 201, "201 Created");
    memory_expect(app, "GET", "/404", 404, "404 Not Found\n");
    memory_expect(app, "GET", "/299", 299, "299");
    memory_request(&m, app, "GET /204 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 204);
    assert_int_equal(sl__buf_len(&m.body), 0);
    assert_string_equal(m.headers, ""); /* no Allow: this is no answer to OPTIONS */
    memory_finish(&m);
    memory_expect(app, "GET", "/304", 304, "");
    memory_expect(app, "GET", "/205", 205, "");
    memory_log_start();
    memory_expect(app, "GET", "/99", 500, NULL); /* -EINVAL from sl_set_status() */
    memory_expect(app, "GET", "/600", 500, NULL);
    assert_int_equal(memory_log_lines, 2);
    sl_free(app);
}

static int halfway(sl_ctx *c)
{
    sl_set_header(c, "X-Secret", "1");
    sl_append_header(c, "Set-Cookie", "a=1");
    sl_type(c, "image/png");
    sl_set_status(c, 202);
    sl_bytes(c, "png", 3);
    return result ? result : sl_fail(c, atoi(sl_param(c, "status")), "about %s", given);
}

static sl_app *failing_app(sl_mode mode)
{
    sl_app *app = sl_new(.mode = mode);

    memory_log_start();
    result = 0;
    given = "it";
    sl_get(app, "/:status", halfway);
    return app;
}

static void bo4_errors_drop_what_was_set(void **state)
{
    sl_app *app = failing_app(SL_PRODUCTION);
    struct memory m;

    memory_request(&m, app, "GET /409 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 409);
    assert_string_equal(m.headers, "Content-Type: text/plain; charset=utf-8\n");
    assert_string_equal(memory_body(&m), "about it\n");
    memory_finish(&m);
    assert_int_equal(memory_log_lines, 0); /* the client's doing */
    memory_expect(app, "GET", "/503", 503, "503 Service Unavailable\n");
    assert_non_null(strstr(memory_log, "GET /503: 503 about it"));
    memory_expect(app, "GET", "/200", 500, "500 Internal Server Error\n"); /* not an error status */
    sl_free(app);
}

static void bo4_development_shows_all(void **state)
{
    sl_app *app = failing_app(SL_DEVELOPMENT);
    struct memory m;
    char start[200];

    memory_expect(app, "GET", "/409", 409, "about it\n");
    memory_request(&m, app, "GET /500 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 500);
    snprintf(start, sizeof start, "500 Internal Server Error\n\nabout it\n    at %s+0x",
             program_invocation_short_name);
    assert_memory_equal(memory_body(&m), start, strlen(start));
    memory_finish(&m);
    sl_free(app);
}

static void bo4_error_numbers(void **state)
{
    static const struct {
        int error, status;
        const char *body;
        int lines;
    } cases[] = {
        {-SL_ETOOBIG, 413, "request body over the limit\n", 0},
        {-SL_EBADREQUEST, 400, "malformed request\n", 0},
        {-SL_ETOOSLOW, 408, NULL, 0},
        {-SL_EBADHEADER, 500, "500 Internal Server Error\n", 1},
        {-SL_EOVERLOADED, 503, "503 Service Unavailable\n", 1},
        {-ENOENT, 404, "No such file or directory\n", 1}, /* nobody meant it: a line */
        {-ENOMEM, 503, "503 Service Unavailable\n", 1},
        {-EIO, 500, "500 Internal Server Error\n", 1},
        {-1234567, 500, "500 Internal Server Error\n", 1},
        {-ECANCELED, 503, NULL, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sl_app *app = failing_app(SL_PRODUCTION);

        result = cases[i].error;
        memory_expect(app, "GET", "/x", cases[i].status, cases[i].body);
        assert_int_equal(memory_log_lines, cases[i].lines);
        sl_free(app);
    }
}

static int fails_without_words(sl_ctx *c)
{
    return sl_fail(c, 410, NULL);
}

static int fails_by_number_alone(sl_ctx *c)
{
    return -SL_EFAIL;
}

static void bo4_without_words(void **state)
{
    sl_app *app = sl_new();

    memory_log_start();
    sl_get(app, "/410", fails_without_words);
    sl_get(app, "/alone", fails_by_number_alone);
    memory_expect(app, "GET", "/410", 410, "410 Gone\n");
    memory_expect(app, "GET", "/alone", 500, "500 Internal Server Error\n");
    sl_free(app);
}

static void bo4_bad_headers(sl_ctx *c, const char *name, const char *value)
{
    assert_int_equal(sl_set_header(c, name, value), -SL_EBADHEADER);
    assert_int_equal(sl_append_header(c, name, value), -SL_EBADHEADER);
}

static int checks_headers(sl_ctx *c)
{
    bo4_bad_headers(c, "X-A", "a\r\nSet-Cookie: b=1");
    bo4_bad_headers(c, "X-A", "a\nb");
    bo4_bad_headers(c, "X-A", "a\rb");
    bo4_bad_headers(c, "X-A",
                    "a\x01"
                    "b");
    bo4_bad_headers(c, "X A", "b");
    bo4_bad_headers(c, "X-A:", "b");
    bo4_bad_headers(c, "X\r\nY", "b");
    bo4_bad_headers(c, "", "b");
    bo4_bad_headers(c, "Connection", "close");
    bo4_bad_headers(c, "transfer-encoding", "chunked");
    bo4_bad_headers(c, "Date", "now");
    bo4_bad_headers(c, "Content-Length", "-1");
    bo4_bad_headers(c, "Content-Length", "1x");
    bo4_bad_headers(c, "Content-Type", "text/html\r\nX: y");
    assert_int_equal(sl_type(c, "a/b\nc"), -SL_EBADHEADER);
    assert_int_equal(sl_type(c, "nosuchtype"), -SL_EBADHEADER);
    assert_int_equal(sl_redirect(c, "/a\r\nX: y"), -SL_EBADHEADER);
    assert_int_equal(sl_redirect(c, ""), -SL_EBADHEADER);
    assert_int_equal(sl_redirect(c, NULL), -SL_EBADHEADER);
    assert_int_equal(sl_append_header(c, "X-A", NULL), -EINVAL);
    assert_int_equal(sl_body(c, NULL), -EINVAL);
    assert_int_equal(sl_set_header(c, "X-B", "1"), 0);
    assert_int_equal(sl_set_header(c, "x-b", "2"), 0);
    assert_int_equal(sl_append_header(c, "Set-Cookie", "a=1"), 0);
    assert_int_equal(sl_append_header(c, "Set-Cookie", "b=\xc3\xa9"), 0);
    assert_int_equal(sl_set_header(c, "X-Gone", "1"), 0);
    assert_int_equal(sl_set_header(c, "X-Gone", NULL), 0);
    assert_string_equal(sl_response_header(c, "X-B"), "2");
    assert_null(sl_response_header(c, "X-Gone"));
    return 0;
}

static void bo6_header_injection(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, checks_headers);
    memory_request(&m, app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 200);
    assert_string_equal(m.headers, "Content-Type: text/plain; charset=utf-8\nx-b: 2\n"
                                   "Set-Cookie: a=1\nSet-Cookie: b=\xc3\xa9\n");
    memory_finish(&m);
    sl_free(app);
}

static int redirects(sl_ctx *c)
{
    if (sl_query(c, "status"))
        sl_set_status(c, atoi(sl_query(c, "status")));
    return sl_redirect(c, given);
}

static void redirect(const char *location, const char *header, int status, const char *target)
{
    sl_app *app = sl_new();
    struct memory m;
    char request[100];

    given = location;
    sl_use(app, redirects);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    memory_request(&m, app, request);
    assert_int_equal(m.status, status);
    assert_true(memory_has_header(&m, header));
    memory_finish(&m);
    sl_free(app);
}

static void redirections(void **state)
{
    redirect("/login?next=%2Fa", "Location: /login?next=%2Fa", 302, "/");
    redirect("https://example.org/", "Location: https://example.org/", 308, "/?status=308");
    redirect("/a", "Location: /a", 302, "/?status=404");
    redirect("/caf\xc3\xa9 <x>", "Location: /caf%C3%A9%20%3Cx%3E", 302, "/");
    redirect("/\\evil.example", "Location: /%5Cevil.example", 302, "/");
}

static int file(sl_ctx *c)
{
    return sl_file(c, given);
}

static void files(void **state)
{
    char folder[] = "/tmp/shallot-XXXXXX", path[64];
    sl_app *app = sl_new();
    struct memory m;
    int fd;

    memory_log_start();
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/page.HTML", folder);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "<b>page", 7), 7);
    close(fd);
    sl_use(app, file);
    given = path;
    memory_request(&m, app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 200);
    assert_string_equal(memory_body(&m), "<b>page");
    assert_true(memory_has_header(&m, "Content-Type: text/html; charset=utf-8"));
    assert_non_null(strstr(m.headers, "\nLast-Modified: "));
    assert_non_null(strstr(m.headers, "\nETag: W/\""));
    memory_finish(&m);
    given = folder;
    memory_expect(app, "GET", "/", 500, NULL); /* -EISDIR */
    unlink(path);
    given = path;
    memory_expect(app, "GET", "/", 404, NULL);
    assert_int_equal(mkfifo(path, 0600), 0);
    memory_expect(app, "GET", "/", 500, NULL); /* and does not hang */
    unlink(path);
    rmdir(folder);
    sl_free(app);
}

/* Before the file, behind it, or around it: what the program says of its version, its status, its
 * body. */
static int (*before)(sl_ctx *c), (*behind)(sl_ctx *c);

static int around(sl_ctx *c)
{
    int r = before ? before(c) : 0;

    if (r == 0)
        r = sl_file(c, given);
    if (r == 0 && behind)
        r = behind(c);
    return r;
}

static int set_etag(sl_ctx *c)
{
    return sl_set_header(c, "etag", "\"mine\"");
}

static int set_modified(sl_ctx *c)
{
    return sl_set_header(c, "Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT");
}

static int not_found(sl_ctx *c)
{
    return sl_set_status(c, 404);
}

static int other_body(sl_ctx *c)
{
    return sl_text(c, "other");
}

static int upper(sl_ctx *c)
{
    size_t len;
    const char *bytes = sl_response_bytes(c, &len);

    assert_non_null(bytes);
    assert_int_equal(sl_response_length(c), 7);
    assert_non_null(sl_response_header(c, "ETag"));
    assert_non_null(sl_response_header(c, "last-modified"));
    assert_null(sl_response_header(c, "Content-Length"));
    assert_int_equal(sl_set_status(c, 201), 0);
    assert_null(sl_response_header(c, "ETag"));
    assert_int_equal(sl_set_status(c, 200), 0);
    return sl_bytes(c, bytes, len - 4);
}

static int file_again(sl_ctx *c)
{
    return sl_file(c, given);
}

static int failing(sl_ctx *c)
{
    return -SL_EBADREQUEST;
}

static void files_and_what_tells_their_versions(void **state)
{
    static const struct {
        int (*before)(sl_ctx *c), (*behind)(sl_ctx *c);
        int status;
        const char *body;
        int stamps; /* how many of ETag and Last-Modified there are */
        const char *header;
    } cases[] = {
        {NULL, NULL, 200, "<b>page", 2, "\nETag: W/\""},
        {set_etag, NULL, 200, "<b>page", 1, "\"mine\""},
        {NULL, set_etag, 200, "<b>page", 1, "\"mine\""},
        {NULL, set_modified, 200, "<b>page", 1, "\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT"},
        {not_found, NULL, 404, "<b>page", 0, "Content-Type: text/html"},
        {NULL, not_found, 404, "<b>page", 0, "Content-Type: text/html"},
        {NULL, other_body, 200, "other", 0, "Content-Type: text/plain"},
        {other_body, NULL, 200, "<b>page", 2, "Content-Type: text/html"},
        {file_again, file_again, 200, "<b>page", 2, "Content-Type: text/html"},
        {NULL, upper, 200, "<b>", 0, "Content-Type: application/octet-stream"},
        {NULL, failing, 400, NULL, 0, "Content-Type: text/plain"},
    };
    char path[] = "/tmp/shallot-XXXXXX.html";
    sl_app *app = sl_new();
    int fd = mkstemps(path, 5);

    memory_log_start();
    assert_int_equal(write(fd, "<b>page", 7), 7);
    close(fd);
    given = path;
    sl_use(app, around);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct memory m;
        int stamps;

        before = cases[i].before;
        behind = cases[i].behind;
        memory_request(&m, app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(m.status, cases[i].status);
        if (cases[i].body)
            assert_string_equal(memory_body(&m), cases[i].body);
        stamps = (strcasestr(m.headers, "\nETag: ") != NULL) +
                 (strcasestr(m.headers, "\nLast-Modified: ") != NULL);
        assert_int_equal(stamps, cases[i].stamps);
        assert_non_null(strstr(m.headers, cases[i].header));
        memory_finish(&m);
    }
    unlink(path);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bo1_nothing_set),
        cmocka_unit_test(bo1_a_body_makes_it_200),
        cmocka_unit_test(bo2_types),
        cmocka_unit_test(bo2_types_follow_the_body),
        cmocka_unit_test(bo2_streams),
        cmocka_unit_test(pushed_responses),
        cmocka_unit_test(bo3_statuses_without_a_body),
        cmocka_unit_test(bo4_errors_drop_what_was_set),
        cmocka_unit_test(bo4_development_shows_all),
        cmocka_unit_test(bo4_error_numbers),
        cmocka_unit_test(bo4_without_words),
        cmocka_unit_test(bo6_header_injection),
        cmocka_unit_test(redirections),
        cmocka_unit_test(files),
        cmocka_unit_test(files_and_what_tells_their_versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
