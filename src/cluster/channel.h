/*
 * One end of the channel between master and worker: a non-blocking SOCK_SEQPACKET socket. Frames
 * handed in during one tick of the loop leave in batches at its end; what the socket does not take
 * waits, in order.
 */
#ifndef SL__CLUSTER_CHANNEL_H
#define SL__CLUSTER_CHANNEL_H

#include "cluster/frame.h"
#include "loop/loop.h"

struct sl__channel;

struct sl__channel_events {
    /** A frame came. frame->fd is the callee's if >= 0 (SL__FRAME_HAS_FD). */
    void (*frame)(void *self, struct sl__frame *frame);
    /** The other end is gone; after all frames that had arrived. The callee may free the channel.
     */
    void (*closed)(void *self);
    /** Queued octets fell below half of the limit again. May be NULL. */
    void (*writable)(void *self);
    void *self;
};

/** Owns @p fd. NULL when out of memory. */
struct sl__channel *sl__channel_new(struct sl__loop *l, int fd, size_t queue_limit,
                                    const struct sl__channel_events *events);
/** Closes, dropping what waits. NULL is fine. Safe inside its own callbacks. */
void sl__channel_free(struct sl__channel *c);

/**
 * Queues a frame. A body over SL__INLINE_MAX goes into a sealed memfd, whose octets count against
 * the limit.
 *
 * @param fd  a descriptor to travel with it, owned by the channel from here on whatever is
 * returned; -1
 * @return    0; -EAGAIN over the limit (nothing is queued); -ENOMEM; -EPIPE
 */
int sl__channel_send(struct sl__channel *c, const struct sl__frame_head *head, const char *topic,
                     const void *body, int fd);

/**
 * As sl__channel_send(), for a body that lies in a sealed memfd already (relayed): duplicates @p
 * body_fd.
 */
int sl__channel_send_memfd(struct sl__channel *c, const struct sl__frame_head *head,
                           const char *topic, int body_fd);

/** Octets that wait, memfds included. */
size_t sl__channel_queued(const struct sl__channel *c);
/** Sends what it can now rather than at the end of the tick. 0 when nothing is left waiting,
 * -EAGAIN, -EPIPE. */
int sl__channel_flush(struct sl__channel *c);

/** Creates a pair; both ends non-blocking and close-on-exec. */
int sl__channel_pair(int ret[2]);

#endif
