/*
 * Event streams: what goes into the queue of which, heartbeats, bounds, topics, and the end.
 */
#include "memory_exchange.h"

#include "app/sse.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEAD_REQUEST "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
#define STREAMS 4

static struct sl__loop loop;
static int64_t now;
static sl_app *app;

static struct {
    sl_sse *stream;
    unsigned closed;
    int why;
    bool on_fiber;
} seen[STREAMS];
static unsigned opened;

static int64_t test_clock(void)
{
    return now;
}

static void joined(void *self)
{
}

static void failed(void *self, const char *reason)
{
    assert_string_equal(reason, "");
}

static void ticks(int n)
{
    while (n-- > 0)
        assert_int_equal(sl__loop_once(&loop, 0), 0);
}

static void pass_ms(int64_t ms)
{
    now += ms * SL__MS;
    ticks(3);
}

static int setup(void **state)
{
    struct sl__bus_events events = {.joined = joined, .failed = failed};

    memory_log_start();
    memset(seen, 0, sizeof seen);
    opened = 0;
    now = 1000 * SL__SEC;
    sl__sys_clock_fn = test_clock;
    assert_int_equal(sl__loop_init(&loop), 0);
    assert_int_equal(sl__fibers_init(&loop, 100), 0);
    app = sl_new();
    assert_int_equal(sl__bus_start(app->bus, &loop, NULL, 1, 1 << 20, &events), 0);
    ticks(3);
    return 0;
}

static int teardown(void **state)
{
    sl__bus_stop(app->bus);
    ticks(3);
    assert_null(app->sse ? app->sse->pulses : NULL);
    assert_int_equal(app->sse ? app->sse->feeds.used : 0, 0);
    assert_int_equal(loop.timers.count, 0);
    sl_free(app);
    assert_int_equal(sl__fibers_live(), 0);
    sl__fibers_finish();
    sl__loop_finish(&loop);
    sl__sys_clock_fn = NULL;
    return 0;
}

static void on_close(sl_sse *s, int why, void *self)
{
    unsigned i = (unsigned)(uintptr_t)self;

    assert_ptr_equal(s, seen[i].stream);
    seen[i].closed++;
    seen[i].why = why;
    seen[i].on_fiber = sl_sleep(0) == 0;
    assert_int_equal(sl_sse_send(s, .data = "x"), -EPIPE);
    sl_sse_close(s);
}

/* With nothing in the queue but what the test puts there. */
static sl_sse *open_quietly(sl_ctx *c)
{
    unsigned i = opened++;

    return seen[i].stream = sl_sse_open(c, .retry_ms = SL_SSE_NEVER, .on_close = on_close,
                                        .self = (void *)(uintptr_t)i, .queue_bytes = 1000);
}

static int quiet(sl_ctx *c)
{
    return open_quietly(c) ? 0 : -ENOMEM;
}

/* Serves a request whose handler may wait. */
static void request(struct memory *m, const char *text)
{
    *m = (struct memory){0};
    memory_begin(m, app, text);
    assert_int_equal(sl__fiber_start(NULL, memory_serve, m), 0);
    ticks(2);
    assert_true(m->done);
}

static void end(struct memory *m)
{
    memory_finish(m);
    ticks(3);
}

static int plain(sl_ctx *c)
{
    return sl_sse_open(c) ? 0 : -ENOMEM;
}

static void test_head(void **state)
{
    struct memory m;

    sl_use(app, plain);
    request(&m, REQUEST);
    assert_int_equal(m.status, 200);
    assert_true(memory_has_header(&m, "Content-Type: text/event-stream"));
    assert_true(memory_has_header(&m, "Cache-Control: no-store"));
    assert_true(memory_has_header(&m, "X-Accel-Buffering: no"));
    assert_non_null(m.detached);
    end(&m);
}

static int own_head(sl_ctx *c)
{
    sl_set_header(c, "Cache-Control", "private, no-cache");
    sl_set_status(c, 201);
    return sl_sse_open(c) ? 0 : -ENOMEM;
}

static void test_own_head(void **state)
{
    struct memory m;

    sl_use(app, own_head);
    request(&m, REQUEST);
    assert_int_equal(m.status, 201);
    assert_true(memory_has_header(&m, "Cache-Control: private, no-cache"));
    end(&m);
}

