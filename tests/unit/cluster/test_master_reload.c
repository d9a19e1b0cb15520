/*
 * Reload by generation: hand-over, code that fails, files that are missing, listeners that come and
 * go, settings that change.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_hand_over(void **state)
{
    struct cluster c;
    int fd[6];

    cluster_open(&c, "", &(struct cluster_options){.instances = 2});
    expect_ready(&c, 1);
    expect_ready(&c, 2);
    for (int i = 0; i < 6; i++) {
        fd[i] = cluster_connect(c.port);
        cluster_ask(fd[i], "add");
    }
    cluster_signal(&c, SIGHUP);
    expect(&c, "reloading (SIGHUP)");
    expect_ready(&c, 3);
    assert_int_equal(c.count, 6); /* brought to the present */
    expect_ready(&c, 4);
    expect(&c, "generation 2 serves, generation 1 leaves");
    expect(&c, "worker 1 drains 0 300 70"); /* with the times of the new code's HELLO */
    expect(&c, "worker 2 drains 0 300 70");
    for (int i = 0; i < 6; i++)
        expect(&c, " adopts from listener 0");
    expect(&c, "hook exit 1 code 0 signal 0 expected 1");
    expect(&c, "hook exit 2 code 0 signal 0 expected 1");
    for (int i = 0; i < 6; i++) { /* nobody noticed */
        const char *answer = cluster_ask(fd[i], "who");

        assert_true(strcmp(answer, "worker 3") == 0 || strcmp(answer, "worker 4") == 0);
    }
    cluster_signal(&c, SIGTTOU); /* in scaling down, too */
    expect(&c, "worker 4 drains 0");
    expect(&c, "hook exit 4 code 0");
    for (int i = 0; i < 6; i++) {
        assert_string_equal(cluster_ask(fd[i], "who"), "worker 3");
        close(fd[i]);
    }
    cluster_close(&c);
}

static void expect_old_one_serves(struct cluster *c)
{
    int fd = cluster_connect(c->port);

    assert_string_equal(cluster_ask(fd, "who"), "worker 1");
    close(fd);
}

static void test_code_that_fails(void **state)
{
    static const char *const codes[] = {"die", "exit"};
    static const char *const reasons[] = {"(exit code 9): the database is away", "(exit code 5)"};
    struct cluster c;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    for (size_t i = 0; i < 2; i++) {
        cluster_code(&c, codes[i]);
        cluster_signal(&c, SIGHUP);
        expect(&c, " failed: worker ");
        assert_non_null(strstr(c.last, reasons[i]));
        assert_non_null(strstr(c.last, "generation 1 stays"));
        expect_old_one_serves(&c);
    }
    cluster_code(&c, ""); /* and a good one works after that */
    cluster_signal(&c, SIGHUP);
    expect(&c, "generation 4 serves");
    expect(&c, "hook exit 1 code 0 signal 0 expected 1");
    cluster_close(&c);
}

static void test_file_is_missing_or_no_program(void **state)
{
    struct cluster c;
    FILE *f;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    assert_int_equal(rename(cluster_path(&c, "program"), cluster_path(&c, "aside")), 0);
    cluster_signal(&c, SIGHUP);
    expect(&c, "cannot reload");
    assert_non_null(strstr(c.last, "No such file"));
    f = fopen(cluster_path(&c, "program"), "w");
    fputs("half a pro", f);
    fclose(f);
    cluster_signal(&c, SIGHUP);
    expect(&c, "cannot reload");
    assert_non_null(strstr(c.last, "Permission denied"));
    chmod(cluster_path(&c, "program"), 0700);
    cluster_signal(&c, SIGHUP);
    expect(&c, "generation 2 failed");
    assert_non_null(strstr(c.last, "Exec format error"));
    expect_old_one_serves(&c);
    kill(c.pid, SIGKILL); /* the respawn runs the file that is held */
    expect_ready(&c, 3);
    assert_int_equal(rename(cluster_path(&c, "aside"), cluster_path(&c, "program")), 0);
    cluster_signal(&c, SIGHUP);
    expect(&c, "generation 3 serves");
    cluster_close(&c);
}

static void test_newer_code_while_one_is_tried(void **state)
{
    struct cluster c;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    cluster_code(&c, "mute second");
    cluster_signal(&c, SIGHUP);
    expect(&c, "worker 2 started");
    cluster_code(&c, "");
    cluster_signal(&c, SIGHUP);
    expect(&c, "generation 2 is given up");
    expect_ready(&c, 3);
    expect(&c, "generation 3 serves");
    expect(&c, "hook exit 1 code 0 signal 0 expected 1");
    cluster_close(&c);
}

