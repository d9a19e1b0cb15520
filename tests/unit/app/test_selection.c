/* What is sent of a file: conditions, ranges, several parts; and what a program may change before
 * and behind it. The rules are tested in test_condition.c and test_range.c. */
#include "memory_exchange.h"
#include "starving.h"

#include "base/mem.h"
#include "base/sys.h"

#define SMALL 1000
#define LARGE 50000 /* not held in memory */

static char folder[] = "/tmp/shallot-selection-XXXXXX", small[64], large[64];
static const char *path;
static int64_t age; /* what the clock is ahead, in seconds: so that files are old */
static int (*before)(sl_ctx *c), (*behind)(sl_ctx *c);
static char etag[64];
static int seen_status;
static int64_t seen_length;

static int64_t wall(void)
{
    return time(NULL) + age;
}

static int answer(sl_ctx *c)
{
    int r = before ? before(c) : 0;

    if (r == 0)
        r = sl_file(c, path);
    if (r == 0 && behind)
        r = behind(c);
    snprintf(etag, sizeof etag, "%s",
             sl_response_header(c, "ETag") ? sl_response_header(c, "ETag") : "");
    seen_status = sl_status(c);
    seen_length = sl_response_length(c);
    return r;
}

static char content(size_t i)
{
    return (char)('a' + (i * 7 + i / 100) % 26);
}

static void make(char *to, const char *name, size_t len)
{
    FILE *f;

    snprintf(to, sizeof small, "%s/%s", folder, name);
    f = fopen(to, "w");
    assert_non_null(f);
    for (size_t i = 0; i < len; i++)
        fputc(content(i), f);
    fclose(f);
}

static int begin(void **state)
{
    assert_non_null(mkdtemp(folder));
    make(small, "small.txt", SMALL);
    make(large, "large.txt", LARGE);
    sl__sys_wall_fn = wall;
    return 0;
}

static int end(void **state)
{
    sl__sys_wall_fn = NULL;
    unlink(small);
    unlink(large);
    return rmdir(folder);
}

static void prepare(void)
{
    age = 60;
    before = behind = NULL;
    path = small;
    memory_log_start();
}

static void ask(struct memory *m, sl_app *app, const char *method, const char *fields)
{
    char text[2048];

    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, fields);
    memory_request(m, app, text);
}

static const char *header(const struct memory *m, const char *name)
{
    static char value[4][256];
    static unsigned turn;
    char *to = value[turn++ % 4], start[64];
    const char *at;

    snprintf(start, sizeof start, "\n%s: ", name);
    at = strncmp(m->headers, start + 1, strlen(start) - 1) == 0 ? m->headers
                                                                : strstr(m->headers, start);
    if (!at)
        return NULL;
    at += strlen(start) - (*at != '\n');
    snprintf(to, sizeof value[0], "%.*s", (int)strcspn(at, "\n"), at);
    return to;
}

static void expect_header(const struct memory *m, const char *name, const char *value)
{
    const char *got = header(m, name);

    if (!value) {
        assert_null(got);
        return;
    }
    assert_non_null(got);
    assert_string_equal(got, value);
}