/* Every stream is told another time to come back after, around the one wanted. */
static void test_retry(void **state)
{
    unsigned least = UINT32_MAX, most = 0;
    struct memory m;

    sl_use(app, plain);
    for (int i = 0; i < 200; i++) {
        unsigned ms;

        request(&m, REQUEST);
        assert_int_equal(sscanf(memory_stream(&m), "retry: %u\n", &ms), 1);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
        end(&m);
    }
    assert_in_range(least, 1001, 1200);
    assert_in_range(most, 2800, 3001);
}

static int history(sl_ctx *c)
{
    sl_sse *s = open_quietly(c);
    const char *last = sl_sse_last_id(c);

    assert_int_equal(sl_sse_send(s, .id = last ? last : "none", .data = "old"), 0);
    assert_int_equal(sl_sse_pending(s), (last ? 18 : 20) + SL__PIECE_COST);
    return 0;
}

static void test_send(void **state)
{
    struct memory m;
    sl_sse *s;

    sl_use(app, history);
    request(&m, REQUEST);
    assert_string_equal(memory_stream(&m), "id: none\ndata: old\n\n");
    s = seen[0].stream;
    assert_int_equal(sl_sse_send(s, .event = "a", .data = "b\nc"), 0);
    assert_int_equal(sl_sse_send(s, .id = "b\nc", .data = "x"), -EINVAL);
    assert_int_equal(sl_sse_send(s, .len = 5), -EINVAL);
    assert_string_equal(memory_stream(&m), "event: a\ndata: b\ndata: c\n\n");
    assert_int_equal(sl_sse_pending(s), 0);
    assert_int_equal(sl_sse_send(NULL, .data = "x"), -ENOMEM);
    assert_int_equal(sl_sse_join(NULL, "x"), -ENOMEM);
    assert_int_equal(sl_sse_pending(NULL), 0);
    sl_sse_close(NULL);
    sl_sse_unref(sl_sse_ref(NULL));
    end(&m);
    assert_int_equal(seen[0].closed, 1);
    assert_int_equal(seen[0].why, -ECONNRESET);
    assert_true(seen[0].on_fiber);
    request(&m, "GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 12\r\n\r\n");
    assert_string_equal(memory_stream(&m), "id: 12\ndata: old\n\n");
    end(&m);
}

static void test_to_head(void **state)
{
    struct memory m;

    sl_use(app, history);
    request(&m, HEAD_REQUEST);
    assert_int_equal(m.status, 200);
    assert_null(m.detached);
    end(&m);
    assert_int_equal(seen[0].closed, 1);
}

static int fails(sl_ctx *c)
{
    sl_sse *s = open_quietly(c);

    assert_int_equal(sl_sse_join(s, "t"), 0);
    return sl_fail(c, 418, "no");
}

static int changes_its_mind(sl_ctx *c)
{
    sl_sse *s = open_quietly(c);

    assert_int_equal(sl_response_kind_of(c), SL_RESPONSE_OPEN);
    assert_int_equal(sl_response_length(c), -1);
    sl_text(c, "no");
    assert_int_equal(sl_response_kind_of(c), SL_RESPONSE_BYTES);
    assert_int_equal(sl_sse_send(s, .data = "x"), -EPIPE); /* and yet it is there */
    assert_int_equal(sl_sse_join(s, "t"), -EPIPE);
    return 0;
}

static int opens_twice(sl_ctx *c)
{
    open_quietly(c);
    return open_quietly(c) ? 0 : -ENOMEM;
}

static int too_late(sl_ctx *c)
{
    sl_write(c, "x", 1);
    assert_null(sl_sse_open(c));
    return 0;
}

