/*
 * One connection after another: requests in, answers out, however the octets are cut and whatever
 * fails.
 */
#include "serving.h"

static unsigned calls[SL__SYS_COUNT];

static ssize_t count_calls(enum sl__sys_call call)
{
    calls[call]++;
    return 0;
}

static int setup(void **state)
{
    open_server(NULL, NULL, NULL);
    memset(calls, 0, sizeof(calls));
    return 0;
}

static int teardown(void **state)
{
    close_server();
    return 0;
}

static void test_hello(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/hello"));
    expect(&c, OK("5", "hello"));
    say(&c, GET("/hello"));
    expect(&c, OK("5", "hello"));
    say(&c, GET_CLOSE("/hello"));
    expect(&c, OK_CLOSE("5", "hello"));
    assert_true(c.eof);
    assert_int_equal(sl__server_served(server), 3);
    assert_int_equal(sl__server_connections(server), 0); /* nothing to linger for */
    disconnect(&c);
}

static void test_steady_state(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/hello"));
    expect(&c, OK("5", "hello"));
    memset(calls, 0, sizeof(calls));
    sl__sys_fault = count_calls;
    for (int i = 0; i < 10; i++) {
        test_now += 10 * SL__MS;
        say(&c, GET("/hello") GET("/hello") GET("/hello") GET("/hello"));
        ticks(1);
        assert_int_equal(calls[SL__SYS_RECV], i + 1);
        assert_int_equal(calls[SL__SYS_SEND], i + 1); /* one for all four answers */
        assert_int_equal(calls[SL__SYS_EPOLL_CTL], 0);
        hear(&c);
        assert_int_equal(c.len, 4 * strlen(OK("5", "hello")));
        c.len = 0;
    }
    disconnect(&c);
}

static bool no_memory(size_t size)
{
    return true;
}

static void test_steady_state_allocates_nothing(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/hello"));
    expect(&c, OK("5", "hello"));
    sl__mem_fault = no_memory;
    for (int i = 0; i < 10; i++) {
        say(&c, GET("/hello") GET("/hello"));
        expect(&c, OK("5", "hello") OK("5", "hello"));
    }
    disconnect(&c);
}

static void test_idle_owns_nothing(void **state)
{
    struct client c;
    struct sl__conn *conn;

    connect_client(&c);
    say(&c, GET("/hello"));
    expect(&c, OK("5", "hello"));
    conn = SL__OWNER(((struct sl__conns *)(void *)server)->all.next, struct sl__conn, link);
    assert_null(conn->in);
    assert_null(conn->out);
    assert_null(conn->turn);
    say(&c, "GET / HTT");
    ticks(1);
    assert_int_equal(conn->in->size, 9); /* parked */
    say(&c, "P/1.1\r\nHost: a\r\n\r\n");
    ticks(1);
    assert_null(conn->in);
    disconnect(&c);
}

