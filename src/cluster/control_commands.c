/*
 * The commands of the control socket: one row and one function each.
 *
 * Comes from control.c with a line. What can be answered at once is; the rest marks the client as
 * waiting, and is ended by whatever decides it (sl__control_over()).
 */
#include "cluster/control.h"

#include "base/time.h"
#include "cluster/master_state.h"
#include "shallot/common.h"
#include "shallot/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_NS (2 * SL__SEC)

static void run_version(struct sl__control_client *c, char **words, unsigned count)
{
    sl__control_done(c, SL_VERSION);
}

static void run_status(struct sl__control_client *c, char **words, unsigned count)
{
    bool json = count > 1 && strcmp(words[1], "json") == 0;

    if (count > 1 && !json) {
        sl__control_fail(c, "status knows no form but json");
        return;
    }
    sl__control_status(c, json);
    sl__control_done(c, "%s", "");
}

static void run_latencies(struct sl__control_client *c, char **words, unsigned count)
{
    sl__control_latencies(c);
    sl__control_done(c, "%s", "");
}

static void run_reload(struct sl__control_client *c, char **words, unsigned count)
{
    struct sl__master *m = c->master;
    int r;

    if (m->stopping) {
        sl__control_fail(c, "the program is stopping");
        return;
    }
    if (m->upgrade.stage != SL__UPGRADE_NONE) {
        sl__control_fail(c, "an upgrade is under way: ask again when it is over");
        return;
    }
    sl__log(SL__INFO, "reloading (control socket)");
    r = sl__master_reload(m);
    if (r < 0) {
        sl__control_fail(c, "cannot reload %s: %s; the running code stays", m->held.path,
                         sl_strerror(r));
        return;
    }
    c->wait = SL__CONTROL_RELOAD;
    sl__control_say(c, '~', "generation %u starts", sl__supervisor_candidate(m->supervisor));
}

static void run_upgrade(struct sl__control_client *c, char **words, unsigned count)
{
    struct sl__master *m = c->master;
    char why[400];

    sl__log(SL__INFO, "upgrading (control socket)");
    if (sl__master_upgrade(m, why, sizeof why) < 0) {
        sl__control_fail(c, "%s", why);
        return;
    }
    c->wait = SL__CONTROL_UPGRADE;
    sl__control_say(c, '~', "generation %u starts", sl__supervisor_candidate(m->supervisor));
}

static void run_stop(struct sl__control_client *c, char **words, unsigned count)
{
    bool fast = count > 1 && strcmp(words[1], "now") == 0;

    if (count > 1 && !fast) {
        sl__control_fail(c, "stop knows no word but now");
        return;
    }
    sl__control_done(c, "stopping");
    sl__master_stop(c->master, "control socket", fast);
}

/* "4", "+1" or "-1". */
static bool wanted(struct sl__master *m, const char *word, uint32_t *ret)
{
    uint32_t now = sl__supervisor_instances(m->supervisor), by;

    if (word[0] != '+' && word[0] != '-')
        return sl__control_number(word, 1, SL__INSTANCES_MAX, ret);
    if (!sl__control_number(word + 1, 1, SL__INSTANCES_MAX, &by))
        return false;
    if (word[0] == '-')
        *ret = by < now ? now - by : 0;
    else
        *ret = now + by;
    return *ret >= 1 && *ret <= SL__INSTANCES_MAX;
}

static void run_scale(struct sl__control_client *c, char **words, unsigned count)
{
    struct sl__master *m = c->master;
    uint32_t n, before = sl__supervisor_instances(m->supervisor);

    if (!wanted(m, words[1], &n)) {
        sl__control_fail(c, "cannot scale to %s: from 1 to %u workers, +N or -N", words[1],
                         SL__INSTANCES_MAX);
        return;
    }
    if (m->config.development || m->stopping) {
        sl__control_fail(c, m->stopping ? "the program is stopping"
                                        : "development mode has one worker");
        return;
    }
    sl__supervisor_scale(m->supervisor, (int)n - (int)before, m->loop.now);
    sl__control_done(c, "%u worker%s wanted, %u before", n, n == 1 ? "" : "s", before);
}

