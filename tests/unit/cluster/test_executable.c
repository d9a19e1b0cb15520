/*
 * The held executable, and workers spawned from it: this program runs itself as a worker, which
 * writes down how it finds itself.
 */
#include "cluster/channel.h"
#include "cluster/executable.h"
#include "cluster/role.h"
#include "cluster/scoreboard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n - 3; /* ".", ".." and the folder itself */
}

/* What a child inherits of whoever runs the tests. */
static unsigned inherited_descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 1000; fd++)
        n += fcntl(fd, F_GETFD) == 0;
    return n;
}

/* In the worker: one packet with everything. */
static int worker(int argc, char **argv)
{
    const struct sl__role *r = sl__role();
    char text[1024];
    sigset_t mask;
    struct rlimit files;
    int death = 0;

    sigprocmask(SIG_BLOCK, NULL, &mask);
    prctl(PR_GET_PDEATHSIG, &death);
    getrlimit(RLIMIT_NOFILE, &files);
    snprintf(text, sizeof text,
             "worker=%u slot=%u group=%d death=%d parent=%d usr1=%d term=%d files=%d fds=%u "
             "argv=%d,%s env=%s,%s",
             r->worker, r->slot, getpgrp() == getpid(), death == SIGRTMIN, getppid(),
             sigismember(&mask, SIGUSR1), sigismember(&mask, SIGTERM), (int)files.rlim_cur,
             open_descriptors(), argc, argv[argc - 1], getenv("TEST_ENV"),
             getenv("SHALLOT_WORKER_ID") ? "left" : "unset");
    if (send(r->channel, text, strlen(text), 0) < 0)
        return 3;
    return 42;
}

static char **list(const char *first, const char *second)
{
    static char *argv[3];

    argv[0] = (char *)(uintptr_t)first;
    argv[1] = (char *)(uintptr_t)second;
    return argv;
}

static void spawn_and_listen(const struct sl__executable *e)
{
    struct sl__scoreboard board;
    sigset_t mask, all, old;
    struct rlimit files;
    struct sl__spawn s = {.executable = e, .worker = 9, .slot = 4, .mask = &mask, .files = &files};
    struct pollfd p = {.events = POLLIN};
    char text[1024], expected[512];
    siginfo_t info;
    int ends[2], pidfd;
    ssize_t n;
    pid_t pid;

    assert_int_equal(sl__scoreboard_create(&board), 0);
    assert_int_equal(sl__channel_pair(ends), 0);
    setenv("TEST_ENV", "as it was", 1);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1); /* as the program was started */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old); /* as the master runs */
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = 333;
    s.argv = list("the program", "its argument");
    s.channel = ends[1];
    s.scoreboard = board.fd;
    pid = sl__spawn(&s, &pidfd);
    sigprocmask(SIG_SETMASK, &old, NULL);
    assert_true(pid > 0);
    assert_int_equal(fcntl(ends[1], F_GETFD), FD_CLOEXEC); /* only the child's copy was opened up */
    close(ends[1]);
    p.fd = ends[0];
    assert_int_equal(poll(&p, 1, 30000), 1);
    n = recv(ends[0], text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = 0;
    snprintf(expected, sizeof expected,
             "worker=9 slot=4 group=1 death=1 parent=%d usr1=1 term=0 files=333 fds=%u "
             "argv=2,its argument env=as it was,unset",
             getpid(), inherited_descriptors() + 2);
    assert_string_equal(text, expected);
    p.fd = pidfd;
    assert_int_equal(poll(&p, 1, 30000), 1);
    assert_int_equal(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), 0);
    assert_int_equal(info.si_status, 42);
    close(pidfd);
    close(ends[0]);
    sl__scoreboard_finish(&board);
}

static int spawn_fails(const struct sl__executable *e)
{
    sigset_t mask;
    struct sl__spawn s = {.executable = e, .worker = 1, .argv = list("x", NULL), .mask = &mask};
    unsigned before = open_descriptors();
    int pidfd = -1, r;

    sigemptyset(&mask);
    s.channel = s.scoreboard = 0;
    r = sl__spawn(&s, &pidfd);
    assert_int_equal(pidfd, -1);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* and no child is left */
    assert_int_equal(errno, ECHILD);
    return r;
}