/* What is said, and what must come, whatever the cuts. The client half-closes at the end. */
static const struct talk {
    const char *name, *said, *heard;
} talks[] = {
    {"pipeline", GET("/hello") GET("/bytes/3") GET("/hello"),
     OK("5", "hello") OK("3", "aho") OK("5", "hello")},
    {"length echo",
     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world" GET("/hello"),
     OK("11", "hello world") OK("5", "hello")},
    {"chunked echo",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n "
     "world\r\n0\r\nX: y\r\n\r\n" GET("/hello"),
     OK("11", "hello world") OK("5", "hello")},
    {"chunked echo in sips",
     "POST /sip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n8\r\nlo "
     "world\r\n0\r\n\r\n" GET("/hello"),
     OK("11", "hello world") OK("5", "hello")},
    {"unread bodies",
     "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
     "POST /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
     "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET("/hello"),
     OK("5", "hello") OK("5", "hello") OK("5", "hello")},
    {"unread body over discard_bytes",
     "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 262145\r\n\r\nabc",
     OK_CLOSE("5", "hello")},
    {"unread broken body",
     "POST /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" GET("/hello"),
     OK("5", "hello")},
    {"broken body",
     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX" GET("/hello"),
     "HTTP/1.1 400 Bad Request\r\n" DATE "Content-Length: 0\r\nConnection: close\r\n\r\n"},
    {"body cut short", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
     "HTTP/1.1 400 Bad Request\r\n" DATE "Content-Length: 0\r\nConnection: close\r\n\r\n"},
    {"expectation nobody met",
     "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc" GET(
         "/hello"),
     OK_CLOSE("5", "hello")},
    {"good, bad, good", GET("/hello") "GET / HTTP/1.1\r\nHost : a\r\n\r\n" GET("/hello"),
     OK("5", "hello") "HTTP/1.1 400 Bad Request\r\n" DATE "Content-Length: 12\r\n"
                      "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
                      "Bad Request\n"},
    {"head cut short", GET("/hello") "GET / HT",
     OK("5", "hello") "HTTP/1.1 400 Bad Request\r\n" DATE "Content-Length: 12\r\n"
                      "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
                      "Bad Request\n"},
    {"empty lines are nothing", "\r\n" GET("/hello") "\r\n\r\n", OK("5", "hello")},
    {"HEAD", "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" GET("/hello"), OK("5", "") OK("5", "hello")},
    {"HEAD of streams",
     "HEAD /source/10 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /push/10 HTTP/1.1\r\nHost: a\r\n\r\n"
     "HEAD /pushlen/10 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /file/10 HTTP/1.1\r\nHost: a\r\n\r\n",
     "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n"
     "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n" OK("10", "") OK("10", "")},
    {"204 and 304", GET("/status/204") GET("/status/304") GET("/hello"),
     "HTTP/1.1 204 No Content\r\n" DATE "\r\n"
     "HTTP/1.1 304 Not Modified\r\n" DATE "\r\n" OK("5", "hello")},
    {"HTTP/1.0", "GET /hello HTTP/1.0\r\n\r\n" GET("/hello"), OK_CLOSE("5", "hello")},
    {"HTTP/1.0 kept alive",
     "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello HTTP/1.0\r\n\r\n",
     "HTTP/1.1 200 OK\r\n" DATE
     "Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello" OK_CLOSE("5", "hello")},
    {"HTTP/1.0 push", "GET /push/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET("/hello"),
     "HTTP/1.1 200 OK\r\n" DATE "Connection: close\r\n\r\naho"},
    {"push", GET("/push/3") GET("/hello"),
     "HTTP/1.1 200 OK\r\n" DATE
     "Transfer-Encoding: chunked\r\n\r\n3\r\naho\r\n0\r\n\r\n" OK("5", "hello")},
    {"push with a length", GET("/pushlen/3") GET("/hello"), OK("3", "aho") OK("5", "hello")},
    {"push with too little", GET("/pushshort/3") GET("/hello"), OK("4", "aho")},
    {"source", GET("/source/3") GET("/hello"),
     "HTTP/1.1 200 OK\r\n" DATE
     "Transfer-Encoding: chunked\r\n\r\n3\r\naho\r\n0\r\n\r\n" OK("5", "hello")},
    {"source with a length", GET("/sourcelen/3") GET("/hello"), OK("3", "aho") OK("5", "hello")},
    {"source with too little", GET("/sourceshort/3") GET("/hello"), OK("4", "aho")},
    {"source that fails", GET("/sourcefail/3") GET("/hello"),
     "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n3\r\naho\r\n"},
    {"lent", GET("/lent/3") "HEAD /lent/3 HTTP/1.1\r\nHost: a\r\n\r\n" GET("/lent/0"),
     OK("3", "aho") OK("3", "") OK("0", "")},
    {"file", GET("/file/3") GET("/file/0") GET("/hello"),
     OK("3", "aho") OK("0", "") OK("5", "hello")},
    {"file that became shorter", GET("/hello") GET("/fileshort/3") GET("/hello"),
     OK("5", "hello") "HTTP/1.1 500 Internal Server Error\r\n" DATE
                      "Content-Length: 0\r\nConnection: close\r\n\r\n"},
    {"long pushed echo",
     "POST /pushecho HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" GET("/hello"),
     OK("0", "") OK("5", "hello")},
    {"HEAD of a stream for HTTP/1.0", "HEAD /source/3 HTTP/1.0\r\n\r\n",
     "HTTP/1.1 200 OK\r\n" DATE "Connection: close\r\n\r\n"},
    {"HEAD with a length of its own", "HEAD /length HTTP/1.1\r\nHost: a\r\n\r\n", OK("77", "")},
    {"too many empty lines", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n" GET("/hello"),
     "HTTP/1.1 400 Bad Request\r\n" DATE "Content-Length: 12\r\n"
     "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBad Request\n"},
    {"eight empty lines", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n" GET("/hello"), OK("5", "hello")},
    {"empty lines each time",
     "\r\n\r\n\r\n\r\n\r\n" GET("/hello") "\r\n\r\n\r\n\r\n\r\n" GET("/hello"),
     OK("5", "hello") OK("5", "hello")},
    {"nobody", GET("/nowhere"), "HTTP/1.1 404 Not Found\r\n" DATE "Content-Length: 0\r\n\r\n"},
    {"target too long", "GET /$ HTTP/1.1\r\nHost: a\r\n\r\n",
     "HTTP/1.1 414 URI Too Long\r\n" DATE "Content-Length: 13\r\nConnection: close\r\n"
     "Content-Type: text/plain; charset=utf-8\r\n\r\nURI Too Long\n"},
    {"version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
     "HTTP/1.1 505 HTTP Version Not Supported\r\n" DATE "Content-Length: 27\r\n"
     "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHTTP Version Not "
     "Supported\n"},
};

#define TALKS (sizeof(talks) / sizeof(*talks))

/* A '$' stands for 9,000 octets. */
static size_t said_of(const struct talk *t, char *buf)
{
    const char *hole = strchr(t->said, '$');

    if (!hole) {
        strcpy(buf, t->said);
        return strlen(buf);
    }
    memcpy(buf, t->said, (size_t)(hole - t->said));
    memset(buf + (hole - t->said), 'x', 9000);
    strcpy(buf + (hole - t->said) + 9000, hole + 1);
    return strlen(buf);
}

static void check_talk(const struct talk *t, struct client *c, const char *how, size_t where)
{
    shutdown(c->fd, SHUT_WR);
    listen_to(c);
    if (strcmp(c->got, t->heard) != 0)
        fail_msg("%s, %s %zu: %s", t->name, how, where, c->got);
    if (!c->eof)
        fail_msg("%s, %s %zu: not closed", t->name, how, where);
    disconnect(c);
}

static void test_talks_whole(void **state)
{
    static char said[16384];
    struct client c;

    for (size_t i = 0; i < TALKS; i++) {
        connect_client(&c);
        put(&c, said, said_of(&talks[i], said));
        check_talk(&talks[i], &c, "whole", 0);
    }
    for (size_t i = 0; i < TALKS; i++) { /* with the answers taken before the end */
        connect_client(&c);
        put(&c, said, said_of(&talks[i], said));
        listen_to(&c);
        check_talk(&talks[i], &c, "patient", 0);
    }
}

static void test_talks_cut(void **state)
{
    static char said[16384];
    struct client c;

    for (size_t i = 0; i < TALKS; i++) {
        size_t len = said_of(&talks[i], said), step = len > 1000 ? 97 : 1;

        for (size_t cut = 1; cut < len; cut += step) {
            connect_client(&c);
            put(&c, said, cut);
            ticks(2);
            hear(&c);
            if (!c.eof)
                put(&c, said + cut, len - cut);
            check_talk(&talks[i], &c, "cut at", cut);
        }
    }
}

static void test_talks_by_octets(void **state)
{
    static char said[16384];
    struct client c;

    for (size_t i = 0; i < TALKS; i++) {
        size_t len = said_of(&talks[i], said);

        connect_client(&c);
        for (size_t at = 0; at < len && !c.eof; at++) {
            put(&c, said + at, 1);
            ticks(1);
            hear(&c);
        }
        check_talk(&talks[i], &c, "by octets", 0);
    }
}

static unsigned fault_seed;

/* Short and refused reads and writes, in an order that the seed gives. */
static ssize_t stutter(enum sl__sys_call call)
{
    unsigned r;

    if (call != SL__SYS_RECV && call != SL__SYS_SEND && call != SL__SYS_SENDMSG &&
        call != SL__SYS_SENDFILE)
        return 0;
    fault_seed = fault_seed * 1103515245u + 12345u;
    r = fault_seed >> 16;
    if (r % 4 == 0)
        return -EAGAIN;
    return r % 4 == 1 ? 0 : 1 + r / 4 % 19;
}

static void listen_long(struct client *c)
{
    for (int i = 0; i < 3000 && !c->eof; i++) {
        ticks(1);
        hear(c);
    }
}

static void test_talks_stuttered(void **state)
{
    static char said[16384];
    struct client c;

    sl__sys_fault = stutter;
    for (size_t i = 0; i < TALKS; i++)
        for (unsigned seed = 0; seed < 30; seed++) {
            fault_seed = seed;
            connect_client(&c);
            put(&c, said, said_of(&talks[i], said));
            shutdown(c.fd, SHUT_WR);
            listen_long(&c);
            check_talk(&talks[i], &c, "stuttered", seed);
        }
}

static unsigned fail_at, asked;
static int fail_error;

static ssize_t fail_nth(enum sl__sys_call call)
{
    if (call == SL__SYS_EPOLL_WAIT)
        return 0;
    return asked++ == fail_at ? fail_error : 0;
}

static bool fail_nth_memory(size_t size)
{
    return asked++ == fail_at;
}

/* A conversation with everything in it; anything may come of it but a crash, a leak, or an answer
 * that looks complete and is not. */
static void converse(void)
{
    static const char all[] = GET("/hello") GET("/bytes/200000") GET("/file/100000")
        GET("/lent/70000") GET("/source/9") GET(
            "/push/5000") "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                          "POST /trailer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "5\r\nhello\r\n0\r\nX: y\r\n\r\n" GET("/remote") "GET / HTTP/9";
    struct client c;
    int pair[2];

    memset(seen.trailer, 0, sizeof(seen.trailer));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    c = (struct client){.fd = pair[0]};
    if (sl__server_adopt(server, pair[1], 0) == 0) {
        ssize_t n = send(c.fd, all, 100, MSG_NOSIGNAL);
        listen_to(&c);
        if (n > 0)
            n = send(c.fd, all + 100, sizeof(all) - 101, MSG_NOSIGNAL);
        listen_to(&c);
        shutdown(c.fd, SHUT_WR);
        listen_long(&c);
        assert_true(c.eof);
    }
    disconnect(&c);
    ticks(2);
    assert_int_equal(sl__server_connections(server), 0);
}

static void test_nth_call_fails(void **state)
{
    static const int errors[] = {-ECONNRESET, -ENOMEM, -EPIPE, -EAGAIN};

    for (size_t e = 0; e < sizeof(errors) / sizeof(*errors); e++) {
        fail_error = errors[e];
        for (fail_at = 0, asked = 1; fail_at < asked; fail_at++) {
            asked = 0;
            sl__sys_fault = fail_nth;
            converse();
            sl__sys_fault = NULL;
            assert_true(asked < 1000);
        }
    }
}

static void test_nth_allocation_fails(void **state)
{
    bool more = true;

    for (fail_at = 0; more; fail_at++) {
        close_server(); /* a new one has empty pools */
        open_server(NULL, NULL, NULL);
        asked = 0;
        sl__mem_fault = fail_nth_memory;
        converse();
        sl__mem_fault = NULL;
        more = asked > fail_at;
    }
    assert_true(fail_at > 10);
}

static void check_body(const struct client *c, const char *body, size_t len, size_t wanted)
{
    assert_non_null(body);
    assert_int_equal(len, wanted);
    assert_memory_equal(body, pattern, wanted);
}

static void test_large(void **state)
{
    static const char *const paths[] = {"/bytes/",     "/lent/", "/file/",    "/source/",
                                        "/sourcelen/", "/push/", "/pushlen/", "/pushbig/"};
    static const size_t sizes[] = {16384, 16385, 65536, 70000, 300000, 3000000};
    struct client c;
    char request[128];

    for (size_t p = 0; p < sizeof(paths) / sizeof(*paths); p++)
        for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
            size_t len = 0;
            char *body;

            connect_client(&c);
            snprintf(request, sizeof(request), "GET %s%zu HTTP/1.1\r\nHost: a\r\n\r\n", paths[p],
                     sizes[s]);
            say(&c, request);
            listen_to(&c);
            if (strstr(c.got, "chunked")) {
                body = dechunk(&c, &len);
                check_body(&c, body, len, sizes[s]);
                free(body);
            } else {
                body = strstr(c.got, "\r\n\r\n") + 4;
                check_body(&c, body, c.len - (size_t)(body - c.got), sizes[s]);
            }
            c.len = 0;
            say(&c, GET("/hello"));
            expect(&c, OK("5", "hello"));
            disconnect(&c);
        }
}

