/*
 * The master with real workers: start, death, bus, scaling, stop, and what is left when it dies.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A port that is free, and stays bound (so: taken) while the descriptor is open. */
static int take_port(int *ret_fd)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *ret_fd = fd;
    return ntohs(a.sin_port);
}

static void test_start_and_stop(void **state)
{
    struct cluster c;
    char text[64];
    int fd;

    cluster_open(&c, "", &(struct cluster_options){.instances = 2});
    snprintf(text, sizeof text, "master %d, 2 workers: because", c.master);
    expect(&c, text);
    expect_ready(&c, 1);
    expect_ready(&c, 2);
    fd = cluster_connect(c.port);
    assert_non_null(strstr(cluster_ask(fd, "who"), "worker "));
    cluster_signal(&c, SIGTERM);
    expect(&c, "stopping (SIGTERM)");
    expect(&c, "drains 1 400 80");
    expect(&c, "drains 1 400 80");
    expect(&c, "hook exit 1 code 0 signal 0 expected 1");
    expect(&c, "hook exit 2 code 0 signal 0 expected 1");
    assert_int_equal(cluster_wait(&c), 0);
    cluster_expect_end(fd);
    assert_int_equal(cluster_connect(c.port), -1);
    cluster_close(&c);
}

static void test_port_in_use(void **state)
{
    struct cluster c;
    int fd, port = take_port(&fd);

    cluster_open(&c, "", &(struct cluster_options){.instances = 2, .port = port});
    assert_int_equal(cluster_wait(&c), 1);
    assert_non_null(memmem(c.buf, c.len, "127.0.0.1", 9));
    assert_null(memchr((char *)memchr(c.buf, '\n', c.len) + 1, '\n',
                       c.len - (size_t)((char *)memchr(c.buf, '\n', c.len) + 1 - c.buf)));
    close(fd);
    cluster_close(&c);
}

static void test_death_and_respawn(void **state)
{
    struct cluster c;
    char text[96];
    pid_t pid;
    int fd;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    pid = c.pid;
    kill(pid, SIGKILL);
    fd = cluster_connect(c.port); /* CL8: the port is open all the time */
    assert_true(fd >= 0);
    snprintf(text, sizeof text, "worker %d died (SIGKILL). restarting...", pid);
    expect(&c, text);
    expect(&c, "hook exit 1 code -1 signal 9 expected 0");
    expect_ready(&c, 2);
    assert_string_equal(cluster_ask(fd, "who"), "worker 2");
    send(fd, "crash", 5, 0);
    expect(&c, "died (SIGABRT)");
    cluster_expect_end(fd);
    expect_ready(&c, 3);
    kill(c.pid, SIGTERM); /* sent to the worker itself: it drains */
    expect(&c, "worker 3 drains 1 300 70");
    expect(&c, "died (exit code 0)");
    expect_ready(&c, 4);
    cluster_close(&c);
}

static void test_worker_that_talks_nonsense(void **state)
{
    struct cluster c;
    int fd;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    fd = cluster_connect(c.port);
    send(fd, "nonsense", 8, 0);
    expect(&c, "died (SIGKILL)");
    expect(&c, "its messages make no sense");
    expect_ready(&c, 2);
    close(fd);
    cluster_close(&c);
}

static void test_bus(void **state)
{
    struct cluster c;
    int fd;

    cluster_open(&c, "", &(struct cluster_options){.instances = 2});
    expect_ready(&c, 1);
    expect_ready(&c, 2);
    fd = cluster_connect(c.port);
    cluster_ask(fd, "master");
    expect(&c, "hook message hello of 7 from");
    expect(&c, "hook sends 0");
    expect(&c, "worker 1 got greeting from 0");
    expect(&c, "worker 2 got greeting from 0");
    cluster_ask(fd, "large");
    expect(&c, "hook message large of 200000 from");
    for (int i = 0; i < 10; i++)
        cluster_ask(fd, "add");
    for (int i = 0; i < 10; i++)
        expect(&c, "hook message add of 0 from");
    close(fd);
    cluster_signal(&c, SIGTTIN); /* one more, which is told how many there were */
    expect(&c, "3 workers wanted");
    expect_ready(&c, 3);
    assert_int_equal(c.count, 10);
    cluster_close(&c);
}

/* The only worker's death loses no count that had reached the master. */
static void test_state_survives_everybody(void **state)
{
    struct cluster c;
    int fd;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    fd = cluster_connect(c.port);
    for (int i = 0; i < 5; i++)
        cluster_ask(fd, "add");
    for (int i = 0; i < 5; i++)
        expect(&c, "hook message add");
    kill(c.pid, SIGKILL);
    cluster_expect_end(fd);
    expect_ready(&c, 2);
    assert_int_equal(c.count, 5);
    cluster_close(&c);
}

/* What a worker had said when it died is heard, however late the master comes round to it. */
static void test_last_words(void **state)
{
    struct cluster c;
    int fd;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    fd = cluster_connect(c.port);
    cluster_ask(fd, "who");
    cluster_signal(&c, SIGSTOP);
    send(fd, "burst", 5, 0);
    cluster_expect_end(fd);
    cluster_signal(&c, SIGCONT);
    for (int i = 0; i < 100; i++)
        expect(&c, "hook message burst of 30000 from 1");
    expect(&c, "hook exit 1 code 3 signal 0 expected 0");
    expect_ready(&c, 2);
    cluster_close(&c);
}

