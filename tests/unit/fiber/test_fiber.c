/*
 * Fibers: who runs when, wakes, deadlines, cancellation, shields, limits.
 */
#include "fixture.h"

#include <errno.h>
#include <string.h>

static struct sl__fiber *one, *two;
static int result, results[200];
static int64_t deadline;

static void note_and_end(void *arg)
{
    note(*(const char *)arg);
}

static void wait_once(void *arg)
{
    note(*(const char *)arg);
    result = sl__fiber_wait(deadline);
    note((char)(*(const char *)arg - 'a' + 'A'));
}

static void test_runs_at_once_from_the_loop(void **state)
{
    struct sl__fiber *f = (struct sl__fiber *)&f;

    (void)state;
    assert_null(sl__fiber_current());
    assert_ptr_equal(sl__fibers_loop(), &loop);
    assert_int_equal(sl__fiber_start(&f, note_and_end, "a"), 0);
    assert_string_equal(trace, "a");
    assert_null(f); /* it has ended */
    assert_int_equal(sl__fibers_live(), 0);
}

static void start_two(void *arg)
{
    (void)arg;
    note('(');
    assert_non_null(sl__fiber_current());
    assert_int_equal(sl__fiber_start(&two, note_and_end, "b"), 0);
    assert_non_null(two);
    assert_int_equal(sl__fiber_start(NULL, note_and_end, "c"), 0);
    assert_int_equal(sl__fibers_live(), 3);
    note(')');
}

static void test_queued_from_a_fiber(void **state)
{
    (void)state;
    sl__fiber_start(NULL, start_two, NULL);
    assert_string_equal(trace, "()");
    tick();
    assert_string_equal(trace, "()bc");
}

static void dive(void *arg)
{
    int *left = arg;

    if ((*left)-- > 0)
        sl__fiber_start(NULL, dive, arg);
}

static void test_starting_does_not_recurse(void **state)
{
    int left = 100000;

    (void)state;
    sl__fiber_start(NULL, dive, &left);
    tick();
    assert_int_equal(left, -1);
    assert_int_equal(sl__fibers_live(), 0);
}

static void test_wakes_run_in_order(void **state)
{
    struct sl__fiber *three;

    (void)state;
    deadline = SL__FOREVER;
    sl__fiber_start(&one, wait_once, "a");
    sl__fiber_start(&two, wait_once, "b");
    sl__fiber_start(&three, wait_once, "c");
    tick();
    assert_string_equal(trace, "abc");
    sl__fiber_wake(three);
    sl__fiber_wake(one);
    sl__fiber_wake(two);
    sl__fiber_wake(three);             /* is queued already */
    assert_string_equal(trace, "abc"); /* nobody is run from inside a wake */
    tick();
    assert_string_equal(trace, "abcCAB");
}

static void wake_one(void *arg)
{
    (void)arg;
    note('w');
    sl__fiber_wake(one);
    note('x');
}

static void test_a_wake_from_a_fiber_runs_in_the_same_tick(void **state)
{
    (void)state;
    deadline = SL__FOREVER;
    sl__fiber_start(&one, wait_once, "a");
    sl__fiber_start(NULL, wake_one, NULL);
    assert_string_equal(trace, "awx");
    tick();
    assert_string_equal(trace, "awxA");
    assert_int_equal(result, 0);
}

static void wake_self_and_wait(void *arg)
{
    (void)arg;
    sl__fiber_wake(sl__fiber_current());
    sl__fiber_wake(sl__fiber_current());
    assert_int_equal(sl__fiber_wait(SL__FOREVER), 0);
    note('1'); /* remembered */
    assert_int_equal(sl__fiber_wait(clock_now + SL__SEC), -ETIMEDOUT);
    note('2'); /* but once */
}

