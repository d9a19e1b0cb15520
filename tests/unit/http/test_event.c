/*
 * Events as text, and what a client makes of that text again (WHATWG HTML §9.2.6).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/event.h"

static void test_table(void **state)
{
    static const struct {
        sl_sse_event e;
        const char *text; /* NULL: refused */
    } table[] = {
        {{.data = "hello"}, "data: hello\n\n"},
        {{.event = "chat", .id = "7", .data = "hello"}, "event: chat\nid: 7\ndata: hello\n\n"},
        {{.event = "chat", .id = "7", .data = "x", .retry_ms = 1500},
         "event: chat\nid: 7\nretry: 1500\ndata: x\n\n"},
        {{.data = "one\ntwo"}, "data: one\ndata: two\n\n"},
        {{.data = "one\r\ntwo\rthree\n"}, "data: one\ndata: two\ndata: three\ndata: \n\n"},
        {{.data = "\n\r"}, "data: \ndata: \ndata: \n\n"},
        {{.data = "\r\n"}, "data: \ndata: \n\n"},
        {{.data = "a\r"}, "data: a\ndata: \n\n"},
        {{.data = " two spaces"}, "data:  two spaces\n\n"},
        {{.data = ""}, "data: \n\n"},
        {{.data = ":id: 5"}, "data: :id: 5\n\n"},
        {{.data = "abcdef", .len = 3}, "data: abc\n\n"},
        {{.data = "a\nb\nc", .len = 4}, "data: a\ndata: b\ndata: \n\n"},
        {{.event = "ping"}, "event: ping\ndata: \n\n"},
        {{.event = "", .data = "x"}, "data: x\n\n"},
        {{.id = "", .data = "x"}, "id: \ndata: x\n\n"},
        {{.id = "9"}, "id: 9\n\n"},
        {{.retry_ms = 4294967295U}, "retry: 4294967295\n\n"},
        {{.data = "\xc3\xbc \xe2\x82\xac"}, "data: \xc3\xbc \xe2\x82\xac\n\n"},
        {{.event = NULL}, NULL},
        {{.event = ""}, NULL},
        {{.event = "a\nb", .data = "x"}, NULL},
        {{.event = "a\r", .data = "x"}, NULL},
        {{.id = "1\n2", .data = "x"}, NULL},
        {{.id = "\r", .data = "x"}, NULL},
        {{.id = "1\ndata: injected", .data = "x"}, NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct sl__piece *p = NULL;
        int r = sl__event_piece(&table[i].e, &p);

        if (!table[i].text) {
            assert_int_equal(r, -EINVAL);
            assert_null(p);
            continue;
        }
        assert_int_equal(r, 0);
        assert_int_equal(p->len, strlen(table[i].text));
        assert_memory_equal(p->bytes, table[i].text, p->len);
        sl__piece_unref(p);
    }
}

/* What a client dispatches as data: the lines, joined by LF. */
static size_t read_data(const struct sl__piece *p, char *to)
{
    const char *at = p->bytes, *end = at + p->len;
    size_t len = 0;

    while (at < end && *at != '\n') {
        const char *lf = memchr(at, '\n', (size_t)(end - at));

        assert_non_null(lf);
        assert_memory_equal(at, "data: ", 6);
        assert_null(memchr(at, '\r', (size_t)(lf - at)));
        memcpy(to + len, at + 6, (size_t)(lf - at) - 6);
        len += (size_t)(lf - at) - 6;
        to[len++] = '\n';
        at = lf + 1;
    }
    assert_ptr_equal(at, end - 1);
    return len - 1;
}

/* Any octets come through, every kind of line end as LF. */
static void test_any_data(void **state)
{
    static const char some[] = {'a', '\n', '\r', ' ', '\0', ':', 'd'};
    char data[9], want[9], got[64];

    for (unsigned n = 0; n < 7 * 7 * 7 * 7 * 7 * 7; n++) {
        sl_sse_event e = {.data = data};
        struct sl__piece *p;
        size_t want_len = 0;

        for (unsigned i = 0, rest = n; i < 6; i++, rest /= 7)
            data[e.len++] = some[rest % 7];
        for (size_t i = 0; i < e.len; i++) {
            if (data[i] == '\r' && i + 1 < e.len && data[i + 1] == '\n')
                continue;
            want[want_len++] = data[i] == '\r' ? '\n' : data[i];
        }
        assert_int_equal(sl__event_piece(&e, &p), 0);
        assert_int_equal(read_data(p, got), want_len);
        assert_memory_equal(got, want, want_len);
        sl__piece_unref(p);
    }
}

static bool no_memory(size_t size)
{
    return true;
}

static void test_no_memory(void **state)
{
    sl_sse_event e = {.data = "x"};
    struct sl__piece *p;

    sl__mem_fault = no_memory;
    assert_int_equal(sl__event_piece(&e, &p), -ENOMEM);
    assert_null(sl__event_heartbeat());
    sl__mem_fault = NULL;
}

static void test_heartbeat(void **state)
{
    struct sl__piece *p = sl__event_heartbeat();

    assert_int_equal(p->len, 3);
    assert_memory_equal(p->bytes, ":\n\n", 3);
    sl__piece_unref(p);
    sl__piece_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_any_data),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_heartbeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
