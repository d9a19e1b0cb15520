/* The head of an answer as libcurl hands it out: lines, interim answers, folding, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/head.h"

static int feed(struct fetch__head *h, const char *text)
{
    int r = 0;

    while (*text && r == FETCH__LINE) {
        const char *end = strchr(text, '\n');
        size_t len = end ? (size_t)(end + 1 - text) : strlen(text);
        char *line = malloc(len); /* so that one octet too far is seen */

        memcpy(line, text, len);
        r = fetch__head_line(h, line, len);
        free(line);
        text += len;
    }
    return r;
}

static void expect(const char *text, int status, int64_t length, const char *lines)
{
    struct fetch__head h = {0};
    char got[256] = "";

    assert_int_equal(feed(&h, text), FETCH__LINE_END);
    assert_int_equal(h.status, status);
    assert_int_equal(h.length, length);
    for (size_t i = 0; i < h.count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s=%s|", h.list[i].name,
                 h.list[i].value);
    assert_string_equal(got, lines);
    fetch__head_finish(&h);
    fetch__head_finish(&h);
}

static void heads(void **state)
{
    expect("HTTP/1.1 200 OK\r\n\r\n", 200, -1, "");
    expect("HTTP/1.1 404\r\nA: b\r\n\r\n", 404, -1, "A=b|");
    expect("HTTP/2 200\nA:b\n\n", 200, -1, "A=b|");
    expect("HTTP/1.1 200 OK\r\nA:  b c \t\r\nB:\r\nA: d\r\n\r\n", 200, -1, "A=b c|B=|A=d|");
    expect("HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n  d \r\n\r\n", 200, -1, "A=b c d|");
    expect("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n", 200, 12, "content-length=12|");
    expect("HTTP/1.1 200 OK\r\nContent-Length: 12x\r\n\r\n", 200, -1, "Content-Length=12x|");
    expect("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n", 200, -1, "Content-Length=-2|");
    expect("HTTP/1.1 103 Hints\r\nA: b\r\nContent-Length: 5\r\n\r\nHTTP/1.1 201 Created\r\nC: "
           "d\r\n\r\n",
           201, -1, "C=d|");
}

static void refused(void **state)
{
    static const char *const texts[] = {
        "HTTP/1.1\r\n",
        "HTTP/1.1 2x0 OK\r\n",
        "HTTP/1.1 20\r\n",
        "HTTP/1.1 200 OK\r\n: x\r\n",
        "HTTP/1.1 200 OK\r\nx\r\n",
        "HTTP/1.1 200 OK\r\n folded\r\n",
        "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct fetch__head h = {0};

        assert_int_equal(feed(&h, texts[i]), -EPROTO);
        fetch__head_finish(&h);
    }
}

static void bounds(void **state)
{
    struct fetch__head h = {0};
    char *line = malloc(FETCH__HEAD_BYTES);

    assert_int_equal(feed(&h, "HTTP/1.1 200 OK\r\n"), 0);
    for (size_t i = 0; i < FETCH__HEAD_LINES; i++)
        assert_int_equal(feed(&h, "A: b\r\n"), FETCH__LINE);
    assert_int_equal(feed(&h, "A: b\r\n"), -EPROTO);
    fetch__head_finish(&h);
    memset(line, 'x', FETCH__HEAD_BYTES);
    line[1] = ':';
    assert_int_equal(feed(&h, "HTTP/1.1 200 OK\r\n"), 0);
    assert_int_equal(fetch__head_line(&h, line, FETCH__HEAD_BYTES - 10), FETCH__LINE);
    line[0] = ' ';
    assert_int_equal(fetch__head_line(&h, line, 20), -EPROTO);
    assert_int_equal(fetch__head_line(&h, "A: bbbbbbbb\r\n", 13), -EPROTO);
    fetch__head_finish(&h);
    free(line);
}

static void find(void **state)
{
    struct fetch__head h = {0};

    feed(&h, "HTTP/1.1 200 OK\r\nA: b\r\na: c\r\n");
    assert_string_equal(fetch__head_find(h.list, h.count, "a"), "b");
    assert_null(fetch__head_find(h.list, h.count, "b"));
    fetch__head_finish(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),
        cmocka_unit_test(refused),
        cmocka_unit_test(bounds),
        cmocka_unit_test(find),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
