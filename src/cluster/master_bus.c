/*
 * The relay's hands: what it decides is put into the workers' channels, and messages for the master
 * itself are handed to the program.
 *
 * The relay bounds every queue by what send() returns, so the channels here have no limit. Its one
 * wish about time, a donor that does not answer, is kept by a timer of ours.
 */
#include "cluster/master_state.h"

#include "base/log.h"
#include "base/time.h"
#include "cluster/memfd.h"
#include "shallot/error.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#define LOG_BYTES ((size_t)1 << 20)
#define DONOR_NS (5 * SL__SEC)

static struct sl__master *running; /* for sl__master_send() */

static int64_t send_to(void *self, uint32_t worker, const struct sl__frame_head *head,
                       const char *topic, const void *body, int body_fd)
{
    struct sl__master *m = self;
    struct sl__member *w = sl__crew_find(&m->crew, worker);
    char why[128];
    int r;

    if (!w || !w->channel)
        return -EPIPE;
    if (body_fd >= 0)
        r = sl__channel_send_memfd(w->channel, head, topic, body_fd);
    else
        r = sl__channel_send(w->channel, head, topic, body, -1);
    if (r < 0 && r != -EPIPE) { /* no memory, no descriptors: the relay takes it for dead, so it
                                   must not go on as if nothing had been said */
        snprintf(why, sizeof why, "could not be sent a message: %s", sl_strerror(r));
        sl__crew_give_up(w, why);
    }
    return r < 0 ? r : (int64_t)sl__channel_queued(w->channel);
}

static void to_master(void *self, const struct sl__frame *frame)
{
    struct sl__master *m = self;
    const struct sl__master_hooks *hooks = &m->config.hooks;
    size_t len = (size_t)frame->head.body_len;
    void *mapped;

    if (!hooks->message)
        return;
    if (!(frame->head.flags & SL__FRAME_BODY_FD)) {
        hooks->message(hooks->self, frame->topic, frame->body, len, (int)frame->head.from);
        return;
    }
    mapped = sl__memfd_map(frame->fd, len);
    if (!mapped) {
        sl__log(SL__ERROR, "no memory for a message of %zu octets (%s)", len, frame->topic);
        return;
    }
    hooks->message(hooks->self, frame->topic, mapped, len, (int)frame->head.from);
    munmap(mapped, len);
}

static void gap(void *self, uint32_t worker, uint64_t missed)
{
    sl__log(SL__WARN, "worker %u was too slow: it missed %llu message%s", worker,
            (unsigned long long)missed, missed == 1 ? "" : "s");
}

/* A program that makes up topics without end would fill the log, too. */
static void forgotten(void *self, const char *topic)
{
    struct sl__master *m = self;
    uint64_t count = ++m->forgotten;

    if ((count & (count - 1)) == 0)
        sl__log(SL__WARN,
                "the retained messages are over %zu octets: the last value of %s is forgotten "
                "(%llu so far)",
                m->config.queue_bytes, topic, (unsigned long long)count);
}

static void donor_timer(struct sl__timer *t)
{
    struct sl__master *m = SL__OWNER(t, struct sl__master, donor);
    uint32_t donor = sl__relay_awaited(m->relay);

    m->donor_ask = 0;
    if (donor) {
        sl__log(SL__WARN, "worker %u does not give its state: asking another", donor);
        sl__relay_donor_timeout(m->relay, donor);
    }
    sl__master_watch_donor(m);
}

void sl__master_watch_donor(struct sl__master *m)
{
    uint32_t ask = sl__relay_awaited(m->relay) ? sl__relay_ask_number(m->relay) : 0;

    if (ask == m->donor_ask)
        return;
    m->donor_ask = ask;
    if (ask)
        sl__timer_start(&m->loop, &m->donor, m->loop.now + DONOR_NS);
    else
        sl__timer_stop(&m->loop, &m->donor);
}

int sl__master_bus_start(struct sl__master *m)
{
    const struct sl__relay_limits limits = {
        .queue_bytes = m->config.queue_bytes,
        .message_bytes = m->config.message_bytes,
        .log_bytes = LOG_BYTES,
        .retained_bytes = m->config.queue_bytes,
    };
    const struct sl__relay_actions actions = {
        .send = send_to, .to_master = to_master, .gap = gap, .forgotten = forgotten, .self = m};

    m->donor.fire = donor_timer;
    m->relay = sl__relay_new(&limits, &actions);
    if (!m->relay)
        return -ENOMEM;
    running = m;
    return 0;
}

void sl__master_bus_stop(struct sl__master *m)
{
    running = NULL;
    sl__timer_stop(&m->loop, &m->donor);
    sl__relay_free(m->relay);
    m->relay = NULL;
}

int sl__master_send(uint32_t target, const char *topic, const void *data, size_t len)
{
    int r;

    if (!running)
        return -EPERM;
    r = sl__relay_send(running->relay, target, topic, data, len);
    sl__master_watch_donor(running);
    return r;
}

void sl__master_glance(sl_stats *ret)
{
    if (running)
        sl__scoreboard_glance(&running->board, running->loop.now, ret);
    else
        *ret = (sl_stats){0};
}

sl_stats *sl__master_stats(void)
{
    return running ? sl__scoreboard_read(&running->board, running->loop.now) : NULL;
}
