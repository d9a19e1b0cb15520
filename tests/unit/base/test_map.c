/* src/base/map.c against a plain array with random operations, and without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

#define KEYS 500

static int values[KEYS];
static void *model[KEYS];
static unsigned fail_at, allocations;

static bool nth_fails(size_t size)
{
    return ++allocations == fail_at;
}

static struct sl__str key_of(int i, char buf[32])
{
    int n = snprintf(buf, 32, "key-%d", i);

    if (i == 0)
        return SL__STR("");
    if (i == 1)
        return SL__STR("with\0nul");
    if (i == 2)
        return SL__STR("with\0two");
    return (struct sl__str){buf, (size_t)n};
}

static void check_walk(const struct sl__map *m)
{
    size_t at = 0, seen = 0, expected = 0;
    struct sl__str key;
    char buf[32];
    void *value;

    while (sl__map_next(m, &at, &key, &value)) {
        int i = (int)((int *)value - values);

        assert_true(sl__str_equal(key, key_of(i, buf)));
        assert_ptr_equal(model[i], value);
        seen++;
    }
    for (int i = 0; i < KEYS; i++)
        expected += model[i] != NULL;
    assert_int_equal(seen, expected);
    assert_int_equal(m->used, expected);
}

static void test_against_a_model(void **state)
{
    struct sl__map m = {0};
    char buf[32];

    srand(3);
    for (int round = 0; round < 200000; round++) {
        int i = rand() % (round % 4000 < 2000 ? KEYS : 20); /* phases: many keys, few keys */
        struct sl__str key = key_of(i, buf);
        void *old = buf;

        switch (rand() % 3) {
        case 0:
            assert_int_equal(sl__map_set(&m, key, &values[i], rand() % 2 ? &old : NULL), 0);
            if (old != buf)
                assert_ptr_equal(old, model[i]);
            model[i] = &values[i];
            break;
        case 1:
            assert_ptr_equal(sl__map_remove(&m, key), model[i]);
            model[i] = NULL;
            break;
        default:
            assert_ptr_equal(sl__map_get(&m, key), model[i]);
        }
        if (round % 5000 == 0)
            check_walk(&m);
    }
    check_walk(&m);
    assert_true(m.size <= 2048); /* removed entries do not make it grow */
    sl__map_finish(&m);
    sl__map_finish(&m);
}

static void test_empty(void **state)
{
    struct sl__map m = {0};
    struct sl__str key;
    size_t at = 0;
    void *value;

    assert_null(sl__map_get(&m, SL__STR("x")));
    assert_null(sl__map_remove(&m, SL__STR("x")));
    assert_false(sl__map_next(&m, &at, &key, &value));
    sl__map_finish(&m);
}

static void test_keys_are_copied(void **state)
{
    struct sl__map m = {0};
    char key[] = "abc";

    assert_int_equal(sl__map_set(&m, sl__str_of(key), &values[0], NULL), 0);
    key[0] = 'x';
    assert_ptr_equal(sl__map_get(&m, SL__STR("abc")), &values[0]);
    sl__map_finish(&m);
}

static void test_coming_and_going_costs_no_table(void **state)
{
    struct sl__map m = {0};
    char buf[32];

    fail_at = 0;
    allocations = 0;
    sl__mem_fault = nth_fails;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sl__map_set(&m, SL__STR("same"), &values[0], NULL), 0);
        assert_non_null(sl__map_remove(&m, SL__STR("same")));
    }
    assert_int_equal(allocations, 1000 + 1); /* the keys, and one table */
    sl__mem_fault = NULL;
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(sl__map_set(&m, key_of(i, buf), &values[0], NULL), 0);
        if (i >= 10)
            assert_non_null(sl__map_remove(&m, key_of(i - 10, buf)));
    }
    assert_true(m.size <= 64);
    sl__map_finish(&m);
}

static void test_out_of_memory_changes_nothing(void **state)
{
    for (unsigned n = 1; n < 60; n++) {
        struct sl__map m = {0};
        unsigned failures = 0;
        char buf[32];

        fail_at = n;
        allocations = 0;
        sl__mem_fault = nth_fails;
        for (int i = 0; i < 50; i++) {
            void *old = &old;
            int r = sl__map_set(&m, key_of(i, buf), &values[i], &old);

            assert_null(old);
            if (r < 0) {
                assert_int_equal(r, -ENOMEM);
                failures++;
                assert_null(sl__map_get(&m, key_of(i, buf)));
                assert_int_equal(sl__map_set(&m, key_of(i, buf), &values[i], NULL), 0);
            }
        }
        sl__mem_fault = NULL;
        assert_true(failures <= 1);
        for (int i = 0; i < 50; i++)
            assert_ptr_equal(sl__map_get(&m, key_of(i, buf)), &values[i]);
        sl__map_finish(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_keys_are_copied),
        cmocka_unit_test(test_coming_and_going_costs_no_table),
        cmocka_unit_test(test_out_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
