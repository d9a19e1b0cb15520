/* ETag: tags of bytes, and 304. */
#include "../app/memory_exchange.h"
#include "../app/starving.h"

#include "base/mem.h"

static const char *want_lines, *want_kind, *want_body;
static int want_status;

static ssize_t once(sl_ctx *c, void *buf, size_t len, void *self)
{
    int *pieces = self;

    if (*pieces == 0)
        return 0;
    *pieces = 0;
    memcpy(buf, "stream", 6);
    return 6;
}

static int answer(sl_ctx *c)
{
    int *pieces = sl_alloc(c, sizeof *pieces);

    *pieces = 1;
    for (const char *at = want_lines; *at; at = strchr(at, '\n') + 1) {
        char *name = sl_format(c, "%.*s", (int)strcspn(at, ":"), at);
        char *value = sl_format(c, "%.*s", (int)(strcspn(at, "\n") - strcspn(at, ":") - 2),
                                strchr(at, ':') + 2);

        assert_int_equal(sl_set_header(c, name, value), 0);
    }
    if (want_status)
        sl_set_status(c, want_status);
    if (strcmp(want_kind, "text") == 0)
        return sl_text(c, "%s", want_body);
    if (strcmp(want_kind, "stream") == 0)
        return sl_stream(c, once, pieces);
    if (strcmp(want_kind, "file") == 0)
        return sl_file(c, want_body);
    if (strcmp(want_kind, "pushed") == 0)
        return sl_write(c, "pushed", 6);
    return strcmp(want_kind, "fails") == 0 ? sl_fail(c, 400, "no") : 0;
}

static void request(struct memory *m, sl_app *app, const char *method, const char *lines)
{
    char text[1000];

    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, lines);
    memory_request(m, app, text);
}

static void tag_of(const struct memory *m, char *ret)
{
    const char *at = strstr(m->headers, "ETag: ");

    *ret = '\0';
    if (at)
        sprintf(ret, "%.*s", (int)strcspn(at + 6, "\n"), at + 6);
}

static sl_app *tagging_app(bool strong)
{
    sl_app *app = sl_new();

    memory_log_start();
    want_lines = "";
    want_kind = "text";
    want_body = "hello";
    want_status = 0;
    sl_use(app, sl_etag(.strong = strong));
    sl_use(app, answer);
    return app;
}

static void who_gets_a_tag(void **state)
{
    static const struct {
        const char *method, *kind, *lines;
        int status;
        const char *tag; /* NULL: none; "": one of ours */
    } cases[] = {
        {"GET", "text", "", 0, ""},
        {"HEAD", "text", "", 0, ""},
        {"POST", "text", "", 0, NULL},
        {"GET", "text", "", 201, NULL},
        {"GET", "text", "", 404, NULL},
        {"GET", "text", "Cache-Control: private, No-Store\n", 0, NULL},
        {"GET", "text", "Cache-Control: no-cache\n", 0, ""},
        {"GET", "text", "ETag: \"mine\"\n", 0, "\"mine\""},
        {"GET", "stream", "", 0, NULL},
        {"GET", "stream", "ETag: \"mine\"\n", 0, "\"mine\""},
        {"GET", "pushed", "", 0, NULL},
        {"GET", "none", "", 0, NULL},
        {"GET", "fails", "", 0, NULL},
    };

    for (int strong = 0; strong < 2; strong++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            sl_app *app = tagging_app(strong);
            struct memory m;
            char tag[100];

            want_kind = cases[i].kind;
            want_lines = cases[i].lines;
            want_status = cases[i].status;
            request(&m, app, cases[i].method, "");
            tag_of(&m, tag);
            if (!cases[i].tag)
                assert_string_equal(tag, "");
            else if (*cases[i].tag)
                assert_string_equal(tag, cases[i].tag);
            else
                assert_int_equal(strncmp(tag, strong ? "\"5-" : "W/\"5-", strong ? 3 : 5), 0);
            memory_finish(&m);
            sl_free(app);
        }
}

