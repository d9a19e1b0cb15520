/* The request as handlers read it: target, path, query, fields, cookies, body. */
#include "memory_exchange.h"

static void (*look)(sl_ctx *c);
static int looked;

static int handler(sl_ctx *c)
{
    look(c);
    looked++;
    return 0;
}

static void with(const char *text, void (*fn)(sl_ctx *c))
{
    sl_app *app = sl_new();
    struct memory m;

    look = fn;
    looked = 0;
    sl_use(app, handler);
    memory_request(&m, app, text);
    assert_int_equal(looked, 1);
    memory_finish(&m);
    sl_free(app);
}

static void plain(sl_ctx *c)
{
    assert_string_equal(sl_method(c), "GET");
    assert_string_equal(sl_target(c), "/a/b?x=1");
    assert_string_equal(sl_path(c), "/a/b");
    assert_ptr_equal(sl_path(c), sl_path(c));
    assert_string_equal(sl_remote(c), "127.0.0.1:54321");
    assert_ptr_equal(sl_remote(c), sl_remote(c));
    assert_null(sl_param(c, "id"));
    assert_null(sl_trailer(c, "x"));
}

static void no_query(sl_ctx *c)
{
    assert_string_equal(sl_path(c), "/a/b");
    assert_null(sl_query(c, "x"));
    assert_null(sl_header(c, "x"));
    assert_null(sl_cookie(c, "x"));
}

static void escaped(sl_ctx *c)
{
    assert_string_equal(sl_target(c), "/caf%C3%A9/a%2Fb%2fc?x=%41");
    assert_string_equal(sl_path(c), "/caf\xc3\xa9/a%2Fb%2fc");
    assert_string_equal(sl_query(c, "x"), "A");
}

static void asterisk(sl_ctx *c)
{
    assert_string_equal(sl_path(c), "*");
    assert_string_equal(sl_target(c), "*");
}

static void absolute(sl_ctx *c)
{
    assert_string_equal(sl_path(c), "/");
    assert_string_equal(sl_target(c), "http://h.example?q=1");
    assert_string_equal(sl_query(c, "q"), "1");
}

/* RFC 9112 §3.2.2: the target decides, not the field. */
static void other_authority(sl_ctx *c)
{
    assert_string_equal(sl_header(c, "Host"), "b.example:81");
    assert_string_equal(sl_header(c, "hosT"), "b.example:81");
    assert_string_equal(sl_target(c), "http://b.example:81/c");
}

/* There is nothing to decode in a path that is not there. */
static void escaped_authority(sl_ctx *c)
{
    assert_string_equal(sl_path(c), "/");
    assert_string_equal(sl_target(c), "http://a%20b?q=1");
}

static void paths(void **state)
{
    with("GET http://a%20b?q=1 HTTP/1.1\r\nHost: a\r\n\r\n", escaped_authority);
    with("GET /a/b?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", plain);
    with("GET /a/b HTTP/1.1\r\nHost: a\r\n\r\n", no_query);
    with("GET /caf%C3%A9/a%2Fb%2fc?x=%41 HTTP/1.1\r\nHost: a\r\n\r\n", escaped);
    with("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", asterisk);
    with("GET http://h.example?q=1 HTTP/1.1\r\nHost: h.example\r\n\r\n", absolute);
    with("GET http://b.example:81/c HTTP/1.1\r\nHost: h.example\r\n\r\n", other_authority);
    with("GET http://b.example:81/c HTTP/1.0\r\n\r\n", other_authority);
}

static void queries(sl_ctx *c)
{
    assert_string_equal(sl_query(c, "a"), "1");
    assert_string_equal(sl_query(c, "b"), "x y z");
    assert_string_equal(sl_query(c, "empty"), "");
    assert_string_equal(sl_query(c, "key"), "");
    assert_string_equal(sl_query(c, "a b"), "=&");
    assert_string_equal(sl_query(c, ""), "noname");
    assert_null(sl_query(c, "A"));
    assert_null(sl_query(c, "c"));
}

static void no_pairs(sl_ctx *c)
{
    assert_null(sl_query(c, ""));
    assert_string_equal(sl_path(c), "/");
}

static void query(void **state)
{
    with("GET /?a=1&&b=x+y%20z&a=2&empty=&key&a%20b=%3D%26&=noname& HTTP/1.1\r\nHost: a\r\n\r\n",
         queries);
    with("GET /? HTTP/1.1\r\nHost: a\r\n\r\n", no_pairs);
}

