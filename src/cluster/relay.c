/*
 * The relay's door: every frame of every worker comes in here, gets its place in the one order of
 * all messages, and goes into the queues of those it is meant for.
 *
 * Comes from cluster/master.c and from tests/sim. Who cannot take a message now (a joiner, a worker
 * behind) finds it in the log later: relay_join.c.
 */
#include "cluster/relay.h"

#include <errno.h>

#include "base/mem.h"
#include "cluster/relay_state.h"

static bool topic_fits(const char *topic)
{
    size_t len = strlen(topic);

    return len > 0 && len <= SL__TOPIC_MAX;
}

static bool to_everybody(uint32_t target)
{
    return target == SL__TO_ALL || target == SL__TO_OTHERS || target == SL__TO_RETAINED;
}

static int send_from(struct sl__relay *r, uint32_t from, const struct sl__frame *frame)
{
    struct sl__frame_head head = frame->head;
    bool in_fd = (head.flags & SL__FRAME_BODY_FD) != 0;
    int result = 0;

    if (!topic_fits(frame->topic) || head.body_len > r->limits.message_bytes)
        return -EBADMSG;
    if (in_fd != ((head.flags & SL__FRAME_HAS_FD) != 0) || (in_fd && frame->fd < 0))
        return -EBADMSG;
    head.type = SL__FRAME_MESSAGE;
    head.from = from;
    if (head.target != SL__TO_MASTER)
        result = sl__relay_publish(r, &head, frame->topic, frame->body, in_fd ? frame->fd : -1);
    sl__relay_settle(r);
    /* Last, because the master may answer: what it sends comes after this message for everybody. */
    if (head.target == SL__TO_MASTER || to_everybody(head.target)) {
        struct sl__frame copy = *frame;

        copy.head = head;
        r->actions.to_master(r->actions.self, &copy);
    }
    return result;
}

static struct sl__peer *add_peer(struct sl__relay *r)
{
    if (r->peer_count == r->peer_size) {
        size_t size = r->peer_size ? 2 * r->peer_size : 8;
        struct sl__peer *grown = sl__alloc(size * sizeof *grown);

        if (r->peer_count > 0)
            memcpy(grown, r->peers, r->peer_count * sizeof *grown);
        sl__free(r->peers);
        r->peers = grown;
        r->peer_size = size;
    }
    return &r->peers[r->peer_count++];
}

struct sl__relay *sl__relay_new(const struct sl__relay_limits *limits,
                                const struct sl__relay_actions *actions)
{
    struct sl__relay *r = sl__alloc_zeroed(sizeof *r);

    r->limits = *limits;
    r->actions = *actions;
    r->position = 1;
    sl__list_init(&r->retained_order);
    sl__list_init(&r->tasks);
    sl__list_init(&r->asked);
    sl__list_init(&r->log);
    return r;
}

void sl__relay_free(struct sl__relay *r)
{
    if (!r)
        return;
    sl__relay_log_clear(r);
    sl__relay_once_finish(r);
    sl__relay_request_finish(r);
    sl__relay_retained_finish(r);
    sl__free(r->peers);
    sl__free(r);
}

void sl__relay_allow(struct sl__relay *r, uint64_t message_bytes)
{
    if (message_bytes > r->limits.message_bytes)
        r->limits.message_bytes = (size_t)message_bytes;
}

void sl__relay_join(struct sl__relay *r, uint32_t worker, bool shares)
{
    struct sl__peer *p;

    if (sl__relay_peer(r, worker))
        return; /* it says HELLO twice */
    p = add_peer(r);
    *p = (struct sl__peer){.id = worker, .state = SL__PEER_JOINER, .shares = shares};
    sl__relay_log_review(r);
    if (!shares)
        sl__relay_bring(r, p);
    sl__relay_settle(r);
}

void sl__relay_leaving(struct sl__relay *r, uint32_t worker)
{
    struct sl__peer *p = sl__relay_peer(r, worker);

    if (p)
        p->leaving = true;
}

void sl__relay_leave(struct sl__relay *r, uint32_t worker)
{
    struct sl__peer *p = sl__relay_peer(r, worker);

    if (!p)
        return;
    memmove(p, p + 1, (size_t)(r->peers + r->peer_count - (p + 1)) * sizeof *p);
    r->peer_count--;
    sl__relay_log_review(r);
    sl__relay_once_leave(r, worker);
    sl__relay_request_leave(r, worker);
    sl__relay_settle(r);
}

int sl__relay_frame(struct sl__relay *r, uint32_t from, const struct sl__frame *frame)
{
    struct sl__peer *p = sl__relay_peer(r, from);
    int result = -EBADMSG;

    if (!p)
        return -EBADMSG;
    switch (frame->head.type) {
    case SL__FRAME_SEND:
        return send_from(r, from, frame);
    case SL__FRAME_STATE:
        if (p->shares) {
            sl__relay_state(r, p, frame);
            result = 0;
        }
        break;
    case SL__FRAME_ONCE_ASK:
        if (topic_fits(frame->topic))
            result = sl__relay_once_ask(r, p, frame->topic);
        break;
    case SL__FRAME_ONCE_DONE:
        if (topic_fits(frame->topic))
            result = sl__relay_once_done(r, p, frame->topic, frame->head.target == 1);
        break;
    case SL__FRAME_REQUEST:
    case SL__FRAME_REPLY:
    case SL__FRAME_REFUSAL:
    case SL__FRAME_FORGET:
        result = sl__relay_request(r, p, frame);
        break;
    default:
        break;
    }
    sl__relay_settle(r);
    return result;
}

