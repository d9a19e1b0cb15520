/*
 * Stacks: the pool's order, what is given back, and what happens when there is no memory.
 */
#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fiber/stack.h"

#define MANY 300

struct head {
    struct sl__stack stack;
    char owners[200];
};

static struct sl__stack_pool pool;
static struct sl__stack *stacks[MANY];

static int start_pool(void **state)
{
    (void)state;
    clock_now = 1000 * SL__SEC;
    sl__sys_clock_fn = read_clock;
    assert_int_equal(sl__loop_init(&loop), 0);
    sl__stack_pool_init(&pool, &loop, sizeof(struct head));
    return 0;
}

static int finish_pool(void **state)
{
    (void)state;
    sl__stack_pool_finish(&pool);
    sl__loop_finish(&loop);
    sl__sys_clock_fn = NULL;
    sl__sys_fault = NULL;
    return 0;
}

static size_t pages_in_memory(const struct sl__stack *s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0;
    unsigned char map[SL__STACK_SIZE_ASAN / 4096];

    assert_int_equal(mincore(s->low, sl__stack_size(), map), 0);
    for (size_t i = 0; i < sl__stack_size() / page; i++)
        count += map[i] & 1;
    return count;
}

static void take_many(int n)
{
    for (int i = 0; i < n; i++) {
        stacks[i] = sl__stack_take(&pool);
        assert_non_null(stacks[i]);
    }
}

static void give_many(int n)
{
    for (int i = 0; i < n; i++)
        sl__stack_give(&pool, stacks[i]);
}

static void test_layout(void **state)
{
    struct sl__stack *s = sl__stack_take(&pool);
    struct head *h = (struct head *)s;

    (void)state;
    assert_non_null(s);
    assert_int_equal((uintptr_t)s->top % 64, 0);
    assert_ptr_equal(s->top, s);
    assert_true(s->top > s->low + sl__stack_size() - 1024);
    for (size_t i = 0; i < sizeof(h->owners); i++)
        assert_int_equal(h->owners[i], 0);
    memset(s->low, 1, (size_t)(s->top - s->low)); /* all of it is usable */
    assert_true(sl__stack_guards(s, s->low - 1));
    assert_true(sl__stack_guards(s, s->low - SL__STACK_GUARD));
    assert_false(sl__stack_guards(s, s->low));
    assert_false(sl__stack_guards(s, s->low - SL__STACK_GUARD - 1));
    sl__stack_give(&pool, s);
}

static void test_last_used_first(void **state)
{
    struct sl__stack *a = sl__stack_take(&pool), *b = sl__stack_take(&pool);

    (void)state;
    assert_ptr_not_equal(a, b);
    sl__stack_give(&pool, a);
    sl__stack_give(&pool, b);
    assert_ptr_equal(sl__stack_take(&pool), b);
    assert_ptr_equal(sl__stack_take(&pool), a);
    sl__stack_give(&pool, b);
    sl__stack_give(&pool, a);
}

static void test_deep_stacks_are_trimmed(void **state)
{
    const int n = 3 * SL__STACK_KEEP_DEEP;
    int deep = 0;

    (void)state;
    if (pool.blind) /* valgrind would mind */
        skip();
    take_many(n);
    for (int i = 0; i < n; i++)
        memset(stacks[i]->low, 1, sl__stack_size() / 2);
    give_many(n);
    for (int i = 0; i < n; i++)
        deep += pages_in_memory(stacks[i]) > 16;
    assert_int_equal(deep, 2 * SL__STACK_KEEP_DEEP);
    assert_int_equal(pool.count_deep, SL__STACK_KEEP_DEEP);
    take_many(n);
    assert_int_equal(pool.count_deep, 0);
    give_many(n);
}

static void test_shallow_stacks_are_left_alone(void **state)
{
    const int n = 3 * SL__STACK_KEEP_DEEP;

    (void)state;
    take_many(n);
    for (int i = 0; i < n; i++)
        memset(stacks[i]->top - 8000, 1, 8000);
    give_many(n);
    assert_int_equal(pool.count_deep, 0);
    for (int i = 0; i < n; i++)
        assert_int_equal(stacks[i]->top[-8000], 1);
}

static void test_nobody_needs_so_many(void **state)
{
    (void)state;
    take_many(MANY);
    give_many(MANY);
    assert_int_equal(pool.count, MANY);
    tick_after(SL__SEC / 2);
    assert_int_equal(pool.count, MANY);
    for (int i = 0; i < 10;
         i++) /* a second of its own for those that came last, and some batches */
        tick_after(SL__SEC);
    assert_int_equal(pool.count, SL__STACK_KEEP);
    assert_false(sl__timer_running(&pool.shrink)); /* an idle worker sleeps */
}

static void test_those_in_use_now_and_then_stay(void **state)
{
    (void)state;
    take_many(MANY);
    give_many(MANY);
    for (int i = 0; i < 10; i++) {
        take_many(200);
        give_many(200);
        tick_after(SL__SEC);
        assert_true(pool.count >= 200);
    }
    for (int i = 0; i < 10; i++)
        tick_after(SL__SEC);
    assert_int_equal(pool.count, SL__STACK_KEEP);
}

static ssize_t no_mmap(enum sl__sys_call call)
{
    return call == SL__SYS_MMAP ? -ENOMEM : 0;
}

static void test_no_memory(void **state)
{
    struct sl__stack *s;

    (void)state;
    sl__sys_fault = no_mmap;
    assert_null(sl__stack_take(&pool));
    sl__sys_fault = NULL;
    s = sl__stack_take(&pool);
    assert_non_null(s);
    sl__stack_give(&pool, s);
    sl__sys_fault = no_mmap;
    assert_ptr_equal(sl__stack_take(&pool), s); /* which needs none */
    sl__stack_give(&pool, s);
}

#define POOL_TEST(name) cmocka_unit_test_setup_teardown(name, start_pool, finish_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(test_layout),
        POOL_TEST(test_last_used_first),
        POOL_TEST(test_deep_stacks_are_trimmed),
        POOL_TEST(test_shallow_stacks_are_left_alone),
        POOL_TEST(test_nobody_needs_so_many),
        POOL_TEST(test_those_in_use_now_and_then_stay),
        POOL_TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