static void expect_content(struct memory *m, size_t at, size_t len)
{
    const char *body = memory_body(m);

    assert_int_equal(sl__buf_len(&m->body), len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(body[i], content(at + i));
}

/* The version that fields are about. */
static void learn(sl_app *app, char *ret_etag, char *ret_modified)
{
    struct memory m;

    ask(&m, app, "GET", "");
    assert_int_equal(m.status, 200);
    strcpy(ret_etag, header(&m, "ETag"));
    strcpy(ret_modified, header(&m, "Last-Modified"));
    memory_finish(&m);
}

static void conditions(void **state)
{
    static const struct {
        const char *method, *fields; /* %E and %M: the file's own */
        int status;
    } table[] = {
        {"GET", "", 200},
        {"HEAD", "", 200},
        {"GET", "If-None-Match: %E\r\n", 304},
        {"GET", "If-None-Match: W/%E\r\n", 304},
        {"HEAD", "If-None-Match: %E\r\n", 304},
        {"GET", "If-None-Match: \"x\"\r\nIf-None-Match: %E\r\n", 304},
        {"GET", "If-None-Match: *\r\n", 304},
        {"GET", "If-None-Match: \"x\"\r\n", 200},
        {"GET", "If-None-Match: \"x\"\r\nIf-Modified-Since: %M\r\n", 200},
        {"GET", "If-Modified-Since: %M\r\n", 304},
        {"GET", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200},
        {"GET", "If-Modified-Since: whenever\r\n", 200},
        {"GET", "If-Match: %E\r\n", 200},
        {"GET", "If-Match: *\r\n", 200},
        {"GET", "If-Match: \"x\"\r\n", 412},
        {"HEAD", "If-Match: \"x\"\r\n", 412},
        {"GET", "If-Match: W/%E\r\n", 412},
        {"GET", "If-Match: \"x\"\r\nIf-None-Match: %E\r\n", 412},
        {"GET", "If-Unmodified-Since: %M\r\n", 200},
        {"GET", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 412},
        {"GET", "If-None-Match: %E\r\nRange: bytes=0-9\r\n", 304},
        {"GET", "If-Match: \"x\"\r\nRange: bytes=0-9\r\n", 412},
        {"POST", "If-None-Match: %E\r\n", 200},
        {"POST", "If-Match: \"x\"\r\n", 200},
    };
    char own[64], modified[64];
    sl_app *app = sl_new();

    prepare();
    sl_use(app, answer);
    for (int large_too = 0; large_too < 2; large_too++) {
        path = large_too ? large : small;
        learn(app, own, modified);
        assert_int_equal(own[0], '"');
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
            char fields[512] = "";
            struct memory m;

            for (const char *p = table[i].fields; *p; p++) {
                size_t len = strlen(fields);

                if (*p == '%')
                    strcat(fields, *++p == 'E' ? own : modified);
                else
                    snprintf(fields + len, sizeof fields - len, "%c", *p);
            }
            ask(&m, app, table[i].method, fields);
            if (m.status != table[i].status)
                print_error("row %zu: %d\n", i, m.status);
            assert_int_equal(m.status, table[i].status);
            assert_int_equal(seen_status, table[i].status);
            if (m.status == 200) {
                expect_content(&m, 0, large_too ? LARGE : SMALL);
                expect_header(&m, "ETag", own);
                expect_header(&m, "Accept-Ranges",
                              strcmp(table[i].method, "POST") == 0 ? NULL : "bytes");
            } else if (m.status == 304) {
                assert_int_equal(sl__buf_len(&m.body), 0);
                assert_int_equal(seen_length, 0);
                if (strstr(fields, "None-Match: W/")) { /* as the client knows it */
                    assert_memory_equal(header(&m, "ETag"), "W/", 2);
                    assert_string_equal(header(&m, "ETag") + 2, own);
                } else {
                    expect_header(&m, "ETag", own);
                }
                expect_header(&m, "Last-Modified", modified);
                expect_header(&m, "Content-Type", NULL);
            } else {
                assert_string_equal(memory_body(&m), "412 Precondition Failed\n");
                assert_int_equal(seen_length, sl__buf_len(&m.body));
                expect_header(&m, "ETag", NULL);
            }
            memory_finish(&m);
        }
    }
    sl_free(app);
}

