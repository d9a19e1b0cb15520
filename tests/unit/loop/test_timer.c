/* src/loop/timer.c: the heap against a plain array with random operations, on a clock of our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/sys.h"
#include "base/time.h"
#include "loop/loop.h"

#define TIMERS 300

struct probe {
    struct sl__timer timer;
    struct sl__loop *loop;
    struct sl__timer *other;
    int64_t again; /* when fired, start again at this time; 0: do not */
    unsigned fired;
    int64_t expected; /* the model: when it is due; -1: stopped */
};

static int64_t now;
static int64_t last_fired;

static int64_t own_clock(void)
{
    return now;
}

static struct sl__loop loop;

static int setup(void **state)
{
    now = 1000;
    last_fired = 0;
    sl__sys_clock_fn = own_clock;
    return sl__loop_init(&loop);
}

static int teardown(void **state)
{
    sl__loop_finish(&loop);
    sl__sys_clock_fn = NULL;
    return 0;
}

static void check_fired(struct sl__timer *t)
{
    struct probe *p = SL__OWNER(t, struct probe, timer);

    assert_true(p->expected >= 0);
    assert_true(p->expected <= now);
    assert_true(p->expected >= last_fired); /* in order */
    assert_false(sl__timer_running(t));
    last_fired = p->expected;
    p->expected = -1;
    p->fired++;
}

static void check_heap(const struct probe *probes)
{
    size_t running = 0;

    for (size_t i = 0; i < TIMERS; i++) {
        assert_int_equal(sl__timer_running(&probes[i].timer), probes[i].expected >= 0);
        running += probes[i].expected >= 0;
    }
    assert_int_equal(loop.timers.count, running);
    for (size_t i = 0; i < running; i++) {
        assert_int_equal(loop.timers.items[i]->index, i + 1);
        if (i > 0)
            assert_true(loop.timers.items[(i - 1) / 4]->at <= loop.timers.items[i]->at);
    }
}

static void test_against_a_model(void **state)
{
    static struct probe probes[TIMERS];

    for (size_t i = 0; i < TIMERS; i++)
        probes[i] = (struct probe){.timer.fire = check_fired, .expected = -1};
    srand(5);
    for (int round = 0; round < 100000; round++) {
        struct probe *p = &probes[rand() % TIMERS];
        int what = rand() % 10;

        if (what < 6) { /* starts, and moves to either side */
            p->expected = now + rand() % 500;
            sl__timer_start(&loop, &p->timer, p->expected);
        } else if (what < 8) {
            sl__timer_stop(&loop, &p->timer);
            p->expected = -1;
        } else {
            now += rand() % 30;
            last_fired = 0;
            assert_int_equal(sl__loop_once(&loop, 0), 0);
            for (size_t i = 0; i < TIMERS; i++)
                assert_true(probes[i].expected < 0 || probes[i].expected > now);
        }
        if (round % 100 == 0)
            check_heap(probes);
    }
}

static void start_again(struct sl__timer *t)
{
    struct probe *p = SL__OWNER(t, struct probe, timer);

    p->fired++;
    if (p->again)
        sl__timer_start(p->loop, t, p->again);
}

static void test_started_for_the_past_fires_in_the_next_tick(void **state)
{
    struct probe p = {.timer.fire = start_again, .loop = &loop, .again = 1};

    sl__timer_start(&loop, &p.timer, now - 5);
    for (unsigned tick = 1; tick <= 5; tick++) { /* also while the clock stands still */
        assert_int_equal(sl__loop_once(&loop, 0), 0);
        assert_int_equal(p.fired, tick);
    }
    now += 100;
    assert_int_equal(sl__loop_once(&loop, -1), 0); /* does not sleep */
    assert_int_equal(p.fired, 6);
    sl__timer_stop(&loop, &p.timer);
}

static void stop_other(struct sl__timer *t)
{
    struct probe *p = SL__OWNER(t, struct probe, timer);

    p->fired++;
    sl__timer_stop(p->loop, p->other);
}

static void test_one_due_timer_stops_another(void **state)
{
    struct probe a = {.timer.fire = stop_other, .loop = &loop}, b = a;

    a.other = &b.timer;
    b.other = &a.timer;
    sl__timer_start(&loop, &a.timer, now);
    sl__timer_start(&loop, &b.timer, now);
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(a.fired + b.fired, 1);
    assert_int_equal(loop.timers.count, 0);
    sl__timer_stop(&loop, &a.timer); /* stopped already: nothing happens */
}

static void test_finish_stops_all(void **state)
{
    struct probe a = {.timer.fire = start_again}, b = a;

    sl__timer_start(&loop, &a.timer, INT64_MAX);
    sl__timer_start(&loop, &b.timer, INT64_MIN);
    sl__loop_finish(&loop);
    assert_false(sl__timer_running(&a.timer));
    assert_false(sl__timer_running(&b.timer));
    assert_int_equal(a.fired + b.fired, 0);
}

static void test_the_end_of_time(void **state)
{
    struct probe a = {.timer.fire = start_again}, b = a;

    now = INT64_MAX - 10;
    sl__timer_start(&loop, &a.timer, INT64_MAX);
    sl__timer_start(&loop, &b.timer, INT64_MIN);
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(a.fired, 0);
    assert_int_equal(b.fired, 1);
}

static void note_time(struct sl__timer *t)
{
    sl__loop_stop(SL__OWNER(t, struct probe, timer)->loop);
}

static unsigned ticks;

static void count_tick(void *self)
{
    ticks++;
}

/* On the real clock: never early, although epoll counts in milliseconds. How late is the machine's
 * affair. */
static void test_never_early(void **state)
{
    sl__sys_clock_fn = NULL;
    loop.tick.before = count_tick;
    for (int64_t delay = 0; delay < 4 * SL__MS; delay += 333333) {
        struct probe p = {.timer.fire = note_time, .loop = &loop};
        int64_t at = sl__sys_now() + delay;

        sl__timer_start(&loop, &p.timer, at);
        ticks = 0;
        assert_int_equal(sl__loop_run(&loop), 0);
        assert_true(sl__sys_now() >= at);
        assert_true(ticks <= 3); /* it slept and did not spin */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_against_a_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_started_for_the_past_fires_in_the_next_tick, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_one_due_timer_stops_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_finish_stops_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_of_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_never_early, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
