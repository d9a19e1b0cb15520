/*
 * Detached answers: the request is over, its fiber and its memory are gone, and the answer goes on
 * until its owner, the client or the worker ends it.
 */
#include "serving.h"

#define HEAD "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n"

static void give_away(void *self, int fd, unsigned listener)
{
    *(int *)self = fd;
}

static int given = -1;

static int setup(void **state)
{
    static const struct sl_limits limits = {
        .write_ms = 3000, .idle_ms = 5000, .linger_ms = 400, .rate_grace_ms = 2000};
    static const struct sl__server_events events = {.give = give_away, .self = &given};

    open_server(&limits, NULL, &events);
    given = -1;
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

static struct stream *open_stream(struct client *c, const char *request, const char *head)
{
    connect_client(c);
    say(c, request);
    expect(c, head);
    assert_int_equal(streams[stream_count - 1].why, 1);
    return &streams[stream_count - 1];
}

static void expect_over(struct client *c, struct stream *s, int why)
{
    ticks(3);
    assert_int_equal(s->why, why);
    assert_int_equal(sl__server_connections(server), 0);
    disconnect(c);
}

static void test_goes_on_without_a_request(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detach/5"),
                                   HEAD "5\r\nahov"
                                        "c\r\n");

    assert_int_equal(sl__server_requests(server), 0);
    assert_int_equal(sl__fibers_live(), 0);
    assert_int_equal(sl__server_served(server), 1);
    assert_int_equal(seen.hooks, 1);
    assert_int_equal(push_octets(&s->d, "one", 3), 0);
    assert_int_equal(push_octets(&s->d, "twothreefour", 12), 0);
    assert_int_equal(s->d.queued, 15 + 2 * SL__PIECE_COST);
    expect(&c, "3\r\none\r\nc\r\ntwothreefour\r\n");
    assert_int_equal(s->d.queued, 0);
    pass_ms(3600 * 1000); /* nobody minds */
    expect(&c, "");
    assert_false(c.eof);
    assert_int_equal(push_octets(&s->d, "x", 1), 0);
    expect(&c, "1\r\nx\r\n");
    assert_int_equal(s->d.octets, 10 + 8 + 17 + 6);
    sl__detached_end(&s->d, 0);
    assert_int_equal(push_octets(&s->d, "x", 1), -EPIPE);
    expect(&c, "0\r\n\r\n");
    assert_int_equal(s->why, 0);
    say(&c, GET("/hello")); /* the connection is kept */
    expect(&c, OK("5", "hello"));
    pass_ms(4999);
    expect(&c, "");
    assert_false(c.eof);
    pass_ms(2);
    expect(&c, "");
    assert_true(c.eof);
    disconnect(&c);
}

/* Idle it owns no block, no buffer and no turn; nor when the client has sent what is not its turn.
 */
static void test_owns_nothing(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detach/0"), HEAD);
    struct sl__conn *conn = s->d.conn;

    assert_null(conn->in);
    assert_null(conn->out);
    assert_null(conn->turn);
    say(&c, "GET /hello HTTP/1.1\r\n");
    ticks(3);
    assert_null(conn->in);
    assert_int_equal(push_octets(&s->d, "x", 1), 0);
    expect(&c, "1\r\nx\r\n");
    sl__detached_end(&s->d, 0);
    say(&c, "Host: a\r\n\r\n");
    expect(&c, "0\r\n\r\n" OK("5", "hello"));
    disconnect(&c);
}

static void test_input_behind_it_waits(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detach/0") GET("/hello"), HEAD);
    struct sl__conn *conn = s->d.conn;

    assert_int_equal(conn->in->size, strlen(GET("/hello"))); /* cut to its size */
    sl__detached_end(&s->d, 0);
    expect(&c, "0\r\n\r\n" OK("5", "hello"));
    disconnect(&c);
}

static void test_client_leaves(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detach/0"), HEAD);

    close(c.fd);
    c.fd = -1;
    expect_over(&c, s, -ECONNRESET);
    s = open_stream(&c, GET("/detach/0"), HEAD);
    shutdown(c.fd, SHUT_WR); /* there is no other way to say that it does not want any more */
    expect_over(&c, s, -ECONNRESET);
    s = open_stream(&c, GET("/detach/0") "GET ", HEAD);
    say(&c, "/hello");
    shutdown(c.fd, SHUT_WR); /* behind input that nobody reads */
    expect_over(&c, s, -ECONNRESET);
    connect_client(&c);
    say(&c, GET("/detach/0"));
    shutdown(c.fd, SHUT_WR); /* before it was opened */
    ticks(3);
    assert_int_equal(streams_over, 4);
    disconnect(&c);
}

