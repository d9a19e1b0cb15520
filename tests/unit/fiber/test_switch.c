/*
 * The switch, through the runtime: registers and floating-point control over waits, who starts with
 * what, and backtraces that end.
 */
#include "fixture.h"

#include <execinfo.h>
#include <string.h>

#include "fiber/sanitize.h"
#include "fiber/switch.h"
#include "registers.h"

#define ROUNDS 50

static int survived;
static uint64_t seen[4];

static void wait_a_tick(void *arg)
{
    (void)arg;
    sl__fiber_wait(0);
}

static void keep_registers(void *arg)
{
    const uint64_t *seed = arg;

    for (int i = 0; i < ROUNDS; i++)
        survived += registers_survive(wait_a_tick, NULL, *seed + (uint64_t)i);
}

static void tick_once(void *arg)
{
    (void)arg;
    tick();
}

static void test_registers(void **state)
{
    uint64_t seeds[3] = {0x1111111100000000, 0x2222222200000000, 0x3333333300000000};

    (void)state;
    survived = 0;
    for (int i = 0; i < 3; i++)
        sl__fiber_start(NULL, keep_registers, &seeds[i]);
    for (int i = 0; i < ROUNDS; i++) /* the loop's own, too */
        assert_true(registers_survive(tick_once, NULL, 0x4444444400000000));
    assert_int_equal(sl__fibers_live(), 0);
    assert_int_equal(survived, 3 * ROUNDS);
}

static void start_and_finish(void *arg)
{
    sl__fiber_start(NULL, arg, NULL);
}

static void do_nothing(void *arg)
{
    (void)arg;
}

static void use_registers(void *arg)
{
    (void)arg;
    registers_survive(do_nothing, NULL, 77);
}

static void test_registers_without_a_wait(void **state)
{
    (void)state;
    assert_true(registers_survive(start_and_finish, (void *)use_registers, 0x5555555500000000));
}

static void round_up(void *arg)
{
    uint64_t mine = CONTROL_ROUND_UP(read_control());

    (void)arg;
    write_control(mine);
    for (int i = 0; i < ROUNDS; i++) {
        sl__fiber_wait(0);
        assert_int_equal(read_control(), mine);
    }
}

static void flush_to_zero(void *arg)
{
    uint64_t mine;

    (void)arg;
    write_control(CONTROL_OTHER(read_control()));
    mine = read_control(); /* valgrind has no such bit */
    for (int i = 0; i < ROUNDS; i++) {
        sl__fiber_wait(0);
        assert_int_equal(read_control(), mine);
    }
}

static void see_control(void *arg)
{
    *(uint64_t *)arg = read_control();
}

static void start_another(void *arg)
{
    write_control(CONTROL_ROUND_UP(read_control()));
    sl__fiber_start(NULL, see_control, arg); /* and end with it */
}

static void test_control(void **state)
{
    uint64_t plain = read_control();

    (void)state;
    sl__fiber_start(NULL, round_up, NULL);
    assert_int_equal(read_control(), plain);
    sl__fiber_start(NULL, flush_to_zero, NULL);
    assert_int_equal(read_control(), plain);
    for (int i = 0; i < ROUNDS; i++) {
        sl__fiber_start(NULL, see_control, &seen[0]);
        assert_int_equal(seen[0], plain);
        tick();
        assert_int_equal(read_control(), plain);
    }
}

static void test_control_of_a_child_and_after_the_end(void **state)
{
    uint64_t plain = read_control();

    (void)state;
    sl__fiber_start(NULL, start_another, &seen[1]);
    assert_int_equal(read_control(), plain);
    tick();
    assert_int_equal(seen[1], plain);
}

static void trace_back(void *arg)
{
    void *frames[64];

    *(int *)arg = backtrace(frames, 64);
    sl__fiber_wait(0);
    *((int *)arg + 1) = backtrace(frames, 64);
}

static void test_backtrace_ends(void **state)
{
    int depth[2] = {0, 0};

    (void)state;
    sl__fiber_start(NULL, trace_back, depth);
    tick();
    for (int i = 0; i < 2; i++) {
        assert_in_range(depth[i], 1, 8); /* trace_back, the fiber's first function, the switch */
    }
}

static void *place_to_return_to;

static void *trace_back_on_bare_stack(void *arg)
{
    void *frames[64];

    *(int *)arg = backtrace(frames, 64);
    return place_to_return_to;
}

/* What lies above a fresh stack must not be taken for a caller: here it looks like one. */
static void test_backtrace_ends_at_the_top(void **state)
{
    static _Alignas(64) char stack[65536];
    const size_t above = 4096;
    void *frames[64], *caller;
    int depth = 0;

    (void)state;
    if (SL__ASAN || SL__TSAN) /* nobody told them of this stack */
        skip();
    assert_true(backtrace(frames, 64) > 2);
    caller = frames[1];
    for (size_t at = sizeof(stack) - above; at < sizeof(stack); at += sizeof(caller))
        memcpy(stack + at, &caller, sizeof(caller));
    sl__switch_start(&place_to_return_to, stack + sizeof(stack) - above, trace_back_on_bare_stack,
                     &depth, sl__switch_control(), stack);
    assert_in_range(depth, 1, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIBER_TEST(test_registers),      FIBER_TEST(test_registers_without_a_wait),
        FIBER_TEST(test_control),        FIBER_TEST(test_control_of_a_child_and_after_the_end),
        FIBER_TEST(test_backtrace_ends), FIBER_TEST(test_backtrace_ends_at_the_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
