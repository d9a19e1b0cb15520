/*
 * Work that may take so long: who is cut, when, what the caller is told, and that nothing is left
 * of it afterwards.
 */
#include "fixture.h"

#include <errno.h>
#include <shallot/fiber.h>

static struct sl__fiber *fiber;
static int inner, outer, after;

static int sleep_100(void *arg)
{
    int r = sl_sleep(100);

    note(r < 0 ? 'c' : 's');
    return arg ? *(int *)arg : r;
}

static void run_50(void *arg)
{
    outer = sl_within(50, sleep_100, arg);
    after = sl_sleep(100);
    note('e');
}

static void run_150(void *arg)
{
    outer = sl_within(150, sleep_100, arg);
    after = sl_sleep(100);
    note('e');
}

static void test_cut(void **state)
{
    (void)state;
    sl__fiber_start(&fiber, run_50, NULL);
    tick_after(49 * SL__MS);
    assert_string_equal(trace, "");
    tick_after(SL__MS);
    assert_string_equal(trace, "c");
    assert_int_equal(outer, -ETIMEDOUT);
    tick_after(99 * SL__MS);
    assert_string_equal(trace, "c");
    tick_after(SL__MS);
    assert_string_equal(trace, "ce");
    assert_int_equal(after, 0);
}

/* The next wait is not ended by the time of one that is over. */
static void test_in_time(void **state)
{
    (void)state;
    sl__fiber_start(&fiber, run_150, NULL);
    tick_after(100 * SL__MS);
    assert_string_equal(trace, "s");
    assert_int_equal(outer, 0);
    tick_after(60 * SL__MS);
    assert_string_equal(trace, "s");
    tick_after(40 * SL__MS);
    assert_string_equal(trace, "se");
    assert_int_equal(after, 0);
}

/* Whatever it made of it, it was too late; and in time its result is its own. */
static void test_result(void **state)
{
    int result = 7;

    (void)state;
    sl__fiber_start(&fiber, run_50, &result);
    tick_after(50 * SL__MS);
    assert_int_equal(outer, -ETIMEDOUT);
    tick_after(100 * SL__MS);
    sl__fiber_start(&fiber, run_150, &result);
    tick_after(100 * SL__MS);
    assert_int_equal(outer, 7);
    tick_after(100 * SL__MS);
    assert_string_equal(trace, "cese");
}

static void test_client_gone(void **state)
{
    (void)state;
    sl__fiber_start(&fiber, run_50, NULL);
    tick_after(10 * SL__MS);
    sl__fiber_cancel(fiber);
    tick();
    assert_string_equal(trace, "c");
    assert_int_equal(outer, -ECANCELED);
    tick();
    assert_string_equal(trace, "ce");
    assert_int_equal(after, -ECANCELED);
}

/* Both at once: it stays cancelled. */
static void test_gone_and_late(void **state)
{
    (void)state;
    sl__fiber_start(&fiber, run_50, NULL);
    sl__fiber_cancel(fiber);
    tick_after(50 * SL__MS);
    tick();
    assert_string_equal(trace, "ce");
    assert_int_equal(outer, -ECANCELED);
    assert_int_equal(after, -ECANCELED);
}

static int nested(void *arg)
{
    const unsigned *ms = arg;

    inner = sl_within(*ms, sleep_100, NULL);
    note('i');
    return inner == -ETIMEDOUT ? sl_sleep(20) : inner;
}

static void run_nested(void *arg)
{
    const unsigned *ms = arg;

    outer = sl_within(ms[0], nested, (void *)(uintptr_t)&ms[1]);
    note('o');
}