static void test_end_before_it_begins(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/detachend/1001") "HEAD /detach/9 HTTP/1.1\r\nHost: a\r\n\r\n" GET("/detachdrop"));
    listen_to(&c);
    assert_int_equal(streams_over, 3);
    assert_int_equal(streams[0].why, 0);
    assert_int_equal(streams[1].why, 0);
    assert_int_equal(streams[2].why, -ECANCELED);
    assert_non_null(strstr(c.got, "\r\n1\r\n"));
    assert_non_null(strstr(c.got, "0\r\n\r\n" HEAD OK("5", "other")));
    disconnect(&c);
}

static void test_handler_goes_on(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detachslow"), HEAD);

    assert_int_equal(push_octets(&s->d, "x", 1), 0);
    expect(&c, ""); /* not while the request lives */
    seen.release = true;
    sl__fiber_wake(seen.waiter);
    expect(&c, "5\r\nahovc\r\n1\r\nx\r\n");
    disconnect(&c);
    ticks(3);
    connect_client(&c);
    seen.release = false;
    say(&c, GET("/detachslow"));
    ticks(3);
    disconnect(&c); /* the fiber is cancelled, the answer over */
    ticks(3);
    assert_int_equal(streams[1].why, -ECONNRESET);
}

static void test_old_clients(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, "GET /detach/5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\n" DATE "Connection: close\r\n\r\nahovc");

    assert_int_equal(push_octets(&s->d, "more", 4), 0);
    expect(&c, "more");
    sl__detached_end(&s->d, 0);
    expect(&c, "");
    assert_true(c.eof);
    assert_int_equal(c.error, 0);
    shutdown(c.fd, SHUT_WR);
    expect_over(&c, s, 0);
    s = open_stream(&c, GET_CLOSE("/detach/0"),
                    "HTTP/1.1 200 OK\r\n" DATE
                    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    sl__detached_end(&s->d, 0);
    expect(&c, "0\r\n\r\n");
    assert_true(c.eof);
    expect_over(&c, s, 0);
}

/* What the handler did not read of a body is not to be told from the next request later. */
static void test_unread_body(void **state)
{
    struct client c;
    struct stream *s = open_stream(
        &c, "POST /detach/0 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe",
        "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");

    sl__detached_end(&s->d, 0);
    expect(&c, "0\r\n\r\n");
    assert_true(c.eof);
    say(&c, "llo");
    shutdown(c.fd, SHUT_WR);
    expect_over(&c, s, 0);
}

static size_t fill_up(struct stream *s)
{
    size_t n = 0, before;

    do {
        before = s->d.queued;
        assert_int_equal(push_octets(&s->d, pattern + n, 10000), 0);
        n += 10000;
        ticks(1);
    } while (s->d.queued <= before);
    return n;
}

/* Everything arrives, in order, whatever the socket takes at once. */
static void test_slow_client(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detach/0"), HEAD);
    size_t n = fill_up(s), len;
    char *body;

    for (int i = 0; i < 50; i++, n += 10000)
        assert_int_equal(push_octets(&s->d, pattern + n, 10000), 0);
    sl__detached_end(&s->d, 0);
    memcpy(c.got, HEAD, strlen(HEAD));
    c.len = strlen(HEAD);
    listen_to(&c);
    body = dechunk(&c, &len);
    assert_non_null(body);
    assert_int_equal(len, n);
    assert_memory_equal(body, pattern, n);
    free(body);
    assert_int_equal(s->why, 0);
    disconnect(&c);
}

static void test_client_that_takes_nothing(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detach/0"), HEAD);

    fill_up(s);
    pass_ms(1999);
    assert_int_equal(s->why, 1);
    pass_ms(1000);
    expect_over(&c, s, -ETIMEDOUT);
}

/* However long it lasts: one that takes what it is sent, late or soon, is not slow. */
static void test_client_that_naps(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detach/0"), HEAD);

    for (int i = 0; i < 20; i++) {
        fill_up(s);
        pass_ms(1500);
        listen_to(&c);
        c.len = 0;
        assert_int_equal(s->d.queued, 0);
        assert_int_equal(s->why, 1);
    }
    disconnect(&c);
}

static void test_cut(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detach/0"), HEAD);

    fill_up(s);
    sl__detached_cut(&s->d, -ENOBUFS);
    assert_int_equal(s->why, 1); /* later, in the loop */
    assert_int_equal(push_octets(&s->d, "x", 1), -EPIPE);
    expect_over(&c, s, -ENOBUFS);
}

/* Handed over when the code is new, so that the client can come back on the same connection; closed
 * when the worker stops. Clients that never stop reading hold up neither. */
