/*
 * Waiting. Every handler runs on a fiber of its own: what waits suspends that fiber, and the worker
 * serves others meanwhile.
 *
 * When the client goes away the request's fiber is cancelled: every call that waits returns
 * -ECANCELED, until the handler has returned by itself. Cleanup that must wait nevertheless runs
 * under sl_shield().
 */
#ifndef SHALLOT_FIBER_H
#define SHALLOT_FIBER_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** Waits @p ms milliseconds; 0 gives way once. 0 or -ECANCELED. */
SL_SUSPENDS SL_API int sl_sleep(unsigned ms);

/**
 * Waits until a descriptor is ready. The descriptor must be non-blocking and stays the caller's.
 *
 * @param events      POLLIN, POLLOUT or both (poll(2))
 * @param timeout_ms  -1: for ever
 * @return            the ready events, always > 0; -ETIMEDOUT; -ECANCELED; -EBUSY if another fiber
 * waits for the same descriptor
 */
SL_SUSPENDS SL_API int sl_wait_fd(int fd, int events, int timeout_ms);

/**
 * Runs a blocking call on a small pool of threads and waits for it. @p fn must not call Shallot
 * (but for counters and maps).
 *
 * @return what @p fn returned; -ECANCELED if cancelled before it began (once begun it is always
 * waited for, so @p arg may be on the caller's stack); -ENOMEM
 */
SL_SUSPENDS SL_API int sl_offload(int (*fn)(void *arg), void *arg);

/** A fiber started by sl_spawn(). */
typedef struct sl_task sl_task;

/**
 * Starts @p fn on a fiber of its own that lives no longer than the request: when the handler's
 * onion has unwound it is cancelled and waited for. @return the task, valid until the request ends;
 * NULL when out of memory or over limits.fibers
 */
SL_API sl_task *sl_spawn_in_request(sl_ctx *c, int (*fn)(void *arg), void *arg);

/** The same, living as long as the worker: cancelled when it has drained. The task is valid until
 * joined, or until it ends after sl_detach(). */
SL_API sl_task *sl_spawn_in_app(sl_app *app, int (*fn)(void *arg), void *arg);

/** Waits for a task to end. @return what its function returned; -ECANCELED if the caller was
 * cancelled first. Once per task. */
SL_SUSPENDS SL_API int sl_join(sl_task *task);

/** Says that nobody will join the task: it is freed when it ends. */
SL_API void sl_detach(sl_task *task);

/** Cancels a task: its calls that wait return -ECANCELED. */
SL_API void sl_cancel(sl_task *task);

/**
 * Runs @p fn for at most @p ms milliseconds: after that, calls that wait return -ECANCELED until it
 * has returned. What comes after waits as before. Calls may be nested, each with its own time; one
 * inside sl_shield() holds inside it too. Fibers that @p fn has started with sl_spawn() have all
 * the time they want.
 *
 * @return what @p fn returned; -ETIMEDOUT, whatever it returned, if the time was over before it did
 * (which only calls that wait find out); of a fiber that is cancelled for another reason, what @p
 * fn returned
 */
SL_SUSPENDS SL_API int sl_within(unsigned ms, int (*fn)(void *arg), void *arg);

/** Runs @p fn with cancellation put off: for cleanup that must wait although the client is gone.
 * @return what @p fn returned */
SL_SUSPENDS SL_API int sl_shield(int (*fn)(void *arg), void *arg);

SL_END_DECLS

#ifndef __cplusplus
/** sl_spawn(c, fn, arg) for the request's lifetime, sl_spawn(app, fn, arg) for the worker's. */
#define sl_spawn(owner, fn, arg)                                                                   \
    _Generic((owner), sl_ctx * : sl_spawn_in_request, sl_app * : sl_spawn_in_app)(owner, fn, arg)
#else
inline sl_task *sl_spawn(sl_ctx *c, int (*fn)(void *), void *arg)
{
    return sl_spawn_in_request(c, fn, arg);
}
inline sl_task *sl_spawn(sl_app *app, int (*fn)(void *), void *arg)
{
    return sl_spawn_in_app(app, fn, arg);
}
#endif

#endif
