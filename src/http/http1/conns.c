/*
 * What all connections of a worker share: the pools their memory comes from, the list of them, and
 * the time of day in words.
 *
 * The server comes in with a new socket, which leaves as a connection that lives in conn.c; a dead
 * connection comes back here to be buried, from its own task.
 */
#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "http/http1/conn.h"

#define SPARE_CONNS 256

static struct sl__conn *conn_take(struct sl__conns *home)
{
    struct sl__conn *c = home->spare.conns;

    if (!c)
        return sl__try_alloc(sizeof(*c));
    home->spare.conns = (struct sl__conn *)(void *)c->link.next;
    home->spare.conn_count--;
    return c;
}

void sl__conns_bury(struct sl__conn *c)
{
    struct sl__conns *home = c->home;

    sl__list_remove(&c->link);
    if (home->spare.conn_count >= SPARE_CONNS) {
        sl__free(c);
        return;
    }
    c->link.next = (struct sl__link *)(void *)home->spare.conns;
    home->spare.conns = c;
    home->spare.conn_count++;
}

void sl__conns_init(struct sl__conns *home, struct sl__loop *l, struct sl__service *service,
                    const struct sl_limits *limits)
{
    *home = (struct sl__conns){.loop = l, .service = service, .limits = *limits, .date_second = -1};
    sl__conns_set_date(home);
    sl__list_init(&home->all);
    sl__list_init(&home->dead);
    sl__detached_start(home);
}

void sl__conns_finish(struct sl__conns *home)
{
    struct sl__link *link;
    struct sl__conn *c;

    if (!home->loop)
        return;
    while (!sl__list_empty(&home->all))
        sl__conn_close(SL__OWNER(home->all.next, struct sl__conn, link));
    sl__detached_stop(home);
    while ((link = sl__list_take(&home->dead))) {
        c = SL__OWNER(link, struct sl__conn, link);
        sl__list_remove(&c->task.link);
        sl__free(c);
    }
    while ((c = home->spare.conns)) {
        home->spare.conns = (struct sl__conn *)(void *)c->link.next;
        sl__free(c);
    }
    sl__blocks_finish(home);
    sl__outs_finish(home);
    sl__turns_finish(home);
    sl__arena_pool_finish(&home->arenas);
    home->loop = NULL;
}

void sl__conns_set_date(struct sl__conns *home)
{
    int64_t second = sl__sys_wall();

    home->date_at = home->loop->now;
    if (second != home->date_second) {
        home->date_second = second;
        sl__http1_date_set(&home->date, second);
    }
}

int sl__conn_open(struct sl__conns *home, int fd, unsigned listener)
{
    struct sl__conn *c = conn_take(home);
    int r = -ENOMEM;

    if (!c)
        goto fail;
    sl__conn_start(c, home, fd, listener);
    r = sl__loop_add(home->loop, &c->watch);
    if (r < 0)
        goto fail;
    sl__list_append(&home->all, &c->link);
    home->count++;
    sl__conn_settle(c);
    return 0;
fail:
    sl__free(c);
    close(fd);
    return r;
}
