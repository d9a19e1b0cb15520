/*
 * The mailbox: what the master sent, handled in order on one fiber.
 *
 * sl__bus_frame() comes here from the channel's callback and leaves a copy in the queue; the fiber
 * takes one after the other and calls the program's callbacks, which may wait. ASK is answered in
 * its place among the messages, which is what makes a snapshot belong to a position in the stream.
 *
 * The queue is bounded by not reading the wire any more: then the master's queue fills, and what it
 * drops it announces as a gap. Small mails are reused, so a counter's messages allocate nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "bus/inside.h"
#include "fiber/wait.h"

#define SPARE_ROOM ((size_t)160) /* octets for topic and body in a mail kept for reuse */
#define SPARE_MAX 4096u
#define WIRE_HIGH ((size_t)1 << 20)       /* octets at which the wire is not read any more */
#define ASKING_HIGH ((size_t)16 << 20)    /* the same while a reply is awaited, which comes by it */
#define LOOP_BACK_HIGH ((size_t)16 << 20) /* standalone: octets at which senders wait */
#define TURN 512u /* mails handled before the other fibers have their turn */

static size_t high_of(const struct sl__bus *b)
{
    if (!b->wire)
        return LOOP_BACK_HIGH;
    return sl__list_empty(&b->asking) ? WIRE_HIGH : ASKING_HIGH;
}

static struct sl__mail *mail_new(struct sl__bus *b, size_t room, bool may_fail)
{
    struct sl__mail *m = b->spare;

    if (room <= SPARE_ROOM && m) {
        b->spare = m->next;
        b->spare_count--;
        return m;
    }
    if (room < SPARE_ROOM)
        room = SPARE_ROOM;
    m = may_fail ? sl__try_alloc(sizeof *m + room) : sl__alloc(sizeof *m + room);
    if (m)
        m->room = room;
    return m;
}

void sl__mail_free(struct sl__bus *b, struct sl__mail *m)
{
    if (m->frame.fd >= 0)
        close(m->frame.fd);
    if (m->room > SPARE_ROOM || b->spare_count >= SPARE_MAX) {
        sl__free(m);
        return;
    }
    m->next = b->spare;
    b->spare = m;
    b->spare_count++;
}

static void put(struct sl__bus *b, struct sl__mail *m)
{
    m->next = NULL;
    *b->end = m;
    b->end = &m->next;
    b->octets += m->octets;
    sl__mailbox_regulate(b);
    if (b->hungry) {
        b->hungry = false;
        sl__fiber_wake(b->fiber);
    }
}

static struct sl__mail *get(struct sl__bus *b)
{
    struct sl__mail *m = b->first;

    if (!m)
        return NULL;
    b->first = m->next;
    if (!b->first)
        b->end = &b->first;
    return m;
}

/* Counted until it has been handled, so that a mail in hand is bounded too. */
static void done_with(struct sl__bus *b, size_t octets)
{
    size_t half = high_of(b) / 2;
    bool was_above = b->octets >= half;

    b->octets -= octets;
    if (b->stopping || !was_above || b->octets >= half)
        return;
    sl__mailbox_regulate(b);
    if (!b->wire)
        sl__bus_wake_sender(b);
}

int sl__mail_open(struct sl__mail *m, const void **ret)
{
    size_t len = m->frame.head.body_len;

    *ret = m->frame.body;
    if (!(m->frame.head.flags & SL__FRAME_BODY_FD) || len == 0)
        return 0;
    *ret = sl__sys_mmap(len, PROT_READ, MAP_SHARED, m->frame.fd);
    return *ret ? 0 : -ENOMEM;
}

void sl__mail_close(struct sl__mail *m, const void *body)
{
    if ((m->frame.head.flags & SL__FRAME_BODY_FD) && body)
        munmap((void *)(uintptr_t)body, m->frame.head.body_len);
}

static void call_topic(struct sl__bus *b, const struct sl__bus_topic *t, const sl_message *message)
{
    for (const struct sl__bus_handler *h = t->first; h && !b->stopping; h = h->next)
        h->fn(b->app, message, h->self);
}

static void announce_gap(struct sl__bus *b, uint64_t missed)
{
    for (const struct sl__bus_gap *g = b->gaps; g && !b->stopping; g = g->next)
        g->fn(b->app, missed, g->self);
}

