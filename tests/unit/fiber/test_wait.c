/*
 * Waiting for time, descriptors and threads, through the public functions where there are some.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <shallot/fiber.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fiber/wait.h"

static int pair[2];
static int result, other_result;
static struct sl__fiber *fiber;

static int start_pair(void **state)
{
    start_fibers(state);
    result = other_result = 12345;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    return 0;
}

static int finish_pair(void **state)
{
    close(pair[0]);
    close(pair[1]);
    return finish_fibers(state);
}

static void run_until_ended(void)
{
    while (sl__fibers_live() > 0)
        assert_int_equal(sl__loop_once(&loop, -1), 0);
}

static void sleep_for(void *arg)
{
    result = sl_sleep(*(unsigned *)arg);
    note('s');
}

static void test_sleep(void **state)
{
    unsigned ms = 20;

    (void)state;
    sl__fiber_start(&fiber, sleep_for, &ms);
    tick_after(19 * SL__MS);
    assert_string_equal(trace, "");
    sl__fiber_wake(fiber); /* spurious */
    tick();
    assert_string_equal(trace, "");
    tick_after(SL__MS);
    assert_string_equal(trace, "s");
    assert_int_equal(result, 0);
}

static void sleep_after_work(void *arg)
{
    (void)arg;
    clock_now += SL__SEC; /* the handler has computed that long in this tick */
    result = sl_sleep(100);
    note('s');
}

static void test_sleep_counts_from_now(void **state)
{
    (void)state;
    sl__fiber_start(NULL, sleep_after_work, NULL);
    tick_after(50 * SL__MS);
    assert_string_equal(trace, "");
    tick_after(50 * SL__MS);
    assert_string_equal(trace, "s");
}

static void test_sleep_zero_gives_way_once(void **state)
{
    unsigned ms = 0;

    (void)state;
    sl__fiber_start(&fiber, sleep_for, &ms);
    assert_string_equal(trace, "");
    sl__fiber_wake(fiber);
    tick();
    assert_string_equal(trace, "s");
    assert_int_equal(result, 0);
}

static void sleep_and_wait(void *arg)
{
    (void)arg;
    sl__fiber_wake(sl__fiber_current());
    result = sl_sleep(0);
    other_result = sl__fiber_wait(SL__FOREVER); /* finds the wake from before */
}

static void test_giving_way_keeps_the_wake(void **state)
{
    (void)state;
    sl__fiber_start(NULL, sleep_and_wait, NULL);
    assert_int_equal(result, 12345);
    tick();
    assert_int_equal(result, 0);
    assert_int_equal(other_result, 0);
}

static void test_woken_in_every_tick(void **state)
{
    unsigned ms = 5;

    (void)state;
    sl__fiber_start(&fiber, sleep_for, &ms);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sl__fibers_live(), 1);
        sl__fiber_wake(fiber);
        tick_after(SL__MS);
    }
    assert_string_equal(trace, "s");
    assert_int_equal(result, 0);
}

static void test_sleep_cancelled(void **state)
{
    unsigned ms = 1000000;

    (void)state;
    sl__fiber_start(&fiber, sleep_for, &ms);
    sl__fiber_cancel(fiber);
    tick();
    assert_int_equal(result, -ECANCELED);
    assert_int_equal(loop.timers.count, 0);
}

static void test_longest_sleep(void **state)
{
    (void)state;
    assert_int_equal(sl__wait_time(INT64_MAX), -EDEADLK); /* and no overflow on the way */
    assert_int_equal(sl_sleep(0), -EDEADLK);
    assert_int_equal(sl_wait_fd(0, POLLIN, 0), -EDEADLK);
    assert_int_equal(sl_offload(NULL, NULL), -EDEADLK);
}

struct fd_args {
    int fd, events, timeout_ms;
};

static void wait_fd(void *arg)
{
    const struct fd_args *a = arg;

    result = sl_wait_fd(a->fd, a->events, a->timeout_ms);
    note('f');
}

static void wait_fd_too(void *arg)
{
    const struct fd_args *a = arg;

    other_result = sl_wait_fd(a->fd, a->events, a->timeout_ms);
    note('o');
}

