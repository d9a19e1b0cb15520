/*
 * The dashboard's pure parts: JSON, points, and what a crash report says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "middleware/dashboard.h"

static void check_string(const char *text, size_t most, const char *json)
{
    struct dash__text t = {0};

    dash__add_string(&t, text, most);
    assert_string_equal(t.data, json);
    dash__text_finish(&t);
}

static void test_strings(void **state)
{
    check_string("", 10, "\"\"");
    check_string("a\"b\\c\n\x7f", 20, "\"a\\\"b\\\\c\\u000a\\u007f\"");
    check_string("</script><b>&", 20, "\"\\u003c/script\\u003e\\u003cb\\u003e\\u0026\"");
    check_string("z\xc3\xbc\xe2\x82\xac\xf0\x9f\x8c\xb0", 20,
                 "\"z\xc3\xbc\xe2\x82\xac\xf0\x9f\x8c\xb0\"");
    /* Overlong, a surrogate, beyond the last character, a lonely octet, one that breaks off. */
    check_string("\xc0\xaf", 9, "\"\\ufffd\\ufffd\"");
    check_string("\xed\xa0\x80", 9, "\"\\ufffd\\ufffd\\ufffd\"");
    check_string("\xf4\x90\x80\x80", 9, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    check_string("\xff-\xe2\x82", 9, "\"\\ufffd-\\ufffd\\ufffd\"");
    /* Cut, but never in a character. */
    check_string("abcdef", 3, "\"abc\"");
    check_string("ab\xe2\x82\xac", 4, "\"ab\"");
    check_string("ab\xe2\x82\xac", 5, "\"ab\xe2\x82\xac\"");
}

static void test_text_grows(void **state)
{
    struct dash__text t = {0};

    for (unsigned i = 0; i < 5000; i++)
        dash__add(&t, "%04u", i);
    assert_false(t.failed);
    assert_int_equal(t.len, 20000);
    assert_memory_equal(t.data + 4 * 4321, "4321", 4);
    dash__text_finish(&t);
    assert_null(t.data);
}

static json_t *parsed(struct dash__text *t)
{
    json_t *j;

    assert_false(t->failed);
    j = json_loads(t->data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    dash__text_finish(t);
    return j;
}

static void test_a_point_is_what_grew(void **state)
{
    sl_counts before = {
        .requests = 10, .statuses = {0, 0, 9, 0, 1, 0}, .bytes_in = 5, .messages_in = 7};
    sl_stats now = {.connections = 3, .in_flight = 2, .ready = 4, .lag = 0.0015};
    struct dash__point p = {.second = 9, .at_ms = 8, .span_us = 1000000};

    now.total = before;
    now.total.requests = 30;
    now.total.statuses[4] = 4;
    now.total.statuses[5] = 2;
    now.total.bytes_in = 1; /* less than before: of another count, and nothing */
    now.total.messages_in = 9;
    now.total.latency[0] = 15;
    now.total.latency[1] = 1;
    now.total.latency[8] = 1;
    now.total.latency[9] = 2;
    now.total.latency[168] = 1;
    dash__point_make(&p, &before, &now);
    assert_int_equal(p.requests, 20);
    assert_int_equal(p.client_errors, 3);
    assert_int_equal(p.server_errors, 2);
    assert_int_equal(p.bytes_in, 0);
    assert_int_equal(p.messages_in, 2);
    assert_int_equal(p.latency[0], 15);
    assert_int_equal(p.latency[1], 2);
    assert_int_equal(p.latency[2], 2);
    assert_int_equal(p.latency[DASH_OCTAVES - 1], 1);
    assert_int_equal(p.connections, 3);
    assert_int_equal(p.workers, 4);
    assert_int_equal(p.lag_us, 1500);
    assert_in_range(p.p50_us, 1, 65);
    assert_true(p.p99_us > 65000000);
}

static void test_a_point_in_json(void **state)
{
    struct dash__point p = {.second = 1,
                            .at_ms = 2,
                            .span_us = 3,
                            .requests = UINT64_MAX / 4,
                            .lag_us = 16,
                            .latency = {5, 0, 6}};
    struct dash__text t = {0};
    json_t *j;

    dash__add_point(&t, &p);
    j = parsed(&t);
    assert_int_equal(json_array_size(j), 17);
    assert_int_equal(json_integer_value(json_array_get(j, 3)), (json_int_t)(UINT64_MAX / 4));
    assert_int_equal(json_integer_value(json_array_get(j, 15)), 16);
    assert_int_equal(json_array_size(json_array_get(j, 16)), 3);
    json_decref(j);
}

static void test_now_in_json(void **state)
{
    sl_worker_stats workers[] = {{.id = 1, .pid = 11, .ready = true, .cpu = 0.25},
                                 {.id = 2, .pid = 12, .leaving = true, .ready = true},
                                 {.id = 3},
                                 {.id = 4, .stopped = true, .ready = true}};
    sl_route_stats routes[] = {{.method = "GET", .pattern = "/\"<b>\xff", .requests = 3},
                               {.method = "", .pattern = ""}};
    sl_stats s = {.name = "n\n",
                  .pid = 10,
                  .workers = workers,
                  .worker_count = 4,
                  .routes = routes,
                  .route_count = 2};
    const char *states[] = {"ready", "draining", "starting", "stopped"};
    struct dash__text t = {0}, none = {0};
    json_t *j;

    dash__add_now(&t, &s, 77, 1, &none);
    j = parsed(&t);
    assert_string_equal(json_string_value(json_object_get(json_object_get(j, "program"), "name")),
                        "n\n");
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(json_string_value(json_object_get(
                                json_array_get(json_object_get(j, "workers"), i), "state")),
                            states[i]);
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(json_object_get(j, "workers"), 0), "cpu_us")),
                     250000);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(j, "routes"), 0), "pattern")),
                        "/\"<b>\xef\xbf\xbd");
    assert_int_equal(json_array_size(json_object_get(j, "points")), 0);
    json_decref(j);
}

