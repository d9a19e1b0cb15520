/*
 * Tasks: join, detach, cancel, and groups of both lifetimes.
 */
#include "fixture.h"

#include <errno.h>
#include <shallot/fiber.h>
#include <string.h>

#include "base/mem.h"
#include "fiber/runtime.h"
#include "fiber/task.h"

static struct sl__task_group group;
static sl_task *task, *task2;
static struct sl__fiber *owner;
static int result, other_result;

static int start_group(void **state)
{
    group = (struct sl__task_group){.running = 0};
    result = other_result = 12345;
    return start_fibers(state);
}

static int finish_group(void **state)
{
    sl__task_group_finish(&group);
    return finish_fibers(state);
}

static int return_it(void *arg)
{
    note('t');
    return *(int *)arg;
}

static int sleep_and_return(void *arg)
{
    int r = sl_sleep(100);

    note(r == 0 ? 't' : 'c');
    return r == 0 ? *(int *)arg : r;
}

static void spawn_and_join(void *arg)
{
    task = sl__task_start(&group, sleep_and_return, arg);
    note('s');
    result = sl_join(task);
    note('j');
}

static void test_join(void **state)
{
    int value = 5;

    (void)state;
    sl__fiber_start(NULL, spawn_and_join, &value);
    tick();
    assert_string_equal(trace, "s");
    tick_after(100 * SL__MS);
    assert_string_equal(trace, "stj");
    assert_int_equal(result, 5);
    assert_true(sl__list_empty(&group.tasks)); /* freed */
}

static void test_join_what_has_ended(void **state)
{
    int value = 6;

    (void)state;
    task = sl__task_start(&group, return_it, &value); /* from the loop: at once */
    assert_non_null(task);
    assert_string_equal(trace, "t");
    assert_int_equal(sl_join(task), 6); /* needs no wait, so no fiber either */
    task = sl__task_start(&group, sleep_and_return, &value);
    assert_int_equal(sl_join(task), -EDEADLK);
    tick_after(100 * SL__MS);
    assert_int_equal(sl_join(task), 6);
}

static void join_too(void *arg)
{
    (void)arg;
    other_result = sl_join(task);
}

static void test_join_twice(void **state)
{
    int value = 7;

    (void)state;
    group.keep = true;
    sl__fiber_start(NULL, spawn_and_join, &value);
    tick();
    sl__fiber_start(NULL, join_too, NULL);
    assert_int_equal(other_result, -EBUSY);
    tick_after(100 * SL__MS);
    assert_int_equal(result, 7);
    sl_cancel(task); /* still valid, for it is a request's */
    assert_int_equal(sl_join(task), -EINVAL);
}

static int join_self(void *arg)
{
    (void)arg;
    sl_sleep(0);
    return sl_join(task);
}

static void test_join_self(void **state)
{
    (void)state;
    task = sl__task_start(&group, join_self, NULL);
    tick();
    assert_int_equal(sl_join(task), -EDEADLK);
}

static void test_joiner_cancelled(void **state)
{
    int value = 8;

    (void)state;
    sl__fiber_start(&owner, spawn_and_join, &value);
    tick();
    sl__fiber_cancel(owner);
    tick();
    assert_int_equal(result, -ECANCELED);
    tick_after(100 * SL__MS);
    assert_int_equal(sl_join(task), 8); /* nothing is lost by that */
}

static void test_cancel(void **state)
{
    int value = 9;

    (void)state;
    sl__fiber_start(NULL, spawn_and_join, &value);
    tick();
    sl_cancel(task);
    tick();
    assert_string_equal(trace, "scj");
    assert_int_equal(result, -ECANCELED);
}

static void test_detach(void **state)
{
    int value = 1;

    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        group.keep = keep;
        task = sl__task_start(&group, sleep_and_return, &value);
        sl_detach(task);
        assert_int_equal(group.running, 1);
        tick_after(100 * SL__MS);
        assert_true(sl__list_empty(&group.tasks));
        task = sl__task_start(&group, return_it, &value);
        assert_false(sl__list_empty(&group.tasks));
        sl_detach(task); /* has ended already */
        assert_true(sl__list_empty(&group.tasks));
    }
}

static int sleep_twice_and_spawn(void *arg)
{
    while (sl_sleep(1000) == 0)
        ;
    note(sl__task_start(&group, return_it, arg) ? '!' : 'n'); /* no longer possible */
    sl_sleep(1);
    note('e');
    return 0;
}

