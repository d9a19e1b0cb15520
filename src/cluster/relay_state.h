/*
 * What the relay remembers, shared by its files: relay.c (the door, and who gets a message),
 * relay_join.c (bringing workers to the present), relay_log.c (what is kept for that),
 * relay_retained.c, relay_once.c, relay_request.c.
 *
 * Every message has a position, one higher than the message before. "The log since p" are the
 * messages at positions >= p.
 */
#ifndef SL__CLUSTER_RELAY_STATE_H
#define SL__CLUSTER_RELAY_STATE_H

#include "base/list.h"
#include "base/map.h"
#include "cluster/relay.h"

/** A message, or a snapshot, that is kept: in the log, as a topic's last value, as the state. */
struct sl__note {
    struct sl__link link;
    uint64_t position;
    struct sl__frame_head head; /* of the SEND or STATE; from filled in */
    int body_fd;                /* own duplicate; -1: the body is in here */
    char *topic;                /* points behind the struct */
    void *body;                 /* likewise */
    bool once;                  /* retained: says that a once-task is done, and is kept for ever */
};

enum sl__peer_state {
    SL__PEER_LIVE,   /* is where everybody is, and gets each message at once */
    SL__PEER_JOINER, /* waits for a state, has never had a message */
    SL__PEER_BEHIND  /* its queue was too full: misses messages since `since` */
};

/**
 * A worker as the relay sees it.
 *
 * Its line says which course of messages its state has seen. Line 0 has seen all; a worker that had
 * to go on without some of them, because nobody had the state any more, begins a line of its own.
 * Whenever two lines are alive the peers of the worse one are brought over, so that shared state is
 * equal again.
 */
struct sl__peer {
    uint32_t id;
    enum sl__peer_state state;
    bool shares;
    bool dead;              /* its channel failed; its end will be reported */
    bool leaving;           /* has been told to drain */
    bool slow;              /* did not answer an ASK in time, and has not yet */
    bool drained;           /* BEHIND: has room again, so it can be brought back */
    uint64_t since, missed; /* BEHIND: first position and number of messages it has not had */
    uint32_t line;
    size_t waiting;   /* octets in its queue after the last send */
    size_t allowance; /* that much of them has an excuse: its own join */
};

/** A once-task. */
struct sl__once {
    struct sl__link link;
    char *name;
    bool done;
    uint32_t owner;    /* whom it was granted to; 0: nobody */
    uint32_t *waiting; /* asked and got no answer yet */
    size_t waiting_count, waiting_size;
};

/** A request that has been passed on, until its reply, its refusal, or the end of either side. */
struct sl__asked {
    struct sl__link link;
    uint32_t asker, number, answerer;
};

struct sl__relay {
    struct sl__relay_limits limits;
    struct sl__relay_actions actions;
    uint64_t position; /* of the next message */
    struct sl__peer *peers;
    size_t peer_count, peer_size;
    struct sl__map retained; /* topic -> struct sl__note, also in retained_order by position */
    struct sl__link retained_order;
    size_t retained_octets;
    struct sl__link tasks;   /* struct sl__once; a program names a handful */
    struct sl__link asked;   /* struct sl__asked, oldest first */
    struct sl__map asked_by; /* the same, by asker and number */
    uint32_t answered_last;  /* whom SL__TO_ANY chose last */

    bool logging; /* somebody shares, or did and nobody without sharing has taken over */
    struct sl__link log;
    size_t log_octets;
    uint64_t log_start;        /* the log is complete from here on */
    uint64_t lost;             /* messages to all between the snapshot and log_start */
    struct sl__note *snapshot; /* the state before snapshot_position; NULL: as programs begin */
    uint64_t snapshot_position;
    uint32_t snapshot_line, last_line;

    uint32_t donor; /* 0: no ask is open */
    uint32_t ask_number;
    uint64_t ask_position;
    uint32_t donor_before; /* who was asked last */
    unsigned overtaken;    /* asks of it in a row that the log could not wait for */
};

