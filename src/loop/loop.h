/*
 * The event loop: one epoll, one heap of timers, one list of things to do at the end of the tick.
 * One loop per thread, and a worker has one thread (the offload pool never touches it).
 *
 * A tick: epoll_wait, read the clock once, run due timers, run ready watches, run tasks until none
 * is left. Callbacks never wait.
 */
#ifndef SL__LOOP_LOOP_H
#define SL__LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cold.h"
#include "base/list.h"

struct sl__loop;

/** A descriptor of interest. The caller owns it and the descriptor, and keeps it in place while
 * added. */
struct sl__watch {
    int fd;
    uint32_t events; /* as added: EPOLLIN, EPOLLOUT, EPOLLET, EPOLLRDHUP, EPOLLEXCLUSIVE; EPOLLERR
                        and EPOLLHUP always come */
    void (*ready)(struct sl__watch *w, uint32_t events);
};

/** A one-shot timer. Zeroed memory is a stopped timer; the caller owns it. */
struct sl__timer {
    int64_t at;   /* monotonic nanoseconds */
    size_t index; /* place in the heap + 1; 0: stopped */
    void (*fire)(struct sl__timer *t);
};

/** Something to do at the end of this tick. Zeroed link: not queued. */
struct sl__task {
    struct sl__link link;
    void (*run)(struct sl__task *t);
};

struct sl__loop {
    int epfd;
    bool stopping;
    int64_t now; /* monotonic nanoseconds, read once per tick after epoll_wait */
    struct {
        struct sl__timer **items;
        size_t count, size;
    } timers;
    struct sl__link tasks;
    int64_t due;  /* timers up to here have fired or are firing in this tick */
    bool firing;  /* in the timers' part of a tick */
    bool put_off; /* in it a timer was started for a time already past */
    void *events; /* of the batch in hand, so that a deleted watch is not called */
    int event_at, event_count;
    struct {
        void (*before)(void *self); /* before going to sleep, may be NULL */
        void (*after)(void *self);  /* right after waking, may be NULL */
        void *self;
    } tick; /* the scoreboard's "ticking" mark */
};

int sl__loop_init(struct sl__loop *l);
void sl__loop_finish(struct sl__loop *l);

/** Runs until sl__loop_stop() (the tick in hand is finished); stopped before
 * it began it returns at once. 0 or a negative errno from epoll_wait. */
int sl__loop_run(struct sl__loop *l);
/** One tick; waits at most @p timeout_ms (-1: until something happens). */
int sl__loop_once(struct sl__loop *l, int timeout_ms);
void sl__loop_stop(struct sl__loop *l);

/** 0 or a negative errno of epoll_ctl(2). */
int sl__loop_add(struct sl__loop *l, struct sl__watch *w);
/** Asks for other events; those of this tick that were asked for no longer are not delivered. Costs
 * nothing when there is no change (with EPOLLET it always re-arms). Not with EPOLLEXCLUSIVE: remove
 * and add. 0 or a negative errno; on failure the watch stays as it was. */
SL__APART int sl__loop_modify(struct sl__loop *l, struct sl__watch *w, uint32_t events);
/** Also forgets an event of this tick that was not delivered yet. The descriptor must still be
 * open. */
void sl__loop_remove(struct sl__loop *l, struct sl__watch *w);

/** Starts, or moves a running timer, to @p at. A time that has passed fires in the next tick (@c at
 * may then be moved up a little). Never fails: a timer takes one pointer. */
void sl__timer_start(struct sl__loop *l, struct sl__timer *t, int64_t at);
void sl__timer_stop(struct sl__loop *l, struct sl__timer *t);

static inline bool sl__timer_running(const struct sl__timer *t)
{
    return t->index != 0;
}

/** Queues a task for the end of this tick; does nothing if it is queued already. A task queued by a
 * task runs in the same tick. */
static inline void sl__loop_defer(struct sl__loop *l, struct sl__task *t)
{
    if (!sl__link_used(&t->link))
        sl__list_append(&l->tasks, &t->link);
}

#endif
