/*
 * Development: one generation after the other.
 *
 * In production old and new workers serve side by side until the new ones have proved themselves,
 * which nobody minds. Who develops does: a page that is loaded because new code serves must not
 * come from the old. So a new worker accepts nothing, though it is ready, until the one before it
 * has said that it accepts nothing more and has handed its idle connections over; what comes
 * between the two waits in the socket's queue.
 *
 * Comes from crew and crew_frames.c whenever a worker is ready, is told to leave, has shut or is
 * gone. One that leaves and does not say so, because a handler blocks it, is waited for only so
 * long.
 */
#include "cluster/crew.h"

#include "base/time.h"
#include "cluster/master_state.h"

#define PATIENCE_NS (100 * SL__MS)

void sl__crew_hold(struct sl__member *w)
{
    if (!w->master->config.development)
        return;
    w->held = true;
    sl__channel_send(w->channel, &(struct sl__frame_head){.type = SL__FRAME_HOLD}, NULL, NULL, -1);
}

static bool accepts(const struct sl__member *w)
{
    return w->ready && !w->held && !w->shut;
}

static void serve(struct sl__member *w)
{
    w->held = false;
    sl__channel_send(w->channel, &(struct sl__frame_head){.type = SL__FRAME_SERVE}, NULL, NULL, -1);
}

void sl__crew_turn(struct sl__master *m)
{
    bool somebody_waits = false, somebody_leaves = false;

    if (!m->config.development)
        return;
    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        const struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        if (accepts(w) && !w->leaving)
            return;
        somebody_leaves = somebody_leaves || accepts(w);
        somebody_waits = somebody_waits || (w->ready && w->held && !w->leaving);
    }
    if (somebody_waits && somebody_leaves) {
        if (!sl__timer_running(&m->turn))
            sl__timer_start(&m->loop, &m->turn, m->loop.now + PATIENCE_NS);
        return;
    }
    sl__timer_stop(&m->loop, &m->turn);
    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        if (w->ready && w->held && !w->leaving)
            serve(w);
    }
}

void sl__crew_turn_over(struct sl__timer *t)
{
    struct sl__master *m = SL__OWNER(t, struct sl__master, turn);

    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        w->shut = w->shut || w->leaving;
    }
    sl__crew_turn(m);
}
