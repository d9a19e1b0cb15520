/*
 * Messages between the workers, and the state that joining workers receive.
 *
 * A message goes worker -> master -> workers. Order is kept per sender; a worker receives each
 * message at most once, and exactly once while it lives and stays within its queue
 * (limits.queue_bytes). A worker that did not is told how many it missed.
 *
 * A request goes to one worker and brings back one reply, or an error by its deadline.
 */
#ifndef SHALLOT_MESSAGE_H
#define SHALLOT_MESSAGE_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** A message, as it comes. */
typedef struct sl_message {
    const char *topic;
    const void *data; /**< @c len bytes, aligned to 8; valid until the callback returns */
    size_t len;
    int from;                  /**< id of the sending worker; 0: the master */
    struct sl__answer *answer; /**< the library's: what sl_reply() replies to, else NULL */
} sl_message;

/** Takes a message. Whether it may wait, the function it is given to says. */
typedef void sl_message_fn(sl_app *app, const sl_message *m, void *self);

/** Calls @p fn in every worker for each message of @p topic, on a fiber, one message after the
 * other. "*" is every topic. 0 or -ENOMEM. */
SL_API int sl_on_message(sl_app *app, const char *topic, sl_message_fn *fn, void *self);

/** The same in the master, for what workers send to all, to others or to the master. The callback
 * must not block, and changes only at an upgrade of the master. */
SL_API int sl_on_master_message(sl_app *app, const char *topic, sl_message_fn *fn, void *self);

/**
 * Sends to all workers, the sender included. From a worker or, in master callbacks, from the
 * master.
 *
 * @param topic  1 to 255 bytes; copied, as is the data
 * @return       0 when queued (delivery is as said above); -EMSGSIZE over limits.message_bytes;
 * -EINVAL for a bad topic; -ECANCELED; -EAGAIN when the channel is full and there is no fiber to
 * suspend; -EPIPE when the master is gone
 */
SL_SUSPENDS SL_API int sl_send(sl_app *app, const char *topic, const void *data, size_t len);

/** Sends to all workers but the sender. @return as sl_send() */
SL_SUSPENDS SL_API int sl_send_others(sl_app *app, const char *topic, const void *data, size_t len);

/** Sends to one worker; one that does not live is silently nobody. @return as sl_send() */
SL_SUSPENDS SL_API int sl_send_worker(sl_app *app, int worker_id, const char *topic,
                                      const void *data, size_t len);

/** Sends to the master's sl_on_master_message() callbacks only. @return as sl_send() */
SL_SUSPENDS SL_API int sl_send_master(sl_app *app, const char *topic, const void *data, size_t len);

/** Sends to all and keeps it as the topic's last value: a worker that joins later receives it
 * before anything newer, and before it serves. All topics together are kept up to
 * limits.queue_bytes; over that the values set longest ago are forgotten, and the log says so.
 * @return as sl_send() */
SL_SUSPENDS SL_API int sl_send_retained(sl_app *app, const char *topic, const void *data,
                                        size_t len);

/** In sl_request(): whichever worker the master chooses, in turn among those that keep up; the
 * caller itself only if there is no other. */
#define SL_ANY_WORKER (-1)

/**
 * Asks one worker, and waits for its reply. A request takes its place among the messages: the
 * worker has handled by then what was sent before it.
 *
 * @param worker_id   whom; the caller's own id is fine; or SL_ANY_WORKER
 * @param timeout_ms  the deadline, from now; above 0. A reply that comes later is dropped
 * @param ret_data    receives a copy of the reply with a NUL behind it, the caller's to free(3);
 * NULL: not wanted. Untouched on failure
 * @param ret_len     receives its length; NULL: not wanted
 * @return            0; -ETIMEDOUT; -ESRCH if there is no such worker; -ENOENT if it answers no
 * such requests; -ECONNRESET if it died, at once; -EAGAIN if it cannot take one now; -ENOBUFS if
 * this worker had no room for the reply; the callback's own error; -ECANCELED; -EINVAL, -EMSGSIZE
 * and -EPIPE as sl_send(); -EDEADLK outside a fiber, or when a message callback asks its own worker
 * (which is busy with it); -EPERM in the master, which never waits
 */
SL_SUSPENDS SL_API int sl_request(sl_app *app, int worker_id, const char *topic, const void *data,
                                  size_t len, unsigned timeout_ms, void **ret_data,
                                  size_t *ret_len);

/**
 * Answers a request with sl_reply(). A negative return without a reply is the asker's error, 0
 * without one an empty reply.
 */
typedef int sl_request_fn(sl_app *app, const sl_message *m, void *self);

/**
 * Answers the requests of @p topic in every worker. Each runs on a fiber of its own, so one that
 * waits holds up neither other requests nor messages.
 *
 * @return 0, -ENOMEM, -EINVAL for a bad topic ("*" is one as any other), -EEXIST
 */
SL_API int sl_on_request(sl_app *app, const char *topic, sl_request_fn *fn, void *self);

/**
 * Replies, once, before the callback of sl_on_request() returns.
 *
 * @return 0, also when the asker no longer waits; -EINVAL if @p m is no request; -EALREADY;
 * -EMSGSIZE; -EPIPE; -ECANCELED
 */
SL_SUSPENDS SL_API int sl_reply(const sl_message *m, const void *data, size_t len);

/** Called in a worker whose queue overflowed, with the number of messages it missed, before the
 * next message, on the fiber of the messages, which wait for it. The shared state is brought up to
 * date by itself. 0; -EINVAL; -ENOMEM. */
SL_API int sl_on_gap(sl_app *app, void (*fn)(sl_app *app, uint64_t missed, void *self), void *self);

/**
 * Plain memory that a joining worker receives from a living one, at one position in the stream of
 * messages, before every message after that. State whose name or size changed with the code begins
 * afresh, and the log says so.
 *
 * @param name  1 to 255 bytes, copied
 * @param ptr   the app's memory, changed only in sl_on_message() callbacks if it is to stay equal
 * everywhere
 * @return      0; -EINVAL for a bad name; -EEXIST; -ENOMEM
 */
SL_API int sl_share(sl_app *app, const char *name, void *ptr, size_t size);

/** What a give callback writes to. */
typedef struct sl_snapshot sl_snapshot;

/** Appends bytes to a snapshot. 0 or -ENOMEM. */
SL_API int sl_snapshot_write(sl_snapshot *s, const void *bytes, size_t len);

/**
 * State that is not plain memory: @p give writes it in a living worker, @p take reads it in a
 * joining one. Both run on a fiber. A negative return of give leaves the state out; one of take
 * ends the joining worker.
 */
SL_API int sl_on_join(sl_app *app, int (*give)(sl_app *app, sl_snapshot *s, void *self),
                      int (*take)(sl_app *app, const void *data, size_t len, void *self),
                      void *self);

/**
 * Runs @p fn (on a fiber) in one worker only of all there are and will be; granted again if that
 * worker dies or fails before it is done. When it is done every worker, a later one too, receives a
 * message with the topic @p name.
 *
 * @return 0; -EINVAL for a bad name; -EEXIST; -ENOMEM
 */
SL_API int sl_once(sl_app *app, const char *name, int (*fn)(sl_app *app));

SL_END_DECLS

#endif
