/*
 * The worker's end of the cluster: says HELLO, and turns what the master says into events.
 *
 * Comes from shallot.c in a process whose role is worker; frames come in through the channel and
 * leave as calls of sl__worker_events, in the order the master gave them. Nothing here decides what
 * serving or draining means.
 *
 * Signals sent to this very worker arrive by handlers that write to an eventfd, not through a
 * signalfd: that would need them blocked, and programs started by the worker would inherit the
 * mask.
 */
#include "cluster/worker.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "cluster/batch.h"
#include "cluster/role.h"
#include "shallot/error.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define UNREAD_MAX 512 /* packets: more than the socket holds of them */

struct sl__worker {
    struct sl__loop *loop;
    struct sl__channel *channel;
    struct sl__worker_events events;
    struct sl__watch signals; /* the eventfd the handler writes to */
    struct sl__drain_order own_order;
    unsigned endpoints;
    bool leaving;
};

static volatile sig_atomic_t signal_fd = -1;
static volatile sig_atomic_t last_wish_s; /* seconds until an orphan that is stuck ends */

static void on_leave_signal(int signal)
{
    uint64_t one = 1;
    int before = errno, fd = signal_fd;

    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        signal_fd = fd; /* full: it is readable already */
    errno = before;
}

/* The master died. Whoever still runs the loop learns it from the channel; this is for those who do
 * not. */
static void on_death_signal(int signal)
{
    struct sigaction by_default = {.sa_handler = SIG_DFL};

    sigaction(SIGALRM, &by_default, NULL);
    alarm((unsigned)last_wish_s);
}

