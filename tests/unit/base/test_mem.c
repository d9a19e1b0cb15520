/* src/base/mem.c: the fault seam, sizes of nothing, and that the plain forms do not come back
 * empty-handed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static size_t asked;

static bool refuse(size_t size)
{
    asked = size;
    return true;
}

static int teardown(void **state)
{
    sl__mem_fault = NULL;
    return 0;
}

static void test_the_seam(void **state)
{
    char *kept = sl__try_strdup("kept");

    sl__mem_fault = refuse;
    assert_null(sl__try_alloc(10));
    assert_int_equal(asked, 10);
    assert_null(sl__try_alloc_zeroed(11));
    assert_int_equal(asked, 11);
    assert_null(sl__try_strdup("abc"));
    assert_int_equal(asked, 4);
    assert_null(sl__try_realloc(kept, 100));
    assert_int_equal(asked, 100);
    assert_string_equal(kept, "kept");
    asked = 0;
    sl__free(sl__alloc(10)); /* the plain forms are not asked about */
    sl__free(sl__strdup("x"));
    assert_int_equal(asked, 0);
    sl__free(kept);
    sl__free(NULL);
}

static void test_nothing_is_something(void **state)
{
    void *pointers[] = {sl__alloc(0),
                        sl__alloc_zeroed(0),
                        sl__try_alloc(0),
                        sl__try_alloc_zeroed(0),
                        sl__try_realloc(NULL, 0),
                        sl__realloc(NULL, 0)};

    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        assert_non_null(pointers[i]);
        sl__free(pointers[i]);
    }
}

static void test_zeroed(void **state)
{
    static const char zeros[1000];
    char *p = sl__alloc_zeroed(1000), *q = sl__try_alloc_zeroed(1000);

    assert_memory_equal(p, zeros, 1000);
    assert_memory_equal(q, zeros, 1000);
    q = sl__realloc(q, 5);
    sl__free(p);
    sl__free(q);
}

static void test_plain_forms_abort(void **state)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct rlimit none = {0};

        signal(SIGABRT, SIG_DFL);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        setrlimit(RLIMIT_CORE, &none);
        sl__alloc(SIZE_MAX / 4);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_not_equal(status, 0); /* SIGABRT, or a sanitizer's own way to end it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_the_seam, teardown),
        cmocka_unit_test(test_nothing_is_something),
        cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_plain_forms_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