static void on_message(struct sl__bus *b, struct sl__mail *m)
{
    const struct sl__frame *f = &m->frame;
    const struct sl__bus_topic *t =
        sl__map_get(&b->topics, (struct sl__str){f->topic, f->head.topic_len});
    sl_message message = {.topic = f->topic, .len = f->head.body_len, .from = (int)f->head.from};
    bool inside = strncmp(f->topic, SL__INSIDE, strlen(SL__INSIDE)) == 0;
    int r;

    if (!t && (!b->every_topic.first || inside))
        return;
    r = sl__mail_open(m, &message.data);
    if (r < 0) { /* one message less is a gap of one, and is said so */
        sl__bus_notice(b, "a message of %zu bytes (%s) could not be read: %s", message.len,
                       f->topic, strerror(-r));
        announce_gap(b, 1);
        return;
    }
    if (t)
        call_topic(b, t, &message);
    if (!inside)
        call_topic(b, &b->every_topic, &message);
    sl__mail_close(m, message.data);
}

static void on_gap(struct sl__bus *b, struct sl__mail *m)
{
    uint64_t missed = 0;

    if (m->frame.body && m->frame.head.body_len >= sizeof missed)
        memcpy(&missed, m->frame.body, sizeof missed);
    announce_gap(b, missed);
}

static void on_ask(struct sl__bus *b, struct sl__mail *m)
{
    struct sl__frame_head head = {.type = SL__FRAME_STATE, .target = m->frame.head.target};
    struct sl_snapshot s = {0};
    int r = sl__snapshot_give(b, &s);

    if (r == 0) {
        head.body_len = sl__buf_len(&s.buf);
        r = sl__bus_wire(b, &head, "", s.buf.data + s.buf.at);
    }
    if (r < 0 && !b->stopping) /* the master asks another worker after a while */
        sl__bus_notice(b, "the shared state (%zu bytes) could not be given to a new worker: %s",
                       sl__buf_len(&s.buf), strerror(-r));
    sl__buf_finish(&s.buf);
}

static void on_join_state(struct sl__bus *b, struct sl__mail *m)
{
    char reason[256] = "";
    const void *body;
    int r = sl__mail_open(m, &body);

    if (r < 0) {
        snprintf(reason, sizeof reason, "the state of the other workers could not be read: %s",
                 strerror(-r));
    } else {
        r = sl__snapshot_take(b, body, m->frame.head.body_len, reason, sizeof reason);
        sl__mail_close(m, body);
    }
    if (r < 0 && !b->stopping) {
        b->failed = true;
        b->events.failed(b->events.self, reason);
    }
}

static void on_joined(struct sl__bus *b)
{
    bool again = b->joined;

    b->joined = true;
    sl__bus_ask_onces(b);
    if (!again && b->events.joined && !b->stopping)
        b->events.joined(b->events.self);
}

/* Requests in hand are to be answered first. */
static void on_idle(struct sl__bus *b, struct sl__mail *m)
{
    m->next = b->idle;
    b->idle = m;
    if (sl__list_empty(&b->answering))
        sl__mailbox_tell_idle(b);
}

/* True if the mail is to be freed now: requests and wishes keep theirs. */
static bool handle(struct sl__bus *b, struct sl__mail *m)
{
    if (b->failed && m->frame.head.type != SL__MAIL_IDLE)
        return true;
    switch (m->frame.head.type) {
    case SL__FRAME_MESSAGE:
        on_message(b, m);
        break;
    case SL__FRAME_GAP:
        on_gap(b, m);
        break;
    case SL__FRAME_ASK:
        on_ask(b, m);
        break;
    case SL__FRAME_JOIN_STATE:
        on_join_state(b, m);
        break;
    case SL__FRAME_JOINED:
        on_joined(b);
        break;
    case SL__FRAME_ONCE_GRANT:
        sl__bus_grant_once(b, m->frame.topic);
        break;
    case SL__FRAME_REQUEST:
        return !sl__bus_answer(b, m);
    case SL__MAIL_IDLE:
        on_idle(b, m);
        return false;
    default: /* a newer master may say more than this worker knows */
        break;
    }
    return true;
}

