/*
 * HTTP/1 connections: what a connection is made of, and the calls by which the files of this folder
 * work together.
 *
 *   conns.c   what the connections of a worker share: pools, the list, the date
 *   conn.c    its life, from the socket to its end
 *   phases.c  what it does: events, and the phases of a request
 *   settle.c  what it waits for: events, deadlines, the memory it keeps
 *   input.c   blocks of input: receiving, pinning heads, parking what is incomplete
 *   turn.c    one request's turn: from a complete head through the fiber to its end
 *   body.c    the request's body, read by the handler or skipped
 *   answer.c  the response that stands when the onion has unwound
 *   stream.c  the bottom writer and the pull source
 *   detach.c  answers that go on when their request is over
 *   pace.c    minimum rates: slow bodies, slow readers
 *   send.c    output: one buffer, one send, back-pressure, files
 *   close.c   error answers without a handler, and the lingering close (RFC 9112 §9.6)
 *   last.c    what becomes of the connections when the process crashes
 *
 * A connection is callbacks of the loop; only the turn runs on a fiber. The fiber changes the turn
 * and the output, and pokes the connection, which goes on in the loop: so nothing below the loop is
 * ever re-entered, and a closed connection's memory is freed by a task of its own, behind
 * everybody's back.
 */
#ifndef SL__HTTP1_CONN_H
#define SL__HTTP1_CONN_H

#include <sys/epoll.h>
#include <sys/uio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cold.h"
#include "base/list.h"
#include "base/time.h"
#include "http/counted.h"
#include "http/detached.h"
#include "http/exchange.h"
#include "http/http1/chunk.h"
#include "http/http1/parse.h"
#include "http/http1/write.h"
#include "http/server.h"
#include "loop/loop.h"
#include "shallot/limits.h"

#define SL__BLOCK_DATA ((size_t)16384) /* octets of a pooled input block */
/* Unsent octets at which whoever makes more has to wait. With the piece that went over it, a stack
 * and a turn, a reader that takes nothing costs 64 KiB at most. */
#define SL__OUT_HIGH ((size_t)32768)
#define SL__INPUT_EVENTS ((uint32_t)(EPOLLIN | EPOLLRDHUP))
#define SL__BURST ((size_t)1048576) /* octets moved for one connection before others are served */

/** Input: octets received and not consumed yet are data[at..end). */
struct sl__block {
    struct sl__block *next; /* in the pool */
    uint32_t size;          /* SL__BLOCK_DATA: pooled; else made to measure */
    uint32_t at, end;
    uint32_t pin; /* octets at the front that must stay: the head of the request in its turn */
    struct sl__http1_part part; /* what begins at @c at is a head that wants more */
    char data[];
};

struct sl__out {
    struct sl__out *next;
    struct sl__buf buf;
};

enum sl__phase {
    SL__CONN_READ,     /* awaits or reads a head */
    SL__CONN_SERVE,    /* a turn's fiber lives, or has just ended (turn->done) */
    SL__CONN_FILE,     /* the answer's file is being sent; no fiber */
    SL__CONN_DETACHED, /* the answer goes on from a queue; no turn, no fiber */
    SL__CONN_SKIP,     /* the answer is out (or waits to be), the request's body is skipped */
    SL__CONN_CLOSING,  /* the last answer waits for the socket */
    SL__CONN_LINGER,   /* our side is shut down, input is thrown away until the client closes */
    SL__CONN_DEAD,     /* closed; the memory goes with the task */
};

/** What the deadline is for. */
enum sl__awaited {
    SL__AWAIT_NOTHING, /* also: the deadline has to be set anew */
    SL__AWAIT_REQUEST,
    SL__AWAIT_HEAD,
    SL__AWAIT_BODY,
    SL__AWAIT_ROOM, /* in the socket */
    SL__AWAIT_END,  /* of lingering */
};

