/*
 * The handler: this program again, as a worker that crashes in all kinds of ways, also inside of
 * the handler.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fatal.h"
#include "cluster/crash.h"
#include "cluster/memfd.h"
#include "cluster/role.h"
#include "cluster/scoreboard.h"

#define SLOT 2
#define AREA ((off_t)SLOT * SL__CRASH_AREA)

static const char *scenario;
static volatile int *volatile nowhere;
static volatile unsigned turns;

static bool is(const char *name)
{
    return strcmp(scenario, name) == 0;
}

/* The worker. */

static void blame(void *self, struct sl__crash_blame *ret)
{
    if (is("blame"))
        *nowhere = 1;
    *ret = (struct sl__crash_blame){.known = true,
                                    .method = SL__STR("GET"),
                                    .path = SL__STR("/path"),
                                    .label = "/route",
                                    .number = 7};
}

static bool is_overflow(const void *address, const char **ret_label)
{
    return false;
}

static void last_words(void *self)
{
    sl__crash_tell(STDIN_FILENO, SL__FATE_CULPRIT, 1, true);
    sl__crash_tell(STDIN_FILENO, SL__FATE_BYSTANDER, 0, false);
    if (is("words"))
        *nowhere = 2;
    if (is("endless"))
        for (;;)
            turns++;
    for (int i = 0; is("many") && i < 500; i++)
        sl__crash_tell(STDIN_FILENO, SL__FATE_IDLE, 0, false);
}

static void *crash_thread(void *arg)
{
    sl__fatal_stack();
    *nowhere = 3;
    return NULL;
}

static int be_worker(void)
{
    const struct sl__crash_hooks hooks = {
        .blame = blame, .is_overflow = is_overflow, .last_words = last_words};
    const struct rlimit none = {0, 0};
    pthread_t t;

    setrlimit(RLIMIT_CORE, &none);
    for (int i = 0; i < SL__FATAL_COUNT; i++) /* no sanitizer's report is wanted */
        signal(sl__fatal_signals[i], SIG_DFL);
    sl__fatal_stack();
    if (sl__crash_install(&hooks) < 0)
        return 99;
    if (is("abort"))
        abort();
    if (is("sent"))
        kill(getpid(), SIGFPE);
    if (is("thread")) {
        pthread_create(&t, NULL, crash_thread, NULL);
        for (;;)
            turns++;
    }
    if (is("fork") && fork() == 0)
        *nowhere = 4;
    if (is("fork")) {
        wait(NULL);
        return 5;
    }
    *nowhere = 5;
    return 98;
}

/* The test. */

static int memory, socket_end;

static int run(const char *name)
{
    char worker[] = "SHALLOT_WORKER_ID=9", slot[] = "SHALLOT_SLOT=2", what[64], text[4][64];
    char *argv[] = {(char[]){"x"}, NULL};
    char *env[] = {worker, slot, text[0], text[1], text[2], text[3], what, NULL};
    int pair[2], channel[2], status;
    int board = sl__memfd_create("board");
    pid_t pid;

    memory = sl__memfd_create("memory");
    assert_int_equal(ftruncate(memory, (off_t)SL__SLOTS * SL__CRASH_AREA), 0);
    fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK);
    fcntl(board, F_ADD_SEALS, F_SEAL_SHRINK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), 0);
    socket_end = pair[0];
    snprintf(text[0], 64, "SHALLOT_CHANNEL=%d", channel[1]);
    snprintf(text[1], 64, "SHALLOT_SCOREBOARD=%d", board);
    snprintf(text[2], 64, "SHALLOT_CRASH_MEMORY=%d", memory);
    snprintf(text[3], 64, "SHALLOT_CRASH_SOCKET=%d", pair[1]);
    snprintf(what, sizeof what, "SCENARIO=%s", name);
    pid = fork();
    if (pid == 0) {
        int fds[] = {channel[1], board, memory, pair[1]};

        for (int i = 0; i < 4; i++)
            fcntl(fds[i], F_SETFD, 0);
        execve("/proc/self/exe", argv, env);
        _exit(97);
    }
    close(pair[1]);
    close(channel[0]);
    close(channel[1]);
    close(board);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void finish(void)
{
    close(memory);
    close(socket_end);
}

static struct sl__crash_record record(void)
{
    struct sl__crash_record r;

    assert_int_equal(pread(memory, &r, sizeof r, AREA), sizeof r);
    return r;
}