/* relay.c */
struct sl__peer *sl__relay_peer(struct sl__relay *r, uint32_t id);
/** Sends any frame. False if the peer is dead now. */
bool sl__relay_put(struct sl__relay *r, struct sl__peer *p, const struct sl__frame_head *head,
                   const char *topic, const void *body, int body_fd);
/** A frame of the relay's own, without a body. */
bool sl__relay_control(struct sl__relay *r, struct sl__peer *p, enum sl__frame_type type,
                       uint32_t target, const char *topic);
/** True if a message for @p target from @p from is for this peer too. */
bool sl__relay_meant(const struct sl__peer *p, uint32_t target, uint32_t from);
/** Puts a message into the one order, and into all queues it is for. 0 or -ENOMEM (see relay.h). */
int sl__relay_publish(struct sl__relay *r, const struct sl__frame_head *head, const char *topic,
                      const void *body, int body_fd);

/** Sends a frame that a program's data makes large. Beyond its limit the peer is BEHIND from
 * position @p since on. False if the peer is dead now. */
bool sl__relay_deliver(struct sl__relay *r, struct sl__peer *p, const struct sl__frame_head *head,
                       const char *topic, const void *body, int body_fd, uint64_t since);

/* relay_join.c */
/** Does whatever is due: opens an ask, brings peers to the present. The last act of every call. */
void sl__relay_settle(struct sl__relay *r);
/** A STATE came, asked for just now or too long ago. */
void sl__relay_state(struct sl__relay *r, struct sl__peer *donor, const struct sl__frame *frame);
/** The open ask is of no use any more: the log could not wait for the answer. */
void sl__relay_ask_overtaken(struct sl__relay *r);
/** Sends one peer all it needs to be LIVE: now, with what is kept here. */
void sl__relay_bring(struct sl__relay *r, struct sl__peer *p);

/* relay_log.c */
/** NULL: out of memory or descriptors. */
struct sl__note *sl__note_new(const struct sl__frame_head *head, const char *topic,
                              const void *body, int body_fd);
void sl__note_free(struct sl__note *n);
/** Octets a note stands for, those in a memfd included. */
size_t sl__note_octets(const struct sl__note *n);
void sl__relay_log_append(struct sl__relay *r, const struct sl__frame_head *head, const char *topic,
                          const void *body, int body_fd);
/** Keeps the state as it was at @p position and forgets the log before it. False if memory did not
 * allow it. */
bool sl__relay_log_rebase(struct sl__relay *r, uint64_t position, uint32_t line,
                          const struct sl__frame *state);
/** Starts or ends logging by who is there. */
void sl__relay_log_review(struct sl__relay *r);
/** True when a fresh snapshot would shorten the log. */
bool sl__relay_log_long(const struct sl__relay *r);
void sl__relay_log_clear(struct sl__relay *r);

/* relay_once.c */
int sl__relay_once_ask(struct sl__relay *r, struct sl__peer *p, const char *name);
int sl__relay_once_done(struct sl__relay *r, struct sl__peer *p, const char *name, bool succeeded);
/** Gives its tasks to the next, and forgets it as a waiter. */
void sl__relay_once_leave(struct sl__relay *r, uint32_t id);
void sl__relay_once_finish(struct sl__relay *r);

/* relay_retained.c */
/** Keeps a message as its topic's last value. 0 or -ENOMEM. */
int sl__relay_retain(struct sl__relay *r, const struct sl__frame_head *head, const char *topic,
                     const void *body, int body_fd);
/** What is retained under this name says that a once-task is done. */
void sl__relay_retained_once(struct sl__relay *r, const char *name);
void sl__relay_retained_finish(struct sl__relay *r);

/* relay_request.c */
/** REQUEST, REPLY, REFUSAL or FORGET came from @p p. 0 or -EBADMSG. */
int sl__relay_request(struct sl__relay *r, struct sl__peer *p, const struct sl__frame *frame);
/** Remembers a request that has been passed on. 0 or -ENOMEM. */
int sl__relay_asked(struct sl__relay *r, uint32_t asker, uint32_t number, uint32_t answerer);
/** What it was asked is refused, what it asked is forgotten. */
void sl__relay_request_leave(struct sl__relay *r, uint32_t id);
void sl__relay_request_finish(struct sl__relay *r);

#endif
