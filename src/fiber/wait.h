/*
 * The only meeting point of loop and fiber: waiting for time, descriptors and threads, each a loop
 * around sl__fiber_wait().
 */
#ifndef SL__FIBER_WAIT_H
#define SL__FIBER_WAIT_H

#include <poll.h>
#include <stdint.h>

/* What may be waited for: POLLERR and POLLHUP come unasked. */
#define SL__POLL_EVENTS (POLLIN | POLLPRI | POLLOUT | POLLRDHUP)

/** The time @p ns from now, as a deadline. */
int64_t sl__wait_until(int64_t ns);
/** Waits once: sl__fiber_wait(). As a wake wins over a deadline there, a fiber that somebody wakes
 * in every tick would never see the end of its time otherwise. */
int sl__wait_on(int64_t deadline);
/** 0 or -ECANCELED. ns <= 0 gives way for one tick. */
int sl__wait_time(int64_t ns);
/** Ready poll(2) events (> 0), -ETIMEDOUT, -ECANCELED, -EBUSY. */
int sl__wait_fd(int fd, int poll_events, int64_t deadline);
/** See sl_offload(). */
int sl__wait_offload(int (*fn)(void *arg), void *arg);

#endif
