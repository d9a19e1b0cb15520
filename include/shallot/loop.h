/*
 * Driving somebody else's library in a worker's loop: callbacks for descriptors and timers, and a
 * waiter on which a fiber waits until a callback wakes it.
 *
 * A library made for event loops (libcurl, hiredis, libpq, c-ares, ...) says which descriptors and
 * times it waits for; watches and timers tell it when they have come. Callbacks run in the loop,
 * not on a fiber: they must neither wait nor block, and nobody else runs meanwhile. What waits in a
 * handler is built from a waiter:
 *
 *     struct query { sl_waiter waiter; bool done; };
 *
 *     q.done = false;
 *     sl_waiter_init(&q.waiter);
 *     begin(library, &q);                                 // its callback: q->done = true, then
 *     while (!q.done && r == 0)                           // sl_waiter_wake(&q->waiter)
 *         r = sl_waiter_wait(&q.waiter, 1000);
 *
 * Everything here belongs to the thread of the worker that made it: in main() there is no loop yet.
 * Begin in sl_on_start(), or when a handler first needs it, and end in sl_on_end().
 */
#ifndef SHALLOT_LOOP_H
#define SHALLOT_LOOP_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** A descriptor whose events are told to a callback. */
typedef struct sl_watch sl_watch;

/**
 * Watches a descriptor. It must be non-blocking and stays the caller's. Events are told as long as
 * they last, so the callback has to read or write, or ask for others.
 *
 * @param events  POLLIN, POLLOUT, both or 0 (poll(2))
 * @param fn      gets the events that are there; POLLERR and POLLHUP come unasked. May free the
 * watch, this one or another, which then is told no more
 * @return        the caller's, to be freed before the descriptor is closed; NULL when out of
 * memory, outside a worker, for a descriptor that is watched already or cannot be (a regular file)
 */
SL_API sl_watch *sl_watch_new(int fd, int events, void (*fn)(sl_watch *w, int events, void *arg),
                              void *arg);

/** Asks for other events. 0, or a negative errno; then it stays as it was. */
SL_API int sl_watch_set(sl_watch *w, int events);

/** Ends the watch. NULL is fine. */
SL_API void sl_watch_free(sl_watch *w);

/** A call at a time to come. */
typedef struct sl_timer sl_timer;

/**
 * A timer that is not running yet.
 *
 * @param fn  called once for each start, never from within sl_timer_start(). May start or free the
 * timer
 * @return    the caller's; NULL when out of memory or outside a worker
 */
SL_API sl_timer *sl_timer_new(void (*fn)(sl_timer *t, void *arg), void *arg);

/** Starts it, or moves it: it fires in @p ms milliseconds, at 0 in the next tick of the loop. */
SL_API void sl_timer_start(sl_timer *t, unsigned ms);

/** Stops it; not running is fine. */
SL_API void sl_timer_stop(sl_timer *t);

/** Stops and frees it. NULL is fine. */
SL_API void sl_timer_free(sl_timer *t);

/** Where one fiber waits. The caller's storage; zeroed memory is as good as sl_waiter_init(). */
typedef struct sl_waiter {
    void *fiber_; /* who waits; NULL: nobody */
    int woken_;   /* a wake that nobody has had yet */
} sl_waiter;

/** Makes it one for which nobody waits. */
SL_API void sl_waiter_init(sl_waiter *w);

/**
 * Waits until somebody wakes the waiter, or takes a wake that came before: none is lost, and a
 * hundred at once are one. Waking says that something may have changed, so wait in a loop around
 * the condition itself.
 *
 * @param timeout_ms  -1: for ever
 * @return            0; -ETIMEDOUT; -ECANCELED; -EBUSY if another fiber waits here; -EDEADLK
 * outside a fiber. A wake that comes together with one of these is kept for the next wait
 */
SL_SUSPENDS SL_API int sl_waiter_wait(sl_waiter *w, int timeout_ms);

/** Wakes who waits, or the next who will. From a callback or a fiber of the same worker; not from
 * other threads. */
SL_API void sl_waiter_wake(sl_waiter *w);

/**
 * Calls @p fn once when the worker's loop has ended: no fiber lives any more, so nothing can wait
 * and nobody uses what is freed here. May be called at any time, also while serving; last
 * registered, first called.
 *
 * @return 0; -ENOMEM
 */
SL_API int sl_on_end(sl_app *app, void (*fn)(sl_app *app, void *self), void *self);

SL_END_DECLS

#endif
