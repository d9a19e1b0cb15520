/*
 * What the relay keeps for those who come later: the last snapshot it was given and the messages
 * since, so that a state nobody alive knows any more can be told again.
 *
 * Comes from relay.c with every message while somebody shares state, and from relay_join.c with a
 * fresh snapshot. The log is bounded; when nobody gives a fresh snapshot in time its oldest part is
 * dropped, and counted.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cluster/relay_state.h"

static size_t round_up(size_t len)
{
    return (len + 15) & ~(size_t)15;
}

static bool to_everybody(uint32_t target)
{
    return target == SL__TO_ALL || target == SL__TO_OTHERS || target == SL__TO_RETAINED;
}

static size_t soft_limit(const struct sl__relay *r)
{
    size_t snapshot = r->snapshot ? sl__note_octets(r->snapshot) : 0;

    return snapshot > r->limits.log_bytes ? snapshot : r->limits.log_bytes;
}

static void drop_first(struct sl__relay *r)
{
    struct sl__note *n = SL__OWNER(r->log.next, struct sl__note, link);

    r->log_octets -= sl__note_octets(n);
    sl__list_remove(&n->link);
    sl__note_free(n);
}

static void lose_before(struct sl__relay *r, uint64_t position)
{
    if (position > r->log_start)
        r->log_start = position;
    while (!sl__list_empty(&r->log)) {
        struct sl__note *n = SL__OWNER(r->log.next, struct sl__note, link);

        if (n->position >= position)
            return;
        r->lost += to_everybody(n->head.target);
        drop_first(r);
    }
}

/*
 * Too long, although a fresh snapshot has been asked for. What lies before an open ask is only
 * needed if that fails, so it goes first; after that the ask itself has become useless.
 */
static void enforce_limit(struct sl__relay *r)
{
    size_t hard = soft_limit(r) + r->limits.queue_bytes;

    if (r->log_octets > hard && r->donor)
        lose_before(r, r->ask_position);
    if (r->log_octets <= hard)
        return;
    lose_before(r, r->position + 1);
    if (r->donor)
        sl__relay_ask_overtaken(r);
}

struct sl__note *sl__note_new(const struct sl__frame_head *head, const char *topic,
                              const void *body, int body_fd)
{
    size_t topic_room = round_up(strlen(topic) + 1);
    size_t body_len = body_fd < 0 ? (size_t)head->body_len : 0;
    struct sl__note *n = sl__try_alloc(round_up(sizeof *n) + topic_room + body_len);

    if (!n)
        return NULL;
    *n = (struct sl__note){.head = *head, .body_fd = -1};
    n->topic = (char *)n + round_up(sizeof *n);
    n->body = n->topic + topic_room;
    strcpy(n->topic, topic);
    if (body_len > 0)
        memcpy(n->body, body, body_len);
    if (body_fd >= 0) {
        n->body_fd = fcntl(body_fd, F_DUPFD_CLOEXEC, 3);
        if (n->body_fd < 0) {
            sl__free(n);
            return NULL;
        }
    }
    return n;
}

void sl__note_free(struct sl__note *n)
{
    if (!n)
        return;
    if (n->body_fd >= 0)
        close(n->body_fd);
    sl__free(n);
}

size_t sl__note_octets(const struct sl__note *n)
{
    return sizeof *n + strlen(n->topic) + (size_t)n->head.body_len;
}

void sl__relay_log_append(struct sl__relay *r, const struct sl__frame_head *head, const char *topic,
                          const void *body, int body_fd)
{
    struct sl__note *n = sl__note_new(head, topic, body, body_fd);

    if (!n) { /* then the log has a hole, and a log with a hole is none */
        lose_before(r, r->position + 1);
        r->lost += to_everybody(head->target);
        if (r->donor)
            sl__relay_ask_overtaken(r);
        return;
    }
    n->position = r->position;
    sl__list_append(&r->log, &n->link);
    r->log_octets += sl__note_octets(n);
    enforce_limit(r);
}

bool sl__relay_log_rebase(struct sl__relay *r, uint64_t position, uint32_t line,
                          const struct sl__frame *state)
{
    struct sl__frame_head head = state->head;
    bool in_fd = (head.flags & SL__FRAME_BODY_FD) != 0;
    struct sl__note *n;

    n = sl__note_new(&head, "", state->body, in_fd ? state->fd : -1);
    if (!n)
        return false;
    sl__note_free(r->snapshot);
    r->snapshot = n;
    r->snapshot_position = position;
    r->snapshot_line = line;
    lose_before(r, position);
    r->lost = 0;
    return true;
}

void sl__relay_log_clear(struct sl__relay *r)
{
    while (!sl__list_empty(&r->log))
        drop_first(r);
    sl__note_free(r->snapshot);
    r->snapshot = NULL;
    r->snapshot_position = r->log_start = r->position;
    r->snapshot_line = 0;
    r->lost = 0;
}

/* Kept while nobody is there at all: the next worker may want it. */
void sl__relay_log_review(struct sl__relay *r)
{
    size_t sharing = 0;

    for (size_t i = 0; i < r->peer_count; i++)
        sharing += r->peers[i].shares;
    if (sharing > 0 && !r->logging) {
        r->logging = true;
        sl__relay_log_clear(r);
    } else if (sharing == 0 && r->peer_count > 0 && r->logging) {
        r->logging = false;
        sl__relay_log_clear(r);
    }
}

bool sl__relay_log_long(const struct sl__relay *r)
{
    return r->log_octets > soft_limit(r) || r->lost > 0;
}
