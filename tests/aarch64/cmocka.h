/*
 * As much of cmocka as the tables of the parser need, for a machine that has none: a failed
 * assertion says where it is and ends the program.
 */
#ifndef CMOCKA_H
#define CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define fail_msg(...)                                                                              \
    do {                                                                                           \
        printf("%s:%d: ", __FILE__, __LINE__);                                                     \
        printf(__VA_ARGS__);                                                                       \
        puts("\n0 passed, 1 failed, 0 skipped");                                                   \
        exit(1);                                                                                   \
    } while (0)
#define assert_true(condition)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s", #condition);                                                            \
    } while (0)
#define assert_false(condition) assert_true(!(condition))
#define assert_null(pointer) assert_true(!(pointer))
#define assert_non_null(pointer) assert_true(pointer)
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_int_equal(a, b) assert_true((long long)(a) == (long long)(b))
#define assert_int_not_equal(a, b) assert_true((long long)(a) != (long long)(b))
#define assert_string_equal(a, b) assert_true(strcmp(a, b) == 0)
#define assert_memory_equal(a, b, size) assert_true(memcmp(a, b, size) == 0)

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

#define cmocka_unit_test(function)                                                                 \
    {                                                                                              \
#function, function                                                                        \
    }

static inline int run_group(const struct CMUnitTest *tests, size_t count, int (*set_up)(void **))
{
    void *state = NULL;

    if (set_up)
        assert_int_equal(set_up(&state), 0);
    for (size_t i = 0; i < count; i++)
        tests[i].run(&state);
    printf("%zu passed, 0 failed, 0 skipped\n", count);
    return 0;
}

#define cmocka_run_group_tests(tests, set_up, tear_down)                                           \
    run_group(tests, sizeof(tests) / sizeof(*(tests)), set_up)

#endif
