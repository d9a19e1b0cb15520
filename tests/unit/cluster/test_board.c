/*
 * What lies behind the slots of the scoreboard: the ring of events and the rows of routes.
 */
#include "cluster/board_events.h"
#include "cluster/board_routes.h"
#include "cluster/scoreboard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int set_up(void **state)
{
    static struct sl__scoreboard b;

    *state = &b;
    return sl__scoreboard_create(&b) < 0 || sl__scoreboard_count_routes(&b) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    sl__scoreboard_finish(*state);
    return 0;
}

static void test_events_are_a_ring(void **state)
{
    struct sl__scoreboard *b = *state;
    static sl_event events[SL__EVENTS];
    static char texts[SL__EVENTS][SL__EVENT_TEXT];

    assert_int_equal(sl__board_events_read(b->events, events, texts), 0);
    sl__board_event(b->events, &(sl_event){.kind = SL_EVENT_DIED, .worker = 7, .text = "a\nb\x1b"});
    assert_int_equal(sl__board_events_read(b->events, events, texts), 1);
    assert_int_equal(events[0].number, 1);
    assert_int_equal(events[0].worker, 7);
    assert_true(events[0].at_ms > 0);
    assert_string_equal(events[0].text, "a b "); /* one line, whatever came in */
    for (unsigned i = 2; i <= SL__EVENTS + 10; i++)
        sl__board_event(b->events, &(sl_event){.kind = SL_EVENT_RELOADED, .generation = i});
    assert_int_equal(sl__board_events_read(b->events, events, texts), SL__EVENTS);
    for (unsigned i = 0; i < SL__EVENTS; i++) {
        assert_int_equal(events[i].number, 11 + i);
        assert_int_equal(events[i].generation, 11 + i);
        assert_string_equal(events[i].text, "");
    }
}

static void test_long_text_is_cut(void **state)
{
    struct sl__scoreboard *b = *state;
    static sl_event events[SL__EVENTS];
    static char texts[SL__EVENTS][SL__EVENT_TEXT], lengthy[2 * SL__EVENT_TEXT];

    memset(lengthy, 'x', sizeof lengthy - 1);
    sl__board_event(b->events, &(sl_event){.kind = SL_EVENT_DIED, .text = lengthy});
    assert_int_equal(sl__board_events_read(b->events, events, texts), 1);
    assert_int_equal(strlen(events[0].text), SL__EVENT_TEXT - 1);
}

/* As its writer would leave it that was killed in the middle. */
static void test_half_written_event_is_left_out(void **state)
{
    struct sl__scoreboard *b = *state;
    static sl_event events[SL__EVENTS];
    static char texts[SL__EVENTS][SL__EVENT_TEXT];

    sl__board_event(b->events, &(sl_event){.kind = SL_EVENT_DIED});
    sl__board_event(b->events, &(sl_event){.kind = SL_EVENT_RELOADED});
    b->events->ring[1].number = 0;
    assert_int_equal(sl__board_events_read(b->events, events, texts), 1);
    assert_int_equal(events[0].kind, SL_EVENT_RELOADED);
}

static sl_route_stats found[SL__ROUTES];
static char names[SL__ROUTES][SL__ROUTE_NAME];

static const sl_route_stats *find(const struct sl__board_routes *r, const char *pattern)
{
    unsigned count = sl__board_routes_read(r, 4, found, names, SL__ROUTES);

    for (unsigned i = 0; i < count; i++)
        if (strcmp(found[i].pattern, pattern) == 0)
            return &found[i];
    return NULL;
}

static void test_same_route_same_row(void **state)
{
    struct sl__board_routes *r = ((struct sl__scoreboard *)*state)->routes;
    unsigned a = sl__board_route_claim(r, 1, "GET", "/a"),
             b = sl__board_route_claim(r, 1, "GET", "/b");

    assert_int_not_equal(a, b);
    assert_true(a > SL__ROUTE_OTHERS && b > SL__ROUTE_OTHERS);
    assert_int_equal(sl__board_route_claim(r, 2, "GET", "/a"), a);
    assert_int_not_equal(sl__board_route_claim(r, 1, "POST", "/a"), a);
    assert_int_equal(sl__board_route_claim(r, 1, NULL, NULL), SL__ROUTE_NONE);
    assert_int_equal(find(r, "/a")->generation, 2);
    assert_string_equal(find(r, "/b")->method, "GET");
    assert_int_equal(find(r, "/b")->generation, 1);
    assert_null(find(r, "")); /* nothing was counted there */
}

