/*
 * Clients that take their time, with the clock in the test's hands.
 */
#include "serving.h"

static int setup(void **state)
{
    static const struct sl_limits limits = {
        .head_ms = 1000, .body_ms = 2000, .write_ms = 3000, .idle_ms = 5000, .linger_ms = 400};

    open_server(&limits, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    close_server();
    return 0;
}

static void pass_ms(int64_t ms)
{
    test_now += ms * SL__MS;
    ticks(3);
}

static void test_idle(void **state)
{
    struct client c;

    connect_client(&c);
    pass_ms(4999);
    say(&c, GET("/hello"));
    expect(&c, OK("5", "hello"));
    pass_ms(4999);
    expect(&c, "");
    assert_false(c.eof);
    pass_ms(1);
    expect(&c, "");
    assert_true(c.eof);
    assert_int_equal(sl__server_connections(server), 0);
    disconnect(&c);
}

/* What is late may have been there in time, while the worker was busy. */
static void test_idle_with_octets_in_the_socket(void **state)
{
    struct client c;

    connect_client(&c);
    ticks(1);
    say(&c, GET("/hello"));
    test_now += 9000 * SL__MS;
    expect(&c, OK("5", "hello"));
    assert_false(c.eof);
    say(&c, "GET /hello HTTP/1.1\r\n");
    ticks(1);
    say(&c, "Host: a\r\n\r\n");
    test_now += 9000 * SL__MS;
    expect(&c, OK("5", "hello"));
    disconnect(&c);
}

static void test_empty_lines_are_idle(void **state)
{
    struct client c;

    connect_client(&c);
    pass_ms(4000);
    say(&c, "\r\n");
    pass_ms(1000);
    expect(&c, "");
    assert_true(c.eof);
    disconnect(&c);
}

static void test_slow_head(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/hello") "G");
    expect(&c, OK("5", "hello"));
    pass_ms(600);
    say(&c, "E"); /* does not buy time */
    pass_ms(399);
    expect(&c, "");
    pass_ms(1);
    expect(&c, "HTTP/1.1 408 Request Timeout\r\n" DATE "Content-Length: 16\r\nConnection: close\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n\r\nRequest Timeout\n");
    assert_true(c.eof);
    disconnect(&c);
}

static void test_slow_body(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab");
    pass_ms(0);
    for (int i = 0; i < 3; i++) { /* progress buys time */
        pass_ms(1900);
        say(&c, "x");
        pass_ms(0);
    }
    pass_ms(1999);
    expect(&c, "");
    pass_ms(1);
    expect(&c, "HTTP/1.1 408 Request Timeout\r\n" DATE
               "Content-Length: 0\r\nConnection: close\r\n\r\n");
    assert_int_equal(seen.last_read, -SL_ETOOSLOW);
    assert_true(c.eof);
    disconnect(&c);
}

static void test_slow_skipped_body(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab");
    expect(&c, OK("5", "hello"));
    pass_ms(1999);
    expect(&c, "");
    assert_false(c.eof);
    pass_ms(1);
    expect(&c, "");
    assert_true(c.eof);
    disconnect(&c);
}

static void test_handler_has_time(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/wait"));
    pass_ms(1000000);
    assert_non_null(seen.waiter);
    seen.release = true;
    sl__fiber_wake(seen.waiter);
    expect(&c, OK("6", "waited"));
    pass_ms(4999);
    expect(&c, "");
    assert_false(c.eof);
    pass_ms(1);
    expect(&c, "");
    assert_true(c.eof);
    disconnect(&c);
}

static void test_no_reader(void **state)
{
    static const char *const requests[] = {GET("/push/3000000"), GET("/file/3000000"),
                                           GET("/bytes/3000000"), GET("/source/3000000")};

    for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
        struct client c;

        connect_client(&c);
        say(&c, requests[i]);
        ticks(20);
        pass_ms(2999);
        assert_int_equal(sl__server_connections(server), 1);
        hear(&c); /* progress buys time */
        pass_ms(0);
        pass_ms(2999);
        assert_int_equal(sl__server_connections(server), 1);
        for (int j = 0; j < 10; j++) /* input does not */
            say(&c, "x");
        pass_ms(1);
        assert_int_equal(sl__server_connections(server), 0);
        assert_int_equal(sl__server_requests(server), 0);
        disconnect(&c);
    }
}