int sl__relay_send(struct sl__relay *r, uint32_t target, const char *topic, const void *body,
                   size_t len)
{
    struct sl__frame_head head = {.type = SL__FRAME_MESSAGE, .target = target, .body_len = len};
    int result;

    if (!topic_fits(topic))
        return -EINVAL;
    if (len > r->limits.message_bytes)
        return -EMSGSIZE;
    if (target == SL__TO_MASTER) {
        struct sl__frame frame = {.head = head, .topic = topic, .body = body, .fd = -1};

        r->actions.to_master(r->actions.self, &frame);
        return 0;
    }
    result = sl__relay_publish(r, &head, topic, body, -1);
    sl__relay_settle(r);
    return result;
}

void sl__relay_writable(struct sl__relay *r, uint32_t worker)
{
    struct sl__peer *p = sl__relay_peer(r, worker);

    if (!p || p->dead || p->state != SL__PEER_BEHIND)
        return;
    p->drained = true;
    p->waiting = p->allowance = 0;
    if (p->missed == 0)
        p->state = SL__PEER_LIVE;
    else if (!p->shares)
        sl__relay_bring(r, p);
    sl__relay_settle(r);
}

void sl__relay_donor_timeout(struct sl__relay *r, uint32_t donor)
{
    struct sl__peer *p = sl__relay_peer(r, donor);

    if (donor == 0 || r->donor != donor)
        return;
    r->donor = 0;
    if (p)
        p->slow = true;
    sl__relay_settle(r);
}

uint32_t sl__relay_awaited(const struct sl__relay *r)
{
    return r->donor;
}

uint32_t sl__relay_ask_number(const struct sl__relay *r)
{
    return r->ask_number;
}

struct sl__peer *sl__relay_peer(struct sl__relay *r, uint32_t id)
{
    for (size_t i = 0; i < r->peer_count; i++) {
        if (r->peers[i].id == id)
            return &r->peers[i];
    }
    return NULL;
}

bool sl__relay_put(struct sl__relay *r, struct sl__peer *p, const struct sl__frame_head *head,
                   const char *topic, const void *body, int body_fd)
{
    struct sl__frame_head h = *head;
    int64_t waiting;

    if (p->dead)
        return false;
    h.flags = body_fd >= 0 ? SL__FRAME_HAS_FD | SL__FRAME_BODY_FD : 0;
    waiting = r->actions.send(r->actions.self, p->id, &h, topic, body, body_fd);
    p->dead = waiting < 0;
    p->waiting = waiting < 0 ? 0 : (size_t)waiting;
    return !p->dead;
}

/*
 * A queue that held little before may take one frame of any size; beyond that it is over its limit,
 * except for what its own join put there.
 */
bool sl__relay_deliver(struct sl__relay *r, struct sl__peer *p, const struct sl__frame_head *head,
                       const char *topic, const void *body, int body_fd, uint64_t since)
{
    size_t size = sl__frame_size(strlen(topic), (size_t)head->body_len), before;

    if (!sl__relay_put(r, p, head, topic, body, body_fd))
        return false;
    before = p->waiting > size ? p->waiting - size : 0;
    if (before < p->allowance)
        p->allowance = before;
    if (p->waiting <= r->limits.queue_bytes + p->allowance ||
        before <= r->limits.queue_bytes / 4 + p->allowance)
        return true;
    p->state = SL__PEER_BEHIND;
    p->drained = false;
    p->since = since;
    p->missed = 0;
    return true;
}

bool sl__relay_control(struct sl__relay *r, struct sl__peer *p, enum sl__frame_type type,
                       uint32_t target, const char *topic)
{
    struct sl__frame_head head = {.type = (uint8_t)type, .target = target};

    return sl__relay_put(r, p, &head, topic, NULL, -1);
}

bool sl__relay_meant(const struct sl__peer *p, uint32_t target, uint32_t from)
{
    if (target == SL__TO_OTHERS)
        return p->id != from;
    return target == SL__TO_ALL || target == SL__TO_RETAINED || target == p->id;
}

int sl__relay_publish(struct sl__relay *r, const struct sl__frame_head *head, const char *topic,
                      const void *body, int body_fd)
{
    bool log = to_everybody(head->target);
    int result = 0;

    for (size_t i = 0; i < r->peer_count; i++) {
        struct sl__peer *p = &r->peers[i];

        if (p->dead || !sl__relay_meant(p, head->target, head->from))
            continue;
        if (p->state == SL__PEER_LIVE) {
            sl__relay_deliver(r, p, head, topic, body, body_fd, r->position + 1);
            continue;
        }
        p->missed += p->state == SL__PEER_BEHIND;
        log = true;
    }
    if (log && r->logging)
        sl__relay_log_append(r, head, topic, body, body_fd);
    if (head->target == SL__TO_RETAINED)
        result = sl__relay_retain(r, head, topic, body, body_fd);
    r->position++;
    return result;
}
