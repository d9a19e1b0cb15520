/* A time for what is below: who is cut, and what clients and outer layers are told. */
#include "layers.h"

#include "../../../src/middleware/timeout.c"

#include "base/sys.h"
#include "base/time.h"

static struct sl__loop loop;
static int64_t clock_now;
static int outcome, other_outcome;

static int64_t read_clock(void)
{
    return clock_now;
}

static int start_fibers(void **state)
{
    memory_log_start();
    clock_now = 1000 * SL__SEC;
    outcome = other_outcome = 12345;
    sl__sys_clock_fn = read_clock;
    assert_int_equal(sl__loop_init(&loop), 0);
    assert_int_equal(sl__fibers_init(&loop, 100), 0);
    return 0;
}

static int finish_fibers(void **state)
{
    assert_int_equal(sl__fibers_live(), 0);
    sl__fibers_finish();
    sl__loop_finish(&loop);
    sl__sys_clock_fn = NULL;
    return 0;
}

/* The request, with the time going by a millisecond at a time; how many it took. */
static int served(struct memory *m, sl_app *app)
{
    int ms = 0;

    *m = (struct memory){0};
    memory_begin(m, app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(sl__fiber_start(NULL, memory_serve, m), 0);
    for (; !m->done && ms < 10000; ms++) {
        clock_now += SL__MS;
        assert_int_equal(sl__loop_once(&loop, 0), 0);
    }
    assert_true(m->done);
    return ms;
}

static int watches(sl_ctx *c)
{
    outcome = sl_next(c);
    return sl_sleep(5) < 0 ? -ECANCELED : outcome; /* the time is over for what is below alone */
}

static int sleeps(sl_ctx *c)
{
    int r = sl_sleep(100);

    return r < 0 ? r : sl_body(c, "hello");
}

static int does_not_care(sl_ctx *c)
{
    sl_sleep(100);
    return sl_body(c, "hello");
}

static int pushes(sl_ctx *c)
{
    int r = sl_write(c, "begun", 5);

    return r < 0 ? r : sl_sleep(100);
}

static int leaves(sl_ctx *c)
{
    sl__fiber_cancel(sl__fiber_current());
    return sl_sleep(100);
}

static int middle(sl_ctx *c)
{
    other_outcome = sl_next(c);
    return other_outcome;
}

static void one(int (*handler)(sl_ctx *c), unsigned ms, int status, int expected, int took)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, watches);
    sl_use(app, sl_timeout(ms));
    sl_use(app, handler);
    assert_in_range(served(&m, app), took, took + 4);
    assert_int_equal(m.status, status);
    assert_int_equal(outcome, expected);
    memory_finish(&m);
    sl_free(app);
}

static void in_time(void **state)
{
    one(sleeps, 150, 200, 0, 105);
    assert_int_equal(memory_log_lines, 0);
}

static void too_late(void **state)
{
    one(sleeps, 50, 503, -SL_EFAIL, 55);
    assert_non_null(strstr(memory_log, "503 not done within 50 ms"));
    one(does_not_care, 50, 503, -SL_EFAIL, 55);
}

static void the_client_left_before(void **state)
{
    one(leaves, 50, 503, -ECANCELED, 1);
    assert_null(strstr(memory_log, "not done within"));
}

static void begun_and_cut(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, sl_timeout(50));
    sl_use(app, pushes);
    assert_in_range(served(&m, app), 50, 54);
    assert_true(m.committed && m.aborted);
    assert_string_equal(memory_body(&m), "begun");
    assert_non_null(strstr(memory_log, "the answer had begun"));
    memory_finish(&m);
    sl_free(app);
}

static void nested(void **state)
{
    static const struct {
        unsigned outer, inner;
        int took;
        int inside;
    } rows[] = {{80, 50, 50, -SL_EFAIL}, {50, 80, 50, -ECANCELED}, {500, 400, 100, 0}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sl_app *app = sl_new();
        struct memory m;

        sl_use(app, sl_timeout(rows[i].outer));
        sl_use(app, middle);
        sl_use(app, sl_timeout(rows[i].inner));
        sl_use(app, sleeps);
        assert_in_range(served(&m, app), rows[i].took, rows[i].took + 4);
        assert_int_equal(m.status, rows[i].inside ? 503 : 200);
        assert_int_equal(other_outcome, rows[i].inside);
        memory_finish(&m);
        sl_free(app);
    }
}

static sl_middleware make(sl_app *app)
{
    return sl_timeout(5);
}

static void refused(void **state)
{
    expect_refusal(sl_timeout(0), "sl_timeout: 0 ms");
    each_part_of_making_fails(make);
}

#define ON_FIBERS(name) cmocka_unit_test_setup_teardown(name, start_fibers, finish_fibers)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FIBERS(in_time),       ON_FIBERS(too_late), ON_FIBERS(the_client_left_before),
        ON_FIBERS(begun_and_cut), ON_FIBERS(nested),   ON_FIBERS(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
