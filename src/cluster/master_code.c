/*
 * Which code runs: the held executable and, during a reload, the candidate's.
 *
 * Comes from a SIGHUP or from development.c with the news that there is new code, and from the
 * supervisor with its verdict on it. A respawn never opens the path: only a reload does.
 */
#include "cluster/master_state.h"

#include "base/log.h"
#include "base/time.h"
#include "shallot/error.h"

#include <errno.h>

static void take_settings(struct sl__master *m, const struct sl__member *w)
{
    uint32_t wanted = w->instances;
    char reason[128];

    if (w->drain_ms)
        m->config.drain_ms = w->drain_ms;
    if (w->grace_ms)
        m->config.grace_ms = w->grace_ms;
    if (w->ready_ms)
        m->config.ready_ms = w->ready_ms;
    sl__supervisor_set_times(m->supervisor, m->config.drain_ms * SL__MS,
                             m->config.ready_ms * SL__MS);
    if (wanted == 0)
        wanted = sl__usable_cpus(reason, sizeof reason);
    if (wanted == m->instances) /* unchanged by the code: what a signal has scaled to stays */
        return;
    m->instances = wanted;
    sl__supervisor_set_instances(m->supervisor, wanted, m->loop.now);
}

int sl__master_reload(struct sl__master *m)
{
    struct sl__executable next;
    int r;

    if (m->upgrade.stage != SL__UPGRADE_NONE) {
        sl__log(SL__WARN, "an upgrade is under way: reload refused, ask again when it is over");
        return -EBUSY;
    }
    r = sl__executable_open(&next, m->held.path);
    sl__notify_reloading(m);
    if (r < 0) {
        sl__notify_reloaded(m, sl_strerror(r));
        sl__log(SL__ERROR, "cannot reload %s: %s; the running code stays", m->held.path,
                sl_strerror(r));
        return r;
    }
    sl__control_over(m, SL__CONTROL_RELOAD, 0, "given up for a newer reload", NULL);
    sl__executable_close(&m->candidate);
    m->candidate = next;
    sl__listeners_demote(&m->listeners, sl__crew_forget_listener, m); /* of one given up for this */
    sl__regions_demote(&m->regions);
    sl__supervisor_reload(m->supervisor, m->loop.now);
    sl__board_event(m->board.events,
                    &(sl_event){.kind = SL_EVENT_RELOADING,
                                .generation = sl__supervisor_candidate(m->supervisor)});
    return 0;
}

const struct sl__executable *sl__master_code(struct sl__master *m, bool candidate)
{
    if (candidate)
        return &m->candidate;
    if (!m->change_seen && sl__executable_changed(&m->held)) {
        m->change_seen = true;
        sl__log(SL__WARN,
                "%s was written to in place: workers that are started now run the changed file. "
                "Replace it by rename instead",
                m->held.path);
    }
    return &m->held;
}

void sl__master_promote(struct sl__master *m, unsigned generation)
{
    sl__executable_close(&m->held);
    m->held = m->candidate;
    m->candidate.fd = -1;
    m->change_seen = false;
    sl__listeners_promote(&m->listeners, sl__crew_forget_listener, m);
    sl__regions_promote(&m->regions);
    sl__master_bind_shared(m);
    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        if (w->generation == generation && w->greeted) {
            take_settings(m, w);
            return;
        }
    }
}

void sl__master_demote(struct sl__master *m)
{
    sl__master_upgrade_end(m);
    sl__executable_close(&m->candidate);
    sl__listeners_demote(&m->listeners, sl__crew_forget_listener, m);
    sl__regions_demote(&m->regions);
}
