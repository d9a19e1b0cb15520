/* src/base/sys.c: what the calls set, and each of them failing, shortened and interrupted through
 * the seam. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/time.h"

static enum sl__sys_call faulty;
static ssize_t answers[8];
static unsigned asked;

/* Answers the questions about the faulty call from the table, one after the other. */
static ssize_t scripted(enum sl__sys_call call)
{
    return call == faulty ? answers[asked++ % 8] : 0;
}

static void script(enum sl__sys_call call, ssize_t first, ssize_t second)
{
    memset(answers, 0, sizeof(answers));
    answers[0] = first;
    answers[1] = second;
    asked = 0;
    faulty = call;
    sl__sys_fault = scripted;
}

static int teardown(void **state)
{
    sl__sys_fault = NULL;
    sl__sys_clock_fn = NULL;
    sl__sys_wall_fn = NULL;
    return 0;
}

static ssize_t call(enum sl__sys_call which, int pair[2])
{
    char bytes[16] = "0123456789abcdef";
    struct iovec parts[3] = {{bytes, 4}, {bytes + 4, 0}, {bytes + 4, 12}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 3};
    struct epoll_event ev = {.events = EPOLLIN};
    ssize_t r = -1;
    int fd;

    switch (which) {
    case SL__SYS_ACCEPT:
        return sl__sys_accept(pair[0], NULL, NULL);
    case SL__SYS_RECV:
        return sl__sys_recv(pair[0], bytes, sizeof(bytes));
    case SL__SYS_SEND:
        return sl__sys_send(pair[0], bytes, sizeof(bytes), 0);
    case SL__SYS_SENDMSG:
        return sl__sys_sendmsg(pair[0], &m, 0);
    case SL__SYS_RECVMSG:
        return sl__sys_recvmsg(pair[0], &m, 0);
    case SL__SYS_SENDFILE:
        fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        r = sl__sys_sendfile(pair[0], fd, &(off_t){0}, 16);
        close(fd);
        return r;
    case SL__SYS_EPOLL_CTL:
        return sl__sys_epoll_ctl(pair[0], EPOLL_CTL_ADD, pair[1], &ev);
    case SL__SYS_EPOLL_WAIT:
        return sl__sys_epoll_wait(pair[0], &ev, 1, 0);
    case SL__SYS_OPEN:
        fd = sl__sys_open("/dev/null", O_RDONLY, 0);
        break;
    case SL__SYS_MMAP:
        return sl__sys_mmap(4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1) ? 0 : -ENOMEM;
    case SL__SYS_SOCKET:
        fd = sl__sys_socket(AF_UNIX, SOCK_STREAM, 0);
        break;
    case SL__SYS_OPENAT2:
        fd = sl__sys_openat2(pair[0], "x", &(struct open_how){.flags = O_PATH});
        break;
    default:
        return -ENOSYS;
    }
    if (fd >= 0)
        close(fd);
    return fd;
}

static void make_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

