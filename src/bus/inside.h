/*
 * What the files of the bus share: its state, the mail that waits in the mailbox, and snapshots.
 */
#ifndef SL__BUS_INSIDE_H
#define SL__BUS_INSIDE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "bus/bus.h"
#include "fiber/fiber.h"

struct sl__bus_handler {
    struct sl__bus_handler *next;
    sl_message_fn *fn;
    void *self;
};

/** Callbacks of one topic, in order of registration. Appending while the list is walked is fine. */
struct sl__bus_topic {
    struct sl__bus_handler *first, **end;
};

struct sl__bus_gap {
    struct sl__bus_gap *next;
    void (*fn)(sl_app *app, uint64_t missed, void *self);
    void *self;
};

struct sl__bus_share {
    struct sl__bus_share *next;
    void *ptr;
    size_t size;
    bool seen; /* while a snapshot is taken: it was in it */
    char name[256];
};

struct sl__bus_join {
    struct sl__bus_join *next;
    int (*give)(sl_app *app, sl_snapshot *s, void *self);
    int (*take)(sl_app *app, const void *data, size_t len, void *self);
    void *self;
};

struct sl__bus_once {
    struct sl__bus_once *next;
    struct sl__bus *bus;
    struct sl__fiber *fiber; /* while it runs here */
    int (*fn)(sl_app *app);
    bool asked, running;
    char name[256];
};

struct sl__bus_answerer {
    sl_request_fn *fn;
    void *self;
};

/** Something in the mailbox: a frame that came, or a wish of ours to know when we are there. */
struct sl__mail {
    struct sl__mail *next;
    struct sl__frame frame; /* topic and inline body lie in bytes; fd is the mail's */
    size_t octets;          /* counted against the mailbox, a memfd's included */
    size_t room;            /* of bytes */
    void (*idle)(void *self);
    void *self;
    _Alignas(8) char bytes[];
};

#define SL__MAIL_IDLE 255 /* head.type of the wish; no frame type of the wire */

struct sl__bus {
    sl_app *app;
    struct sl__map topics; /* name -> struct sl__bus_topic */
    struct sl__bus_topic every_topic;
    struct sl__bus_gap *gaps, **gaps_end;
    struct sl__bus_share *shares, **shares_end;
    struct sl__bus_join *joins, **joins_end;
    struct sl__bus_once *onces, **onces_end;
    struct sl__map answerers; /* topic -> struct sl__bus_answerer */

    /* while it runs */
    struct sl__loop *loop;
    struct sl__channel *wire; /* NULL: standalone */
    uint32_t worker;
    size_t message_bytes;
    struct sl__bus_events events;
    bool started, stopping, joined, failed;
    struct sl__link waiters; /* senders that wait for room */
    struct sl__link asking;  /* requests of ours that are open, oldest first */
    uint32_t request_number;
    struct sl__link answering; /* requests of others */
    struct sl__mail *idle;     /* wishes to know when these are answered */

    /* the mailbox */
    struct sl__fiber *fiber;
    bool hungry; /* its fiber waits for mail, not inside a callback */
    bool paused; /* the wire is not read */
    struct sl__mail *first, **end;
    size_t octets;
    struct sl__mail *spare; /* small ones for reuse */
    unsigned spare_count;
};

/** What a give callback writes to. */
struct sl_snapshot {
    struct sl__buf buf;
    int error; /* sticky: a write failed, although the callback may not have looked */
};

/* bus.c */
void sl__bus_notice(struct sl__bus *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Asks for, or in a standalone process starts, all once-tasks that have not been asked for. */
void sl__bus_ask_onces(struct sl__bus *b);
void sl__bus_grant_once(struct sl__bus *b, const char *name);

/* wire.c */
/** Sends a frame, waiting for room on a fiber. See sl__bus_send() for the errors. */
int sl__bus_wire(struct sl__bus *b, const struct sl__frame_head *head, const char *topic,
                 const void *body);
/** The same, or -ETIMEDOUT. */
int sl__bus_wire_until(struct sl__bus *b, const struct sl__frame_head *head, const char *topic,
                       const void *body, int64_t deadline);
/** Sends a frame that the wire never refuses and that may overtake those that wait. */
void sl__bus_say(struct sl__bus *b, const struct sl__frame_head *head, const void *body);
/** Lets the first sender that waits try again; it wakes the next. */
void sl__bus_wake_sender(struct sl__bus *b);

/* mailbox.c */
int sl__mailbox_start(struct sl__bus *b);
/** Copies a frame into the mailbox and takes its fd. -ENOMEM only with @p may_fail, and then the fd
 * is still the caller's. */
int sl__mailbox_put(struct sl__bus *b, const struct sl__frame *frame, bool may_fail);
/** Standalone: whether a message of @p octets still fits. */
bool sl__mailbox_fits(const struct sl__bus *b, size_t octets);
/** Drops everything that waits. */
void sl__mailbox_drop(struct sl__bus *b);
void sl__mailbox_finish(struct sl__bus *b);

/** The body, mapped if it lies in a memfd, whose seals and size the channel has checked. */
int sl__mail_open(struct sl__mail *m, const void **ret);
void sl__mail_close(struct sl__mail *m, const void *body);
void sl__mail_free(struct sl__bus *b, struct sl__mail *m);
/** A request was opened or has ended: that decides how much the mailbox takes. */
void sl__mailbox_regulate(struct sl__bus *b);
/** Tells those who asked to know that nothing is left to do. */
void sl__mailbox_tell_idle(struct sl__bus *b);

/* request.c */
/** A request in its turn. False: it has been refused, and the mail is still the caller's. */
bool sl__bus_answer(struct sl__bus *b, struct sl__mail *m);
/** Ends a request that a message callback has made, the master has given back to this worker, and
 * nobody could answer before that callback has returned. */
bool sl__bus_asks_itself(struct sl__bus *b, const struct sl__frame *f);
/** A REPLY or REFUSAL. */
void sl__bus_replied(struct sl__bus *b, const struct sl__frame *f);
/** Ends all requests of ours with @p error. */
void sl__bus_asking_failed(struct sl__bus *b, int error);
void sl__bus_stop_answering(struct sl__bus *b);

/* snapshot.c */
/** Writes all shared state. 0 or -ENOMEM; the caller frees s->buf in both cases. Give callbacks may
 * wait. */
int sl__snapshot_give(struct sl__bus *b, struct sl_snapshot *s);
/** Takes a snapshot. 0; a negative error with a reason that ends this worker. */
int sl__snapshot_take(struct sl__bus *b, const void *data, size_t len, char *ret_reason,
                      size_t reason_len);

#endif
