/*
 * Watches, timers and waiters of the public loop.h: callbacks of a foreign library, and the fiber
 * that waits for them.
 */
#include "fixture.h"

#include <errno.h>
#include <poll.h>
#include <shallot/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

static int pair[2];
static int told, result;
static sl_watch *other;
static sl_waiter waiter;
static struct sl__fiber *fiber;

static int start_pair(void **state)
{
    start_fibers(state);
    told = 0;
    result = 12345;
    sl_waiter_init(&waiter);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    return 0;
}

static int finish_pair(void **state)
{
    close(pair[0]);
    close(pair[1]);
    sl__mem_fault = NULL;
    return finish_fibers(state);
}

static void ready(sl_watch *w, int events, void *arg)
{
    told |= events;
    note(*(char *)arg);
}

static void ready_frees(sl_watch *w, int events, void *arg)
{
    note(*(char *)arg);
    sl_watch_free(w);
    sl_watch_free(other);
}

/* Told as long as it lasts, of what was asked for, and of a hang-up unasked. */
static void watches(void **state)
{
    sl_watch *w = sl_watch_new(pair[0], POLLIN, ready, (char[]){"a"});

    assert_non_null(w);
    tick();
    assert_string_equal(trace, "");
    assert_int_equal(write(pair[1], "x", 1), 1);
    tick();
    tick();
    assert_string_equal(trace, "aa");
    assert_int_equal(told, POLLIN);
    assert_int_equal(sl_watch_set(w, POLLOUT), 0);
    told = 0;
    tick();
    assert_int_equal(told, POLLOUT);
    assert_int_equal(sl_watch_set(w, 0), 0);
    tick();
    assert_string_equal(trace, "aaa");
    shutdown(pair[1], SHUT_RDWR);
    tick();
    assert_int_equal(told & POLLHUP, POLLHUP);
    sl_watch_free(w);
    sl_watch_free(NULL);
    tick();
    assert_string_equal(trace, "aaaa");
}

/* A callback frees its own watch and one whose event is in the same batch. */
static void watch_freed_by_callback(void **state)
{
    sl_watch *w = sl_watch_new(pair[0], POLLIN, ready_frees, (char[]){"a"});

    other = sl_watch_new(pair[1], POLLIN, ready, (char[]){"b"});
    assert_non_null(w);
    assert_int_equal(write(pair[1], "x", 1) + write(pair[0], "x", 1), 2);
    tick();
    tick();
    assert_true(strcmp(trace, "a") == 0 || strcmp(trace, "ba") == 0);
}

static bool no_memory(size_t size)
{
    return true;
}

static void watch_refused(void **state)
{
    sl_watch *w = sl_watch_new(pair[0], POLLIN, ready, (char[]){"a"});
    FILE *file = tmpfile();

    assert_non_null(w);
    assert_null(sl_watch_new(pair[0], POLLIN, ready, NULL)); /* twice */
    assert_null(sl_watch_new(fileno(file), POLLIN, ready, NULL));
    assert_null(sl_watch_new(-1, POLLIN, ready, NULL));
    sl__mem_fault = no_memory;
    assert_null(sl_watch_new(pair[1], POLLIN, ready, NULL));
    assert_null(sl_timer_new(NULL, NULL));
    sl__mem_fault = NULL;
    sl_watch_free(w);
    fclose(file);
}

static void outside_a_worker(void **state)
{
    assert_null(sl_watch_new(0, POLLIN, ready, NULL));
    assert_null(sl_timer_new(NULL, NULL));
    assert_int_equal(sl_waiter_wait(&waiter, 0), -EDEADLK);
}

static void fires(sl_timer *t, void *arg)
{
    note(*(char *)arg);
}

static void fires_again(sl_timer *t, void *arg)
{
    int *left = arg;

    note('0' + *left);
    if (--*left > 0)
        sl_timer_start(t, 0);
    else
        sl_timer_free(t);
}

static void timers(void **state)
{
    sl_timer *t = sl_timer_new(fires, (char[]){"t"});

    assert_non_null(t);
    tick_after(SL__SEC);
    sl_timer_start(t, 20);
    sl_timer_start(t, 10); /* moved */
    tick_after(9 * SL__MS);
    assert_string_equal(trace, "");
    tick_after(SL__MS);
    tick_after(20 * SL__MS);
    assert_string_equal(trace, "t"); /* once */
    sl_timer_start(t, 5);
    sl_timer_stop(t);
    sl_timer_stop(t);
    tick_after(SL__SEC);
    assert_string_equal(trace, "t");
    sl_timer_start(t, 5);
    sl_timer_free(t);
    sl_timer_free(NULL);
    tick_after(SL__SEC);
    assert_string_equal(trace, "t");
}