static void test_fd_readable(void **state)
{
    struct fd_args a = {pair[0], POLLIN, -1};

    (void)state;
    for (int i = 0; i < 2; i++) { /* the watch was taken back, or the second would be -EBUSY */
        char byte;

        sl__fiber_start(&fiber, wait_fd, &a);
        tick();
        sl__fiber_wake(fiber); /* spurious */
        tick();
        assert_int_equal(sl__fibers_live(), 1);
        assert_int_equal(write(pair[1], "x", 1), 1);
        tick();
        assert_int_equal(result, POLLIN);
        assert_int_equal(read(pair[0], &byte, 1), 1);
    }
}

static void test_fd_writable_and_both(void **state)
{
    struct fd_args a = {pair[0], POLLIN | POLLOUT, 1000};

    (void)state;
    assert_int_equal(write(pair[1], "x", 1), 1);
    sl__fiber_start(NULL, wait_fd, &a);
    tick();
    assert_int_equal(result, POLLIN | POLLOUT);
    assert_int_equal(loop.timers.count, 0);
}

static void test_fd_hang_up(void **state)
{
    struct fd_args a = {pair[0], POLLIN, -1};

    (void)state;
    sl__fiber_start(NULL, wait_fd, &a);
    close(pair[1]);
    tick();
    assert_int_equal(result, POLLIN | POLLHUP);
    pair[1] = dup(pair[0]);
}

static void test_fd_timeout(void **state)
{
    struct fd_args a = {pair[0], POLLIN, 50};

    (void)state;
    sl__fiber_start(NULL, wait_fd, &a);
    tick_after(49 * SL__MS);
    assert_string_equal(trace, "");
    tick_after(SL__MS);
    assert_int_equal(result, -ETIMEDOUT);
    a.timeout_ms = 0; /* looks once */
    sl__fiber_start(NULL, wait_fd, &a);
    tick();
    assert_int_equal(result, -ETIMEDOUT);
    assert_int_equal(write(pair[1], "x", 1), 1);
    sl__fiber_start(NULL, wait_fd, &a);
    tick();
    assert_int_equal(result, POLLIN); /* ready and timed out in one tick: ready wins */
}

static void test_fd_cancelled_and_busy(void **state)
{
    struct fd_args a = {pair[0], POLLIN, -1};

    (void)state;
    sl__fiber_start(&fiber, wait_fd, &a);
    sl__fiber_start(NULL, wait_fd_too, &a);
    assert_int_equal(other_result, -EBUSY);
    sl__fiber_cancel(fiber);
    tick();
    assert_int_equal(result, -ECANCELED);
    sl__fiber_start(&fiber, wait_fd_too, &a);
    sl__fiber_cancel(fiber);
    tick();
    assert_int_equal(other_result, -ECANCELED);
}

static ssize_t no_epoll(enum sl__sys_call call)
{
    return call == SL__SYS_EPOLL_CTL ? -ENOSPC : 0;
}

static void test_fd_errors(void **state)
{
    struct fd_args bad = {-1, POLLIN, -1}, file = {-1, POLLIN, -1}, a = {pair[0], POLLIN, -1};

    (void)state;
    sl__fiber_start(NULL, wait_fd, &bad);
    assert_int_equal(result, -EBADF);
    sl__sys_fault = no_epoll;
    sl__fiber_start(NULL, wait_fd, &a);
    assert_int_equal(result, -ENOSPC);
    sl__sys_fault = NULL;
    file.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    sl__fiber_start(NULL, wait_fd, &file);
    tick();
    assert_int_equal(result, POLLIN); /* a regular file always is */
    close(file.fd);
}

static sem_t gate, begun;
static _Atomic int arguments_seen; /* several threads add */

static int block(void *arg)
{
    arguments_seen += *(int *)arg;
    sem_post(&begun);
    sem_wait(&gate);
    return 42;
}

static int no_block(void *arg)
{
    return *(int *)arg;
}

static void offload_block(void *arg)
{
    int on_my_stack = 7;

    (void)arg;
    result = sl_offload(block, &on_my_stack);
    note('j');
}

static void offload_quick(void *arg)
{
    other_result = sl_offload(no_block, arg);
    note('q');
}

