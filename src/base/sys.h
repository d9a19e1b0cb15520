/*
 * The system-call seam. Calls that can fail in interesting ways go through here: they return a
 * negative errno instead of setting errno, retry EINTR where a retry is right, and tests can make
 * the n-th one fail.
 */
#ifndef SL__BASE_SYS_H
#define SL__BASE_SYS_H

#include "base/cold.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

enum sl__sys_call {
    SL__SYS_ACCEPT,
    SL__SYS_RECV,
    SL__SYS_SEND,
    SL__SYS_SENDMSG,
    SL__SYS_RECVMSG,
    SL__SYS_SENDFILE,
    SL__SYS_EPOLL_CTL,
    SL__SYS_EPOLL_WAIT,
    SL__SYS_OPEN,
    SL__SYS_MMAP,
    SL__SYS_SOCKET,
    SL__SYS_OPENAT2,
    SL__SYS_COUNT,
};

/**
 * Tests: when not NULL, asked before every call below. Returns 0 to let it happen, or a negative
 * errno to fail it; for RECV, SEND, SENDMSG and SENDFILE a positive value shortens the call to that
 * many bytes.
 */
extern ssize_t (*sl__sys_fault)(enum sl__sys_call call);

int sl__sys_accept(int fd, struct sockaddr *addr, socklen_t *len); /* non-blocking, close-on-exec */
ssize_t sl__sys_sendmsg(int fd, const struct msghdr *m, int flags); /* MSG_NOSIGNAL is added */
ssize_t sl__sys_recvmsg(int fd, struct msghdr *m, int flags);       /* MSG_CMSG_CLOEXEC is added */
ssize_t sl__sys_sendfile(int out, int in, off_t *offset, size_t len);
int sl__sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev);
int sl__sys_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms);
int sl__sys_open(const char *path, int flags, mode_t mode); /* close-on-exec */
int sl__sys_openat(int dir, const char *path, int flags);   /* close-on-exec; SL__SYS_OPEN */
struct open_how;
/** Close-on-exec; -ENOSYS or -EPERM where the kernel or a filter of system calls has none. */
int sl__sys_openat2(int dir, const char *path, struct open_how *how);
int sl__sys_socket(int domain, int type, int protocol);      /* non-blocking, close-on-exec */
void *sl__sys_mmap(size_t len, int prot, int flags, int fd); /* NULL on failure */

/* The slow ways of the two below: with the fault asked, or after a call that failed. */
SL__COLD ssize_t sl__sys_recv_asking(int fd, void *buf, size_t len);
SL__COLD ssize_t sl__sys_send_asking(int fd, const void *buf, size_t len, int flags);
SL__COLD ssize_t sl__sys_recv_failed(int fd, void *buf, size_t len);
SL__COLD ssize_t sl__sys_send_failed(int fd, const void *buf, size_t len, int flags);

static inline ssize_t sl__sys_recv(int fd, void *buf, size_t len)
{
    ssize_t n;

    if (__builtin_expect(sl__sys_fault != NULL, 0))
        return sl__sys_recv_asking(fd, buf, len);
    n = recv(fd, buf, len, 0);
    return n >= 0 ? n : sl__sys_recv_failed(fd, buf, len);
}

/** MSG_NOSIGNAL is added. */
static inline ssize_t sl__sys_send(int fd, const void *buf, size_t len, int flags)
{
    ssize_t n;

    if (__builtin_expect(sl__sys_fault != NULL, 0))
        return sl__sys_send_asking(fd, buf, len, flags);
    n = send(fd, buf, len, flags | MSG_NOSIGNAL);
    return n >= 0 ? n : sl__sys_send_failed(fd, buf, len, flags);
}

/** Monotonic nanoseconds. Tests may own it through sl__sys_clock_fn. */
int64_t sl__sys_now(void);
/** Seconds since the epoch. */
int64_t sl__sys_wall(void);
extern int64_t (*sl__sys_clock_fn)(void);
extern int64_t (*sl__sys_wall_fn)(void);

#endif
