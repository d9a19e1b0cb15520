/*
 * The relay on its way through an exec of the master: every message it keeps, who has had what,
 * which once-task runs where, and which requests are open.
 *
 * Comes from master_upgrade.c. Large bodies stay in their memfds, whose descriptors are inherited.
 */
#include "cluster/relay_state.h"

#include "base/mem.h"
#include "cluster/archive.h"

#include <errno.h>

#define PEERS_MAX ((size_t)4096)
#define NOTES_MAX ((size_t)1 << 24)

static void fail(struct sl__archive *a, int error)
{
    if (a->error == 0)
        a->error = error;
}

static void archive_peer(struct sl__archive *a, struct sl__peer *p)
{
    uint32_t state = p->state;

    sl__archive_u32(a, &p->id);
    sl__archive_u32(a, &state);
    sl__archive_bool(a, &p->shares);
    sl__archive_bool(a, &p->dead);
    sl__archive_bool(a, &p->leaving);
    sl__archive_bool(a, &p->slow);
    sl__archive_bool(a, &p->drained);
    sl__archive_u64(a, &p->since);
    sl__archive_u64(a, &p->missed);
    sl__archive_u32(a, &p->line);
    sl__archive_size(a, &p->waiting, SIZE_MAX);
    sl__archive_size(a, &p->allowance, SIZE_MAX);
    if (state > SL__PEER_BEHIND)
        fail(a, -EBADMSG);
    p->state = (enum sl__peer_state)state;
}

static void archive_peers(struct sl__relay *r, struct sl__archive *a)
{
    sl__archive_size(a, &r->peer_count, PEERS_MAX);
    if (a->reading && r->peer_count > 0) {
        r->peer_size = r->peer_count;
        r->peers = sl__alloc_zeroed(r->peer_size * sizeof *r->peers);
    }
    for (size_t i = 0; i < r->peer_count; i++)
        archive_peer(a, &r->peers[i]);
}

static void write_note(struct sl__archive *a, struct sl__note *n)
{
    size_t body_len = n->body_fd < 0 ? (size_t)n->head.body_len : 0;

    sl__archive_u64(a, &n->position);
    sl__archive_bytes(a, &n->head, sizeof n->head);
    sl__archive_fd(a, &n->body_fd);
    sl__archive_text(a, n->topic, SL__TOPIC_MAX + 1);
    sl__archive_bool(a, &n->once);
    sl__archive_size(a, &body_len, SIZE_MAX);
    sl__archive_bytes(a, n->body, body_len);
}

/* NULL on failure. */
static struct sl__note *read_note(struct sl__archive *a)
{
    char topic[SL__TOPIC_MAX + 1];
    struct sl__frame_head head, inside;
    struct sl__note *n = NULL;
    uint64_t position;
    size_t body_len = 0;
    bool once = false;
    int fd = -1;

    sl__archive_u64(a, &position);
    sl__archive_bytes(a, &head, sizeof head);
    sl__archive_fd(a, &fd);
    sl__archive_text(a, topic, sizeof topic);
    sl__archive_bool(a, &once);
    sl__archive_size(a, &body_len, a->end - a->at);
    if (a->error == 0 && fd < 0 && body_len != head.body_len)
        fail(a, -EBADMSG);
    if (a->error != 0)
        return NULL;
    inside = head;
    inside.body_len = body_len;
    n = sl__note_new(&inside, topic, a->mapped + a->at, -1);
    if (!n) {
        fail(a, -ENOMEM);
        return NULL;
    }
    n->head = head;
    n->position = position;
    n->body_fd = fd;
    n->once = once;
    a->at += body_len;
    return n;
}

/* One that may be missing. */
static void archive_snapshot(struct sl__relay *r, struct sl__archive *a)
{
    bool there = r->snapshot != NULL;

    sl__archive_bool(a, &there);
    if (there && a->reading)
        r->snapshot = read_note(a);
    else if (there)
        write_note(a, r->snapshot);
}

static size_t length(const struct sl__link *list)
{
    size_t n = 0;

    for (const struct sl__link *at = list->next; at != list; at = at->next)
        n++;
    return n;
}

