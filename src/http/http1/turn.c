/*
 * A request's turn: from the octets of a complete head to the end of its fiber.
 *
 * The connection comes here when it has input and no turn. The head is parsed from its first octet;
 * when it is complete the exchange is filled and a fiber started, which runs the service, sends the
 * answer and ends the exchange; most fibers do all that before sl__turn_begin() returns. Otherwise
 * the fiber's end pokes the connection. What is left of the turn then is what the loop needs
 * without a fiber: a file still to be sent, a body still to be skipped.
 */
#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/http1/conn.h"
#include "http/http1/parse.h"
#include "net/endpoint.h"
#include "shallot/error.h"

#define SPARE_TURNS 128

static const char *remote(struct sl__exchange *x)
{
    struct sl__turn *t = SL__OWNER(x, struct sl__turn, exchange);
    char name[128];

    sl__peer_name(t->conn->watch.fd, name, sizeof(name));
    return sl__arena_copy(&x->arena, name, strlen(name));
}

static const struct sl__exchange_ops ops = {.read_body = sl__body_read, .remote = remote};

/* What every turn leaves as it found it, and what is the same for all of them. */
static SL__COLD struct sl__turn *turn_new(struct sl__conns *home)
{
    struct sl__turn *t = sl__try_alloc(sizeof(*t) + home->limits.head_fields * sizeof(*t->fields));
    struct sl__exchange *x;

    if (!t)
        return NULL;
    x = &t->exchange;
    sl__arena_init(&x->arena, &home->arenas);
    sl__response_init(&x->response);
    x->ops = &ops;
    x->limits = &home->limits;
    x->fiber = NULL;
    t->writer = sl__stream_writer;
    t->pinned = NULL;
    t->trailer = (struct sl__buf){0};
    t->detached = NULL;
    t->file = -1;
    return t;
}

static SL__COLD void turn_destroy(struct sl__turn *t)
{
    sl__arena_reset(&t->exchange.arena);
    sl__free(t);
}

static SL__APART struct sl__turn *turn_take_spare(struct sl__conns *home)
{
    struct sl__turn *t = home->spare.turns;

    if (!t)
        return turn_new(home);
    home->spare.turns = t->next;
    home->spare.turn_count--;
    return t;
}

static inline struct sl__turn *turn_take(struct sl__conns *home)
{
    struct sl__turn *t = home->warm.turn;

    if (!t)
        return turn_take_spare(home);
    home->warm.turn = NULL;
    return t;
}

static SL__APART void turn_spare(struct sl__conns *home, struct sl__turn *t)
{
    if (home->spare.turn_count >= SPARE_TURNS) {
        turn_destroy(t);
        return;
    }
    t->next = home->spare.turns;
    home->spare.turns = t;
    home->spare.turn_count++;
}

static inline void turn_give(struct sl__conns *home, struct sl__turn *t)
{
    if (home->warm.turn)
        turn_spare(home, t);
    else
        home->warm.turn = t;
}

void sl__turns_finish(struct sl__conns *home)
{
    struct sl__turn *t;

    if (home->warm.turn)
        turn_destroy(home->warm.turn);
    while ((t = home->spare.turns)) {
        home->spare.turns = t->next;
        turn_destroy(t);
    }
}

/* Everything else but the request, which the parser has filled. */
static inline void set_up(struct sl__turn *t, struct sl__conn *c)
{
    struct sl__exchange *x = &t->exchange;

    x->writer = &t->writer;
    x->committed = x->aborted = x->body_begun = false;
    x->ctx = NULL;
    x->ended = NULL;
    x->number = ++c->home->begun;
    x->since = c->home->loop->now;
    t->conn = c;
    t->file_left = 0;
    t->burst = 0;
    t->body_error = 0;
    t->framing = SL__FRAMING_NONE;
    t->wants_body = t->wants_room = t->open_ended = t->half_closed = false;
    t->head_done = t->close = t->failed = t->no_sendfile = t->done = false;
    t->continued = true;
    t->body_done = x->request.body == SL__BODY_NONE;
    if (!t->body_done)
        sl__body_begin(t);
}

static SL__COLD void count_waited(struct sl__turn *t)
{
    struct sl__conns *home = t->conn->home;

    if (home->waited)
        home->waited(home, home->loop->now - t->exchange.since);
}

/* Those that did not wait are counted by the tick. */
static inline void count_answer(struct sl__turn *t, struct sl__conn *c)
{
    struct sl__conns *home = c->home;
    unsigned status = (unsigned)t->exchange.response.status;

    home->counted.served++;
    if (status - 200 >= 100)
        sl__count_other(&home->counted, status);
    if (!c->pumping)
        count_waited(t);
}

