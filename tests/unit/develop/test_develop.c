/* sl_develop(): what follows what. It runs in a child of the test and tells its events through a
 * pipe; programs are shell scripts that say what they get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shallot/develop.h"

struct fixture {
    char dir[64], program[96];
    pid_t pid;
    int lines; /* events, and the program's standard output */
    char text[8192];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    strcpy(f->dir, "/tmp/shallot-develop-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->program, sizeof f->program, "%s/prog", f->dir);
    f->lines = -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char line[128];

    if (f->pid > 0) {
        kill(f->pid, SIGKILL);
        waitpid(f->pid, NULL, 0);
    }
    if (f->lines >= 0)
        close(f->lines);
    snprintf(line, sizeof line, "rm -rf %s", f->dir);
    if (system(line) != 0)
        return -1;
    free(f);
    return 0;
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
    char path[160], fresh[160];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    snprintf(fresh, sizeof fresh, "%s/.fresh", f->dir);
    out = fopen(fresh, "we");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(fresh, 0700), 0);
    assert_int_equal(rename(fresh, path), 0); /* one change, never half a script */
}

static void say(void *self, const sl_development_news *news)
{
    static const char *const names[] = {
        [SL_DEV_CHANGED] = "CHANGED", [SL_DEV_BUILDING] = "BUILDING",
        [SL_DEV_BUILT] = "BUILT",     [SL_DEV_FAILED] = "FAILED",
        [SL_DEV_WAITING] = "WAITING", [SL_DEV_LISTENING] = "LISTENING",
        [SL_DEV_SWAPPED] = "SWAPPED", [SL_DEV_KEPT] = "KEPT",
        [SL_DEV_CRASHED] = "CRASHED", [SL_DEV_REQUEST] = "REQUEST",
        [SL_DEV_TROUBLE] = "TROUBLE",
    };
    const char *text = news->event == SL_DEV_CHANGED ? news->file : news->text;

    if (news->event == SL_DEV_BUILT || news->event == SL_DEV_FAILED)
        text = news->output; /* durations vary */
    dprintf(STDOUT_FILENO, "%s %s\n", names[news->event], text);
}

static void start(struct fixture *f, const char *build)
{
    char *argv[] = {f->program, (char[]){"arg"}, NULL};
    sl_development d = {
        .size = sizeof d, .build = build, .argv = argv, .watch = f->dir, .say = say};
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    f->pid = fork();
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        setenv("HOST", "127.0.0.1", 1);
        setenv("PORT", "0", 1);
        if (chdir(f->dir) < 0)
            _exit(99);
        _exit(sl_develop(&d));
    }
    close(ends[1]);
    f->lines = ends[0];
}

/* Reads until @p words has appeared, which must come next after what was expected before. */
static void expect(struct fixture *f, const char *words)
{
    struct pollfd p = {.fd = f->lines, .events = POLLIN};
    size_t len = strlen(f->text);
    char *found;

    while (!(found = strstr(f->text, words))) {
        ssize_t n = 0;

        if (poll(&p, 1, 20000) == 1)
            n = read(f->lines, f->text + len, sizeof f->text - len - 1);
        if (n <= 0)
            fail_msg("expected \"%s\", got \"%s\"", words, f->text);
        len += (size_t)n;
        f->text[len] = 0;
    }
    memmove(f->text, found + strlen(words), strlen(found + strlen(words)) + 1);
}

static void expect_end(struct fixture *f, int status)
{
    int got;

    assert_int_equal(waitpid(f->pid, &got, 0), f->pid);
    f->pid = 0;
    assert_true(WIFEXITED(got));
    assert_int_equal(WEXITSTATUS(got), status);
}

/* Orphans of the group are reaped by init, in its own time. */
static void expect_group_gone(pid_t group)
{
    assert_true(group > 1);
    for (int i = 0; i < 4000 && kill(-group, 0) == 0; i++)
        poll(NULL, 0, 5);
    assert_int_equal(kill(-group, 0), -1);
}

static const char serves[] =
    "#!/bin/sh\n"
    "trap 'echo got INT; exit 4' INT; trap 'echo got TERM; exit 5' TERM; trap 'echo got HUP' HUP\n"
    "echo serving $1 $SHALLOT_MODE \"<$SHALLOT_BUILD>\" \"<$SHALLOT_WATCH>\"\n"
    "while :; do sleep 0.01; done\n";

static void test_builds_and_runs(void **state)
{
    struct fixture *f = *state;
    char line[256];

    write_file(f, "source", serves);
    start(f, "cp source prog");
    expect(f, "BUILT");
    snprintf(line, sizeof line, "serving arg development <cp source prog> <%s>", f->dir);
    expect(f, line);
    kill(f->pid, SIGHUP);
    expect(f, "got HUP");
    kill(f->pid, SIGTERM);
    expect(f, "got TERM");
    expect_end(f, 5);
}

