/* The build command: outcome, output, cancelling with all its processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/time.h"
#include "cluster/build.h"

struct fixture {
    struct sl__loop loop;
    struct sl__build *build;
    char dir[64];
    unsigned calls;
    int status;
    size_t len;
    char output[65537];
    bool free_in_callback;
    int real_stderr, captured;
};

static void done(void *self, int status, const char *output, int64_t duration_ns)
{
    struct fixture *f = self;

    f->calls++;
    f->status = status;
    f->len = strlen(output);
    memcpy(f->output, output, f->len + 1);
    assert_true(duration_ns >= 0);
    if (f->free_in_callback) {
        sl__build_free(f->build);
        f->build = NULL;
    }
}

/* The tests' own standard error is kept clean: what is passed through goes into a file. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char path[96];

    strcpy(f->dir, "/tmp/shallot-build-XXXXXX");
    if (!mkdtemp(f->dir) || sl__loop_init(&f->loop) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/stderr", f->dir);
    f->captured = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    f->real_stderr = dup(STDERR_FILENO);
    dup2(f->captured, STDERR_FILENO);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char line[128];

    sl__build_free(f->build);
    sl__loop_finish(&f->loop);
    dup2(f->real_stderr, STDERR_FILENO);
    close(f->real_stderr);
    close(f->captured);
    snprintf(line, sizeof line, "rm -rf %s", f->dir);
    if (system(line) != 0)
        return -1;
    free(f);
    return 0;
}

static void start(struct fixture *f, const char *command)
{
    const struct sl__build_events events = {.done = done, .self = f};

    sl__build_free(f->build);
    f->build = sl__build_new(&f->loop, command, &events);
    assert_int_equal(sl__build_start(f->build), 0);
}

static void expect_done(struct fixture *f)
{
    int64_t deadline = sl__sys_now() + 20 * SL__SEC;
    unsigned before = f->calls;

    while (f->calls == before && sl__sys_now() < deadline)
        assert_int_equal(sl__loop_once(&f->loop, 100), 0);
    assert_int_equal(f->calls, before + 1);
}

static const char *read_file(const struct fixture *f, const char *name, char buf[128])
{
    char path[96];
    ssize_t n = 0;
    int fd;

    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, buf, 127);
        close(fd);
    }
    buf[n > 0 ? n : 0] = 0;
    return buf;
}

/* Waits, running the loop, until a file is there with a whole line in it. */
static long expect_number(struct fixture *f, const char *name)
{
    int64_t deadline = sl__sys_now() + 20 * SL__SEC;
    char buf[128];

    while (!strchr(read_file(f, name, buf), '\n') && sl__sys_now() < deadline)
        sl__loop_once(&f->loop, 5);
    assert_true(strchr(buf, '\n') != NULL);
    return strtol(buf, NULL, 10);
}

static void expect_gone(struct fixture *f, long pid)
{
    int64_t deadline = sl__sys_now() + 20 * SL__SEC;

    assert_true(pid > 1);
    while (kill((pid_t)pid, 0) == 0 && sl__sys_now() < deadline)
        sl__loop_once(&f->loop, 5);
    assert_int_equal(kill((pid_t)pid, 0), -1);
}

