/* Receiving: order, callbacks that wait, gaps, large messages, bounds, the end. */
#include "fixture.h"

static void on_text(sl_app *app, const sl_message *m, void *self)
{
    assert_ptr_equal(app, APP);
    assert_int_equal((uintptr_t)m->data % 8, 0);
    note("%s%s=%.*s/%d ", (const char *)self, m->topic, (int)m->len, (const char *)m->data,
         m->from);
}

static void on_slow(sl_app *app, const sl_message *m, void *self)
{
    note("(%.*s ", (int)m->len, (const char *)m->data);
    assert_int_equal(sl__wait_time(2 * SL__MS), 0);
    note("%.*s) ", (int)m->len, (const char *)m->data);
}

static void on_missed(sl_app *app, uint64_t missed, void *self)
{
    note("missed:%d ", (int)missed);
}

static void test_topics_and_order(void **state)
{
    sl__bus_on(the->bus, "*", on_text, "*");
    sl__bus_on(the->bus, "b", on_text, "");
    sl__bus_on(the->bus, "b", on_text, "again-");
    start(1 << 20);
    message("a", "1");
    message("b", "2");
    message("unheard", "");
    message("a", "3");
    run_until(strstr(the->log, "3/3"));
    assert_string_equal(the->log, "*a=1/3 b=2/3 again-b=2/3 *b=2/3 *unheard=/3 *a=3/3 ");
}

/* ORDER IP1: one after the other, although each waits. */
static void test_callbacks_that_wait(void **state)
{
    sl__bus_on(the->bus, "t", on_slow, NULL);
    start(1 << 20);
    message("t", "1");
    message("t", "2");
    message("t", "3");
    run_until(strstr(the->log, "3)"));
    assert_string_equal(the->log, "(1 1) (2 2) (3 3) ");
}

static void on_registers(sl_app *app, const sl_message *m, void *self)
{
    assert_int_equal(sl__bus_on(the->bus, "late", on_text, ""), 0);
}

static void test_registering_while_it_runs(void **state)
{
    sl__bus_on(the->bus, "t", on_registers, NULL);
    start(1 << 20);
    message("late", "0");
    message("t", "");
    message("late", "1");
    run_until(the->log[0]);
    assert_string_equal(the->log, "late=1/3 ");
}

static void test_bad_registrations(void **state)
{
    char name[300] = "";

    memset(name, 'x', 256);
    assert_int_equal(sl__bus_on(the->bus, "", on_text, NULL), -EINVAL);
    assert_int_equal(sl__bus_on(the->bus, name, on_text, NULL), -EINVAL);
    name[255] = 0;
    assert_int_equal(sl__bus_on(the->bus, name, on_text, ""), 0);
    assert_int_equal(sl__bus_share(the->bus, "x", NULL, 1), -EINVAL);
    assert_int_equal(sl__bus_share(the->bus, "x", name, 1), 0);
    assert_int_equal(sl__bus_share(the->bus, "x", name, 1), -EEXIST);
    start(1 << 20);
    message(name, "long");
    run_until(strstr(the->log, "long"));
}

static void test_gap(void **state)
{
    uint64_t missed = 12;

    sl__bus_on(the->bus, "t", on_text, "");
    sl__bus_on_gap(the->bus, on_missed, NULL);
    sl__bus_on_gap(the->bus, on_missed, NULL);
    start(1 << 20);
    message("t", "1");
    say(SL__FRAME_GAP, 0, 0, "", &missed, sizeof missed);
    message("t", "2");
    run_until(strstr(the->log, "=2"));
    assert_string_equal(the->log, "t=1/3 missed:12 missed:12 t=2/3 ");
}

static void on_large(sl_app *app, const sl_message *m, void *self)
{
    const unsigned char *p = m->data;
    size_t wrong = 0;

    assert_int_equal((uintptr_t)m->data % 8, 0);
    for (size_t i = 0; i < m->len; i++)
        wrong += p[i] != (unsigned char)(i * 7);
    note("%zu:%zu ", m->len, wrong);
}

/* IP2: whole, inside the order. */
static void test_large_messages(void **state)
{
    static const size_t sizes[] = {1, 7, 8, 159, 160, 161, 32000, 32768, 32769, 100000, 8 << 20};
    unsigned char *bytes = malloc(8 << 20);
    char expected[512] = "";

    for (size_t i = 0; i < 8 << 20; i++)
        bytes[i] = (unsigned char)(i * 7);
    sl__bus_on(the->bus, "t", on_large, NULL);
    start(1 << 20);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        say(SL__FRAME_MESSAGE, 3, 0, "t", bytes, sizes[i]);
        sprintf(expected + strlen(expected), "%zu:0 ", sizes[i]);
    }
    run_until(strlen(the->log) >= strlen(expected));
    assert_string_equal(the->log, expected);
    free(bytes);
}

