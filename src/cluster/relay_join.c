/*
 * Bringing workers to the present: joiners, workers that were told of a gap, and, rarely, workers
 * whose state has gone its own way.
 *
 * Comes from relay.c at the end of every call (settle) and with a donor's STATE. At most one ask is
 * open at a time; its answer refreshes the retained snapshot and serves everybody who waits,
 * because the log since the ask is what each of them missed meanwhile. With no donor the snapshot
 * and the log that are here already serve.
 */
#include "base/mem.h"
#include "cluster/relay_state.h"

#define OVERTAKEN_MAX 4 /* asks of one donor in a row that came to nothing */

/* Line 0 first, else the newest line; then who stays; then the youngest, whose code is newest. */
static bool better_donor(const struct sl__peer *a, const struct sl__peer *b)
{
    if (a->line != b->line)
        return a->line == 0 || (b->line != 0 && a->line > b->line);
    if (a->leaving != b->leaving)
        return !a->leaving;
    return a->id > b->id;
}

static struct sl__peer *choose_donor(struct sl__relay *r)
{
    struct sl__peer *best = NULL;

    for (size_t i = 0; i < r->peer_count; i++) {
        struct sl__peer *p = &r->peers[i];

        if (p->state != SL__PEER_LIVE || !p->shares || p->dead || p->slow)
            continue;
        if (!best || better_donor(p, best))
            best = p;
    }
    return best;
}

static bool wants_state(const struct sl__peer *p)
{
    if (p->dead || !p->shares)
        return false;
    return p->state == SL__PEER_JOINER || (p->state == SL__PEER_BEHIND && p->drained);
}

static struct sl__peer *first_wanting(struct sl__relay *r)
{
    for (size_t i = 0; i < r->peer_count; i++) {
        if (wants_state(&r->peers[i]))
            return &r->peers[i];
    }
    return NULL;
}

/* From this moment they miss messages, which the log keeps for them. A slow one may be right. */
static void recall_strayed(struct sl__relay *r, const struct sl__peer *donor)
{
    for (size_t i = 0; i < r->peer_count; i++) {
        struct sl__peer *p = &r->peers[i];

        if (p->state != SL__PEER_LIVE || !p->shares || p->dead || p->slow || p->line == donor->line)
            continue;
        p->state = SL__PEER_BEHIND;
        p->drained = true;
        p->since = r->position;
        p->missed = 0;
    }
}

/* False if the donor turned out to be dead. */
static bool open_ask(struct sl__relay *r, struct sl__peer *donor)
{
    if (++r->ask_number == 0)
        r->ask_number = 1;
    if (r->donor_before != donor->id)
        r->overtaken = 0;
    r->donor_before = donor->id;
    if (!sl__relay_control(r, donor, SL__FRAME_ASK, r->ask_number, ""))
        return false;
    r->donor = donor->id;
    r->ask_position = r->position;
    return true;
}

static uint64_t count_in_log(const struct sl__relay *r, const struct sl__peer *p, uint64_t from)
{
    uint64_t count = 0;

    /* Backwards: what waits is at the end. */
    for (struct sl__link *at = r->log.prev; at != &r->log; at = at->prev) {
        const struct sl__note *n = SL__OWNER(at, struct sl__note, link);

        if (n->position < from)
            break;
        count += sl__relay_meant(p, n->head.target, n->head.from);
    }
    return count;
}

static void send_note(struct sl__relay *r, struct sl__peer *p, const struct sl__note *n,
                      enum sl__frame_type type)
{
    struct sl__frame_head head = n->head;

    head.type = (uint8_t)type;
    sl__relay_put(r, p, &head, n->topic, n->body, n->body_fd);
}

static void send_log(struct sl__relay *r, struct sl__peer *p, uint64_t from)
{
    for (struct sl__link *at = r->log.next; at != &r->log; at = at->next) {
        const struct sl__note *n = SL__OWNER(at, struct sl__note, link);

        if (n->position >= from && sl__relay_meant(p, n->head.target, n->head.from))
            send_note(r, p, n, SL__FRAME_MESSAGE);
    }
}

/* Last values set in [since, before). Returns how many there are; sends them unless @p only_count.
 */