/** Idle it owns nothing else: no block, no buffer, no turn. */
struct sl__conn {
    struct sl__watch watch;
    struct sl__timer timer; /* lazy: fires at or before the deadline, and is moved then */
    int64_t deadline;       /* monotonic ns, SL__FOREVER: none */
    struct sl__task task;   /* goes on in the loop; frees a dead connection */
    struct sl__link link;   /* of home->all or home->dead */
    struct sl__conns *home;
    struct sl__block *in;          /* NULL: no input */
    struct sl__out *out;           /* NULL: nothing unsent */
    struct sl__turn *turn;         /* NULL in READ, DETACHED and from CLOSING on */
    struct sl__detached *detached; /* DETACHED; else NULL */
    uint32_t requests;             /* begun on this connection */
    uint32_t thrown;               /* octets thrown away while lingering */
    uint32_t queued;       /* slow: octets in the socket when last asked, and those sent since */
    int64_t credit, since; /* slow: time left to take the answer; when the present wait began */
    uint16_t listener;
    uint8_t empty_lines; /* dropped ahead of the next request */
    uint8_t phase;       /* enum sl__phase */
    uint8_t awaited;     /* enum sl__awaited */
    bool blocked;        /* the socket took no more; EPOLLOUT is awaited */
    bool more;           /* the last recv filled its room: there may be more */
    bool fin;            /* the end of the input was read */
    bool slow;           /* this answer had to wait for the client: pace.c keeps its account */
    bool broken;         /* reset, failed or timed out: only the fiber's end is awaited */
    bool held;           /* the answers wait for the messages of this tick */
    bool pumping;        /* a fiber's start is on the stack: no task needed to go on */
    bool last;           /* the client said that it sends nothing more, and it has not */
    bool reset; /* to be closed by a reset, because a plain end would look like a proper one */
};

/** How the body of a streamed response is framed. */
enum sl__framing { SL__FRAMING_NONE, SL__FRAMING_LENGTH, SL__FRAMING_CHUNKED, SL__FRAMING_CLOSE };

/** One request's turn on a connection; pooled. */
struct sl__turn {
    struct sl__exchange exchange;
    struct sl__writer writer; /* the bottom one */
    struct sl__conn *conn;
    struct sl__turn *next;    /* in the pool */
    struct sl__block *pinned; /* the head's block, once the input has moved to another one */
    struct sl__fiber *reader; /* wants_body: who waits; the request's fiber or one that helps it */
    struct sl__chunk chunk;
    struct sl__buf trailer;          /* raw trailer section, then terminated in place */
    uint64_t body_left;              /* of a Content-Length */
    uint64_t body_wire;              /* octets of the body consumed, framing included */
    int64_t body_since, body_waited; /* the present wait for the body; all those before it, ns */
    int64_t out_left;                /* SL__FRAMING_LENGTH: octets still owed */
    int64_t file_at, file_left;      /* left -1: no file, but something detached goes on */
    struct sl__detached *detached;   /* the fiber has ended or will, and it goes on; else NULL */
    size_t burst;                    /* octets moved since the fiber last gave way */
    int body_error;                  /* final, negative; 0: none */
    int file;                        /* -1: none */
    bool body_done;
    bool continued; /* 100 (Continue) was sent or is not called for any more */
    uint8_t framing;
    bool wants_body;           /* the reader waits for input */
    bool wants_room;           /* the fiber waits until half of the output has gone */
    bool open_ended;           /* a stream without a length: the client's FIN cancels */
    bool half_closed;          /* the client's end was announced, its last input may be unread */
    bool head_done;            /* the response's head is in the output */
    bool close;                /* close after this answer */
    bool failed;               /* the answer has no proper end */
    bool no_sendfile;          /* this file cannot: read it */
    bool done;                 /* the fiber has ended */
    struct sl__field fields[]; /* limits.head_fields */
};

enum sl__leaving { SL__STAY, SL__HAND_OVER, SL__STOP };

/** What all connections of a worker share. */
struct sl__conns {
    struct sl__loop *loop;
    struct sl__service *service;
    struct sl_limits limits;
    struct sl__link all, dead;
    unsigned count; /* connections */
    struct sl__counted counted;
    uint64_t begun; /* requests */
    /** A request whose fiber has waited is answered, after @p ns. NULL: nobody counts. */
    void (*waited)(struct sl__conns *home, int64_t ns);
    int leaving;                          /* enum sl__leaving */
    int64_t grace_end;                    /* SL__STOP: idle connections are closed then */
    void (*gone)(struct sl__conns *home); /* one connection less */
    void (*give)(struct sl__conns *home, int fd, unsigned listener); /* NULL: nobody takes them */
    struct {
        struct sl__link list;  /* detached answers that want to be looked at */
        struct sl__task task;  /* does so, */
        struct sl__timer next; /* and goes on in the next tick when there are many */
    } wanting;
    struct sl__task *before; /* queued: what has to leave before answers do. NULL: nothing */
    struct sl__arena_pool arenas;
    struct { /* used last, not in the pool: what the next request will want; NULL: in use */
        struct sl__block *block;
        struct sl__out *out;
        struct sl__turn *turn;
    } warm;
    struct {
        struct sl__block *blocks;
        struct sl__out *outs;
        struct sl__turn *turns;
        struct sl__conn *conns;
        unsigned block_count, out_count, turn_count, conn_count;
    } spare;
    int64_t date_at; /* loop time of the last look at the clock */
    int64_t date_second;
    struct sl__http1_date date;
};

