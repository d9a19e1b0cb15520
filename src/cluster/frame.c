/*
 * Frames: the words of the channel, written into and read from one batch.
 *
 * Comes from cluster/channel.c, which collects what one tick of the loop wants to say into a batch
 * and hands a received one back frame by frame. Pure: no descriptor is touched here, only counted.
 *
 * The other end may be a program that has gone mad, so reading believes nothing: every length is
 * checked against the batch, and a frame must be exactly as large as its own lengths make it.
 */
#include "cluster/frame.h"

#include <assert.h>
#include <errno.h>

/* Written in whole words, so head and body stay aligned whatever the topic is. */
static size_t pad(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

static bool inline_body(const struct sl__frame_head *head)
{
    return !(head->flags & SL__FRAME_BODY_FD);
}

/* Lengths of a head just read, against the room that is left in the batch. */
static bool head_sound(const struct sl__frame_head *head, size_t room)
{
    size_t body_len = 0;

    if ((head->flags & SL__FRAME_BODY_FD) && !(head->flags & SL__FRAME_HAS_FD))
        return false;
    if (head->topic_len > SL__TOPIC_MAX || head->size > room)
        return false;
    if (inline_body(head)) {
        if (head->body_len > room)
            return false;
        body_len = (size_t)head->body_len;
    }
    return head->size == sl__frame_size(head->topic_len, body_len);
}

size_t sl__frame_size(size_t topic_len, size_t body_len)
{
    return sizeof(struct sl__frame_head) + pad(topic_len + 1) + pad(body_len);
}

size_t sl__frame_write(void *at, const struct sl__frame_head *head, const char *topic,
                       const void *body)
{
    struct sl__frame_head h = *head;
    size_t topic_len = topic ? strlen(topic) : 0;
    size_t body_len = inline_body(head) ? (size_t)head->body_len : 0;
    char *to = at;

    assert(topic_len <= SL__TOPIC_MAX && body_len <= SL__BATCH_MAX);
    if (h.flags & SL__FRAME_BODY_FD)
        h.flags |= SL__FRAME_HAS_FD;
    h.topic_len = (uint16_t)topic_len;
    h.size = (uint32_t)sl__frame_size(topic_len, body_len);
    memcpy(to, &h, sizeof h);
    to += sizeof h;
    /* The paddings are cleared: nothing of the writer's memory leaks to another process. */
    memset(to + pad(topic_len + 1) - 8, 0, 8);
    if (topic_len > 0)
        memcpy(to, topic, topic_len);
    to += pad(topic_len + 1);
    if (body_len > 0) {
        memset(to + pad(body_len) - 8, 0, 8);
        memcpy(to, body, body_len);
    }
    return h.size;
}

int sl__frame_read(const void *batch, size_t len, size_t *at, const int *fds, size_t fd_count,
                   size_t *fd_at, struct sl__frame *ret)
{
    const char *from = (const char *)batch + *at;
    size_t room = len - *at;

    assert(*at <= len && *fd_at <= fd_count);
    if (room == 0)
        return 0;
    if (room < sizeof ret->head)
        return -EBADMSG;
    memcpy(&ret->head, from, sizeof ret->head);
    if (!head_sound(&ret->head, room))
        return -EBADMSG;
    ret->topic = from + sizeof ret->head;
    if (memchr(ret->topic, 0, (size_t)ret->head.topic_len + 1) != ret->topic + ret->head.topic_len)
        return -EBADMSG; /* a topic with a NUL inside would not be the same topic for everybody */
    if ((ret->head.flags & SL__FRAME_HAS_FD) && *fd_at == fd_count)
        return -EBADMSG;
    ret->body = inline_body(&ret->head) ? ret->topic + pad((size_t)ret->head.topic_len + 1) : NULL;
    ret->fd = (ret->head.flags & SL__FRAME_HAS_FD) ? fds[(*fd_at)++] : -1;
    *at += ret->head.size;
    return 1;
}
