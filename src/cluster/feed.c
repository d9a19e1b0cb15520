/*
 * The feed's writing end.
 *
 * Master and workers come in with a record when something has happened; it leaves by one send that
 * never waits, or not at all. All of them share one socket and so one account of what the reader
 * has not taken yet: requests, of which there may be very many, leave half of it to the records of
 * which each one counts.
 */
#include "cluster/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "cluster/role.h"

#define ROOM (1 << 20) /* asked for: the kernel's limit is a fifth of it, and not everywhere */

static int chosen = -1;
static bool chosen_by_test;

static int descriptor(void)
{
    return chosen_by_test ? chosen : sl__role()->feed;
}

static void add_raw(struct sl__feed_line *l, const char *text, size_t len)
{
    size_t room = sizeof l->octets - l->len;

    if (len > room)
        len = room;
    memcpy(l->octets + l->len, text, len);
    l->len += len;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static void add_escaped(struct sl__feed_line *l, const char *text, size_t len)
{
    for (size_t i = 0; i < len && l->len + 8 < sizeof l->octets; i++) {
        char escape[8];

        if (is_control(text[i]))
            add_raw(l, escape, (size_t)sprintf(escape, "\\x%02x", (unsigned char)text[i]));
        else
            add_raw(l, text + i, 1);
    }
}

static ssize_t put(const struct sl__feed_line *l, const char *text, size_t len)
{
    struct iovec parts[3] = {{(void *)(uintptr_t)l->octets, l->len},
                             {(char[]){"\n"}, 1},
                             {(void *)(uintptr_t)text, len}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = len ? 3 : 1};
    ssize_t n;

    do
        n = sendmsg(descriptor(), &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n;
}

/* More than half of the room is taken by what was not read yet. */
static bool is_crowded(void)
{
    int pending = 0, room = 0;
    socklen_t len = sizeof room;

    return ioctl(descriptor(), SIOCOUTQ, &pending) < 0 ||
           getsockopt(descriptor(), SOL_SOCKET, SO_SNDBUF, &room, &len) < 0 || pending > room / 2;
}

bool sl__feed_open(void)
{
    return descriptor() >= 0;
}

void sl__feed_use(int fd)
{
    chosen = fd;
    chosen_by_test = true;
}

void sl__feed_begin(struct sl__feed_line *l, const char *kind)
{
    l->len = 0;
    add_raw(l, kind, strlen(kind));
}

void sl__feed_add(struct sl__feed_line *l, const char *name, const char *value, size_t len)
{
    if (l->len + strlen(name) + 16 > sizeof l->octets)
        return;
    add_raw(l, "\t", 1);
    add_raw(l, name, strlen(name));
    add_raw(l, "=", 1);
    add_escaped(l, value, len);
}

void sl__feed_add_text(struct sl__feed_line *l, const char *name, const char *value)
{
    sl__feed_add(l, name, value, strlen(value));
}

void sl__feed_add_number(struct sl__feed_line *l, const char *name, int64_t value)
{
    char digits[24];

    sl__feed_add(l, name, digits, (size_t)snprintf(digits, sizeof digits, "%" PRId64, value));
}

void sl__feed_send(const struct sl__feed_line *l, const char *text)
{
    size_t len = text ? strnlen(text, SL__FEED_TEXT) : 0;

    if (sl__feed_open() && put(l, text, len) < 0 && errno == EMSGSIZE)
        put(l, "", 0); /* a kernel that gives very little room */
}

void sl__feed_send_one_of_many(const struct sl__feed_line *l)
{
    if (sl__feed_open() && !is_crowded())
        put(l, "", 0);
}

int sl__feed_pair(int *ret_reader, int *ret_writer)
{
    int ends[2], room = ROOM;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    *ret_reader = ends[0];
    *ret_writer = ends[1];
    return 0;
}
