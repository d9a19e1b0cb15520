/*
 * Fibers: stackful coroutines of one thread, run by the loop.
 *
 * A fiber runs until it waits or ends; only then does anybody else run. All waiting is
 * sl__fiber_wait() in a loop around the waiter's own condition, as with a condition variable: a
 * wake may be spurious.
 *
 *     while (!done) {
 *         r = sl__fiber_wait(deadline);
 *         if (r < 0)
 *             break;
 *     }
 *
 * The runtime is one per thread (thread-local), so that sl_sleep(ms) needs no argument.
 */
#ifndef SL__FIBER_FIBER_H
#define SL__FIBER_FIBER_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"

struct sl__fiber; /* freed (returned to the pool) when its function has returned */

#define SL__FOREVER INT64_MAX

/** Starts the runtime of this thread. @p max_live bounds fibers at once. 0 or a negative errno. */
int sl__fibers_init(struct sl__loop *l, unsigned max_live);
/** Frees pools and the offload threads. No fiber may live. */
void sl__fibers_finish(void);
/** Fibers that live now. */
unsigned sl__fibers_live(void);
struct sl__loop *sl__fibers_loop(void);

/**
 * Starts a fiber. From the loop it runs at once, until it first waits or ends; from a fiber it is
 * queued and runs in this tick.
 *
 * @param ret  receives the fiber, or NULL if it has ended already; may be NULL
 * @return     0; -ENOMEM; -EAGAIN over max_live. Nothing has run then
 */
int sl__fiber_start(struct sl__fiber **ret, void (*fn)(void *arg), void *arg);

/** The running fiber; NULL in the loop. */
struct sl__fiber *sl__fiber_current(void);

/**
 * Suspends the running fiber until sl__fiber_wake(), @p deadline (monotonic ns, SL__FOREVER: none)
 * or cancellation.
 *
 * @return 0 woken; -ETIMEDOUT; -ECANCELED (after giving way for one tick). Outside a fiber:
 * -EDEADLK
 */
int sl__fiber_wait(int64_t deadline);

/** Suspends the running fiber until the next tick, whatever happens meanwhile; a wake is
 * remembered. 0, -ECANCELED or -EDEADLK. */
int sl__fiber_give_way(void);

/** Lets a waiting fiber run again in this tick; a fiber that does not wait remembers one wake. Not
 * from other threads. */
void sl__fiber_wake(struct sl__fiber *f);

/** From now on every wait returns -ECANCELED, unless shielded. */
void sl__fiber_cancel(struct sl__fiber *f);
/** True for the running fiber once cancelled and not shielded. */
bool sl__fiber_cancelled(void);
/** Nested counter: while above 0 the running fiber's waits are not cancelled. */
void sl__fiber_shield(bool on);

/** A name for reports (static storage), for example the route; and a pointer for whoever made the
 * fiber. */
void sl__fiber_set_label(struct sl__fiber *f, const char *label);
const char *sl__fiber_label(const struct sl__fiber *f);
void sl__fiber_set_user(struct sl__fiber *f, void *user);
void *sl__fiber_user(struct sl__fiber *f);

/** When not NULL: called once, on the fiber, when its waits have returned -ECANCELED a hundred
 * times. */
extern void (*sl__fiber_on_stubborn)(struct sl__fiber *f, const char *label);

/** Whose work the calling thread does: the running fiber, or the one that waits for the job of this
 * offload thread; for a task of a request the request's fiber. NULL: nobody's. Async-signal-safe.
 */
struct sl__fiber *sl__fiber_blamed(void);

/** Whether @p address lies in the guard of a live fiber of this thread, and its label (may be
 * NULL). Async-signal-safe. */
bool sl__fiber_is_overflow(const void *address, const char **ret_label);

/**
 * Makes SIGSEGV and SIGBUS of a stack overflow say `stack overflow in handler of LABEL` on standard
 * error before the process dies by the signal, or goes on to the earlier handler. Also gives the
 * calling thread an alternate signal stack, if it has none.
 *
 * @return 0 or a negative errno
 */
int sl__fiber_install_overflow_handler(void);

#endif
