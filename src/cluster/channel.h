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
    /** Queued octets fell to the low mark again (half of the limit), or went down there after a
     * refusal. May be NULL. */
    void (*writable)(void *self);
    void *self;
};

/** Owns @p fd. NULL when out of memory or when the loop refuses it. @p queue_limit SIZE_MAX: none.
 */
struct sl__channel *sl__channel_new(struct sl__loop *l, int fd, size_t queue_limit,
                                    const struct sl__channel_events *events);
/** Closes, dropping what waits. NULL is fine. Safe inside its own callbacks. */
void sl__channel_free(struct sl__channel *c);

/** The low mark at which `writable` is called. */
void sl__channel_set_low(struct sl__channel *c, size_t octets);

/**
 * Queues a frame. A frame over SL__INLINE_MAX has its body put into a sealed memfd, whose octets
 * count against the limit. size, topic_len and flags of @p head are filled in; body_len is the
 * caller's.
 *
 * @param fd  a descriptor to travel with it (not with a body that needs a memfd), owned by the
 * channel from here on whatever is returned; -1
 * @return    0; -EAGAIN over the limit (nothing is queued; an empty queue takes one frame of any
 * size, and only SEND, MESSAGE, REQUEST and REPLY are ever refused); -EMSGSIZE for a topic over
 * SL__TOPIC_MAX or a large body beside @p fd; -ENOMEM, -EMFILE and the like if there is no memfd to
 * be had; -EPIPE
 */
int sl__channel_send(struct sl__channel *c, const struct sl__frame_head *head, const char *topic,
                     const void *body, int fd);

/**
 * As sl__channel_send(), for a body that lies in a sealed memfd already (relayed): duplicates @p
 * body_fd.
 */
int sl__channel_send_memfd(struct sl__channel *c, const struct sl__frame_head *head,
                           const char *topic, int body_fd);

/** Reads whatever has arrived by now, calling frame() and closed() as the loop would. */
void sl__channel_pump(struct sl__channel *c);

/**
 * Stops reading, or reads again: a mailbox that is full lets the other end's queue fill instead.
 * Safe inside frame(); frames of the packet in hand still come. If the other end goes away
 * meanwhile, everything that had arrived is delivered, then closed().
 */
void sl__channel_pause(struct sl__channel *c, bool paused);

/** In closed() and after it: 0 if the other end is gone; else why nothing more is read from it. */
int sl__channel_error(const struct sl__channel *c);

/** Octets that wait, memfds included; a descriptor of another kind counts as 1 KiB. */
size_t sl__channel_queued(const struct sl__channel *c);
/** The task that offers frames to the socket: queued while those of this tick have not been. */
struct sl__task *sl__channel_sending(struct sl__channel *c);
/** Sends what it can now rather than at the end of the tick. 0 when nothing is left waiting,
 * -EAGAIN, -EPIPE. */
int sl__channel_flush(struct sl__channel *c);

/** Before an exec of this process: its descriptor, -1 if the other end is gone, and the batches
 * (cluster/batch.h) that wait. */
int sl__channel_fd(const struct sl__channel *c);
struct sl__link *sl__channel_waiting(struct sl__channel *c);
/** After it: sends what waited then, before anything else. */
void sl__channel_resume(struct sl__channel *c, struct sl__link *batches);

/** Creates a pair; both ends non-blocking and close-on-exec. */
int sl__channel_pair(int ret[2]);

#endif
