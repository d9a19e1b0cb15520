/*
 * Input: blocks from a pool, one recv at a time, heads pinned, what is incomplete parked.
 *
 * The connection comes here when its socket is readable and leaves with octets behind those it has.
 * While a request has its turn, its head stays where it is, because the handler was given pointers
 * into it; body and pipelined octets live behind it, and when the room there is too small to be
 * worth a recv, in a second block. Nothing here grows with what a client sends, except up to the
 * limit of a head: when there is no room, nothing is received, and the client has to wait.
 *
 * An idle connection has no block. A head that is incomplete when the input is exhausted moves to
 * memory of exactly its size, so that ten thousand slow clients cost what they have sent.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/sys.h"
#include "http/http1/conn.h"

#define SPARE_BLOCKS 64
#define ROOM_MIN ((uint32_t)4096) /* less behind a pinned head is not worth a recv */
#define GROW_MORE ((size_t)4096)  /* beyond limits.head_bytes the parser always knows the answer */

static SL__COLD struct sl__block *block_new(size_t size)
{
    struct sl__block *b = sl__try_alloc(sizeof(*b) + size);

    if (!b)
        return NULL;
    b->size = (uint32_t)size;
    b->at = b->end = b->pin = 0;
    b->part.run = 0;
    return b;
}

static SL__APART struct sl__block *take_spare(struct sl__conns *home)
{
    struct sl__block *b = home->spare.blocks;

    if (!b)
        return block_new(SL__BLOCK_DATA);
    home->spare.blocks = b->next;
    home->spare.block_count--;
    return b;
}

struct sl__block *sl__block_take(struct sl__conns *home)
{
    struct sl__block *b = home->warm.block;

    home->warm.block = NULL;
    if (!b)
        b = take_spare(home);
    if (!b)
        return NULL;
    b->at = b->end = b->pin = 0;
    b->part.run = 0;
    return b;
}

static SL__APART void give_spare(struct sl__conns *home, struct sl__block *b)
{
    if (b->size != SL__BLOCK_DATA || home->spare.block_count >= SPARE_BLOCKS) {
        sl__free(b);
        return;
    }
    b->next = home->spare.blocks;
    home->spare.blocks = b;
    home->spare.block_count++;
}

static inline void give(struct sl__conns *home, struct sl__block *b)
{
    if (home->warm.block || b->size != SL__BLOCK_DATA)
        give_spare(home, b);
    else
        home->warm.block = b;
}

void sl__blocks_finish(struct sl__conns *home)
{
    struct sl__block *b;

    sl__free(home->warm.block);
    while ((b = home->spare.blocks)) {
        home->spare.blocks = b->next;
        sl__free(b);
    }
}

void sl__block_give(struct sl__conns *home, struct sl__block *b)
{
    if (b)
        give(home, b);
}

/* Moves the unconsumed octets to the front of another block. */
static SL__APART void move_to(struct sl__conn *c, struct sl__block *to)
{
    struct sl__block *from = c->in;

    to->end = from->end - from->at;
    to->part = from->part;
    memcpy(to->data, from->data + from->at, to->end);
    sl__block_give(c->home, from);
    c->in = to;
}

/* A parked head, or one that is larger than its block, goes on in a larger one. */
static SL__COLD int grow(struct sl__conn *c)
{
    size_t most = c->home->limits.head_bytes + GROW_MORE, size = (size_t)c->in->size * 2;
    struct sl__block *b;

    if (c->in->size < SL__BLOCK_DATA) {
        b = sl__block_take(c->home);
    } else {
        if (size > most)
            size = most;
        b = size > c->in->size ? block_new(size) : NULL;
    }
    if (!b)
        return -ENOMEM;
    move_to(c, b);
    return 0;
}

/* Input goes on in a fresh block; the old one, consumed, keeps the head until the turn's end. */
static SL__COLD int leave_head_behind(struct sl__conn *c)
{
    struct sl__block *b = sl__block_take(c->home);

    if (!b)
        return -ENOMEM;
    c->turn->pinned = c->in;
    c->in = b;
    return 0;
}

static inline bool wants_body(const struct sl__conn *c)
{
    return c->turn && c->turn->wants_body;
}

/* Whether moving the rest of a body to the front gives enough room to be worth it. */
static inline bool worth_moving(const struct sl__block *b)
{
    return b->pin == 0 && b->at > 0 && b->at >= b->size / 2;
}

bool sl__input_has_room(const struct sl__conn *c)
{
    const struct sl__block *b = c->in;

    if (!b || c->phase == SL__CONN_READ)
        return true;
    if (b->at == b->end)
        return b->pin < b->size || wants_body(c);
    return b->end < b->size || worth_moving(b);
}

bool sl__input_wanted(const struct sl__conn *c)
{
    if (c->fin || c->broken)
        return false;
    switch (c->phase) {
    case SL__CONN_READ:
        return !c->blocked;
    case SL__CONN_SERVE:
    case SL__CONN_SKIP:
        return sl__input_has_room(c);
    case SL__CONN_LINGER:
        return true;
    default:
        return false;
    }
}

/* Makes room in the block there is for a recv: its size, 0 if there must be none now, or -ENOMEM.
 */
static SL__APART ssize_t make_room(struct sl__conn *c)
{
    struct sl__block *b = c->in;
    int r = 0;

    if (b->at == b->end) {
        b->at = b->end = b->pin;
        if (b->pin && b->size - b->pin < ROOM_MIN && wants_body(c))
            r = leave_head_behind(c);
    } else if (b->end == b->size && b->pin == 0) {
        if (worth_moving(b) || (b->at > 0 && c->phase == SL__CONN_READ)) {
            memmove(b->data, b->data + b->at, b->end - b->at);
            b->end -= b->at;
            b->at = 0;
        } else if (c->phase == SL__CONN_READ) {
            r = grow(c);
        }
    }
    return r < 0 ? r : (ssize_t)(c->in->size - c->in->end);
}

static inline size_t receive(struct sl__conn *c, size_t room)
{
    ssize_t n = sl__sys_recv(c->watch.fd, c->in->data + c->in->end, (size_t)room);
    c->more = n == (ssize_t)room;
    if (n > 0) {
        c->in->end += (uint32_t)n;
        c->home->counted.received += (uint64_t)n;
        return (size_t)n;
    }
    if (n == 0)
        c->fin = true;
    else if (n != -EAGAIN)
        sl__conn_break(c);
    return 0;
}

size_t sl__input_receive_first(struct sl__conn *c)
{
    c->in = sl__block_take(c->home);
    if (c->in)
        return receive(c, c->in->size);
    sl__conn_break(c);
    return 0;
}

size_t sl__input_receive(struct sl__conn *c)
{
    ssize_t room;

    if (!c->in)
        return sl__input_receive_first(c);
    room = make_room(c);
    if (room < 0)
        sl__conn_break(c);
    return room > 0 ? receive(c, (size_t)room) : 0;
}

/* To memory of its size. */
static SL__APART void shrink(struct sl__conn *c)
{
    size_t len = sl__input_len(c);
    struct sl__block *b = len < c->in->size ? block_new(len) : NULL;

    if (b) /* else it stays where it is, which costs memory but works */
        move_to(c, b);
}

void sl__input_park(struct sl__conn *c)
{
    struct sl__block *b = c->in;

    if (b->at < b->end) {
        shrink(c);
        return;
    }
    c->in = NULL;
    give(c->home, b);
}

void sl__input_free(struct sl__conn *c)
{
    sl__block_give(c->home, c->in);
    c->in = NULL;
}
