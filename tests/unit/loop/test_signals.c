/* src/loop/signals.c: delivery, coalescing, stopping from the callback, and the mask that comes
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "loop/signals.h"

static const int wanted[] = {SIGUSR1, SIGUSR2, SIGHUP};

static struct sl__loop loop;
static int seen[65];
static bool stop_at_first;

static void on_signal(struct sl__signals *s, int signal)
{
    seen[signal]++;
    if (stop_at_first)
        sl__signals_stop(s);
}

static int setup(void **state)
{
    memset(seen, 0, sizeof(seen));
    stop_at_first = false;
    return sl__loop_init(&loop);
}

static int teardown(void **state)
{
    sl__sys_fault = NULL;
    sl__loop_finish(&loop);
    return 0;
}

static bool blocked(int signal)
{
    sigset_t mask;

    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &mask), 0);
    return sigismember(&mask, signal);
}

static void test_delivery(void **state)
{
    struct sl__signals s;

    assert_int_equal(sl__signals_start(&s, &loop, wanted, 3, on_signal), 0);
    assert_true(blocked(SIGUSR1));
    assert_false(blocked(SIGTERM));
    assert_false(sigismember(&s.old_mask, SIGUSR1));
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(seen[SIGUSR1], 0);
    raise(SIGUSR1);
    raise(SIGUSR1); /* one and the same while it is pending */
    raise(SIGHUP);
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(seen[SIGUSR1], 1);
    assert_int_equal(seen[SIGUSR2], 0);
    assert_int_equal(seen[SIGHUP], 1);
    raise(SIGUSR1);
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(seen[SIGUSR1], 2);
    sl__signals_stop(&s);
    assert_false(blocked(SIGUSR1));
    sl__signals_stop(&s);
}

static void test_many_at_once(void **state)
{
    struct sl__signals s;
    int list[20];

    for (int i = 0; i < 20; i++) /* more than one read takes */
        list[i] = SIGRTMIN + i;
    assert_int_equal(sl__signals_start(&s, &loop, list, 20, on_signal), 0);
    for (int i = 0; i < 20; i++)
        raise(list[i]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sl__loop_once(&loop, 0), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(seen[list[i]], 1);
    sl__signals_stop(&s);
}

static void test_stop_in_the_callback(void **state)
{
    struct sl__signals s;

    stop_at_first = true;
    assert_int_equal(sl__signals_start(&s, &loop, wanted, 3, on_signal), 0);
    raise(SIGUSR1);
    raise(SIGHUP);
    assert_int_equal(sl__loop_once(&loop, 0), 0);
    assert_int_equal(seen[SIGUSR1] + seen[SIGHUP], 1);
    assert_false(blocked(SIGUSR1));
}

static ssize_t fail_control(enum sl__sys_call call)
{
    return call == SL__SYS_EPOLL_CTL ? -ENOMEM : 0;
}

static void test_failures_restore_the_mask(void **state)
{
    static const int bad[] = {SIGUSR1, 12345};
    struct sl__signals s;

    assert_int_equal(sl__signals_start(&s, &loop, bad, 2, on_signal), -EINVAL);
    assert_false(blocked(SIGUSR1));
    sl__signals_stop(&s);
    sl__sys_fault = fail_control;
    assert_int_equal(sl__signals_start(&s, &loop, wanted, 3, on_signal), -ENOMEM);
    assert_false(blocked(SIGUSR1));
    sl__signals_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delivery, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_in_the_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_restore_the_mask, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
