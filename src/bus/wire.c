/*
 * The way out: frames to the master, and senders that wait for room.
 *
 * Comes from sl__bus_send() and from the mailbox and once-tasks with their answers. While the wire
 * is over its limit a sender on a fiber stands in a line, first come first served, and nobody
 * overtakes it; outside a fiber the answer is -EAGAIN. In a standalone process the wire is our own
 * mailbox.
 */
#include <errno.h>

#include "bus/inside.h"

struct waiter {
    struct sl__link link;
    struct sl__fiber *fiber;
};

static int loop_back(struct sl__bus *b, const struct sl__frame_head *head, const char *topic,
                     const void *body)
{
    struct sl__frame f = {.head = *head, .topic = topic, .body = body, .fd = -1};
    bool mine =
        head->target == SL__TO_ALL || head->target == SL__TO_RETAINED || head->target == b->worker;

    if (head->target == SL__TO_MASTER) {
        if (b->events.to_master)
            b->events.to_master(b->events.self, topic, body, head->body_len);
        return 0;
    }
    if (head->type == SL__FRAME_REQUEST && !mine && head->target != SL__TO_ANY)
        return -ESRCH;
    if (head->type == SL__FRAME_REPLY) { /* to ourselves, then */
        f.head.target = head->from;
        sl__bus_replied(b, &f);
        return 0;
    }
    if (head->type != SL__FRAME_REQUEST && !mine)
        return 0;
    if (!sl__mailbox_fits(b, head->body_len))
        return -EAGAIN;
    if (head->type == SL__FRAME_REQUEST)
        f.head.target = head->from;
    else
        f.head.type = SL__FRAME_MESSAGE;
    f.head.from = b->worker;
    return sl__mailbox_put(b, &f, true);
}

static int send_now(struct sl__bus *b, const struct sl__frame_head *head, const char *topic,
                    const void *body)
{
    if (!b->wire)
        return loop_back(b, head, topic, body);
    return sl__channel_send(b->wire, head, topic, body, -1);
}

static int send_in_line(struct sl__bus *b, const struct sl__frame_head *head, const char *topic,
                        const void *body, int64_t deadline)
{
    struct waiter w = {.fiber = sl__fiber_current()};
    int r;

    sl__list_append(&b->waiters, &w.link);
    do {
        r = sl__fiber_wait(deadline);
        if (r == 0 && b->stopping)
            r = -EPIPE;
        if (r == 0)
            r = b->waiters.next == &w.link ? send_now(b, head, topic, body) : -EAGAIN;
    } while (r == -EAGAIN);
    sl__list_remove(&w.link);
    sl__bus_wake_sender(b);
    return r;
}

int sl__bus_wire_until(struct sl__bus *b, const struct sl__frame_head *head, const char *topic,
                       const void *body, int64_t deadline)
{
    struct sl__fiber *self;
    int r = -EAGAIN;

    if (b->stopping)
        return -EPIPE;
    if (sl__list_empty(&b->waiters))
        r = send_now(b, head, topic, body);
    if (r != -EAGAIN)
        return r;
    self = sl__fiber_current();
    if (!self || (!b->wire && self == b->fiber)) /* the mailbox cannot wait for itself */
        return -EAGAIN;
    return send_in_line(b, head, topic, body, deadline);
}

int sl__bus_wire(struct sl__bus *b, const struct sl__frame_head *head, const char *topic,
                 const void *body)
{
    return sl__bus_wire_until(b, head, topic, body, SL__FOREVER);
}

void sl__bus_say(struct sl__bus *b, const struct sl__frame_head *head, const void *body)
{
    struct sl__frame f = {.head = *head, .topic = "", .body = body, .fd = -1};

    if (b->stopping)
        return;
    f.head.target = head->from;
    if (b->wire)
        sl__channel_send(b->wire, head, "", body, -1);
    else if (head->type == SL__FRAME_REFUSAL)
        sl__bus_replied(b, &f);
}

void sl__bus_wake_sender(struct sl__bus *b)
{
    if (!sl__list_empty(&b->waiters))
        sl__fiber_wake(SL__OWNER(b->waiters.next, struct waiter, link)->fiber);
}

int sl__bus_send(struct sl__bus *b, uint32_t target, const char *topic, const void *data,
                 size_t len)
{
    struct sl__frame_head head = {.type = SL__FRAME_SEND, .target = target, .body_len = len};
    size_t topic_len = topic ? strlen(topic) : 0;

    if (topic_len == 0 || topic_len > 255 || (len > 0 && !data))
        return -EINVAL;
    if (!b->started)
        return -EPERM;
    if (len > b->message_bytes)
        return -EMSGSIZE;
    head.topic_len = (uint16_t)topic_len;
    return sl__bus_wire(b, &head, topic, data);
}