static void count_ticks(void *arg)
{
    int *ticks = arg;

    while (*ticks < 5) {
        sl_sleep(0);
        ++*ticks;
    }
    sem_post(&gate); /* others ran while the thread was blocked: now it may go on */
}

static int start_gate(void **state)
{
    start_pair(state);
    arguments_seen = 0;
    sem_init(&gate, 0, 0);
    sem_init(&begun, 0, 0);
    return 0;
}

static int finish_gate(void **state)
{
    sem_destroy(&gate);
    sem_destroy(&begun);
    return finish_pair(state);
}

static void test_offload_lets_others_run(void **state)
{
    int ticks = 0;

    (void)state;
    sl__fiber_start(&fiber, offload_block, NULL);
    sem_wait(&begun);
    sl__fiber_wake(fiber); /* spurious */
    sl__fiber_start(NULL, count_ticks, &ticks);
    run_until_ended();
    assert_int_equal(ticks, 5);
    assert_int_equal(result, 42);
    assert_int_equal(arguments_seen, 7);
}

static void test_offload_begun_is_waited_for(void **state)
{
    int ticks = 0;

    (void)state;
    sl__fiber_start(&fiber, offload_block, NULL);
    sem_wait(&begun);
    sl__fiber_cancel(fiber);
    tick();
    tick();
    assert_int_equal(sl__fibers_live(), 1);
    sl__fiber_start(NULL, count_ticks, &ticks);
    run_until_ended();
    assert_int_equal(result, 42);
}

static void cancelled_offload(void *arg)
{
    sl__fiber_cancel(sl__fiber_current());
    offload_quick(arg);
}

static void test_offload_cancelled_before_it_began(void **state)
{
    int value = 3;

    (void)state;
    for (int i = 0; i < 4; i++) /* all threads busy */
        sl__fiber_start(NULL, offload_block, NULL);
    for (int i = 0; i < 4; i++)
        sem_wait(&begun);
    sl__fiber_start(&fiber, offload_quick, &value);
    sl__fiber_cancel(fiber);
    tick();
    assert_int_equal(other_result, -ECANCELED);
    assert_string_equal(trace, "q");
    other_result = 0;
    sl__fiber_start(&fiber, cancelled_offload, &value);
    assert_string_equal(trace, "q"); /* gives way */
    tick();
    assert_int_equal(other_result, -ECANCELED);
    for (int i = 0; i < 4; i++)
        sem_post(&gate);
    run_until_ended();
    sl__fiber_start(&fiber, offload_quick, &value);
    run_until_ended();
    assert_int_equal(other_result, 3);
}

static int clean_up(void *arg)
{
    (void)arg;
    return sl_sleep(10) == 0 ? 99 : -1;
}

static void shield_it(void *arg)
{
    (void)arg;
    sl__fiber_cancel(sl__fiber_current());
    result = sl_shield(clean_up, NULL);
    other_result = sl_sleep(10);
}

static void test_shield(void **state)
{
    (void)state;
    sl__fiber_start(NULL, shield_it, NULL);
    tick();
    assert_int_equal(sl__fibers_live(), 1);
    tick_after(10 * SL__MS);
    assert_int_equal(result, 99);
    tick();
    assert_int_equal(other_result, -ECANCELED);
}

#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, start_pair, finish_pair)
#define GATE_TEST(name) cmocka_unit_test_setup_teardown(name, start_gate, finish_gate)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR_TEST(test_sleep),
        PAIR_TEST(test_sleep_counts_from_now),
        PAIR_TEST(test_sleep_zero_gives_way_once),
        PAIR_TEST(test_giving_way_keeps_the_wake),
        PAIR_TEST(test_woken_in_every_tick),
        PAIR_TEST(test_sleep_cancelled),
        PAIR_TEST(test_longest_sleep),
        PAIR_TEST(test_fd_readable),
        PAIR_TEST(test_fd_writable_and_both),
        PAIR_TEST(test_fd_hang_up),
        PAIR_TEST(test_fd_timeout),
        PAIR_TEST(test_fd_cancelled_and_busy),
        PAIR_TEST(test_fd_errors),
        GATE_TEST(test_offload_lets_others_run),
        GATE_TEST(test_offload_begun_is_waited_for),
        GATE_TEST(test_offload_cancelled_before_it_began),
        PAIR_TEST(test_shield),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
