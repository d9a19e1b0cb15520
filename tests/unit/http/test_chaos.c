/*
 * Many clients doing anything at any time, while reads and writes stutter, allocations fail, time
 * jumps and the server drains: nothing may crash, leak, hang, or answer with what is not an answer.
 * Every run is given by its seed: CHAOS_SEED=n replays one, CHAOS_RUNS=n does more.
 */
#include "serving.h"

#define CLIENTS 12
#define STEPS 300

static unsigned state_now, faults;

static unsigned pick(unsigned n)
{
    state_now = state_now * 1664525u + 1013904223u;
    return (unsigned)((uint64_t)(state_now >> 8) * n >> 24);
}

static ssize_t some_fault(enum sl__sys_call call)
{
    static const int errors[] = {-ECONNRESET, -ENOMEM, -EPIPE, -EIO};
    bool partial = call == SL__SYS_RECV || call == SL__SYS_SEND || call == SL__SYS_SENDMSG ||
                   call == SL__SYS_SENDFILE;

    if (call == SL__SYS_EPOLL_WAIT)
        return 0;
    if (partial && pick(5) == 0)
        return pick(2) ? -EAGAIN : 1 + (ssize_t)pick(3000);
    return faults && pick(faults) == 0 ? errors[pick(4)] : 0;
}

static bool some_memory_fault(size_t size)
{
    return faults && pick(faults) == 0;
}

static const char *const sayings[] = {
    GET("/hello"),
    GET("/hello") GET("/bytes/30000") GET("/hello"),
    GET_CLOSE("/hello"),
    GET("/bytes/400000"),
    GET("/lent/9000") GET("/lent/400000"),
    GET("/file/9000"),
    GET("/file/500000"),
    GET("/filefrom/77"),
    GET("/fileshort/300000"),
    GET("/push/200000"),
    GET("/pushlen/200000"),
    GET("/pushbig/900000"),
    GET("/pushwait"),
    GET("/source/100000"),
    GET("/sourcelen/100000"),
    GET("/sourcefail/50000"),
    GET("/sourcewait/2000"),
    GET("/wait"),
    GET("/wait") GET("/hello"),
    GET("/status/204"),
    "HEAD /lent/5 HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /bytes/5 HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n",
    "POST /sip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "5\r\nhello\r\n",
    "0\r\nX: y\r\n\r\n",
    "0\r\n\r\n",
    "POST /pushecho HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n",
    "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n",
    "POST /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /trailer HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    "GET /push/50000 HTTP/1.0\r\n\r\n",
    "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    GET("/detach/500"),
    GET("/detach/200000") GET("/hello"),
    GET("/detachend/3000") GET("/detach/5"),
    GET("/detachslow"),
    GET("/detachdrop") GET("/detach/5"),
    "HEAD /detach/5 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /detach/5000 HTTP/1.0\r\n\r\n",
    "POST /detach/5 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
    "\r\n",
    "GET / HTTP/1.1\r\nX",
    "nonsense\r\n\r\n",
};

static void say_something(struct client *c)
{
    const char *text = sayings[pick(sizeof(sayings) / sizeof(*sayings))];
    size_t len = strlen(text);

    if (pick(4) == 0)
        len = 1 + pick((unsigned)len);
    if (send(c->fd, text, len, MSG_NOSIGNAL) < 0)
        c->eof = true;
}

static void do_something(struct client *c)
{
    struct linger at_once = {.l_onoff = 1};

    if (c->fd < 0) {
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
                         0);
        *c = (struct client){.fd = pair[0]};
        sl__server_adopt(server, pair[1], 0);
        return;
    }
    switch (pick(14)) {
    case 0:
        if (pick(2))
            setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        disconnect(c);
        break;
    case 1:
        shutdown(c->fd, SHUT_WR);
        break;
    case 2:
        if (send(c->fd, pattern, 1 + pick(60000), MSG_NOSIGNAL) < 0)
            break;
        break;
    case 3:
    case 4:
    case 5:
        hear(c);
        c->len = 0;
        break;
    default:
        say_something(c);
    }
}

/* What goes on without a request is pushed to, ended and cut at any time. */
static void use_a_stream(void)
{
    struct stream *s = stream_count > 0 ? &streams[pick(stream_count)] : NULL;

    if (!s || s->why != 1)
        return;
    switch (pick(8)) {
    case 0:
        sl__detached_end(&s->d, 0);
        break;
    case 1:
        sl__detached_cut(&s->d, -ENOBUFS);
        break;
    case 2:
        push_octets(&s->d, pattern, 1 + pick(200000));
        break;
    default:
        for (unsigned n = 1 + pick(20); n > 0; n--)
            push_octets(&s->d, pattern, 1 + pick(40));
    }
}

static void on_give(void *self, int fd, unsigned listener)
{
    close(fd);
}

static void run_chaos(unsigned seed)
{
    static const struct sl__server_events events = {.give = on_give};
    struct client clients[CLIENTS];

    state_now = seed * 2654435761u;
    open_server(NULL, NULL, pick(2) ? &events : NULL);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = (struct client){.fd = -1};
    faults = pick(3) ? 50 + pick(1000) : 0;
    sl__sys_fault = some_fault;
    sl__mem_fault = some_memory_fault;
    for (int i = 0; i < STEPS; i++) {
        do_something(&clients[pick(CLIENTS)]);
        if (pick(3) == 0)
            ticks(1);
        if (pick(4) == 0)
            use_a_stream();
        if (pick(40) == 0 && seen.waiter) {
            seen.release = true;
            sl__fiber_wake(seen.waiter);
        } else {
            seen.release = seen.release && pick(5);
        }
        if (pick(60) == 0)
            test_now += (int64_t)pick(25000) * SL__MS;
        if (pick(1000) == 0)
            sl__server_drain(server, pick(2) ? SL__DRAIN_STOP : SL__DRAIN_HAND_OVER, SL__SEC,
                             false);
        if (pick(2000) == 0)
            sl__server_cut(server);
    }
    for (int i = 0; i < CLIENTS; i++)
        disconnect(&clients[i]);
    sl__sys_fault = NULL;
    sl__mem_fault = NULL;
    ticks(10); /* whoever is gone is noticed without a deadline */
    assert_int_equal(sl__server_connections(server), 0);
    close_server();
}

static void test_chaos(void **state)
{
    const char *one = getenv("CHAOS_SEED"), *runs = getenv("CHAOS_RUNS");
    unsigned from = one ? (unsigned)atoi(one) : 0;
    unsigned to = one ? from + 1 : runs ? (unsigned)atoi(runs) : 300;

    for (unsigned seed = from; seed < to; seed++) {
        run_chaos(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chaos)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
