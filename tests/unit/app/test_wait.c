/* The app on fibers: handlers that wait (ON4), requests that are cancelled (ON5), tasks. */
#include "memory_exchange.h"

#include "base/time.h"

static struct sl__loop loop;
static char trace[256];

static void note(const char *what)
{
    strncat(trace, what, sizeof trace - strlen(trace) - 1);
    strncat(trace, " ", sizeof trace - strlen(trace) - 1);
}

static int start_fibers(void **state)
{
    trace[0] = '\0';
    memory_log_start();
    assert_int_equal(sl__loop_init(&loop), 0);
    assert_int_equal(sl__fibers_init(&loop, 100), 0);
    return 0;
}

static int finish_fibers(void **state)
{
    assert_int_equal(sl__fibers_live(), 0);
    sl__fibers_finish();
    sl__loop_finish(&loop);
    return 0;
}

static void begin(struct memory *m, sl_app *app, const char *text)
{
    *m = (struct memory){0};
    memory_begin(m, app, text);
    assert_int_equal(sl__fiber_start(NULL, memory_serve, m), 0);
}

static void until_done(struct memory *m)
{
    while (!m->done)
        assert_int_equal(sl__loop_once(&loop, 1000), 0);
}

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static int outer(sl_ctx *c)
{
    int r;

    note("outer+");
    r = sl_next(c);
    note(r == -ECANCELED ? "canceled" : "outer-");
    if (r == 0) {
        assert_int_equal(sl_status(c), 201);
        assert_int_equal(sl_response_length(c), 6);
        assert_string_equal(sl_param(c, "x") ? sl_param(c, "x") : "none", "none");
    }
    return r;
}

static int waits(sl_ctx *c)
{
    int r = sl_sleep(5);

    if (r < 0)
        return r;
    r = sl_next(c);
    return r < 0 ? r : sl_sleep(0);
}

static int creates(sl_ctx *c)
{
    int r = sl_sleep(1);

    if (r < 0)
        return r;
    sl_set_status(c, 201);
    return sl_text(c, "waited");
}

static void on4_after_waiting_below(void **state)
{
    sl_app *app = sl_new();
    struct memory first, second;

    sl_use(app, outer);
    sl_use(app, waits);
    sl_all(app, ".*", creates);
    begin(&first, app, REQUEST);
    begin(&second, app, REQUEST); /* while the first waits */
    assert_false(first.done || second.done);
    until_done(&first);
    until_done(&second);
    assert_int_equal(first.status, 201);
    assert_string_equal(memory_body(&first), "waited");
    assert_string_equal(memory_body(&second), "waited");
    assert_string_equal(trace, "outer+ outer+ outer- outer- ");
    memory_finish(&first);
    memory_finish(&second);
    sl_free(app);
}

static void note_deferred(void *arg)
{
    note(arg);
}

static int for_ever(sl_ctx *c)
{
    static char one[] = "one", two[] = "two";
    int r;

    sl_defer(c, note_deferred, one);
    sl_defer(c, note_deferred, two);
    r = sl_sleep(1000000);
    note(r == -ECANCELED ? "woken" : "?");
    assert_int_equal(sl_sleep(1000), -ECANCELED); /* from now on every one */
    return r;
}

static void on5_cancelled_request_cleans_up(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, outer);
    sl_use(app, for_ever);
    begin(&m, app, REQUEST);
    assert_string_equal(trace, "outer+ ");
    sl__fiber_cancel(m.x.fiber);
    until_done(&m);
    assert_string_equal(trace, "outer+ woken canceled two one ");
    assert_int_equal(memory_log_lines, 0); /* the client left: nobody's mistake */
    memory_finish(&m);
    sl_free(app);
}

static int cleanup_that_waits(void *arg)
{
    int r = sl_sleep(1);

    note(r == 0 ? "shielded" : "?");
    return r;
}

static void shielded(void *arg)
{
    assert_int_equal(sl_shield(cleanup_that_waits, arg), 0);
}

static int defers_waiting(sl_ctx *c)
{
    sl_defer(c, shielded, NULL);
    return sl_sleep(1000000);
}

