/* The bucket by a table of moments; who is told apart; what is said; and what becomes of strangers'
 * numbers in the map. */
#include "layers.h"

#include <time.h>

static int64_t the_time;

static int test_clock(clockid_t id, struct timespec *t)
{
    t->tv_sec = the_time / 1000000000;
    t->tv_nsec = the_time % 1000000000;
    return 0;
}

#define clock_gettime test_clock
#include "../../../src/middleware/rate_limit.c"
#undef clock_gettime

#include "base/time.h"
#include "shared/handle.h"

static int handler(sl_ctx *c)
{
    return sl_body(c, "hello");
}

static const char *by_key(sl_ctx *c, void *self)
{
    return sl_query(c, self);
}

/* 0 if it passes, else after how many seconds it may come again. */
static int request(sl_app *app, const char *target, const char *lines)
{
    struct memory m;
    int after = 0;

    ask(&m, app, "GET", target, lines);
    assert_true(m.status == 200 || m.status == 429);
    if (m.status == 429) {
        assert_non_null(nth_header(&m, "Retry-After", 0));
        after = atoi(nth_header(&m, "Retry-After", 0));
        assert_true(after > 0);
    } else {
        expect_header(&m, "Retry-After", NULL);
    }
    memory_finish(&m);
    return after;
}

static sl_app *limited_app(sl_app *app, sl_middleware m)
{
    assert_int_equal(sl_use(app, m), 0);
    sl_use(app, handler);
    return app;
}

static void bucket(void **state)
{
    /* 3 in 60 s, then one every 20 s */
    static const struct {
        int at, after;
    } rows[] = {
        {0, 0},  {0, 0},   {0, 0},   {0, 20},  {1, 19},  {19, 1},   {20, 0},   {20, 20},
        {40, 0}, {41, 19}, {100, 0}, {100, 0}, {100, 0}, {100, 20}, {1000, 0}, {1000, 0},
    };
    sl_app *app = sl_new();

    the_time = 5 * SL__SEC;
    limited_app(app, sl_rate_limit(app, .limit = 3));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        the_time = (5 + rows[i].at) * SL__SEC;
        if (request(app, "/", "") != rows[i].after)
            fail_msg("row %zu", i);
    }
    sl_free(app);
}

static void bursts(void **state)
{
    sl_app *app = sl_new();

    the_time = 5 * SL__SEC;
    limited_app(app, sl_rate_limit(app, .limit = 10, .window_ms = 1000, .burst = 2));
    assert_int_equal(request(app, "/", ""), 0);
    assert_int_equal(request(app, "/", ""), 0);
    assert_int_equal(request(app, "/", ""), 1);
    the_time += 99 * SL__MS;
    assert_int_equal(request(app, "/", ""), 1);
    the_time += SL__MS;
    assert_int_equal(request(app, "/", ""), 0);
    assert_int_equal(request(app, "/", ""), 1);
    sl_free(app);
}

/* However they come: never more than a bucket and what has come back. */
static void never_more(void **state)
{
    sl_app *app = sl_new();
    unsigned random = 1, passed = 0;
    int64_t start;

    the_time = start = 5 * SL__SEC;
    limited_app(app, sl_rate_limit(app, .limit = 7, .window_ms = 1000, .burst = 5));
    for (int i = 0; i < 3000; i++) {
        random = random * 1103515245 + 12345;
        the_time += (random >> 16) % 300 * SL__MS;
        passed += request(app, "/", "") == 0;
        assert_true(passed <= 5 + (the_time - start) * 7 / SL__SEC);
    }
    assert_true(passed > 0.8 * (double)(the_time - start) * 7 / 1e9);
    sl_free(app);
}

static int from(sl_ctx *c)
{
    const char *remote = sl_header(c, "x-from");

    if (remote)
        assert_int_equal(sl_set_remote(c, remote), 0);
    return sl_next(c);
}

