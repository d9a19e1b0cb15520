/*
 * The n-th allocation, or the n-th system call, fails, for every n: on every way a request can
 * take. Either the answers are those of a day without faults, octet for octet, or the one it hit is
 * refused with 500 or 503 or cut short, and the connection ends there. In any case the next client
 * is served, and nothing is left behind.
 */
#include <dirent.h>

#include "serving.h"

#define CHUNKED(path)                                                                              \
    "POST " path " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"                      \
    "5\r\nhello\r\n6;x=y\r\n, body\r\n0\r\nA: b\r\n\r\n"
#define LENGTH(path, more)                                                                         \
    "POST " path " HTTP/1.1\r\nHost: a\r\n" more "Content-Length: 5\r\n\r\nhello"

struct scenario {
    const char *name, *text;
    size_t octets;   /* of the pattern, behind the text */
    bool only_calls; /* the handler does not look whether its headers could be set */
};

static const struct scenario scenarios[] = {
    {"kept", GET("/hello") GET("/hello") GET_CLOSE("/hello"), 0, false},
    {"pipelined",
     GET("/hello") GET("/bytes/30000") GET("/status/204") GET("/bytes/90000") GET("/hello")
         GET("/nowhere") GET("/hello"),
     0, false},
    {"body",
     LENGTH("/echo", "") LENGTH("/sip", "") CHUNKED("/echo") CHUNKED("/trailer") GET("/hello"), 0,
     false},
    {"continue", LENGTH("/echo", "Expect: 100-continue\r\n") GET("/hello"), 0, false},
    {"unread", LENGTH("/hello", "") CHUNKED("/hello") CHUNKED("/begin") GET("/hello"), 0, false},
    {"large body", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 150000\r\n\r\n", 150000,
     false},
    {"push", GET("/push/150000") GET("/pushbig/900000") GET("/hello"), 0, false},
    {"source", GET("/source/150000") GET("/sourcewait/100") GET("/hello"), 0, false},
    {"promised", GET("/pushlen/150000") GET("/sourcelen/70000") GET("/hello"), 0, true},
    {"file", GET("/file/9000") GET("/file/300000") GET("/filefrom/77") GET("/hello"), 0, false},
    {"both ways", LENGTH("/pushecho", "") CHUNKED("/pushecho") GET("/hello"), 0, false},
    {"head",
     "HEAD /bytes/5 HTTP/1.1\r\nHost: a\r\n\r\n"
     "HEAD /source/500 HTTP/1.1\r\nHost: a\r\n\r\n" GET("/remote"),
     0, false},
    {"old", "GET /push/50000 HTTP/1.0\r\n\r\n", 0, false},
    {"detached",
     GET("/detachend/3500") GET("/hello") GET("/detachend/100000")
         GET("/detachdrop") "HEAD /detach/9 HTTP/1.1\r\nHost: a\r\n\r\n" GET("/hello"),
     0, false},
    {"detached, old", "GET /detachend/5000 HTTP/1.0\r\n\r\n", 0, false},
    {"refused", GET("/hello") "nonsense\r\n\r\n", 0, false},
};

static long left; /* things until one fails; negative: none does */
static bool failed;
static ssize_t how; /* what a system call is told */

static bool memory_fault(size_t size)
{
    if (left < 0 || left-- > 0)
        return false;
    failed = true;
    return true;
}

static ssize_t call_fault(enum sl__sys_call call)
{
    bool moves = call == SL__SYS_RECV || call == SL__SYS_SEND || call == SL__SYS_SENDMSG ||
                 call == SL__SYS_SENDFILE;

    if (call == SL__SYS_EPOLL_WAIT && how != -EINTR)
        return 0;
    if ((how > 0 || how == -EAGAIN) && !moves)
        return 0;
    if (how == -EINTR && call == SL__SYS_MMAP) /* which never says that */
        return 0;
    if (left < 0 || left-- > 0)
        return 0;
    failed = true;
    return how;
}