static void run_restart(struct sl__control_client *c, char **words, unsigned count)
{
    struct sl__master *m = c->master;
    uint32_t id;
    int r;

    if (!sl__control_number(words[1], 1, UINT32_MAX - 1, &id)) {
        sl__control_fail(c, "%s is no worker's id: see the status", words[1]);
        return;
    }
    r = sl__supervisor_retire(m->supervisor, id, m->loop.now);
    if (r == -ESRCH) {
        sl__control_fail(c, "there is no worker %u: see the status", id);
        return;
    }
    if (r < 0) {
        sl__control_fail(c, "worker %u is not ready, or is leaving already", id);
        return;
    }
    c->wait = SL__CONTROL_RESTART;
    c->wait_id = id;
    sl__control_say(c, '~', "worker %u leaves once another is ready in its place", id);
}

void sl__control_gone(struct sl__master *m, uint32_t id)
{
    char done[48];

    snprintf(done, sizeof done, "worker %u has left", id);
    sl__control_over(m, SL__CONTROL_RESTART, id, NULL, done);
}

static void no_answer(struct sl__timer *t)
{
    struct sl__control_client *c = SL__OWNER(t, struct sl__control_client, patience);

    sl__control_fail(c, "no worker has answered within %.0f s", (double)ANSWER_NS / 1e9);
}

/* The newest code that serves: what it says is true of the next request. */
static struct sl__member *spokesman(struct sl__master *m)
{
    struct sl__member *best = NULL;

    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        if (w->ready && !w->leaving && w->channel &&
            w->generation == sl__supervisor_generation(m->supervisor) &&
            (!best || sl__channel_queued(w->channel) < sl__channel_queued(best->channel)))
            best = w;
    }
    return best;
}

static void run_routes(struct sl__control_client *c, char **words, unsigned count)
{
    struct sl__master *m = c->master;
    struct sl__member *w = spokesman(m);
    struct sl__frame_head head = {.type = SL__FRAME_QUESTION, .target = ++m->control.last_question};

    if (!w) {
        sl__control_fail(c, "no worker is ready");
        return;
    }
    c->wait = SL__CONTROL_ROUTES;
    c->wait_id = head.target;
    c->patience.fire = no_answer;
    sl__timer_start(&m->loop, &c->patience, m->loop.now + ANSWER_NS);
    sl__channel_send(w->channel, &head, "routes", NULL, -1);
}

static void give_answer(struct sl__control_client *c, const char *text, size_t len)
{
    const char *end = text + len;

    while (text < end) {
        const char *line = memchr(text, '\n', (size_t)(end - text));
        size_t n = line ? (size_t)(line - text) : (size_t)(end - text);

        sl__control_put(c, '+', text, n);
        text += n + 1;
    }
    sl__control_done(c, "%s", "");
}

void sl__control_answer(struct sl__master *m, uint32_t number, const char *text, size_t len)
{
    struct sl__link *all = &m->control.clients;

    for (struct sl__link *at = all->next; at && at != all; at = at->next) {
        struct sl__control_client *c = SL__OWNER(at, struct sl__control_client, link);

        if (c->wait == SL__CONTROL_ROUTES && c->wait_id == number)
            give_answer(c, text, len);
    }
}

static const struct sl__control_command commands[] = {
    {"latencies", "", 0, 0, run_latencies},    {"reload", "", 0, 0, run_reload},
    {"restart", "ID", 1, 1, run_restart},      {"routes", "", 0, 0, run_routes},
    {"scale", "N | +N | -N", 1, 1, run_scale}, {"status", "[json]", 0, 1, run_status},
    {"stop", "[now]", 0, 1, run_stop},         {"upgrade", "", 0, 0, run_upgrade},
    {"version", "", 0, 0, run_version},
};

void sl__control_run(struct sl__control_client *c, char *line, size_t len)
{
    char *words[SL__CONTROL_WORDS];
    int n = sl__control_split(line, len, words);

    if (n < 0) {
        sl__control_fail(c, n == -E2BIG ? "too many words" : "not a line of plain text");
        return;
    }
    if (n == 0)
        return;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const struct sl__control_command *row = &commands[i];

        if (strcmp(row->name, words[0]) != 0)
            continue;
        if ((unsigned)n - 1 < row->least || (unsigned)n - 1 > row->most)
            sl__control_fail(c, "usage: %s %s", row->name, row->usage);
        else
            row->run(c, words, (unsigned)n);
        return;
    }
    sl__control_fail(c, "this version of Shallot (%s) has no command %s", SL_VERSION, words[0]);
}