static void fields(sl_ctx *c)
{
    const char *joined = sl_header(c, "accept");

    assert_string_equal(sl_header(c, "HOST"), "a");
    assert_string_equal(joined, "one, two, three");
    assert_ptr_equal(sl_header(c, "Accept"), joined); /* joined once */
    assert_string_equal(sl_header(c, "X-Empty"), "");
    assert_string_equal(sl_cookie(c, "a"), "1");
    assert_string_equal(sl_cookie(c, "b"), "two words");
    assert_string_equal(sl_cookie(c, "c"), "x=y");
    assert_string_equal(sl_cookie(c, "d"), "");
    assert_string_equal(sl_cookie(c, "e"), "last");
    assert_string_equal(sl_header(c, "cookie"),
                        "a=1; b=\"two words\";c=x=y; d=; junk; =none; a=2; e=last");
    assert_null(sl_cookie(c, "junk"));
    assert_null(sl_cookie(c, "A"));
}

static void lines(sl_ctx *c)
{
    static const char *const expected[][2] = {
        {"Host", "a"}, {"X-A", "1, 2"}, {"x-a", ""}, {"Accept", "one"}};
    const char *name = "kept", *value = "kept";

    assert_string_equal(sl_header(c, "accept"), "one");
    for (int again = 0; again < 2; again++)
        for (size_t i = 0; i < 4; i++) {
            assert_true(sl_header_at(c, i, &name, &value));
            assert_string_equal(name, expected[i][0]);
            assert_string_equal(value, expected[i][1]);
        }
    assert_false(sl_header_at(c, 4, &name, &value));
    assert_string_equal(name, "Accept");
    assert_string_equal(sl_header(c, "x-A"), "1, 2, ");
}

static void headers_line_by_line(void **state)
{
    with("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1, 2\r\nx-a:\r\nAccept:one\r\n\r\n", lines);
}

static void headers_and_cookies(void **state)
{
    with("GET / HTTP/1.1\r\nHost: a\r\nAccept: one\r\naccept: two\r\nX-Empty:\r\n"
         "Cookie: a=1; b=\"two words\";c=x=y; d=; junk; =none; a=2\r\nACCEPT: three\r\n"
         "Cookie: e=last\r\n\r\n",
         fields);
}

static const void *whole;
static size_t whole_len;
static int body_result;
static char body_copy[70000];

static int take_body(sl_ctx *c)
{
    const void *again;
    size_t again_len;
    char byte;

    body_result = sl_request_body(c, &whole, &whole_len);
    assert_int_equal(sl_read(c, &byte, 1), -EBUSY);
    if (body_result < 0) {
        assert_int_equal(sl_request_body(c, &again, &again_len), body_result);
        return body_result;
    }
    assert_non_null(whole);
    memcpy(body_copy, whole, whole_len);
    assert_int_equal(sl_request_body(c, &again, &again_len), 0);
    assert_ptr_equal(again, whole);
    assert_int_equal(again_len, whole_len);
    return 0;
}

static char request[80000];

static void post(size_t len, const char *framing, size_t piece, size_t limit, int error, int status)
{
    sl_app *app = sl_new(.limits = {.body_bytes = limit});
    struct memory m = {.piece = piece, .body_error = error};
    size_t at;

    at = (size_t)snprintf(request, sizeof request, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n",
                          framing);
    for (size_t i = 0; i < len; i++)
        request[at + i] = (char)('a' + i % 23);
    request[at + len] = '\0';
    sl_use(app, take_body);
    memory_begin(&m, app, request);
    memory_serve(&m);
    assert_int_equal(m.status, status);
    if (status == 200) {
        assert_int_equal(whole_len, len);
        assert_memory_equal(body_copy, request + at, len);
    }
    memory_finish(&m);
    sl_free(app);
}

static void whole_bodies(void **state)
{
    static const size_t lengths[] = {1, 2, 2047, 2048, 2049, 5000, 66000};
    static const size_t pieces[] = {0, 1, 7, 4096};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            char framing[64];

            snprintf(framing, sizeof framing, "Content-Length: %zu", lengths[i]);
            post(lengths[i], framing, pieces[j], 70000, 0, 200);
            post(lengths[i], framing, pieces[j], lengths[i], 0, 200);
        }
    }
    post(0, "X: y", 0, 10, 0, 200);
    post(0, "Content-Length: 0", 0, 10, 0, 200);
}

