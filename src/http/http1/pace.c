/*
 * The pace of a client: how slowly it may send a body or take an answer before it is no client but
 * a weight.
 *
 * The connection comes here when it begins to wait for one of the two, when that wait is over, and
 * when its deadline has passed. A limit on silence alone is beaten by one octet every few seconds;
 * so, besides, all the waiting for one body, and all the waiting for one answer's room in the
 * socket, may take a grace and as long as what was moved takes at the minimum rate. Time in which
 * nobody waits for the client, because a handler works or sleeps, does not count.
 *
 * What the kernel holds in the socket's buffer, perhaps megabytes, the client has not taken: the
 * kernel is asked whenever the socket has become full, and at the deadline. So whoever takes what
 * it is sent at once costs nothing here, and a deadline is only a number until it has passed.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "http/http1/conn.h"

#define MANY ((int64_t)1000000000 * SL__SEC) /* thirty years, and far from an overflow */

/* How long so many octets may take. */
static int64_t time_of(uint64_t octets, unsigned rate)
{
    uint64_t seconds = octets / rate;

    if (seconds >= (uint64_t)(MANY / SL__SEC))
        return MANY;
    return (int64_t)(seconds * SL__SEC + octets % rate * SL__SEC / rate);
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Octets that the client has not acknowledged. */
static uint32_t queued_now(const struct sl__conn *c)
{
    int n = 0;

    return ioctl(c->watch.fd, SIOCOUTQ, &n) == 0 && n > 0 ? (uint32_t)n : 0;
}

/* Counts what the client has taken since the last look. The difference is right modulo 2^32, and so
 * much between two looks is nobody slow. */
static bool look(struct sl__conn *c)
{
    const struct sl_limits *l = &c->home->limits;
    uint32_t queued = queued_now(c), taken = c->queued - queued;

    c->queued = queued;
    if ((int32_t)taken <= 0)
        return false;
    c->credit = at_most(MANY, c->credit + time_of(taken, l->write_rate));
    return true;
}

static int64_t room_deadline(const struct sl__conn *c)
{
    const struct sl_limits *l = &c->home->limits;
    int64_t silence = l->write_ms * SL__MS;

    if (l->write_rate != SL_ANY_RATE)
        silence = at_most(silence, c->credit);
    return c->home->loop->now + silence;
}

int64_t sl__pace_await_room(struct sl__conn *c)
{
    if (c->slow) {
        look(c);
    } else { /* the first time in this answer */
        c->slow = true;
        c->credit = c->home->limits.rate_grace_ms * SL__MS;
        c->queued = queued_now(c);
    }
    c->since = c->home->loop->now;
    return room_deadline(c);
}

/* Charges for the wait so far. */
static void charge(struct sl__conn *c)
{
    int64_t now = c->home->loop->now;

    c->credit -= now - c->since;
    c->since = now;
}

void sl__pace_room(struct sl__conn *c)
{
    if (c->awaited != SL__AWAIT_ROOM)
        return;
    charge(c);
    c->awaited = SL__AWAIT_NOTHING; /* write_ms begins anew */
}

bool sl__pace_bear(struct sl__conn *c)
{
    charge(c);
    if (!look(c))
        return false;
    c->deadline = room_deadline(c);
    return c->deadline > c->home->loop->now;
}

/* Closing now would throw away what the client has not taken, should it send anything more. */
bool sl__pace_linger(struct sl__conn *c)
{
    const struct sl_limits *l = &c->home->limits;
    int64_t now = c->home->loop->now;

    if (queued_now(c) == 0)
        return false;
    if (!c->slow) {
        sl__pace_await_room(c);
    } else {
        charge(c);
        if (!look(c))
            return false;
    }
    if (l->write_rate != SL_ANY_RATE && c->credit <= 0)
        return false;
    c->deadline = now + l->linger_ms * SL__MS;
    return true;
}

int64_t sl__pace_await_body(struct sl__conn *c)
{
    const struct sl_limits *l = &c->home->limits;
    int64_t now = c->home->loop->now, silence = l->body_ms * SL__MS;
    struct sl__turn *t = c->turn;

    t->body_since = now;
    if (l->body_rate != SL_ANY_RATE)
        silence = at_most(silence, l->rate_grace_ms * SL__MS - t->body_waited +
                                       time_of(t->body_wire + sl__input_len(c), l->body_rate));
    return now + silence;
}

void sl__pace_body(struct sl__conn *c)
{
    struct sl__turn *t = c->turn;

    if (c->awaited != SL__AWAIT_BODY)
        return;
    t->body_waited += c->home->loop->now - t->body_since;
    c->awaited = SL__AWAIT_NOTHING; /* body_ms begins anew */
}
