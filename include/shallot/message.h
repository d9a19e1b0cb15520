/*
 * Messages between the workers, and the state that joining workers receive.
 *
 * A message goes worker -> master -> workers. Order is kept per sender; a worker receives each
 * message at most once, and exactly once while it lives and stays within its queue
 * (limits.queue_bytes). A worker that did not is told how many it missed.
 */
#ifndef SHALLOT_MESSAGE_H
#define SHALLOT_MESSAGE_H

#include <shallot/common.h>

SL_BEGIN_DECLS

typedef struct sl_message {
    const char *topic;
    const void *data; /**< @c len bytes, aligned to 8; valid until the callback returns */
    size_t len;
    int from; /**< id of the sending worker; 0: the master */
} sl_message;

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

/** Sends to all workers but the sender. */
SL_SUSPENDS SL_API int sl_send_others(sl_app *app, const char *topic, const void *data, size_t len);

/** Sends to one worker; one that does not live is silently nobody. */
SL_SUSPENDS SL_API int sl_send_worker(sl_app *app, int worker_id, const char *topic,
                                      const void *data, size_t len);

/** Sends to the master's sl_on_master_message() callbacks only. */
SL_SUSPENDS SL_API int sl_send_master(sl_app *app, const char *topic, const void *data, size_t len);

/** Sends to all and keeps it as the topic's last value: a worker that joins later receives it
 * before anything newer. */
SL_SUSPENDS SL_API int sl_send_retained(sl_app *app, const char *topic, const void *data,
                                        size_t len);

/** Called in a worker whose queue overflowed, with the number of messages it missed, before the
 * next message. The shared state is brought up to date by itself. */
SL_API int sl_on_gap(sl_app *app, void (*fn)(sl_app *app, uint64_t missed, void *self), void *self);

/**
 * Plain memory that a joining worker receives from a living one, at one position in the stream of
 * messages, before every message after that. State whose name or size changed with the code begins
 * afresh, and the log says so.
 *
 * @param name  1 to 255 bytes, copied
 * @param ptr   the app's memory, changed only in sl_on_message() callbacks if it is to stay equal
 * everywhere
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
 */
SL_API int sl_once(sl_app *app, const char *name, int (*fn)(sl_app *app));

SL_END_DECLS

#endif