static void test_outcomes(void **state)
{
    static const struct {
        const char *command;
        int status;
        const char *output;
    } cases[] = {
        {"true", 0, ""},
        {"echo out; echo err >&2", 0, "out\nerr\n"},
        {"echo wrong; exit 3", 3, "wrong\n"},
        {"no-such-command-here 2>/dev/null", 127, ""},
        {"kill -9 $$", 137, ""},
        {"cat", 0, ""}, /* nothing to read */
        {"printf 'no end'", 0, "no end"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(f, cases[i].command);
        assert_true(sl__build_running(f->build));
        expect_done(f);
        assert_false(sl__build_running(f->build));
        assert_int_equal(f->status, cases[i].status);
        assert_string_equal(f->output, cases[i].output);
    }
}

static void test_output_is_passed_on(void **state)
{
    struct fixture *f = *state;
    char buf[128];

    start(f, "echo hello; echo there >&2");
    expect_done(f);
    assert_string_equal(read_file(f, "stderr", buf), "hello\nthere\n");
}

static void test_the_end_of_much_output_is_kept(void **state)
{
    struct fixture *f = *state;

    start(f, "i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done; exit 1");
    expect_done(f);
    assert_int_equal(f->len, 65536);
    assert_string_equal(f->output + f->len - 11, "line 39999\n");
}

static void test_again_with_the_same_build(void **state)
{
    struct fixture *f = *state;

    start(f, "echo x");
    expect_done(f);
    assert_int_equal(sl__build_start(f->build), 0);
    expect_done(f);
    assert_string_equal(f->output, "x\n");
}

/* A process that stays in the background holds the pipe open; the build has ended nevertheless. */
static void test_background_processes_do_not_delay(void **state)
{
    struct fixture *f = *state;
    char command[160];
    long pid;

    snprintf(command, sizeof command, "sleep 1000 & echo $! >%s/pid; echo started", f->dir);
    start(f, command);
    expect_done(f);
    assert_string_equal(f->output, "started\n");
    pid = expect_number(f, "pid");
    assert_int_equal(kill((pid_t)pid, 0), 0);
    kill((pid_t)pid, SIGKILL);
}

static void test_start_cancels(void **state)
{
    struct fixture *f = *state;
    char command[256];
    long shell, child;

    snprintf(command, sizeof command,
             "cd %s; if [ -e child ]; then echo second; else sleep 1000 & echo $! >child; echo $$ "
             ">shell; wait; fi",
             f->dir);
    start(f, command);
    shell = expect_number(f, "shell");
    child = expect_number(f, "child");
    assert_int_equal(sl__build_start(f->build), 0);
    assert_true(sl__build_running(f->build));
    assert_int_equal(sl__build_start(f->build), 0); /* a third save: still one build to come */
    expect_done(f);
    assert_int_equal(f->calls, 1);
    assert_int_equal(f->status, 0);
    assert_string_equal(f->output, "second\n");
    expect_gone(f, shell);
    expect_gone(f, child);
}

/* What ignores SIGTERM is killed after a second. */
static void test_stubborn_builds_are_killed(void **state)
{
    struct fixture *f = *state;
    char command[256];
    long shell;

    snprintf(command, sizeof command,
             "cd %s; [ -e shell ] && exit 7; trap '' TERM; echo $$ >shell; while :; do sleep 1000; "
             "done",
             f->dir);
    start(f, command);
    shell = expect_number(f, "shell");
    assert_int_equal(sl__build_start(f->build), 0);
    expect_done(f);
    assert_int_equal(f->status, 7);
    expect_gone(f, shell);
}

static void test_cancel_is_silent(void **state)
{
    struct fixture *f = *state;
    char command[256];
    long shell;

    snprintf(command, sizeof command, "echo $$ >%s/shell; sleep 1000", f->dir);
    start(f, command);
    shell = expect_number(f, "shell");
    sl__build_cancel(f->build);
    assert_false(sl__build_running(f->build));
    expect_gone(f, shell);
    assert_int_equal(f->calls, 0);
}

static void test_free_ends_it(void **state)
{
    struct fixture *f = *state;
    char command[256];
    long shell, child;

    snprintf(command, sizeof command, "cd %s; sleep 1000 & echo $! >child; echo $$ >shell; wait",
             f->dir);
    start(f, command);
    shell = expect_number(f, "shell");
    child = expect_number(f, "child");
    sl__build_free(f->build);
    f->build = NULL;
    expect_gone(f, shell);
    expect_gone(f, child);
    assert_int_equal(f->calls, 0);
}

static void test_freed_in_its_callback(void **state)
{
    struct fixture *f = *state;

    f->free_in_callback = true;
    start(f, "echo x");
    expect_done(f);
    assert_null(f->build);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_outcomes),
        TEST(test_output_is_passed_on),
        TEST(test_the_end_of_much_output_is_kept),
        TEST(test_again_with_the_same_build),
        TEST(test_background_processes_do_not_delay),
        TEST(test_start_cancels),
        TEST(test_stubborn_builds_are_killed),
        TEST(test_cancel_is_silent),
        TEST(test_free_ends_it),
        TEST(test_freed_in_its_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