static void own_a_group(void *arg)
{
    task = sl__task_start(&group, sleep_and_return, arg);
    task2 = sl__task_start(&group, sleep_twice_and_spawn, arg);
    sl_detach(sl__task_start(&group, sleep_and_return, arg));
    sl__task_start(&group, return_it, arg);
    sl_sleep(1);
    note('(');
    sl__task_group_finish(&group);
    note(')');
}

static void finish_with_owner(bool cancelled, const char *expected)
{
    int value = 2;

    group.keep = true;
    sl__fiber_start(&owner, own_a_group, &value);
    tick();
    if (cancelled)
        sl__fiber_cancel(owner);
    tick_after(SL__MS);
    for (int i = 0; i < 4; i++)
        tick();
    assert_string_equal(trace, expected);
    assert_int_equal(sl__fibers_live(), 0);
    assert_int_equal(group.running, 0);
    assert_true(sl__list_empty(&group.tasks));
    assert_false(group.finishing);
}

static void test_group_finish(void **state)
{
    (void)state;
    finish_with_owner(false, "t(cnce)");
}

static void test_group_finish_when_cancelled(void **state)
{
    (void)state;
    finish_with_owner(true, "t(cnce)");
}

static void spawn_and_finish(void *arg)
{
    sl__task_start(&group, sleep_and_return, arg);
    sl__task_start(&group, return_it, arg);
    sl__task_group_finish(&group); /* before any of them has run: they run nevertheless */
    note('f');
}

static void test_group_finish_before_the_first_run(void **state)
{
    int value = 3;

    (void)state;
    sl__fiber_start(NULL, spawn_and_finish, &value);
    tick();
    tick();
    assert_string_equal(trace, "tcf");
}

static void test_group_of_nothing(void **state)
{
    int value = 3;

    (void)state;
    sl__task_group_cancel(&group);
    sl__task_group_finish(&group);
    sl__task_start(&group, return_it, &value);
    sl__task_group_finish(&group); /* none runs, so the loop may do it */
    assert_non_null(sl__task_start(&group, return_it, &value)); /* and use it again */
}

static int see_label(void *arg)
{
    *(const char **)arg = sl__fibers_here.current->label;
    return 0;
}

static void spawn_with_label(void *arg)
{
    sl__fiber_set_label(sl__fiber_current(), "/users/:id");
    sl__task_start(&group, see_label, arg);
}

static void test_label_is_inherited(void **state)
{
    const char *label = NULL;

    (void)state;
    sl__fiber_start(NULL, spawn_with_label, &label);
    tick();
    assert_non_null(label);
    assert_string_equal(label, "/users/:id");
}

static bool refuse_memory(size_t size)
{
    (void)size;
    return true;
}

static ssize_t refuse_mmap(enum sl__sys_call call)
{
    return call == SL__SYS_MMAP ? -ENOMEM : 0;
}

static void test_no_memory(void **state)
{
    int value = 4;

    (void)state;
    sl__mem_fault = refuse_memory;
    assert_null(sl__task_start(&group, return_it, &value));
    sl__mem_fault = NULL;
    sl__sys_fault = refuse_mmap;
    assert_null(sl__task_start(&group, return_it, &value));
    sl__sys_fault = NULL;
    assert_int_equal(group.running, 0);
    assert_int_equal(sl_join(sl__task_start(&group, return_it, &value)), 4);
    sl__mem_fault = refuse_memory; /* from here on neither record nor stack is new */
    sl__sys_fault = refuse_mmap;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(sl_join(sl__task_start(&group, return_it, &value)), 4);
    sl__mem_fault = NULL;
}

#define TASK_TEST(name) cmocka_unit_test_setup_teardown(name, start_group, finish_group)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TASK_TEST(test_join),
        TASK_TEST(test_join_what_has_ended),
        TASK_TEST(test_join_twice),
        TASK_TEST(test_join_self),
        TASK_TEST(test_joiner_cancelled),
        TASK_TEST(test_cancel),
        TASK_TEST(test_detach),
        TASK_TEST(test_group_finish),
        TASK_TEST(test_group_finish_when_cancelled),
        TASK_TEST(test_group_finish_before_the_first_run),
        TASK_TEST(test_group_of_nothing),
        TASK_TEST(test_label_is_inherited),
        TASK_TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