static void archive_notes(struct sl__link *list, struct sl__archive *a)
{
    size_t count = length(list);

    sl__archive_size(a, &count, NOTES_MAX);
    if (!a->reading) {
        for (struct sl__link *at = list->next; at != list; at = at->next)
            write_note(a, SL__OWNER(at, struct sl__note, link));
        return;
    }
    for (; count > 0 && a->error == 0; count--) {
        struct sl__note *n = read_note(a);

        if (n)
            sl__list_append(list, &n->link);
    }
}

static void archive_task(struct sl__archive *a, struct sl__once *t)
{
    char name[SL__TOPIC_MAX + 1] = "";

    if (!a->reading)
        memcpy(name, t->name, strlen(t->name) + 1);
    sl__archive_text(a, name, sizeof name);
    sl__archive_bool(a, &t->done);
    sl__archive_u32(a, &t->owner);
    sl__archive_size(a, &t->waiting_count, PEERS_MAX);
    if (a->reading) {
        t->name = sl__strdup(name);
        t->waiting_size = t->waiting_count;
        if (t->waiting_count > 0)
            t->waiting = sl__alloc_zeroed(t->waiting_count * sizeof *t->waiting);
    }
    sl__archive_bytes(a, t->waiting, t->waiting_count * sizeof *t->waiting);
}

static void archive_tasks(struct sl__relay *r, struct sl__archive *a)
{
    size_t count = length(&r->tasks);

    sl__archive_size(a, &count, NOTES_MAX);
    if (!a->reading)
        for (struct sl__link *at = r->tasks.next; at != &r->tasks; at = at->next)
            archive_task(a, SL__OWNER(at, struct sl__once, link));
    for (; a->reading && count > 0 && a->error == 0; count--) {
        struct sl__once *t = sl__alloc_zeroed(sizeof *t);

        archive_task(a, t);
        sl__list_append(&r->tasks, &t->link);
    }
}

static void archive_requests(struct sl__relay *r, struct sl__archive *a)
{
    size_t count = length(&r->asked);
    struct sl__link *at = r->asked.next;

    sl__archive_u32(a, &r->answered_last);
    sl__archive_size(a, &count, NOTES_MAX);
    for (; count > 0 && a->error == 0; count--) {
        struct sl__asked request = {0};

        if (!a->reading) {
            request = *SL__OWNER(at, struct sl__asked, link);
            at = at->next;
        }
        sl__archive_u32(a, &request.asker);
        sl__archive_u32(a, &request.number);
        sl__archive_u32(a, &request.answerer);
        if (a->reading && sl__relay_asked(r, request.asker, request.number, request.answerer) < 0)
            fail(a, -ENOMEM);
    }
}

/* What follows from the lists. */
static void put_in_order(struct sl__relay *r, struct sl__archive *a)
{
    for (struct sl__link *at = r->log.next; at != &r->log; at = at->next)
        r->log_octets += sl__note_octets(SL__OWNER(at, struct sl__note, link));
    for (struct sl__link *at = r->retained_order.next; at != &r->retained_order; at = at->next) {
        struct sl__note *n = SL__OWNER(at, struct sl__note, link);

        r->retained_octets += sl__note_octets(n);
        if (sl__map_set(&r->retained, sl__str_of(n->topic), n, NULL) < 0)
            fail(a, -ENOMEM);
    }
}

void sl__relay_archive(struct sl__relay *r, struct sl__archive *a)
{
    uint64_t message_bytes = r->limits.message_bytes;

    sl__archive_mark(a, "RELY");
    sl__archive_u64(a, &message_bytes);
    sl__relay_allow(r, message_bytes);
    sl__archive_u64(a, &r->position);
    archive_peers(r, a);
    archive_notes(&r->retained_order, a);
    sl__archive_bool(a, &r->logging);
    archive_notes(&r->log, a);
    sl__archive_u64(a, &r->log_start);
    sl__archive_u64(a, &r->lost);
    archive_snapshot(r, a);
    sl__archive_u64(a, &r->snapshot_position);
    sl__archive_u32(a, &r->snapshot_line);
    sl__archive_u32(a, &r->last_line);
    sl__archive_u32(a, &r->donor);
    sl__archive_u32(a, &r->ask_number);
    sl__archive_u64(a, &r->ask_position);
    sl__archive_u32(a, &r->donor_before);
    sl__archive_u32(a, &r->overtaken);
    archive_tasks(r, a);
    archive_requests(r, a);
    if (a->reading)
        put_in_order(r, a);
}