static void test_counts_of_all_lanes(void **state)
{
    struct sl__board_routes *r = ((struct sl__scoreboard *)*state)->routes;
    unsigned row = sl__board_route_claim(r, 1, "*", "/x/:id");
    const sl_route_stats *s;

    sl__board_route_count(r, row, 0, 200, 500);
    sl__board_route_count(r, row, 1, 404, 3000);
    sl__board_route_count(r, row, 2, 500, 1000000);
    sl__board_route_count(r, row, 3 + SL__ROUTE_LANES, 200,
                          -5); /* lanes wrap; no time is negative */
    sl__board_route_count(r, SL__ROUTE_NONE, 0, 404, INT64_MAX);
    s = find(r, "/x/:id");
    assert_int_equal(s->requests, 4);
    assert_int_equal(s->client_errors, 1);
    assert_int_equal(s->server_errors, 1);
    assert_int_equal(s->latency[0], 2);
    assert_int_equal(s->latency[2], 1);  /* 2 to 4 units of 1,024 ns */
    assert_int_equal(s->latency[10], 1); /* 976 units */
    assert_true(s->seconds > 0.0010034 && s->seconds < 0.0010036);
    s = find(r, "");
    assert_int_equal(s->requests, 1);
    assert_int_equal(s->latency[SL_ROUTE_BUCKETS - 1], 1);
}

static void test_quantiles_lie_in_their_bucket(void **state)
{
    sl_route_stats s = {.requests = 100};

    assert_true(sl_route_quantile(&(sl_route_stats){0}, 0.5) == 0);
    s.latency[0] = 90;
    s.latency[11] = 10; /* 1.05 to 2.1 ms */
    assert_true(sl_route_quantile(&s, 0.5) <= 1024e-9);
    assert_true(sl_route_quantile(&s, 0.99) > 1.048e-3 && sl_route_quantile(&s, 0.99) < 2.098e-3);
}

static void test_too_many_share_a_row(void **state)
{
    struct sl__board_routes *r = ((struct sl__scoreboard *)*state)->routes;
    char pattern[40];
    unsigned row = 0;

    for (unsigned i = 0; i < SL__ROUTES + 5; i++) {
        snprintf(pattern, sizeof pattern, "/route/%u", i);
        row = sl__board_route_claim(r, 1, "GET", pattern);
        sl__board_route_count(r, row, 0, 200, 1000);
    }
    assert_int_equal(row, SL__ROUTE_OTHERS);
    assert_int_equal(sl__board_routes_used(r), SL__ROUTES);
    assert_int_equal(find(r, "(others)")->requests, 7);
    /* Code that has long had none of them gets their rows, empty. */
    row = sl__board_route_claim(r, 9, "GET", "/new");
    assert_int_not_equal(row, SL__ROUTE_OTHERS);
    assert_int_equal(find(r, "/new")->requests, 0);
    assert_int_equal(find(r, "/new")->generation, 9);
    assert_null(find(r, "/route/0"));
}

static void test_names_of_any_length_and_octets(void **state)
{
    struct sl__board_routes *r = ((struct sl__scoreboard *)*state)->routes;
    char lengthy[1000];
    unsigned row;

    memset(lengthy, '\xff', sizeof lengthy);
    lengthy[0] = '/';
    lengthy[sizeof lengthy - 1] = '\0';
    row = sl__board_route_claim(r, 1, "GET", lengthy);
    assert_int_equal(sl__board_route_claim(r, 1, "GET", lengthy), row);
    assert_int_equal(sl__board_routes_read(r, 1, found, names, SL__ROUTES), 1);
    assert_int_equal(strlen(found[0].pattern), SL__ROUTE_NAME - 1 - 4);
    assert_int_equal(sl__board_routes_read(r, 1, found, names, 0), 0);
}

