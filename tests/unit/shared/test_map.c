/*
 * Maps: what the calls promise, against a plain model, with several processes, and beside one that
 * is stopped with a lock in its hand.
 */
#include "maps.h"

#include "base/sys.h"

#include <time.h>

static void test_set_get_delete(void **state)
{
    sl_map *m = map_new(10, 16, 8);
    char buf[32] = "";

    assert_int_equal(sl_map_get(m, "a", buf, sizeof buf), -ENOENT);
    assert_int_equal(sl_map_set(m, "a", "one", 3, 0), 0);
    assert_int_equal(sl_map_set(m, "b", "", 0, 0), 0);
    assert_int_equal(sl_map_get(m, "a", buf, sizeof buf), 3);
    assert_memory_equal(buf, "one", 3);
    assert_int_equal(sl_map_get(m, "b", buf, sizeof buf), 0);
    assert_int_equal(sl_map_set(m, "a", "0123456789abcdef", 16, 0), 0);
    memset(buf, '-', sizeof buf);
    assert_int_equal(sl_map_get(m, "a", buf, 4), 16); /* its whole length */
    assert_memory_equal(buf, "0123-", 5);
    assert_int_equal(sl_map_add(m, "a", "x", 1, 0), -EEXIST);
    assert_int_equal(sl_map_add(m, "c", "x", 1, 0), 0);
    assert_int_equal(sl_map_count(m), 3);
    assert_int_equal(sl_map_delete(m, "a"), 0);
    assert_int_equal(sl_map_delete(m, "a"), -ENOENT);
    assert_int_equal(sl_map_count(m), 2);
    map_check(m);
    map_free(m);
}

static void test_limits(void **state)
{
    sl_map *m = map_new(4, 8, 4), *tiny = map_new(1, 1, 1);

    assert_int_equal(sl_map_set(m, "abcd", "12345678", 8, 0), 0);
    assert_int_equal(sl_map_set(m, "abcde", "1", 1, 0), -EINVAL);
    assert_int_equal(sl_map_set(m, "", "1", 1, 0), -EINVAL);
    assert_int_equal(sl_map_set(m, NULL, "1", 1, 0), -EINVAL);
    assert_int_equal(sl_map_set(m, "a", "123456789", 9, 0), -EMSGSIZE);
    assert_int_equal(sl_map_add(m, "a", "123456789", 9, 0), -EMSGSIZE);
    assert_int_equal(sl_map_get(NULL, "a", NULL, 0), -EINVAL);
    assert_int_equal(sl_map_count(NULL), -EINVAL);
    assert_int_equal(sl_map_each(NULL, NULL, NULL), -EINVAL);
    assert_int_equal(sl_map_set(tiny, "a", "1", 1, 0), 0);
    assert_int_equal(sl_map_set(tiny, "b", "2", 1, 0), 0);
    assert_int_equal(sl_map_get(tiny, "a", NULL, 0), -ENOENT);
    assert_int_equal(sl_map_get(tiny, "b", NULL, 0), 1);
    assert_int_equal(sl_map_increment(tiny, "n", 1, 0, NULL), -EINVAL); /* no room for a number */
    map_check(tiny);
    map_free(m);
    map_free(tiny);
}

static void test_shapes(void **state)
{
    static const struct {
        uint64_t capacity, value, key;
        bool possible;
    } cases[] = {
        {1, 1, 1, true},          {0, 1, 1, false},
        {1, 0, 1, false},         {1, 1, 0, false},
        {1 << 24, 256, 64, true}, {(1 << 24) + 1, 256, 64, false},
        {1, 1 << 20, 4096, true}, {1, (1 << 20) + 1, 1, false},
        {1, 1, 4097, false},      {UINT64_MAX, UINT64_MAX, UINT64_MAX, false},
    };
    struct sl__shape other = {.kind = 9, .layout = 1}, newer = sl__counter_shape();
    char text[128];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl__shape s = sl__map_shape(cases[i].capacity, cases[i].value, cases[i].key);

        assert_int_equal(sl__shape_size(&s) > 0, cases[i].possible);
        assert_non_null(strstr(sl__shape_text(&s, text, sizeof text), "a map of"));
    }
    newer.layout++;
    assert_int_equal(sl__shape_size(&other), 0);
    assert_int_equal(sl__shape_size(&newer), 0);
    assert_false(sl__shape_equal(&other, &newer));
    assert_string_equal(sl__shape_text(&newer, text, sizeof text), "a counter");
}

