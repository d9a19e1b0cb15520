/*
 * The server of one worker: listeners, the gate, all connections, and how they come to an end.
 * Protocol-neutral; http1/conn.h is what it opens connections with.
 */
#ifndef SL__HTTP_SERVER_H
#define SL__HTTP_SERVER_H

#include "base/arena.h"
#include "base/list.h"
#include "http/counted.h"
#include "http/exchange.h"
#include "loop/loop.h"
#include "shallot/limits.h"

struct sl__server;

/** This worker's connections against the mean of all. */
enum sl__crowd {
    SL__CROWD_NONE,
    SL__CROWD_ABOVE, /* above it: let others go first, which costs nobody anything */
    SL__CROWD_FAR,   /* far above it: leave the accept set */
    SL__CROWD_ALONE, /* far above it, but nobody else is in the accept set: slow down */
};

/** Told how crowded the other workers are; NULL in a standalone process. Implemented by shallot.c
 * on cluster/scoreboard.h. */
struct sl__gate {
    void (*set_connections)(struct sl__gate *g, unsigned connections);
    /** Asked after every connection; while it says SL__CROWD_FAR, again soon, and then every 20 ms.
     */
    enum sl__crowd (*crowd)(struct sl__gate *g);
    /** Whether this worker is in the accept set now; a worker that is not cannot bear the share of
     * others. May be NULL, like the next one. */
    void (*set_open)(struct sl__gate *g, bool open);
    /** Changes whenever another worker has accepted a connection. One that waits for 20 ms and more
     * while this stays the same is taken in spite of SL__CROWD_FAR: whoever should take it is
     * stopped or starved. NULL: never. */
    uint32_t (*taken)(struct sl__gate *g);
};

struct sl__server_events {
    /** All connections are gone after sl__server_drain(). */
    void (*drained)(void *self);
    /** An idle connection with empty buffers, to be handed over: the callee owns the descriptor. */
    void (*give)(void *self, int fd, unsigned listener);
    /** A request whose fiber has waited is answered, @p ns after its head was found, as the loop's
     * clock has it. All others are answered in the tick that finds them. May be NULL. */
    void (*waited)(void *self, int64_t ns);
    void *self;
};

struct sl__server *sl__server_new(struct sl__loop *l, struct sl__service *service,
                                  const struct sl_limits *limits, struct sl__gate *gate,
                                  const struct sl__server_events *events);
/** While @p t is queued in the loop, answers wait: it sends what has to leave before them (the
 * messages of their handlers). It has to live as long as the server. */
void sl__server_send_after(struct sl__server *s, struct sl__task *t);
/** Closes what is left. No request may be in a handler: cut, and tick until there is none. NULL is
 * fine. */
void sl__server_free(struct sl__server *s);

/* The process ignores SIGPIPE: sendfile(2) has no flag for that. */

/** Takes a listening socket (owned from here on); its index is the order of calls, from 0. Not
 * accepting yet. 0 or negative errno. */
int sl__server_add_listener(struct sl__server *s, int fd);
int sl__server_accept(struct sl__server *s);

/** Serves a connection that another worker had accepted. Owns the descriptor in any case. */
int sl__server_adopt(struct sl__server *s, int fd, unsigned listener);

enum sl__drain {
    SL__DRAIN_HAND_OVER, /* reload: idle connections go to events.give at once, each other one when
                            its response is out */
    SL__DRAIN_STOP,      /* stop: idle connections may send one more request within the grace */
};

/**
 * Stops accepting (after taking what is queued, if @p take_queued) and closes the listeners;
 * answers from now on say Connection: close; requests in flight finish. Calls events.drained when
 * no connection is left. Again with another kind: allowed.
 */
void sl__server_drain(struct sl__server *s, enum sl__drain kind, int64_t grace_ns,
                      bool take_queued);

/** Ends by force: closes every connection, cancelling requests. @return how many requests were cut.
 */
unsigned sl__server_cut(struct sl__server *s);

/* For the signal handler of a process that crashes: async-signal-safe, and careful with what may be
 * broken already (http1/last.c). */

enum sl__orphan_kind {
    SL__ORPHAN_CULPRIT,   /* it has a request whose answer has not begun: to be answered 500 */
    SL__ORPHAN_BYSTANDER, /* another such */
    SL__ORPHAN_ANSWERED,  /* nothing more is to be said to it: to be closed gently */
    SL__ORPHAN_IDLE,      /* between requests, the next of which the kernel may hold already */
};

/** A connection that outlives its process. */
struct sl__orphan {
    int fd;
    enum sl__orphan_kind kind;
    unsigned listener;
    bool head; /* the request was HEAD: no body */
};

struct sl__request;

/** What a report says of a request: views, valid as long as it is. */
struct sl__last_request {
    struct sl__str method, path; /* path without query, as sent */
    uint64_t number;
    int64_t since; /* loop time */
    const struct sl__request *request;
};

/** The request that @p f serves; false if it serves none. */
bool sl__server_request_of(const struct sl__server *s, const struct sl__fiber *f,
                           struct sl__last_request *ret);
/** Sends complete answers that wait in this process, and tells of every connection what is to
 * become of it: that of @p culprit (may be NULL) first. Those that are not told of end with the
 * process. */
void sl__server_last_words(struct sl__server *s, const struct sl__fiber *culprit,
                           void (*tell)(void *self, const struct sl__orphan *o), void *self);

unsigned sl__server_connections(const struct sl__server *s);
/** Requests in a handler now. */
unsigned sl__server_requests(const struct sl__server *s);
/** What has been counted; valid as long as the server. */
const struct sl__counted *sl__server_counted(const struct sl__server *s);
/** Requests answered so far. */
uint64_t sl__server_served(const struct sl__server *s);

#endif
