/*
 * Fatal signals: names, masks, and a stack for each thread.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fatal.h"

static void test_names(void **state)
{
    char buf[24];

    assert_string_equal(sl__fatal_name(SIGSEGV, buf, sizeof(buf)), "SIGSEGV");
    assert_string_equal(sl__fatal_name(SIGABRT, buf, sizeof(buf)), "SIGABRT");
    assert_string_equal(sl__fatal_name(SIGRTMIN + 3, buf, sizeof(buf)), "signal 37");
}

static void test_unblock(void **state)
{
    sigset_t set;

    sigfillset(&set);
    sl__fatal_unblock(&set);
    for (int i = 0; i < SL__FATAL_COUNT; i++)
        assert_false(sigismember(&set, sl__fatal_signals[i]));
    assert_true(sigismember(&set, SIGTERM));
}

static void *thread(void *arg)
{
    stack_t before, given, again, after;
    bool *fine = arg;

    sigaltstack(NULL, &before);
    if (sl__fatal_stack() < 0)
        return NULL;
    sigaltstack(NULL, &given);
    if (sl__fatal_stack() < 0)
        return NULL;
    sigaltstack(NULL, &again);
    sl__fatal_stack_drop();
    sl__fatal_stack_drop();
    sigaltstack(NULL, &after);
    *fine = !(given.ss_flags & SS_DISABLE) && again.ss_sp == given.ss_sp &&
            after.ss_flags == before.ss_flags;
    return NULL;
}

static void test_every_thread_has_a_stack(void **state)
{
    bool fine = false;
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, thread, &fine), 0);
    pthread_join(t, NULL);
    assert_true(fine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_unblock),
        cmocka_unit_test(test_every_thread_has_a_stack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
