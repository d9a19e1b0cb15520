/*
 * HELLO on the wire: a head of fixed size and the endpoints as they are in memory, which is fine
 * between two programs of one machine as long as the version agrees. The version comes first and is
 * read first.
 *
 * Written by cluster/worker.c, read by cluster/crew.c, which must not believe a word of it: a
 * worker may be another program than it should be.
 */
#include "cluster/hello.h"

#include "cluster/frame.h"
#include "shallot/error.h"

#include <errno.h>
#include <string.h>

struct head {
    uint32_t version;
    uint32_t instances;
    uint32_t drain_ms, grace_ms, ready_ms;
    uint32_t shares;
    uint32_t endpoint_size, endpoint_count;
    uint64_t message_bytes;
};

static bool terminated(const char *text, size_t size)
{
    return memchr(text, 0, size) != NULL;
}

static bool sound(const struct sl__endpoint *e)
{
    return terminated(e->host, sizeof e->host) && terminated(e->unix_path, sizeof e->unix_path) &&
           e->port >= 0 && e->port <= 65535 && e->nth >= 0 && e->backlog >= 0;
}

int sl__hello_write(struct sl__buf *out, const struct sl__hello *h)
{
    struct head head = {
        .version = h->channel_version,
        .instances = h->instances,
        .drain_ms = h->drain_ms,
        .grace_ms = h->grace_ms,
        .ready_ms = h->ready_ms,
        .shares = h->shares,
        .endpoint_size = sizeof h->endpoints[0],
        .endpoint_count = h->endpoint_count,
        .message_bytes = h->message_bytes,
    };
    int r;

    if (h->endpoint_count > SL__LISTENERS_MAX)
        return -EINVAL;
    r = sl__buf_append(out, &head, sizeof head);
    if (r < 0)
        return r;
    return sl__buf_append(out, h->endpoints, sizeof h->endpoints[0] * h->endpoint_count);
}

int sl__hello_read(const void *body, size_t len, struct sl__hello *ret)
{
    struct head head;

    memset(ret, 0, sizeof *ret);
    if (len < sizeof head.version)
        return -EBADMSG;
    memcpy(&ret->channel_version, body, sizeof head.version);
    if (ret->channel_version != SL__CHANNEL_VERSION)
        return -SL_EPROTOCOL;
    if (len < sizeof head)
        return -EBADMSG;
    memcpy(&head, body, sizeof head);
    if (head.shares > 1 || head.endpoint_size != sizeof ret->endpoints[0] ||
        head.endpoint_count > SL__LISTENERS_MAX ||
        len - sizeof head != (size_t)head.endpoint_size * head.endpoint_count)
        return -EBADMSG;
    memcpy(ret->endpoints, (const char *)body + sizeof head, len - sizeof head);
    for (uint32_t i = 0; i < head.endpoint_count; i++)
        if (!sound(&ret->endpoints[i]))
            return -EBADMSG;
    ret->instances = head.instances;
    ret->drain_ms = head.drain_ms;
    ret->grace_ms = head.grace_ms;
    ret->ready_ms = head.ready_ms;
    ret->message_bytes = head.message_bytes;
    ret->shares = head.shares;
    ret->endpoint_count = head.endpoint_count;
    return 0;
}
