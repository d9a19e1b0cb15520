/*
 * The only meeting point of loop and fiber: waiting for time, descriptors and threads, each a loop
 * around sl__fiber_wait().
 */
#ifndef SL__FIBER_WAIT_H
#define SL__FIBER_WAIT_H

#include <stdint.h>

/** 0 or -ECANCELED. ns <= 0 gives way for one tick. */
int sl__wait_time(int64_t ns);
/** Ready poll(2) events (> 0), -ETIMEDOUT, -ECANCELED, -EBUSY. */
int sl__wait_fd(int fd, int poll_events, int64_t deadline);
/** See sl_offload(). */
int sl__wait_offload(int (*fn)(void *arg), void *arg);

#endif
