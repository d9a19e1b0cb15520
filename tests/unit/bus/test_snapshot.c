/* Joining: what one bus gives another takes, at its place in the stream. */
#include "fixture.h"

static long visits;
static char motto[24];
static char seen[64]; /* what the take callback got */
static int give_result, take_result;

static void on_count(sl_app *app, const sl_message *m, void *self)
{
    visits++;
}

static int give(sl_app *app, sl_snapshot *s, void *self)
{
    assert_int_equal(sl_snapshot_write(s, "hello ", 6), 0);
    sl__wait_time(SL__MS); /* may wait */
    assert_int_equal(sl_snapshot_write(s, self, strlen(self)), 0);
    return give_result;
}

static int take(sl_app *app, const void *data, size_t len, void *self)
{
    assert_int_equal((uintptr_t)data % 8, 0);
    sl__wait_time(SL__MS);
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%.*s|", (int)len,
             (const char *)data);
    return take_result;
}

static int reset(void **state)
{
    visits = 0;
    memset(motto, 0, sizeof motto);
    seen[0] = 0;
    give_result = take_result = 0;
    return setup(state);
}

static void share_all(void)
{
    sl__bus_on(the->bus, "count", on_count, NULL);
    sl__bus_share(the->bus, "visits", &visits, sizeof visits);
    sl__bus_share(the->bus, "motto", motto, sizeof motto);
    sl__bus_on_join(the->bus, give, take, "one");
    sl__bus_on_join(the->bus, give, take, "two");
}

/* Asks for the state; the answer is in the->got[...]. */
static struct got *ask(uint32_t position)
{
    unsigned before = the->got_count;

    say(SL__FRAME_ASK, 0, position, "", NULL, 0);
    run_until(the->got_count == before + 1);
    assert_int_equal(the->got[before].head.type, SL__FRAME_STATE);
    assert_int_equal(the->got[before].head.target, position);
    return &the->got[before];
}

static void test_shares(void **state)
{
    assert_false(sl__bus_shares(the->bus));
    sl__bus_share(the->bus, "visits", &visits, sizeof visits);
    assert_true(sl__bus_shares(the->bus));
}

/* IP5: the answer holds what came before ASK, and nothing after it. */
static void test_ask_has_its_place(void **state)
{
    long value;

    sl__bus_on(the->bus, "count", on_count, NULL);
    sl__bus_share(the->bus, "visits", &visits, sizeof visits);
    start(1 << 20);
    for (int i = 0; i < 5; i++)
        message("count", "");
    say(SL__FRAME_ASK, 0, 99, "", NULL, 0);
    for (int i = 0; i < 4; i++)
        message("count", "");
    run_until(the->got_count == 1 && visits == 9);
    assert_int_equal(the->got[0].head.target, 99);
    memcpy(&value, (char *)the->got[0].body + the->got[0].head.body_len - 8, 8);
    assert_int_equal(value, 5);
}

static void test_round_trip(void **state)
{
    struct got *g;

    share_all();
    start(1 << 20);
    visits = 42;
    strcpy(motto, "more layers");
    g = ask(7);
    visits = 0;
    memset(motto, 0, sizeof motto);
    say(SL__FRAME_JOIN_STATE, 0, 0, "", g->body, g->head.body_len);
    message("count", "");
    say(SL__FRAME_JOINED, 0, 0, "", NULL, 0);
    run_until(the->joined == 1);
    assert_int_equal(visits, 43);
    assert_string_equal(motto, "more layers");
    assert_string_equal(seen, "hello one|hello two|");
    assert_string_equal(the->notices, "");
}

static void test_large_state(void **state)
{
    size_t len = 3 << 20;
    char *big = malloc(len);
    struct got *g;

    sl__bus_share(the->bus, "big", big, len);
    start(64 << 20);
    memset(big, 'x', len);
    g = ask(1);
    memset(big, 0, len);
    say(SL__FRAME_JOIN_STATE, 0, 0, "", g->body, g->head.body_len);
    say(SL__FRAME_JOINED, 0, 0, "", NULL, 0);
    run_until(the->joined == 1);
    assert_int_equal(big[0], 'x');
    assert_int_equal(big[len - 1], 'x');
    sl__bus_stop(the->bus);
    free(big);
}

static void test_give_that_fails_is_left_out(void **state)
{
    struct got *g;

    share_all();
    start(1 << 20);
    visits = 5;
    give_result = -1;
    g = ask(1);
    visits = 0;
    say(SL__FRAME_JOIN_STATE, 0, 0, "", g->body, g->head.body_len);
    say(SL__FRAME_JOINED, 0, 0, "", NULL, 0);
    run_until(the->joined == 1);
    assert_int_equal(visits, 5);
    assert_string_equal(seen, "");
    assert_non_null(strstr(the->notices, "callback 1 gave no state"));
}

static void test_take_that_fails_ends_the_worker(void **state)
{
    struct got *g;

    share_all();
    start(1 << 20);
    g = ask(1);
    take_result = -9;
    say(SL__FRAME_JOIN_STATE, 0, 0, "", g->body, g->head.body_len);
    message("count", "");
    say(SL__FRAME_JOINED, 0, 0, "", NULL, 0);
    run_until(the->failed[0]);
    assert_string_equal(the->failed, "sl_on_join() callback 1 did not take the state of the other "
                                     "workers (error -9)");
    sl__bus_when_idle(the->bus, was_idle, NULL);
    run_until(the->idle == 1);
    assert_int_equal(the->joined, 0);
    assert_int_equal(visits, 0);
}