static void who(void **state)
{
    /* each row is another client, but for those that say "same" */
    static const struct {
        const char *lines;
        bool same;
    } rows[] = {
        {"", false},
        {"X-From: 127.0.0.1:9\r\n", true}, /* another port */
        {"X-From: 127.0.0.2:9\r\n", false},
        {"X-From: 127.0.0.2\r\n", true},
        {"X-From: [::ffff:127.0.0.2]:5\r\n", true},
        {"X-From: [2001:db8:1:2:3::1]:5\r\n", false},
        {"X-From: [2001:db8:1:2:ffff::2]\r\n", true}, /* the same network */
        {"X-From: [2001:db8:1:3::2]\r\n", false},
        {"X-From: unix\r\n", false},
        {"X-From: unknown\r\n", false},
    };
    static const struct {
        const char *target, *lines;
        bool same;
    } others[] = {
        {"/", "X-Key: a\r\n", false},
        {"/", "X-Key: a\r\nX-From: 1.2.3.4\r\n", true},
        {"/", "X-Key: b\r\n", false},
        {"/", "X-Key: \r\n", false}, /* by address */
        {"/", "", true},
        {"/", "X-Key: 127.0.0.1\r\n", false}, /* is none */
    };
    sl_app *app = sl_new(), *keyed = sl_new();

    the_time = 5 * SL__SEC;
    sl_use(app, from);
    limited_app(app, sl_rate_limit(app, .limit = 1));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((request(app, "/", rows[i].lines) > 0) != rows[i].same)
            fail_msg("%s", rows[i].lines);
    sl_free(app);
    sl_use(keyed, from);
    limited_app(keyed, sl_rate_limit(keyed, .limit = 1, .header = "X-Key"));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if ((request(keyed, "/", others[i].lines) > 0) != others[i].same)
            fail_msg("%s", others[i].lines);
    sl_free(keyed);
}

static void by_function(void **state)
{
    static char longer[300] = "/?k=", same[300], other[300];
    sl_app *app = sl_new();

    the_time = 5 * SL__SEC;
    limited_app(app,
                sl_rate_limit(app, .limit = 1, .key = by_key, .self = (void *)(uintptr_t) "k"));
    assert_int_equal(request(app, "/", ""), 0); /* not counted */
    assert_int_equal(request(app, "/", ""), 0);
    assert_int_equal(request(app, "/?k=1", ""), 0);
    assert_int_not_equal(request(app, "/?k=1", ""), 0);
    assert_int_equal(request(app, "/?k=", ""), 0);
    assert_int_not_equal(request(app, "/?k=", ""), 0);
    memset(longer + 4, 'x', 200); /* more than a key may have */
    strcpy(same, longer);
    strcpy(other, longer);
    other[203] = 'y';
    assert_int_equal(request(app, longer, ""), 0);
    assert_int_not_equal(request(app, same, ""), 0);
    assert_int_equal(request(app, other, ""), 0);
    sl_free(app);
}

static void headers(void **state)
{
    sl_app *app = sl_new(), *silent = sl_new();
    struct memory m;

    the_time = 5 * SL__SEC;
    limited_app(app, sl_rate_limit(app, .limit = 2, .window_ms = 10500, .name = "api"));
    ask(&m, app, "GET", "/", "");
    expect_header(&m, "RateLimit-Policy", "\"api\";q=2;w=11");
    expect_header(&m, "RateLimit", "\"api\";r=1;t=6");
    memory_finish(&m);
    ask(&m, app, "GET", "/", "");
    expect_header(&m, "RateLimit", "\"api\";r=0;t=11");
    memory_finish(&m);
    ask(&m, app, "GET", "/", "");
    assert_int_equal(m.status, 429);
    expect_header(&m, "RateLimit-Policy", "\"api\";q=2;w=11");
    expect_header(&m, "RateLimit", "\"api\";r=0;t=11");
    expect_header(&m, "Retry-After", "6");
    assert_string_equal(memory_body(&m), "too many requests, the next one in 6 s\n");
    memory_finish(&m);
    sl_free(app);
    limited_app(silent, sl_rate_limit(silent, .limit = 1, .quiet = true));
    ask(&m, silent, "GET", "/", "");
    expect_header(&m, "RateLimit", NULL);
    expect_header(&m, "RateLimit-Policy", NULL);
    memory_finish(&m);
    assert_int_equal(request(silent, "/", ""), 60);
    sl_free(silent);
}