static void run(void *arg)
{
    struct sl__bus *b = arg;
    unsigned turn = 0;
    int r = 0;

    while (!b->stopping && r >= 0) {
        struct sl__mail *m = get(b);
        size_t octets;

        if (!m) {
            turn = 0;
            b->hungry = true;
            r = sl__fiber_wait(SL__FOREVER);
            b->hungry = false;
            continue;
        }
        octets = m->octets;
        if (handle(b, m))
            sl__mail_free(b, m);
        done_with(b, octets);
        if (++turn % TURN == 0)
            r = sl__wait_time(0);
    }
    b->fiber = NULL;
    sl__mailbox_drop(b);
}

int sl__mailbox_start(struct sl__bus *b)
{
    int r = sl__fiber_start(&b->fiber, run, b);

    if (r == 0)
        sl__fiber_set_label(b->fiber, "mailbox");
    return r;
}

int sl__mailbox_put(struct sl__bus *b, const struct sl__frame *frame, bool may_fail)
{
    bool inlined = frame->body && !(frame->head.flags & SL__FRAME_BODY_FD);
    size_t topic_room = ((size_t)frame->head.topic_len + 8) & ~(size_t)7; /* with its NUL */
    size_t body_len = inlined ? frame->head.body_len : 0;
    struct sl__mail *m = mail_new(b, topic_room + body_len, may_fail);

    if (!m)
        return -ENOMEM;
    m->frame = *frame;
    memcpy(m->bytes, frame->topic, frame->head.topic_len);
    m->bytes[frame->head.topic_len] = 0;
    m->frame.topic = m->bytes;
    m->frame.body = NULL;
    if (body_len > 0) {
        memcpy(m->bytes + topic_room, frame->body, body_len);
        m->frame.body = m->bytes + topic_room;
    }
    m->octets = sizeof *m + frame->head.body_len;
    put(b, m);
    return 0;
}

void sl__mailbox_regulate(struct sl__bus *b)
{
    size_t high = high_of(b);
    bool pause = b->octets > (b->paused ? high / 2 : high);

    if (!b->wire || pause == b->paused)
        return;
    b->paused = pause;
    sl__channel_pause(b->wire, pause);
}

void sl__mailbox_tell_idle(struct sl__bus *b)
{
    struct sl__mail *m;

    while ((m = b->idle)) {
        b->idle = m->next;
        m->idle(m->self);
        sl__mail_free(b, m);
    }
}

bool sl__mailbox_fits(const struct sl__bus *b, size_t octets)
{
    return b->octets == 0 || b->octets + sizeof(struct sl__mail) + octets <= LOOP_BACK_HIGH;
}

void sl__mailbox_drop(struct sl__bus *b)
{
    struct sl__mail *m;

    while ((m = get(b))) {
        b->octets -= m->octets;
        sl__mail_free(b, m);
    }
    while ((m = b->idle)) {
        b->idle = m->next;
        sl__mail_free(b, m);
    }
}

void sl__mailbox_finish(struct sl__bus *b)
{
    struct sl__mail *m;

    sl__mailbox_drop(b);
    while ((m = b->spare)) {
        b->spare = m->next;
        sl__free(m);
    }
    b->spare_count = 0;
}

void sl__bus_frame(struct sl__bus *b, struct sl__frame *frame)
{
    bool reply = frame->head.type == SL__FRAME_REPLY || frame->head.type == SL__FRAME_REFUSAL;

    if (!b->fiber || b->stopping || reply || sl__bus_asks_itself(b, frame)) {
        if (reply) /* not in line: a callback may be waiting for it */
            sl__bus_replied(b, frame);
        if (frame->fd >= 0)
            close(frame->fd);
    } else {
        sl__mailbox_put(b, frame, false);
    }
    frame->fd = -1;
}

void sl__bus_when_idle(struct sl__bus *b, void (*idle)(void *self), void *self)
{
    struct sl__mail *m;

    if (!b->fiber || b->stopping) {
        idle(self);
        return;
    }
    m = mail_new(b, 0, false);
    m->frame = (struct sl__frame){.head = {.type = SL__MAIL_IDLE}, .topic = m->bytes, .fd = -1};
    m->octets = 0;
    m->idle = idle;
    m->self = self;
    put(b, m);
}