static void test_file_holds_no_fiber(void **state)
{
    struct client c;
    char *body;

    connect_client(&c);
    say(&c, GET("/filefrom/1000") GET("/file/3000000") GET("/hello"));
    ticks(10);
    assert_int_equal(sl__server_requests(server), 0); /* though most of it is unsent */
    assert_int_equal(seen.begun, 2);
    listen_to(&c);
    body = strstr(c.got, "\r\n\r\n") + 4;
    assert_memory_equal(body, pattern + 1000, 100000);
    body = strstr(body, "\r\n\r\n") + 4;
    assert_memory_equal(body, pattern, 3000000);
    assert_string_equal(body + 3000000, OK("5", "hello"));
    disconnect(&c);
}

static ssize_t no_sendfile(enum sl__sys_call call)
{
    return call == SL__SYS_SENDFILE ? -EINVAL : 0;
}

static void test_file_system_without_sendfile(void **state)
{
    struct client c;

    connect_client(&c);
    sl__sys_fault = no_sendfile;
    say(&c, GET("/filefrom/1000") GET("/fileshort/200000"));
    listen_to(&c);
    assert_memory_equal(strstr(c.got, "\r\n\r\n") + 4, pattern + 1000, 100000);
    assert_true(c.eof); /* the second became shorter than announced */
    assert_int_equal(c.len, strlen(OK("100000", "")) + 100000 + strlen(OK("200001", "")) + 200000);
    disconnect(&c);
}