static void close_pair(int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

static void test_every_call_can_fail(void **state)
{
    int pair[2];

    make_pair(pair);
    for (int which = 0; which < SL__SYS_COUNT; which++) {
        script((enum sl__sys_call)which, -ENOMEM, 0);
        assert_int_equal(call((enum sl__sys_call)which, pair), -ENOMEM);
        assert_int_equal(asked, 1);
    }
    close_pair(pair);
}

static void test_an_interrupted_call_is_repeated(void **state)
{
    int pair[2];

    make_pair(pair);
    for (int which = 0; which < SL__SYS_COUNT; which++) {
        script((enum sl__sys_call)which, -EINTR, -EIO);
        if (which == SL__SYS_EPOLL_WAIT)
            assert_int_equal(call((enum sl__sys_call)which, pair), -EINTR);
        else if (which != SL__SYS_MMAP)
            assert_int_equal(call((enum sl__sys_call)which, pair), -EIO);
    }
    close_pair(pair);
}

static void test_errors_are_negative(void **state)
{
    int pair[2] = {-1, -1};

    for (int which = 0; which < SL__SYS_COUNT; which++)
        if (which != SL__SYS_OPEN && which != SL__SYS_MMAP && which != SL__SYS_SOCKET)
            assert_int_equal(call((enum sl__sys_call)which, pair), -EBADF);
    assert_int_equal(sl__sys_openat(-1, "x", O_RDONLY), -EBADF);
    assert_int_equal(sl__sys_open("/nowhere/at/all", O_RDONLY, 0), -ENOENT);
    assert_int_equal(sl__sys_socket(AF_UNIX, 12345, 0), -EINVAL);
    assert_null(sl__sys_mmap(0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1));
}

static void test_shortened_calls(void **state)
{
    static const enum sl__sys_call senders[] = {SL__SYS_SEND, SL__SYS_SENDMSG, SL__SYS_SENDFILE};
    char got[64];
    int pair[2];

    make_pair(pair);
    for (size_t i = 0; i < 3; i++) {
        for (ssize_t limit = 1; limit <= 20; limit++) {
            ssize_t expected = limit < 16 ? limit : 16;

            script(senders[i], limit, 0);
            assert_int_equal(call(senders[i], pair), expected);
            assert_int_equal(sl__sys_recv(pair[1], got, sizeof(got)), expected);
            if (senders[i] != SL__SYS_SENDFILE)
                assert_memory_equal(got, "0123456789abcdef", (size_t)expected);
        }
    }
    assert_int_equal(sl__sys_send(pair[1], "abcdef", 6, 0), 6);
    script(SL__SYS_RECV, 4, 0);
    assert_int_equal(sl__sys_recv(pair[0], got, sizeof(got)), 4);
    assert_int_equal(sl__sys_recv(pair[0], got, sizeof(got)), 2);
    assert_int_equal(sl__sys_recv(pair[0], got, sizeof(got)), -EAGAIN);
    close_pair(pair);
}

static void test_no_signal_for_a_closed_peer(void **state)
{
    struct iovec part = {(void *)(uintptr_t) "x", 1};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    int pair[2];

    make_pair(pair);
    close(pair[1]);
    assert_int_equal(sl__sys_send(pair[0], "x", 1, 0), -EPIPE); /* and we live */
    assert_int_equal(sl__sys_sendmsg(pair[0], &m, 0), -EPIPE);
    close(pair[0]);
}

static void assert_flags(int fd, bool nonblocking)
{
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(!!(fcntl(fd, F_GETFL) & O_NONBLOCK), nonblocking);
}

static void test_flags_of_descriptors(void **state)
{
    struct sockaddr_un_storage {
        sa_family_t family;
        char path[14];
    } name = {.family = AF_UNIX};
    int listener = sl__sys_socket(AF_UNIX, SOCK_STREAM, 0), client, accepted, file;
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);

    assert_flags(listener, true);
    assert_int_equal(bind(listener, (void *)&name, sizeof(name.family)),
                     0); /* the kernel picks a name */
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (void *)&bound, &len), 0);
    client = sl__sys_socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (void *)&bound, len), 0);
    accepted = sl__sys_accept(listener, NULL, NULL);
    assert_flags(accepted, true);
    assert_int_equal(sl__sys_accept(listener, NULL, NULL), -EAGAIN);
    file = sl__sys_open("/dev/null", O_RDONLY, 0);
    assert_flags(file, false);
    close(file);
    close(accepted);
    close(client);
    close(listener);
}

static void test_received_descriptors_close_on_exec(void **state)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space};
    struct cmsghdr *head;
    int pair[2], fd;

    make_pair(pair);
    m.msg_controllen = sizeof(control.space);
    head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &pair[0], sizeof(int));
    script(SL__SYS_SENDMSG, 1, 0); /* what is attached survives the shortening */
    assert_int_equal(sl__sys_sendmsg(pair[0], &m, 0), 1);
    memset(&control, 0, sizeof(control));
    m.msg_controllen = sizeof(control.space);
    assert_int_equal(sl__sys_recvmsg(pair[1], &m, 0), 1);
    head = CMSG_FIRSTHDR(&m);
    assert_non_null(head);
    memcpy(&fd, CMSG_DATA(head), sizeof(int));
    assert_flags(fd, true);
    close(fd);
    close_pair(pair);
}

static int64_t own_clock(void)
{
    return 42;
}

static void test_clocks(void **state)
{
    int64_t before = sl__sys_now();
    struct timespec t;

    assert_true(before > 0);
    assert_true(sl__sys_now() >= before);
    clock_gettime(CLOCK_REALTIME, &t);
    assert_in_range(sl__sys_wall() - t.tv_sec + 5, 0, 10);
    sl__sys_clock_fn = own_clock;
    sl__sys_wall_fn = own_clock;
    assert_int_equal(sl__sys_now(), 42);
    assert_int_equal(sl__sys_wall(), 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_every_call_can_fail, teardown),
        cmocka_unit_test_teardown(test_an_interrupted_call_is_repeated, teardown),
        cmocka_unit_test(test_errors_are_negative),
        cmocka_unit_test_teardown(test_shortened_calls, teardown),
        cmocka_unit_test(test_no_signal_for_a_closed_peer),
        cmocka_unit_test(test_flags_of_descriptors),
        cmocka_unit_test_teardown(test_received_descriptors_close_on_exec, teardown),
        cmocka_unit_test_teardown(test_clocks, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
