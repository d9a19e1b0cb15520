/*
 * The control socket on its way through an exec of the master: who has asked for the upgrade is
 * waiting for its outcome, and the path leads to the same socket all the time.
 *
 * Comes from master_upgrade.c. Reading does not touch a descriptor; sl__control_resume() does.
 */
#include "cluster/control.h"

#include "cluster/master_state.h"

#include <errno.h>
#include <sys/epoll.h>

#define OUT_MAX ((size_t)2 << 20)

static void archive_text(struct sl__archive *a, struct sl__buf *b)
{
    size_t len = sl__buf_len(b);

    sl__archive_size(a, &len, OUT_MAX);
    if (a->reading) {
        if (a->error != 0 || sl__buf_reserve(b, len) < 0) {
            a->error = a->error ? a->error : -ENOMEM;
            return;
        }
        b->end += len;
    }
    if (len > 0)
        sl__archive_bytes(a, b->data + b->at, len);
}

static void archive_client(struct sl__archive *a, struct sl__control_client *c)
{
    uint32_t wait = c->wait;

    sl__archive_u32(a, &wait);
    sl__archive_u32(a, &c->wait_id);
    sl__archive_bool(a, &c->ended);
    sl__archive_size(a, &c->in_len, sizeof c->in);
    sl__archive_bytes(a, c->in, c->in_len);
    sl__archive_i64(a, &c->seen);
    archive_text(a, &c->out);
    c->wait = (enum sl__control_wait)wait;
}

static void read_client(struct sl__master *m, struct sl__archive *a)
{
    struct sl__control_client *c;
    int fd = -1;

    sl__archive_fd(a, &fd);
    if (a->error != 0)
        return;
    c = sl__control_add(m, fd);
    if (c)
        archive_client(a, c);
    else
        a->error = -ENOMEM;
}

void sl__control_archive(struct sl__master *m, struct sl__archive *a)
{
    struct sl__control *k = &m->control;
    size_t count = k->count;

    sl__archive_mark(a, "CTRL");
    sl__archive_fd(a, &k->watch.fd);
    sl__archive_text(a, k->path, sizeof k->path);
    sl__archive_bytes(a, &k->inode, sizeof k->inode);
    sl__archive_u32(a, &k->last_question);
    sl__archive_size(a, &count, SIZE_MAX);
    if (!a->reading)
        for (struct sl__link *at = k->clients.next; at != &k->clients; at = at->next) {
            struct sl__control_client *c = SL__OWNER(at, struct sl__control_client, link);

            sl__archive_fd(a, &c->watch.fd);
            archive_client(a, c);
        }
    for (; a->reading && count > 0 && a->error == 0; count--)
        read_client(m, a);
}

/* A question has been asked of a worker whose answer comes to us; the time for it begins anew. */
static void resume_client(struct sl__control_client *c)
{
    if (c->wait == SL__CONTROL_ROUTES || c->wait == SL__CONTROL_OTHER)
        sl__control_fail(c, "the master has become another program meanwhile: ask again");
    sl__loop_defer(&c->master->loop, &c->task);
}

int sl__control_resume(struct sl__master *m)
{
    struct sl__control *k = &m->control;
    int r = k->watch.fd >= 0 ? sl__control_listen(m) : 0;

    for (struct sl__link *at = k->clients.next; at != &k->clients && r == 0; at = at->next) {
        struct sl__control_client *c = SL__OWNER(at, struct sl__control_client, link);

        r = sl__loop_add(&m->loop, &c->watch);
        if (r == 0)
            resume_client(c);
    }
    return r;
}