static unsigned descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* All that is heard when one client says it all; faults are set by the caller. */
static struct client converse(const struct scenario *s)
{
    struct client c = {.fd = -1};
    const char *at = pattern;
    size_t todo = s->octets;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    c.fd = pair[0];
    put(&c, s->text, strlen(s->text));
    if (sl__server_adopt(server, pair[1], 0) < 0)
        assert_true(failed);
    for (int idle = 0; todo > 0 && idle < 20; idle++) {
        ssize_t n = send(c.fd, at, todo, MSG_NOSIGNAL);

        if (n > 0) {
            at += n;
            todo -= (size_t)n;
            idle = 0;
        }
        ticks(1);
    }
    listen_to(&c);
    return c;
}

static size_t answer_len(const char *p)
{
    const char *next = strstr(p + 1, "HTTP/1.1 "); /* which the pattern never has in it */

    return next ? (size_t)(next - p) : strlen(p);
}

/* The answers of @p got are those of @p want, up to one that is refused or cut, which is last. */
static bool acceptable(const struct client *got, const char *want)
{
    const char *p = got->got ? got->got : "";

    while (*p) {
        size_t len = answer_len(p), want_len = answer_len(want);

        if (len == want_len && memcmp(p, want, len) == 0) {
            p += len;
            want += len;
            continue;
        }
        if (strncmp(want, "HTTP/1.1 100 ", 13) == 0) { /* could not be said */
            want += want_len;
            continue;
        }
        if (strncmp(p, "HTTP/1.1 503 ", 13) != 0 && strncmp(p, "HTTP/1.1 500 ", 13) != 0)
            return got->eof && !p[len] && len < want_len && memcmp(p, want, len) == 0;
        p += len; /* the handler said so, or the server, which then closes */
        want += want_len;
    }
    return *want == '\0' || got->eof;
}

static void expect_hello(void)
{
    struct client c;

    connect_client(&c);
    say(&c, GET("/hello"));
    expect(&c, OK("5", "hello"));
    disconnect(&c);
}

static char *without_faults(const struct scenario *s)
{
    struct client c;
    char *want;

    open_server(NULL, NULL, NULL);
    c = converse(s);
    assert_non_null(c.got);
    assert_int_equal(strlen(c.got), c.len);
    want = strdup(c.got);
    disconnect(&c);
    close_server();
    return want;
}

/* One run with the n-th thing failing. */
static void run_one(const struct scenario *s, const char *want, long n, bool memory, bool harmless)
{
    struct client c;
    bool good;

    open_server(NULL, NULL, NULL);
    failed = false;
    left = n;
    if (memory)
        sl__mem_fault = memory_fault;
    else
        sl__sys_fault = call_fault;
    c = converse(s);
    sl__mem_fault = NULL;
    sl__sys_fault = NULL;
    good = acceptable(&c, want);
    if (!failed || harmless)
        good = c.got && strcmp(c.got, want) == 0;
    if (!good)
        print_error("%s, %ld, %zd: end %d, heard \"%.300s\"\n", s->name, n, how, c.eof, c.got);
    assert_true(good);
    expect_hello();
    disconnect(&c);
    ticks(10); /* whoever is gone is noticed without a deadline */
    assert_int_equal(sl__server_connections(server), 0);
    close_server();
}

static long run_all(bool memory, bool harmless)
{
    unsigned before;
    long sum = 0;

    expect_hello();
    close_server();
    before = descriptors();
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
        char *want = without_faults(&scenarios[i]);

        failed = !memory || !scenarios[i].only_calls;
        for (long n = 0; failed; n++, sum++)
            run_one(&scenarios[i], want, n, memory, harmless);
        free(want);
    }
    assert_int_equal(descriptors(), before);
    open_server(NULL, NULL, NULL);
    return sum;
}

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

static void test_allocations(void **state)
{
    assert_true(run_all(true, false) > 60);
}

static void test_calls_that_fail(void **state)
{
    static const int errors[] = {ENOMEM, ECONNRESET, EPIPE, EIO, ENOBUFS};

    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        how = -errors[i];
        assert_true(run_all(false, false) > 100);
    }
}

/* These are no failures: nobody may notice. */
static void test_calls_that_stutter(void **state)
{
    static const ssize_t hows[] = {-EINTR, -EAGAIN, 1, 7};

    for (size_t i = 0; i < sizeof(hows) / sizeof(*hows); i++) {
        how = hows[i];
        assert_true(run_all(false, true) > 60);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_allocations),
        TEST(test_calls_that_fail),
        TEST(test_calls_that_stutter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