static uint64_t send_retained(struct sl__relay *r, struct sl__peer *p, uint64_t since,
                              uint64_t before, bool only_count)
{
    uint64_t count = 0;

    for (struct sl__link *at = r->retained_order.next; at != &r->retained_order; at = at->next) {
        const struct sl__note *n = SL__OWNER(at, struct sl__note, link);

        if (n->position < since || n->position >= before)
            continue;
        count++;
        if (!only_count)
            send_note(r, p, n, SL__FRAME_MESSAGE);
    }
    return count;
}

static void send_gap(struct sl__relay *r, struct sl__peer *p, uint64_t missed)
{
    struct sl__frame_head head = {.type = SL__FRAME_GAP, .body_len = sizeof missed};

    sl__relay_put(r, p, &head, "", &missed, -1);
    if (r->actions.gap)
        r->actions.gap(r->actions.self, p->id, missed);
}

/*
 * What the peer gets of the log begins at @from: after the snapshot, if that is newer than what it
 * has; else where it fell behind. Last values that the log does not hold are told apart, and
 * messages that neither of them holds are what it has missed.
 */
void sl__relay_bring(struct sl__relay *r, struct sl__peer *p)
{
    bool joiner = p->state == SL__PEER_JOINER;
    bool newer = p->shares && (joiner || (r->snapshot && r->snapshot_position >= p->since));
    uint64_t from = !p->shares ? r->position : newer ? r->snapshot_position : p->since;
    uint64_t logged_from = p->shares && r->log_start > from ? r->log_start : from;
    uint64_t since = joiner ? 0 : p->since;
    uint64_t missed = joiner ? (p->shares ? r->lost : 0) : p->missed;
    bool take, lossy;

    if (!joiner && p->shares)
        missed -= count_in_log(r, p, from);
    missed -= send_retained(r, p, joiner ? from : since, logged_from, true);
    take = newer && r->snapshot && (joiner || missed > 0 || p->line != r->snapshot_line);
    lossy = missed > 0 && (!take || logged_from > from);
    if (missed > 0)
        send_gap(r, p, missed);
    send_retained(r, p, since, logged_from, false);
    if (take)
        send_note(r, p, r->snapshot, SL__FRAME_JOIN_STATE);
    if (p->shares)
        send_log(r, p, from);
    if (joiner)
        sl__relay_control(r, p, SL__FRAME_JOINED, 0, "");
    if (lossy)
        p->line = ++r->last_line;
    else if (newer)
        p->line = r->snapshot_line;
    p->state = SL__PEER_LIVE;
    p->missed = 0;
    p->allowance = p->waiting;
}

void sl__relay_state(struct sl__relay *r, struct sl__peer *donor, const struct sl__frame *frame)
{
    donor->slow = false;
    if (donor->id != r->donor || frame->head.target != r->ask_number)
        return; /* too late: somebody else has been asked */
    r->donor = 0;
    r->overtaken = 0;
    if (!sl__relay_log_rebase(r, r->ask_position, donor->line, frame)) {
        donor->slow = true; /* it would be as large again: let another try, or go without */
        return;
    }
    for (size_t i = 0; i < r->peer_count; i++) {
        struct sl__peer *p = &r->peers[i];

        /* One that fell behind after the ask has had messages that the log would tell again. */
        if (wants_state(p) && (p->state == SL__PEER_JOINER || p->since <= r->ask_position))
            sl__relay_bring(r, p);
    }
}

void sl__relay_ask_overtaken(struct sl__relay *r)
{
    struct sl__peer *donor = sl__relay_peer(r, r->donor);

    r->donor = 0;
    if (donor && ++r->overtaken >= OVERTAKEN_MAX)
        donor->slow = true;
}

void sl__relay_settle(struct sl__relay *r)
{
    for (;;) {
        struct sl__peer *donor = r->donor ? sl__relay_peer(r, r->donor) : NULL;
        struct sl__peer *wanting;

        if (donor && !donor->dead)
            return;
        r->donor = 0;
        donor = choose_donor(r);
        if (donor)
            recall_strayed(r, donor);
        wanting = first_wanting(r);
        if (donor && (wanting || (r->logging && sl__relay_log_long(r)))) {
            if (open_ask(r, donor))
                return;
        } else if (wanting) {
            sl__relay_bring(r, wanting);
        } else {
            return;
        }
    }
}