static void ranges(void **state)
{
    static const struct {
        const char *fields; /* %E: the file's own */
        int status;
        size_t at, len;
    } table[] = {
        {"Range: bytes=0-\r\n", 206, 0, SMALL},
        {"Range: bytes=0-0\r\n", 206, 0, 1},
        {"Range: bytes=10-19\r\n", 206, 10, 10},
        {"Range: bytes=990-\r\n", 206, 990, 10},
        {"Range: bytes=-10\r\n", 206, 990, 10},
        {"Range: bytes=0-9,5-20\r\n", 206, 0, 21},
        {"Range: bytes=1000-\r\n", 416, 0, 0},
        {"Range: bytes=9-0\r\n", 416, 0, 0},
        {"Range: lines=0-9\r\n", 200, 0, SMALL},
        {"Range: bytes=0-9\r\nIf-Range: %E\r\n", 206, 0, 10},
        {"Range: bytes=0-9\r\nIf-Range: \"x\"\r\n", 200, 0, SMALL},
        {"Range: bytes=0-9\r\nIf-Range: W/%E\r\n", 200, 0, SMALL},
        {"Range: bytes=0-9\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200, 0, SMALL},
        {"Range: bytes=0-9\r\nIf-Match: %E\r\n", 206, 0, 10},
        {"Range: bytes=0-9\r\nIf-None-Match: \"x\"\r\n", 206, 0, 10},
    };
    char own[64], modified[64], expected[64];
    sl_app *app = sl_new();

    prepare();
    sl_use(app, answer);
    learn(app, own, modified);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *percent = strchr(table[i].fields, '%');
        char fields[512];
        struct memory m;

        snprintf(fields, sizeof fields, "%.*s%s%s",
                 percent ? (int)(percent - table[i].fields) : 999, table[i].fields,
                 percent ? own : "", percent ? percent + 2 : "");
        ask(&m, app, "GET", fields);
        if (m.status != table[i].status)
            print_error("row %zu: %d\n", i, m.status);
        assert_int_equal(m.status, table[i].status);
        assert_int_equal(seen_status, table[i].status);
        expect_header(&m, "Accept-Ranges", "bytes");
        if (m.status == 416) {
            expect_header(&m, "Content-Range", "bytes */1000");
            assert_string_equal(memory_body(&m), "416 Range Not Satisfiable\n");
            expect_header(&m, "ETag", NULL);
        } else {
            snprintf(expected, sizeof expected, "bytes %zu-%zu/%d", table[i].at,
                     table[i].at + table[i].len - 1, SMALL);
            expect_header(&m, "Content-Range", m.status == 206 ? expected : NULL);
            expect_content(&m, table[i].at, table[i].len);
            assert_int_equal(seen_length, table[i].len);
            expect_header(&m, "ETag", own);
            expect_header(&m, "Last-Modified", modified);
            expect_header(&m, "Content-Type", "text/plain; charset=utf-8");
        }
        memory_finish(&m);
        ask(&m, app, "HEAD", fields); /* for which there are no ranges (RFC 9110 §14.2) */
        assert_int_equal(m.status, 200);
        memory_finish(&m);
    }
    path = large;
    for (int i = 0; i < 3; i++) {
        static const char *const fields[] = {"Range: bytes=40000-40009\r\n", "Range: bytes=-10\r\n",
                                             "Range: bytes=1-40000\r\n"};
        static const size_t at[] = {40000, LARGE - 10, 1}, len[] = {10, 10, 40000};
        struct memory m;

        ask(&m, app, "GET", fields[i]);
        assert_int_equal(m.status, 206);
        assert_int_equal(seen_length, len[i]);
        expect_content(&m, at[i], len[i]);
        memory_finish(&m);
    }
    sl_free(app);
}

/* The parts of a multipart body, one after the other; the end when there are no more. */
static void expect_part(char **at, const char *boundary, bool first, size_t from, size_t len,
                        size_t size)
{
    char head[256];
    int n = snprintf(head, sizeof head,
                     "%s--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes "
                     "%zu-%zu/%zu\r\n\r\n",
                     first ? "" : "\r\n", boundary, from, from + len - 1, size);

    assert_memory_equal(*at, head, (size_t)n);
    *at += n;
    for (size_t i = 0; i < len; i++)
        assert_int_equal((*at)[i], content(from + i));
    *at += len;
}

static void several_parts(void **state)
{
    sl_app *app = sl_new();
    char boundaries[2][64], last[64];

    prepare();
    sl_use(app, answer);
    for (int i = 0; i < 2; i++) {
        size_t size = i ? LARGE : SMALL, far = i ? 40000 : 500;
        char fields[128], length[32], *at;
        const char *type;
        struct memory m;

        path = i ? large : small;
        snprintf(fields, sizeof fields, "Range: bytes=%zu-%zu, 0-9,-5\r\n", far, far + 300);
        ask(&m, app, "GET", fields);
        assert_int_equal(m.status, 206);
        type = header(&m, "Content-Type");
        assert_memory_equal(type, "multipart/byteranges; boundary=", 31);
        snprintf(boundaries[i], sizeof boundaries[i], "%s", type + 31);
        expect_header(&m, "Content-Range", NULL);
        assert_non_null(header(&m, "ETag"));
        at = (char *)(uintptr_t)memory_body(&m);
        expect_part(&at, boundaries[i], true, far, 301, size);
        expect_part(&at, boundaries[i], false, 0, 10, size);
        expect_part(&at, boundaries[i], false, size - 5, 5, size);
        snprintf(last, sizeof last, "\r\n--%s--\r\n", boundaries[i]);
        assert_string_equal(at, last);
        assert_int_equal(seen_length, sl__buf_len(&m.body));
        snprintf(length, sizeof length, "%zu", sl__buf_len(&m.body));
        expect_header(&m, "Content-Length", length);
        memory_finish(&m);
    }
    assert_string_not_equal(boundaries[0], boundaries[1]);
    sl_free(app);
}