static void take_signals(void)
{
    struct sigaction sa = {.sa_handler = on_leave_signal, .sa_flags = SA_RESTART};
    sigset_t set;

    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    sa.sa_handler = on_death_signal;
    sigaction(SIGRTMIN, &sa, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void order_to_leave(struct sl__worker *w, const struct sl__drain_order *order,
                           enum sl__drain_kind kind)
{
    w->leaving = true;
    w->events.drain(w->events.self, kind, order->deadline_ns, order->grace_ns);
}

static void signals_ready(struct sl__watch *watch, uint32_t events)
{
    struct sl__worker *w = SL__OWNER(watch, struct sl__worker, signals);
    uint64_t count;

    if (read(watch->fd, &count, sizeof count) > 0 && !w->leaving)
        order_to_leave(w, &w->own_order, SL__LEAVE_STOP);
}

static void take_drain(struct sl__worker *w, const struct sl__frame *frame)
{
    struct sl__drain_order order = w->own_order;

    if (frame->body && frame->head.body_len == sizeof order)
        memcpy(&order, frame->body, sizeof order);
    order_to_leave(w, &order,
                   frame->head.target == SL__LEAVE_HAND_OVER ? SL__LEAVE_HAND_OVER
                                                             : SL__LEAVE_STOP);
}

/* A worker without memory it relies on must not serve. */
static void take_shared(struct sl__worker *w, const struct sl__frame *frame)
{
    char reason[400];
    int r = frame->fd < 0 ? -EBADMSG : 0;

    if (r == 0 && w->events.shared)
        r = w->events.shared(w->events.self, frame->topic, frame->fd);
    if (r == 0)
        return;
    snprintf(reason, sizeof reason, "cannot map the shared memory of \"%s\": %s", frame->topic,
             sl_strerror(r));
    sl__worker_failed(w, reason);
    _exit(1);
}

static void take_frame(void *self, struct sl__frame *frame)
{
    struct sl__worker *w = self;
    int fd = frame->fd;

    switch (frame->head.type) {
    case SL__FRAME_WELCOME:
    case SL__FRAME_ADOPT:
        if (fd < 0 || frame->head.target >= w->endpoints)
            break;
        if (frame->head.type == SL__FRAME_WELCOME)
            w->events.listener(w->events.self, frame->head.target, fd);
        else
            w->events.adopt(w->events.self, frame->head.target, fd);
        return;
    case SL__FRAME_MESSAGE:
    case SL__FRAME_GAP:
    case SL__FRAME_ASK:
    case SL__FRAME_JOIN_STATE:
    case SL__FRAME_JOINED:
    case SL__FRAME_ONCE_GRANT:
    case SL__FRAME_REQUEST:
    case SL__FRAME_REPLY:
    case SL__FRAME_REFUSAL:
        w->events.bus(w->events.self, frame);
        return;
    case SL__FRAME_DRAIN:
        take_drain(w, frame);
        break;
    case SL__FRAME_HOLD:
        if (w->events.hold)
            w->events.hold(w->events.self);
        break;
    case SL__FRAME_SERVE:
        if (w->events.serve)
            w->events.serve(w->events.self);
        break;
    case SL__FRAME_SHARED:
        take_shared(w, frame);
        break;
    case SL__FRAME_QUESTION:
        if (w->events.question)
            w->events.question(w->events.self, frame->topic, frame->head.target);
        break;
    default: /* from a newer master of the same protocol version: nothing that must be understood */
        break;
    }
    if (fd >= 0)
        close(fd);
}

static void channel_closed(void *self)
{
    struct sl__worker *w = self;
    int error = sl__channel_error(w->channel);

    if (error)
        sl__log(SL__ERROR, "what the master said could not be read: %s", sl_strerror(error));
    w->events.orphaned(w->events.self);
}

static void channel_writable(void *self)
{
    struct sl__worker *w = self;

    if (w->events.writable)
        w->events.writable(w->events.self);
}

static int ask_for(struct sl__worker *w, const struct sl__handle *shared)
{
    struct sl__frame_head head = {.type = SL__FRAME_REGION, .body_len = sizeof shared->shape};
    int r = 0;

    for (; shared && r == 0; shared = shared->next)
        r = sl__channel_send(w->channel, &head, shared->name, &shared->shape, -1);
    return r;
}

static int say_hello(struct sl__worker *w, const struct sl__hello *hello)
{
    struct sl__frame_head head = {.type = SL__FRAME_HELLO};
    struct sl__hello ours = *hello;
    struct sl__buf body = {0};
    int r;

    ours.channel_version = SL__CHANNEL_VERSION;
    r = sl__hello_write(&body, &ours);
    if (r < 0)
        goto out;
    head.body_len = sl__buf_len(&body);
    r = sl__channel_send(w->channel, &head, NULL, body.data + body.at, -1);
    if (r == 0)
        r = sl__channel_flush(w->channel);
    if (r == -EAGAIN) /* leaves with the loop */
        r = 0;
out:
    sl__buf_finish(&body);
    return r;
}

static int open_signals(struct sl__worker *w)
{
    int r;

    w->signals = (struct sl__watch){.events = EPOLLIN, .ready = signals_ready};
    w->signals.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->signals.fd < 0)
        return -errno;
    r = sl__loop_add(w->loop, &w->signals);
    if (r < 0) {
        close(w->signals.fd);
        w->signals.fd = -1;
        return r;
    }
    signal_fd = w->signals.fd;
    return 0;
}

static void open_channel(struct sl__worker *w, size_t queue_limit)
{
    w->channel = sl__channel_new(w->loop, sl__role()->channel, queue_limit,
                                 &(struct sl__channel_events){
                                     .frame = take_frame,
                                     .closed = channel_closed,
                                     .writable = channel_writable,
                                     .self = w,
                                 });
}

struct sl__worker *sl__worker_new(struct sl__loop *l, const struct sl__hello *hello,
                                  const struct sl__handle *shared, size_t queue_limit,
                                  const struct sl__worker_events *events)
{
    struct sl__worker *w = sl__alloc_zeroed(sizeof *w);
    int r;

    w->loop = l;
    w->events = *events;
    w->endpoints = hello->endpoint_count;
    w->own_order.deadline_ns = hello->drain_ms * SL__MS;
    w->own_order.grace_ns = hello->grace_ms * SL__MS;
    last_wish_s = (int)(hello->drain_ms / 1000 + 1);
    r = open_signals(w);
    if (r < 0)
        goto fail;
    take_signals();
    r = -ENOMEM;
    open_channel(w, queue_limit);
    if (!w->channel)
        goto fail;
    r = ask_for(w, shared);
    if (r == 0)
        r = say_hello(w, hello);
    if (r < 0)
        goto fail;
    return w;
fail:
    sl__log(SL__ERROR, "cannot speak to the master: %s", sl_strerror(r));
    sl__worker_free(w);
    return NULL;
}

void sl__worker_free(struct sl__worker *w)
{
    if (!w)
        return;
    if (w->signals.fd >= 0) {
        signal_fd = -1; /* the handlers stay: a late SIGTERM must not spoil the exit status */
        sl__loop_remove(w->loop, &w->signals);
        close(w->signals.fd);
    }
    sl__channel_free(w->channel);
    sl__free(w);
}

struct sl__channel *sl__worker_channel(struct sl__worker *w)
{
    return w->channel;
}

void sl__worker_ready(struct sl__worker *w)
{
    /* Refused only if the master is gone, which orphaned() says. */
    sl__channel_send(w->channel, &(struct sl__frame_head){.type = SL__FRAME_READY}, NULL, NULL, -1);
}

void sl__worker_shut(struct sl__worker *w)
{
    sl__channel_send(w->channel, &(struct sl__frame_head){.type = SL__FRAME_SHUT}, NULL, NULL, -1);
}

void sl__worker_give(struct sl__worker *w, int fd, unsigned listener)
{
    struct sl__frame_head head = {.type = SL__FRAME_GIVE, .target = listener};

    sl__channel_send(w->channel, &head, NULL, NULL, fd); /* closed if it cannot be sent */
}

void sl__worker_answer(struct sl__worker *w, uint32_t number, const char *text, size_t len)
{
    struct sl__frame_head head = {.type = SL__FRAME_ANSWER, .target = number, .body_len = len};

    sl__channel_send(w->channel, &head, NULL, text, -1); /* else the asker gives up in time */
}

void sl__worker_retire(struct sl__worker *w, const char *why)
{
    sl__channel_send(w->channel, &(struct sl__frame_head){.type = SL__FRAME_RETIRE}, why, NULL, -1);
}

void sl__worker_failed(struct sl__worker *w, const char *reason)
{
    struct sl__frame_head head = {.type = SL__FRAME_FAILED, .body_len = strlen(reason)};

    sl__channel_send(w->channel, &head, NULL, reason, -1);
    sl__channel_flush(w->channel);
}

void sl__worker_unread(struct sl__worker *w, void (*tell)(void *self, int fd, unsigned listener),
                       void *self)
{
    static struct sl__batch batch; /* too large for the stack of a signal handler */
    struct sl__frame frame;

    for (int i = 0; i < UNREAD_MAX && sl__batch_receive(&batch, sl__channel_fd(w->channel)) > 0;
         i++) {
        size_t at = 0, fd_at = 0;

        while (sl__frame_read(batch.data, batch.len, &at, batch.fds, batch.fd_count, &fd_at,
                              &frame) > 0) {
            if (frame.head.type != SL__FRAME_ADOPT || frame.fd < 0)
                continue;
            batch.fds[fd_at - 1] = -1; /* it must live until it has been passed on */
            tell(self, frame.fd, frame.head.target);
        }
    }
}