/* One that takes all it gets keeps nobody else from being served. */
static void test_fairness(void **state)
{
    static const char *const requests[] = {GET("/push/3000000"), GET("/pushlen/3000000"),
                                           GET("/source/3000000"), GET("/file/3000000"),
                                           GET("/bytes/3000000")};

    for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
        struct client fast, other;
        struct sl__conn *conn;
        int size = 16 << 20;
        socklen_t len = sizeof(size);

        connect_client(&fast);
        conn = SL__OWNER(((struct sl__conns *)(void *)server)->all.prev, struct sl__conn, link);
        setsockopt(conn->watch.fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
        getsockopt(conn->watch.fd, SOL_SOCKET, SO_SNDBUF, &size, &len);
        if (size < 16 << 20) { /* needs a privilege */
            disconnect(&fast);
            skip();
        }
        connect_client(&other);
        say(&fast, requests[i]);
        say(&other, GET("/hello"));
        ticks(1);
        hear(&fast);
        assert_in_range(fast.len, 1000000, 2000000);
        hear(&other);
        assert_string_equal(other.got, OK("5", "hello"));
        listen_to(&fast);
        assert_true(fast.len > 3000000);
        disconnect(&fast);
        disconnect(&other);
    }
}

static void test_back_pressure(void **state)
{
    struct client c;
    struct sl__conn *conn;

    connect_client(&c);
    conn = SL__OWNER(((struct sl__conns *)(void *)server)->all.next, struct sl__conn, link);
    say(&c, GET("/push/3000000"));
    ticks(50);
    assert_int_equal(sl__server_requests(server), 1);
    assert_true(sl__out_pending(conn) <= 2 * SL__OUT_HIGH);
    for (int i = 0; i < 100; i++) /* nobody answers these yet */
        if (send(c.fd, pattern, 16384, MSG_NOSIGNAL) <= 0)
            break;
    ticks(50);
    assert_true(conn->in->size <= SL__BLOCK_DATA);
    disconnect(&c);
}

