/*
 * The exchange: one request and its response, between a protocol and the app. The only seam between
 * wire and app.
 *
 * A protocol fills an exchange when a request's head is complete and calls the service's serve() on
 * a fiber of the request. The app reads the body and pushes bytes through the exchange's
 * operations, which may wait, and returns. Then the protocol sends the response that stands there,
 * unless its head is already committed, and ends the exchange. A test can be a protocol too: a
 * whole app runs without a socket.
 */
#ifndef SL__HTTP_EXCHANGE_H
#define SL__HTTP_EXCHANGE_H

#include "base/arena.h"
#include "fiber/fiber.h"
#include "http/request.h"
#include "http/response.h"

struct sl__exchange;

/**
 * One of a stack of writers through which a committed response passes; the protocol's own is the
 * bottom. A writer above it (compression) calls the next one below.
 */
struct sl__writer {
    int (*begin)(struct sl__writer *w,
                 struct sl__exchange *x); /* head: final status and headers. May wait. */
    int (*write)(struct sl__writer *w, struct sl__exchange *x, const void *bytes,
                 size_t len);                                 /* len > 0. May wait. */
    int (*end)(struct sl__writer *w, struct sl__exchange *x); /* the body is complete */
    struct sl__writer *below;
};

/** What a protocol offers to the app. */
struct sl__exchange_ops {
    /** As sl_read(): > 0, 0 at the end, negative error. Sends 100 (Continue) first if the client
     * waits for it. */
    ssize_t (*read_body)(struct sl__exchange *x, void *buf, size_t len);
    /** Writes the peer's address into the arena. */
    const char *(*remote)(struct sl__exchange *x);
};

/** Who serves requests: the app. */
struct sl__service {
    /** Called on the request's fiber; when it returns the response stands (or is committed and
     * complete but for its end). */
    void (*serve)(struct sl__service *s, struct sl__exchange *x);
};

struct sl__exchange {
    struct sl__arena arena;
    struct sl__request request;
    struct sl__response response;
    struct sl__writer *writer; /* top of the stack */
    const struct sl__exchange_ops *ops;
    const struct sl_limits *limits;
    struct sl__fiber *fiber; /* of the request; NULL in a test without fibers */
    uint64_t number;         /* of the requests this process has begun, from 1 */
    int64_t since;           /* loop time when its head was complete */
    bool committed;          /* the head has been handed to the writer */
    bool aborted;            /* after the commit something failed: close without a proper end */
    bool body_begun;         /* the app has asked for body bytes */
    uint64_t body_ahead;     /* body octets known to come after those read: of the Content-Length or
                                of the present chunk */
    int64_t push_left;       /* once committed: what Content-Length still owes; -1: no length */
    void *ctx;               /* the app's own; NULL at first */
    /**
     * Set by serve() when there is something to clean up (sl_defer), NULL at first. The protocol
     * calls it on the request's fiber once the response has been sent or given up, before the arena
     * is reset. May wait.
     */
    void (*ended)(struct sl__exchange *x);
};

/**
 * Hands bytes to the client now, committing the head first. Checks Content-Length. Nothing is
 * written for HEAD. 0; -ECANCELED; -SL_ETOOBIG; -EINVAL for a status without a body (204, 304).
 */
int sl__exchange_write(struct sl__exchange *x, const void *bytes, size_t len);

/**
 * For the protocol: ends a committed response through the stack of writers. 0; negative when there
 * can be no proper end: it was aborted, is shorter than its Content-Length, or could not be
 * written.
 */
int sl__exchange_end(struct sl__exchange *x);

#endif
