/* src/base/buf.c against a plain array, and without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static bool always(size_t size)
{
    return true;
}

static void test_against_a_model(void **state)
{
    static unsigned char model[1 << 20], piece[700];
    size_t from = 0, to = 0;
    struct sl__buf b = {0};

    srand(2);
    for (int i = 0; i < 2000; i++) {
        size_t in = (size_t)rand() % sizeof(piece), out;

        for (size_t k = 0; k < in; k++)
            piece[k] = (unsigned char)rand();
        memcpy(model + to, piece, in);
        to += in;
        assert_int_equal(sl__buf_append(&b, piece, in), 0);
        assert_int_equal(sl__buf_len(&b), to - from);
        assert_memory_equal(b.data + b.at, model + from, to - from);
        out = rand() % 20 == 0 ? to - from : (size_t)rand() % (to - from + 1) / 2;
        sl__buf_consume(&b, out);
        from += out;
        if (rand() % 10 == 0)
            sl__buf_trim(&b);
    }
    assert_true(b.size <= 16384); /* consumed room is used again */
    sl__buf_finish(&b);
    assert_null(b.data);
}

static void test_empty_starts_again_at_the_front(void **state)
{
    struct sl__buf b = {0};

    assert_int_equal(sl__buf_append(&b, NULL, 0), 0);
    assert_int_equal(sl__buf_append(&b, "abc", 3), 0);
    sl__buf_consume(&b, 2);
    assert_int_equal(b.at, 2);
    sl__buf_consume(&b, 1);
    assert_int_equal(b.at, 0);
    assert_int_equal(b.end, 0);
    sl__buf_finish(&b);
    sl__buf_finish(&b);
}

static void test_reserve(void **state)
{
    struct sl__buf b = {0};

    assert_int_equal(sl__buf_reserve(&b, 5000), 0);
    assert_true(b.size - b.end >= 5000);
    memset(b.data, 'x', 5000);
    b.end += 5000;
    assert_int_equal(sl__buf_reserve(&b, SIZE_MAX - 100), -ENOMEM);
    assert_int_equal(sl__buf_len(&b), 5000);
    sl__buf_finish(&b);
}

static void test_a_trickle_moves_little(void **state)
{
    struct sl__buf b = {0};
    static const char block[1000];
    unsigned moves = 0;

    assert_int_equal(sl__buf_append(&b, block, 1000), 0);
    for (int i = 0; i < 100000; i++) {
        size_t at = b.at;

        assert_int_equal(sl__buf_append(&b, "y", 1), 0);
        moves += b.at < at;
        sl__buf_consume(&b, 1);
    }
    assert_true(moves <= 100000 / 1000); /* as many bytes as came, not more */
    assert_true(b.size <= 4096);
    sl__buf_finish(&b);
}

static void test_out_of_memory_keeps_the_bytes(void **state)
{
    struct sl__buf b = {0};
    static const char more[4096];

    sl__mem_fault = always;
    assert_int_equal(sl__buf_append(&b, "abc", 3), -ENOMEM);
    sl__mem_fault = NULL;
    assert_int_equal(sl__buf_append(&b, "abcd", 4), 0);
    sl__mem_fault = always;
    assert_int_equal(sl__buf_append(&b, more, sizeof(more)), -ENOMEM);
    sl__buf_consume(&b, 1);
    assert_int_equal(sl__buf_append(&b, more, sizeof(more)), -ENOMEM);
    sl__mem_fault = NULL;
    assert_int_equal(sl__buf_len(&b), 3);
    assert_memory_equal(b.data + b.at, "bcd", 3);
    sl__buf_finish(&b);
}

static void test_trim(void **state)
{
    static const char bytes[5000] = "abc";
    struct sl__buf b = {0};

    sl__buf_trim(&b);
    assert_null(b.data);
    assert_int_equal(sl__buf_append(&b, bytes, sizeof(bytes)), 0);
    assert_int_equal(sl__buf_reserve(&b, 20000), 0);
    assert_true(b.size >= 25000);
    sl__buf_consume(&b, 2);
    sl__mem_fault = always;
    sl__buf_trim(&b);
    sl__mem_fault = NULL;
    assert_int_equal(sl__buf_len(&b), sizeof(bytes) - 2);
    assert_memory_equal(b.data + b.at, bytes + 2, sizeof(bytes) - 2);
    sl__buf_trim(&b);
    assert_in_range(b.size, sizeof(bytes) - 2, sizeof(bytes) * 9 / 8);
    assert_memory_equal(b.data + b.at, bytes + 2, sizeof(bytes) - 2);
    sl__buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_empty_starts_again_at_the_front),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_a_trickle_moves_little),
        cmocka_unit_test(test_out_of_memory_keeps_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
