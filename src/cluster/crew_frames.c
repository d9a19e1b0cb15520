/*
 * What workers say: HELLO, READY, messages, connections they give away, and why they cannot start.
 *
 * Comes from their channels, one frame at a time. Nothing a worker says is believed unchecked: one
 * that talks nonsense is killed, with the nonsense as the reason in the log.
 */
#include "cluster/crew.h"

#include "base/log.h"
#include "cluster/master_state.h"
#include "cluster/memfd.h"
#include "shallot/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)1 << 20)

static void refuse(struct sl__member *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Its death is what everybody else hears. */
static void refuse(struct sl__member *w, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(w->reason, sizeof w->reason, fmt, args);
    va_end(args);
    w->refused = true;
    pidfd_send_signal(w->process.fd, SIGKILL, NULL, 0);
}

static int welcome(struct sl__member *w, unsigned index)
{
    struct sl__frame_head head = {.type = SL__FRAME_WELCOME, .target = index};
    int fd = fcntl(w->listeners[index]->fd, F_DUPFD_CLOEXEC, 3);

    return fd < 0 ? -errno : sl__channel_send(w->channel, &head, NULL, NULL, fd);
}

/* 0, or a negative errno with the reason in the member. */
static int take_endpoints(struct sl__member *w, const struct sl__hello *hello)
{
    struct sl__master *m = w->master;
    bool current = w->generation == sl__supervisor_generation(m->supervisor);
    char error[400] = "";

    if (m->stopping) {
        refuse(w, "the master is stopping");
        return -ECANCELED;
    }
    for (unsigned i = 0; i < hello->endpoint_count; i++) {
        struct sl__listener *l;
        int r = sl__listeners_open(&m->listeners, &hello->endpoints[i], &l, error, sizeof error);

        if (r < 0) {
            refuse(w, "%s", error);
            return r;
        }
        if (current)
            l->good = true;
        else
            l->candidate = true;
        w->listeners[w->listener_count++] = l;
        r = welcome(w, i);
        if (r < 0) {
            refuse(w, "cannot hand out listener %u: %s", i, sl_strerror(r));
            return r;
        }
    }
    return 0;
}

static void say_other_shape(struct sl__member *w, const struct sl__region *made,
                            const struct sl__region *other)
{
    char now[128], before[128];

    if (made->candidate) /* said when its first worker came */
        return;
    sl__log(SL__WARN, "shared \"%s\" begins afresh in generation %u: it is %s, and was %s",
            made->name, w->generation, sl__shape_text(&made->shape, now, sizeof now),
            sl__shape_text(&other->shape, before, sizeof before));
}

static void take_region(struct sl__member *w, const struct sl__frame *frame)
{
    struct sl__frame_head head = {.type = SL__FRAME_SHARED};
    const struct sl__region *other;
    struct sl__master *m = w->master;
    struct sl__region *region;
    struct sl__shape shape;
    int r = -EBADMSG, fd;

    if (w->leaving || w->aborted)
        return;
    if (frame->body && frame->head.body_len == sizeof shape && frame->topic[0]) {
        memcpy(&shape, frame->body, sizeof shape);
        r = sl__regions_open(&m->regions, frame->topic, &shape, &region, &other);
    }
    if (r == 0) {
        if (other)
            say_other_shape(w, region, other);
        if (w->generation == sl__supervisor_generation(m->supervisor))
            region->good = true;
        else
            region->candidate = true;
        fd = fcntl(region->fd, F_DUPFD_CLOEXEC, 3);
        r = fd < 0 ? -errno : sl__channel_send(w->channel, &head, region->name, NULL, fd);
    }
    if (r < 0)
        refuse(w, "cannot give it the shared memory \"%s\": %s", frame->topic, sl_strerror(r));
}

static void take_hello(struct sl__member *w, const struct sl__frame *frame)
{
    struct sl__master *m = w->master;
    struct sl__hello hello;
    int r =
        frame->body ? sl__hello_read(frame->body, (size_t)frame->head.body_len, &hello) : -EBADMSG;

    if (w->leaving || w->aborted)
        return; /* given up meanwhile: no port is opened for it any more */
    if (r == -SL_EPROTOCOL) {
        refuse(w,
               "built with another version of Shallot (protocol %u, this master's %u): restart "
               "the program",
               hello.channel_version, SL__CHANNEL_VERSION);
        return;
    }
    if (r < 0 || w->greeted) {
        refuse(w, "its HELLO makes no sense");
        return;
    }
    if (take_endpoints(w, &hello) < 0)
        return;
    w->instances = hello.instances;
    w->drain_ms = hello.drain_ms;
    w->grace_ms = hello.grace_ms;
    w->ready_ms = hello.ready_ms;
    w->greeted = true;
    sl__crew_hold(w);
    sl__supervisor_hello(m->supervisor, w->id, m->loop.now);
    sl__relay_allow(m->relay, hello.message_bytes);
    sl__relay_join(m->relay, w->id, hello.shares);
    sl__master_watch_donor(m);
}

static void take_ready(struct sl__member *w)
{
    struct sl__master *m = w->master;

    if (!w->greeted || w->ready)
        return;
    w->ready = true;
    m->ready_at = m->loop.now;
    sl__crew_turn(m);
    sl__master_tell_listening(m, w);
    sl__supervisor_ready(m->supervisor, w->id, m->loop.now);
    sl__notify_workers(m);
    sl__aftermath_ready(m);
    sl__master_tell(m, w, m->config.hooks.worker_up, 0, 0);
}

static int index_of(const struct sl__member *w, const struct sl__listener *l)
{
    for (unsigned i = 0; i < w->listener_count; i++)
        if (w->listeners[i] == l)
            return (int)i;
    return -1;
}

/* The newest code that serves this listener; among its workers whoever has waited longest. */
static struct sl__member *adopter(struct sl__master *m, const struct sl__member *giver,
                                  const struct sl__listener *l)
{
    struct sl__member *best = NULL;

    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        if (w != giver && w->ready && !w->leaving && !w->dying && index_of(w, l) >= 0 &&
            w->channel && sl__channel_queued(w->channel) < m->config.queue_bytes &&
            (!best || w->generation > best->generation))
            best = w;
    }
    return best;
}