static void test_wake_is_remembered_once(void **state)
{
    (void)state;
    sl__fiber_start(NULL, wake_self_and_wait, NULL);
    assert_string_equal(trace, "1");
    tick();
    assert_string_equal(trace, "1");
    tick_after(SL__SEC);
    assert_string_equal(trace, "12");
}

static void be_queued_and_woken(void *arg)
{
    (void)arg;
    sl__fiber_start(&two, wait_once, "b");
    sl__fiber_wake(two); /* before it has run at all */
}

static void test_wake_before_the_first_run(void **state)
{
    (void)state;
    deadline = SL__FOREVER;
    sl__fiber_start(NULL, be_queued_and_woken, NULL);
    tick();
    assert_string_equal(trace, "bB");
    assert_int_equal(result, 0);
}

static void test_deadlines(void **state)
{
    (void)state;
    deadline = clock_now + 10;
    sl__fiber_start(&one, wait_once, "a");
    tick_after(9);
    assert_string_equal(trace, "a");
    tick_after(1);
    assert_string_equal(trace, "aA");
    assert_int_equal(result, -ETIMEDOUT);
}

static void test_past_deadline_gives_way_one_tick(void **state)
{
    (void)state;
    deadline = clock_now - SL__SEC;
    sl__fiber_start(&one, wait_once, "a");
    assert_string_equal(trace, "a");
    tick();
    assert_string_equal(trace, "aA");
    assert_int_equal(result, -ETIMEDOUT);
}

static void wait_past_thrice(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sl__fiber_wait(0), -ETIMEDOUT);
        note('.');
    }
}

static void test_every_past_deadline_gives_way(void **state)
{
    (void)state;
    sl__fiber_start(NULL, wait_past_thrice, NULL);
    for (int i = 1; i <= 3; i++) {
        tick(); /* with the clock standing still */
        assert_int_equal(trace_len, i);
    }
}

static void on_timer(struct sl__timer *t)
{
    (void)t;
    sl__fiber_wake(one);
}

static void test_wake_wins_over_deadline(void **state)
{
    struct sl__timer t = {.fire = on_timer};

    (void)state;
    deadline = clock_now + 10;
    sl__timer_start(&loop, &t, clock_now + 11); /* fires after the deadline, in the same tick */
    sl__fiber_start(&one, wait_once, "a");
    tick_after(20);
    assert_string_equal(trace, "aA");
    assert_int_equal(result, 0);
}

static void test_a_wake_stops_the_deadline(void **state)
{
    (void)state;
    deadline = clock_now + 10;
    sl__fiber_start(&one, wait_once, "a");
    sl__fiber_wake(one);
    tick();
    assert_string_equal(trace, "aA");
    assert_int_equal(loop.timers.count, 0);
}

static void test_outside_a_fiber(void **state)
{
    (void)state;
    assert_int_equal(sl__fiber_wait(SL__FOREVER), -EDEADLK);
    assert_false(sl__fiber_cancelled());
    sl__fiber_shield(true);
    sl__fiber_shield(false);
}

static void wait_while_cancelled(void *arg)
{
    (void)arg;
    results[0] = sl__fiber_wait(SL__FOREVER);
    assert_true(sl__fiber_cancelled());
    for (int i = 1; i < 4; i++) {
        note('.');
        results[i] = sl__fiber_wait(i == 3 ? 0 : SL__FOREVER);
    }
    note('!');
}

static void test_cancel(void **state)
{
    (void)state;
    sl__fiber_start(&one, wait_while_cancelled, NULL);
    sl__fiber_cancel(one);
    assert_string_equal(trace, "");
    tick();
    assert_string_equal(trace, ".");
    sl__fiber_wake(one); /* giving way is not waiting */
    assert_int_equal(trace_len, 1);
    tick();
    assert_string_equal(trace, "..");
    tick();
    assert_string_equal(trace, "...");
    tick();
    assert_string_equal(trace, "...!");
    for (int i = 0; i < 4; i++)
        assert_int_equal(results[i], -ECANCELED);
}