/* A memfd that cannot be mapped is one message less, and said so. */
static ssize_t fail_mmap(enum sl__sys_call call)
{
    return call == SL__SYS_MMAP ? -ENOMEM : 0;
}

static void test_unreadable_body_is_a_gap(void **state)
{
    char *bytes = calloc(1, 100000);

    sl__bus_on(the->bus, "t", on_large, NULL);
    sl__bus_on_gap(the->bus, on_missed, NULL);
    start(1 << 20);
    sl__sys_fault = fail_mmap;
    say(SL__FRAME_MESSAGE, 3, 0, "t", bytes, 100000);
    run_until(the->log[0]);
    sl__sys_fault = NULL;
    assert_string_equal(the->log, "missed:1 ");
    assert_non_null(strstr(the->notices, "a message of 100000 bytes (t) could not be read"));
    free(bytes);
}

static bool hold;

static void on_held(sl_app *app, const sl_message *m, void *self)
{
    while (hold)
        if (sl__wait_time(SL__MS) < 0)
            return;
    note("x");
}

/* A callback that waits lets the master's queue fill, not the worker's memory. */
static void test_full_mailbox_stops_reading(void **state)
{
    char *bytes = calloc(1, 30000);

    sl__bus_on(the->bus, "t", on_held, NULL);
    start(1 << 20);
    hold = true;
    for (int i = 0; i < 1000; i++) /* 30 MB */
        say(SL__FRAME_MESSAGE, 3, 0, "t", bytes, 30000);
    for (int i = 0; i < 200; i++)
        tick();
    assert_true(sl__channel_queued(the->master) > 15000000);
    hold = false;
    run_until(strlen(the->log) == 1000);
    assert_int_equal(sl__channel_queued(the->master), 0);
    free(bytes);
}

static void test_when_idle(void **state)
{
    sl__bus_on(the->bus, "t", on_slow, NULL);
    start(1 << 20);
    message("t", "1");
    message("t", "2");
    run_until(the->log[0]); /* both frames are in the mailbox, the first in hand */
    sl__bus_when_idle(the->bus, was_idle, NULL);
    assert_int_equal(the->idle, 0);
    run_until(the->idle == 1);
    assert_string_equal(the->log, "(1 1) (2 2) ");
}

static void test_when_idle_before_the_start(void **state)
{
    sl__bus_when_idle(the->bus, was_idle, NULL);
    assert_int_equal(the->idle, 1);
}

static void on_cancelled(sl_app *app, const sl_message *m, void *self)
{
    note("in ");
    note("%s ", sl__wait_time(1000 * SL__SEC) == -ECANCELED ? "cancelled" : "?");
}

static void test_stop_cancels_and_drops(void **state)
{
    sl__bus_on(the->bus, "t", on_cancelled, NULL);
    start(1 << 20);
    message("t", "1");
    message("t", "2");
    run_until(the->log[0]);
    sl__bus_stop(the->bus);
    run_until(sl__fibers_live() == 0);
    assert_string_equal(the->log, "in cancelled ");
    message("t", "3"); /* dropped, not leaked */
    tick();
    tick();
}

static void on_stops(sl_app *app, const sl_message *m, void *self)
{
    note("stop ");
    sl__bus_stop(the->bus);
}

static void test_stopped_by_its_own_callback(void **state)
{
    sl__bus_on(the->bus, "t", on_stops, NULL);
    sl__bus_on(the->bus, "t", on_text, "not any more ");
    start(1 << 20);
    message("t", "1");
    message("t", "2");
    run_until(the->log[0] && sl__fibers_live() == 0);
    assert_string_equal(the->log, "stop ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_topics_and_order),
        TEST(test_callbacks_that_wait),
        TEST(test_registering_while_it_runs),
        TEST(test_bad_registrations),
        TEST(test_gap),
        TEST(test_large_messages),
        TEST(test_unreadable_body_is_a_gap),
        TEST(test_full_mailbox_stops_reading),
        TEST(test_when_idle),
        TEST(test_when_idle_before_the_start),
        TEST(test_stop_cancels_and_drops),
        TEST(test_stopped_by_its_own_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
