/*
 * A server on a loop of its own, a client beside it, and a service whose paths say what it does.
 * Everything happens in one thread: the client writes, the loop ticks until it is quiet, the client
 * reads. The clock and the system calls belong to the test.
 */
#ifndef TEST_SERVING_H
#define TEST_SERVING_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "fiber/fiber.h"
#include "fiber/wait.h"
#include "http/detached.h"
#include "http/http1/conn.h"
#include "http/limits.h"
#include "http/server.h"
#include "shallot/error.h"

#define PATTERN_MAX ((size_t)4 << 20)
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_CLOSE(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define OK(length, body) "HTTP/1.1 200 OK\r\n" DATE "Content-Length: " length "\r\n\r\n" body
#define OK_CLOSE(length, body)                                                                     \
    "HTTP/1.1 200 OK\r\n" DATE "Content-Length: " length "\r\nConnection: close\r\n\r\n" body

static struct sl__loop loop;
static struct sl__server *server;
static char *pattern; /* PATTERN_MAX octets that differ from their neighbours */
static int64_t test_now;

/* What the service saw, for the tests to look at. */
static struct {
    unsigned begun, ended, hooks;
    int last_wait, last_write;
    ssize_t last_read;
    bool release; /* /wait goes on */
    struct sl__fiber *waiter;
    char trailer[128], remote[128];
} seen;

#define STREAMS 640

/* Detached answers, in the order of their requests. */
static struct stream {
    struct sl__detached d;
    int why; /* 1: it is not over */
} streams[STREAMS];
static unsigned stream_count, streams_over;

static int file_fd = -1; /* holds the pattern */

static int64_t test_clock(void)
{
    return test_now;
}

static int64_t test_wall(void)
{
    return 784111777;
}

static bool path_is(const struct sl__exchange *x, const char *path, long *ret_number)
{
    const char *p = x->request.base + x->request.path.at;
    size_t len = strlen(path);

    if (strncmp(p, path, len) != 0)
        return false;
    if (ret_number)
        *ret_number = strtol(p + len, NULL, 10);
    return true;
}

static void set_header(struct sl__exchange *x, const char *name, const char *value)
{
    struct sl__str v = sl__str_of(value);

    sl__response_set_header(&x->response, &x->arena, sl__str_of(name), &v, false);
}

static void set_length(struct sl__exchange *x, long n)
{
    char text[32];

    snprintf(text, sizeof(text), "%ld", n);
    set_header(x, "Content-Length", text);
}

static void fail_with(struct sl__exchange *x, ssize_t error)
{
    static const struct {
        int error, status;
    } table[] = {
#define ROW(name, number, status, text) {number, status},
        SL_ERRORS(ROW)
#undef ROW
    };

    if (x->committed) {
        x->aborted = true;
        return;
    }
    x->response.status = 500;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (error == -table[i].error)
            x->response.status = table[i].status;
}

/* The whole body into the arena, read in pieces of @p piece. */
static void serve_echo(struct sl__exchange *x, size_t piece)
{
    size_t len = 0, size = (size_t)2 << 20;
    char *all = malloc(size), *kept;
    ssize_t n;

    while ((n = x->ops->read_body(x, all + len, piece)) > 0) {
        len += (size_t)n;
        if (len + piece > size) {
            n = -SL_ETOOBIG;
            break;
        }
    }
    seen.last_read = n;
    if (n < 0) {
        fail_with(x, n);
    } else {
        kept = sl__arena_copy(&x->arena, all, len);
        if (kept)
            sl__response_set_bytes(&x->response, (struct sl__str){kept, len});
        else
            fail_with(x, -SL_EOVERLOADED);
    }
    free(all);
}

static void serve_push_echo(struct sl__exchange *x)
{
    char buf[1000];
    ssize_t n;

    while ((n = x->ops->read_body(x, buf, sizeof(buf))) > 0)
        if (sl__exchange_write(x, buf, (size_t)n) < 0)
            break;
    if (n < 0)
        fail_with(x, n);
}

struct source {
    long at, len, fail_at, piece, sleep_every;
};

static ssize_t pull(void *self, void *buf, size_t len)
{
    struct source *s = self;
    size_t n = len;

    if (s->fail_at && s->at >= s->fail_at)
        return -EIO;
    if (s->sleep_every && s->at % s->sleep_every == 0) {
        int r = sl__wait_time(0);

        seen.last_wait = r;
        if (r < 0)
            return r;
    }
    if ((long)n > s->piece)
        n = (size_t)s->piece;
    if ((long)n > s->len - s->at)
        n = (size_t)(s->len - s->at);
    memcpy(buf, pattern + s->at, n);
    s->at += (long)n;
    return (ssize_t)n;
}

static void serve_source(struct sl__exchange *x, struct source from)
{
    struct source *s = sl__arena_alloc(&x->arena, sizeof(*s));

    if (!s) {
        fail_with(x, -SL_EOVERLOADED);
        return;
    }
    *s = from;
    sl__response_set_source(&x->response, pull, s);
}

static void serve_push(struct sl__exchange *x, long n, long piece)
{
    int r = 0;

    for (long at = 0; at < n && r == 0; at += piece)
        r = sl__exchange_write(x, pattern + at, (size_t)(n - at < piece ? n - at : piece));
    seen.last_write = r;
    if (r < 0)
        fail_with(x, r);
}

/* Until the test says so, or the client goes away. */
static void serve_wait(struct sl__exchange *x)
{
    int r = 0;

    seen.waiter = x->fiber;
    while (r == 0 && !seen.release)
        r = sl__fiber_wait(SL__FOREVER);
    seen.waiter = NULL;
    seen.last_wait = r;
    sl__response_set_bytes(&x->response, SL__STR("waited"));
}

static void on_ended(struct sl__exchange *x)
{
    seen.hooks++;
}

static void on_ended_slowly(struct sl__exchange *x)
{
    serve_wait(x);
    seen.hooks++;
}

static void serve_trailer(struct sl__exchange *x)
{
    const struct sl__request *r = &x->request;

    serve_echo(x, 100);
    for (uint32_t i = 0; i < r->trailer_count; i++)
        snprintf(seen.trailer + strlen(seen.trailer), sizeof(seen.trailer) - strlen(seen.trailer),
                 "%s=%s;", r->trailer_base + r->trailers[i].name.at,
                 r->trailer_base + r->trailers[i].value.at);
}

/* Bytes that are gone once they are given back, so that a sanitizer sees who looks at them later.
 */
struct lent {
    struct sl__lender lender;
    char bytes[];
};

static void give_lent_back(struct sl__lender *l)
{
    free(SL__OWNER(l, struct lent, lender));
}

static void serve_lent(struct sl__exchange *x, size_t len)
{
    struct lent *l = malloc(sizeof(*l) + len);

    assert_non_null(l);
    l->lender.give_back = give_lent_back;
    memcpy(l->bytes, pattern, len);
    sl__response_set_lent(&x->response, (struct sl__str){l->bytes, len}, &l->lender);
}

static void on_over(struct sl__detached *d, int why)
{
    struct stream *s = SL__OWNER(d, struct stream, d);

    assert_int_equal(s->why, 1); /* said once */
    assert_int_equal(d->queued, 0);
    s->why = why;
    streams_over++;
    memset(d, 0xdd, sizeof(*d)); /* its owner's, who may free it */
}

static int push_octets(struct sl__detached *d, const char *octets, size_t len)
{
    struct sl__piece *p = sl__piece_new(len);
    int r;

    if (!p)
        return -ENOMEM;
    memcpy(p->bytes, octets, len);
    r = sl__detached_push(d, p);
    sl__piece_unref(p);
    return r;
}

/* One whose pieces are of @p piece octets, to begin with @p n octets altogether. */
static struct stream *serve_detached(struct sl__exchange *x, long n, long piece)
{
    static const struct sl__detached_events events = {.over = on_over};
    struct stream *s = &streams[stream_count++];

    assert_true(stream_count <= STREAMS);
    s->why = 1;
    sl__detached_init(&s->d, &events);
    sl__response_set_detached(&x->response, &s->d);
    for (long at = 0; at < n; at += piece)
        if (push_octets(&s->d, pattern + at, (size_t)(n - at < piece ? n - at : piece)) < 0)
            sl__detached_cut(&s->d, -ENOMEM);
    return s;
}

static void serve_other(struct sl__exchange *x)
{
    long n = 0;

    char some[3];

    if (path_is(x, "/push/", &n)) {
        serve_push(x, n, 1000);
    } else if (path_is(x, "/lent/", &n)) {
        serve_lent(x, (size_t)n);
    } else if (path_is(x, "/detach/", &n)) {
        serve_detached(x, n, 1000);
    } else if (path_is(x, "/detachend/", &n)) {
        sl__detached_end(&serve_detached(x, n, 1000)->d, 0);
    } else if (path_is(x, "/detachslow", NULL)) {
        serve_detached(x, 5, 5);
        x->ended = on_ended_slowly;
    } else if (path_is(x, "/detachdrop", NULL)) {
        serve_detached(x, 5, 5);
        sl__response_set_bytes(&x->response, SL__STR("other"));
    } else if (path_is(x, "/slowend", NULL)) {
        serve_echo(x, 100);
        x->ended = on_ended_slowly;
    } else if (path_is(x, "/waitpush", NULL)) {
        serve_wait(x);
        sl__exchange_write(x, "first", 5);
        seen.release = false;
        serve_wait(x);
        x->aborted = seen.last_wait < 0;
    } else if (path_is(x, "/napping", NULL)) { /* begins to read, does something else, goes on */
        (void)x->ops->read_body(x, some, sizeof(some));
        serve_wait(x);
        serve_echo(x, 100);
    } else if (path_is(x, "/length", NULL)) {
        set_length(x, 77);
    } else if (path_is(x, "/begin", NULL)) {
        (void)x->ops->read_body(x, some, sizeof(some));
        sl__response_set_bytes(&x->response, SL__STR("hello"));
    } else if (path_is(x, "/pushbig/", &n)) {
        serve_push(x, n, 300000);
    } else if (path_is(x, "/pushlen/", &n)) {
        set_length(x, n);
        serve_push(x, n, 1000);
    } else if (path_is(x, "/pushshort/", &n)) {
        set_length(x, n + 1);
        serve_push(x, n, 1000);
    } else if (path_is(x, "/pushlong/", &n)) {
        set_length(x, n - 1);
        serve_push(x, n, 1000);
    } else if (path_is(x, "/pushwait", NULL)) {
        sl__exchange_write(x, "first", 5);
        serve_wait(x);
        if (seen.last_wait < 0)
            x->aborted = true;
        else
            sl__exchange_write(x, "last", 4);
    } else if (path_is(x, "/source/", &n)) {
        serve_source(x, (struct source){.len = n, .piece = 3000});
    } else if (path_is(x, "/sourcelen/", &n)) {
        set_length(x, n);
        serve_source(x, (struct source){.len = n, .piece = 3000});
    } else if (path_is(x, "/sourceshort/", &n)) {
        set_length(x, n + 1);
        serve_source(x, (struct source){.len = n, .piece = 3000});
    } else if (path_is(x, "/sourcefail/", &n)) {
        serve_source(x, (struct source){.len = n + 1, .piece = n, .fail_at = n});
    } else if (path_is(x, "/sourcewait/", &n)) {
        serve_source(x, (struct source){.len = n, .piece = 10, .sleep_every = 10});
    } else {
        x->response.status = 404;
    }
}

static void serve(struct sl__service *s, struct sl__exchange *x)
{
    long n = 0;

    seen.begun++;
    x->ended = on_ended;
    assert_ptr_equal(x->fiber, sl__fiber_current());
    if (path_is(x, "/hello", NULL)) {
        sl__response_set_bytes(&x->response, SL__STR("hello"));
    } else if (path_is(x, "/bytes/", &n)) {
        sl__response_set_bytes(&x->response, (struct sl__str){pattern, (size_t)n});
    } else if (path_is(x, "/echo", NULL)) {
        serve_echo(x, 16384);
    } else if (path_is(x, "/sip", NULL)) {
        serve_echo(x, 7);
    } else if (path_is(x, "/pushecho", NULL)) {
        serve_push_echo(x);
    } else if (path_is(x, "/trailer", NULL)) {
        serve_trailer(x);
    } else if (path_is(x, "/status/", &n)) {
        x->response.status = (int)n;
        if (n == 304)
            sl__response_set_bytes(&x->response, SL__STR("hello"));
    } else if (path_is(x, "/file/", &n)) {
        sl__response_set_file(&x->response, dup(file_fd), 0, n);
    } else if (path_is(x, "/filefrom/", &n)) {
        sl__response_set_file(&x->response, dup(file_fd), n, 100000);
    } else if (path_is(x, "/fileshort/", &n)) {
        sl__response_set_file(&x->response, dup(file_fd), (int64_t)PATTERN_MAX - n, n + 1);
    } else if (path_is(x, "/waitpush", NULL)) {
        serve_other(x);
    } else if (path_is(x, "/wait", NULL)) {
        x->ended = NULL; /* also without it the connection has to go on */
        seen.hooks++;
        serve_wait(x);
    } else if (path_is(x, "/remote", NULL)) {
        const char *name = x->ops->remote(x);
        sl__response_set_bytes(&x->response, name ? sl__str_of(name) : SL__STR("?"));
    } else {
        serve_other(x);
    }
    seen.ended++;
}

static struct sl__service service = {serve};

static void make_pattern(void)
{
    pattern = malloc(PATTERN_MAX);
    for (size_t i = 0; i < PATTERN_MAX; i++)
        pattern[i] = (char)('a' + (i * 7 + (i >> 8) + (i >> 16)) % 26);
    file_fd = memfd_create("pattern", MFD_CLOEXEC);
    assert_int_equal(write(file_fd, pattern, PATTERN_MAX), PATTERN_MAX);
}

static void open_server(const struct sl_limits *limits, struct sl__gate *gate,
                        const struct sl__server_events *events)
{
    static const struct sl_limits defaults;

    if (!pattern)
        make_pattern();
    memset(&seen, 0, sizeof(seen));
    stream_count = streams_over = 0;
    test_now = 1000 * SL__SEC;
    sl__sys_clock_fn = test_clock;
    sl__sys_wall_fn = test_wall;
    sl__sys_fault = NULL;
    sl__mem_fault = NULL;
    assert_int_equal(sl__loop_init(&loop), 0);
    assert_int_equal(sl__fibers_init(&loop, limits && limits->fibers ? limits->fibers : 100), 0);
    server = sl__server_new(&loop, &service, limits ? limits : &defaults, gate, events);
}

static void ticks(int n)
{
    while (n-- > 0)
        assert_int_equal(sl__loop_once(&loop, 0), 0);
}

static void close_server(void)
{
    sl__sys_fault = NULL;
    sl__mem_fault = NULL;
    sl__server_cut(server);
    ticks(5);
    assert_int_equal(sl__server_connections(server), 0);
    assert_int_equal(sl__server_requests(server), 0);
    assert_int_equal(sl__fibers_live(), 0);
    assert_int_equal(seen.begun, seen.ended);
    assert_int_equal(seen.begun, seen.hooks);
    assert_int_equal(stream_count, streams_over);
    sl__server_free(server);
    server = NULL;
    sl__fibers_finish();
    sl__loop_finish(&loop);
    sl__sys_clock_fn = NULL;
    sl__sys_wall_fn = NULL;
}

/* The client's end of a connection, and all it has received. */
struct client {
    int fd;
    bool eof;
    int error;
    char *got;
    size_t len, size;
};

static inline void connect_client(struct client *c)
{
    int pair[2];

    *c = (struct client){.fd = -1};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    c->fd = pair[0];
    assert_int_equal(sl__server_adopt(server, pair[1], 3), 0);
}

static inline void disconnect(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->got);
    *c = (struct client){.fd = -1};
}

