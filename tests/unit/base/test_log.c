/* src/base/log.c: the form of a line, levels, escaping, cutting, one write per line, colours on a
 * terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shallot/log.h>

#include "base/log.h"
#include "base/sys.h"

static char last[8192];
static enum sl__level last_level;
static unsigned lines;

static void keep(enum sl__level level, const char *line)
{
    snprintf(last, sizeof(last), "%s", line);
    last_level = level;
    lines++;
}

static int64_t a_morning(void)
{
    return 784111777; /* 08:49:37 in UTC */
}

static int setup(void **state)
{
    setenv("TZ", "UTC", 1);
    sl__log_sink = keep;
    sl__sys_wall_fn = a_morning;
    sl__log_set_level(SL__INFO);
    sl__log_set_who("master");
    lines = 0;
    return 0;
}

static int teardown(void **state)
{
    sl__log_sink = NULL;
    sl__sys_wall_fn = NULL;
    return 0;
}

static void test_form(void **state)
{
    errno = EXDEV;
    sl__log(SL__INFO, "worker %d died (%s). restarting...", 4242, "SIGKILL");
    assert_int_equal(errno, EXDEV);
    assert_string_equal(last,
                        "08:49:37.000 info   master    worker 4242 died (SIGKILL). restarting...");
    sl__log_set_who("worker 3");
    sl_warn("%s", "x");
    assert_string_equal(last, "08:49:37.000 warn   worker 3  x");
    assert_int_equal(last_level, SL__WARN);
    sl__log_set_who("worker 12");
    sl_log_error("x\n");
    assert_string_equal(last, "08:49:37.000 error  worker 12 x");
    sl__log_set_who("");
    sl_info("x");
    assert_non_null(strstr(last, program_invocation_short_name));
    sl__log_set_who("a name that is longer than the thirty-one bytes there are");
    sl_info("x");
    assert_string_equal(last, "08:49:37.000 info   a name that is longer than the  x");
}

static void test_levels(void **state)
{
    sl_debug("not shown");
    assert_int_equal(lines, 0);
    sl__log_set_level(SL__DEBUG);
    sl_debug("shown");
    assert_int_equal(lines, 1);
    sl__log_set_level(SL__ERROR);
    sl_info("no");
    sl_warn("no");
    assert_int_equal(lines, 1);
    sl_log_error("yes");
    assert_int_equal(lines, 2);
}

static void test_control_characters(void **state)
{
    sl_info("GET /%s", "a\r\n08:00:00 forged\033[2J\t\x7f\xc3\xa4");
    assert_non_null(strstr(last, "GET /a\\r\\n08:00:00 forged\\x1b[2J\t\\x7f\xc3\xa4"));
    assert_null(strchr(last, '\n'));
}

static void test_long_lines_are_cut(void **state)
{
    static char text[3 * PIPE_BUF];

    for (size_t len = PIPE_BUF - 60; len < PIPE_BUF + 10; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        sl_info("%s", text);
        assert_true(strlen(last) < PIPE_BUF);
        assert_true(strlen(last) == len + 30 || strcmp(last + strlen(last) - 3, "...") == 0);
    }
    memset(text, '\033', sizeof(text) - 1);
    sl_info("%s", text);
    assert_true(strlen(last) < PIPE_BUF);
    assert_string_equal(last + strlen(last) - 3, "...");
}

/* In a child, because the answer about colours is kept. Returns what came out of fd. */
static size_t output_of_child(int out, int in, const char *no_colour, char *got, size_t len)
{
    size_t have = 0;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        sl__log_sink = NULL;
        setenv("TERM", "xterm", 1);
        setenv("NO_COLOR", no_colour, 1);
        dup2(out, STDERR_FILENO);
        sl_info("one");
        sl_warn("two");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(out);
    for (;;) {
        ssize_t n = read(in, got + have, len - 1 - have);

        if (n <= 0)
            break;
        have += (size_t)n;
    }
    got[have] = '\0';
    return have;
}

static void test_one_write_per_line(void **state)
{
    static const char first[] = "08:49:37.000 info   master    one\n";
    char got[256];
    int pair[2];
    pid_t pid;

    /* Of a socket that keeps packets apart: one write, one packet. */
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    pid = fork();
    if (pid == 0) {
        sl__log_sink = NULL;
        dup2(pair[1], STDERR_FILENO);
        sl_info("one");
        sl_info("two");
        _exit(0);
    }
    assert_int_equal(recv(pair[0], got, sizeof(got), 0), sizeof(first) - 1);
    assert_memory_equal(got, first, sizeof(first) - 1);
    assert_int_equal(recv(pair[0], got, sizeof(got), 0), sizeof(first) - 1);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(pair[0]);
    close(pair[1]);
}

static void open_terminal(int *ret_master, int *ret_slave)
{
    *ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*ret_master >= 0);
    assert_int_equal(grantpt(*ret_master), 0);
    assert_int_equal(unlockpt(*ret_master), 0);
    *ret_slave = open(ptsname(*ret_master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*ret_slave >= 0);
}