static void test_increment(void **state)
{
    sl_map *m = map_new(10, 16, 8);
    int64_t n = 0;

    assert_int_equal(sl_map_increment(m, "n", 3, 0, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(sl_map_increment(m, "n", -5, 0, &n), 0);
    assert_int_equal(n, -2);
    assert_int_equal(sl_map_get(m, "n", &n, sizeof n), sizeof n);
    assert_int_equal(n, -2);
    n = INT64_MAX;
    sl_map_set(m, "n", &n, sizeof n, 0);
    assert_int_equal(sl_map_increment(m, "n", 1, 0, &n), -ERANGE);
    sl_map_get(m, "n", &n, sizeof n);
    assert_true(n == INT64_MAX);
    sl_map_set(m, "text", "abc", 3, 0);
    assert_int_equal(sl_map_increment(m, "text", 1, 0, NULL), -EINVAL);
    /* The time to live is that of the first: a window for a rate limit. */
    assert_int_equal(sl_map_increment(m, "rate", 1, 1000, &n), 0);
    map_clock += 999 * SL__MS;
    assert_int_equal(sl_map_increment(m, "rate", 1, 1000, &n), 0);
    assert_int_equal(n, 2);
    map_clock += 1 * SL__MS;
    assert_int_equal(sl_map_increment(m, "rate", 1, 1000, &n), 0);
    assert_int_equal(n, 1);
    map_check(m);
    map_free(m);
}

static int count_one(const char *key, const void *value, size_t len, void *self)
{
    ++*(int *)self;
    return 0;
}

struct change {
    ssize_t len_before, len;
    unsigned ttl_before, ttl;
    const char *before, *text;
    int result;
};

static int change(sl_map_entry *e, void *self)
{
    const struct change *ch = self;

    assert_int_equal(e->len, ch->len_before);
    assert_int_equal(e->ttl_ms, ch->ttl_before);
    assert_int_equal((uintptr_t)e->value % 8, 0);
    if (e->len > 0)
        assert_memory_equal(e->value, ch->before, (size_t)e->len);
    if (ch->text)
        memcpy(e->value, ch->text, strlen(ch->text));
    e->len = ch->len;
    e->ttl_ms = ch->ttl;
    return ch->result;
}

static void test_update(void **state)
{
    /* length and time before and after */
    static struct change changes[] = {
        {-1, -1, 0, 0, "", "none", 0},
        {-1, 3, 0, 0, "", "one", -EPERM},
        {-1, 3, 0, 0, "", "one", 0},
        {3, 5, 0, 2, "one", "three", -EPERM},
        {3, 5, 0, 2, "one", "three", 0},
        {5, 5, 2, 2, "three", "THREE", 0},
        {5, 0, 2, 9, "THREE", NULL, 0},
        {0, 17, 9, 0, "", NULL, 0},
        {0, 16, 9, 0, "", "0123456789abcdef", 0},
        {16, -1, 0, 0, "0123456789abcdef", NULL, -EPERM},
        {16, -1, 0, 0, "0123456789abcdef", NULL, 0},
        {-1, 1, 0, 0, "", "x", 0},
    };
    sl_map *m = map_new(2, 16, 8);
    char buf[16];

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct change *ch = &changes[i];
        int expected = ch->len > 16 ? -EMSGSIZE : ch->result;

        assert_int_equal(sl_map_update(m, "k", change, ch), expected);
        if (expected == 0)
            assert_int_equal(sl_map_get(m, "k", buf, 16), ch->len < 0 ? -ENOENT : ch->len);
        map_check(m);
    }
    assert_int_equal(sl_map_update(m, "", change, NULL), -EINVAL);
    assert_int_equal(sl_map_update(m, "too long a key", change, NULL), -EINVAL);
    assert_int_equal(sl_map_update(NULL, "k", change, NULL), -EINVAL);
    map_free(m);
}

/* Time that is left alone goes by as it would have, however often there is an update. */
static void test_update_and_time(void **state)
{
    struct change same = {3, 3, 10, 10, "abc", NULL, 0}, other = {3, 3, 10, 5, "abc", NULL, 0};
    struct change gone = {-1, -1, 0, 0, "", NULL, 0};
    sl_map *m = map_new(2, 16, 8);

    assert_int_equal(sl_map_set(m, "k", "abc", 3, 10), 0);
    for (int i = 0; i < 10; i++) {
        same.ttl_before = same.ttl = 10 - (unsigned)(i * 9 / 10);
        assert_int_equal(sl_map_update(m, "k", change, &same), 0);
        map_clock += SL__MS * 9 / 10;
    }
    other.ttl_before = 1;
    assert_int_equal(sl_map_update(m, "k", change, &other), 0);
    map_clock += 5 * SL__MS;
    assert_int_equal(sl_map_update(m, "k", change, &gone), 0);
    assert_int_equal(sl_map_count(m), 0); /* it went as it would have by a get */
    map_check(m);
    map_free(m);
}

/* A new key makes room as it does in a set, and none if nothing comes of it. */
static void test_update_of_a_full_map(void **state)
{
    struct change none = {-1, 1, 0, 0, "", "x", -EPERM}, one = {-1, 1, 0, 0, "", "x", 0};
    sl_map *m = map_new(2, 16, 8);

    sl_map_set(m, "a", "1", 1, 0);
    sl_map_set(m, "b", "2", 1, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(sl_map_update(m, "c", change, &none), -EPERM);
    assert_int_equal(sl_map_get(m, "a", NULL, 0), 1);
    assert_int_equal(sl_map_update(m, "c", change, &one), 0);
    assert_int_equal(sl_map_get(m, "a", NULL, 0), 1);
    assert_int_equal(sl_map_get(m, "b", NULL, 0), -ENOENT);
    map_check(m);
    map_free(m);
}

static int add_one(sl_map_entry *e, void *self)
{
    uint64_t n = 0;

    if (e->len == sizeof n)
        memcpy(&n, e->value, sizeof n);
    n++;
    memcpy(e->value, &n, sizeof n);
    e->len = sizeof n;
    return 0;
}

static void test_updates_of_processes_add_up(void **state)
{
    sl_map *m = map_new(4, 8, 8);
    uint64_t n = 0;

    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            for (int k = 0; k < 5000; k++)
                while (sl_map_update(m, "n", add_one, NULL) == -EBUSY)
                    ;
            _exit(0);
        }
    for (int i = 0; i < 4; i++)
        wait(NULL);
    assert_int_equal(sl_map_get(m, "n", &n, sizeof n), 8);
    assert_int_equal(n, 20000);
    map_free(m);
}

static void test_time_to_live(void **state)
{
    sl_map *m = map_new(10, 16, 8);
    int shown = 0;

    sl_map_set(m, "a", "1", 1, 500);
    sl_map_set(m, "b", "2", 1, 0);
    map_clock += 499 * SL__MS;
    assert_int_equal(sl_map_get(m, "a", NULL, 0), 1);
    assert_int_equal(sl_map_add(m, "a", "3", 1, 0), -EEXIST);
    map_clock += SL__MS;
    sl_map_each(m, count_one, &shown);
    assert_int_equal(shown, 1);
    assert_int_equal(sl_map_add(m, "a", "3", 1, 500), 0); /* its time was over */
    map_clock += SL__SEC;
    assert_int_equal(sl_map_delete(m, "a"), -ENOENT);
    assert_int_equal(sl_map_count(m), 1);
    sl_map_set(m, "c", "1", 1, 500);
    map_clock += SL__SEC;
    assert_int_equal(sl_map_count(m), 2); /* nobody has asked */
    assert_int_equal(sl_map_get(m, "c", NULL, 0), -ENOENT);
    assert_int_equal(sl_map_count(m), 1);
    map_clock += 1000000 * SL__SEC;
    assert_int_equal(sl_map_get(m, "b", NULL, 0), 1);
    map_check(m);
    map_free(m);
}

static void test_what_was_used_longest_ago_makes_room(void **state)
{
    sl_map *m = map_new(3, 8, 8);

    sl_map_set(m, "a", "1", 1, 0);
    sl_map_set(m, "b", "2", 1, 0);
    sl_map_set(m, "c", "3", 1, 0);
    assert_int_equal(sl_map_get(m, "a", NULL, 0), 1);
    sl_map_set(m, "b", "5", 1, 0);
    sl_map_set(m, "d", "4", 1, 0);
    assert_int_equal(sl_map_get(m, "c", NULL, 0), -ENOENT);
    sl_map_set(m, "e", "4", 1, 1);
    assert_int_equal(sl_map_get(m, "a", NULL, 0), -ENOENT);
    map_clock += SL__SEC; /* the newest of all, but its time is over */
    sl_map_set(m, "f", "4", 1, 0);
    assert_int_equal(sl_map_get(m, "b", NULL, 0), 1);
    assert_int_equal(sl_map_get(m, "d", NULL, 0), 1);
    assert_int_equal(sl_map_get(m, "f", NULL, 0), 1);
    assert_int_equal(sl_map_count(m), 3);
    map_check(m);
    map_free(m);
}

static void test_a_large_map_holds_its_capacity(void **state)
{
    enum { CAPACITY = 20000 };
    sl_map *m = map_new(CAPACITY, 8, 16);
    char key[16];

    assert_int_equal(m->handle.measures.shards, 16);
    for (int i = 0; i < CAPACITY; i++) {
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(sl_map_set(m, key, &i, sizeof i, 0), 0);
    }
    assert_int_equal(sl_map_count(m), CAPACITY);
    for (int i = 0; i < CAPACITY; i++) {
        int n = -1;

        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(sl_map_get(m, key, &n, sizeof n), sizeof n);
        assert_int_equal(n, i);
    }
    map_check(m);
    map_free(m);
}

struct walk {
    sl_map *map;
    int seen[1000];
    int stop_after;
};

static int look(const char *key, const void *value, size_t len, void *self)
{
    struct walk *w = self;
    int n = atoi(key);
    char other[16];

    w->seen[n]++;
    assert_int_equal(len, sizeof n);
    memcpy(&n, value, sizeof n);
    assert_int_equal(n, atoi(key));
    snprintf(other, sizeof other, "%d", (n * 7 + 1) % 1000); /* it may use the map */
    if (n % 2)
        sl_map_get(w->map, other, NULL, 0);
    else
        sl_map_set(w->map, key, &n, sizeof n, 0); /* and move what it walks over */
    return --w->stop_after == 0 ? 42 : 0;
}

static void test_walk(void **state)
{
    static struct walk w;
    char key[16];

    w = (struct walk){.map = map_new(1000, 8, 8)};
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "%d", i);
        sl_map_set(w.map, key, &i, sizeof i, 0);
    }
    assert_int_equal(sl_map_each(w.map, look, &w), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(w.seen[i], 1);
    w.stop_after = 10;
    assert_int_equal(sl_map_each(w.map, look, &w), 42);
    map_free(w.map);
}