static void copy_file(const char *from, const char *to, mode_t mode)
{
    static char buf[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buf, sizeof buf)) > 0)
        assert_int_equal(write(out, buf, (size_t)n), n);
    close(in);
    close(out);
}

static char folder[] = "/tmp/shallot-exec-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][PATH_MAX];
    static unsigned next;
    char *p = path[next++ % 4];

    snprintf(p, PATH_MAX, "%s/%s", folder, name);
    return p;
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];

    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void test_self(void **state)
{
    struct sl__executable e;
    char path[PATH_MAX] = "";

    assert_int_equal(sl__executable_open_self(&e), 0);
    assert_true(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
    assert_string_equal(e.path, path);
    assert_false(sl__executable_changed(&e));
    spawn_and_listen(&e);
    sl__executable_close(&e);
    assert_int_equal(e.fd, -1);
    sl__executable_close(&e);
}

static void test_what_cannot_be_executed(void **state)
{
    static char longest[5000];
    struct sl__executable e;

    assert_int_equal(sl__executable_open(&e, in_folder("missing")), -ENOENT);
    assert_int_equal(e.fd, -1);
    assert_int_equal(sl__executable_open(&e, folder), -EACCES);
    copy_file("/proc/self/exe", in_folder("plain"), 0600);
    assert_int_equal(sl__executable_open(&e, in_folder("plain")), -EACCES);
    assert_int_equal(sl__executable_open(&e, "/dev/null"), -EACCES);
    memset(longest, 'x', sizeof longest - 1);
    assert_int_equal(sl__executable_open(&e, longest), -ENAMETOOLONG);
}

static void test_exec_failure_is_reported(void **state)
{
    struct sl__executable e;
    FILE *f = fopen(in_folder("text"), "w");
    int writer;

    fputs("no program", f);
    fclose(f);
    chmod(in_folder("text"), 0700);
    assert_int_equal(sl__executable_open(&e, in_folder("text")), 0);
    assert_int_equal(spawn_fails(&e), -ENOEXEC);
    sl__executable_close(&e);

    copy_file("/proc/self/exe", in_folder("busy"), 0700);
    assert_int_equal(sl__executable_open(&e, in_folder("busy")), 0);
    writer = open(in_folder("busy"), O_WRONLY);
    assert_int_equal(spawn_fails(&e), -ETXTBSY);
    close(writer);
    sl__executable_close(&e);
}

static void test_held_whatever_happens_to_the_path(void **state)
{
    struct sl__executable e;

    copy_file("/proc/self/exe", in_folder("held"), 0700);
    assert_int_equal(sl__executable_open(&e, in_folder("held")), 0);
    copy_file("/dev/null", in_folder("next"), 0700);
    assert_int_equal(rename(in_folder("next"), in_folder("held")), 0);
    assert_false(sl__executable_changed(&e)); /* replaced, not changed */
    spawn_and_listen(&e);
    assert_int_equal(unlink(in_folder("held")), 0);
    spawn_and_listen(&e);
    sl__executable_close(&e);
}

static void test_change_in_place_is_noticed(void **state)
{
    struct sl__executable e;
    int fd;

    copy_file("/proc/self/exe", in_folder("place"), 0700);
    assert_int_equal(sl__executable_open(&e, in_folder("place")), 0);
    fd = open(in_folder("place"), O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    assert_true(sl__executable_changed(&e));
    sl__executable_close(&e);
    assert_false(sl__executable_changed(&e));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self),
        cmocka_unit_test(test_what_cannot_be_executed),
        cmocka_unit_test(test_exec_failure_is_reported),
        cmocka_unit_test(test_held_whatever_happens_to_the_path),
        cmocka_unit_test(test_change_in_place_is_noticed),
    };

    if (sl__role()->worker)
        return worker(argc, argv);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