static inline void put(struct client *c, const void *bytes, size_t len)
{
    assert_int_equal(send(c->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void say(struct client *c, const char *text)
{
    put(c, text, strlen(text));
}

/* Takes what is there. True if there was something. */
static inline bool hear(struct client *c)
{
    size_t before = c->len;
    bool was = c->eof;

    while (!c->eof) {
        ssize_t n;

        if (c->size - c->len < 65536) {
            c->size = c->size * 2 + 131072;
            c->got = realloc(c->got, c->size);
        }
        n = recv(c->fd, c->got + c->len, c->size - c->len - 1, 0);
        if (n < 0 && errno == EAGAIN)
            break;
        c->error = n < 0 ? errno : 0;
        if (n <= 0)
            c->eof = true;
        else
            c->len += (size_t)n;
    }
    if (c->got)
        c->got[c->len] = '\0';
    return c->len > before || c->eof != was;
}

/* Ticks until nothing more comes. */
static inline void listen_to(struct client *c)
{
    for (int quiet = 0; quiet < 4; quiet++) {
        ticks(1);
        if (hear(c))
            quiet = -1;
    }
}

static inline void expect(struct client *c, const char *text)
{
    listen_to(c);
    assert_string_equal(c->got, text);
    c->len = 0;
}

/* Undoes chunks: the body of the one answer received, malloc'd; NULL if it has no proper end. */
static inline char *dechunk(const struct client *c, size_t *ret_len)
{
    const char *p = strstr(c->got, "\r\n\r\n");
    char *body = malloc(c->len + 1);
    size_t len = 0;

    assert_non_null(p);
    for (p += 4; p < c->got + c->len;) {
        char *end;
        size_t n = strtoul(p, &end, 16);

        if (end == p || memcmp(end, "\r\n", 2) != 0)
            break;
        p = end + 2;
        if (n == 0 && memcmp(p, "\r\n", 3) == 0) {
            *ret_len = len;
            return body;
        }
        if ((size_t)(c->got + c->len - p) < n + 2)
            break;
        memcpy(body + len, p, n);
        len += n;
        p += n + 2;
    }
    free(body);
    return NULL;
}

#endif
