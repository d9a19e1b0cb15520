/*
 * Requests between workers: one asks, one answers, and the asker hears of it once.
 *
 * Comes from relay.c with REQUEST, REPLY, REFUSAL, FORGET and the end of a worker. A request is
 * passed on in its place among the answerer's messages and remembered here until something comes of
 * it, so that the asker is told at once when nothing can: its answerer is not there, has no room,
 * or dies. A reply that nobody waits for any more is dropped here. There is no clock: the deadline
 * is the asker's, who says FORGET.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "cluster/relay_state.h"

struct key {
    uint32_t asker, number;
};

static struct sl__str text(const struct key *k)
{
    return (struct sl__str){(const char *)k, sizeof *k};
}

/* The request that is open under this number; what comes back for another is too late. */
static struct sl__asked *find(const struct sl__relay *r, uint32_t asker, uint32_t number)
{
    return sl__map_get(&r->asked_by, text(&(struct key){asker, number}));
}

static void forget(struct sl__relay *r, struct sl__asked *a)
{
    sl__map_remove(&r->asked_by, text(&(struct key){a->asker, a->number}));
    sl__list_remove(&a->link);
    sl__free(a);
}

/* A few octets, so they are sent whatever waits already: each ends a fiber's wait. */
static void refuse(struct sl__relay *r, uint32_t asker, uint32_t number, uint32_t answerer,
                   int error)
{
    struct sl__peer *p = sl__relay_peer(r, asker);
    int32_t body = error;
    struct sl__frame_head head = {
        .type = SL__FRAME_REFUSAL, .from = answerer, .target = number, .body_len = sizeof body};

    if (p)
        sl__relay_put(r, p, &head, "", &body, -1);
}

/* In turn by id: one that keeps up and stays; the asker itself only if there is nobody else. */
static struct sl__peer *choose(struct sl__relay *r, const struct sl__peer *asker)
{
    struct sl__peer *next = NULL, *first = NULL, *self = NULL;

    for (size_t i = 0; i < r->peer_count; i++) {
        struct sl__peer *p = &r->peers[i];

        if (p->dead || p->leaving || p->state != SL__PEER_LIVE)
            continue;
        if (p == asker) {
            self = p;
            continue;
        }
        if (!first || p->id < first->id)
            first = p;
        if (p->id > r->answered_last && (!next || p->id < next->id))
            next = p;
    }
    if (!next)
        next = first ? first : self;
    if (next)
        r->answered_last = next->id;
    return next;
}

/* Passes a request on. 0, or why it is refused. */
static int ask(struct sl__relay *r, struct sl__peer *asker, const struct sl__frame *frame,
               struct sl__peer *answerer)
{
    struct sl__frame_head head = frame->head;
    uint32_t number = frame->head.from;
    int result;

    if (!answerer || answerer->dead)
        return -ESRCH;
    if (answerer->state != SL__PEER_LIVE)
        return -EAGAIN;
    result = sl__relay_asked(r, asker->id, number, answerer->id);
    if (result < 0)
        return result;
    head.from = asker->id;
    head.target = number;
    if (sl__relay_deliver(r, answerer, &head, frame->topic, frame->body,
                          frame->head.flags & SL__FRAME_BODY_FD ? frame->fd : -1, r->position))
        return 0;
    forget(r, find(r, asker->id, number));
    return -ESRCH;
}

static int take_request(struct sl__relay *r, struct sl__peer *asker, const struct sl__frame *frame)
{
    uint32_t target = frame->head.target, number = frame->head.from;
    size_t topic_len = strlen(frame->topic);
    struct sl__peer *answerer;
    int result;

    if (topic_len == 0 || topic_len > SL__TOPIC_MAX || find(r, asker->id, number))
        return -EBADMSG;
    do {
        answerer = target == SL__TO_ANY ? choose(r, asker) : sl__relay_peer(r, target);
        result = ask(r, asker, frame, answerer);
    } while (result == -ESRCH && target == SL__TO_ANY && answerer); /* it turned out to be dead */
    if (result < 0)
        refuse(r, asker->id, number, answerer ? answerer->id : 0, result);
    return 0;
}

/* One that is behind gets no more than the refusal: its queue is bounded for replies as well. */
static void take_reply(struct sl__relay *r, uint32_t from, const struct sl__frame *frame)
{
    uint32_t number = frame->head.from;
    struct sl__peer *p = sl__relay_peer(r, frame->head.target);
    struct sl__asked *a = find(r, frame->head.target, number);
    struct sl__frame_head head = frame->head;
    int body_fd = head.flags & SL__FRAME_BODY_FD ? frame->fd : -1;

    if (!p || !a || a->answerer != from)
        return;
    forget(r, a);
    head.from = from;
    head.target = number;
    if (head.type == SL__FRAME_REFUSAL || p->state == SL__PEER_JOINER)
        sl__relay_put(r, p, &head, "", frame->body, body_fd);
    else if (p->state == SL__PEER_BEHIND)
        refuse(r, p->id, number, from, -ENOBUFS);
    else
        sl__relay_deliver(r, p, &head, "", frame->body, body_fd, r->position);
}

int sl__relay_asked(struct sl__relay *r, uint32_t asker, uint32_t number, uint32_t answerer)
{
    struct sl__asked *a = sl__try_alloc_zeroed(sizeof *a);

    if (!a)
        return -ENOMEM;
    *a = (struct sl__asked){.asker = asker, .number = number, .answerer = answerer};
    if (sl__map_set(&r->asked_by, text(&(struct key){asker, number}), a, NULL) < 0) {
        sl__free(a);
        return -ENOMEM;
    }
    sl__list_append(&r->asked, &a->link);
    return 0;
}

int sl__relay_request(struct sl__relay *r, struct sl__peer *p, const struct sl__frame *frame)
{
    const struct sl__frame_head *head = &frame->head;
    bool in_fd = (head->flags & SL__FRAME_BODY_FD) != 0;
    struct sl__asked *a;

    if (head->body_len > r->limits.message_bytes || (in_fd && frame->fd < 0) ||
        in_fd != ((head->flags & SL__FRAME_HAS_FD) != 0))
        return -EBADMSG;
    switch (head->type) {
    case SL__FRAME_REQUEST:
        return take_request(r, p, frame);
    case SL__FRAME_REFUSAL:
        if (in_fd || head->body_len != sizeof(int32_t))
            return -EBADMSG;
        take_reply(r, p->id, frame);
        return 0;
    case SL__FRAME_REPLY:
        take_reply(r, p->id, frame);
        return 0;
    default:
        a = find(r, p->id, head->from);
        if (a)
            forget(r, a);
        return 0;
    }
}

void sl__relay_request_leave(struct sl__relay *r, uint32_t id)
{
    struct sl__link *at = r->asked.next;

    while (at != &r->asked) {
        struct sl__asked *a = SL__OWNER(at, struct sl__asked, link);

        at = at->next;
        if (a->asker != id && a->answerer != id)
            continue;
        if (a->asker != id)
            refuse(r, a->asker, a->number, id, -ECONNRESET);
        forget(r, a);
    }
}

void sl__relay_request_finish(struct sl__relay *r)
{
    while (!sl__list_empty(&r->asked))
        forget(r, SL__OWNER(r->asked.next, struct sl__asked, link));
    sl__map_finish(&r->asked_by);
}