/* Eight processes at once: each route has one row, whoever came first. */
static void test_processes_agree(void **state)
{
    struct sl__board_routes *r = ((struct sl__scoreboard *)*state)->routes;
    char pattern[40];

    for (unsigned p = 0; p < 8; p++) {
        if (fork() != 0)
            continue;
        for (unsigned i = 0; i < 100; i++) {
            snprintf(pattern, sizeof pattern, "/%u", (i + p * 13) % 100);
            sl__board_route_count(r, sl__board_route_claim(r, 1, "GET", pattern), p, 200, 0);
        }
        _exit(0);
    }
    for (unsigned p = 0; p < 8; p++)
        wait(NULL);
    assert_int_equal(sl__board_routes_read(r, 8, found, names, SL__ROUTES), 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(found[i].requests, 8);
}

/* Its memory is there once somebody counts; whoever looked before sees it then. */
static void test_nobody_counts_nothing_is_there(void **state)
{
    struct sl__scoreboard b, other;
    struct stat before, after;

    assert_int_equal(sl__scoreboard_create(&b), 0);
    assert_int_equal(sl__scoreboard_attach(&other, dup(b.fd)), 0);
    assert_int_equal(sl__board_routes_read(other.routes, 8, found, names, SL__ROUTES), 0);
    assert_int_equal(fstat(b.fd, &before), 0);
    assert_true(before.st_size < 1 << 20); /* programs have limits */
    assert_int_equal(sl__scoreboard_count_routes(&b), 0);
    assert_int_equal(sl__scoreboard_count_routes(&other), 0);
    assert_int_equal(fstat(b.fd, &after), 0);
    assert_true(after.st_size > before.st_size);
    sl__board_route_count(b.routes, sl__board_route_claim(b.routes, 1, "GET", "/"), 0, 200, 0);
    assert_int_equal(sl__board_routes_read(other.routes, 8, found, names, SL__ROUTES), 1);
    sl__scoreboard_finish(&other);
    assert_int_equal(sl__scoreboard_attach(&other, dup(b.fd)), 0); /* by who comes later */
    assert_int_equal(sl__board_routes_read(other.routes, 8, found, names, SL__ROUTES), 1);
    sl__scoreboard_finish(&other);
    sl__scoreboard_finish(&b);
}

static void test_glance_and_picture_agree(void **state)
{
    struct sl__scoreboard *b = *state;
    sl_stats glance, *s;

    sl__scoreboard_assign(b, 2, 5);
    sl__scoreboard_introduce(b, 2, getpid(), 3, 1000);
    b->slots[2].accepting = 1;
    b->slots[2].connections = 4;
    b->slots[2].requests = 2;
    b->slots[2].served = 10;
    sl__board_introduce(b->events, "name", "/folder");
    sl__board_event(b->events, &(sl_event){.kind = SL_EVENT_RELOADED});
    sl__scoreboard_glance(b, 2000, &glance);
    assert_null(glance.workers);
    assert_int_equal(glance.ready, 1);
    assert_int_equal(glance.connections, 4);
    assert_int_equal(glance.in_flight, 2);
    assert_int_equal(glance.total.requests, 10);
    assert_int_equal(glance.last_event, 1);
    s = sl__scoreboard_read(b, 2000);
    assert_int_equal(s->worker_count, 1);
    assert_int_equal(s->workers[0].id, 5);
    assert_false(s->workers[0].leaving);
    assert_true(s->workers[0].memory > 0);
    assert_true(s->workers[0].cpu > 0);
    assert_string_equal(s->name, "name");
    assert_string_equal(s->crash_dir, "/folder");
    assert_int_equal(s->pid, getpid());
    assert_int_equal(s->event_count, 1);
    assert_int_equal(s->route_count, 0); /* nobody has claimed a row */
    sl_stats_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_events_are_a_ring),
        TEST(test_long_text_is_cut),
        TEST(test_half_written_event_is_left_out),
        TEST(test_same_route_same_row),
        TEST(test_counts_of_all_lanes),
        TEST(test_quantiles_lie_in_their_bucket),
        TEST(test_too_many_share_a_row),
        TEST(test_names_of_any_length_and_octets),
        TEST(test_processes_agree),
        cmocka_unit_test(test_nobody_counts_nothing_is_there),
        TEST(test_glance_and_picture_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
