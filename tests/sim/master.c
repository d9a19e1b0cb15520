/*
 * The master of the simulation: performs what supervisor and relay ask for on simulated workers,
 * and feeds both with what those do, as cluster/master.c does with real ones.
 */
#include <signal.h>
#include <string.h>

#include "sim.h"

static _Alignas(16) char body[4096];

static uint8_t topic_index(const char *topic)
{
    if (topic[0] == 'r')
        return (uint8_t)(topic[1] - '0');
    if (topic[0] == 'o')
        return (uint8_t)(TOPICS + topic[1] - '0');
    return NO_TOPIC;
}

static const char *topic_name(uint8_t topic)
{
    static const char *const names[TOPICS + TASKS] = {"r0", "r1", "r2", "o0", "o1"};

    return topic == NO_TOPIC ? "count" : names[topic];
}

static void do_spawn(void *self, uint32_t id, unsigned slot, unsigned generation, bool candidate)
{
    struct world *w = self;
    unsigned below_it = 0;

    trace(w, "spawn worker %u in slot %u, generation %u%s", id, slot, generation,
          candidate ? " (candidate)" : "");
    CHECK(w, !w->stopped, "worker %u spawned after the stop", id);
    CHECK(w, id == w->last_id + 1, "worker %u follows %u", id, w->last_id);
    for (size_t i = 0; i < w->live_count; i++) {
        CHECK(w, w->workers[w->live[i]].slot != slot, "slot %u taken twice", slot);
        below_it += w->workers[w->live[i]].slot < slot;
    }
    CHECK(w, below_it == slot, "slot %u is not the lowest", slot);
    if (id >= WORKERS_MAX) {
        check_failed(w, "too many respawns");
        return;
    }
    if (candidate)
        w->candidate_generation = generation;
    w->seen.spawns++;
    worker_spawned(w, id, slot, generation, candidate);
}

static void do_drain(void *self, uint32_t id, enum sl__drain_kind kind, int64_t deadline_ns)
{
    struct world *w = self;
    struct worker *k = &w->workers[id];

    trace(w, "drain worker %u (%s)", id, kind == SL__LEAVE_STOP ? "stop" : "hand over");
    CHECK(w, !k->told, "worker %u told to leave twice", id);
    CHECK(w, k->ready, "worker %u drained before it was READY", id);
    CHECK(w, deadline_ns == w->config.drain_ns, "deadline of worker %u", id);
    k->told = true;
    sl__relay_leaving(w->relay, id);
    worker_push(w, k, &(struct parcel){.type = SL__FRAME_DRAIN});
}

static void do_kill(void *self, uint32_t id, int signal)
{
    struct world *w = self;
    struct worker *k = &w->workers[id];

    trace(w, "kill worker %u with %d", id, signal);
    for (size_t i = 0; i < w->live_count; i++) {
        if (w->live[i] == id) {
            k->aborted = k->aborted || signal == SIGABRT;
            k->told = k->told || sl__supervisor_state(w->supervisor, id) == SL__WORKER_DRAINING;
            worker_signal(w, k, signal);
            return;
        }
    }
    check_failed(w, "worker %u killed when it was gone", id);
}

static void do_good(void *self, unsigned generation)
{
    struct world *w = self;
    unsigned count = 0;

    trace(w, "generation %u is good", generation);
    CHECK(w, generation == w->candidate_generation, "generation %u good", generation);
    for (size_t i = 0; i < w->live_count; i++) {
        struct worker *k = &w->workers[w->live[i]];

        if (k->generation != generation)
            continue;
        CHECK(w, sl__supervisor_state(w->supervisor, k->id) == SL__WORKER_READY && !k->told,
              "worker %u of a good generation is not ready", k->id);
        CHECK(w, k->ready_at + w->config.settle_ns <= w->now, "good before it has settled");
        count++;
    }
    CHECK(w, count == w->candidate_count, "good with %u of %u workers", count, w->candidate_count);
    w->candidate_generation = w->candidate_count = 0;
    w->seen.good++;
    if (chance(w, 10)) {
        w->config.drain_ns = between(w, 1, 30) * SL__SEC / 10;
        sl__supervisor_set_times(w->supervisor, w->config.drain_ns, w->config.ready_ns);
    }
    if (chance(w, 10)) {
        unsigned wanted = 1 + below(w, 6);

        w->instances = w->development ? 1 : wanted;
        trace(w, "the code wants %u", wanted);
        sl__supervisor_set_instances(w->supervisor, wanted, w->now);
    }
}