/* Descriptors of the next message; -1: there is none. */
static int receive(struct sl__crash_message *msg)
{
    char control[CMSG_SPACE(253 * sizeof(int))];
    struct iovec part = {msg, sizeof *msg};
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    ssize_t n = recvmsg(socket_end, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&h);
    int count = 0;

    if (n < 0)
        return -1;
    if (c) {
        count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < count; i++)
            close(((int *)(void *)CMSG_DATA(c))[i]);
    }
    return count;
}

static void expect_words(void)
{
    struct sl__crash_message msg;

    assert_int_equal(receive(&msg), 1); /* the culprit's by itself */
    assert_true(msg.magic == SL__CRASH_MAGIC && msg.worker == 9 && msg.count == 1);
    assert_true(msg.notes[0].fate == SL__FATE_CULPRIT && msg.notes[0].head &&
                msg.notes[0].listener == 1);
    assert_int_equal(receive(&msg), 1);
    assert_true(msg.notes[0].fate == SL__FATE_BYSTANDER && !msg.notes[0].head);
    assert_int_equal(receive(&msg), -1);
}

static void expect_death(const char *name, int signal)
{
    int status = run(name);
    struct sl__crash_record r = record();

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal);
    assert_true(r.magic == SL__CRASH_MAGIC && r.kind == SL__CRASH_DEATH && r.worker == 9);
    assert_int_equal(r.signal, signal);
}

static void test_fault(void **state)
{
    struct sl__crash_record r;
    char *maps = malloc(SL__CRASH_MAPS_MAX + 1);

    expect_death("fault", SIGSEGV);
    r = record();
    assert_true(r.has_request && r.number == 7 && !r.in_thread && r.address == 0);
    assert_string_equal(r.method, "GET");
    assert_string_equal(r.path, "/path");
    assert_string_equal(r.label, "/route");
    assert_true(r.stack_len > 500 && r.maps_len > 100 && r.maps_len <= SL__CRASH_MAPS_MAX);
    assert_int_equal(pread(memory, maps, r.maps_len, AREA + SL__CRASH_MAPS_AT), r.maps_len);
    maps[r.maps_len] = '\0';
    assert_non_null(strstr(maps, "unit-cluster-crash"));
    assert_null(strstr(maps, "[heap]"));
    free(maps);
    expect_words();
    finish();
}

static void test_sent_and_aborted(void **state)
{
    expect_death("abort", SIGABRT);
    expect_words();
    finish();
    expect_death("sent", SIGFPE);
    expect_words();
    finish();
}

/* What a fault in the handler costs is what it was about. */
static void test_faults_in_the_handler(void **state)
{
    struct sl__crash_record r;

    expect_death("blame", SIGSEGV);
    r = record();
    assert_false(r.has_request);
    assert_true(r.stack_len > 0);
    expect_words();
    finish();
    expect_death("words", SIGSEGV);
    r = record();
    assert_true(r.has_request && r.stack_len > 0);
    expect_words(); /* those that had been told of by then */
    finish();
}

static void test_thread(void **state)
{
    struct sl__crash_record r;

    expect_death("thread", SIGSEGV); /* the loop's thread, busy as it is, is stopped */
    r = record();
    assert_true(r.in_thread && r.tid != r.pid);
    expect_words();
    finish();
}

static void test_many(void **state)
{
    struct sl__crash_message msg;

    expect_death("many", SIGSEGV);
    assert_int_equal(receive(&msg), 1);
    assert_int_equal(receive(&msg), 200);
    assert_int_equal(receive(&msg), 200);
    assert_int_equal(receive(&msg), 101);
    assert_int_equal(receive(&msg), -1);
    finish();
}

/* Whatever happens, it dies, and by its own signal. */
static void test_endless(void **state)
{
    time_t begin = time(NULL);

    expect_death("endless", SIGSEGV);
    assert_true(time(NULL) - begin < 20);
    finish();
}

static void test_forked_child(void **state)
{
    struct sl__crash_message msg;
    int status = run("fork");

    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    assert_int_equal(record().magic, 0);
    assert_int_equal(receive(&msg), -1);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault),
        cmocka_unit_test(test_sent_and_aborted),
        cmocka_unit_test(test_faults_in_the_handler),
        cmocka_unit_test(test_thread),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_forked_child),
    };

    scenario = getenv("SCENARIO");
    if (sl__role()->worker)
        return be_worker();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
