/*
 * A detached answer: what is left of an exchange whose onion has unwound, but whose answer goes on,
 * an event stream for example. No fiber, no stack and no arena waits for it; it is one of these in
 * its owner's memory, and a queue.
 *
 * The owner (app/) makes it and puts it into the response as a payload. Octets it pushes wait in
 * the queue until the protocol has sent the head, then go out framed, in order, without anybody's
 * waiting. Its end, whatever way it comes, is told once. The calls of the owner work at any time
 * until then, from the loop or a fiber, never wait, and never call back: what they cause happens
 * later, in the loop.
 */
#ifndef SL__HTTP_DETACHED_H
#define SL__HTTP_DETACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct sl__detached;

/** Octets that many answers may send: counted, and not changed once they are pushed. */
struct sl__piece {
    size_t len; /* above 0 */
    uint32_t refs;
    char bytes[];
};

/** A piece with one reference, the caller's; its octets are to be filled in. NULL when out of
 * memory. */
struct sl__piece *sl__piece_new(size_t len);
/** NULL is fine. */
void sl__piece_unref(struct sl__piece *p);

/** What a piece in a queue counts beside its octets. */
#define SL__PIECE_COST ((size_t)64)

/** What the owner hears. */
struct sl__detached_events {
    /** It is over, and the owner's memory again: nobody in here knows it any more. @p why is 0 for
     * an end that the owner has asked for; -ECONNRESET: the client is gone; -ESHUTDOWN: the worker
     * is leaving; -ETIMEDOUT: the client takes nothing; -ECANCELED: the answer became another one;
     * or the error given to sl__detached_cut(). From the loop, or a request's fiber; never waits.
     */
    void (*over)(struct sl__detached *d, int why);
};

/** What the protocol offers. */
struct sl__detached_ops {
    /** There is something new: in the queue, or to end. Later, in the loop, it is looked at. */
    void (*poke)(struct sl__detached *d);
};

/** Called when the answer is over, ahead of its owner. */
struct sl__detached_hook {
    struct sl__detached_hook *next;
    void (*fn)(uint64_t octets, int why, void *self);
    void *self;
};

struct sl__detached {
    const struct sl__detached_events *events;
    struct sl__queued *first, **last; /* pieces that are not out */
    size_t queued;                    /* their octets, and SL__PIECE_COST for each */
    uint64_t octets;                  /* sent, framing included */
    struct sl__detached_hook *hooks;
    int why;     /* for sl__detached_over(), once it is known; 0: nothing is */
    bool ending; /* properly, when the queue is empty */
    bool cut;    /* at once */
    bool over;
    /* The protocol's. */
    bool close;                         /* the connection ends with it */
    uint8_t framing;                    /* enum sl__framing */
    const struct sl__detached_ops *ops; /* NULL: the head is not on its way yet */
    void *conn;
    struct sl__link link; /* of those that want to be looked at */
    size_t at;            /* octets of the first piece, framed, that are out */
};

/** A piece in a queue. */
struct sl__queued {
    struct sl__queued *next;
    struct sl__piece *piece;
};

void sl__detached_init(struct sl__detached *d, const struct sl__detached_events *events);
/** Queues a piece, of which it takes a reference of its own. 0; -EPIPE once the end has been asked
 * for or has come; -ENOMEM. */
int sl__detached_push(struct sl__detached *d, struct sl__piece *p);
/** Asks for a proper end behind what is queued. Again: does nothing. */
void sl__detached_end(struct sl__detached *d, int why);
/** Asks for the end at once, which leaves what is queued; whether the client takes it for a proper
 * one is up to what it was sent. */
void sl__detached_cut(struct sl__detached *d, int why);
/** 0; -EPIPE when it is over; -ENOMEM. */
int sl__detached_on_over(struct sl__detached *d, void (*fn)(uint64_t octets, int why, void *self),
                         void *self);

/* For the protocol. */

/** Drops the first piece of the queue. */
void sl__detached_pop(struct sl__detached *d);
/** Tells everybody. @p why counts if nobody has given a reason before. */
void sl__detached_over(struct sl__detached *d, int why);

#endif