static void wait_and_wake_one(void *arg)
{
    (void)arg;
    sl__fiber_wait(SL__FOREVER);
    note('w');
    sl__fiber_wake(one);
}

static void test_giving_way_is_not_shortened_by_a_wake(void **state)
{
    (void)state;
    sl__fiber_start(&one, wait_while_cancelled, NULL);
    sl__fiber_start(&two, wait_and_wake_one, NULL);
    sl__fiber_cancel(one);
    sl__fiber_wake(two);
    tick();
    assert_string_equal(trace, ".w");
    tick();
    assert_string_equal(trace, ".w.");
    tick();
    tick();
}

static void cancel_self(void *arg)
{
    (void)arg;
    sl__fiber_cancel(sl__fiber_current());
    note('a');
    results[0] = sl__fiber_wait(SL__FOREVER);
    note('b');
}

static void test_cancel_self_gives_way(void **state)
{
    (void)state;
    sl__fiber_start(NULL, cancel_self, NULL);
    assert_string_equal(trace, "a");
    tick();
    assert_string_equal(trace, "ab");
    assert_int_equal(results[0], -ECANCELED);
}

static void wait_shielded(void *arg)
{
    (void)arg;
    sl__fiber_shield(true);
    sl__fiber_shield(true);
    results[0] = sl__fiber_wait(SL__FOREVER);
    note('a');
    assert_false(sl__fiber_cancelled());
    sl__fiber_shield(false);
    results[1] = sl__fiber_wait(SL__FOREVER);
    note('b');
    sl__fiber_shield(false);
    assert_true(sl__fiber_cancelled());
    results[2] = sl__fiber_wait(SL__FOREVER);
    note('c');
}

static void test_shield_nests(void **state)
{
    (void)state;
    sl__fiber_start(&one, wait_shielded, NULL);
    sl__fiber_cancel(one);
    tick();
    assert_string_equal(trace, "");
    sl__fiber_wake(one);
    tick();
    assert_string_equal(trace, "a");
    sl__fiber_wake(one);
    tick();
    assert_string_equal(trace, "ab");
    tick();
    assert_string_equal(trace, "abc");
    assert_int_equal(results[0], 0);
    assert_int_equal(results[1], 0);
    assert_int_equal(results[2], -ECANCELED);
}

static int stubborn_reports;
static const char *stubborn_label;

static void on_stubborn(struct sl__fiber *f, const char *label)
{
    assert_ptr_equal(f, sl__fiber_current());
    stubborn_reports++;
    stubborn_label = label;
}

static void be_stubborn(void *arg)
{
    int *waits = arg;

    sl__fiber_set_label(sl__fiber_current(), "/mule");
    for (*waits = 0; *waits < 250; ++*waits)
        sl__fiber_wait(SL__FOREVER);
}

static void test_stubborn_is_reported_once(void **state)
{
    int waits;

    (void)state;
    stubborn_reports = 0;
    sl__fiber_on_stubborn = on_stubborn;
    sl__fiber_start(&one, be_stubborn, &waits);
    sl__fiber_cancel(one);
    while (waits < 99)
        tick();
    assert_int_equal(stubborn_reports, 0);
    while (sl__fibers_live() > 0)
        tick();
    assert_int_equal(stubborn_reports, 1);
    assert_string_equal(stubborn_label, "/mule");
    sl__fiber_on_stubborn = NULL;
}

static void count_down(void *arg)
{
    int *left = arg;
    volatile char local[64];

    for (size_t i = 0; i < sizeof(local); i++)
        local[i] = (char)((uintptr_t)left & 0x7f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sl__fiber_wait(0), -ETIMEDOUT);
    for (size_t i = 0; i < sizeof(local); i++)
        assert_int_equal(local[i], (int)(uintptr_t)left & 0x7f);
    --*left;
}