static void test_colours(void **state)
{
    char got[512];
    int master, slave, ends[2];

    open_terminal(&master, &slave);
    output_of_child(slave, master, "", got, sizeof(got));
    assert_non_null(strstr(got, "\033[32minfo \033[0m  master    one"));
    assert_non_null(strstr(got, "\033[33mwarn \033[0m  master    two"));
    close(master);
    open_terminal(&master, &slave);
    output_of_child(slave, master, "1", got, sizeof(got));
    assert_non_null(strstr(got, "info   master    one"));
    assert_null(strchr(got, '\033'));
    close(master);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    output_of_child(ends[1], ends[0], "", got, sizeof(got));
    assert_null(strchr(got, '\033'));
    assert_non_null(strstr(got, "one\n08:"));
    close(ends[0]);
}

static const char *request_name(void)
{
    return "a-name";
}

static uint64_t request_17(void)
{
    return 17;
}

static void test_json(void **state)
{
    char expected[256];

    sl__log_set_json(true);
    snprintf(
        expected, sizeof expected,
        "{\"time\":\"1994-11-06T08:49:37.000Z\",\"level\":\"warn\",\"pid\":%d,\"who\":\"master\","
        "\"text\":\"a \\\"b\\\" \\\\ \\n\\u0009\\u001b caf\xc3\xa9 \\ufffd\\ufffd\"}",
        getpid());
    sl_warn("a \"b\" \\ \n\t\x1b caf\xc3\xa9 \xff\xc3");
    assert_string_equal(last, expected);
    sl__log_set_who("worker 3");
    sl__log_request = request_17;
    sl_info("x");
    assert_non_null(
        strstr(last, ",\"who\":\"worker 3\",\"worker\":3,\"request\":\"3-17\",\"text\":\"x\"}"));
    sl__log_set_json(false);
    sl_info("x");
    assert_string_equal(last, "08:49:37.000 info   worker 3  #3-17 x");
    sl__log_request_name = request_name;
    sl_info("x");
    assert_string_equal(last, "08:49:37.000 info   worker 3  #a-name x");
    sl__log_set_json(true);
    sl_info("x");
    assert_non_null(strstr(last, ",\"worker\":3,\"request\":\"a-name\",\"text\":\"x\"}"));
    sl__log_set_json(false);
    sl__log_request_name = NULL;
    sl__log_request = NULL;
}

/* Nothing is added to it; nothing it says ends it. */
static void test_a_line_as_it_is(void **state)
{
    static char text[2 * PIPE_BUF];

    sl_log_line("1.2.3.4 \"GET / \"\tcaf\xc3\xa9 \n\x1b[31m\x7f");
    assert_string_equal(last, "1.2.3.4 \"GET / \"\tcaf\xc3\xa9 \\x0a\\x1b[31m\\x7f");
    sl__log_set_json(true);
    sl_log_line("{\"a\":1}");
    assert_string_equal(last, "{\"a\":1}");
    sl__log_set_json(false);
    memset(text, '\n', sizeof text - 1);
    sl_log_line(text);
    assert_in_range(strlen(last), PIPE_BUF - 9, PIPE_BUF - 1);
    sl__log_set_level(SL__WARN);
    last[0] = '\0';
    sl_log_line("x");
    assert_string_equal(last, "");
    sl__log_set_level(SL__INFO);
}

/* Cut anywhere, a line ends as JSON and its text as UTF-8. */
static void test_long_json_lines_are_cut(void **state)
{
    static char text[2 * PIPE_BUF];

    sl__log_set_json(true);
    for (size_t first = 0; first < 8; first++) {
        size_t len = first;

        memset(text, 'x', first);
        for (; len + 4 < sizeof text; len += 3)
            memcpy(text + len, "\xe2\x82\xac", 3);
        text[len] = '\0';
        sl_info("%s", text);
        assert_true(strlen(last) < PIPE_BUF);
        assert_string_equal(last + strlen(last) - 8, "\xe2\x82\xac...\"}");
    }
    sl__log_set_json(false);
}

static ssize_t no_open(enum sl__sys_call call)
{
    return call == SL__SYS_OPEN ? -EACCES : 0;
}

/* A pipe that cannot be opened anew (it is somebody else's) does not hold anybody up either. */
static void test_a_full_pipe_is_not_waited_for(void **state)
{
    for (int careful = 0; careful < 2; careful++) {
        char got[65536];
        int ends[2], status;
        size_t len = 0;
        pid_t pid;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
        pid = fork();
        if (pid == 0) {
            alarm(20);
            sl__log_sink = NULL;
            sl__sys_fault = careful ? no_open : NULL;
            dup2(ends[1], STDERR_FILENO);
            for (int i = 0; i < 1000; i++)
                sl_info("line %d", i);
            if (sl__log_lost() < 500 || sl__log_lost() >= 1000)
                _exit(1);
            while (len < 4000)
                len += (size_t)read(ends[0], got, sizeof got);
            sl_info("behind");
            _exit(sl__log_lost() < 1000 ? 0 : 2);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        close(ends[1]);
        len = (size_t)read(ends[0], got, sizeof got - 1);
        got[len] = '\0';
        assert_non_null(strstr(got, " log lines were lost: nobody took them\n"));
        assert_non_null(strstr(got, "behind\n"));
        close(ends[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_form, setup, teardown),
        cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_control_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_lines_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_json_lines_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_line_as_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_pipe_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_write_per_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_colours, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
