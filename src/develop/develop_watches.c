/*
 * Descriptors that the tool wants to hear of while sl_develop() has the loop: its terminal, the
 * output of the program, its own signals.
 *
 * Comes from the public functions of develop.c; leaves as the tool's callbacks, which may remove
 * any of them, the one that called included.
 */
#include <sys/epoll.h>

#include "base/mem.h"
#include "develop/develop.h"

struct tools_watch {
    struct sl__watch watch;
    struct sl__link link;
    void (*ready)(void *self, int fd);
    void *self;
    bool over;
};

static void free_those_over(struct sl__develop_watches *ws)
{
    struct sl__link *next;

    for (struct sl__link *at = ws->all.next; at != &ws->all; at = next) {
        struct tools_watch *w = SL__OWNER(at, struct tools_watch, link);

        next = at->next;
        if (!w->over)
            continue;
        sl__list_remove(at);
        sl__free(w);
    }
}

static void sweep(struct sl__task *t)
{
    free_those_over(SL__OWNER(t, struct sl__develop_watches, sweep));
}

static void ready(struct sl__watch *watch, uint32_t events)
{
    struct tools_watch *w = SL__OWNER(watch, struct tools_watch, watch);

    w->ready(w->self, watch->fd);
}

void sl__develop_watches_init(struct sl__develop_watches *ws, struct sl__loop *l)
{
    *ws = (struct sl__develop_watches){.loop = l, .sweep.run = sweep};
    sl__list_init(&ws->all);
}

int sl__develop_watches_add(struct sl__develop_watches *ws, int fd,
                            void (*ready_fn)(void *self, int fd), void *self)
{
    struct tools_watch *w = sl__alloc_zeroed(sizeof *w);
    int r;

    w->watch = (struct sl__watch){.fd = fd, .events = EPOLLIN, .ready = ready};
    w->ready = ready_fn;
    w->self = self;
    r = sl__loop_add(ws->loop, &w->watch);
    if (r < 0)
        sl__free(w);
    else
        sl__list_append(&ws->all, &w->link);
    return r;
}

void sl__develop_watches_remove(struct sl__develop_watches *ws, int fd)
{
    for (struct sl__link *at = ws->all.next; at != &ws->all; at = at->next) {
        struct tools_watch *w = SL__OWNER(at, struct tools_watch, link);

        if (w->watch.fd != fd || w->over)
            continue;
        sl__loop_remove(ws->loop, &w->watch);
        w->over = true;
        sl__loop_defer(ws->loop, &ws->sweep);
    }
}

void sl__develop_watches_finish(struct sl__develop_watches *ws)
{
    for (struct sl__link *at = ws->all.next; at != &ws->all; at = at->next) {
        struct tools_watch *w = SL__OWNER(at, struct tools_watch, link);

        if (!w->over)
            sl__loop_remove(ws->loop, &w->watch);
        w->over = true;
    }
    free_those_over(ws);
}