/* conns.c */
void sl__conns_init(struct sl__conns *home, struct sl__loop *l, struct sl__service *service,
                    const struct sl_limits *limits);
/** Closes what is left. No turn may have a fiber. */
void sl__conns_finish(struct sl__conns *home);
/** Looks at the clock. */
SL__COLD void sl__conns_set_date(struct sl__conns *home);
/** The Date header's value, at most 100 ms old. */
static inline const struct sl__http1_date *sl__conns_date(struct sl__conns *home)
{
    if (home->loop->now - home->date_at >= 100 * SL__MS)
        sl__conns_set_date(home);
    return &home->date;
}
/** Makes a connection of a connected, non-blocking socket. Owns @p fd in any case. 0 or a negative
 * errno. */
int sl__conn_open(struct sl__conns *home, int fd, unsigned listener);
/** Frees a dead connection, or keeps its memory for the next. */
void sl__conns_bury(struct sl__conn *c);

/* conn.c */
/** Fills the caller's memory; nothing is watched yet. */
void sl__conn_start(struct sl__conn *c, struct sl__conns *home, int fd, unsigned listener);
/** Gives an idle connection's socket to whoever takes it, and is over. */
void sl__conn_hand_over(struct sl__conn *c);
/** Applies home->leaving to one connection. May close it. */
void sl__conn_leave(struct sl__conn *c);
/** @return true if this cut a request. */
bool sl__conn_cut(struct sl__conn *c);
/** Goes on in the loop, later in this tick. */
void sl__conn_poke(struct sl__conn *c);
/** The client is gone: cancels the fiber; the connection is closed in the loop. */
SL__COLD void sl__conn_break(struct sl__conn *c);
/** Closes at once and gives everything back. No fiber may live. */
SL__COLD void sl__conn_close(struct sl__conn *c);

/* phases.c */
/** The long way: goes on from whatever state the connection is in. May close it. */
SL__APART void sl__conn_run(struct sl__conn *c);
/** Receives once, and tells a fiber that waits for it. */
SL__APART void sl__conn_take(struct sl__conn *c);
/** The loop's event. */
void sl__conn_ready(struct sl__watch *w, uint32_t events);

/* settle.c */
/** Watches, times and holds what the connection needs until something happens. May close it. */
void sl__conn_settle(struct sl__conn *c);
/** The loop's timer. */
void sl__conn_time(struct sl__timer *t);

static inline bool sl__conn_has_fiber(const struct sl__conn *c)
{
    return c->phase == SL__CONN_SERVE && !c->turn->done;
}

static inline bool sl__conn_is_idle(const struct sl__conn *c)
{
    return c->phase == SL__CONN_READ && !c->in && !c->out && !c->fin && !c->broken;
}

/* input.c */
struct sl__block *sl__block_take(struct sl__conns *home); /* NULL when out of memory */
void sl__block_give(struct sl__conns *home, struct sl__block *b);
void sl__blocks_finish(struct sl__conns *home);
static inline size_t sl__input_len(const struct sl__conn *c)
{
    return c->in ? c->in->end - c->in->at : 0;
}
/** True if sl__input_receive() would find room. */
bool sl__input_has_room(const struct sl__conn *c);
/** True if what comes is to be received now. */
bool sl__input_wanted(const struct sl__conn *c);
/** One recv. @return octets received; 0 for none: look at fin and broken. */
size_t sl__input_receive(struct sl__conn *c);
/** The same, without a block. */
size_t sl__input_receive_first(struct sl__conn *c);
/** Between requests: an empty block goes back, a partial head moves to memory of its own size. */
void sl__input_park(struct sl__conn *c);
void sl__input_free(struct sl__conn *c);

/* turn.c */
/** Parses; 0: more is needed; 1: a turn has begun, and is over if the phase is READ again;
 * negative: the error to refuse with. */
int sl__turn_begin(struct sl__conn *c);
/** The answer has gone to the output: lets go of the head, says what comes next. */
void sl__turn_after(struct sl__conn *c);
SL__COLD void sl__turn_free(struct sl__conn *c);
void sl__turns_finish(struct sl__conns *home);

/* body.c */
/** For a request that has one. */
SL__APART void sl__body_begin(struct sl__turn *t);
SL__APART ssize_t sl__body_read(struct sl__exchange *x, void *buf, size_t len);
/** 1: the end of the body; 0: more input is needed; negative: the connection must close. */
int sl__body_skip(struct sl__conn *c);

/* answer.c */
/** On the fiber: sends what stands in the response, or ends what was pushed. */
void sl__answer(struct sl__turn *t);
/** Writes the head for a body of @p length (-1: see turn->framing). 0 or -ENOMEM. */
int sl__answer_head(struct sl__turn *t, int64_t length, bool chunked);
/** True if the connection must close after this answer, as far as is known before it is sent. */
bool sl__answer_closes(const struct sl__turn *t);

