/*
 * Where log lines go: standard error, without ever waiting for it.
 *
 * Lines come in whole from log.c. The descriptor is shared with others, even with programs that are
 * no part of us, so its flags are not ours to change. A pipe or a terminal is opened anew through
 * /proc, which gives a description of our own that does not block; a socket is sent to without
 * waiting; where opening fails the pipe is asked for room first. A file never blocks in this sense,
 * but may be full.
 *
 * What does not go is lost: keeping it would only move the loss to a later time and cost memory
 * until then. The number of lost lines is said as soon as a line goes again.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/sys.h"

_Atomic uint64_t *sl__log_lost_at;

enum way { WAY_PLAIN, WAY_OWN, WAY_SOCKET, WAY_CAREFUL };

static struct {
    bool known;
    dev_t device;
    ino_t inode;
    enum way way;
    int own;   /* WAY_OWN: the descriptor opened anew */
    bool torn; /* the last line is without its end: the disk was full in the middle of it */
    uint64_t lost, reported;
} sink;

/* Handlers may log from offload threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static enum way way_of(const struct stat *st)
{
    if (S_ISSOCK(st->st_mode))
        return WAY_SOCKET;
    if (!S_ISFIFO(st->st_mode) && !S_ISCHR(st->st_mode))
        return WAY_PLAIN;
    sink.own = sl__sys_open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
    return sink.own >= 0 ? WAY_OWN : WAY_CAREFUL;
}

/* The program may put another file in its place at any time. */
static void look(void)
{
    struct stat st = {0};

    if (fstat(STDERR_FILENO, &st) < 0)
        st.st_mode = S_IFREG; /* closed: writing says so */
    if (sink.known && st.st_dev == sink.device && st.st_ino == sink.inode)
        return;
    if (sink.known && sink.way == WAY_OWN)
        close(sink.own);
    sink.known = true;
    sink.device = st.st_dev;
    sink.inode = st.st_ino;
    sink.torn = false;
    sink.way = way_of(&st);
}

/* Asks first where the kernel knows no write that does not wait. Two processes may ask at the same
 * time and only one find room: that is what is left of the danger, and PIPE_BUF makes it small. */
static ssize_t write_carefully(const char *line, size_t len)
{
    struct iovec all = {(void *)(uintptr_t)line, len};
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t n = pwritev2(STDERR_FILENO, &all, 1, -1, RWF_NOWAIT);

    if (n >= 0 || (errno != EOPNOTSUPP && errno != EINVAL))
        return n;
    if (poll(&room, 1, 0) <= 0 || !(room.revents & POLLOUT)) {
        errno = EAGAIN;
        return -1;
    }
    return write(STDERR_FILENO, line, len);
}

static ssize_t put(const char *line, size_t len)
{
    ssize_t n;

    do {
        switch (sink.way) {
        case WAY_OWN:
            n = write(sink.own, line, len);
            break;
        case WAY_SOCKET:
            n = send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
            break;
        case WAY_CAREFUL:
            n = write_carefully(line, len);
            break;
        default:
            n = write(STDERR_FILENO, line, len);
        }
    } while (n < 0 && errno == EINTR);
    return n;
}

/* True if the whole line went. */
static bool put_line(const char *line, size_t len)
{
    ssize_t n;

    if (sink.torn && put("\n", 1) != 1)
        return false;
    sink.torn = false;
    n = put(line, len);
    sink.torn = n > 0 && (size_t)n < len;
    return n == (ssize_t)len;
}

static void count_lost(void)
{
    sink.lost++;
    if (sl__log_lost_at)
        atomic_store_explicit(sl__log_lost_at, sink.lost, memory_order_relaxed);
}

/* True if nothing remains to be reported. */
static bool report(void)
{
    char line[PIPE_BUF];
    size_t len;

    if (sink.lost == sink.reported)
        return true;
    sl__log_report_lost(sink.lost - sink.reported, line, &len);
    if (!put_line(line, len))
        return false;
    sink.reported = sink.lost;
    return true;
}

void sl__log_write(const char *line, size_t len)
{
    pthread_mutex_lock(&lock);
    look();
    if (!report() || !put_line(line, len))
        count_lost();
    pthread_mutex_unlock(&lock);
}

void sl__log_flush(void)
{
    pthread_mutex_lock(&lock);
    look();
    report();
    pthread_mutex_unlock(&lock);
}

uint64_t sl__log_lost(void)
{
    return sink.lost;
}