static int not_found(sl_ctx *c)
{
    return sl_set_status(c, 404);
}

static int own_etag(sl_ctx *c)
{
    return sl_set_header(c, "ETag", "\"mine\"");
}

static int no_ranges(sl_ctx *c)
{
    return sl_set_header(c, "Accept-Ranges", "none");
}

static int other_body(sl_ctx *c)
{
    return sl_text(c, "other");
}

static int whole_bytes(sl_ctx *c)
{
    size_t len;
    const char *bytes = sl_response_bytes(c, &len);

    assert_int_equal(len, SMALL);
    return sl_bytes(c, bytes, len);
}

static int failing(sl_ctx *c)
{
    return sl_fail(c, 409, "no");
}

static int disposition(sl_ctx *c)
{
    return sl_attachment(c, "a.bin");
}

static void what_the_program_says(void **state)
{
    static const struct {
        int (*before)(sl_ctx *c), (*behind)(sl_ctx *c);
        const char *fields;
        int status;
        size_t len;
    } table[] = {
        {not_found, NULL, "Range: bytes=0-9\r\n", 404, SMALL},
        {NULL, not_found, "Range: bytes=0-9\r\n", 404, SMALL},
        {NULL, not_found, "If-None-Match: *\r\n", 404, SMALL},
        {NULL, own_etag, "If-None-Match: \"mine\"\r\n", 304, 0},
        {own_etag, NULL, "If-None-Match: \"mine\"\r\n", 304, 0},
        {own_etag, NULL, "If-Range: \"mine\"\r\nRange: bytes=0-9\r\n", 206, 10},
        {own_etag, NULL, "If-Match: \"other\"\r\n", 412, 24},
        {no_ranges, NULL, "Range: bytes=0-9\r\n", 200, SMALL},
        {NULL, no_ranges, "Range: bytes=0-9\r\n", 200, SMALL},
        {NULL, other_body, "Range: bytes=0-9\r\n", 200, 5},
        {NULL, other_body, "If-None-Match: *\r\n", 200, 5},
        {NULL, whole_bytes, "Range: bytes=0-9\r\n", 200, SMALL},
        {NULL, whole_bytes, "If-None-Match: *\r\n", 200, SMALL},
        {NULL, failing, "Range: bytes=0-9\r\n", 409, 3},
        {NULL, disposition, "Range: bytes=0-9\r\n", 206, 10},
        {NULL, disposition, "If-Match: \"x\"\r\n", 412, 24},
    };
    sl_app *app = sl_new();

    prepare();
    sl_use(app, answer);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct memory m;

        before = table[i].before;
        behind = table[i].behind;
        ask(&m, app, "GET", table[i].fields);
        if (m.status != table[i].status)
            print_error("row %zu: %d\n", i, m.status);
        assert_int_equal(m.status, table[i].status);
        assert_int_equal(sl__buf_len(&m.body), table[i].len);
        if (m.status != 206)
            expect_header(&m, "Content-Range", NULL);
        if (m.status == 412)
            expect_header(&m, "Content-Disposition", NULL);
        memory_finish(&m);
    }
    sl_free(app);
}

/* What was changed a moment ago could change again without a trace: it has a weak tag, which serves
 * for 304 and not for ranges. */
static void just_changed(void **state)
{
    sl_app *app = sl_new();
    char own[64], modified[64], fields[256];
    struct memory m;

    prepare();
    age = 0;
    make(small, "small.txt", SMALL);
    sl_use(app, answer);
    learn(app, own, modified);
    assert_memory_equal(own, "W/\"", 3);
    snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", own);
    ask(&m, app, "GET", fields);
    assert_int_equal(m.status, 304);
    memory_finish(&m);
    snprintf(fields, sizeof fields, "Range: bytes=0-9\r\nIf-Range: %s\r\n", own);
    ask(&m, app, "GET", fields);
    assert_int_equal(m.status, 200);
    memory_finish(&m);
    snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", own);
    age = 60;
    ask(&m, app, "GET", fields);
    assert_int_equal(m.status, 304);
    expect_header(&m, "ETag", own); /* as the client knows it */
    memory_finish(&m);
    sl_free(app);
}