static void test_a_good_end_is_the_end(void **state)
{
    struct fixture *f = *state;

    write_file(f, "prog", "#!/bin/sh\nexit 0\n");
    start(f, NULL);
    expect_end(f, 0);
}

static void test_a_bad_end_waits(void **state)
{
    struct fixture *f = *state;

    write_file(f, "prog", "#!/bin/sh\nexit 42\n");
    start(f, NULL);
    expect(f, "prog ended with status 42");
    expect(f, "WAITING");
    write_file(f, "prog", serves);
    expect(f, "serving");
}

/* The program gets what is lent to it, as descriptor 3, whatever was open there. */
static void test_the_socket_is_lent(void **state)
{
    struct fixture *f = *state;

    write_file(f, "prog",
               "#!/bin/sh\n[ $LISTEN_PID = $$ ] && [ $PORT != 0 ] && readlink /proc/$$/fd/3\n"
               "echo $LISTEN_FDS $LISTEN_FDNAMES\nexit 0\n");
    start(f, NULL);
    expect(f, "socket:[");
    expect(f, "1 shallot.dev");
    expect_end(f, 0);
}

static void test_failing_build_waits(void **state)
{
    struct fixture *f = *state;

    write_file(f, "source", "broken");
    start(f, "grep -q sh source && cp source prog");
    expect(f, "FAILED");
    expect(f, "WAITING");
    write_file(f, "source", "broken still");
    expect(f, "CHANGED source");
    expect(f, "FAILED");
    write_file(f, "source", serves);
    expect(f, "CHANGED source");
    expect(f, "BUILT");
    expect(f, "serving");
    kill(f->pid, SIGINT);
    expect(f, "got INT");
    expect_end(f, 4);
}

static void test_interrupted_while_waiting(void **state)
{
    struct fixture *f = *state;

    start(f, "false");
    expect(f, "WAITING");
    kill(f->pid, SIGINT);
    expect_end(f, 0);
}

static void test_interrupted_while_building(void **state)
{
    struct fixture *f = *state;
    char buf[32] = "";
    char path[96];
    FILE *in;

    start(f, "echo $$ >pid; mv pid child; sleep 1000");
    expect(f, "CHANGED child"); /* a build that writes beside its source: it is started again */
    kill(f->pid, SIGTERM);
    expect_end(f, 0);
    snprintf(path, sizeof path, "%s/child", f->dir);
    in = fopen(path, "re");
    assert_non_null(in);
    assert_non_null(fgets(buf, sizeof buf, in));
    fclose(in);
    expect_group_gone((pid_t)strtol(buf, NULL, 10));
}

/* A text that every build writes anew does not keep the program from ever being built. */
static void test_generated_file(void **state)
{
    struct fixture *f = *state;

    write_file(f, "source", serves);
    start(f, "date >version.h; sleep 0.5; cp source prog");
    expect(f, "BUILT");
    expect(f, "serving");
}

static void test_crash_waits(void **state)
{
    struct fixture *f = *state;

    write_file(f, "source", "#!/bin/sh\nkill -SEGV $$\n");
    start(f, "cp source prog");
    expect(f, "was ended by SIGSEGV");
    expect(f, "WAITING");
    write_file(f, "source", serves);
    expect(f, "serving");
}

static void test_program_missing(void **state)
{
    struct fixture *f = *state;

    start(f, NULL);
    expect(f, "TROUBLE cannot run");
    expect(f, "WAITING");
    write_file(f, "prog", serves);
    expect(f, "serving");
}

static void test_nothing_to_watch(void **state)
{
    struct fixture *f = *state;
    char *argv[] = {f->program, NULL};
    sl_development d = {.size = sizeof d, .build = "true", .argv = argv, .watch = "/nonexistent"};

    int keep = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC), status;

    dup2(null, STDERR_FILENO);
    status = sl_develop(&d);
    dup2(keep, STDERR_FILENO);
    close(keep);
    close(null);
    assert_int_equal(status, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_builds_and_runs),
        TEST(test_a_good_end_is_the_end),
        TEST(test_a_bad_end_waits),
        TEST(test_the_socket_is_lent),
        TEST(test_failing_build_waits),
        TEST(test_interrupted_while_waiting),
        TEST(test_interrupted_while_building),
        TEST(test_generated_file),
        TEST(test_crash_waits),
        TEST(test_program_missing),
        TEST(test_nothing_to_watch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