static void do_proven(void *self, unsigned generation)
{
    world_proven(self, generation);
}

static void do_failed(void *self, unsigned generation, const char *reason)
{
    struct world *w = self;

    trace(w, "generation %u failed", generation);
    CHECK(w, generation == w->candidate_generation, "generation %u failed", generation);
    CHECK(w, reason[0] != 0, "no reason");
    w->candidate_generation = w->candidate_count = 0;
    w->seen.failed++;
}

static bool do_served(void *self, uint32_t id)
{
    struct world *w = self;

    return w->weather.quiet || w->workers[id].served;
}

static void do_wake_at(void *self, int64_t at)
{
    ((struct world *)self)->wake = at;
}

static void do_finished(void *self, int status)
{
    struct world *w = self;

    trace(w, "finished");
    CHECK(w, !w->finished && w->stopped && status == 0, "finished out of turn");
    CHECK(w, w->live_count == 0, "finished with %zu workers", w->live_count);
    w->finished = true;
}

static void do_log(void *self, enum sl__level level, const char *line)
{
    trace(self, "log %d: %s", (int)level, line);
}

const struct sl__supervisor_actions supervisor_actions = {
    .spawn = do_spawn,
    .drain = do_drain,
    .kill = do_kill,
    .good = do_good,
    .proven = do_proven,
    .failed = do_failed,
    .served = do_served,
    .wake_at = do_wake_at,
    .finished = do_finished,
    .log = do_log,
};

static int64_t do_send(void *self, uint32_t id, const struct sl__frame_head *head,
                       const char *topic, const void *data, int body_fd)
{
    struct world *w = self;
    struct worker *k = &w->workers[id];
    struct parcel p = {.type = head->type, .target = head->target, .from = head->from};

    p.octets = sl__frame_size(strlen(topic), (size_t)head->body_len);
    p.topic = topic_index(topic);
    CHECK(w, k->connected && body_fd < 0, "frame for worker %u, which is not there", id);
    w->refused += head->type == SL__FRAME_REFUSAL && k->running;
    if (!k->running && chance(w, 50))
        return -32;
    if (!k->begun) {
        k->begun = true;
        k->cursor = k->shares ? w->relay->snapshot_position : w->position;
    }
    if (head->type == SL__FRAME_MESSAGE && p.topic != NO_TOPIC && p.topic >= TOPICS)
        p.position = w->last[p.topic];
    else if (head->type == SL__FRAME_MESSAGE)
        memcpy(&p.position, data, sizeof p.position);
    else if (head->type == SL__FRAME_GAP)
        memcpy(&p.missed, data, sizeof p.missed);
    else if (head->type == SL__FRAME_JOIN_STATE)
        memcpy(&p.state, data, sizeof p.state);
    else if (head->type == SL__FRAME_ASK || head->type == SL__FRAME_JOINED ||
             head->type == SL__FRAME_REQUEST)
        p.position = w->relay->position;
    worker_push(w, k, &p);
    return (int64_t)k->octets;
}

static void do_to_master(void *self, const struct sl__frame *frame)
{
    struct world *w = self;

    CHECK(w, w->to_master_due > 0, "the master got a message twice");
    w->to_master_due--;
    if (frame->head.target == SL__TO_ALL && chance(w, 5)) {
        uint64_t mark = world_record(w, 0, SL__TO_ALL, NO_TOPIC);

        sl__relay_send(w->relay, SL__TO_ALL, "count", &mark, sizeof mark);
    }
}

static void do_gap(void *self, uint32_t id, uint64_t missed)
{
    struct world *w = self;

    trace(w, "worker %u missed %llu", id, (unsigned long long)missed);
    CHECK(w, missed > 0, "an empty gap");
    w->seen.gaps++;
}