static void test_scaling(void **state)
{
    struct cluster c;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    cluster_signal(&c, SIGTTIN);
    expect_ready(&c, 2);
    cluster_signal(&c, SIGTTOU);
    expect(&c, "worker 2 drains 0");
    expect(&c, "hook exit 2 code 0 signal 0 expected 1");
    cluster_signal(&c, SIGTTOU); /* one stays */
    cluster_signal(&c, SIGUSR2);
    expect(&c, "upgrading (SIGUSR2)");
    assert_false(seen(&c, "worker 1 drains"));
    expect_ready(&c, 3);
    expect(&c, "has become the new program");
    expect(&c, "generation 2 serves");
    expect(&c, "hook exit 1 code 0 signal 0 expected 1");
    cluster_close(&c);
}

static void test_second_signal_is_fast(void **state)
{
    struct cluster c;

    cluster_open(&c, "slow", &(struct cluster_options){.instances = 2});
    expect_ready(&c, 1);
    expect_ready(&c, 2);
    cluster_signal(&c, SIGINT);
    expect(&c, "worker 1 drains 1");
    expect(&c, "worker 2 drains 1");
    cluster_signal(&c, SIGINT);
    expect(&c, "hook exit 1 code -1 signal 9 expected 1");
    assert_int_equal(cluster_wait(&c), 0);
    cluster_close(&c);
}

static void test_drain_deadline(void **state)
{
    struct cluster c;

    cluster_open(&c, "slow", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    cluster_signal(&c, SIGTERM);
    expect(&c, "did not leave in time");
    assert_int_equal(cluster_wait(&c), 0);
    cluster_close(&c);
}

static void test_orphans(void **state)
{
    struct cluster c;
    int port;

    cluster_open(&c, "", &(struct cluster_options){.instances = 2});
    expect_ready(&c, 1);
    expect_ready(&c, 2);
    port = c.port;
    cluster_signal(&c, SIGKILL);
    expect(&c, "orphaned");
    expect(&c, "orphaned");
    assert_int_equal(cluster_wait(&c), -SIGKILL);
    cluster_start(&c, &(struct cluster_options){.instances = 1, .port = port}); /* it can bind */
    expect_ready(&c, 1);
    assert_int_equal(c.port, port);
    cluster_close(&c);
}

/* One that never looks is ended by the death signal's alarm. */
static void test_stuck_orphan(void **state)
{
    struct cluster c;

    cluster_open(&c, "stuck", &(struct cluster_options){.instances = 1});
    expect_ready(&c, 1);
    cluster_signal(&c, SIGKILL);
    assert_int_equal(cluster_wait(&c), -SIGKILL); /* waits for the end of all */
    assert_false(seen(&c, "orphaned"));
    cluster_close(&c);
}

static void test_closed_terminal_stops(void **state)
{
    struct cluster c;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1, .on_terminal = true});
    expect_ready(&c, 1);
    cluster_signal(&c, SIGHUP); /* the terminal is there: a reload */
    expect(&c, "reloading");
    expect_ready(&c, 2);
    expect(&c, "generation 2 serves");
    close(c.terminal);
    c.terminal = -1;
    expect(&c, "the terminal was closed");
    assert_int_equal(cluster_wait(&c), 0);
    cluster_close(&c);
}

static void test_ctrl_c_reaches_the_master_only(void **state)
{
    struct cluster c;
    int fd;

    cluster_open(&c, "", &(struct cluster_options){.instances = 1, .on_terminal = true});
    expect_ready(&c, 1);
    fd = cluster_connect(c.port);
    cluster_signal(&c, SIGSTOP); /* so that nobody else can tell the worker to leave */
    assert_int_equal(write(c.terminal, "\003", 1), 1);
    for (int i = 0; i < 3; i++)
        assert_string_equal(cluster_ask(fd, "who"), "worker 1");
    close(fd);
    cluster_signal(&c, SIGCONT);
    expect(&c, "stopping (SIGINT)");
    expect(&c, "worker 1 drains 1 400 80"); /* the master's times, not its own */
    assert_int_equal(cluster_wait(&c), 0);
    assert_false(seen(&c, "drains"));
    cluster_close(&c);
}

static void expect_no_process(pid_t pid)
{
    for (int i = 0; i < 3000 && kill(pid, 0) == 0; i++) /* until the master has come round to it */
        usleep(10000);
    assert_int_equal(kill(pid, 0), -1);
}

static void test_strangers_are_reaped(void **state)
{
    struct cluster c;
    pid_t grandchild;

    cluster_open(&c, "child", &(struct cluster_options){.instances = 1, .subreaper = true});
    expect_ready(&c, 1);
    expect(&c, "grandchild ");
    grandchild = atoi(strstr(c.last, "grandchild ") + 11);
    expect_no_process(grandchild);
    cluster_signal(&c, SIGTERM); /* the worker's own zombie becomes the master's, too */
    expect(&c, "hook exit 1 code 0 signal 0 expected 1");
    assert_int_equal(cluster_wait(&c), 0);
    cluster_close(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_and_stop),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_death_and_respawn),
        cmocka_unit_test(test_worker_that_talks_nonsense),
        cmocka_unit_test(test_bus),
        cmocka_unit_test(test_state_survives_everybody),
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_second_signal_is_fast),
        cmocka_unit_test(test_drain_deadline),
        cmocka_unit_test(test_orphans),
        cmocka_unit_test(test_stuck_orphan),
        cmocka_unit_test(test_closed_terminal_stops),
        cmocka_unit_test(test_ctrl_c_reaches_the_master_only),
        cmocka_unit_test(test_strangers_are_reaped),
    };
    int status;

    if (harness_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
