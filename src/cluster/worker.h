/*
 * The worker's end of the cluster: talks to the master over the inherited channel and tells the
 * composition root what to do.
 */
#ifndef SL__CLUSTER_WORKER_H
#define SL__CLUSTER_WORKER_H

#include "cluster/channel.h"
#include "cluster/hello.h"
#include "cluster/supervisor.h"
#include "shared/handle.h"

struct sl__worker;

struct sl__worker_events {
    /** A listening socket (owned), in the order of HELLO's endpoints. */
    void (*listener)(void *self, unsigned index, int fd);
    /** Frames of the bus: MESSAGE, GAP, ASK, JOIN_STATE, JOINED, ONCE_GRANT, in order. frame->fd is
     * the callee's. */
    void (*bus)(void *self, struct sl__frame *frame);
    void (*adopt)(void *self, unsigned index, int fd);
    /** Memory that was asked for, before JOINED; the descriptor stays the caller's. 0 or a negative
     * errno, which ends the worker. May be NULL. */
    int (*shared)(void *self, const char *name, int fd);
    /** In the order of the bus: messages queued earlier have been passed on. May come again, with
     * another kind (a stop during a hand-over). A SIGTERM or SIGINT sent to this worker itself is a
     * SL__LEAVE_STOP with the times of its HELLO. */
    void (*drain)(void *self, enum sl__drain_kind kind, int64_t deadline_ns, int64_t grace_ns);
    /** The master is gone (CL7); said once. The channel takes nothing any more. */
    void (*orphaned)(void *self);
    /** It is this worker's turn: whoever was told of hold() before it was ready accepts only now.
     * May be NULL. */
    void (*serve)(void *self);
    /** See serve(). May be NULL. */
    void (*hold)(void *self);
    /** An operator asks; sl__worker_answer() with the number. May be NULL. */
    void (*question)(void *self, const char *what, uint32_t number);
    /** The channel has room again (sl__bus_writable()). May be NULL. */
    void (*writable)(void *self);
    void *self;
};

/**
 * Takes the role's channel, asks for the memory of @p shared (a list, may be NULL) and says HELLO,
 * whose channel_version is filled in here. From now on a SIGTERM or SIGINT to this process drains
 * it, and should the master die while this process is stuck, the death signal ends it after
 * drain_ms. One at a time. NULL when it fails (printed).
 */
struct sl__worker *sl__worker_new(struct sl__loop *l, const struct sl__hello *hello,
                                  const struct sl__handle *shared, size_t queue_limit,
                                  const struct sl__worker_events *events);
/** Closes the channel. Safe inside the events above. NULL is fine. */
void sl__worker_free(struct sl__worker *w);
struct sl__channel *sl__worker_channel(struct sl__worker *w);
void sl__worker_ready(struct sl__worker *w);
/** Accepts no more and has given what was idle: the next one's turn. */
void sl__worker_shut(struct sl__worker *w);
/** Hands an idle connection over; owns @p fd. */
void sl__worker_give(struct sl__worker *w, int fd, unsigned listener);
void sl__worker_answer(struct sl__worker *w, uint32_t number, const char *text, size_t len);
/** Asks to be replaced by a fresh process; this one is then told to leave. */
void sl__worker_retire(struct sl__worker *w, const char *why);
/**
 * In the handler of a crash (async-signal-safe): tells of each connection that was on its way to
 * this worker and has not been looked at. What else comes is lost with the worker.
 */
void sl__worker_unread(struct sl__worker *w, void (*tell)(void *self, int fd, unsigned listener),
                       void *self);
/** Tells the master why this worker cannot start, at once; the caller then exits. */
void sl__worker_failed(struct sl__worker *w, const char *reason);

#endif
