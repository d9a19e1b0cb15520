/*
 * The relay: the master's part of the bus, as a pure state machine. Who gets which message, how
 * joiners are brought to the present, what a slow worker loses, which once-task runs where. No I/O,
 * no clock: the master feeds it and carries out what it asks for, and the simulation does the same
 * with neither sockets nor processes. (It does duplicate and close the memfds it keeps.)
 *
 * Position: the relay puts messages into all queues in one order. A snapshot asked for with ASK
 * stands in the donor's stream at that position, so a joiner that takes the snapshot and then every
 * message relayed after the ASK is where everybody else is. While the donor's answer is awaited the
 * joiner's messages are held back. With no donor alive the joiner gets the last snapshot retained
 * here and the log of messages since.
 */
#ifndef SL__CLUSTER_RELAY_H
#define SL__CLUSTER_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/archive.h"
#include "cluster/frame.h"

struct sl__relay;

struct sl__relay_limits {
    size_t queue_bytes;   /* waiting for one worker; over it: a gap */
    size_t message_bytes; /* one message */
    size_t log_bytes; /* messages kept since the retained snapshot; over it, and over the size of
                         that snapshot, a fresh one is asked for; queue_bytes beyond that the
                         log is lost */
    size_t retained_bytes; /* retained messages together; over it those set longest ago go */
};

/**
 * What the relay asks the master to do. send() and gap() must not call the relay; to_master() may,
 * with sl__relay_send(). The body of a frame is @p body or, when body_fd >= 0, that
 * memfd (not owned, dup it).
 */
struct sl__relay_actions {
    /** Send to a worker's channel. @return octets now waiting there, memfds included; the relay
     * decides by it. Negative: the worker is as good as dead. */
    int64_t (*send)(void *self, uint32_t worker, const struct sl__frame_head *head,
                    const char *topic, const void *body, int body_fd);
    /** A message for the master itself. */
    void (*to_master)(void *self, const struct sl__frame *frame);
    /** Worker @p worker missed @p missed messages (once per gap, when it ends). */
    void (*gap)(void *self, uint32_t worker, uint64_t missed);
    /** The retained message of this topic is kept no longer: there are too many. May be NULL. */
    void (*forgotten)(void *self, const char *topic);
    void *self;
};

struct sl__relay *sl__relay_new(const struct sl__relay_limits *limits,
                                const struct sl__relay_actions *actions);
void sl__relay_free(struct sl__relay *r);

/** Writes all it knows, or reads it into a relay that knows nothing yet. */
void sl__relay_archive(struct sl__relay *r, struct sl__archive *a);

/** A worker's code sends messages up to this size: that is the limit if it was lower. */
void sl__relay_allow(struct sl__relay *r, uint64_t message_bytes);
/** A worker said HELLO: it will be brought to the present and then sent JOINED. @p shares: it gives
 * and takes state. */
void sl__relay_join(struct sl__relay *r, uint32_t worker, bool shares);
/** A worker is gone. Its unfinished once-tasks are granted again, joins that waited for its state
 * ask another, requests it had not answered are refused. */
void sl__relay_leave(struct sl__relay *r, uint32_t worker);
/** A worker has been told to drain: it gets messages as before, but is asked for its state, and
 * granted a once-task, only if nobody else can. */
void sl__relay_leaving(struct sl__relay *r, uint32_t worker);
/** SEND, STATE, ONCE_ASK, ONCE_DONE, REQUEST, REPLY, REFUSAL or FORGET came from a worker.
 * frame->fd (memfd body) stays the caller's. 0; -EBADMSG for nonsense; -ENOMEM: a retained message
 * was relayed, but not kept. */
int sl__relay_frame(struct sl__relay *r, uint32_t from, const struct sl__frame *frame);
/** The master itself sends. @p target as in SEND. 0; -EINVAL for a bad topic; -EMSGSIZE; -ENOMEM as
 * above. */
int sl__relay_send(struct sl__relay *r, uint32_t target, const char *topic, const void *body,
                   size_t len);
/** What waits for the worker has fallen to a quarter of queue_bytes. Call it whenever that happens
 * after a send() that returned more than that. */
void sl__relay_writable(struct sl__relay *r, uint32_t worker);
/** A donor has not answered ASK in time (the master's timer, 5 s): ask another. */
void sl__relay_donor_timeout(struct sl__relay *r, uint32_t donor);
/** Donor whose answer is awaited, 0: none. */
uint32_t sl__relay_awaited(const struct sl__relay *r);
/** Number of that ask, never 0 while one is awaited: the master's timer starts again whenever it
 * changes. */
uint32_t sl__relay_ask_number(const struct sl__relay *r);

#endif