static void test_slow_reader_of_pipeline(void **state)
{
    enum { COUNT = 400 };
    struct client c;
    size_t one = strlen(OK("9000", "")) + 9000;
    static char all[COUNT * sizeof(GET("/bytes/9000"))];

    connect_client(&c);
    for (int i = 0; i < COUNT; i++)
        strcat(all, GET("/bytes/9000"));
    say(&c, all);
    ticks(20);
    assert_true(seen.begun < COUNT); /* no further request is begun while answers wait */
    listen_to(&c);
    assert_int_equal(c.len, COUNT * one);
    for (int i = 0; i < COUNT; i++)
        assert_memory_equal(c.got + ((size_t)i + 1) * one - 9000, pattern, 9000);
    disconnect(&c);
}

static void test_upload(void **state)
{
    enum { SIZE = 1500000 };
    struct client c;
    size_t at = 0;

    for (int direct = 0; direct < 2; direct++) {
        at = 0;
        connect_client(&c);
        say(&c, direct ? "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1500000\r\n\r\n"
                       : "POST /sip HTTP/1.1\r\nHost: a\r\nContent-Length: 1500000\r\n\r\n");
        while (at < SIZE) {
            ssize_t n = send(c.fd, pattern + at, SIZE - at, MSG_NOSIGNAL);

            if (n > 0)
                at += (size_t)n;
            ticks(1);
        }
        say(&c, GET("/hello"));
        listen_to(&c);
        assert_int_equal(c.len, strlen(OK("1500000", "")) + SIZE + strlen(OK("5", "hello")));
        assert_memory_equal(strstr(c.got, "\r\n\r\n") + 4, pattern, SIZE);
        disconnect(&c);
    }
}