static void test_listeners_come_and_go(void **state)
{
    struct cluster c;
    const char *answer;
    int first, second;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    first = c.port;
    cluster_code(&c, "second");
    cluster_signal(&c, SIGHUP);
    expect_ready(&c, 2);
    assert_int_equal(c.port, first); /* CL9: the same free port */
    assert_true(c.second_port > 0 && c.second_port != first);
    expect(&c, "generation 2 serves");
    second = cluster_connect(c.second_port);
    assert_string_equal(cluster_ask(second, "who"), "worker 2");
    cluster_code(&c, "second die"); /* fails: nothing of the running code's is closed */
    cluster_signal(&c, SIGHUP);
    expect(&c, "generation 3 failed");
    close(cluster_connect(c.second_port));
    kill(c.pid, SIGKILL); /* dead, with the candidate's code in the file: listeners stay open */
    cluster_expect_end(second);
    second = cluster_connect(c.second_port);
    assert_true(second >= 0);
    cluster_code(&c, "");
    cluster_signal(&c, SIGHUP);
    expect(&c, "generation 4 serves");
    cluster_expect_end(second); /* named by nobody any more */
    assert_int_equal(cluster_connect(c.second_port), -1);
    do { /* these workers do not serve what they were given just before they left */
        close(second);
        second = cluster_connect(first);
        answer = cluster_try(second, "who");
    } while (!answer);
    assert_non_null(strstr(answer, "worker "));
    close(second);
    cluster_close(&c);
}

static unsigned master_descriptors(const struct cluster *c)
{
    char path[64];
    unsigned n = 0;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%d/fd", c->master);
    d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void test_nothing_of_a_failed_candidate_is_left(void **state)
{
    struct cluster c;
    unsigned before;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    before = master_descriptors(&c);
    cluster_code(&c, "second die"); /* its HELLO has a listener opened */
    cluster_signal(&c, SIGHUP);
    expect(&c, "generation 2 failed");
    expect(&c, "hook exit 2 ");
    cluster_code(&c, "");
    cluster_signal(&c, SIGTTIN); /* some ticks later */
    expect_ready(&c, 3);
    cluster_signal(&c, SIGTTOU);
    expect(&c, "hook exit 3 ");
    cluster_signal(&c, SIGUSR2);
    expect_ready(&c, 4);
    expect(&c, "has become the new program"); /* that, too, leaves nothing */
    expect(&c, "hook exit 1 ");
    for (int i = 0; i < 1000 && master_descriptors(&c) != before; i++)
        usleep(5000); /* no line says that it has been buried */
    assert_int_equal(master_descriptors(&c), before);
    cluster_close(&c);
}

static void test_unix_socket_is_removed(void **state)
{
    struct cluster c;

    cluster_open(&c, "unix", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    assert_int_equal(access(cluster_path(&c, "socket"), F_OK), 0);
    cluster_signal(&c, SIGTERM);
    assert_int_equal(cluster_wait(&c), 0);
    assert_int_equal(access(cluster_path(&c, "socket"), F_OK), -1);
    cluster_close(&c);
}

static void test_port_of_the_new_code_is_taken(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct cluster c;
    char port[16];

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(port, sizeof port, "%d", ntohs(a.sin_port));
    setenv("TEST_TAKEN", port, 1);
    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    cluster_code(&c, "taken");
    cluster_signal(&c, SIGHUP);
    expect(&c, "generation 2 failed");
    assert_non_null(strstr(c.last, port));
    expect_old_one_serves(&c);
    unsetenv("TEST_TAKEN");
    close(fd);
    cluster_close(&c);
}

static void test_new_code_wants_more_workers(void **state)
{
    struct cluster c;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    cluster_code(&c, "three");
    cluster_signal(&c, SIGHUP);
    expect(&c, "generation 2 serves");
    expect(&c, "hook up 3 generation 2");
    expect(&c, "hook up 4 generation 2");
    cluster_signal(&c, SIGTTIN);
    expect(&c, "4 workers wanted");
    expect(&c, "hook up 5 generation 2");
    cluster_signal(&c, SIGHUP); /* the code wants three as before: what was asked for stays */
    expect(&c, "generation 3 serves");
    expect(&c, "hook up 9 generation 3");
    cluster_close(&c);
}

static void test_change_in_place_is_said_once(void **state)
{
    struct cluster c;
    int fd;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    /* A program that runs cannot be opened for writing; one whose workers come and go can, for a
     * moment. Its times are enough to see it. */
    fd = open(cluster_path(&c, "program"), O_RDONLY);
    assert_int_equal(futimens(fd, NULL), 0);
    close(fd);
    kill(c.pid, SIGKILL);
    expect(&c, "was written to in place");
    expect_ready(&c, 2);
    kill(c.pid, SIGKILL);
    expect_ready(&c, 3);
    assert_false(seen(&c, "was written to in place"));
    cluster_close(&c);
}

static void test_stop_during_a_reload(void **state)
{
    struct cluster c;

    cluster_open(&c, "", &(struct cluster_options){.instances = 2});
    expect_ready(&c, 1);
    expect_ready(&c, 2);
    cluster_code(&c, "mute");
    cluster_signal(&c, SIGHUP);
    expect(&c, "worker 4 started");
    cluster_signal(&c, SIGTERM);
    assert_int_equal(cluster_wait(&c), 0);
    cluster_close(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hand_over),
        cmocka_unit_test(test_code_that_fails),
        cmocka_unit_test(test_file_is_missing_or_no_program),
        cmocka_unit_test(test_newer_code_while_one_is_tried),
        cmocka_unit_test(test_listeners_come_and_go),
        cmocka_unit_test(test_nothing_of_a_failed_candidate_is_left),
        cmocka_unit_test(test_unix_socket_is_removed),
        cmocka_unit_test(test_port_of_the_new_code_is_taken),
        cmocka_unit_test(test_new_code_wants_more_workers),
        cmocka_unit_test(test_change_in_place_is_said_once),
        cmocka_unit_test(test_stop_during_a_reload),
    };
    int status;

    if (harness_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
