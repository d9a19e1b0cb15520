/*
 * The master's listening sockets.
 *
 * Endpoints come from the program's own sl_bind() before any worker starts, and later from the
 * HELLO of each worker; descriptors go to the workers in WELCOME frames. A socket is closed when
 * the code that serves names it no longer, which only a good reload can bring about: with all
 * workers dead the port stays open and the kernel queues.
 */
#include "cluster/listeners.h"

#include "base/mem.h"
#include "cluster/activation.h"
#include "cluster/hello.h"
#include "net/door.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENT INT_MAX /* no descriptor: the endpoint has its socket */

static void close_listener(struct sl__listener *l)
{
    struct stat st;

    sl__list_remove(&l->link);
    close(l->fd);
    if (l->inode && stat(l->endpoint.unix_path, &st) == 0 && st.st_dev == l->device &&
        st.st_ino == l->inode)
        unlink(l->endpoint.unix_path);
    sl__free(l);
}

static void remember_file(struct sl__listener *l)
{
    struct stat st;

    if (l->endpoint.unix_path[0] && stat(l->endpoint.unix_path, &st) == 0) {
        l->device = st.st_dev;
        l->inode = st.st_ino;
    }
}

void sl__listeners_init(struct sl__listeners *ls)
{
    sl__list_init(&ls->all);
}

void sl__listeners_finish(struct sl__listeners *ls)
{
    while (ls->all.next && !sl__list_empty(&ls->all))
        close_listener(SL__OWNER(ls->all.next, struct sl__listener, link));
}

static struct sl__listener *add(struct sl__listeners *ls, const struct sl__endpoint *e, int fd)
{
    struct sl__listener *l = sl__alloc_zeroed(sizeof *l);

    l->endpoint = *e;
    l->fd = fd;
    sl__list_append(&ls->all, &l->link);
    return l;
}

/* No code serves there any more, so the tool has no reason to listen. */
static void give_up_listener(struct sl__listener *l)
{
    if (l->lent)
        sl__door_give_up(l->fd);
    close_listener(l);
}

unsigned sl__listeners_inherit(struct sl__listeners *ls, const struct sl__endpoint *endpoints,
                               unsigned count)
{
    int fds[SL__LISTENERS_MAX];
    unsigned taken = 0;

    for (unsigned i = 0; i < count; i++) {
        int fd = sl__activation_take_lent(&endpoints[i]);

        if (fd >= 0)
            add(ls, &endpoints[i], fd)->lent = true;
        fds[i] = fd >= 0 ? LENT : sl__activation_take(&endpoints[i]);
    }
    sl__activation_let_go(); /* before any is opened: it may stand in the way of the right one */
    for (unsigned i = 0; i < count; i++) {
        if (fds[i] == LENT)
            continue;
        if (fds[i] < 0)
            fds[i] = sl__activation_take_any();
        if (fds[i] < 0)
            continue;
        add(ls, &endpoints[i], fds[i]); /* its file, if it is a unix socket, is the manager's */
        taken++;
    }
    return taken;
}

int sl__listeners_open(struct sl__listeners *ls, const struct sl__endpoint *e,
                       struct sl__listener **ret, char *ret_error, size_t error_len)
{
    struct sl__listener *l;
    int fd;

    for (struct sl__link *at = ls->all.next; at != &ls->all; at = at->next) {
        l = SL__OWNER(at, struct sl__listener, link);
        if (sl__endpoint_equal(&l->endpoint, e)) {
            *ret = l;
            return 0;
        }
    }
    fd = sl__activation_take(e);
    if (fd >= 0) {
        *ret = add(ls, e, fd);
        return 0;
    }
    fd = sl__endpoint_open(e, ret_error, error_len);
    if (fd < 0)
        return fd;
    *ret = add(ls, e, fd);
    (*ret)->ours = true;
    remember_file(*ret);
    return 0;
}

void sl__listeners_promote(struct sl__listeners *ls,
                           void (*closing)(struct sl__listener *l, void *self), void *self)
{
    struct sl__link *next;

    for (struct sl__link *at = ls->all.next; at != &ls->all; at = next) {
        struct sl__listener *l = SL__OWNER(at, struct sl__listener, link);

        next = at->next;
        l->good = l->candidate;
        l->candidate = false;
        if (!l->good) {
            closing(l, self);
            give_up_listener(l);
        }
    }
}

void sl__listeners_demote(struct sl__listeners *ls,
                          void (*closing)(struct sl__listener *l, void *self), void *self)
{
    struct sl__link *next;

    for (struct sl__link *at = ls->all.next; at != &ls->all; at = next) {
        struct sl__listener *l = SL__OWNER(at, struct sl__listener, link);

        next = at->next;
        l->candidate = false;
        if (!l->good) {
            closing(l, self);
            give_up_listener(l);
        }
    }
}

void sl__listeners_shut(struct sl__listeners *ls)
{
    for (struct sl__link *at = ls->all.next; at != &ls->all; at = at->next) {
        struct sl__listener *l = SL__OWNER(at, struct sl__listener, link);

        if (l->ours)
            sl__door_shut(l->fd);
    }
}

void sl__listeners_close(struct sl__listeners *ls,
                         void (*closing)(struct sl__listener *l, void *self), void *self)
{
    while (!sl__list_empty(&ls->all)) {
        struct sl__listener *l = SL__OWNER(ls->all.next, struct sl__listener, link);

        closing(l, self);
        close_listener(l);
    }
}

static void archive_listener(struct sl__listener *l, struct sl__archive *a)
{
    sl__archive_bytes(a, &l->endpoint, sizeof l->endpoint);
    sl__archive_fd(a, &l->fd);
    sl__archive_bool(a, &l->ours);
    sl__archive_bool(a, &l->lent);
    sl__archive_bool(a, &l->good);
    sl__archive_bool(a, &l->candidate);
    sl__archive_bytes(a, &l->device, sizeof l->device);
    sl__archive_bytes(a, &l->inode, sizeof l->inode);
}

void sl__listeners_archive(struct sl__listeners *ls, struct sl__archive *a)
{
    size_t count = 0;

    sl__archive_mark(a, "LIST");
    for (struct sl__link *at = ls->all.next; at != &ls->all; at = at->next)
        count++;
    sl__archive_size(a, &count, SIZE_MAX);
    if (!a->reading)
        for (struct sl__link *at = ls->all.next; at != &ls->all; at = at->next)
            archive_listener(SL__OWNER(at, struct sl__listener, link), a);
    for (; a->reading && count > 0 && a->error == 0; count--) {
        struct sl__listener *l = sl__alloc_zeroed(sizeof *l);

        archive_listener(l, a);
        sl__list_append(&ls->all, &l->link);
    }
}