static int little_room(sl_ctx *c)
{
    return sl_alloc(c, 3500) ? 0 : -ENOMEM;
}

/* Without memory: what was asked for, or all of it, or an error; never something between. */
static void without_memory(void **state)
{
    static const char *const fields[] = {"Range: bytes=0-9\r\n", "Range: bytes=0-9,500-509\r\n",
                                         "If-None-Match: *\r\n", "Range: bytes=60000-\r\n",
                                         "If-Match: \"x\"\r\n"};
    sl_app *app = sl_new();

    prepare();
    sl_use(app, answer);
    before = little_room;
    for (size_t i = 0; i < 10; i++) {
        path = i < 5 ? small : large;
        failed = true;
        for (long n = 0; failed; n++) {
            struct memory m = {0};
            char text[256];

            snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields[i % 5]);
            memory_begin(&m, app, text);
            assert_int_equal(sl__buf_reserve(&m.body, LARGE + 1000), 0); /* the test's own */
            failed = false;
            left = n;
            sl__mem_fault = fault;
            memory_serve(&m);
            sl__mem_fault = NULL;
            assert_false(m.aborted);
            if (m.status == 200)
                expect_content(&m, 0, i < 5 ? SMALL : LARGE);
            else if (m.status == 206 && i % 5 == 0)
                expect_content(&m, 0, 10);
            else
                assert_true(m.status == 206 || m.status == 304 || m.status == 412 ||
                            m.status == 416 || m.status == 503);
            memory_finish(&m);
        }
    }
    sl_free(app);
}

static const char *attached;

static int attach(sl_ctx *c)
{
    int r = sl_attachment(c, attached);

    return r < 0 ? r : sl_bytes(c, "x", 1);
}

static void attachments(void **state)
{
    static const struct {
        const char *name, *header, *type;
    } table[] = {
        {NULL, "attachment", NULL},
        {"", "attachment", NULL},
        {"report.pdf", "attachment; filename=\"report.pdf\"", "application/pdf"},
        {"/tmp/x/report.pdf", "attachment; filename=\"report.pdf\"", "application/pdf"},
        {"a b;c.txt", "attachment; filename=\"a b;c.txt\"", "text/plain; charset=utf-8"},
        {"caf\xc3\xa9.txt", "attachment; filename=\"caf_.txt\"; filename*=UTF-8''caf%C3%A9.txt",
         "text/plain; charset=utf-8"},
        {"\xe2\x82\xac", "attachment; filename=\"_\"; filename*=UTF-8''%E2%82%AC", NULL},
        {"\xf0\x9f\xa7\x85.png",
         "attachment; filename=\"_.png\"; filename*=UTF-8''%F0%9F%A7%85.png", "image/png"},
        {"say \"hi\".txt",
         "attachment; filename=\"say _hi_.txt\"; filename*=UTF-8''say%20%22hi%22.txt",
         "text/plain; charset=utf-8"},
        {"50%.txt", "attachment; filename=\"50_.txt\"; filename*=UTF-8''50%25.txt",
         "text/plain; charset=utf-8"},
        {"a\\b", "attachment; filename=\"a_b\"; filename*=UTF-8''a%5Cb", NULL},
        {"a\r\nSet-Cookie: x",
         "attachment; filename=\"a__Set-Cookie: x\"; "
         "filename*=UTF-8''a__Set-Cookie%3A%20x",
         NULL},
        {"\xff\xc3(\xed\xa0\x80", "attachment; filename=\"__(___\"; filename*=UTF-8''__%28___",
         NULL},
        {"caf\xc3", "attachment; filename=\"caf_\"; filename*=UTF-8''caf_", NULL},
    };
    sl_app *app = sl_new();

    prepare();
    sl_use(app, attach);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct memory m;

        attached = table[i].name;
        ask(&m, app, "GET", "");
        expect_header(&m, "Content-Disposition", table[i].header);
        expect_header(&m, "Content-Type",
                      table[i].type ? table[i].type : "application/octet-stream");
        memory_finish(&m);
    }
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions),    cmocka_unit_test(ranges),
        cmocka_unit_test(several_parts), cmocka_unit_test(what_the_program_says),
        cmocka_unit_test(just_changed),  cmocka_unit_test(without_memory),
        cmocka_unit_test(attachments),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