/* How long an unread body may be to be skipped, however it is cut. */
static void test_skipped_chunks(void **state)
{
    static char all[300000];

    for (size_t i = 0; i < 4; i++) {
        /* the limit, one more, and the same where the handler has begun to read */
        bool begun = i >= 2;
        size_t limit = 262144 + (begun ? 1048576 : 0), left = limit + i % 2;
        struct client c;
        size_t head = (size_t)sprintf(all,
                                      "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                                      "chunked\r\n\r\n",
                                      begun ? "/begin" : "/hello");

        left -= strlen("00040000\r\n\r\n") + strlen("0\r\n\r\n");
        if (begun)
            left -= 4 * strlen("00040000\r\n\r\n");
        connect_client(&c);
        put(&c, all, head);
        while (left > 0) {
            size_t n = begun && left > 262144 ? 262144 : left, at = 0;

            sprintf(all, "%08zx\r\n", n);
            memset(all + 10, 'x', n);
            memcpy(all + 10 + n, "\r\n", 2);
            while (at < n + 12 && !c.eof) {
                ssize_t sent = send(c.fd, all + at, n + 12 - at, MSG_NOSIGNAL);

                at += sent > 0 ? (size_t)sent : 0;
                ticks(1);
                hear(&c);
            }
            left -= n;
        }
        if (!c.eof)
            send(c.fd, "0\r\n\r\n", 5, MSG_NOSIGNAL);
        send(c.fd, GET("/hello"), strlen(GET("/hello")), MSG_NOSIGNAL);
        expect(&c, i % 2 ? OK("5", "hello") : OK("5", "hello") OK("5", "hello"));
        disconnect(&c);
    }
}

