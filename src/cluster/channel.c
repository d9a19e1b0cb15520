/*
 * One end of the channel between master and worker.
 *
 * Frames come from sl__channel_send() all through a tick of the loop and are written side by side
 * into a batch; at the end of the tick, or when it is full, the batch leaves as one packet with its
 * descriptors. What the socket refuses waits in order and is still written into while it waits, so
 * a slow reader costs memory by the octet and not by the tick. The other way, packets are read into
 * one batch and handed out frame by frame.
 *
 * A callback may free the channel; it then stays in memory until that callback has returned.
 */
#include "cluster/channel.h"

#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "cluster/batch.h"
#include "cluster/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* In one wake-up: so that one loud worker does not starve the others, and what a mailbox gets
 * before its turn stays in the cache. */
#define READ_PACKETS 4u
#define FD_COST 1024u /* what a descriptor counts against the limit */
#define SOCKET_BUFFER (4 << 20)
#define RETRY_NS (10 * SL__MS) /* the kernel is out of memory or of descriptors in flight */

struct sl__channel {
    struct sl__loop *loop;
    struct sl__watch watch;
    struct sl__task flush;  /* at the end of the tick */
    struct sl__timer retry; /* where EPOLLOUT would not help */
    struct sl__channel_events events;
    struct sl__link batches; /* that wait; the last may be written into */
    size_t queued, limit, low;
    unsigned depth; /* callbacks we are inside of */
    bool blocked;   /* the socket refused; EPOLLOUT or the timer will come */
    bool above;     /* the low mark was passed upwards, or a sender refused */
    bool notify;    /* and passed downwards since: writable() is due */
    bool broken;    /* nothing can be sent any more */
    bool closed;    /* the other end is gone, and it was said so */
    bool paused;    /* its owner does not want to read now */
    bool freed;     /* by its owner, while we are inside a callback */
    int error;      /* what ended it, if it was not the other end */
};

static void drop_queue(struct sl__channel *c)
{
    struct sl__link *link;

    while ((link = sl__list_take(&c->batches)))
        sl__batch_give(SL__OWNER(link, struct sl__batch, link));
    c->queued = 0;
}

static uint32_t interest(const struct sl__channel *c)
{
    return (c->paused ? 0u : (uint32_t)EPOLLIN) | (c->blocked ? (uint32_t)EPOLLOUT : 0u);
}

static void set_blocked(struct sl__channel *c, bool blocked)
{
    if (c->blocked == blocked)
        return;
    c->blocked = blocked;
    if (sl__loop_modify(c->loop, &c->watch, interest(c)) < 0 && blocked)
        sl__timer_start(c->loop, &c->retry, c->loop->now + RETRY_NS);
}

/* Sends batches until none is left or the socket refuses. Calls nobody. */
static int send_waiting(struct sl__channel *c)
{
    while (!sl__list_empty(&c->batches)) {
        struct sl__batch *b = SL__OWNER(c->batches.next, struct sl__batch, link);
        int r = sl__batch_send(b, c->watch.fd);

        if (r == -EAGAIN) {
            set_blocked(c, true);
            return -EAGAIN;
        }
        if (r == -ETOOMANYREFS || r == -ENOMEM || r == -ENOBUFS) {
            c->blocked = true;
            sl__timer_start(c->loop, &c->retry, c->loop->now + RETRY_NS);
            return -EAGAIN;
        }
        if (r < 0) { /* what was to be read may still be there: the reading side ends the channel */
            c->broken = true;
            drop_queue(c);
            return -EPIPE;
        }
        c->queued -= b->cost;
        sl__list_remove(&b->link);
        sl__batch_give(b);
        if (c->above && c->queued <= c->low) {
            c->above = false;
            c->notify = true;
        }
    }
    set_blocked(c, false);
    return 0;
}

static void release(struct sl__channel *c)
{
    sl__free(c);
    sl__batch_pool_leave();
}

static void leave(struct sl__channel *c)
{
    c->depth--;
    if (c->freed && c->depth == 0)
        release(c);
}

/* From the loop only: the owner's callback runs. */
static void send_and_notify(struct sl__channel *c)
{
    if (c->broken)
        return;
    send_waiting(c);
    if (!c->notify)
        return;
    c->notify = false;
    if (c->events.writable) {
        c->depth++;
        c->events.writable(c->events.self);
        leave(c);
    }
}

static void flush_task(struct sl__task *t)
{
    struct sl__channel *c = SL__OWNER(t, struct sl__channel, flush);

    if (!c->blocked || c->notify)
        send_and_notify(c);
}

static void retry_timer(struct sl__timer *t)
{
    struct sl__channel *c = SL__OWNER(t, struct sl__channel, retry);

    c->blocked = false;
    send_and_notify(c);
}

