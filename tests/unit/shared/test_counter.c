/*
 * Counters: the sum of what several processes add, also while others set, reset and are killed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "shared/counter.h"
#include "shared/handle.h"

#define WRITERS 4
#define TIMES 200000

static sl_counter *counter(void)
{
    struct sl__shape shape = sl__counter_shape();
    struct sl__handle *h = sl__handle_new("visits", &shape);
    int fd = memfd_create("counter", MFD_CLOEXEC);

    assert_non_null(h);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)h->size), 0);
    assert_int_equal(sl__handle_bind(h, fd), 0);
    close(fd);
    return (sl_counter *)h;
}

static void test_arithmetic(void **state)
{
    sl_counter *c = counter();

    assert_int_equal(sl_counter_read(c), 0);
    sl_counter_add(c, 5);
    c->handle.lane = 70; /* beyond the lanes: shares one */
    sl_counter_add(c, -7);
    assert_int_equal(sl_counter_read(c), -2);
    sl_counter_set(c, INT64_MAX);
    assert_int_equal(sl_counter_read(c), INT64_MAX);
    sl_counter_add(c, 1);
    assert_int_equal(sl_counter_read(c), INT64_MIN);
    assert_int_equal(sl_counter_reset(c), INT64_MIN);
    assert_int_equal(sl_counter_read(c), 0);
    sl_counter_add(NULL, 1); /* refused when it was made */
    sl_counter_set(NULL, 1);
    assert_int_equal(sl_counter_read(NULL) + sl_counter_reset(NULL), 0);
    sl__handle_free(&c->handle);
}

static void test_a_file_of_another_size_is_refused(void **state)
{
    struct sl__shape shape = sl__counter_shape();
    struct sl__handle *h = sl__handle_new("visits", &shape);
    int fd = memfd_create("counter", MFD_CLOEXEC);

    assert_int_equal(sl__handle_bind(h, fd), -EBADMSG);
    sl_counter_add((sl_counter *)h, 1); /* what it had it still has */
    assert_int_equal(sl_counter_read((sl_counter *)h), 1);
    close(fd);
    sl__handle_free(h);
}

/* Every number is in exactly one result, or still there. */
static void test_resets_lose_nothing(void **state)
{
    sl_counter *c = counter();
    int64_t *taken = mmap(NULL, WRITERS * sizeof *taken, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int64_t sum;

    for (unsigned i = 0; i < WRITERS; i++) {
        if (fork() > 0)
            continue;
        c->handle.lane = i;
        for (int n = 0; n < TIMES; n++) {
            sl_counter_add(c, 1);
            if (n % 16 == 0)
                taken[i] += sl_counter_reset(c);
        }
        _exit(0);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        assert_true(wait(NULL) > 0);
    sum = sl_counter_read(c);
    for (unsigned i = 0; i < WRITERS; i++)
        sum += taken[i];
    assert_int_equal(sum, WRITERS * TIMES);
    munmap(taken, WRITERS * sizeof *taken);
    sl__handle_free(&c->handle);
}

/* The value lies between what was acknowledged and what was started (IP7). */
static void test_kill(void **state)
{
    for (int round = 0; round < 20; round++) {
        sl_counter *c = counter();
        volatile int64_t *done =
            mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t pid = fork();

        if (pid == 0)
            for (;;) {
                sl_counter_add(c, 1);
                ++*done;
            }
        while (*done < 1000 * (round + 1))
            ;
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_in_range(sl_counter_read(c), *done, *done + 1);
        munmap((void *)(uintptr_t)done, 4096);
        sl__handle_free(&c->handle);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_a_file_of_another_size_is_refused),
        cmocka_unit_test(test_resets_lose_nothing),
        cmocka_unit_test(test_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
