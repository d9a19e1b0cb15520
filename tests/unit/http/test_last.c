/*
 * Last words: one connection in each state, and what becomes of it.
 */
#include "serving.h"

static int setup(void **state)
{
    open_server(NULL, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    close_server();
    return 0;
}

static struct told {
    struct sl__orphan o;
} told[32];
static unsigned told_count;

static void tell(void *self, const struct sl__orphan *o)
{
    told[told_count++].o = *o;
    (void)self;
}

static void last_words(const struct sl__fiber *culprit)
{
    told_count = 0;
    sl__server_last_words(server, culprit, tell, NULL);
}

static void expect_told(unsigned i, enum sl__orphan_kind kind, bool head)
{
    assert_true(i < told_count);
    assert_int_equal(told[i].o.kind, kind);
    assert_int_equal(told[i].o.head, head);
}

static void only(enum sl__orphan_kind kind)
{
    last_words(NULL);
    assert_int_equal(told_count, 1);
    expect_told(0, kind, false);
}

static void test_at_rest(void **state)
{
    struct client c;

    connect_client(&c);
    only(SL__ORPHAN_IDLE);
    say(&c, GET("/hello"));
    ticks(2);
    only(SL__ORPHAN_IDLE);
    say(&c, "GET /hel");
    ticks(2); /* begun, and never to be finished here */
    only(SL__ORPHAN_BYSTANDER);
    disconnect(&c);
}

static void test_in_a_handler(void **state)
{
    struct sl__last_request r;
    struct client c, d;

    connect_client(&c);
    connect_client(&d);
    say(&c, GET("/wait?secret"));
    ticks(2);
    assert_false(sl__server_request_of(server, NULL, &r));
    assert_true(sl__server_request_of(server, seen.waiter, &r));
    assert_true(sl__str_equal(r.method, SL__STR("GET")));
    assert_true(sl__str_equal(r.path, SL__STR("/wait"))); /* the query is nobody's business */
    assert_int_equal(r.number, 1);
    assert_true(r.since == test_now);
    last_words(seen.waiter);
    assert_int_equal(told_count, 2);
    expect_told(0, SL__ORPHAN_CULPRIT, false); /* first, though it is not the first in the list */
    expect_told(1, SL__ORPHAN_IDLE, false);
    last_words(NULL);
    assert_int_equal(told_count, 2);
    seen.release = true;
    sl__fiber_wake(seen.waiter);
    ticks(2);
    disconnect(&c);
    disconnect(&d);
}

static void test_head(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, "HEAD /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    ticks(2);
    last_words(seen.waiter);
    assert_int_equal(told_count, 1);
    expect_told(0, SL__ORPHAN_CULPRIT, true);
    disconnect(&c);
}

static ssize_t no_sending(enum sl__sys_call call)
{
    return call == SL__SYS_SEND ? -EAGAIN : 0;
}

/* Complete answers that still wait in the output leave before the word on the last one is said. */
static void test_earlier_answers_are_sent(void **state)
{
    struct client c;

    sl__sys_fault = no_sending; /* which last words do not ask */
    connect_client(&c);
    say(&c, GET("/hello") GET("/bytes/3") GET("/wait"));
    ticks(2);
    last_words(seen.waiter);
    assert_int_equal(told_count, 1);
    expect_told(0, SL__ORPHAN_CULPRIT, false);
    expect(&c, OK("5", "hello") OK("3", "aho"));
    disconnect(&c);
}

static void test_begun(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/pushwait"));
    ticks(2); /* chunked: its early end can be seen */
    last_words(seen.waiter);
    assert_int_equal(told_count, 1);
    expect_told(0, SL__ORPHAN_ANSWERED, false);
    disconnect(&c);
}

/* A detached answer is over for whoever reads it, at once; nobody else need know. */
static void test_detached(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/detach/5"));
    listen_to(&c);
    assert_false(c.eof);
    last_words(NULL);
    assert_int_equal(told_count, 0);
    listen_to(&c);
    assert_true(c.eof);
    assert_int_equal(c.error, 0);
    disconnect(&c);
}

/* Its fiber has not ended: an answer that has begun. */
static void test_about_to_detach(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/detachslow"));
    ticks(2);
    last_words(seen.waiter);
    assert_int_equal(told_count, 1);
    expect_told(0, SL__ORPHAN_ANSWERED, false);
    seen.release = true;
    sl__fiber_wake(seen.waiter);
    ticks(2);
    disconnect(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_at_rest),
        TEST(test_in_a_handler),
        TEST(test_head),
        TEST(test_earlier_answers_are_sent),
        TEST(test_begun),
        TEST(test_detached),
        TEST(test_about_to_detach),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
