/*
 * Stack overflow: told from other faults, said in one line, and died of.
 */
#include "fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fiber/runtime.h"

static char said[65536];
static struct sigaction first_segv; /* before cmocka's: the default, or a sanitizer's */

static volatile bool enough; /* never: but the compiler must not know */

static __attribute__((noinline)) int recurse(const volatile char *above)
{
    volatile char frame[1024];

    for (size_t i = 0; i < sizeof(frame); i++)
        frame[i] = above[0];
    return enough ? 0 : recurse(frame) + frame[1];
}

static void overflow(void *arg)
{
    volatile char first = 'x';

    sl__fiber_set_label(sl__fiber_current(), arg);
    recurse(&first);
}

static void overflow_after_a_wait(void *arg)
{
    sl__fiber_wait(0);
    overflow(arg);
}

static void null_pointer(void *arg)
{
    volatile char *volatile nowhere = NULL;

    (void)arg;
    *nowhere = 1;
}

static void kill_self(void *arg)
{
    (void)arg;
    kill(getpid(), SIGSEGV);
    for (;;)
        pause();
}

static void in_the_child(void (*fn)(void *arg), void *arg)
{
    struct rlimit no_core = {0, 0};

    setrlimit(RLIMIT_CORE, &no_core);
    sigaction(SIGSEGV, &first_segv, NULL);
    if (sl__fiber_install_overflow_handler() < 0 || sl__fiber_install_overflow_handler() < 0)
        _exit(3);
    sl__fiber_start(NULL, fn, arg);
    sl__loop_once(&loop, 0);
    _exit(4);
}

/* Lets a child run fn on a fiber; what it wrote to standard error is in said. */
static int run_child(void (*fn)(void *arg), void *arg)
{
    size_t len = 0;
    int out[2], status;
    ssize_t n;
    pid_t pid;

    assert_int_equal(pipe(out), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(out[1], STDERR_FILENO);
        in_the_child(fn, arg);
    }
    close(out[1]);
    while ((n = read(out[0], said + len, sizeof(said) - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    close(out[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* A sanitizer reports in its own words around ours, and exits by itself. */
static void assert_died(int status, const char *line)
{
    if (SL__ASAN || SL__TSAN) {
        assert_non_null(strstr(said, line));
        assert_true(line[0] || !strstr(said, "stack overflow in"));
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 1 || WEXITSTATUS(status) == 66);
        return;
    }
    assert_string_equal(said, line);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static void test_overflow_says_so_and_dies(void **state)
{
    char route[] = "/deep/:id";

    (void)state;
    assert_died(run_child(overflow, route), "stack overflow in handler of /deep/:id\n");
    assert_died(run_child(overflow_after_a_wait, route),
                "stack overflow in handler of /deep/:id\n");
    assert_died(run_child(overflow, NULL), "stack overflow in a fiber\n");
}

static void test_long_label(void **state)
{
    char route[1000], line[257] = "stack overflow in handler of ";

    (void)state;
    memset(route, 'r', sizeof(route) - 1);
    route[sizeof(route) - 1] = '\0';
    memset(line + strlen(line), 'r', 255 - strlen(line));
    line[255] = '\n';
    assert_died(run_child(overflow, route), line);
}

static void test_other_faults_are_not_ours(void **state)
{
    (void)state;
    assert_died(run_child(null_pointer, NULL), "");
    assert_died(run_child(kill_self, NULL), "");
}

static void wait_for_ever(void *arg)
{
    sl__fiber_set_label(sl__fiber_current(), arg);
    sl__fiber_wait(SL__FOREVER);
}

static void test_is_overflow(void **state)
{
    struct sl__fiber *a, *b;
    const char *label = "none";
    char here;

    (void)state;
    sl__fiber_start(&a, wait_for_ever, "/a");
    sl__fiber_start(&b, wait_for_ever, "/b");
    assert_true(sl__fiber_is_overflow(b->stack.low - 1, &label));
    assert_string_equal(label, "/b");
    assert_true(sl__fiber_is_overflow(a->stack.low - 1000, &label));
    assert_string_equal(label, "/a");
    assert_false(sl__fiber_is_overflow(a->stack.low, &label));
    assert_false(sl__fiber_is_overflow(&here, &label));
    assert_false(sl__fiber_is_overflow(NULL, &label));
    sl__fiber_cancel(a);
    sl__fiber_cancel(b);
    tick();
    assert_false(sl__fiber_is_overflow(a->stack.low - 1, &label)); /* nobody is there now */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIBER_TEST(test_overflow_says_so_and_dies),
        FIBER_TEST(test_long_label),
        FIBER_TEST(test_other_faults_are_not_ours),
        FIBER_TEST(test_is_overflow),
    };
    sigaction(SIGSEGV, NULL, &first_segv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