/* Code that changed: what does not fit begins afresh, with a line for each. */
static void test_state_of_other_code(void **state)
{
    static char old_motto[8] = "short", gone[4] = "old";
    static int fresh = 3;
    struct sl__bus *other;
    struct got *g;

    sl__bus_share(the->bus, "visits", &visits, sizeof visits);
    sl__bus_share(the->bus, "motto", old_motto, sizeof old_motto);
    sl__bus_share(the->bus, "gone", gone, sizeof gone);
    sl__bus_on_join(the->bus, give, take, "one");
    start(1 << 20);
    visits = 11;
    g = ask(1);
    sl__bus_stop(the->bus); /* the new code takes its place on the same channel */
    run_until(sl__fibers_live() == 0);
    other = the->bus;
    sl__bus_free(other);
    the->bus = sl__bus_new(APP);
    visits = 0;
    strcpy(motto, "new");
    sl__bus_share(the->bus, "motto", motto, sizeof motto);
    sl__bus_share(the->bus, "visits", &visits, sizeof visits);
    sl__bus_share(the->bus, "fresh", &fresh, sizeof fresh);
    {
        const struct sl__bus_events events = {
            .joined = on_joined, .failed = on_failed, .notice = on_notice};

        assert_int_equal(sl__bus_start(the->bus, &the->loop, the->worker, WORKER, 1 << 20, &events),
                         0);
    }
    say(SL__FRAME_JOIN_STATE, 0, 0, "", g->body, g->head.body_len);
    say(SL__FRAME_JOINED, 0, 0, "", NULL, 0);
    run_until(the->joined == 1);
    assert_int_equal(visits, 11);
    assert_string_equal(motto, "new");
    assert_int_equal(fresh, 3);
    assert_string_equal(
        the->notices,
        "shared state \"motto\" has 24 bytes here and 8 in the other workers: it begins afresh\n"
        "shared state \"gone\" is not known to this code: ignored\n"
        "state of sl_on_join() callback 1 is not known to this code: ignored\n"
        "shared state \"fresh\" is not in the other workers: it begins afresh\n");
}

/* Every truncation and a flip of every octet of the structure: an error or a fit, never a crash,
 * and a broken snapshot changes nothing. */
static void test_broken_snapshots(void **state)
{
    const struct sl__bus_events events = {
        .joined = on_joined, .failed = on_failed, .notice = on_notice};
    size_t len;
    char *copy;
    struct got *g;

    sl__bus_share(the->bus, "visits", &visits, sizeof visits);
    sl__bus_share(the->bus, "motto", motto, sizeof motto);
    start(1 << 20);
    g = ask(1);
    len = g->head.body_len;
    for (size_t i = 0; i < 2 * len; i++) {
        size_t cut = i < len ? i : len;

        sl__bus_stop(the->bus);
        run_until(sl__fibers_live() == 0);
        sl__bus_free(the->bus);
        the->bus = sl__bus_new(APP);
        sl__bus_share(the->bus, "visits", &visits, sizeof visits);
        sl__bus_share(the->bus, "motto", motto, sizeof motto);
        assert_int_equal(sl__bus_start(the->bus, &the->loop, the->worker, WORKER, 1 << 20, &events),
                         0);
        copy = malloc(cut + 1);
        memcpy(copy, g->body, cut);
        if (i >= len)
            copy[i - len] ^= 0x55;
        the->failed[0] = the->notices[0] = the->log[0] = 0;
        the->idle = 0;
        visits = 77;
        say(SL__FRAME_JOIN_STATE, 0, 0, "", copy, cut);
        say(SL__FRAME_MESSAGE, 0, 0, "x", NULL, 0);
        say(SL__FRAME_JOINED, 0, 0, "", NULL, 0);
        for (int n = 0; n < 3; n++)
            tick();
        sl__bus_when_idle(the->bus, was_idle, NULL);
        run_until(the->idle == 1);
        if (the->failed[0])
            assert_int_equal(visits, 77);
        if (cut > 0 && cut < len && cut % 8 != 0 && len - cut > 8)
            assert_string_equal(the->failed, "the state of the other workers is not readable");
        free(copy);
    }
}

static void test_no_state_at_all(void **state)
{
    sl__bus_share(the->bus, "visits", &visits, sizeof visits);
    start(1 << 20);
    visits = 3;
    say(SL__FRAME_JOIN_STATE, 0, 0, "", NULL, 0);
    say(SL__FRAME_JOINED, 0, 0, "", NULL, 0);
    run_until(the->joined == 1);
    assert_int_equal(visits, 3);
    assert_string_equal(the->notices, "");
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, reset, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shares),
        TEST(test_ask_has_its_place),
        TEST(test_round_trip),
        TEST(test_large_state),
        TEST(test_give_that_fails_is_left_out),
        TEST(test_take_that_fails_ends_the_worker),
        TEST(test_state_of_other_code),
        TEST(test_broken_snapshots),
        TEST(test_no_state_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