/* stream.c */
extern const struct sl__writer sl__stream_writer;
/** On the fiber: pulls the source dry. 0 or the error for which the answer has no proper end. */
SL__APART int sl__stream_source(struct sl__turn *t);

/* detach.c */
void sl__detached_start(struct sl__conns *home);
void sl__detached_stop(struct sl__conns *home);
/** On the fiber: writes the head of the detached answer and puts it into the turn. 0, -ENOMEM or
 * -ECANCELED. */
SL__COLD int sl__detach_begin(struct sl__turn *t);
/** In the loop, the fiber having ended: the answer goes on, the turn goes. */
SL__COLD void sl__detach(struct sl__conn *c);
/** SL__CONN_DETACHED: sends what there is. False if there is something to wait for. */
bool sl__detached_advance(struct sl__conn *c);
/** The socket has failed, or was closed by the client. */
SL__COLD void sl__detached_failed(struct sl__conn *c);
/** The worker leaves: so do clients, who may come back to another one. */
void sl__detached_leave(struct sl__conn *c);
/** The connection is gone, or the turn has failed: takes the answer from it and says so. */
SL__COLD void sl__detached_lost(struct sl__detached **at, int why);

/* send.c */
/** What has to leave before answers do, and has not, does so now. */
static inline void sl__conns_send_first(struct sl__conns *home)
{
    struct sl__task *t = home->before;

    if (!t || !sl__link_used(&t->link))
        return;
    sl__list_remove(&t->link);
    t->run(t);
}
struct sl__buf *sl__out_take(struct sl__conn *c);
/** The buffer to append to; NULL when out of memory. */
static inline struct sl__buf *sl__out_buf(struct sl__conn *c)
{
    return c->out ? &c->out->buf : sl__out_take(c);
}
static inline size_t sl__out_pending(const struct sl__conn *c)
{
    return c->out ? sl__buf_len(&c->out->buf) : 0;
}
/** One send for everything: false if more is to be done. Nobody waits for room, and what has to
 * leave before has left. */
bool sl__out_send_all(struct sl__conn *c);
/** One call that sends parts. @return octets; 0: look at blocked and broken. */
size_t sl__out_send_parts(struct sl__conn *c, struct iovec *parts, size_t count);
/** Sends until empty or blocked. @p flags: MSG_MORE or 0. */
void sl__out_flush(struct sl__conn *c, int flags);
void sl__out_free(struct sl__conn *c);
void sl__outs_finish(struct sl__conns *home);
/** On the fiber: waits until there is room for more output. 0 or -ECANCELED. */
int sl__out_await_room(struct sl__turn *t);
/** On the fiber: sends raw bytes, of which at most SL__OUT_HIGH are copied. 0; -ECANCELED; -ENOMEM.
 */
int sl__out_put(struct sl__turn *t, const char *bytes, size_t len);
/** Reads up to @p len octets of the turn's file into the output. Octets read, or a negative errno.
 */
ssize_t sl__out_read_file(struct sl__turn *t, size_t len);
/** SL__CONN_FILE: true when the file is out or has failed, false when the socket is blocked. */
bool sl__out_push_file(struct sl__conn *c);

/* pace.c */
/** A wait for the body, or for room in the socket, begins: until when it may last. */
int64_t sl__pace_await_body(struct sl__conn *c);
int64_t sl__pace_await_room(struct sl__conn *c);
/** There is some: if it was waited for, that wait is over. */
void sl__pace_body(struct sl__conn *c);
void sl__pace_room(struct sl__conn *c);
/** The deadline for room has passed: true if the client has taken enough to be given another. */
bool sl__pace_bear(struct sl__conn *c);
/** Lingering is over: true if the last answer is still on its way, and taken fast enough. */
bool sl__pace_linger(struct sl__conn *c);

/* close.c */
/** Answers with the status of @p error, on behalf of nobody, and closes. */
SL__COLD void sl__close_refuse(struct sl__conn *c, int error);
/** SL__CONN_CLOSING: when everything is out, shuts down and lingers, or closes. */
void sl__close_advance(struct sl__conn *c);
/** SL__CONN_LINGER: something has come. */
SL__APART void sl__close_linger(struct sl__conn *c);

/* last.c: see server.h */
bool sl__conns_request_of(const struct sl__conns *home, const struct sl__fiber *f,
                          struct sl__last_request *ret);
void sl__conns_last_words(struct sl__conns *home, const struct sl__fiber *culprit,
                          void (*tell)(void *self, const struct sl__orphan *o), void *self);

#endif