static void do_forgotten(void *self, const char *topic)
{
    struct world *w = self;
    uint8_t index = topic_index(topic);

    trace(w, "%s is forgotten", topic);
    CHECK(w, index < TOPICS, "what a once-task left is forgotten");
    w->forgotten[index < TOPICS ? index : 0] = true;
    w->seen.forgotten++;
}

const struct sl__relay_actions relay_actions = {
    .send = do_send, .to_master = do_to_master, .gap = do_gap, .forgotten = do_forgotten};

uint64_t world_record(struct world *w, uint32_t from, uint32_t target, uint8_t topic)
{
    uint64_t position = w->position++;

    if (position >= RECORDS_MAX) {
        w->position--;
        check_failed(w, "too many messages");
        return position - 1;
    }
    w->records[position] = (struct record){from, target, topic};
    if (topic != NO_TOPIC)
        w->last[topic] = position;
    if (topic < TOPICS)
        w->forgotten[topic] = false; /* unless the relay says so */
    if (target == SL__TO_ALL)
        check_apply(&w->truth, position);
    w->seen.messages++;
    return position;
}

static uint32_t draw_target(struct world *w, uint8_t *ret_topic)
{
    unsigned kind = below(w, 100);

    *ret_topic = NO_TOPIC;
    if (kind < 60)
        return SL__TO_ALL;
    if (kind < 70)
        return SL__TO_OTHERS;
    if (kind < 80)
        return w->last_id ? 1 + below(w, w->last_id) : 1;
    if (kind < 85)
        return SL__TO_MASTER;
    *ret_topic = (uint8_t)below(w, TOPICS);
    return SL__TO_RETAINED;
}

void world_message(struct world *w)
{
    struct worker *k =
        w->live_count ? &w->workers[w->live[below(w, (unsigned)w->live_count)]] : NULL;
    size_t size = sizeof(uint64_t) + below(w, chance(w, 20) ? 1500 : 100);
    uint8_t topic;
    uint32_t target = draw_target(w, &topic);
    uint64_t mark;

    if (k && k->running && k->joined && k->stuck_until <= w->now && chance(w, 25)) {
        worker_request(w, k);
    } else if (k && k->running && k->joined && k->stuck_until <= w->now) {
        worker_frame(w, k, SL__FRAME_SEND, target, topic);
    } else if (chance(w, 40)) {
        if (target == SL__TO_MASTER) {
            w->to_master_due++;
            sl__relay_send(w->relay, target, "count", body, sizeof mark);
            return;
        }
        mark = world_record(w, 0, target, topic);
        memcpy(body, &mark, sizeof mark);
        sl__relay_send(w->relay, target, topic_name(topic), body, size);
    }
}

static void frame_hello(struct world *w, struct worker *k)
{
    enum sl__worker_state state;
    bool logged = w->relay->logging;

    sl__supervisor_hello(w->supervisor, k->id, w->now);
    state = sl__supervisor_state(w->supervisor, k->id);
    if (state != SL__WORKER_JOINING && chance(w, 50))
        return;
    if (!k->connected)
        k->connected_at = w->position;
    k->connected = true;
    w->seen.joins++;
    sl__relay_join(w->relay, k->id, k->shares);
    if (!logged && w->relay->logging)
        w->truth = (struct shared){0}; /* what came before it nobody who shares has seen */
}

static void frame_send(struct world *w, struct worker *k, const struct event *e)
{
    struct sl__frame frame = {.topic = topic_name(e->topic), .body = body, .fd = -1};
    uint64_t mark = 0;

    frame.head =
        (struct sl__frame_head){.type = SL__FRAME_SEND, .target = e->target, .body_len = e->size};
    if (e->target != SL__TO_MASTER)
        mark = world_record(w, k->id, e->target, e->topic);
    if (e->target >= SL__TO_RETAINED || e->target == SL__TO_MASTER)
        w->to_master_due++;
    memcpy(body, &mark, sizeof mark);
    trace(w, "message %llu from worker %u to %d", (unsigned long long)mark, k->id, (int)e->target);
    CHECK(w, sl__relay_frame(w->relay, k->id, &frame) == 0, "the relay refused a message");
    CHECK(w, w->to_master_due == 0, "the master missed a message");
}