static void test_linger(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET_CLOSE("/hello") "x"); /* it said that it would send nothing more */
    expect(&c, OK_CLOSE("5", "hello"));
    pass_ms(399);
    assert_int_equal(sl__server_connections(server), 1);
    say(&c, "x"); /* does not buy time */
    pass_ms(1);
    assert_int_equal(sl__server_connections(server), 0);
    disconnect(&c);
}

/* What is still on its way is not thrown away, as long as somebody takes it. */
static void test_linger_for_a_slow_reader(void **state)
{
    struct client c;
    char octets[60000];

    connect_client(&c);
    say(&c, GET("/hello") GET("/bytes/150000") "nonsense\r\n\r\n");
    ticks(5);
    for (int i = 0; i < 4; i++) {
        assert_true(recv(c.fd, octets, 30000, 0) > 10000);
        pass_ms(400);
        assert_int_equal(sl__server_connections(server), 1);
    }
    pass_ms(400); /* nothing was taken */
    assert_int_equal(sl__server_connections(server), 0);
    disconnect(&c);
}

#define POST(path, length) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " length "\r\n\r\n"
#define SLOW                                                                                       \
    "HTTP/1.1 408 Request Timeout\r\n" DATE "Content-Length: 0\r\nConnection: close\r\n\r\n"

static int setup_rates(void **state)
{
    static const struct sl_limits limits = {.body_ms = 2000,
                                            .write_ms = 3000,
                                            .body_rate = 10,
                                            .write_rate = 100000,
                                            .rate_grace_ms = 4000};

    open_server(&limits, NULL, NULL);
    return 0;
}

static int setup_no_rates(void **state)
{
    static const struct sl_limits limits = {.body_ms = 2000,
                                            .write_ms = 3000,
                                            .body_rate = SL_ANY_RATE,
                                            .write_rate = SL_ANY_RATE,
                                            .rate_grace_ms = 1};

    open_server(&limits, NULL, NULL);
    return 0;
}

/* An octet every second is no silence, but it is no body either. */
static void test_dripped_body(void **state)
{
    static const char *const requests[] = {POST("/echo", "100"), POST("/hello", "100")};

    for (size_t i = 0; i < 2; i++) {
        struct client c;

        connect_client(&c);
        say(&c, requests[i]);
        if (i == 1) /* the same when nobody reads it */
            expect(&c, OK("5", "hello"));
        pass_ms(0);
        for (int j = 0; j < 4; j++) {
            pass_ms(1000);
            say(&c, "x");
            pass_ms(0);
        }
        pass_ms(399); /* bought by four octets */
        expect(&c, "");
        assert_false(c.eof);
        pass_ms(1);
        expect(&c, i == 0 ? SLOW : "");
        assert_true(c.eof);
        disconnect(&c);
    }
}

static void test_dripped_chunks(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int j = 0; j < 4; j++) {
        pass_ms(j == 0 ? 0 : 1000);
        say(&c, "1\r\nx\r\n"); /* six octets: the wire counts */
    }
    pass_ms(1000);
    pass_ms(1900);
    say(&c, "1");
    pass_ms(599);
    expect(&c, "");
    pass_ms(1);
    expect(&c, SLOW);
    disconnect(&c);
}

/* What came fast may be followed by what comes slowly, up to the average. */
static void test_body_just_fast_enough(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, POST("/echo", "100") "xxxxxxxxxxxxxxxxxxxx");
    for (int j = 0; j < 80; j++) {
        pass_ms(j < 40 ? 50 : 150);
        say(&c, "x");
    }
    listen_to(&c);
    assert_non_null(strstr(c.got, "HTTP/1.1 200 OK"));
    disconnect(&c);
}