static void test_mistakes(void **state)
{
    struct memory m;

    sl_get(app, "/fail", fails);
    sl_get(app, "/mind", changes_its_mind);
    sl_get(app, "/twice", opens_twice);
    sl_get(app, "/late", too_late);
    request(&m, "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 418);
    assert_string_equal(memory_body(&m), "no\n");
    assert_false(strstr(m.headers, "event-stream"));
    end(&m);
    request(&m, "GET /mind HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(memory_body(&m), "no");
    end(&m);
    request(&m, "GET /twice HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_non_null(m.detached);
    ticks(3);
    assert_int_equal(seen[2].closed, 1);
    assert_int_equal(seen[3].closed, 0);
    end(&m);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(seen[i].why, -ECANCELED);
    assert_int_equal(seen[3].why, -ECONNRESET);
    request(&m, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(memory_body(&m), "x");
    assert_non_null(strstr(memory_log, "sl_sse_open() after the answer has begun"));
    end(&m);
}

static void test_close(void **state)
{
    struct memory m;
    sl_sse *s;

    sl_use(app, quiet);
    request(&m, REQUEST);
    s = sl_sse_ref(seen[0].stream);
    assert_int_equal(sl_sse_send(s, .data = "last"), 0);
    sl_sse_close(s);
    sl_sse_close(s);
    assert_int_equal(sl_sse_send(s, .data = "x"), -EPIPE);
    assert_int_equal(sl_sse_join(s, "t"), -EPIPE);
    assert_true(m.detached->ending);
    assert_string_equal(memory_stream(&m), "data: last\n\n");
    sl__detached_over(m.detached, -ECONNRESET);
    ticks(3);
    assert_int_equal(seen[0].closed, 1);
    assert_int_equal(seen[0].why, 0);
    assert_int_equal(sl_sse_send(s, .data = "x"), -EPIPE); /* held, and over */
    m.detached = NULL;
    sl_sse_unref(s);
    end(&m);
}

static int dropping(sl_ctx *c)
{
    seen[0].stream =
        sl_sse_open(c, .retry_ms = SL_SSE_NEVER, .queue_bytes = 1000, .overflow = SL_SSE_DROP);
    return 0;
}

static int fill_up(sl_sse *s)
{
    char data[101];
    int r, n = 0;

    memset(data, 'x', 100);
    data[100] = '\0';
    while ((r = sl_sse_send(s, .data = data)) == 0)
        n++;
    assert_int_equal(r, -ENOBUFS);
    return n;
}

static void test_bounds(void **state)
{
    char large[1000];
    struct memory m;

    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    sl_get(app, "/close", quiet);
    sl_get(app, "/drop", dropping);
    request(&m, "GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(sl_sse_send(seen[0].stream, .data = large), -EMSGSIZE);
    assert_int_equal(fill_up(seen[0].stream), 5);
    assert_true(m.detached->cut);
    assert_int_equal(sl_sse_send(seen[0].stream, .data = "x"), -EPIPE);
    end(&m);
    assert_int_equal(seen[0].why, -ENOBUFS);
    request(&m, "GET /drop HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(fill_up(seen[0].stream), 5);
    assert_false(m.detached->cut);
    memory_stream(&m);
    assert_int_equal(sl_sse_send(seen[0].stream, .data = "again"), 0);
    assert_string_equal(memory_stream(&m), "data: again\n\n");
    end(&m);
}

static int beating(sl_ctx *c)
{
    seen[opened++].stream = sl_sse_open(c, .retry_ms = SL_SSE_NEVER, .heartbeat_ms = 1600);
    return 0;
}

static int never_beating(sl_ctx *c)
{
    return sl_sse_open(c, .retry_ms = SL_SSE_NEVER, .heartbeat_ms = SL_SSE_NEVER) ? 0 : -ENOMEM;
}

static void test_heartbeats(void **state)
{
    struct memory first, second, never;

    sl_get(app, "/beat", beating);
    sl_get(app, "/never", never_beating);
    request(&first, "GET /beat HTTP/1.1\r\nHost: a\r\n\r\n");
    request(&never, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    pass_ms(1000);
    request(&second, "GET /beat HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(loop.timers.count, 1);
    pass_ms(599);
    assert_string_equal(memory_stream(&first), "");
    pass_ms(1);
    assert_string_equal(memory_stream(&first), ":\n\n");
    assert_string_equal(memory_stream(&second), "");
    pass_ms(900); /* a little early, so that they share a timer */
    assert_string_equal(memory_stream(&second), "");
    pass_ms(100);
    assert_string_equal(memory_stream(&second), ":\n\n");
    sl_sse_send(seen[0].stream, .data = "x");
    pass_ms(1000);
    assert_string_equal(memory_stream(&first), "data: x\n\n");
    pass_ms(600);
    assert_string_equal(memory_stream(&first), ":\n\n");
    assert_string_equal(memory_stream(&second), ":\n\n");
    pass_ms(100000);
    assert_string_equal(memory_stream(&first), ":\n\n"); /* what waits is enough */
    assert_string_equal(memory_stream(&never), "");
    end(&second);
    pass_ms(1600);
    assert_string_equal(memory_stream(&first), ":\n\n");
    end(&first);
    end(&never);
    assert_int_equal(loop.timers.count, 0);
}

static unsigned formatted;
static char prefix[] = "n";

static bool numbered(const sl_message *m, sl_sse_event *e, void *self)
{
    static char id[16];

    formatted++;
    assert_string_equal(e->event, m->topic);
    snprintf(id, sizeof id, "%s%u", (char *)self, formatted);
    e->id = id;
    return m->len > 0;
}

static int joins(sl_ctx *c)
{
    sl_sse *s = open_quietly(c);
    int r = sl_sse_join(s, "chat");

    assert_int_equal(sl_sse_join(s, "chat"), 0); /* which changes nothing */
    assert_int_equal(sl_sse_join(s, ""), -EINVAL);
    assert_int_equal(sl_sse_join(s, "a\nb"), -EINVAL);
    return r;
}

static int joins_numbered(sl_ctx *c)
{
    sl_sse *s = open_quietly(c);

    sl_sse_join(s, "other");
    return sl_sse_join(s, "chat", .format = numbered, .self = prefix);
}

static int joins_all(sl_ctx *c)
{
    return sl_sse_join(open_quietly(c), "*");
}

static void tell(const char *topic, const char *text)
{
    assert_int_equal(sl__bus_send(app->bus, SL__TO_ALL, topic, text, strlen(text)), 0);
    ticks(3);
}

static void test_topics(void **state)
{
    struct memory a, b, n, all;

    formatted = 0;
    sl_get(app, "/chat", joins);
    sl_get(app, "/numbered", joins_numbered);
    sl_get(app, "/all", joins_all);
    request(&a, "GET /chat HTTP/1.1\r\nHost: a\r\n\r\n");
    request(&b, "GET /chat HTTP/1.1\r\nHost: a\r\n\r\n");
    request(&n, "GET /numbered HTTP/1.1\r\nHost: a\r\n\r\n");
    request(&all, "GET /all HTTP/1.1\r\nHost: a\r\n\r\n");
    tell("chat", "hello\nall");
    assert_ptr_equal(a.detached->first->piece, b.detached->first->piece); /* once for both */
    assert_string_equal(memory_stream(&a), "event: chat\ndata: hello\ndata: all\n\n");
    assert_string_equal(memory_stream(&b), "event: chat\ndata: hello\ndata: all\n\n");
    assert_string_equal(memory_stream(&n), "event: chat\nid: n1\ndata: hello\ndata: all\n\n");
    assert_string_equal(memory_stream(&all), "event: chat\ndata: hello\ndata: all\n\n");
    assert_int_equal(formatted, 1);
    tell("chat", "");
    assert_string_equal(memory_stream(&a), "event: chat\ndata: \n\n");
    assert_string_equal(memory_stream(&b), "event: chat\ndata: \n\n");
    assert_string_equal(memory_stream(&n), "");
    tell("other", "x");
    tell("nobody", "x");
    assert_string_equal(memory_stream(&a), "");
    assert_string_equal(memory_stream(&n), "event: other\ndata: x\n\n");
    assert_string_equal(memory_stream(&all), "event: chat\ndata: \n\nevent: other\ndata: x\n\n"
                                             "event: nobody\ndata: x\n\n");
    assert_int_equal(app->sse->feeds.used, 3);
    end(&a);
    end(&n);
    assert_int_equal(app->sse->feeds.used, 2);
    tell("chat", "again");
    assert_string_equal(memory_stream(&b), "event: chat\ndata: again\n\n");
    tell("a\nb", "x"); /* no event, and not silently so */
    assert_non_null(strstr(memory_log, "is no event"));
    end(&all);
    end(&b);
}

/* One that is too slow is cut, or left out; the others hear everything. */
static void test_slow_one_among_many(void **state)
{
    struct memory slow, quick;
    char text[300];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    sl_use(app, joins);
    request(&slow, REQUEST);
    request(&quick, REQUEST);
    for (int i = 0; i < 5; i++) {
        tell("chat", text);
        assert_int_equal(strlen(memory_stream(&quick)), strlen(text) + 20);
    }
    assert_true(slow.detached->cut);
    assert_false(quick.detached->cut);
    end(&slow);
    assert_int_equal(seen[0].why, -ENOBUFS);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sl__bus_send(app->bus, SL__TO_ALL, "chat", pass_ms, 2000), 0);
    ticks(3);
    assert_false(quick.detached->cut);
    assert_int_equal(memory_log_lines, 1); /* which is too large for anybody */
    end(&quick);
}

static uint64_t closed_octets;
static int closed_why;

static void on_closed(uint64_t octets, int why, void *self)
{
    closed_octets = octets;
    closed_why = why;
    *(bool *)self = true;
}

static bool closed;

static int watches(sl_ctx *c)
{
    sl_source source;
    int r;

    assert_int_equal(sl_on_close(c, on_closed, &closed), -EINVAL);
    r = sl_next(c);
    assert_int_equal(sl_response_kind_of(c), SL_RESPONSE_OPEN);
    assert_int_equal(sl_status(c), 200);
    assert_int_equal(sl_response_length(c), -1);
    assert_null(sl_response_bytes(c, NULL));
    assert_int_equal(sl_take_body(c, &source), -ENODATA);
    assert_int_equal(sl_on_close(c, NULL, NULL), -EINVAL);
    assert_int_equal(sl_on_close(c, on_closed, &closed), 0);
    return r;
}

static void test_layers_see_the_end(void **state)
{
    struct memory m;

    closed = false;
    sl_use(app, watches);
    sl_use(app, quiet);
    request(&m, REQUEST);
    assert_false(closed);
    m.detached->octets = 77;
    end(&m);
    assert_true(closed);
    assert_int_equal(closed_octets, 77);
    assert_int_equal(closed_why, -ECONNRESET);
}

static long left;
static bool faulty;

static bool fault(size_t size)
{
    if (left < 0 || left-- > 0)
        return false;
    left = -1;
    faulty = true;
    return true;
}

static int whole(sl_ctx *c)
{
    sl_sse *s = sl_sse_open(c, .on_close = on_close, .self = (void *)0);
    int r;

    seen[0].stream = s;
    r = sl_sse_send(s, .id = "1", .data = "x");
    return r < 0 ? r : sl_sse_join(s, "chat", .format = numbered, .self = prefix);
}

/* The n-th allocation fails, for every n: the stream is there or is not, and nothing is left. */
static void test_no_memory(void **state)
{
    long n;

    sl_use(app, whole);
    for (n = 0, faulty = true; faulty; n++) {
        struct memory m = {0};

        memset(seen, 0, sizeof seen);
        memory_begin(&m, app, REQUEST);
        faulty = false;
        left = n;
        sl__mem_fault = fault;
        assert_int_equal(sl__fiber_start(NULL, memory_serve, &m), 0);
        ticks(2);
        sl__mem_fault = NULL;
        left = -1;
        assert_true(m.status == 200 || m.status == 503);
        if (!faulty)
            assert_int_equal(m.status, 200);
        assert_true(m.detached || m.status == 503);
        end(&m);
        assert_int_equal(seen[0].closed, seen[0].stream ? 1 : 0);
    }
    assert_true(n > 10);
}

static void test_no_memory_for_an_event(void **state)
{
    struct memory m;
    sl_sse *s;
    long n;
    int r;

    sl_use(app, joins);
    request(&m, REQUEST);
    s = seen[0].stream;
    for (n = 0, faulty = true; faulty; n++) {
        faulty = false;
        left = n;
        sl__mem_fault = fault;
        r = sl_sse_send(s, .data = "x");
        sl__mem_fault = NULL;
        assert_int_equal(r, faulty ? -ENOMEM : 0);
        assert_string_equal(memory_stream(&m), faulty ? "" : "data: x\n\n");
    }
    assert_int_equal(n, 3);
    assert_int_equal(sl__bus_send(app->bus, SL__TO_ALL, "chat", "x", 1), 0);
    left = 1; /* the piece is there, its place in the queue is not */
    sl__mem_fault = fault;
    ticks(3);
    sl__mem_fault = NULL;
    assert_true(m.detached->cut);
    end(&m);
    assert_int_equal(seen[0].why, -ENOMEM);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_head),
        TEST(test_own_head),
        TEST(test_retry),
        TEST(test_send),
        TEST(test_to_head),
        TEST(test_mistakes),
        TEST(test_close),
        TEST(test_bounds),
        TEST(test_heartbeats),
        TEST(test_topics),
        TEST(test_slow_one_among_many),
        TEST(test_layers_see_the_end),
        TEST(test_no_memory),
        TEST(test_no_memory_for_an_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
