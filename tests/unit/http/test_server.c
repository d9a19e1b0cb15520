/*
 * The server as a whole, on real TCP sockets where it matters: accepting and pausing, the gate,
 * limits, and the ways it ends.
 */
#include "serving.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>

static struct {
    int drained, given;
    int given_fd;
    unsigned given_listener;
    unsigned told; /* the gate: connections */
    enum sl__crowd crowd;
    unsigned asked;
    uint32_t taken;
    bool open;
} heard;

static void on_drained(void *self)
{
    heard.drained++;
}

static void on_give(void *self, int fd, unsigned listener)
{
    heard.given++;
    if (heard.given_fd >= 0)
        close(heard.given_fd);
    heard.given_fd = fd;
    heard.given_listener = listener;
}

static void gate_set(struct sl__gate *g, unsigned connections)
{
    heard.told = connections;
}

static enum sl__crowd gate_crowd(struct sl__gate *g)
{
    heard.asked++;
    return heard.crowd;
}

static void gate_open(struct sl__gate *g, bool open)
{
    heard.open = open;
}

static uint32_t gate_taken(struct sl__gate *g)
{
    return heard.taken;
}

static struct sl__gate gate = {gate_set, gate_crowd, gate_open, gate_taken};
static struct sockaddr_in address;

static void start(const struct sl_limits *limits)
{
    static const struct sl__server_events events = {.drained = on_drained, .give = on_give};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memset(&heard, 0, sizeof(heard));
    heard.given_fd = -1;
    open_server(limits, &gate, &events);
    address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(sl__server_add_listener(server, fd), 0);
    assert_int_equal(sl__server_accept(server), 0);
}

static int setup(void **state)
{
    start(NULL);
    return 0;
}

static int teardown(void **state)
{
    if (heard.given_fd >= 0)
        close(heard.given_fd);
    if (server)
        close_server();
    return 0;
}

static void dial(struct client *c)
{
    *c = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        assert_int_equal(errno, EINPROGRESS);
}

/* TCP may take a moment even on loopback: waits until @p text has come, and the end if wanted. */
static void await(struct client *c, const char *text, bool end)
{
    for (int i = 0; i < 2000 && (c->len < strlen(text) || (end && !c->eof)); i++) {
        assert_int_equal(sl__loop_once(&loop, 1), 0);
        hear(c);
    }
    if (strcmp(c->got, text) != 0 || (end && !c->eof))
        fail_msg("got %s (%s)", c->got, c->eof ? "end" : "open");
    c->len = 0;
}

static void await_connections(unsigned n)
{
    for (int i = 0; i < 2000 && sl__server_connections(server) != n; i++)
        assert_int_equal(sl__loop_once(&loop, 1), 0);
    assert_int_equal(sl__server_connections(server), n);
}

static struct sl__conn *first_conn(void)
{
    return SL__OWNER(((struct sl__conns *)(void *)server)->all.next, struct sl__conn, link);
}