static void test_events_in_json(void **state)
{
    sl_event events[] = {
        {.number = 1, .kind = SL_EVENT_DIED, .worker = 3, .code = -1, .signal = 9, .text = "<i>"},
        {.number = 2, .kind = SL_EVENT_RELOAD_FAILED, .text = ""},
        {.number = 3, .kind = (sl_event_kind)99, .text = ""}};
    sl_stats s = {.events = events, .event_count = 3};
    struct dash__text t = {0};
    json_t *j;

    dash__add_events(&t, &s);
    assert_null(strchr(t.data, '<'));
    j = parsed(&t);
    assert_string_equal(json_string_value(json_object_get(json_array_get(j, 0), "text")), "<i>");
    assert_string_equal(json_string_value(json_object_get(json_array_get(j, 1), "kind")),
                        "reload-failed");
    assert_string_equal(json_string_value(json_object_get(json_array_get(j, 2), "kind")), "other");
    json_decref(j);
}

static void test_a_report_is_read(void **state)
{
    struct dash__crash c;

    dash__crash_parse("2026-11-22 18:00:00 +0000 demo\n"
                      "crash of worker 1 (pid 7): SIGSEGV, address 0x0 is not mapped\n"
                      "  GET /<b>, route /:x, request 1-2, 0.1 ms old\n"
                      "  #0  0x00005581 raise\n"
                      "  #1  0x00005582 handler(int) at /home/me/src/app.c:17\n",
                      &c);
    assert_string_equal(c.when, "2026-11-22 18:00:00");
    assert_string_equal(c.what, "SIGSEGV, address 0x0 is not mapped");
    assert_string_equal(c.request, "GET /<b>, route /:x, request 1-2, 0.1 ms old");
    assert_string_equal(c.place, "handler(int) at app.c:17");
    for (size_t len = 0; len < 200; len++) { /* whatever stands there */
        char text[256];

        memset(text, len % 3 ? '\n' : '#', len);
        text[len] = '\0';
        dash__crash_parse(text, &c);
        assert_string_equal(c.place, "");
    }
}

static void write_report(const char *folder, const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_reports_are_found(void **state)
{
    char folder[] = "/tmp/dashboard-XXXXXX", name[64], text[64], command[64];
    static struct dash__crashes found;

    assert_non_null(mkdtemp(folder));
    for (unsigned i = 1; i <= 25; i++) {
        snprintf(name, sizeof name, "%u-me.txt", i);
        write_report(folder, name, "2026-11-22 18:00:00\nx (pid 1): SIGABRT\n  no request\n");
    }
    write_report(folder, "30-metoo.txt", "not mine");
    write_report(folder, "31-me.txt.new", "not done");
    write_report(folder, "x-me.txt", "no number");
    dash__crashes_find(folder, "me", &found);
    assert_int_equal(found.count, DASH_CRASHES);
    for (unsigned i = 0; i < DASH_CRASHES; i++)
        assert_int_equal(found.list[i].number, 25 - i);
    assert_string_equal(found.list[0].what, "SIGABRT");
    assert_true(dash__crash_read(folder, "me", 3, text, sizeof text) > 20);
    assert_int_equal(dash__crash_read(folder, "me", 30, text, sizeof text), -2);
    assert_int_equal(dash__crash_read(folder, "me", 0, text, sizeof text), -2);
    assert_int_equal(dash__crash_read("", "me", 1, text, sizeof text), -2);
    dash__crashes_find("/nowhere", "me", &found);
    assert_int_equal(found.count, 0);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_text_grows),
        cmocka_unit_test(test_a_point_is_what_grew),
        cmocka_unit_test(test_a_point_in_json),
        cmocka_unit_test(test_now_in_json),
        cmocka_unit_test(test_events_in_json),
        cmocka_unit_test(test_a_report_is_read),
        cmocka_unit_test(test_reports_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