/* Hands out the frames of a batch. 0, or -EBADMSG. */
static int deliver_batch(struct sl__channel *c, struct sl__batch *b)
{
    size_t at = 0, fd_at = 0;
    struct sl__frame frame;
    int r;

    while (!c->freed &&
           (r = sl__frame_read(b->data, b->len, &at, b->fds, b->fd_count, &fd_at, &frame))) {
        if (r < 0)
            return r;
        if ((frame.head.flags & SL__FRAME_BODY_FD) &&
            sl__memfd_check(frame.fd, frame.head.body_len) < 0)
            return -EBADMSG;
        if (frame.fd >= 0)
            b->fds[fd_at - 1] = -1; /* the callee's from here on */
        c->events.frame(c->events.self, &frame);
    }
    return 0;
}

static void detach(struct sl__channel *c)
{
    c->broken = true;
    drop_queue(c);
    sl__timer_stop(c->loop, &c->retry);
    sl__list_remove(&c->flush.link);
    if (c->watch.fd >= 0) {
        sl__loop_remove(c->loop, &c->watch);
        close(c->watch.fd);
    }
    c->watch.fd = -1;
}

static void say_closed(struct sl__channel *c)
{
    if (c->freed || c->closed)
        return;
    c->closed = true;
    detach(c);
    c->events.closed(c->events.self);
}

static void receive(struct sl__channel *c, unsigned packets)
{
    struct sl__batch *b;
    int r = 1;

    if (c->closed || c->depth > 0)
        return;
    b = sl__batch_take();
    if (!b)
        return; /* the watch is level-triggered: again in the next tick */
    c->depth++;
    while (r > 0 && packets-- > 0 && !c->freed && !c->paused) {
        r = sl__batch_receive(b, c->watch.fd);
        if (r > 0 && deliver_batch(c, b) < 0)
            r = -EBADMSG;
    }
    sl__batch_give(b);
    if (r < 0) {
        c->error = r == -EPIPE || r == -ECONNRESET ? 0 : r;
        say_closed(c);
    }
    leave(c);
}

static void ready(struct sl__watch *w, uint32_t events)
{
    struct sl__channel *c = SL__OWNER(w, struct sl__channel, watch);

    if (events & (EPOLLHUP | EPOLLERR)) /* the rest is bounded, and would wake us for ever */
        c->paused = false;
    c->depth++; /* keeps it in place between the two halves */
    if (events & EPOLLOUT)
        send_and_notify(c);
    c->depth--;
    if (c->freed)
        release(c);
    else if (events & ~(uint32_t)EPOLLOUT)
        receive(c, READ_PACKETS);
}

/* The batch to write the next frame into: the last one if there is room, else a new one. */
static struct sl__batch *batch_with_room(struct sl__channel *c, size_t size, bool with_fd)
{
    struct sl__batch *b;

    if (!sl__list_empty(&c->batches)) {
        b = SL__OWNER(c->batches.prev, struct sl__batch, link);
        if (b->len + size <= sizeof b->data && (!with_fd || b->fd_count < SL__BATCH_FDS))
            return b;
        if (!c->blocked)
            send_waiting(c); /* full ones need not wait for the end of the tick */
    }
    b = sl__batch_take();
    if (b)
        sl__list_append(&c->batches, &b->link);
    return b;
}

/* Writes the frame; the descriptor becomes the batch's on success only. */
static int append(struct sl__channel *c, const struct sl__frame_head *head, const char *topic,
                  const void *body, int fd)
{
    bool large = head->flags & SL__FRAME_BODY_FD;
    size_t size = sl__frame_size(head->topic_len, large ? 0 : (size_t)head->body_len);
    size_t cost = size + (large ? (size_t)head->body_len : fd >= 0 ? FD_COST : 0);
    struct sl__batch *b;

    b = batch_with_room(c, size, fd >= 0);
    if (!b)
        return -ENOMEM;
    if (c->broken) /* found out while making room */
        return -EPIPE;
    sl__frame_write(b->data + b->len, head, topic, body);
    b->len += size;
    if (fd >= 0)
        b->fds[b->fd_count++] = fd;
    b->cost += cost;
    c->queued += cost;
    if (c->queued > c->low)
        c->above = true;
    if (!c->blocked)
        sl__loop_defer(c->loop, &c->flush);
    return 0;
}

/* 0, with the length of the topic filled in, or why a frame cannot be taken. What is no message
 * never waits for messages: READY would be lost. */
static int admit(struct sl__channel *c, struct sl__frame_head *head, const char *topic)
{
    size_t topic_len = topic ? strlen(topic) : 0;
    bool limited = head->type == SL__FRAME_SEND || head->type == SL__FRAME_MESSAGE ||
                   head->type == SL__FRAME_REQUEST || head->type == SL__FRAME_REPLY;

    if (c->broken)
        return -EPIPE;
    if (topic_len > SL__TOPIC_MAX)
        return -EMSGSIZE;
    head->topic_len = (uint16_t)topic_len;
    if (limited && c->queued > 0 &&
        (c->queued >= c->limit || head->body_len > c->limit - c->queued)) {
        c->above = true;
        return -EAGAIN;
    }
    return 0;
}