/* Refused before anything is read, so before 100 (Continue). */
static void body_over_the_limit(void **state)
{
    sl_app *app = sl_new(.limits = {.body_bytes = 10});
    struct memory m;

    sl_use(app, take_body);
    memory_request(&m, app,
                   "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                   "Content-Length: 11\r\n\r\n01234567890");
    assert_int_equal(m.status, 413);
    assert_int_equal(m.reads, 0);
    memory_finish(&m);
    memory_request(&m, app,
                   "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n");
    assert_int_equal(m.status, 413);
    memory_finish(&m);
    memory_request(&m, app,
                   "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n");
    assert_int_equal(m.status, 200);
    assert_int_equal(whole_len, 10);
    assert_memory_equal(body_copy, "0123456789", 10);
    memory_finish(&m);
    sl_free(app);
}

static void body_errors(void **state)
{
    memory_log_start();
    post(5, "Content-Length: 9", 2, 100, -SL_ETOOSLOW, 408);
    post(5, "Content-Length: 9", 2, 100, -SL_EBADREQUEST, 400);
    post(5, "Content-Length: 9", 2, 100, -ECANCELED, 503);
    assert_int_equal(memory_log_lines, 0);
}

static int read_pieces(sl_ctx *c)
{
    size_t len = 0;
    ssize_t n;

    assert_int_equal(sl_read(c, body_copy, 0), -EINVAL);
    while ((n = sl_read(c, body_copy + len, 4)) > 0)
        len += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(len, 11);
    assert_memory_equal(body_copy, "hello world", 11);
    assert_int_equal(sl_read(c, body_copy, 4), 0);
    assert_int_equal(sl_request_body(c, &whole, &whole_len), -EBUSY);
    return sl_text(c, "read");
}

static void body_in_pieces(void **state)
{
    sl_app *app = sl_new(.limits = {.body_bytes = 1}); /* streaming has no limit */
    struct memory m;

    sl_use(app, read_pieces);
    memory_request(&m, app, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world");
    assert_string_equal(memory_body(&m), "read");
    memory_finish(&m);
    sl_free(app);
}

static char order[64];

static void note(void *arg)
{
    strcat(order, arg);
}

static void note_and_defer(void *arg)
{
    strcat(order, "more ");
    sl_defer(arg, note, (char[]){""});
}

static void free_value(void *value)
{
    strcat(order, "free-");
    strcat(order, value);
    strcat(order, " ");
}

static int keeps(sl_ctx *c)
{
    static char a[] = "a", b[] = "b", d1[] = "d1 ", d2[] = "d2 ";
    char key[] = "user";

    assert_null(sl_state(c, "user"));
    assert_int_equal(sl_set_state(c, key, a, free_value), 0);
    key[0] = 'x'; /* copied */
    assert_ptr_equal(sl_state(c, "user"), a);
    assert_int_equal(sl_set_state(c, "user", a, free_value), 0); /* the same value: not freed */
    assert_string_equal(order, "");
    assert_int_equal(sl_set_state(c, "user", b, free_value), 0);
    assert_string_equal(order, "free-a ");
    assert_int_equal(sl_set_state(c, "plain", d1, NULL), 0);
    assert_int_equal(sl_defer(c, note, d1), 0);
    assert_int_equal(sl_defer(c, note, d2), 0);
    assert_int_equal(sl_defer(c, note_and_defer, c), 0);
    return sl_next(c);
}

static int sees_state(sl_ctx *c)
{
    assert_string_equal(sl_state(c, "user"), "b");
    assert_non_null(sl_app_of(c));
    return sl_fail(c, 400, "cleanups run all the same");
}

static void state_and_defer(void **state)
{
    sl_app *app = sl_new();

    order[0] = '\0';
    sl_use(app, keeps);
    sl_use(app, sees_state);
    memory_expect(app, "GET", "/", 400, "cleanups run all the same\n");
    assert_string_equal(order, "free-a more d2 d1 free-b ");
    sl_free(app);
}

static int allocates(sl_ctx *c)
{
    char *big, *text;

    for (size_t size = 0; size < 20000; size = size * 2 + 1) {
        big = sl_alloc(c, size);
        assert_non_null(big);
        assert_int_equal((uintptr_t)big % 16, 0);
        memset(big, 'x', size);
        text = sl_format(c, "%*s|%d", (int)size, "y", 42);
        assert_int_equal(strlen(text), (size > 0 ? size : 1) + 3);
        assert_string_equal(text + strlen(text) - 3, "|42");
        assert_string_equal(sl_strdup(c, text), text);
    }
    return sl_text(c, "%s", text);
}

static void memory(void **state)
{
    sl_app *app = sl_new();

    sl_use(app, allocates);
    memory_expect(app, "GET", "/", 200, NULL);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(query),
        cmocka_unit_test(headers_and_cookies),
        cmocka_unit_test(headers_line_by_line),
        cmocka_unit_test(whole_bodies),
        cmocka_unit_test(body_over_the_limit),
        cmocka_unit_test(body_errors),
        cmocka_unit_test(body_in_pieces),
        cmocka_unit_test(state_and_defer),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