static void test_tcp(void **state)
{
    struct sockaddr_in mine;
    struct client c;
    char text[256], name[64];
    socklen_t len = sizeof(mine);
    int on = 0;

    dial(&c);
    say(&c, GET("/hello"));
    await(&c, OK("5", "hello"), false);
    assert_int_equal(getsockname(c.fd, (struct sockaddr *)&mine, &len), 0);
    snprintf(name, sizeof(name), "127.0.0.1:%d", ntohs(mine.sin_port));
    snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n" DATE "Content-Length: %zu\r\n\r\n%s",
             strlen(name), name);
    say(&c, GET("/remote"));
    await(&c, text, false);
    len = sizeof(on);
    assert_int_equal(getsockopt(first_conn()->watch.fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_true(on); /* inherited */
    assert_int_equal(sl__server_served(server), 2);
    assert_int_equal(heard.told, 1);
    disconnect(&c);
    await_connections(0);
    assert_int_equal(heard.told, 0);
}

static void test_reset_cancels(void **state)
{
    struct linger at_once = {.l_onoff = 1};
    struct client c;

    dial(&c);
    say(&c, GET("/wait"));
    for (int i = 0; i < 2000 && !seen.waiter; i++)
        sl__loop_once(&loop, 1);
    assert_int_equal(sl__server_requests(server), 1);
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    disconnect(&c);
    await_connections(0);
    assert_int_equal(seen.last_wait, -ECANCELED);
}

static void test_reset_of_the_idle(void **state)
{
    struct linger at_once = {.l_onoff = 1};
    struct client c;

    dial(&c);
    await_connections(1);
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    disconnect(&c);
    await_connections(0);
}

/* Who takes nothing is reset, so that the kernel need not keep what nobody wants. */
static void test_no_reader_is_reset(void **state)
{
    struct client c;

    dial(&c);
    say(&c, GET("/file/4000000") GET("/file/4000000") GET("/file/4000000") GET("/file/4000000"));
    for (int i = 0; i < 30; i++)
        sl__loop_once(&loop, 1);
    for (int i = 0; i < 2; i++) { /* the client's kernel may have taken something since */
        test_now += 30 * SL__SEC;
        sl__loop_once(&loop, 1);
    }
    await_connections(0);
    for (int i = 0; i < 100 && !c.eof; i++) {
        hear(&c);
        usleep(1000);
    }
    assert_int_equal(c.error, ECONNRESET);
    disconnect(&c);
}

static void test_failed_stream_of_1_0_resets(void **state)
{
    struct client c;

    dial(&c);
    say(&c, "GET /sourcefail/3 HTTP/1.0\r\n\r\n");
    for (int i = 0; i < 2000 && !c.eof; i++) {
        sl__loop_once(&loop, 1);
        hear(&c);
    }
    assert_int_equal(c.error, ECONNRESET);
    disconnect(&c);
}

/* The answer survives, though the client goes on sending (RFC 9112 §9.6). */
static void test_answer_survives_unread_input(void **state)
{
    struct client c;

    dial(&c);
    say(&c, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    for (int i = 0; i < 12; i++)
        assert_true(send(c.fd, pattern, 16384, MSG_NOSIGNAL) > 0);
    for (int i = 0; i < 20; i++)
        sl__loop_once(&loop, 1);
    await(&c, OK_CLOSE("5", "hello"), true);
    assert_int_equal(c.error, 0);
    shutdown(c.fd, SHUT_WR);
    await_connections(0);
    disconnect(&c);
}

static int accept_error, accept_failures;

static ssize_t fail_accept(enum sl__sys_call call)
{
    if (call != SL__SYS_ACCEPT || accept_failures == 0)
        return 0;
    accept_failures--;
    return accept_error;
}

static void test_out_of_descriptors(void **state)
{
    static const int errors[] = {-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM};

    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        struct client first, second;

        dial(&first);
        await_connections(1);
        accept_error = errors[i];
        accept_failures = 1;
        sl__sys_fault = fail_accept;
        dial(&second);
        say(&second, GET("/hello"));
        say(&first, GET("/hello"));
        await(&first, OK("5", "hello"), false); /* served meanwhile */
        for (int j = 0; j < 5; j++)
            sl__loop_once(&loop, 1);
        assert_int_equal(accept_failures, 0);
        assert_int_equal(sl__server_connections(server), 1);
        test_now += 50 * SL__MS;
        await(&second, OK("5", "hello"), false);
        sl__sys_fault = NULL;
        disconnect(&first);
        disconnect(&second);
        await_connections(0);
    }
}

static void test_aborted_before_accept(void **state)
{
    struct client c;

    accept_error = -ECONNABORTED;
    accept_failures = 3;
    sl__sys_fault = fail_accept;
    dial(&c);
    say(&c, GET("/hello"));
    await(&c, OK("5", "hello"), false); /* without a pause */
    disconnect(&c);
}

static void test_gate(void **state)
{
    struct client first, second;

    dial(&first);
    heard.crowd = SL__CROWD_FAR;
    await_connections(1);
    assert_false(heard.open);
    dial(&second);
    say(&second, GET("/hello"));
    for (int i = 0; i < 5; i++) {
        heard.taken++; /* others do take connections */
        test_now += 20 * SL__MS;
        sl__loop_once(&loop, 1);
    }
    assert_int_equal(sl__server_connections(server), 1);
    heard.crowd = SL__CROWD_NONE;
    for (int i = 0; i < 5; i++)
        sl__loop_once(&loop, 1);
    assert_int_equal(sl__server_connections(server), 1); /* not asked yet */
    test_now += 20 * SL__MS;
    await(&second, OK("5", "hello"), false);
    assert_int_equal(heard.told, 2);
    disconnect(&first);
    disconnect(&second);
}

/* The others take nothing, though somebody waits: after 20 ms to 40 ms it is not asked why. */
static void test_gate_gives_relief(void **state)
{
    struct client first, second, third;

    dial(&first);
    heard.crowd = SL__CROWD_FAR;
    await_connections(1);
    for (int i = 0; i < 10; i++) { /* asked as rarely as it gets, and nobody waits */
        test_now += 20 * SL__MS;
        sl__loop_once(&loop, 1);
    }
    assert_int_equal(sl__server_connections(server), 1);
    dial(&second);
    say(&second, GET("/hello"));
    test_now += 19 * SL__MS;
    sl__loop_once(&loop, 1);
    assert_int_equal(sl__server_connections(server), 1);
    for (int i = 0; i < 2; i++) {
        test_now += 20 * SL__MS;
        sl__loop_once(&loop, 1);
    }
    await(&second, OK("5", "hello"), false);
    test_now += 20 * SL__MS; /* then it is closed again */
    sl__loop_once(&loop, 1);
    assert_false(heard.open);
    dial(&third);
    for (int i = 0; i < 5; i++)
        sl__loop_once(&loop, 1);
    assert_int_equal(sl__server_connections(server), 2);
    disconnect(&first);
    disconnect(&second);
    disconnect(&third);
}

/* Far above the mean, but all others have left the accept set: one connection every millisecond,
 * until they are asked and come back. */
static void test_gate_alone(void **state)
{
    struct client c[4];

    heard.crowd = SL__CROWD_ALONE;
    for (int i = 0; i < 4; i++)
        dial(&c[i]);
    await_connections(1);
    for (unsigned n = 1; n < 4; n++) {
        for (int i = 0; i < 3; i++)
            sl__loop_once(&loop, 1);
        assert_int_equal(sl__server_connections(server), n);
        test_now += SL__MS;
        await_connections(n + 1);
    }
    for (int i = 0; i < 4; i++)
        disconnect(&c[i]);
}

/* Above the mean: goes on accepting, behind the others. */
static void test_gate_to_the_rear(void **state)
{
    struct client c[3];

    heard.crowd = SL__CROWD_ABOVE;
    for (int i = 0; i < 3; i++)
        dial(&c[i]);
    await_connections(3);
    assert_true(heard.open);
    assert_int_equal(heard.asked, 3);
    for (int i = 0; i < 3; i++)
        disconnect(&c[i]);
}

static void test_connections_limit(void **state)
{
    static const struct sl_limits limits = {.connections = 2};
    struct client c[3];

    close_server();
    start(&limits);
    for (int i = 0; i < 3; i++) {
        dial(&c[i]);
        say(&c[i], GET("/hello"));
    }
    await(&c[0], OK("5", "hello"), false);
    await(&c[1], OK("5", "hello"), false);
    for (int i = 0; i < 5; i++)
        sl__loop_once(&loop, 1);
    assert_int_equal(sl__server_connections(server), 2);
    disconnect(&c[0]);
    await(&c[2], OK("5", "hello"), false);
    disconnect(&c[1]);
    disconnect(&c[2]);
}

static void test_fibers_limit(void **state)
{
    static const struct sl_limits limits = {.fibers = 1};
    struct client first, second;

    close_server();
    start(&limits);
    connect_client(&first);
    connect_client(&second);
    say(&first, GET("/wait"));
    ticks(2);
    say(&second, GET("/hello"));
    expect(
        &second,
        "HTTP/1.1 503 Service Unavailable\r\n" DATE "Content-Length: 20\r\nConnection: close\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n\r\nService Unavailable\n");
    assert_true(second.eof);
    seen.release = true;
    sl__fiber_wake(seen.waiter);
    expect(&first, OK("6", "waited"));
    disconnect(&first);
    disconnect(&second);
}

static void test_requests_limit(void **state)
{
    static const struct sl_limits limits = {.connection_requests = 2};
    struct client c;

    close_server();
    start(&limits);
    connect_client(&c);
    say(&c, GET("/hello") GET("/hello") GET("/hello"));
    expect(&c, OK("5", "hello") OK_CLOSE("5", "hello"));
    assert_true(c.eof);
    disconnect(&c);
}

static void test_large_head(void **state)
{
    static const struct sl_limits limits = {.head_bytes = 65536};
    static char head[70000];
    struct client c;

    close_server();
    start(&limits);
    for (size_t size = 15000; size < 66000; size += 5000) { /* over one block, two, four */
        strcpy(head, GET("/hello") "GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
        memset(head + strlen(head), 'x', size - strlen(head) - 4);
        strcpy(head + size - 4, "\r\n\r\n");
        for (size_t cut = 1000; cut < size; cut += 7000) {
            connect_client(&c);
            put(&c, head, cut);
            ticks(2);
            put(&c, head + cut, size - cut);
            expect(&c, OK("5", "hello") OK("5", "hello"));
            disconnect(&c);
        }
    }
    memset(head, 'x', sizeof(head) - 1);
    memcpy(head, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
    connect_client(&c);
    for (size_t at = 0; at < 66000; at += 1000)
        put(&c, head + at, 1000);
    listen_to(&c);
    assert_memory_equal(c.got, "HTTP/1.1 431 ", 13);
    assert_true(c.eof);
    disconnect(&c);
}

static void test_hand_over(void **state)
{
    struct client idle, waiting, partial, fresh;
    int fd;

    connect_client(&idle);
    say(&idle, GET("/hello"));
    expect(&idle, OK("5", "hello"));
    connect_client(&waiting);
    say(&waiting, GET("/wait") GET("/hello"));
    connect_client(&partial);
    say(&partial, "GET /hello HTTP");
    ticks(2);
    sl__server_drain(server, SL__DRAIN_HAND_OVER, 0, false);
    assert_int_equal(heard.given, 1);
    assert_int_equal(heard.given_listener, 3);
    assert_int_equal(sl__server_connections(server), 2);

    say(&partial, "/1.1\r\nHost: a\r\n\r\n");
    expect(&partial, OK_CLOSE("5", "hello"));
    disconnect(&partial);
    seen.release = true;
    sl__fiber_wake(seen.waiter);
    expect(&waiting, OK_CLOSE("6", "waited"));
    assert_true(waiting.eof);
    assert_int_equal(heard.drained, 0);
    disconnect(&waiting);
    ticks(2);
    assert_int_equal(heard.drained, 1);
    assert_int_equal(sl__server_connections(server), 0);

    /* The next generation takes it; nobody noticed. */
    fd = heard.given_fd;
    close_server();
    start(NULL);
    assert_int_equal(sl__server_adopt(server, fd, 0), 0);
    say(&idle, GET("/hello"));
    expect(&idle, OK("5", "hello"));
    disconnect(&idle);
    dial(&fresh);
    disconnect(&fresh);
}

/* An answer that is still going out when the order comes: the connection is idle thereafter. */
static void test_hand_over_behind_an_answer(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/file/3000000"));
    ticks(5);
    sl__server_drain(server, SL__DRAIN_HAND_OVER, 0, false);
    assert_int_equal(heard.given, 0);
    listen_to(&c);
    assert_int_equal(heard.given, 1);
    assert_int_equal(heard.drained, 1);
    disconnect(&c);
}

static void test_stop(void **state)
{
    struct client late, silent;

    connect_client(&late);
    connect_client(&silent);
    ticks(1);
    sl__server_drain(server, SL__DRAIN_STOP, 500 * SL__MS, false);
    ticks(2);
    assert_int_equal(heard.given, 0);
    test_now += 499 * SL__MS;
    ticks(2);
    say(&late, GET("/hello") GET("/hello"));
    expect(&late, OK_CLOSE("5", "hello"));
    assert_true(late.eof);
    expect(&silent, "");
    assert_false(silent.eof);
    test_now += 1 * SL__MS;
    expect(&silent, "");
    assert_true(silent.eof);
    disconnect(&late);
    ticks(2);
    assert_int_equal(heard.drained, 1);
    disconnect(&silent);
}

static void test_stop_after_hand_over(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/wait"));
    ticks(2);
    sl__server_drain(server, SL__DRAIN_HAND_OVER, 0, false);
    sl__server_drain(server, SL__DRAIN_STOP, 100 * SL__MS, false);
    seen.release = true;
    sl__fiber_wake(seen.waiter);
    expect(&c, OK_CLOSE("6", "waited"));
    disconnect(&c);
    ticks(2);
    assert_int_equal(heard.drained, 1);
}

static void test_queued_are_taken(void **state)
{
    struct client c[5], refused;

    for (int i = 0; i < 5; i++) {
        dial(&c[i]);
        say(&c[i], GET("/hello"));
    }
    sl__server_drain(server, SL__DRAIN_STOP, 1000 * SL__MS, true);
    assert_int_equal(sl__server_connections(server), 5);
    refused = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(refused.fd, (struct sockaddr *)&address, sizeof(address)), -1);
    assert_int_equal(errno, ECONNREFUSED); /* the port is free at once */
    disconnect(&refused);
    for (int i = 0; i < 5; i++) {
        await(&c[i], OK_CLOSE("5", "hello"), true);
        disconnect(&c[i]);
    }
    await_connections(0);
    ticks(1);
    assert_int_equal(heard.drained, 1);
}

static void test_drain_of_nothing(void **state)
{
    sl__server_drain(server, SL__DRAIN_HAND_OVER, 0, false);
    assert_int_equal(heard.drained, 0); /* never from inside the call */
    ticks(1);
    assert_int_equal(heard.drained, 1);
}

static void test_cut(void **state)
{
    struct client idle, waiting, file;

    connect_client(&idle);
    connect_client(&waiting);
    connect_client(&file);
    say(&waiting, GET("/wait"));
    say(&file, GET("/file/3000000"));
    ticks(3);
    sl__server_drain(server, SL__DRAIN_STOP, 1000 * SL__MS, false);
    assert_int_equal(sl__server_cut(server), 2);
    ticks(3);
    assert_int_equal(seen.last_wait, -ECANCELED);
    assert_int_equal(sl__server_connections(server), 0);
    assert_int_equal(heard.drained, 1);
    expect(&waiting, "");
    assert_true(waiting.eof);
    disconnect(&idle);
    disconnect(&waiting);
    disconnect(&file);
}

static void test_free_closes(void **state)
{
    struct client idle, file;

    connect_client(&idle);
    connect_client(&file);
    say(&file, GET("/file/3000000"));
    ticks(3);
    sl__server_free(server);
    server = NULL;
    hear(&idle);
    assert_true(idle.eof);
    disconnect(&idle);
    disconnect(&file);
    sl__fibers_finish();
    sl__loop_finish(&loop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_tcp),
        TEST(test_reset_cancels),
        TEST(test_reset_of_the_idle),
        TEST(test_no_reader_is_reset),
        TEST(test_failed_stream_of_1_0_resets),
        TEST(test_answer_survives_unread_input),
        TEST(test_out_of_descriptors),
        TEST(test_aborted_before_accept),
        TEST(test_gate),
        TEST(test_gate_gives_relief),
        TEST(test_gate_alone),
        TEST(test_gate_to_the_rear),
        TEST(test_connections_limit),
        TEST(test_fibers_limit),
        TEST(test_requests_limit),
        TEST(test_large_head),
        TEST(test_hand_over),
        TEST(test_hand_over_behind_an_answer),
        TEST(test_stop),
        TEST(test_stop_after_hand_over),
        TEST(test_queued_are_taken),
        TEST(test_drain_of_nothing),
        TEST(test_cut),
        TEST(test_free_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
