/*
 * Batches: 64 KiB of frames and the descriptors beside them, as one SOCK_SEQPACKET packet.
 *
 * Comes from cluster/channel.c, which fills batches with frames and reads frames out of them;
 * leaves to the kernel in one sendmsg() or comes from it in one recvmsg(). They are taken from a
 * small pool of the thread, most recently used first, so that the steady state allocates nothing
 * and stays in the cache.
 */
#include "cluster/batch.h"

#include "base/mem.h"
#include "base/sys.h"

#include <errno.h>
#include <unistd.h>

#define SPARE_MAX 64u /* batches the pool keeps: 4 MiB */

/* Room for the descriptors of a packet, aligned as the kernel wants it. */
union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int) * SL__BATCH_FDS)];
};

static _Thread_local struct {
    struct sl__link *spare; /* by next */
    unsigned spares, users;
} pool;

static void close_descriptors(struct sl__batch *b)
{
    for (unsigned i = 0; i < b->fd_count; i++)
        if (b->fds[i] >= 0)
            close(b->fds[i]);
    b->fd_count = 0;
}

static void take_descriptors(struct sl__batch *b, struct msghdr *m)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(m); head; head = CMSG_NXTHDR(m, head)) {
        size_t octets = head->cmsg_len - CMSG_LEN(0);

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        memcpy(b->fds, CMSG_DATA(head), octets); /* there is one at most, and no room for more */
        b->fd_count = (unsigned)(octets / sizeof(int));
    }
}

struct sl__batch *sl__batch_take(void)
{
    struct sl__batch *b;

    if (pool.spare) {
        b = SL__OWNER(pool.spare, struct sl__batch, link);
        pool.spare = pool.spare->next;
        pool.spares--;
    } else {
        b = sl__try_alloc(sizeof *b);
        if (!b)
            return NULL;
    }
    b->link = (struct sl__link){0};
    b->len = b->cost = b->fd_count = 0;
    return b;
}

void sl__batch_give(struct sl__batch *b)
{
    close_descriptors(b);
    if (pool.spares >= SPARE_MAX) {
        sl__free(b);
        return;
    }
    b->link.next = pool.spare;
    pool.spare = &b->link;
    pool.spares++;
}

int sl__batch_send(const struct sl__batch *b, int fd)
{
    union control control;
    struct iovec part;
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    part.iov_base = (void *)(uintptr_t)b->data; /* an iovec has no const form */
    part.iov_len = b->len;
    if (b->fd_count > 0) {
        size_t octets = sizeof(int) * b->fd_count;

        memset(&control, 0, sizeof control);
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(octets);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(octets);
        memcpy(CMSG_DATA(&control.head), b->fds, octets);
    }
    n = sl__sys_sendmsg(fd, &m, 0);
    return n < 0 ? (int)n : 0;
}

int sl__batch_receive(struct sl__batch *b, int fd)
{
    union control control;
    struct iovec part = {b->data, sizeof b->data};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    ssize_t n = -ECONNRESET;

    close_descriptors(b);
    for (int tries = 0; n == -ECONNRESET && tries < 2; tries++) {
        /* A reset (the peer left without reading everything) is said once, and before the packets
         * that had arrived until then: these are still there. */
        m.msg_controllen = sizeof control;
        n = sl__sys_recvmsg(fd, &m, 0);
    }
    if (n == -EAGAIN)
        return 0;
    if (n < 0)
        return (int)n;
    take_descriptors(b, &m);
    if (n == 0)
        return -EPIPE;
    if (m.msg_flags & MSG_CTRUNC)
        return -EMFILE; /* what is missing cannot be had any more */
    if (m.msg_flags & MSG_TRUNC)
        return -EBADMSG; /* whatever follows is not to be trusted */
    b->len = (size_t)n;
    return 1;
}

static void archive_batch(struct sl__batch *b, struct sl__archive *a)
{
    size_t fds = b->fd_count;

    sl__archive_size(a, &b->len, sizeof b->data);
    sl__archive_bytes(a, b->data, b->len);
    sl__archive_size(a, &b->cost, SIZE_MAX);
    sl__archive_size(a, &fds, SL__BATCH_FDS);
    b->fd_count = (unsigned)fds;
    for (unsigned i = 0; i < b->fd_count; i++)
        sl__archive_fd(a, &b->fds[i]);
}

void sl__batches_archive(struct sl__link *list, struct sl__archive *a)
{
    size_t count = 0;

    for (struct sl__link *at = list->next; at != list; at = at->next)
        count++;
    sl__archive_size(a, &count, SIZE_MAX);
    if (!a->reading)
        for (struct sl__link *at = list->next; at != list; at = at->next)
            archive_batch(SL__OWNER(at, struct sl__batch, link), a);
    for (; a->reading && count > 0 && a->error == 0; count--) {
        struct sl__batch *b = sl__batch_take();

        if (!b) {
            a->error = -ENOMEM;
            return;
        }
        archive_batch(b, a);
        sl__list_append(list, &b->link);
    }
}

void sl__batch_pool_enter(void)
{
    pool.users++;
}

void sl__batch_pool_leave(void)
{
    if (--pool.users > 0)
        return;
    while (pool.spare) {
        struct sl__batch *b = SL__OWNER(pool.spare, struct sl__batch, link);

        pool.spare = pool.spare->next;
        sl__free(b);
    }
    pool.spares = 0;
}