static void test_ten_thousand(void **state)
{
    int left = 10000;

    (void)state;
    for (int round = 0; round < 2; round++) { /* the second on stacks used before */
        left = 10000;
        for (int i = 0; i < 10000; i++)
            assert_int_equal(sl__fiber_start(NULL, count_down, &left), 0);
        assert_int_equal(sl__fibers_live(), 10000);
        for (int i = 0; i < 3; i++)
            tick();
        assert_int_equal(left, 0);
        assert_int_equal(sl__fibers_live(), 0);
    }
}

static void test_limit(void **state)
{
    struct sl__fiber *f = (struct sl__fiber *)&f;

    (void)state;
    sl__fibers_finish();
    assert_int_equal(sl__fibers_init(&loop, 2), 0);
    assert_int_equal(sl__fibers_init(&loop, 2), -EBUSY);
    deadline = SL__FOREVER;
    sl__fiber_start(&one, wait_once, "a");
    sl__fiber_start(&two, wait_once, "b");
    assert_int_equal(sl__fiber_start(&f, wait_once, "c"), -EAGAIN);
    assert_null(f);
    assert_string_equal(trace, "ab");
    sl__fiber_wake(one);
    tick();
    assert_int_equal(sl__fiber_start(&f, wait_once, "d"), 0);
    sl__fiber_wake(two);
    sl__fiber_wake(f);
    tick();
    assert_string_equal(trace, "abAdBD");
}

static ssize_t no_mmap(enum sl__sys_call call)
{
    return call == SL__SYS_MMAP ? -ENOMEM : 0;
}

static void test_no_memory(void **state)
{
    struct sl__fiber *f = (struct sl__fiber *)&f;

    (void)state;
    sl__sys_fault = no_mmap;
    assert_int_equal(sl__fiber_start(&f, note_and_end, "a"), -ENOMEM);
    assert_null(f);
    assert_int_equal(sl__fibers_live(), 0);
    assert_string_equal(trace, "");
}

static void test_user_is_fresh_each_time(void **state)
{
    int mine;

    (void)state;
    deadline = SL__FOREVER;
    sl__fiber_start(&one, wait_once, "a");
    assert_null(sl__fiber_user(one));
    sl__fiber_set_user(one, &mine);
    assert_ptr_equal(sl__fiber_user(one), &mine);
    sl__fiber_cancel(one);
    tick();
    sl__fiber_start(&two, wait_once, "b");
    assert_ptr_equal(two, one); /* the same stack */
    assert_null(sl__fiber_user(two));
    tick();
    assert_string_equal(trace, "aAb"); /* not cancelled */
    sl__fiber_wake(two);
    tick();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIBER_TEST(test_runs_at_once_from_the_loop),
        FIBER_TEST(test_queued_from_a_fiber),
        FIBER_TEST(test_starting_does_not_recurse),
        FIBER_TEST(test_wakes_run_in_order),
        FIBER_TEST(test_a_wake_from_a_fiber_runs_in_the_same_tick),
        FIBER_TEST(test_wake_is_remembered_once),
        FIBER_TEST(test_wake_before_the_first_run),
        FIBER_TEST(test_deadlines),
        FIBER_TEST(test_past_deadline_gives_way_one_tick),
        FIBER_TEST(test_every_past_deadline_gives_way),
        FIBER_TEST(test_wake_wins_over_deadline),
        FIBER_TEST(test_a_wake_stops_the_deadline),
        FIBER_TEST(test_outside_a_fiber),
        FIBER_TEST(test_cancel),
        FIBER_TEST(test_giving_way_is_not_shortened_by_a_wake),
        FIBER_TEST(test_cancel_self_gives_way),
        FIBER_TEST(test_shield_nests),
        FIBER_TEST(test_stubborn_is_reported_once),
        FIBER_TEST(test_ten_thousand),
        FIBER_TEST(test_limit),
        FIBER_TEST(test_no_memory),
        FIBER_TEST(test_user_is_fresh_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