/* On the fiber, from the request's first instruction to its last. */
static void run_turn(void *arg)
{
    struct sl__turn *t = arg;
    struct sl__exchange *x = &t->exchange;
    struct sl__conn *c = t->conn;
    struct sl__conns *home = c->home;

    x->fiber = sl__fiber_current();
    sl__fiber_set_user(x->fiber, x); /* for whoever asks whose request this is */
    home->service->serve(home->service, x);
    sl__answer(t);
    if (t->head_done && !t->failed)
        count_answer(t, c);
    if (x->ended) {
        sl__conn_poke(c); /* it may wait, the answer must not */
        x->ended(x);
    }
    x->fiber = NULL;
    sl__response_clear(&x->response);
    sl__arena_rewind(&x->arena);
    if (t->trailer.data)
        sl__buf_finish(&t->trailer);
    home->counted.serving--;
    t->done = true;
    sl__conn_poke(c);
}

/* The head leaves the input, and stays where it is until the turn is over. */
static inline void pin(struct sl__conn *c, struct sl__turn *t, size_t head)
{
    struct sl__block *b = c->in;

    t->exchange.request.base = b->data + b->at;
    b->at += (uint32_t)head;
    b->pin = b->at;
    b->part.run = 0;
}

static SL__COLD void close_file(struct sl__turn *t)
{
    close(t->file);
    t->file = -1;
}

static inline void unpin(struct sl__conn *c, struct sl__turn *t)
{
    if (t->pinned) {
        sl__block_give(c->home, t->pinned);
        t->pinned = NULL;
    } else if (c->in) {
        c->in->pin = 0;
    }
}

static inline void let_go(struct sl__conn *c, struct sl__turn *t)
{
    c->turn = NULL;
    if (t->file >= 0)
        close_file(t);
    turn_give(c->home, t);
}

/* Nothing is left of it: most turns are over when the fiber is. */
static inline bool is_over(const struct sl__turn *t)
{
    return t->done && t->body_done && t->file_left == 0 && !t->failed && !t->close;
}

static inline void next_request(struct sl__conn *c, struct sl__turn *t)
{
    unpin(c, t);
    c->phase = SL__CONN_READ;
    let_go(c, t);
}

int sl__turn_begin(struct sl__conn *c)
{
    struct sl__conns *home = c->home;
    struct sl__block *b = c->in;
    const char *octets = b->data + b->at;
    size_t len = b->end - b->at;
    struct sl__turn *t;
    ssize_t head;
    int r;

    if (sl__http1_still_partial(&b->part, octets, len, &home->limits)) {
        b->part.seen = (uint32_t)len;
        return 0;
    }
    t = turn_take(home);
    if (!t)
        return -ENOMEM;
    head = sl__http1_parse(octets, len, &home->limits, &t->exchange.request, t->fields);
    if (head <= 0) {
        b->part = (struct sl__http1_part){(uint32_t)len, t->exchange.request.run};
        turn_give(home, t);
        return (int)head;
    }
    set_up(t, c);
    pin(c, t, (size_t)head);
    c->turn = t;
    c->phase = SL__CONN_SERVE;
    c->awaited = SL__AWAIT_NOTHING;
    c->empty_lines = 0;
    c->slow = false;
    c->requests++;
    home->counted.serving++;
    c->pumping = true;
    r = sl__fiber_start(NULL, run_turn, t);
    c->pumping = false;
    if (r == 0) {
        if (is_over(t))
            next_request(c, t);
        return 1;
    }
    home->counted.serving--;
    t->done = true;
    sl__turn_free(c);
    return -SL_EOVERLOADED;
}

/* The connection will not be used for another request. */
static void end_with(struct sl__conn *c, struct sl__turn *t)
{
    bool refuse = t->failed && !t->head_done;

    c->reset = !refuse && t->failed && t->framing == SL__FRAMING_CLOSE;
    c->last = !t->failed && !t->exchange.request.keep_alive && t->body_done && !c->more &&
              sl__input_len(c) == 0;
    c->phase = SL__CONN_CLOSING;
    let_go(c, t);
    if (refuse)
        sl__close_refuse(c, -ENOMEM);
}

void sl__turn_after(struct sl__conn *c)
{
    struct sl__turn *t = c->turn;

    unpin(c, t);
    if (t->detached)
        sl__detach(c);
    else if (c->phase == SL__CONN_SERVE && t->file_left > 0 && !t->failed)
        c->phase = SL__CONN_FILE;
    else if (t->failed || t->close)
        end_with(c, t);
    else if (t->body_done)
        next_request(c, t);
    else
        c->phase = SL__CONN_SKIP;
}

void sl__turn_free(struct sl__conn *c)
{
    struct sl__turn *t = c->turn;

    if (t->detached)
        sl__detached_lost(&t->detached, -ECONNRESET);
    unpin(c, t);
    let_go(c, t);
}
