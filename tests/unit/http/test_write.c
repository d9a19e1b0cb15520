/*
 * What goes onto the wire: heads and chunks, octet for octet.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/http1/chunk.h"
#include "http/http1/write.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static struct sl__http1_date date;

static struct sl__buf out;

static int tear_down(void **state)
{
    (void)state;
    sl__mem_fault = NULL;
    sl__buf_finish(&out);
    return 0;
}

static void check(const char *want)
{
    size_t len = strlen(want);

    if (sl__buf_len(&out) != len || memcmp(out.data + out.at, want, len) != 0)
        fail_msg("%.*s", (int)sl__buf_len(&out), out.data + out.at);
    sl__buf_consume(&out, len);
}

struct head_case {
    int status;
    int64_t length;
    bool chunked, close, keep_alive;
    const char *want;
};

static void heads(void **state)
{
    static const struct head_case cases[] = {
        {200, 0, false, false, false,
         "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Length: 0\r\n\r\n"},
        {404, 12345678, false, true, false,
         "HTTP/1.1 404 Not Found\r\nDate: " DATE
         "\r\nContent-Length: 12345678\r\nConnection: close\r\n\r\n"},
        {200, INT64_MAX, false, false, true,
         "HTTP/1.1 200 OK\r\nDate: " DATE
         "\r\nContent-Length: 9223372036854775807\r\nConnection: keep-alive\r\n\r\n"},
        {200, -1, true, false, false,
         "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {200, -1, false, true, true,
         "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nConnection: close\r\n\r\n"},
        {304, -1, false, false, false, "HTTP/1.1 304 Not Modified\r\nDate: " DATE "\r\n\r\n"},
        {431, 7, false, false, false,
         "HTTP/1.1 431 Request Header Fields Too Large\r\nDate: " DATE
         "\r\nContent-Length: 7\r\n\r\n"},
        {511, -1, false, false, false,
         "HTTP/1.1 511 Network Authentication Required\r\nDate: " DATE "\r\n\r\n"},
        {299, 1, false, false, false,
         "HTTP/1.1 299 \r\nDate: " DATE "\r\nContent-Length: 1\r\n\r\n"},
        {599, 1, false, false, false,
         "HTTP/1.1 599 \r\nDate: " DATE "\r\nContent-Length: 1\r\n\r\n"},
        {101, -1, false, false, false, "HTTP/1.1 101 \r\nDate: " DATE "\r\n\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct sl__response r = {.status = cases[i].status};
        struct sl__http1_head h = {
            &r, cases[i].length, cases[i].chunked, cases[i].close, cases[i].keep_alive, &date};

        assert_int_equal(sl__http1_write_head(&out, &h), 0);
        check(cases[i].want);
    }
}

/* Every status line there is, against the reason phrases. */
static void status_lines(void **state)
{
    char want[256];

    (void)state;
    for (int status = 200; status < 600; status++) {
        struct sl__response r = {.status = status};
        struct sl__http1_head h = {.response = &r, .length = -1, .date = &date};

        snprintf(want, sizeof(want), "HTTP/1.1 %d %s\r\nDate: " DATE "\r\n\r\n", status,
                 sl__status_text(status));
        assert_int_equal(sl__http1_write_head(&out, &h), 0);
        check(want);
    }
}

static void headers_follow(void **state)
{
    struct sl__header three = {NULL, SL__STR("X-Empty"), SL__STR(""), false};
    struct sl__header two = {&three, SL__STR("content-LENGTH"), SL__STR("999"), false};
    struct sl__header one = {&two, SL__STR("Content-Type"), SL__STR("text/html; charset=utf-8"),
                             false};
    struct sl__response r = {.status = 200, .headers = &one};
    struct sl__http1_head h = {.response = &r, .length = 3, .date = &date};

    (void)state;
    assert_int_equal(sl__http1_write_head(&out, &h), 0);
    check("HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Length: 3\r\n"
          "Content-Type: text/html; charset=utf-8\r\nX-Empty: \r\n\r\n");
    h.length = -1;
    h.chunked = true;
    assert_int_equal(sl__http1_write_head(&out, &h), 0);
    check("HTTP/1.1 200 OK\r\nDate: " DATE "\r\nTransfer-Encoding: chunked\r\n"
          "Content-Type: text/html; charset=utf-8\r\nX-Empty: \r\n\r\n");
}

