/*
 * Who is to blame: the running fiber, the one whose job a thread runs, the request's for its tasks.
 */
#include "fixture.h"

#include "fiber/task.h"
#include "shallot/fiber.h"

static struct sl__fiber *blamed, *self;
static struct sl__task_group group;

static void plain(void *arg)
{
    self = sl__fiber_current();
    blamed = sl__fiber_blamed();
}

static int job(void *arg)
{
    blamed = sl__fiber_blamed(); /* on a thread */
    return 0;
}

static void offloading(void *arg)
{
    self = sl__fiber_current();
    sl_offload(job, NULL);
}

static int ask(void *arg)
{
    blamed = sl__fiber_blamed();
    return 0;
}

static int ask_deeper(void *arg)
{
    sl__task_start(&group, ask, NULL);
    return 0;
}

static void spawning(void *arg)
{
    self = sl__fiber_current();
    sl__task_start(&group, arg ? ask_deeper : ask, NULL);
    sl__fiber_give_way();
    sl__fiber_give_way();
    sl__task_group_finish(&group);
}

static void run(void (*fn)(void *arg), void *arg)
{
    blamed = self = NULL;
    sl__fiber_start(NULL, fn, arg);
    while (sl__fibers_live() > 0)
        sl__loop_once(&loop, 1000);
}

static void test_blamed(void **state)
{
    assert_null(sl__fiber_blamed());
    run(plain, NULL);
    assert_true(blamed && blamed == self);
    run(offloading, NULL);
    assert_true(blamed && blamed == self);
}

static void test_tasks(void **state)
{
    group = (struct sl__task_group){.keep = true}; /* as a request's */
    run(spawning, NULL);
    assert_true(blamed && blamed == self);
    run(spawning, "deeper");
    assert_true(blamed && blamed == self);
    run(plain, NULL); /* on a stack of before: nothing of it is left */
    assert_true(blamed && blamed == self);
    group = (struct sl__task_group){0}; /* as the app's: its tasks may outlive the request */
    run(spawning, NULL);
    assert_true(blamed && blamed != self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIBER_TEST(test_blamed),
        FIBER_TEST(test_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
