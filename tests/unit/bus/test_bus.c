/* Sending, waiting for room, once-tasks, and the standalone bus. */
#include "fixture.h"

static void on_text(sl_app *app, const sl_message *m, void *self)
{
    note("%s=%.*s/%d ", m->topic, (int)m->len, (const char *)m->data, m->from);
}

static void test_send(void **state)
{
    char name[300];

    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "early", NULL, 0), -EPERM);
    start(1 << 20);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "count", NULL, 0), 0);
    assert_int_equal(sl__bus_send(the->bus, 5, "hi", "there", 5), 0);
    memset(name, 'x', sizeof name);
    name[256] = 0;
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, name, NULL, 0), -EINVAL);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "", NULL, 0), -EINVAL);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, NULL, NULL, 0), -EINVAL);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "x", NULL, 1), -EINVAL);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "x", "", (64 << 20) + 1), -EMSGSIZE);
    name[255] = 0;
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, name, NULL, 0), 0);
    run_until(the->got_count == 3);
    assert_int_equal(the->got[0].head.type, SL__FRAME_SEND);
    assert_int_equal(the->got[0].head.target, SL__TO_ALL);
    assert_string_equal(the->got[0].topic, "count");
    assert_int_equal(the->got[0].head.body_len, 0);
    assert_int_equal(the->got[1].head.target, 5);
    assert_memory_equal(the->got[1].body, "there", 5);
    sl__bus_stop(the->bus);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "late", NULL, 0), -EPIPE);
}

static unsigned sent, refused;

static void sender(void *arg)
{
    unsigned long number = (unsigned long)(uintptr_t)arg;
    char bytes[4000] = "";

    memcpy(bytes, &number, sizeof number);
    if (sl__bus_send(the->bus, SL__TO_ALL, "t", bytes, sizeof bytes) == 0)
        sent++;
    else
        refused++;
}

/* IP3: a full channel suspends the fiber, says -EAGAIN outside one, and keeps the line. */
static void test_full_wire(void **state)
{
    unsigned long number;

    sent = 0;
    start(20000);
    for (uintptr_t i = 0; i < 200; i++)
        assert_int_equal(sl__fiber_start(NULL, sender, (void *)i), 0);
    assert_true(sent > 0 && sent < 100);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "t", "", 1), -EAGAIN);
    run_until(the->got_count == 200);
    assert_int_equal(sent, 200);
    for (unsigned i = 0; i < 200; i++) {
        memcpy(&number, the->got[i].body, sizeof number);
        assert_int_equal(number, i);
    }
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "t", "", 1), 0);
}

/* One that is cancelled while it waits leaves the line, and the line goes on. */
static void test_cancelled_sender(void **state)
{
    struct sl__fiber *waiting[50];
    unsigned n = 0;

    sent = refused = 0;
    start(20000);
    for (uintptr_t i = 0; i < 50; i++) {
        struct sl__fiber *f;

        assert_int_equal(sl__fiber_start(&f, sender, (void *)i), 0);
        if (f)
            waiting[n++] = f;
    }
    assert_true(n > 10);
    for (unsigned i = 0; i < n; i += 2)
        sl__fiber_cancel(waiting[i]);
    run_until(sent + refused == 50);
    assert_int_equal(refused, (n + 1) / 2);
    run_until(the->got_count == sent);
}

static void test_stop_frees_the_line(void **state)
{
    sent = refused = 0;
    start(20000);
    for (uintptr_t i = 0; i < 50; i++)
        assert_int_equal(sl__fiber_start(NULL, sender, (void *)i), 0);
    sl__bus_stop(the->bus);
    run_until(sl__fibers_live() == 0);
    assert_int_equal(sent + refused, 50);
    assert_true(refused > 10);
}

static void test_master_gone_frees_the_line(void **state)
{
    sent = refused = 0;
    start(20000);
    for (uintptr_t i = 0; i < 50; i++)
        assert_int_equal(sl__fiber_start(NULL, sender, (void *)i), 0);
    sl__channel_free(the->master);
    the->master = NULL;
    tick();
    sl__bus_writable(the->bus); /* the worker says so when the channel has closed */
    run_until(sent + refused == 50);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "t", NULL, 0), -EPIPE);
}

/* Once-tasks */

static int once_result;

static int task(sl_app *app)
{
    note("task ");
    sl__wait_time(SL__MS);
    note("done ");
    return once_result;
}

static int other_task(sl_app *app)
{
    note("other ");
    return 0;
}

