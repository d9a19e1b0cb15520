/*
 * The supervisor's patience: when a dead worker's position is tried again.
 *
 * Comes from supervisor.c with a death, leaves with a time. The first respawn of a position is
 * immediate, because most deaths are single ones and an immediate respawn hides them; then the
 * pauses double. Over all positions deaths in a row are counted, and when the crash budget is used
 * up a machine is not kept busy with dying: one position is tried every backoff_max until a worker
 * proves healthy, which brings all of them back.
 */
#include "cluster/supervisor_state.h"

/* splitmix64: seeded, so that a schedule can be replayed. */
static uint64_t draw(struct sl__supervisor *s)
{
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The jitter shortens by up to a quarter, so that backoff_max stays the maximum. */
static int64_t delay_after(struct sl__supervisor *s, unsigned deaths)
{
    int64_t delay = s->config.backoff_min_ns;

    if (deaths <= 1)
        return 0;
    for (unsigned n = 2; n < deaths && delay < s->config.backoff_max_ns; n++)
        delay *= 2;
    if (delay > s->config.backoff_max_ns)
        delay = s->config.backoff_max_ns;
    return delay - (int64_t)(draw(s) % (uint64_t)(delay / 4 + 1));
}

static bool any_healthy(const struct sl__supervisor *s, int64_t now)
{
    for (unsigned i = 0; i < s->current.count; i++) {
        unsigned holder = s->current.positions[i].holder;
        const struct sl__sv_worker *w = holder ? &s->workers[holder - 1] : NULL;

        if (w && sl__sv_healthy(s, w, now) &&
            (!s->actions.served || s->actions.served(s->actions.self, w->id)))
            return true;
    }
    return false;
}

/* True if a position is vacant; *ret_due: some vacant position has a time. */
static bool any_vacant(const struct sl__supervisor *s, bool *ret_due)
{
    bool vacant = false;

    *ret_due = false;
    for (unsigned i = 0; i < s->current.count; i++) {
        const struct sl__sv_position *p = &s->current.positions[i];

        if (p->holder || p->given_up)
            continue;
        vacant = true;
        *ret_due = *ret_due || p->due != SL__NEVER;
    }
    return vacant;
}

static void exhaust(struct sl__supervisor *s)
{
    s->exhausted = true;
    for (unsigned i = 0; i < s->current.count; i++)
        s->current.positions[i].due = SL__NEVER;
    sl__sv_say(s, SL__ERROR,
               "%u deaths in a row: only one worker is tried every %.1f s until one stays up",
               s->crashes, (double)s->config.backoff_max_ns / 1e9);
}

static void restore(struct sl__supervisor *s, int64_t now)
{
    s->crashes = 0;
    if (!s->exhausted)
        return;
    s->exhausted = false;
    for (unsigned i = 0; i < s->current.count; i++) {
        struct sl__sv_position *p = &s->current.positions[i];

        p->deaths = 0;
        if (!p->holder && !p->given_up)
            p->due = now;
    }
    sl__sv_say(s, SL__INFO, "a worker stays up: all are started again");
}

bool sl__sv_healthy(const struct sl__supervisor *s, const struct sl__sv_worker *w, int64_t now)
{
    return w->state == SL__WORKER_READY && now - w->ready_at >= s->config.healthy_ns;
}

/* A worker that answered was of use: its position is not kept empty for longer than it lived, and
 * its death is not counted against the crash budget. So a service that somebody keeps killing goes
 * on, and one that crashes at every second request still costs no more than ten respawns a second.
 */
static int64_t delay_after_use(struct sl__supervisor *s, const struct sl__sv_position *p,
                               const struct sl__sv_worker *w, int64_t now)
{
    int64_t delay = delay_after(s, p->deaths), most = now - w->ready_at;

    if (most < s->config.backoff_min_ns)
        most = s->config.backoff_min_ns;
    return delay < most ? delay : most;
}

void sl__sv_backoff(struct sl__supervisor *s, struct sl__sv_position *p,
                    const struct sl__sv_worker *w, bool served, int64_t now)
{
    bool of_use = served && w->state == SL__WORKER_READY;

    if (of_use && sl__sv_healthy(s, w, now)) {
        restore(s, now);
        p->deaths = 0;
    } else if (!of_use) {
        s->crashes++;
    }
    p->deaths++;
    if (s->config.crash_budget > 0 && s->crashes >= s->config.crash_budget) {
        /* One position may be unlucky while the others serve well: its own backoff is enough. */
        if (any_healthy(s, now))
            restore(s, now);
        else if (!s->exhausted)
            exhaust(s);
    }
    if (!s->exhausted) {
        p->due = now + (of_use ? delay_after_use(s, p, w, now) : delay_after(s, p->deaths));
        return;
    }
    p->due = SL__NEVER;
    sl__sv_budget_check(s, now);
}

void sl__sv_budget_check(struct sl__supervisor *s, int64_t now)
{
    bool due = false;

    if (!s->exhausted || !any_vacant(s, &due))
        return;
    if (any_healthy(s, now)) {
        restore(s, now);
        return;
    }
    for (unsigned i = 0; i < s->current.count && !due; i++) {
        struct sl__sv_position *p = &s->current.positions[i];

        if (!p->holder && !p->given_up) {
            p->due = now + s->config.backoff_max_ns;
            due = true;
        }
    }
}

/* Whether a request was served nobody tells us, so while it matters it is asked for. */
int64_t sl__sv_budget_wake(const struct sl__supervisor *s, int64_t now)
{
    int64_t wake = SL__NEVER;
    bool due;

    if (!s->exhausted || !any_vacant(s, &due))
        return SL__NEVER;
    for (unsigned i = 0; i < s->current.count; i++) {
        unsigned holder = s->current.positions[i].holder;
        const struct sl__sv_worker *w = holder ? &s->workers[holder - 1] : NULL;
        int64_t at;

        if (!w || w->state != SL__WORKER_READY)
            continue;
        at = w->ready_at + s->config.healthy_ns;
        if (at <= now)
            at = now + s->config.healthy_ns;
        wake = at < wake ? at : wake;
    }
    return wake;
}

void sl__sv_budget_reset(struct sl__supervisor *s)
{
    s->crashes = 0;
    s->exhausted = false;
}