bool sl__crew_pass_on(struct sl__master *m, const struct sl__member *giver,
                      const struct sl__listener *l, int fd)
{
    struct sl__member *to = adopter(m, giver, l);
    struct sl__frame_head head = {.type = SL__FRAME_ADOPT};

    if (!to)
        return false;
    head.target = (uint32_t)index_of(to, l);
    sl__channel_send(to->channel, &head, NULL, NULL, fd);
    sl__list_remove(&to->link);
    sl__list_append(&m->crew.members, &to->link);
    return true;
}

/* Passes an idle connection on, or leaves it to be closed if there is nobody. */
static void give(struct sl__member *w, struct sl__frame *frame)
{
    struct sl__listener *l = NULL;

    if (frame->head.target < w->listener_count)
        l = w->listeners[frame->head.target];
    if (l && frame->fd >= 0 && sl__crew_pass_on(w->master, w, l, frame->fd))
        frame->fd = -1;
}

static void relay(struct sl__member *w, const struct sl__frame *frame)
{
    struct sl__master *m = w->master;
    int r;

    if (!w->greeted)
        return;
    if (frame->head.type == SL__FRAME_SEND)
        sl__tally_add(&m->board.slots[w->slot].tally.messages_out, 1);
    r = sl__relay_frame(m->relay, w->id, frame);
    sl__master_watch_donor(m);
    if (r == -ENOMEM)
        sl__log(SL__WARN, "out of memory: the retained message of %s was not kept", frame->topic);
    else if (r < 0)
        refuse(w, "its messages make no sense");
}

static void take_reason(struct sl__member *w, const struct sl__frame *frame)
{
    if (frame->body)
        snprintf(w->reason, sizeof w->reason, "%.*s",
                 (int)(frame->head.body_len < sizeof w->reason ? frame->head.body_len
                                                               : sizeof w->reason - 1),
                 (const char *)frame->body);
}

static void take_answer(struct sl__member *w, const struct sl__frame *frame)
{
    size_t len = (size_t)frame->head.body_len;
    void *mapped = NULL;

    if (!(frame->head.flags & SL__FRAME_BODY_FD)) {
        sl__control_answer(w->master, frame->head.target, frame->body, len);
        return;
    }
    if (len <= ANSWER_MAX)
        mapped = sl__memfd_map(frame->fd, len);
    if (!mapped)
        return; /* the question is over in time */
    sl__control_answer(w->master, frame->head.target, mapped, len);
    munmap(mapped, len);
}

static void take_retire(struct sl__member *w, const struct sl__frame *frame)
{
    struct sl__master *m = w->master;

    if (!w->ready || w->leaving || sl__supervisor_retire(m->supervisor, w->id, m->loop.now) < 0)
        return;
    sl__log(SL__INFO, "worker %d is to be replaced (%s)", w->pid, frame->topic);
}

void sl__crew_frame(void *self, struct sl__frame *frame)
{
    struct sl__member *w = self;

    switch (w->refused ? 0 : frame->head.type) {
    case 0:
        break;
    case SL__FRAME_REGION:
        take_region(w, frame);
        break;
    case SL__FRAME_HELLO:
        take_hello(w, frame);
        break;
    case SL__FRAME_READY:
        take_ready(w);
        break;
    case SL__FRAME_SEND:
    case SL__FRAME_STATE:
    case SL__FRAME_ONCE_ASK:
    case SL__FRAME_ONCE_DONE:
    case SL__FRAME_REQUEST:
    case SL__FRAME_REPLY:
    case SL__FRAME_REFUSAL:
    case SL__FRAME_FORGET:
        relay(w, frame);
        break;
    case SL__FRAME_GIVE:
        give(w, frame);
        break;
    case SL__FRAME_ANSWER:
        take_answer(w, frame);
        break;
    case SL__FRAME_RETIRE:
        take_retire(w, frame);
        break;
    case SL__FRAME_SHUT:
        w->shut = true;
        sl__crew_turn(w->master);
        break;
    case SL__FRAME_FAILED:
        take_reason(w, frame);
        break;
    default:
        refuse(w, "it sent a frame of unknown type %u", frame->head.type);
    }
    if (frame->fd >= 0)
        close(frame->fd);
}