static void test_once(void **state)
{
    once_result = 0;
    sl__bus_once(the->bus, "init", task);
    sl__bus_once(the->bus, "other", other_task);
    assert_int_equal(sl__bus_once(the->bus, "init", task), -EEXIST);
    sl__bus_on(the->bus, "t", on_text, NULL);
    start(1 << 20);
    tick();
    assert_int_equal(the->got_count, 0);
    say(SL__FRAME_JOINED, 0, 0, "", NULL, 0);
    run_until(the->got_count == 2);
    assert_int_equal(the->joined, 1);
    assert_int_equal(the->got[0].head.type, SL__FRAME_ONCE_ASK);
    assert_string_equal(the->got[0].topic, "init");
    assert_string_equal(the->got[1].topic, "other");
    say(SL__FRAME_ONCE_GRANT, 0, 0, "init", NULL, 0);
    message("t", "meanwhile"); /* the mailbox does not wait for it */
    run_until(the->got_count == 3);
    assert_int_equal(the->got[2].head.type, SL__FRAME_ONCE_DONE);
    assert_string_equal(the->got[2].topic, "init");
    assert_int_equal(the->got[2].head.target, 1);
    run_until(strstr(the->log, "meanwhile"));
    assert_true(strstr(the->log, "meanwhile") < strstr(the->log, "done"));
}

static void test_once_failing_and_unknown(void **state)
{
    once_result = -5;
    sl__bus_once(the->bus, "init", task);
    start(1 << 20);
    say(SL__FRAME_JOINED, 0, 0, "", NULL, 0);
    say(SL__FRAME_ONCE_GRANT, 0, 0, "init", NULL, 0);
    run_until(the->got_count == 2);
    assert_int_equal(the->got[1].head.type, SL__FRAME_ONCE_DONE);
    assert_int_equal(the->got[1].head.target, 0);
    assert_string_equal(the->notices, "once-task \"init\" failed (error -5)\n");
    say(SL__FRAME_ONCE_GRANT, 0, 0, "unknown", NULL, 0);
    run_until(the->got_count == 3);
    assert_string_equal(the->got[2].topic, "unknown");
    assert_int_equal(the->got[2].head.target, 0);
}

static void test_once_registered_late(void **state)
{
    start(1 << 20);
    say(SL__FRAME_JOINED, 0, 0, "", NULL, 0);
    run_until(the->joined == 1);
    assert_int_equal(sl__bus_once(the->bus, "late", other_task), 0);
    run_until(the->got_count == 1);
    assert_int_equal(the->got[0].head.type, SL__FRAME_ONCE_ASK);
}

/* Standalone */

static void test_standalone(void **state)
{
    once_result = 0;
    sl__bus_on(the->bus, "*", on_text, NULL);
    sl__bus_once(the->bus, "init", task);
    start(0);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "a", "1", 1), 0);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_OTHERS, "a", "2", 1), 0);
    assert_int_equal(sl__bus_send(the->bus, WORKER, "a", "3", 1), 0);
    assert_int_equal(sl__bus_send(the->bus, WORKER + 1, "a", "4", 1), 0);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_RETAINED, "a", "5", 1), 0);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_MASTER, "a", "6", 1), 0);
    assert_string_equal(the->log, ""); /* never from inside sl_send() */
    assert_int_equal(the->to_master, 1);
    run_until(strstr(the->log, "init="));
    assert_string_equal(the->log, "joined a=1/7 a=3/7 a=5/7 task done init=/0 ");
}

static bool hold;

static void on_held(sl_app *app, const sl_message *m, void *self)
{
    while (hold)
        if (sl__wait_time(SL__MS) < 0)
            return;
    note("x");
}

static void send_large(void *arg)
{
    char *bytes = calloc(1, 1 << 20);

    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "t", bytes, 1 << 20), 0);
    sent++;
    free(bytes);
}

static void test_standalone_is_bounded(void **state)
{
    sent = 0;
    hold = true;
    sl__bus_on(the->bus, "t", on_held, NULL);
    start(0);
    for (int i = 0; i < 40; i++)
        assert_int_equal(sl__fiber_start(NULL, send_large, NULL), 0);
    tick();
    assert_true(sent >= 10 && sent < 20);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "t", NULL, 0), -EAGAIN);
    hold = false;
    run_until(sent == 40);
    run_until(strlen(the->log) == 47); /* "joined " and 40 */
}

static unsigned echoes;

static void on_echo(sl_app *app, const sl_message *m, void *self)
{
    echoes++;
    sl__bus_send(the->bus, SL__TO_ALL, "t", NULL, 0);
    sl__bus_send(the->bus, SL__TO_ALL, "t", NULL, 0);
}

/* A program that answers every message with two stops neither the loop nor the memory. */
static void test_standalone_avalanche(void **state)
{
    sl__bus_on(the->bus, "t", on_echo, NULL);
    start(0);
    assert_int_equal(sl__bus_send(the->bus, SL__TO_ALL, "t", NULL, 0), 0);
    for (int i = 0; i < 400; i++)
        tick();
    assert_true(echoes > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_send),
        TEST(test_full_wire),
        TEST(test_cancelled_sender),
        TEST(test_stop_frees_the_line),
        TEST(test_master_gone_frees_the_line),
        TEST(test_once),
        TEST(test_once_failing_and_unknown),
        TEST(test_once_registered_late),
        TEST(test_standalone),
        TEST(test_standalone_is_bounded),
        TEST(test_standalone_avalanche),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
