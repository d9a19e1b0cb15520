/*
 * The clock of the machine is put an hour forward or back while requests, deadlines and timers are
 * under way. Deadlines go by a clock that cannot be put; the date goes by the one that is.
 */
#include "serving.h"

#include <time.h>

#define HOUR 3600
#define HEAD_MS 1000
#define IDLE_MS 5000
#define REQUEST "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

static int64_t put_by; /* seconds */

static int64_t wall(void)
{
    return 1600000000 + put_by + test_now / SL__SEC;
}

static int setup(void **state)
{
    static const struct sl_limits limits = {.head_ms = HEAD_MS, .idle_ms = IDLE_MS};

    put_by = 0;
    open_server(&limits, NULL, NULL);
    sl__sys_wall_fn = wall;
    return 0;
}

static int teardown(void **state)
{
    close_server();
    return 0;
}

static void pass_ms(int64_t ms)
{
    test_now += ms * SL__MS;
    ticks(3);
}

/* What the newest answer says of the time, or 0. */
static time_t date_of(struct client *c)
{
    struct tm tm = {0};
    const char *at;

    c->len = 0;
    say(c, REQUEST);
    ticks(3);
    listen_to(c);
    at = c->len ? strstr(c->got, "\r\nDate: ") : NULL;
    if (!at || !strptime(at + 8, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        return 0;
    return timegm(&tm);
}

static void check_date(struct client *c)
{
    int64_t off = date_of(c) - wall();

    assert_true(off >= -1 && off <= 1);
}

static void put_clock(int hours)
{
    put_by += hours * HOUR;
}

static void test_the_date_is_right_within_a_second(void **state)
{
    static const int steps[] = {1, -1, -1, 1, 24, -25};
    struct client c;

    connect_client(&c);
    pass_ms(100); /* the server is older than our wall clock */
    check_date(&c);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        put_clock(steps[i]);
        pass_ms(100); /* that long it may be kept */
        check_date(&c);
        for (int n = 0; n < 30; n++) {
            pass_ms(130);
            check_date(&c);
        }
    }
    disconnect(&c);
}

/* Each deadline at its very millisecond, whatever the clock on the wall says meanwhile. */
static void check_deadline(const char *text, int64_t ms, int hours, const char *answer)
{
    struct client c;

    connect_client(&c);
    ticks(2);
    if (*text)
        say(&c, text);
    ticks(2);
    pass_ms(ms / 2);
    put_clock(hours);
    pass_ms(0);
    pass_ms(ms - ms / 2 - 1);
    listen_to(&c);
    assert_false(c.eof);
    assert_int_equal(c.len, 0);
    pass_ms(1);
    listen_to(&c);
    assert_int_equal(strncmp(c.len ? c.got : "", answer, strlen(answer)), 0);
    assert_true(c.eof || *answer); /* after an answer it lingers */
    disconnect(&c);
    ticks(3);
}

static void test_no_deadline_is_early_or_late(void **state)
{
    for (int hours = -1; hours <= 1; hours++) {
        check_deadline("", IDLE_MS, hours, "");
        check_deadline("GET / HT", HEAD_MS, hours, "HTTP/1.1 408 ");
    }
}

static int fired;

static void fire(struct sl__timer *t)
{
    fired++;
}

static void test_no_timer_is_early_or_late(void **state)
{
    struct sl__timer t = {.fire = fire};

    for (int hours = -1; hours <= 1; hours += 2) {
        fired = 0;
        sl__timer_start(&loop, &t, test_now + 10 * SL__SEC);
        pass_ms(5000);
        put_clock(hours);
        pass_ms(4999);
        assert_int_equal(fired, 0);
        pass_ms(1);
        assert_int_equal(fired, 1);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_date_is_right_within_a_second),
        TEST(test_no_deadline_is_early_or_late),
        TEST(test_no_timer_is_early_or_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