static void test_continue(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/hello") "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                          "Content-Length: 5\r\n\r\n");
    expect(&c, OK("5", "hello") "HTTP/1.1 100 Continue\r\n\r\n");
    say(&c, "hello");
    expect(&c, OK("5", "hello"));
    /* Body octets that have come say that nobody waits. */
    say(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nh");
    expect(&c, "");
    say(&c, "ello");
    expect(&c, OK("5", "hello"));
    /* One that was told to go on and then not listened to. */
    say(&c, "POST /begin HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
    say(&c, "hel");
    expect(&c, OK("5", "hello"));
    say(&c, "lo" GET("/hello"));
    expect(&c, OK("5", "hello"));
    disconnect(&c);
}

static void test_trailers(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, "POST /trailer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
            "0\r\nX-Sum:  1 \r\nY: 2\r\n\r\n");
    expect(&c, OK("3", "abc"));
    assert_string_equal(seen.trailer, "X-Sum=1;Y=2;");
    disconnect(&c);
}

static void test_reset_cancels(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/wait"));
    ticks(2);
    assert_non_null(seen.waiter);
    disconnect(&c);
    ticks(2);
    assert_null(seen.waiter);
    assert_int_equal(seen.last_wait, -ECANCELED);
    assert_int_equal(sl__server_connections(server), 0);
}

static void test_half_close_does_not_cancel(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/wait") GET("/hello"));
    shutdown(c.fd, SHUT_WR);
    ticks(3);
    assert_non_null(seen.waiter);
    seen.release = true;
    sl__fiber_wake(seen.waiter);
    expect(&c, OK("6", "waited") OK("5", "hello"));
    assert_true(c.eof);
    disconnect(&c);
}