/* Any bit of any octet, and the length, make another tag; the same bytes the same. */
static void tags_tell_bytes_apart(void **state)
{
    static char seen[2000][64];
    sl_app *app = tagging_app(false);
    char body[80], tag[100];
    size_t count = 0;
    struct memory m;

    want_body = body;
    for (size_t len = 0; len < 70; len++)
        for (size_t at = 0; at < (len ? len : 1); at += 3) {
            memset(body, 'a', len);
            body[len] = '\0';
            if (len > 0)
                body[at] ^= (char)(1 << at % 5);
            request(&m, app, "GET", "");
            tag_of(&m, tag);
            memory_finish(&m);
            for (size_t i = 0; i < count; i++)
                assert_string_not_equal(strchr(seen[i], '-'), strchr(tag, '-'));
            strcpy(seen[count++], tag);
        }
    /* Forever: caches hold them across upgrades. */
    want_body = "hello";
    request(&m, app, "GET", "");
    tag_of(&m, tag);
    assert_string_equal(tag, "W/\"5-9c5ce219ab6551f7\"");
    memory_finish(&m);
    sl_free(app);
}

static void fresh_copies(void **state)
{
    static char path[] = "/tmp/shallot-XXXXXX.txt";
    static const char *const kinds[] = {"text", "stream", "file"};
    static const char *const methods[] = {"GET", "HEAD"};
    int fd = mkstemps(path, 4);

    assert_int_equal(write(fd, "file", 4), 4);
    close(fd);
    for (int i = 0; i < 6; i++) {
        sl_app *app = tagging_app(false);
        char tag[100], line[200];
        struct memory m;

        want_kind = kinds[i / 2];
        want_body = i / 2 == 2 ? path : "body";
        want_lines =
            i / 2 == 1 ? "ETag: W/\"s\"\nCache-Control: max-age=5\nContent-Length: 6\n" : "";
        request(&m, app, "GET", "");
        assert_int_equal(m.status, 200);
        tag_of(&m, tag);
        memory_finish(&m);

        snprintf(line, sizeof line, "If-None-Match: \"other\", %s\r\n", tag);
        request(&m, app, methods[i % 2], line);
        assert_int_equal(m.status, 304);
        assert_int_equal(sl__buf_len(&m.body), 0);
        assert_null(strstr(m.headers, "Content-"));
        assert_non_null(strstr(m.headers, tag));
        if (i / 2 == 1)
            assert_non_null(strstr(m.headers, "Cache-Control: max-age=5"));
        if (i / 2 == 2)
            assert_non_null(strstr(m.headers, "Last-Modified: "));
        memory_finish(&m);

        request(&m, app, methods[i % 2], "If-None-Match: \"other\"\r\n");
        assert_int_equal(m.status, 200);
        memory_finish(&m);
        if (i / 2 == 0) { /* an answer that is not 2xx is never the client's */
            want_status = 404;
            request(&m, app, "GET", "If-None-Match: *\r\n");
            assert_int_equal(m.status, 404);
            memory_finish(&m);
        }
        sl_free(app);
    }
    unlink(path);
}

static int fill_the_arena(sl_ctx *c)
{
    return sl_alloc(c, 3800) ? sl_next(c) : -ENOMEM;
}

static void without_memory(void **state)
{
    sl_app *app = sl_new();

    memory_log_start();
    want_lines = "Cache-Control: max-age=5\n";
    want_kind = "text";
    want_body = "hello";
    want_status = 0;
    sl_use(app, fill_the_arena);
    sl_use(app, sl_etag());
    sl_use(app, answer);
    failed = true;
    for (long n = 0; failed; n++) {
        struct memory m = {0};

        memory_begin(
            &m, app,
            "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: W/\"5-9c5ce219ab6551f7\"\r\n\r\n");
        failed = false;
        left = n;
        sl__mem_fault = fault;
        memory_serve(&m);
        sl__mem_fault = NULL;
        assert_true(m.status == 304 || (failed && m.status == 503));
        memory_finish(&m);
    }
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_gets_a_tag),
        cmocka_unit_test(tags_tell_bytes_apart),
        cmocka_unit_test(fresh_copies),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
