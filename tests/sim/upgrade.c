/*
 * Upgrade in the simulation: supervisor and relay are written into an archive, thrown away and read
 * into new ones, as an exec of the master does with them; nobody may notice.
 */
#include "sim.h"

#include "cluster/archive.h"

void world_exec(struct world *w)
{
    struct sl__relay_actions to_relay = relay_actions;
    struct sl__supervisor_actions to_supervisor = supervisor_actions;
    struct sl__archive out, in = {.reading = true};
    size_t asked = w->relay->asked_by.used, retained = w->relay->retained_octets;
    uint32_t last = w->relay->answered_last;

    trace(w, "EXEC");
    w->seen.execs++;
    to_relay.self = to_supervisor.self = w;
    sl__archive_write(&out);
    sl__supervisor_archive(w->supervisor, &out);
    sl__relay_archive(w->relay, &out);
    in.mapped = out.out.data + out.out.at;
    in.size = in.end = sl__buf_len(&out.out);
    sl__supervisor_free(w->supervisor);
    sl__relay_free(w->relay);
    w->supervisor = sl__supervisor_new(&w->config, &to_supervisor);
    w->relay = sl__relay_new(&w->limits, &to_relay);
    sl__supervisor_archive(w->supervisor, &in);
    sl__relay_archive(w->relay, &in);
    CHECK(w, out.error == 0 && in.error == 0 && in.at == in.end,
          "the archive is not what it was: %d, %d, %zu of %zu", out.error, in.error, in.at, in.end);
    CHECK(w, w->relay->asked_by.used == asked && w->relay->answered_last == last,
          "open requests are forgotten: %zu of %zu left", w->relay->asked_by.used, asked);
    CHECK(w, w->relay->retained_octets == retained, "%zu octets of %zu are retained",
          w->relay->retained_octets, retained);
    sl__archive_finish(&out);
}

void world_upgrade(struct world *w)
{
    if (w->stopped || w->development || sl__supervisor_reloading(w->supervisor))
        return; /* as the master refuses it */
    world_new_code(w);
    trace(w, "UPGRADE%s", w->generation_bad ? " (bad)" : "");
    sl__supervisor_try(w->supervisor, w->now);
}

void world_proven(struct world *w, unsigned generation)
{
    trace(w, "generation %u is proven", generation);
    CHECK(w, generation == w->candidate_generation, "generation %u proven", generation);
    schedule(w, w->now + between(w, 0, 2000) * SL__MS, EVENT_VERDICT, 0, generation);
}

void world_verdict(struct world *w, unsigned generation)
{
    if (w->stopped || generation != w->candidate_generation)
        return;
    if (!w->weather.quiet && chance(w, 25)) {
        sl__supervisor_reject(w->supervisor, "as a master it died", w->now);
        CHECK(w, w->candidate_generation == 0, "generation %u not rejected", generation);
        return;
    }
    world_exec(w);
    sl__supervisor_accept(w->supervisor, w->now);
    CHECK(w, sl__supervisor_generation(w->supervisor) == generation, "generation %u not accepted",
          generation);
}