/* The hash is SipHash-1-3: a number of its reference implementation's, and spread. */
static void test_hash(void **state)
{
    const uint64_t seed[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    unsigned char bytes[64];

    for (int i = 0; i < 64; i++)
        bytes[i] = (unsigned char)i;
    assert_true(sl__keyed_hash(seed, bytes, 0) == 0xabac0158050fc4dc);
    assert_true(sl__keyed_hash(seed, bytes, 15) != sl__keyed_hash(seed, bytes, 16));
}

/* Random calls, also from a second process, against a model that keeps everything. */
static void test_against_a_model(void **state)
{
    enum { KEYS = 60, STEPS = 60000 };
    sl_map *m = map_new(KEYS, 24, 8);
    struct {
        char value[24];
        int len; /* -1: not there */
    } model[KEYS];
    unsigned random = 1;

    for (int i = 0; i < KEYS; i++)
        model[i].len = -1;
    for (int step = 0; step < STEPS; step++) {
        int k = (int)((random = random * 1103515245 + 12345) >> 16) % KEYS;
        int what = (int)(random >> 8) % 4, len = (int)(random >> 3) % 25;
        char key[16], value[24], found[24];

        snprintf(key, sizeof key, "k%d", k);
        memset(value, step & 255, sizeof value);
        if (what == 0) {
            assert_int_equal(sl_map_delete(m, key), model[k].len < 0 ? -ENOENT : 0);
            model[k].len = -1;
        } else if (what == 1) {
            assert_int_equal(sl_map_set(m, key, value, (size_t)len, 0), 0);
            memcpy(model[k].value, value, sizeof value);
            model[k].len = len;
        } else {
            ssize_t n = sl_map_get(m, key, found, sizeof found);

            assert_int_equal(n, model[k].len < 0 ? -ENOENT : model[k].len);
            if (n > 0)
                assert_memory_equal(found, model[k].value, (size_t)n);
        }
        if (step % 1000 == 0)
            map_check(m);
    }
    map_free(m);
}

static void test_processes_add_up(void **state)
{
    enum { WRITERS = 4, TIMES = 50000 };
    sl_map *m = map_new(8, 8, 8);
    int64_t n;

    for (int i = 0; i < WRITERS; i++) {
        if (fork() > 0)
            continue;
        for (int k = 0; k < TIMES; k++) {
            while (sl_map_increment(m, "sum", 1, 0, NULL) == -EBUSY)
                ;
            sl_map_set(m, k % 2 ? "x" : "y", &k, sizeof k, 0);
        }
        _exit(0);
    }
    for (int i = 0; i < WRITERS; i++)
        assert_true(wait(NULL) > 0);
    assert_int_equal(sl_map_get(m, "sum", &n, sizeof n), sizeof n);
    assert_int_equal(n, WRITERS * TIMES);
    map_check(m);
    map_free(m);
}

/* Random kill -9 among the writers: nothing torn, no lock held. */
static void test_random_kills(void **state)
{
    sl_map *m = map_new(16, 200, 8);

    for (int round = 0; round < 150; round++) {
        struct timespec pause = {0, 200000 + round * 7919 % 2000000};
        int64_t before = 0, after;
        pid_t pid;

        sl_map_get(m, "n", &before, sizeof before);
        pid = fork();
        if (pid == 0) {
            char value[200], key[8];

            for (unsigned i = 0;; i++) {
                memset(value, (int)i, sizeof value);
                snprintf(key, sizeof key, "k%u", i % 20);
                sl_map_set(m, key, value, 1 + i % 200, 0);
                sl_map_increment(m, "n", 1, 0, NULL);
            }
        }
        nanosleep(&pause, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        map_check(m);
        for (unsigned i = 0; i < 20; i++) {
            char key[8];
            unsigned char value[200];
            ssize_t len;

            snprintf(key, sizeof key, "k%u", i);
            len = sl_map_get(m, key, value, sizeof value);
            for (ssize_t at = 1; at < len; at++)
                assert_int_equal(value[at], value[0]);
        }
        assert_int_equal(sl_map_get(m, "n", &after, sizeof after) < 0 || after >= before, true);
    }
    map_free(m);
}

static void test_a_stopped_holder_hangs_nobody(void **state)
{
    sl_map *m = map_new(4, 8, 8);
    int64_t began;
    int ends[2];
    char c;
    pid_t pid;

    sl_map_set(m, "a", "1", 1, 0);
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        struct sl__place p;

        sl__place_find(&p, m, 0);
        sl__shard_lock(&p, m);
        if (write(ends[1], "x", 1) == 1)
            raise(SIGSTOP);
        sl__shard_unlock(&p);
        _exit(0);
    }
    assert_int_equal(read(ends[0], &c, 1), 1);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    began = sl__sys_now();
    assert_int_equal(sl_map_get(m, "a", NULL, 0), -EBUSY);
    assert_true(sl__sys_now() - began >= 20 * SL__MS);
    began = sl__sys_now();
    for (int i = 0; i < 1000; i++) /* waited for once */
        assert_int_equal(sl_map_set(m, "a", "2", 1, 0), -EBUSY);
    assert_true(sl__sys_now() - began < 2 * SL__SEC);
    assert_int_equal(sl_map_count(m), -EBUSY);
    assert_int_equal(sl_map_each(m, NULL, NULL), -EBUSY);
    kill(pid, SIGCONT);
    waitpid(pid, NULL, 0);
    assert_int_equal(sl_map_get(m, "a", NULL, 0), 1);
    assert_int_equal((int)m->handle.stopped, 0);
    close(ends[0]);
    close(ends[1]);
    map_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_get_delete),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_increment),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_update_and_time),
        cmocka_unit_test(test_update_of_a_full_map),
        cmocka_unit_test(test_updates_of_processes_add_up),
        cmocka_unit_test(test_time_to_live),
        cmocka_unit_test(test_what_was_used_longest_ago_makes_room),
        cmocka_unit_test(test_a_large_map_holds_its_capacity),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_processes_add_up),
        cmocka_unit_test(test_random_kills),
        cmocka_unit_test(test_a_stopped_holder_hangs_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