static void on5_deferred_may_wait(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, defers_waiting);
    begin(&m, app, REQUEST);
    sl__fiber_cancel(m.x.fiber);
    until_done(&m);
    assert_string_equal(trace, "shielded ");
    memory_finish(&m);
    sl_free(app);
}

static int task(void *arg)
{
    int r = sl_sleep(*(int *)arg);

    note(r < 0 ? "task-canceled" : "task-done");
    return 7;
}

static int spawns(sl_ctx *c)
{
    static int soon = 1, late = 1000000;
    sl_task *t = sl_spawn(c, task, &soon);

    assert_non_null(t);
    assert_non_null(sl_spawn(c, task, &late)); /* nobody waits for this one but the request */
    assert_int_equal(sl_join(t), 7);
    note("joined");
    return sl_body(c, "spawned");
}

static void request_tasks_end_with_it(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, spawns);
    begin(&m, app, REQUEST);
    until_done(&m);
    assert_string_equal(trace, "task-done joined task-canceled ");
    assert_string_equal(memory_body(&m), "spawned");
    memory_finish(&m);
    sl_free(app);
}

static int spawns_in_app(sl_ctx *c)
{
    static int late = 1000000;

    assert_non_null(sl_spawn(sl_app_of(c), task, &late));
    return 0;
}

static void finish_app(void *arg)
{
    sl__app_finish_tasks(arg);
    note("finished");
}

static void app_tasks_outlive_the_request(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, spawns_in_app);
    begin(&m, app, REQUEST);
    until_done(&m);
    sl__loop_once(&loop, 0);
    assert_int_equal(sl__fibers_live(), 1);
    assert_int_equal(sl__fiber_start(NULL, finish_app, app), 0);
    while (sl__fibers_live() > 0)
        sl__loop_once(&loop, 1000);
    assert_string_equal(trace, "task-canceled finished ");
    memory_finish(&m);
    sl_free(app);
}

static ssize_t source(sl_ctx *c, void *buf, size_t len, void *self)
{
    static int late = 1000000;
    int *left = self;

    if (*left == 2)
        assert_non_null(sl_spawn(c, task, &late));
    if (sl_sleep(1) < 0)
        return -ECANCELED;
    if (*left == 0)
        return 0;
    --*left;
    memcpy(buf, "x", 1);
    return 1;
}

static int streams(sl_ctx *c)
{
    int *left = sl_alloc(c, sizeof *left);

    *left = 2;
    return sl_stream(c, source, left);
}

static void a_source_may_wait_and_spawn(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, streams);
    begin(&m, app, REQUEST);
    until_done(&m);
    assert_string_equal(memory_body(&m), "xx");
    assert_string_equal(trace, "task-canceled ");
    memory_finish(&m);
    sl_free(app);
}

static ssize_t notes_pull(sl_ctx *c, void *buf, size_t len, void *self)
{
    note("pulled");
    return 0;
}

static int spawns_and_streams(sl_ctx *c)
{
    static int late = 1000000;

    assert_non_null(sl_spawn(c, task, &late));
    return sl_stream(c, notes_pull, NULL);
}

/* Tasks may still write into what the response is made of, so they end before it leaves. */
static void tasks_end_before_the_response_leaves(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_use(app, spawns_and_streams);
    begin(&m, app, REQUEST);
    until_done(&m);
    assert_string_equal(trace, "task-canceled pulled ");
    memory_finish(&m);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(on4_after_waiting_below, start_fibers, finish_fibers),
        cmocka_unit_test_setup_teardown(on5_cancelled_request_cleans_up, start_fibers,
                                        finish_fibers),
        cmocka_unit_test_setup_teardown(on5_deferred_may_wait, start_fibers, finish_fibers),
        cmocka_unit_test_setup_teardown(request_tasks_end_with_it, start_fibers, finish_fibers),
        cmocka_unit_test_setup_teardown(app_tasks_outlive_the_request, start_fibers, finish_fibers),
        cmocka_unit_test_setup_teardown(tasks_end_before_the_response_leaves, start_fibers,
                                        finish_fibers),
        cmocka_unit_test_setup_teardown(a_source_may_wait_and_spawn, start_fibers, finish_fibers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