/* Room is made for exactly what comes: a sanitizer would see one octet too many. */
static void large_headers(void **state)
{
    static char name[3000], value[5000], want[12000];
    struct sl__header header = {NULL, {name, 0}, {value, 0}, false};
    struct sl__response r = {.status = 511, .headers = &header};
    struct sl__http1_head h = {
        .response = &r, .length = INT64_MAX, .chunked = true, .close = true, .date = &date};

    (void)state;
    memset(name, 'N', sizeof(name));
    memset(value, 'v', sizeof(value));
    for (size_t len = 1; len < sizeof(name); len += 37) {
        header.name.len = len;
        header.value.len = len + 2000;
        snprintf(want, sizeof(want),
                 "HTTP/1.1 511 Network Authentication Required\r\nDate: " DATE "\r\n"
                 "Content-Length: 9223372036854775807\r\nConnection: close\r\n%.*s: %.*s\r\n\r\n",
                 (int)len, name, (int)len + 2000, value);
        assert_int_equal(sl__http1_write_head(&out, &h), 0);
        check(want);
        sl__buf_finish(&out);
    }
}

static void lengths_in_decimal(void **state)
{
    char want[256];
    int64_t n = 0;

    (void)state;
    for (int digits = 0; digits < 19; digits++) {
        struct sl__response r = {.status = 200};
        struct sl__http1_head h = {.response = &r, .length = n, .date = &date};

        snprintf(want, sizeof(want),
                 "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Length: %lld\r\n\r\n", (long long)n);
        assert_int_equal(sl__http1_write_head(&out, &h), 0);
        check(want);
        n = n * 10 + (digits + 1) % 10;
    }
}

/* Our own decoder understands our own chunks, whatever their size. */
static void chunks(void **state)
{
    static char data[70000];
    static const size_t sizes[] = {1, 9, 10, 15, 16, 255, 256, 4095, 4096, 65535, 65536, 70000};

    (void)state;
    assert_int_equal(sl__http1_write_chunk(&out, "hello onions", 12), 0);
    assert_int_equal(sl__http1_write_last_chunk(&out), 0);
    check("c\r\nhello onions\r\n0\r\n\r\n");
    memset(data, 'x', sizeof(data));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct sl__chunk c = {0};
        struct sl__chunk_step step;

        assert_int_equal(sl__http1_write_chunk(&out, data, sizes[i]), 0);
        assert_int_equal(sl__http1_write_last_chunk(&out), 0);
        assert_int_equal(sl__chunk_decode(&c, out.data + out.at, sl__buf_len(&out), &step), 0);
        assert_int_equal(step.data_len, sizes[i]);
        assert_memory_equal(out.data + out.at + step.data_at, data, sizes[i]);
        sl__buf_consume(&out, step.used);
        check("\r\n0\r\n\r\n");
    }
}

static bool always(size_t size)
{
    (void)size;
    return true;
}

static void out_of_memory(void **state)
{
    struct sl__response r = {.status = 200};
    struct sl__http1_head h = {.response = &r, .length = 0, .date = &date};

    (void)state;
    sl__mem_fault = always;
    assert_int_equal(sl__http1_write_head(&out, &h), -ENOMEM);
    assert_int_equal(sl__http1_write_chunk(&out, "x", 1), -ENOMEM);
    assert_int_equal(sl__http1_write_chunk(&out, "x", SIZE_MAX - 3), -ENOMEM);
    assert_int_equal(sl__http1_write_last_chunk(&out), -ENOMEM);
    assert_int_equal(sl__buf_len(&out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(heads, tear_down),
        cmocka_unit_test_teardown(status_lines, tear_down),
        cmocka_unit_test_teardown(headers_follow, tear_down),
        cmocka_unit_test_teardown(large_headers, tear_down),
        cmocka_unit_test_teardown(lengths_in_decimal, tear_down),
        cmocka_unit_test_teardown(chunks, tear_down),
        cmocka_unit_test_teardown(out_of_memory, tear_down),
    };

    sl__http1_date_set(&date, 784111777);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