static void test_nested(void **state)
{
    static const struct {
        unsigned ms[2];
        int inner, outer, after;
        const char *trace;
    } cases[] = {
        {{80, 50}, -ETIMEDOUT, 0, 70, "cio"},          /* the inner alone */
        {{60, 50}, -ETIMEDOUT, -ETIMEDOUT, 60, "cio"}, /* the inner, then the outer */
        {{50, 80}, -ECANCELED, -ETIMEDOUT, 50, "cio"}, /* the outer cuts the inner too */
        {{50, 50}, -ECANCELED, -ETIMEDOUT, 50, "cio"}, /* both in one tick: it is the outer's */
        {{500, 400}, 0, 0, 100, "sio"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        trace[trace_len = 0] = '\0';
        sl__fiber_start(&fiber, run_nested, (void *)(uintptr_t)cases[i].ms);
        for (int ms = 0; ms < cases[i].after; ms++) {
            assert_int_equal(sl__fibers_live(), 1);
            tick_after(SL__MS);
        }
        tick();
        assert_int_equal(sl__fibers_live(), 0);
        assert_string_equal(trace, cases[i].trace);
        assert_int_equal(inner, cases[i].inner);
        assert_int_equal(outer, cases[i].outer);
    }
}

static int shielded_sleep(void *arg)
{
    return sl_shield(sleep_100, arg);
}

static void run_shielded(void *arg)
{
    outer = sl_within(50, shielded_sleep, arg);
    note('e');
}

/* What is shielded inside is let finish, and then it is too late. */
static void test_shield_inside(void **state)
{
    (void)state;
    sl__fiber_start(&fiber, run_shielded, NULL);
    tick_after(50 * SL__MS);
    assert_string_equal(trace, "");
    tick_after(50 * SL__MS);
    assert_string_equal(trace, "se");
    assert_int_equal(outer, -ETIMEDOUT);
}

static int bounded(void *arg)
{
    inner = sl_within(50, sleep_100, arg);
    return sl_sleep(10);
}

static void run_shield_around(void *arg)
{
    outer = sl_shield(bounded, arg);
    note('e');
}

/* Cleanup that must wait, but not for ever: the time holds though the client is gone. */
static void test_shield_around(void **state)
{
    (void)state;
    sl__fiber_start(&fiber, run_shield_around, NULL);
    sl__fiber_cancel(fiber);
    tick_after(49 * SL__MS);
    assert_string_equal(trace, "");
    tick_after(SL__MS);
    assert_string_equal(trace, "c");
    assert_int_equal(inner, -ETIMEDOUT);
    tick_after(10 * SL__MS);
    assert_string_equal(trace, "ce");
    assert_int_equal(outer, 0);
}

static int stubborn(void *arg)
{
    (void)arg;
    for (int i = 0; i < 60; i++)
        sl_sleep(10);
    return 0;
}

static void run_stubborn(void *arg)
{
    (void)arg;
    outer = sl_within(0, stubborn, NULL);
    after = sl_within(0, stubborn, NULL);
}

static void too_stubborn(struct sl__fiber *f, const char *label)
{
    (void)f;
    (void)label;
    note('!');
}

/* It has returned, so its refusals are not counted against what comes later. */
static void test_refusals(void **state)
{
    (void)state;
    sl__fiber_on_stubborn = too_stubborn;
    sl__fiber_start(&fiber, run_stubborn, NULL);
    while (sl__fibers_live() > 0)
        tick_after(SL__MS);
    sl__fiber_on_stubborn = NULL;
    assert_string_equal(trace, "");
    assert_int_equal(outer, -ETIMEDOUT);
    assert_int_equal(after, -ETIMEDOUT);
}

static int seven(void *arg)
{
    (void)arg;
    return 7;
}

static void test_in_the_loop(void **state)
{
    (void)state;
    assert_int_equal(sl_within(0, seven, NULL), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIBER_TEST(test_cut),           FIBER_TEST(test_in_time),  FIBER_TEST(test_result),
        FIBER_TEST(test_client_gone),   FIBER_TEST(test_nested),   FIBER_TEST(test_gone_and_late),
        FIBER_TEST(test_shield_inside), FIBER_TEST(test_refusals), FIBER_TEST(test_shield_around),
        FIBER_TEST(test_in_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