static void test_half_close_cancels_streams(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/pushwait"));
    expect(&c, "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    shutdown(c.fd, SHUT_WR);
    expect(&c, "");
    assert_int_equal(seen.last_wait, -ECANCELED);
    assert_true(c.eof);
    disconnect(&c);

    connect_client(&c);
    say(&c, GET("/sourcewait/2000000"));
    ticks(3);
    shutdown(c.fd, SHUT_WR);
    listen_to(&c);
    assert_int_equal(seen.last_wait, -ECANCELED);
    assert_true(c.eof);
    assert_null(strstr(c.got, "\r\n0\r\n\r\n"));
    disconnect(&c);
}

/* With a full block of input the end is announced, not read. */
static void test_half_close_cancels_streams_behind_input(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/pushwait"));
    ticks(2);
    for (int i = 0; i < 10; i++)
        assert_true(send(c.fd, pattern, 16384, MSG_NOSIGNAL) > 0);
    ticks(3);
    assert_non_null(seen.waiter);
    shutdown(c.fd, SHUT_WR);
    ticks(3);
    assert_null(seen.waiter);
    assert_int_equal(seen.last_wait, -ECANCELED);
    disconnect(&c);
}

static void release(void)
{
    seen.release = true;
    assert_non_null(seen.waiter);
    sl__fiber_wake(seen.waiter);
    ticks(3);
}

/* The client's end came before the stream's beginning; with a full block it is only announced. */
static void test_half_close_cancels_later_streams(void **state)
{
    for (int full = 0; full < 2; full++) {
        struct client c;

        connect_client(&c);
        say(&c, GET("/waitpush"));
        ticks(2);
        for (int i = 0; i < 10 * full; i++)
            assert_true(send(c.fd, pattern, 16384, MSG_NOSIGNAL) > 0);
        ticks(3);
        shutdown(c.fd, SHUT_WR);
        ticks(3);
        release();
        assert_null(seen.waiter);
        assert_int_equal(seen.last_wait, -ECANCELED);
        disconnect(&c);
        ticks(2);
    }
}

static void test_answer_does_not_wait_for_cleanup(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/slowend") GET("/hello"));
    expect(&c, OK("0", ""));
    release();
    expect(&c, OK("5", "hello"));
    disconnect(&c);
    /* The same for a fiber that had waited before. */
    connect_client(&c);
    seen.release = false;
    say(&c, "POST /slowend HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
    expect(&c, "");
    say(&c, "abc" GET("/hello"));
    expect(&c, OK("3", "abc"));
    release();
    expect(&c, OK("5", "hello"));
    disconnect(&c);
}

/* A head that fills its block to the last octet leaves the body another one. */
static void test_body_behind_a_full_block(void **state)
{
    static char head[16385];
    struct client c;

    for (size_t size = 16384 - 5; size <= 16384; size++) {
        size_t at = 0;

        memset(head, 'x', size);
        memcpy(head, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\nX: ", 56);
        memcpy(head + size - 4, "\r\n\r\n", 4);
        connect_client(&c);
        put(&c, head, size);
        ticks(2);
        while (at < 50000) {
            ssize_t n = send(c.fd, pattern + at, 50000 - at, MSG_NOSIGNAL);

            at += n > 0 ? (size_t)n : 0;
            ticks(1);
        }
        say(&c, GET("/hello"));
        listen_to(&c);
        assert_memory_equal(strstr(c.got, "\r\n\r\n") + 4, pattern, 50000);
        assert_int_equal(c.len, strlen(OK("50000", "")) + 50000 + strlen(OK("5", "hello")));
        disconnect(&c);
    }
}

static void test_push_beyond_length(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/pushlong/1000"));
    listen_to(&c);
    assert_int_equal(seen.last_write, -SL_ETOOBIG);
    assert_true(c.eof);
    assert_int_equal(c.len, strlen("HTTP/1.1 200 OK\r\n" DATE "Content-Length: 999\r\n\r\n"));
    disconnect(&c);
}

static void test_failed_source_of_1_0_resets(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, "GET /sourcefail/3 HTTP/1.0\r\n\r\n");
    listen_to(&c);
    assert_true(c.eof); /* on TCP this is a reset; a unix socket knows none */
    assert_int_equal(sl__server_connections(server), 0);
    disconnect(&c);
}

static void test_linger(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET_CLOSE("/hello") "x"); /* it said that it would send nothing more */
    expect(&c, OK_CLOSE("5", "hello"));
    assert_true(c.eof);
    for (int i = 0; i < 10; i++) { /* what comes now is thrown away */
        say(&c, GET("/hello"));
        ticks(2);
    }
    assert_int_equal(sl__server_connections(server), 1);
    assert_int_equal(seen.begun, 1);
    for (int i = 0; i < 600; i++) { /* up to 8 MiB */
        if (send(c.fd, pattern, 16384, MSG_NOSIGNAL) < 0)
            break;
        ticks(2);
    }
    assert_int_equal(sl__server_connections(server), 0);
    disconnect(&c);
}

static void test_remote(void **state)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/remote"));
    expect(&c, OK("4", "unix"));
    disconnect(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_hello),
        TEST(test_steady_state),
        TEST(test_steady_state_allocates_nothing),
        TEST(test_idle_owns_nothing),
        TEST(test_talks_whole),
        TEST(test_talks_cut),
        TEST(test_talks_by_octets),
        TEST(test_talks_stuttered),
        TEST(test_nth_call_fails),
        TEST(test_nth_allocation_fails),
        TEST(test_large),
        TEST(test_file_holds_no_fiber),
        TEST(test_file_system_without_sendfile),
        TEST(test_fairness),
        TEST(test_back_pressure),
        TEST(test_slow_reader_of_pipeline),
        TEST(test_upload),
        TEST(test_skipped_chunks),
        TEST(test_continue),
        TEST(test_trailers),
        TEST(test_reset_cancels),
        TEST(test_half_close_does_not_cancel),
        TEST(test_half_close_cancels_streams),
        TEST(test_half_close_cancels_streams_behind_input),
        TEST(test_half_close_cancels_later_streams),
        TEST(test_answer_does_not_wait_for_cleanup),
        TEST(test_body_behind_a_full_block),
        TEST(test_push_beyond_length),
        TEST(test_failed_source_of_1_0_resets),
        TEST(test_linger),
        TEST(test_remote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