static void test_leaving(void **state)
{
    struct client c, d;
    struct stream *s = open_stream(&c, GET("/detach/0"), HEAD);
    struct stream *t = open_stream(&d, GET_CLOSE("/detach/0"),
                                   "HTTP/1.1 200 OK\r\n" DATE
                                   "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");

    sl__server_drain(server, SL__DRAIN_HAND_OVER, SL__SEC, false);
    expect(&c, "0\r\n\r\n");
    assert_false(c.eof);
    assert_true(given >= 0);
    close(given);
    expect(&d, "0\r\n\r\n");
    assert_true(d.eof);
    assert_int_equal(s->why, -ESHUTDOWN);
    assert_int_equal(t->why, -ESHUTDOWN);
    shutdown(d.fd, SHUT_WR);
    ticks(3);
    assert_int_equal(sl__server_connections(server), 0);
    disconnect(&c);
    disconnect(&d);
}

static void test_stopping(void **state)
{
    struct client c, d;
    struct stream *s = open_stream(&c, GET("/detach/0"), HEAD);

    connect_client(&d);
    say(&d, GET("/detachslow")); /* opened when the worker is leaving already */
    ticks(2);
    sl__server_drain(server, SL__DRAIN_STOP, SL__SEC, false);
    expect(&c, "0\r\n\r\n");
    assert_true(c.eof);
    assert_int_equal(s->why, -ESHUTDOWN);
    seen.release = true;
    sl__fiber_wake(seen.waiter);
    listen_to(&d);
    assert_true(d.eof);
    assert_int_equal(streams[1].why, -ESHUTDOWN);
    pass_ms(401); /* lingering */
    assert_int_equal(sl__server_connections(server), 0);
    disconnect(&c);
    disconnect(&d);
}

static void test_by_force(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detach/0"), HEAD);

    fill_up(s);
    assert_int_equal(sl__server_cut(server), 0); /* nobody's request */
    expect_over(&c, s, -ECONNRESET);
}

static uint64_t hook_octets;
static int hook_why;

static void hook(uint64_t octets, int why, void *self)
{
    hook_octets = octets;
    hook_why = why;
    assert_int_equal(((struct stream *)self)->why, 1); /* ahead of the owner */
}

static void test_hooks(void **state)
{
    struct client c;
    struct stream *s = open_stream(&c, GET("/detach/5"), HEAD "5\r\nahovc\r\n");

    assert_int_equal(sl__detached_on_over(&s->d, hook, s), 0);
    sl__detached_end(&s->d, 0);
    sl__detached_end(&s->d, -ESHUTDOWN);
    expect(&c, "0\r\n\r\n");
    assert_int_equal(hook_octets, 10);
    assert_int_equal(hook_why, 0);
    disconnect(&c);
}

static unsigned count_heard(struct client *clients, unsigned n, const char *text)
{
    unsigned heard = 0;

    for (unsigned i = 0; i < n; i++) {
        hear(&clients[i]);
        heard += strcmp(clients[i].got, text) == 0;
    }
    return heard;
}

/* One piece for many: some each tick, and whoever has another request does not wait for all. */
static void test_many(void **state)
{
    enum { MANY = 600 };
    static struct client clients[MANY];
    struct sl__piece *p = sl__piece_new(4);
    struct client other;

    for (int i = 0; i < MANY; i++) {
        open_stream(&clients[i], GET("/detach/0"), HEAD);
        clients[i].got[0] = '\0';
    }
    connect_client(&other);
    memcpy(p->bytes, "news", 4);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(sl__detached_push(&streams[i].d, p), 0);
    assert_int_equal(p->refs, 1 + MANY);
    say(&other, GET("/hello"));
    ticks(1);
    hear(&other);
    assert_string_equal(other.got, OK("5", "hello"));
    assert_in_range(count_heard(clients, MANY, "4\r\nnews\r\n"), 1, MANY / 2);
    ticks(3);
    assert_int_equal(count_heard(clients, MANY, "4\r\nnews\r\n"), MANY);
    assert_int_equal(p->refs, 1);
    sl__piece_unref(p);
    for (int i = 0; i < MANY; i++)
        disconnect(&clients[i]);
    disconnect(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_goes_on_without_a_request),
        TEST(test_owns_nothing),
        TEST(test_input_behind_it_waits),
        TEST(test_client_leaves),
        TEST(test_end_before_it_begins),
        TEST(test_handler_goes_on),
        TEST(test_old_clients),
        TEST(test_unread_body),
        TEST(test_slow_client),
        TEST(test_client_that_takes_nothing),
        TEST(test_client_that_naps),
        TEST(test_cut),
        TEST(test_leaving),
        TEST(test_stopping),
        TEST(test_by_force),
        TEST(test_hooks),
        TEST(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
