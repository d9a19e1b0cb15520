/*
 * What the fiber tests share: a loop, the runtime, a clock that moves only when told, and a trace
 * of who was where.
 */
#ifndef TEST_FIBER_FIXTURE_H
#define TEST_FIBER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/sys.h"
#include "base/time.h"
#include "fiber/fiber.h"

#define MAX_LIVE 12000

static struct sl__loop loop;
static int64_t clock_now;
static char trace[256];
static size_t trace_len;

static inline int64_t read_clock(void)
{
    return clock_now;
}

static inline void note(char c)
{
    if (trace_len < sizeof(trace) - 1) {
        trace[trace_len++] = c;
        trace[trace_len] = '\0';
    }
}

static inline int start_fibers(void **state)
{
    (void)state;
    trace[trace_len = 0] = '\0';
    clock_now = 1000 * SL__SEC;
    sl__sys_clock_fn = read_clock;
    assert_int_equal(sl__loop_init(&loop), 0);
    assert_int_equal(sl__fibers_init(&loop, MAX_LIVE), 0);
    return 0;
}

static inline int finish_fibers(void **state)
{
    (void)state;
    assert_int_equal(sl__fibers_live(), 0);
    sl__fibers_finish();
    sl__loop_finish(&loop);
    sl__sys_clock_fn = NULL;
    sl__sys_fault = NULL;
    return 0;
}

static inline void tick(void)
{
    assert_int_equal(sl__loop_once(&loop, 0), 0);
}

static inline void tick_after(int64_t ns)
{
    clock_now += ns;
    tick();
}

#define FIBER_TEST(name) cmocka_unit_test_setup_teardown(name, start_fibers, finish_fibers)

#endif
