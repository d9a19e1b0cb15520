/*
 * The system-call seam: the few calls whose failures matter, as functions that return a negative
 * errno.
 *
 * Everybody above comes in here instead of calling the kernel by name, for two reasons: the caller
 * checks one value instead of a value and errno, and a test can set sl__sys_fault and make the n-th
 * call fail or transfer only a part. Interrupted calls are repeated here, also when the
 * interruption was injected; epoll_wait() is the exception, because a repetition would begin its
 * timeout afresh.
 */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"

#define SHORTENED_PARTS 16

ssize_t (*sl__sys_fault)(enum sl__sys_call call);
int64_t (*sl__sys_clock_fn)(void);
int64_t (*sl__sys_wall_fn)(void);

/* Repeats the call while it is interrupted; limit is what the fault asked for, 0 mostly. */
#define CALL(result, which, limit, expression)                                                     \
    do {                                                                                           \
        (limit) = fault(which);                                                                    \
        if ((limit) < 0) {                                                                         \
            (result) = (limit);                                                                    \
            continue;                                                                              \
        }                                                                                          \
        (result) = (expression);                                                                   \
        if ((result) < 0)                                                                          \
            (result) = -errno;                                                                     \
    } while ((result) == -EINTR)

static inline ssize_t fault(enum sl__sys_call call)
{
    return __builtin_expect(sl__sys_fault != NULL, 0) ? sl__sys_fault(call) : 0;
}

static inline size_t shorter(size_t len, ssize_t limit)
{
    return limit > 0 && (size_t)limit < len ? (size_t)limit : len;
}

/* sendmsg() of at most limit bytes. What the parts' array has no room for is left out as well: the
 * caller has to expect any count. */
static ssize_t sendmsg_some(int fd, const struct msghdr *m, int flags, ssize_t limit)
{
    struct iovec parts[SHORTENED_PARTS];
    struct msghdr some = *m;
    size_t left = (size_t)limit, count = 0;

    while (left > 0 && count < m->msg_iovlen && count < SHORTENED_PARTS) {
        parts[count] = m->msg_iov[count];
        parts[count].iov_len = shorter(parts[count].iov_len, (ssize_t)left);
        left -= parts[count].iov_len;
        count++;
    }
    some.msg_iov = parts;
    some.msg_iovlen = count;
    return sendmsg(fd, &some, flags);
}

int sl__sys_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    ssize_t limit;
    int r;

    CALL(r, SL__SYS_ACCEPT, limit, accept4(fd, addr, len, SOCK_NONBLOCK | SOCK_CLOEXEC));
    return r;
}

ssize_t sl__sys_recv_asking(int fd, void *buf, size_t len)
{
    ssize_t r, limit;

    CALL(r, SL__SYS_RECV, limit, recv(fd, buf, shorter(len, limit), 0));
    return r;
}

ssize_t sl__sys_send_asking(int fd, const void *buf, size_t len, int flags)
{
    ssize_t r, limit;

    CALL(r, SL__SYS_SEND, limit, send(fd, buf, shorter(len, limit), flags | MSG_NOSIGNAL));
    return r;
}

ssize_t sl__sys_recv_failed(int fd, void *buf, size_t len)
{
    return errno == EINTR ? sl__sys_recv_asking(fd, buf, len) : -errno;
}

ssize_t sl__sys_send_failed(int fd, const void *buf, size_t len, int flags)
{
    return errno == EINTR ? sl__sys_send_asking(fd, buf, len, flags) : -errno;
}

ssize_t sl__sys_sendmsg(int fd, const struct msghdr *m, int flags)
{
    ssize_t r, limit;

    flags |= MSG_NOSIGNAL;
    CALL(r, SL__SYS_SENDMSG, limit,
         limit > 0 ? sendmsg_some(fd, m, flags, limit) : sendmsg(fd, m, flags));
    return r;
}

ssize_t sl__sys_recvmsg(int fd, struct msghdr *m, int flags)
{
    ssize_t r, limit;

    CALL(r, SL__SYS_RECVMSG, limit, recvmsg(fd, m, flags | MSG_CMSG_CLOEXEC));
    return r;
}

ssize_t sl__sys_sendfile(int out, int in, off_t *offset, size_t len)
{
    ssize_t r, limit;

    CALL(r, SL__SYS_SENDFILE, limit, sendfile(out, in, offset, shorter(len, limit)));
    return r;
}

int sl__sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
    ssize_t limit;
    int r;

    CALL(r, SL__SYS_EPOLL_CTL, limit, epoll_ctl(epfd, op, fd, ev));
    return r;
}

int sl__sys_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
    int r = (int)fault(SL__SYS_EPOLL_WAIT);

    if (r < 0)
        return r;
    r = epoll_wait(epfd, events, max, timeout_ms);
    return r < 0 ? -errno : r;
}

int sl__sys_open(const char *path, int flags, mode_t mode)
{
    ssize_t limit;
    int r;

    CALL(r, SL__SYS_OPEN, limit, open(path, flags | O_CLOEXEC, mode));
    return r;
}

int sl__sys_openat(int dir, const char *path, int flags)
{
    ssize_t limit;
    int r;

    CALL(r, SL__SYS_OPEN, limit, openat(dir, path, flags | O_CLOEXEC));
    return r;
}

int sl__sys_openat2(int dir, const char *path, struct open_how *how)
{
    ssize_t limit;
    int r;

    how->flags |= O_CLOEXEC;
    CALL(r, SL__SYS_OPENAT2, limit, (int)syscall(SYS_openat2, dir, path, how, sizeof *how));
    return r;
}

int sl__sys_socket(int domain, int type, int protocol)
{
    ssize_t limit;
    int r;

    CALL(r, SL__SYS_SOCKET, limit, socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
    return r;
}

void *sl__sys_mmap(size_t len, int prot, int flags, int fd)
{
    void *p;

    if (fault(SL__SYS_MMAP) < 0)
        return NULL;
    p = mmap(NULL, len, prot, flags, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

int64_t sl__sys_now(void)
{
    struct timespec t;

    if (__builtin_expect(sl__sys_clock_fn != NULL, 0))
        return sl__sys_clock_fn();
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SL__SEC + t.tv_nsec;
}

int64_t sl__sys_wall(void)
{
    struct timespec t;

    if (__builtin_expect(sl__sys_wall_fn != NULL, 0))
        return sl__sys_wall_fn();
    clock_gettime(CLOCK_REALTIME_COARSE, &t); /* seconds are wanted, so the cheap clock will do */
    return t.tv_sec;
}