/* Neither the time in which nobody reads counts, nor does the next body inherit anything. */
static void test_handler_that_naps(void **state)
{
    struct client c;

    connect_client(&c);
    for (int i = 0; i < 2; i++) {
        say(&c, POST("/napping", "10"));
        pass_ms(1900);
        say(&c, "abc");
        pass_ms(0);
        pass_ms(1000000);
        say(&c, "de");
        pass_ms(1000000);
        assert_non_null(seen.waiter);
        seen.release = true;
        sl__fiber_wake(seen.waiter);
        pass_ms(0);
        seen.release = false;
        pass_ms(1900);
        expect(&c, "");
        say(&c, "fghij");
        expect(&c, OK("7", "defghij"));
    }
    disconnect(&c);
}

/* Reads @p len octets, or all there are. */
static void sip(struct client *c, size_t len)
{
    char octets[1000];

    for (int tries = 0; len > 0 && tries < 3; tries++) {
        ssize_t n = recv(c->fd, octets, len < sizeof(octets) ? len : sizeof(octets), 0);

        if (n > 0) {
            len -= (size_t)n;
            tries = 0;
        } else {
            pass_ms(0);
        }
    }
    pass_ms(0);
}

/* Something is taken every two seconds, but too little, whether it makes room or not. */
static void test_slow_reader(void **state)
{
    static const char *const requests[] = {
        GET("/push/3000000"), GET("/file/3000000"), GET("/bytes/3000000"), GET("/source/3000000"),
        GET("/bytes/60000") GET("/bytes/60000") GET("/bytes/60000") GET("/bytes/60000")
            GET("/bytes/60000") GET("/bytes/60000")};

    for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
        struct client c;
        int seconds = 0;

        connect_client(&c);
        say(&c, requests[i]);
        ticks(20);
        for (; sl__server_connections(server) == 1 && seconds < 100; seconds += 2) {
            pass_ms(2000);
            sip(&c, 60000);
        }
        assert_in_range(seconds, 6, 12); /* 4, and 0.6 for each time */
        assert_int_equal(sl__server_requests(server), 0);
        disconnect(&c);
    }
}

static void test_reader_just_fast_enough(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/file/3000000"));
    ticks(20);
    for (int i = 0; i < 14; i++) {
        pass_ms(1900);
        sip(&c, 210000);
    }
    listen_to(&c);
    assert_int_equal(sl__server_connections(server), 1);
    disconnect(&c);
}

static void test_without_rates(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, POST("/echo", "100"));
    for (int i = 0; i < 100; i++) {
        pass_ms(1900);
        say(&c, "x");
        pass_ms(0);
    }
    listen_to(&c);
    assert_non_null(strstr(c.got, "HTTP/1.1 200 OK"));
    c.len = 0;
    say(&c, GET("/file/3000000"));
    ticks(20);
    for (int i = 0; i < 14; i++) {
        pass_ms(2900);
        sip(&c, 210000);
    }
    listen_to(&c);
    assert_int_equal(sl__server_connections(server), 1);
    disconnect(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define RATES(name) cmocka_unit_test_setup_teardown(name, setup_rates, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_idle),
        TEST(test_idle_with_octets_in_the_socket),
        TEST(test_empty_lines_are_idle),
        TEST(test_slow_head),
        TEST(test_slow_body),
        TEST(test_slow_skipped_body),
        TEST(test_handler_has_time),
        TEST(test_no_reader),
        TEST(test_linger),
        TEST(test_linger_for_a_slow_reader),
        RATES(test_dripped_body),
        RATES(test_dripped_chunks),
        RATES(test_body_just_fast_enough),
        RATES(test_handler_that_naps),
        RATES(test_slow_reader),
        RATES(test_reader_just_fast_enough),
        cmocka_unit_test_setup_teardown(test_without_rates, setup_no_rates, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