/* At 0: in the next tick, from outside and from its own callback, which may free it too. */
static void timer_at_once(void **state)
{
    int left = 3;
    sl_timer *t = sl_timer_new(fires_again, &left);

    sl_timer_start(t, 0);
    assert_string_equal(trace, "");
    tick();
    assert_string_equal(trace, "3");
    tick();
    assert_string_equal(trace, "32");
    tick();
    tick();
    assert_string_equal(trace, "321");
}

static void wait_for(void *arg)
{
    note('(');
    result = sl_waiter_wait(&waiter, *(int *)arg);
    note(')');
}

static void wait_twice(void *arg)
{
    wait_for(arg);
    wait_for(arg);
}

static void waiter_wakes(void **state)
{
    int ms = -1;

    sl__fiber_start(&fiber, wait_for, &ms);
    sl__fiber_wake(fiber); /* somebody else's */
    tick();
    assert_string_equal(trace, "(");
    sl_waiter_wake(&waiter);
    sl_waiter_wake(&waiter);
    assert_string_equal(trace, "("); /* later, not from within the callback */
    tick();
    assert_string_equal(trace, "()");
    assert_int_equal(result, 0);
    assert_int_equal(waiter.woken_, 0); /* two at once were one */
}

/* A wake before the wait is taken by it, once; also one that comes while the fiber waits for
 * something else, which uses up the fiber's own memory of a wake. */
static void waiter_remembers(void **state)
{
    int ms = -1;

    sl_waiter_wake(&waiter);
    sl__fiber_start(&fiber, wait_twice, &ms);
    assert_string_equal(trace, "()(");
    assert_int_equal(result, 0);
    sl_waiter_wake(&waiter);
    tick();
    assert_string_equal(trace, "()()");
}

static void wait_elsewhere(void *arg)
{
    sl__fiber_give_way();
    sl__fiber_wait(clock_now + SL__MS);
    wait_for(arg);
}

static void waiter_remembers_while_elsewhere(void **state)
{
    int ms = -1;

    sl__fiber_start(&fiber, wait_elsewhere, &ms);
    sl_waiter_wake(&waiter);
    sl__fiber_wake(fiber);
    tick();
    tick_after(SL__MS);
    tick();
    assert_string_equal(trace, "()");
    assert_int_equal(result, 0);
}

static void waiter_times_out(void **state)
{
    int ms = 10;

    sl__fiber_start(&fiber, wait_for, &ms);
    for (int i = 0; i < 9; i++) { /* spurious wakes do not put it off */
        sl__fiber_wake(fiber);
        tick_after(SL__MS);
    }
    assert_string_equal(trace, "(");
    sl__fiber_wake(fiber);
    tick_after(SL__MS);
    assert_string_equal(trace, "()");
    assert_int_equal(result, -ETIMEDOUT);
    assert_null(waiter.fiber_);
}

/* Both in one tick: the wake wins. */
static void waiter_wake_beats_timeout(void **state)
{
    int ms = 10;

    sl__fiber_start(&fiber, wait_for, &ms);
    sl_waiter_wake(&waiter);
    tick_after(10 * SL__MS);
    assert_int_equal(result, 0);
}

static void waiter_cancelled(void **state)
{
    int ms = -1;

    sl__fiber_start(&fiber, wait_for, &ms);
    sl_waiter_wake(&waiter);
    sl__fiber_cancel(fiber);
    tick();
    tick();
    assert_int_equal(result, -ECANCELED);
    assert_int_equal(waiter.woken_, 1); /* kept for whoever waits next */
    ms = 0;
    sl__fiber_start(NULL, wait_for, &ms);
    assert_int_equal(result, 0);
}

static void waiter_has_one(void **state)
{
    int ms = -1;

    sl__fiber_start(&fiber, wait_for, &ms);
    sl__fiber_start(NULL, wait_for, &ms);
    assert_int_equal(result, -EBUSY);
    sl_waiter_wake(&waiter);
    tick();
    assert_int_equal(result, 0);
}

#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, start_pair, finish_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR_TEST(watches),
        PAIR_TEST(watch_freed_by_callback),
        PAIR_TEST(watch_refused),
        cmocka_unit_test(outside_a_worker),
        PAIR_TEST(timers),
        PAIR_TEST(timer_at_once),
        PAIR_TEST(waiter_wakes),
        PAIR_TEST(waiter_remembers),
        PAIR_TEST(waiter_remembers_while_elsewhere),
        PAIR_TEST(waiter_times_out),
        PAIR_TEST(waiter_wake_beats_timeout),
        PAIR_TEST(waiter_cancelled),
        PAIR_TEST(waiter_has_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
