/* src/base/arena.c: alignment, growth, the pool, and running out of memory at every allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

static unsigned allocations, fail_at; /* the n-th allocation fails; 0: none */

static bool count_and_fail(size_t size)
{
    return ++allocations == fail_at;
}

static void fresh_counts(unsigned n)
{
    allocations = 0;
    fail_at = n;
    sl__mem_fault = count_and_fail;
}

static int teardown(void **state)
{
    sl__mem_fault = NULL;
    return 0;
}

static void test_alignment_and_no_overlap(void **state)
{
    struct sl__arena a = {0};
    char *pieces[2000];
    size_t sizes[2000];

    srand(1);
    for (size_t i = 0; i < 2000; i++) {
        sizes[i] = i % 97 == 0 ? (size_t)rand() % 20000 : (size_t)rand() % 200;
        pieces[i] = sl__arena_alloc(&a, sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < 2000; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal((unsigned char)pieces[i][k], i % 251);
    sl__arena_reset(&a);
}

static void test_sizes_at_the_edges(void **state)
{
    static const size_t sizes[] = {0,    1,    15,   16,   17,   1000,  1024,
                                   4064, 4079, 4080, 4081, 4096, 100000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t before = 0; before <= 4096; before += 512) {
            struct sl__arena a = {0};
            char *first = before > 0 ? sl__arena_alloc(&a, before) : NULL;
            char *p = sl__arena_alloc(&a, sizes[i]), *next = sl__arena_alloc(&a, 1);

            assert_non_null(p);
            assert_non_null(next);
            assert_ptr_not_equal(p, first);
            assert_ptr_not_equal(p, next);
            memset(p, 1, sizes[i]);
            sl__arena_reset(&a);
        }
    }
}

static void test_impossible_sizes(void **state)
{
    static const size_t sizes[] = {SIZE_MAX,      SIZE_MAX - 1,  SIZE_MAX - 14, SIZE_MAX - 15,
                                   SIZE_MAX - 16, SIZE_MAX - 31, SIZE_MAX / 2};
    struct sl__arena a = {0};

    fresh_counts(0);
    for (int round = 0; round < 2; round++) { /* empty, and with room */
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            fail_at =
                allocations + 1; /* the last sizes get as far as malloc, which sanitizers dislike */
            assert_null(sl__arena_alloc(&a, sizes[i]));
        }
        fail_at = 0;
        assert_non_null(sl__arena_alloc(&a, 1));
    }
    assert_null(sl__arena_copy(&a, "", SIZE_MAX));
    allocations = 0;
    for (size_t size = SIZE_MAX; size > SIZE_MAX - 31;
         size--) /* nobody is asked for what wraps around */
        assert_null(sl__arena_alloc(&a, size));
    assert_int_equal(allocations, 0);
    sl__arena_reset(&a);
}

static void test_a_large_piece_leaves_the_room(void **state)
{
    struct sl__arena a = {0};
    char *first = sl__arena_alloc(&a, 16), *second;

    assert_non_null(sl__arena_alloc(&a, 100000));
    second = sl__arena_alloc(&a, 16);
    assert_ptr_equal(second, first + 16);
    assert_non_null(sl__arena_alloc(&a, 3000)); /* fits */
    assert_non_null(
        sl__arena_alloc(&a, 2000)); /* does not, and is too large to give up the rest for */
    assert_ptr_equal(sl__arena_alloc(&a, 1), first + 32 + 3008);
    sl__arena_reset(&a);
}

static void test_copy(void **state)
{
    struct sl__arena a = {0};
    char *empty = sl__arena_copy(&a, NULL, 0), *copy = sl__arena_copy(&a, "a\0b--", 3);

    assert_string_equal(empty, "");
    assert_memory_equal(copy, "a\0b\0", 4);
    sl__arena_reset(&a);
}

static void test_the_steady_state_allocates_nothing(void **state)
{
    struct sl__arena_pool pool = {0};
    struct sl__arena a;

    sl__arena_init(&a, &pool);
    fresh_counts(0);
    for (int request = 0; request < 100; request++) {
        for (int i = 0; i < 50; i++)
            assert_non_null(sl__arena_alloc(&a, 300));
        sl__arena_reset(&a);
        if (request == 0)
            allocations = 0;
    }
    assert_int_equal(allocations, 0);
    sl__arena_pool_finish(&pool);
    assert_int_equal(pool.spare_count, 0);
}

static void test_the_pool_is_bounded(void **state)
{
    struct sl__arena_pool pool = {0};
    struct sl__arena a;

    sl__arena_init(&a, &pool);
    for (int i = 0; i < 2000; i++)
        assert_non_null(sl__arena_alloc(&a, 1000));
    sl__arena_reset(&a);
    assert_int_equal(pool.spare_count, SL__ARENA_POOL_MAX);
    assert_non_null(sl__arena_alloc(&a, 50000)); /* not for the pool */
    sl__arena_reset(&a);
    assert_int_equal(pool.spare_count, SL__ARENA_POOL_MAX);
    sl__arena_pool_finish(&pool);
    sl__arena_pool_finish(&pool);
}

static void test_every_allocation_fails_once(void **state)
{
    for (unsigned n = 1; n <= 20; n++) {
        struct sl__arena_pool pool = {0};
        struct sl__arena a;
        unsigned failures = 0;

        sl__arena_init(&a, &pool);
        fresh_counts(n);
        for (int i = 0; i < 10; i++) {
            failures += !sl__arena_alloc(&a, 3000);
            failures += !sl__arena_alloc(&a, 6000);
        }
        assert_int_equal(failures, 1);
        assert_non_null(sl__arena_alloc(&a, 3000)); /* and it goes on */
        sl__arena_reset(&a);
        sl__arena_pool_finish(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alignment_and_no_overlap),
        cmocka_unit_test(test_sizes_at_the_edges),
        cmocka_unit_test_teardown(test_impossible_sizes, teardown),
        cmocka_unit_test(test_a_large_piece_leaves_the_room),
        cmocka_unit_test(test_copy),
        cmocka_unit_test_teardown(test_the_steady_state_allocates_nothing, teardown),
        cmocka_unit_test(test_the_pool_is_bounded),
        cmocka_unit_test_teardown(test_every_allocation_fails_once, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