static void maps(void **state)
{
    sl_app *app = sl_new();
    sl_map *map;
    int64_t far;

    the_time = 5 * SL__SEC;
    sl_get(app, "/a", sl_rate_limit(app, .limit = 1, .name = "one"), handler);
    sl_get(app, "/b", sl_rate_limit(app, .limit = 1, .name = "one"), handler); /* the same */
    sl_get(app, "/c", sl_rate_limit(app, .limit = 1), handler);
    sl_get(app, "/d", sl_rate_limit(app, .limit = 1), handler);
    assert_int_equal(request(app, "/a", ""), 0);
    assert_int_not_equal(request(app, "/b", ""), 0);
    assert_int_equal(request(app, "/c", ""), 0);
    assert_int_equal(request(app, "/d", ""), 0);
    map = sl_map_new(app, "shallot.rate-limit one", .capacity = CAPACITY, .value_bytes = 8,
                     .key_bytes = KEY_BYTES);
    assert_int_equal(sl_map_count(map), 1);
    /* other numbers before a reload: an empty bucket at worst */
    far = the_time + 100000 * SL__SEC;
    assert_int_equal(sl_map_set(map, "a127.0.0.1", &far, 8, 0), 0);
    assert_int_equal(request(app, "/a", ""), 60);
    the_time += 60 * SL__SEC;
    assert_int_equal(request(app, "/a", ""), 0);
    sl_map_set(map, "a127.0.0.1", "abc", 3, 0); /* nothing that makes sense */
    assert_int_equal(request(app, "/a", ""), 0);
    sl_free(app);
}

/* The lock of the map is somebody's who does not let go: requests pass, and that is said once a
 * minute. */
static void without_the_map(void **state)
{
    sl_app *app = sl_new();
    sl_middleware m = sl_rate_limit(app, .limit = 1);
    struct limiter *l = m.self;
    sl_map *map = l->buckets;

    the_time = 5 * SL__SEC;
    memory_log_start();
    limited_app(app, m);
    l->buckets = NULL; /* -EINVAL: fails like -EBUSY */
    for (int i = 0; i < 5; i++)
        assert_int_equal(request(app, "/", ""), 0);
    assert_int_equal(memory_log_lines, 1);
    the_time += 60 * SL__SEC;
    assert_int_equal(request(app, "/", ""), 0);
    assert_int_equal(memory_log_lines, 2);
    l->buckets = map;
    assert_int_equal(request(app, "/", ""), 0);
    assert_int_not_equal(request(app, "/", ""), 0);
    sl_free(app);
}

static void mistakes(void **state)
{
    sl_app *app = sl_new();

    memory_log_start();
    expect_refusal(sl_rate_limit(app, .window_ms = 5), "sl_rate_limit: how many?");
    expect_refusal(sl_rate_limit(app, .limit = 1, .name = ""), "a name has");
    expect_refusal(sl_rate_limit(app, .limit = 1, .name = "a\"b"), "a name has");
    expect_refusal(sl_rate_limit(app, .limit = 1, .window_ms = 4000000000u), "46 days");
    expect_refusal(sl_rate_limit(app, .limit = 1, .burst = 4000000000u), "46 days");
    expect_refusal(sl_rate_limit(app, .limit = 1, .capacity = (size_t)1 << 40), "impossible");
    assert_false(sl__app_fit(app));
    sl_free(app);
}

static sl_middleware make(sl_app *app)
{
    return sl_rate_limit(app, .limit = 100, .header = "X-Key", .name = "x");
}

static void memory(void **state)
{
    sl_app *app = sl_new();

    the_time = 5 * SL__SEC;
    each_part_of_making_fails(make);
    limited_app(app, make(app));
    each_part_of_serving_fails(app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket), cmocka_unit_test(bursts),   cmocka_unit_test(never_more),
        cmocka_unit_test(who),    cmocka_unit_test(headers),  cmocka_unit_test(by_function),
        cmocka_unit_test(maps),   cmocka_unit_test(mistakes), cmocka_unit_test(without_the_map),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