int sl__channel_send(struct sl__channel *c, const struct sl__frame_head *head, const char *topic,
                     const void *body, int fd)
{
    struct sl__frame_head h = *head;
    int r = admit(c, &h, topic);

    if (r < 0)
        goto out;
    h.flags = fd >= 0 ? SL__FRAME_HAS_FD : 0;
    if (h.body_len > SL__INLINE_MAX ||
        sl__frame_size(h.topic_len, (size_t)h.body_len) > SL__INLINE_MAX) {
        r = fd >= 0 ? -EMSGSIZE : sl__memfd_seal(body, (size_t)h.body_len);
        if (r < 0)
            goto out;
        fd = r;
        h.flags = SL__FRAME_HAS_FD | SL__FRAME_BODY_FD;
    }
    r = append(c, &h, topic, body, fd);
out:
    if (r < 0 && fd >= 0)
        close(fd);
    return r;
}

int sl__channel_send_memfd(struct sl__channel *c, const struct sl__frame_head *head,
                           const char *topic, int body_fd)
{
    struct sl__frame_head h = *head;
    int r = admit(c, &h, topic);
    int fd;

    if (r < 0)
        return r;
    fd = fcntl(body_fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return -errno;
    h.flags = SL__FRAME_HAS_FD | SL__FRAME_BODY_FD;
    r = append(c, &h, topic, NULL, fd);
    if (r < 0)
        close(fd);
    return r;
}

void sl__channel_pause(struct sl__channel *c, bool paused)
{
    if (c->paused == paused || c->watch.fd < 0)
        return;
    c->paused = paused;
    sl__loop_modify(c->loop, &c->watch, interest(c));
}

struct sl__task *sl__channel_sending(struct sl__channel *c)
{
    return &c->flush;
}

int sl__channel_error(const struct sl__channel *c)
{
    return c->error;
}

size_t sl__channel_queued(const struct sl__channel *c)
{
    return c->queued;
}

void sl__channel_set_low(struct sl__channel *c, size_t octets)
{
    c->low = octets;
}

int sl__channel_flush(struct sl__channel *c)
{
    int r;

    if (c->broken)
        return -EPIPE;
    r = send_waiting(c);
    if (c->notify) /* not from here: the caller may be in the middle of something */
        sl__loop_defer(c->loop, &c->flush);
    return r;
}

void sl__channel_pump(struct sl__channel *c)
{
    receive(c, UINT32_MAX);
}

struct sl__channel *sl__channel_new(struct sl__loop *l, int fd, size_t queue_limit,
                                    const struct sl__channel_events *events)
{
    struct sl__channel *c = sl__try_alloc_zeroed(sizeof *c);

    if (!c)
        goto fail;
    c->loop = l;
    c->watch = (struct sl__watch){.fd = fd, .events = EPOLLIN, .ready = ready};
    c->flush.run = flush_task;
    c->retry.fire = retry_timer;
    c->events = *events;
    c->limit = queue_limit;
    c->low = queue_limit / 2;
    sl__list_init(&c->batches);
    if (sl__loop_add(l, &c->watch) < 0)
        goto fail;
    sl__batch_pool_enter();
    return c;
fail:
    sl__free(c);
    close(fd);
    return NULL;
}

void sl__channel_free(struct sl__channel *c)
{
    if (!c || c->freed)
        return;
    detach(c);
    c->freed = true;
    if (c->depth == 0)
        release(c);
}

int sl__channel_fd(const struct sl__channel *c)
{
    return c->watch.fd;
}

struct sl__link *sl__channel_waiting(struct sl__channel *c)
{
    return &c->batches;
}

void sl__channel_resume(struct sl__channel *c, struct sl__link *batches)
{
    struct sl__link *link;

    while ((link = sl__list_take(batches))) {
        sl__list_append(&c->batches, link);
        c->queued += SL__OWNER(link, struct sl__batch, link)->cost;
    }
    c->above = c->queued > c->low;
    c->notify = !c->above; /* its owner may wait to hear of room */
    sl__loop_defer(c->loop, &c->flush);
}

int sl__channel_pair(int ret[2])
{
    int octets = SOCKET_BUFFER;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret) < 0)
        return -errno;
    for (int i = 0; i < 2;
         i++) /* best effort: a smaller buffer only means more batches waiting here */
        if (setsockopt(ret[i], SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets) < 0)
            setsockopt(ret[i], SOL_SOCKET, SO_SNDBUF, &octets, sizeof octets);
    return 0;
}
