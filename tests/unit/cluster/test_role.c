/*
 * The role: read from the environment before main(), or not; and the process title.
 *
 * This program runs itself with an environment of its choice; the child says what it found.
 */
#include "cluster/channel.h"
#include "cluster/role.h"
#include "cluster/scoreboard.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *or_none(const char *text)
{
    return text ? text : "-";
}

static int say_role(int argc, char **argv)
{
    const struct sl__role *r = sl__role();
    char name[32] = "";

    prctl(PR_GET_NAME, name);
    printf("worker=%u slot=%u channel=%d scoreboard=%d ", r->worker, r->slot, r->channel,
           r->scoreboard);
    printf("cloexec=%d,%d name=%s buffered=%d ", fcntl(r->channel, F_GETFD),
           fcntl(r->scoreboard, F_GETFD), r->worker ? name : "-", r->worker != 0);
    printf("env=%s%s%s%s keep=%s argv=%d:%s:%s same=%d\n", or_none(getenv("SHALLOT_WORKER_ID")),
           or_none(getenv("SHALLOT_SLOT")), or_none(getenv("SHALLOT_CHANNEL")),
           or_none(getenv("SHALLOT_SCOREBOARD")), or_none(getenv("KEEP")), argc, argv[1],
           r->argv[1], strcmp(program_invocation_name, argv[0]));
    return 0;
}

static int say_title(int argc, char **argv)
{
    char line[256] = "", *env = getenv("KEEP");
    FILE *f;
    size_t n;

    sl__set_process_title("shallot: worker %d (%s)", 3, "visits");
    f = fopen("/proc/self/cmdline", "r");
    n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    printf("title=%s argv=%s:%s keep=%s\n", n ? line : "", argv[1], argv[argc - 1], env);
    sl__set_process_title("%0500d", 0); /* longer than there is room: cut, and nothing is harmed */
    sl__set_process_title("short");
    unsetenv("KEEP"); /* a leak checker would see a copy lost */
    setenv("OTHER", "value", 1);
    return 0;
}

/* Runs this program and returns what it prints. */
static const char *run_self(const char *mode, char *const env[])
{
    static char out[1024];
    char *argv[] = {(char *)(uintptr_t) "/proc/self/exe", (char *)(uintptr_t)mode,
                    (char *)(uintptr_t) "last", NULL};
    size_t len = 0;
    ssize_t n;
    int ends[2], status;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execve("/proc/self/exe", argv, env);
        _exit(126);
    }
    close(ends[1]);
    while (len < sizeof out - 1 && (n = read(ends[0], out + len, sizeof out - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        fail_msg("status %x: %s", status, out);
    return out;
}

struct setting {
    int channel[2];
    struct sl__scoreboard board;
    char text[4][64];
    char *env[6];
};

static void set_up(struct setting *s, const char *id, const char *slot, int channel, int scoreboard)
{
    snprintf(s->text[0], 64, "SHALLOT_WORKER_ID=%s", id);
    snprintf(s->text[1], 64, "SHALLOT_SLOT=%s", slot);
    snprintf(s->text[2], 64, "SHALLOT_CHANNEL=%d", channel);
    snprintf(s->text[3], 64, "SHALLOT_SCOREBOARD=%d", scoreboard);
    for (int i = 0; i < 4; i++)
        s->env[i] = s->text[i];
    s->env[4] = (char *)(uintptr_t) "KEEP=kept";
    s->env[5] = NULL;
}

static void open_setting(struct setting *s)
{
    assert_int_equal(sl__channel_pair(s->channel), 0);
    assert_int_equal(sl__scoreboard_create(&s->board), 0);
    fcntl(s->channel[1], F_SETFD, 0);
    fcntl(s->board.fd, F_SETFD, 0);
}

static void close_setting(struct setting *s)
{
    close(s->channel[0]);
    close(s->channel[1]);
    sl__scoreboard_finish(&s->board);
}

static void test_a_worker(void **state)
{
    struct setting s;
    char expected[256];

    open_setting(&s);
    set_up(&s, "7", "3", s.channel[1], s.board.fd);
    snprintf(expected, sizeof expected,
             "worker=7 slot=3 channel=%d scoreboard=%d cloexec=1,1 name=shallot-w7 buffered=1 "
             "env=---- keep=kept argv=3:role:role same=0\n",
             s.channel[1], s.board.fd);
    assert_string_equal(run_self("role", s.env), expected);
    close_setting(&s);
}

static void expect_nobody(struct setting *s)
{
    static const char *const expected =
        "worker=0 slot=0 channel=-1 scoreboard=-1 cloexec=-1,-1 name=- buffered=0 "
        "env=---- keep=kept argv=3:role:role same=0\n";

    assert_string_equal(run_self("role", s->env), expected);
}

static void test_garbage_is_nobody(void **state)
{
    static const char *const ids[] = {"",   "0",  "-1", "x",           "7x", " 7",
                                      "+7", "7 ", "1e", "99999999999", "0x7"};
    int null = open("/dev/null", O_RDONLY);
    struct setting s;

    open_setting(&s);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        set_up(&s, ids[i], "0", s.channel[1], s.board.fd);
        expect_nobody(&s);
    }
    set_up(&s, "7", "512", s.channel[1], s.board.fd); /* no such slot */
    expect_nobody(&s);
    set_up(&s, "7", "0", null, s.board.fd); /* no socket */
    expect_nobody(&s);
    set_up(&s, "7", "0", 999, s.board.fd); /* not open */
    expect_nobody(&s);
    set_up(&s, "7", "0", s.channel[1], 999);
    expect_nobody(&s);
    set_up(&s, "7", "0", s.channel[1], null); /* not ours */
    expect_nobody(&s);
    set_up(&s, "7", "0", s.channel[1], s.board.fd);
    s.env[2] = (char *)(uintptr_t) "NOTHING=1"; /* no channel at all */
    expect_nobody(&s);
    memset(s.text[0], 'x', 63); /* a variable that is none */
    expect_nobody(&s);
    close(null);
    close_setting(&s);
}

static void test_title(void **state)
{
    char *env[] = {(char *)(uintptr_t) "KEEP=kept",
                   (char *)(uintptr_t) "ROOM=0123456789012345678901234567890123456789", NULL};

    assert_string_equal(run_self("title", env),
                        "title=shallot: worker 3 (visits) argv=title:last keep=kept\n");
}

static void test_no_environment(void **state)
{
    char *env[] = {NULL};

    assert_non_null(strstr(run_self("role", env), "worker=0 "));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_worker),
        cmocka_unit_test(test_garbage_is_nobody),
        cmocka_unit_test(test_title),
        cmocka_unit_test(test_no_environment),
    };

    if (argc > 1 && strcmp(argv[1], "role") == 0)
        return say_role(argc, argv);
    if (argc > 1 && strcmp(argv[1], "title") == 0)
        return say_title(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