static void frame_once(struct world *w, struct worker *k, const struct event *e)
{
    struct sl__frame frame = {.topic = topic_name(e->topic), .fd = -1};

    frame.head = (struct sl__frame_head){.type = (uint8_t)e->what, .target = e->target};
    if (e->what == SL__FRAME_ONCE_DONE) {
        k->runs[e->topic - TOPICS] = false;
        if (e->target == 1) {
            w->task_done[e->topic - TOPICS] = true;
            world_record(w, k->id, SL__TO_RETAINED, e->topic);
        }
    }
    CHECK(w, sl__relay_frame(w->relay, k->id, &frame) == 0, "the relay refused a once frame");
}

static void frame_request(struct world *w, struct worker *k, const struct event *e)
{
    struct sl__frame frame = {.topic = e->what == SL__FRAME_REQUEST ? "ask" : "", .fd = -1};
    int32_t error = -77;

    frame.head = (struct sl__frame_head){
        .type = (uint8_t)e->what, .target = e->target, .from = e->number, .body_len = e->size};
    frame.body = body;
    if (e->what == SL__FRAME_REFUSAL)
        memcpy(body, &error, sizeof error);
    trace(w, "worker %u says %u to %d about %u", k->id, e->what, (int)e->target, e->number);
    CHECK(w, sl__relay_frame(w->relay, k->id, &frame) == 0, "the relay refused frame %u", e->what);
}

void world_frame(struct world *w, const struct event *e)
{
    struct worker *k = &w->workers[e->id];

    if (e->what == SL__FRAME_HELLO) {
        frame_hello(w, k);
        return;
    }
    if (!k->connected)
        return;
    if (e->what == SL__FRAME_READY) {
        k->ready = true;
        k->ready_at = w->now;
        sl__supervisor_ready(w->supervisor, k->id, w->now);
    } else if (e->what == SL__FRAME_SEND) {
        frame_send(w, k, e);
    } else if (e->what == SL__FRAME_STATE) {
        struct sl__frame frame = {.topic = "", .body = body, .fd = -1};

        memcpy(body, &e->state, sizeof e->state);
        frame.head = (struct sl__frame_head){
            .type = SL__FRAME_STATE, .target = e->target, .body_len = e->size};
        trace(w, "state of worker %u at %llu", k->id, (unsigned long long)e->state.position);
        sl__relay_frame(w->relay, k->id, &frame);
    } else if (e->what >= SL__FRAME_REQUEST) {
        frame_request(w, k, e);
    } else {
        frame_once(w, k, e);
    }
}

/* Whoever waits for its answer hears of it at once. */
static void leave_relay(struct world *w, struct worker *k)
{
    uint64_t due = w->refused;

    for (struct sl__link *at = w->relay->asked.next; at != &w->relay->asked; at = at->next) {
        const struct sl__asked *a = SL__OWNER(at, struct sl__asked, link);

        due += a->answerer == k->id && w->workers[a->asker].running;
    }
    k->connected = false;
    sl__relay_leave(w->relay, k->id);
    CHECK(w, w->refused == due, "%llu refusals of worker %u, which is gone, are due",
          (unsigned long long)(due - w->refused), k->id);
}

void world_exit(struct world *w, uint32_t id)
{
    struct worker *k = &w->workers[id];
    struct sl__exit exit = {
        .code = k->exit_code,
        .signal = k->exit_signal,
        .served = k->served,
        .pid = 1000 + (int)id,
        .reason = chance(w, 10) ? "no such file" : NULL,
    };

    trace(w, "exit of worker %u", id);
    w->seen.deaths++;
    for (size_t i = 0; i < w->live_count; i++) {
        if (w->live[i] == id)
            w->live[i] = w->live[--w->live_count];
    }
    memset(k->runs, 0, sizeof k->runs);
    if (k->connected)
        leave_relay(w, k);
    sl__supervisor_exited(w->supervisor, id, &exit, w->now);
}
