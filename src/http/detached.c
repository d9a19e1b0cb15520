/*
 * The queue of a detached answer, and its end.
 *
 * Owners come in with pieces, from wherever they are; a protocol takes them out in the loop. Many
 * queues may hold one piece: what is said to ten thousand clients is in memory once.
 */
#include "http/detached.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"

struct sl__piece *sl__piece_new(size_t len)
{
    struct sl__piece *p;

    assert(len > 0);
    p = len < SIZE_MAX - sizeof *p ? sl__try_alloc(sizeof *p + len) : NULL;
    if (p) {
        p->len = len;
        p->refs = 1;
    }
    return p;
}

void sl__piece_unref(struct sl__piece *p)
{
    if (p && --p->refs == 0)
        sl__free(p);
}

void sl__detached_init(struct sl__detached *d, const struct sl__detached_events *events)
{
    *d = (struct sl__detached){.events = events};
    d->last = &d->first;
}

static void poke(struct sl__detached *d)
{
    if (d->ops)
        d->ops->poke(d);
}

int sl__detached_push(struct sl__detached *d, struct sl__piece *p)
{
    struct sl__queued *q;

    if (d->over || d->ending || d->cut)
        return -EPIPE;
    q = sl__try_alloc(sizeof *q);
    if (!q)
        return -ENOMEM;
    p->refs++;
    *q = (struct sl__queued){NULL, p};
    *d->last = q;
    d->last = &q->next;
    d->queued += p->len + SL__PIECE_COST;
    poke(d);
    return 0;
}

void sl__detached_end(struct sl__detached *d, int why)
{
    if (d->over || d->ending || d->cut)
        return;
    d->ending = true;
    d->why = why;
    poke(d);
}

void sl__detached_cut(struct sl__detached *d, int why)
{
    if (d->over || d->cut)
        return;
    d->cut = true;
    d->why = why;
    poke(d);
}

int sl__detached_on_over(struct sl__detached *d, void (*fn)(uint64_t octets, int why, void *self),
                         void *self)
{
    struct sl__detached_hook *h;

    if (d->over)
        return -EPIPE;
    h = sl__try_alloc(sizeof *h);
    if (!h)
        return -ENOMEM;
    *h = (struct sl__detached_hook){d->hooks, fn, self};
    d->hooks = h;
    return 0;
}

void sl__detached_pop(struct sl__detached *d)
{
    struct sl__queued *q = d->first;

    d->first = q->next;
    if (!d->first)
        d->last = &d->first;
    d->queued -= q->piece->len + SL__PIECE_COST;
    sl__piece_unref(q->piece);
    sl__free(q);
}

void sl__detached_over(struct sl__detached *d, int why)
{
    if (d->over)
        return;
    d->over = true;
    d->ops = NULL;
    d->conn = NULL;
    sl__list_remove(&d->link);
    while (d->first)
        sl__detached_pop(d);
    if (d->ending || d->cut || d->why)
        why = d->why;
    while (d->hooks) {
        struct sl__detached_hook *h = d->hooks;

        d->hooks = h->next;
        h->fn(d->octets, why, h->self);
        sl__free(h);
    }
    d->events->over(d, why);
}
