/*
 * Requests: one worker asks another and waits for the reply, with a deadline.
 *
 * Comes from sl_request() on any fiber, which waits here; and from the mailbox with what others
 * ask, each answered on a fiber of its own. A reply is taken as it arrives and not in the mailbox's
 * turn, because the mailbox's own fiber may be the one that waits. What comes after its request has
 * ended finds nobody and is dropped.
 */
#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "bus/inside.h"

/* On the asker's stack while it waits. */
struct asking {
    struct sl__link link;
    struct sl__fiber *fiber;
    uint32_t number;
    bool wanted; /* the reply's bytes */
    bool done;
    int result;
    void *data;
    size_t len;
};

struct sl__answer {
    struct sl__link link;
    struct sl__bus *bus;
    struct sl__fiber *fiber;
    const struct sl__bus_answerer *by;
    struct sl__mail *mail;
    sl_message message;
    bool replied;
};

static int copy_body(const struct sl__frame *f, void **ret)
{
    size_t len = (size_t)f->head.body_len, at = 0;
    char *data = sl__try_alloc(len + 1);
    ssize_t n = 0;

    if (!data)
        return -ENOMEM;
    data[len] = 0;
    if (!(f->head.flags & SL__FRAME_BODY_FD)) {
        if (len > 0)
            memcpy(data, f->body, len);
        at = len;
    }
    while (at < len && (n = pread(f->fd, data + at, len - at, (off_t)at)) > 0)
        at += (size_t)n;
    if (at < len) { /* its size has been checked: the kernel has no memory */
        sl__free(data);
        return n < 0 ? -errno : -EIO;
    }
    *ret = data;
    return 0;
}

static void end(struct asking *a, int result)
{
    a->done = true;
    a->result = result;
    sl__fiber_wake(a->fiber);
}

/* Replies mostly come in the order of the requests, so the search is short. */
static struct asking *find(struct sl__bus *b, uint32_t number)
{
    for (struct sl__link *at = b->asking.next; at != &b->asking; at = at->next) {
        struct asking *a = SL__OWNER(at, struct asking, link);

        if (a->number == number && !a->done)
            return a;
    }
    return NULL;
}

void sl__bus_replied(struct sl__bus *b, const struct sl__frame *f)
{
    struct asking *a = find(b, f->head.target);
    int32_t error = 0;
    int r = 0;

    if (!a)
        return;
    if (f->head.type == SL__FRAME_REFUSAL) {
        if (f->body && f->head.body_len == sizeof error)
            memcpy(&error, f->body, sizeof error);
        end(a, error < 0 ? error : -EBADMSG);
        return;
    }
    a->len = (size_t)f->head.body_len;
    if (a->wanted)
        r = copy_body(f, &a->data);
    end(a, r);
}

bool sl__bus_asks_itself(struct sl__bus *b, const struct sl__frame *f)
{
    struct sl__frame_head forget = {.type = SL__FRAME_FORGET, .from = f->head.target};
    struct asking *a;

    if (f->head.type != SL__FRAME_REQUEST || f->head.from != b->worker)
        return false;
    a = find(b, f->head.target);
    if (!a || a->fiber != b->fiber)
        return false;
    sl__bus_say(b, &forget, NULL);
    end(a, -EDEADLK);
    return true;
}

static int check(struct sl__bus *b, const struct sl__bus_request *q)
{
    size_t topic_len = q->topic ? strlen(q->topic) : 0;

    if (topic_len == 0 || topic_len > SL__TOPIC_MAX || (q->len > 0 && !q->data) ||
        q->timeout_ns <= 0)
        return -EINVAL;
    if (!b->started)
        return -EPERM;
    if (q->len > b->message_bytes)
        return -EMSGSIZE;
    if (!sl__fiber_current())
        return -EDEADLK;
    return sl__fiber_current() == b->fiber && (q->target == b->worker || !b->wire) ? -EDEADLK : 0;
}

static int wait_for_reply(struct sl__bus *b, struct asking *a, uint32_t target, int64_t deadline)
{
    struct sl__frame_head head = {.type = SL__FRAME_FORGET, .target = target, .from = a->number};
    int r = 0;

    while (!a->done && r == 0)
        r = sl__fiber_wait(deadline);
    if (a->done)
        return a->result;
    sl__bus_say(b, &head, NULL);
    return r;
}

int sl__bus_ask(struct sl__bus *b, const struct sl__bus_request *q)
{
    struct sl__frame_head head = {
        .type = SL__FRAME_REQUEST, .target = q->target, .body_len = q->len};
    int64_t deadline = sl__sys_now() + q->timeout_ns;
    struct asking a = {.fiber = sl__fiber_current(), .wanted = q->ret_data != NULL};
    int r = check(b, q);

    if (r < 0)
        return r;
    head.topic_len = (uint16_t)strlen(q->topic);
    head.from = a.number = ++b->request_number;
    sl__list_append(&b->asking, &a.link);
    sl__mailbox_regulate(b);
    r = sl__bus_wire_until(b, &head, q->topic, q->data, deadline);
    if (r == 0)
        r = wait_for_reply(b, &a, q->target, deadline);
    sl__list_remove(&a.link);
    if (!b->stopping)
        sl__mailbox_regulate(b);
    if (r < 0) {
        sl__free(a.data);
        return r;
    }
    if (q->ret_data)
        *q->ret_data = a.data;
    if (q->ret_len)
        *q->ret_len = a.len;
    return 0;
}

void sl__bus_asking_failed(struct sl__bus *b, int error)
{
    for (struct sl__link *at = b->asking.next; at != &b->asking; at = at->next) {
        struct asking *a = SL__OWNER(at, struct asking, link);

        if (!a->done)
            end(a, error);
    }
}

static void refuse(struct sl__bus *b, const struct sl__frame_head *request, int error)
{
    int32_t body = error;
    struct sl__frame_head head = {.type = SL__FRAME_REFUSAL,
                                  .target = request->from,
                                  .from = request->target,
                                  .body_len = sizeof body};

    sl__bus_say(b, &head, &body);
}

int sl__bus_reply(const sl_message *m, const void *data, size_t len)
{
    struct sl__answer *a = m->answer;
    struct sl__frame_head head = {.type = SL__FRAME_REPLY, .body_len = len};
    int r;

    if (!a || (len > 0 && !data))
        return -EINVAL;
    if (a->replied)
        return -EALREADY;
    if (len > a->bus->message_bytes)
        return -EMSGSIZE;
    head.target = a->mail->frame.head.from;
    head.from = a->mail->frame.head.target;
    a->replied = true;
    r = sl__bus_wire(a->bus, &head, "", data);
    if (r < 0)
        a->replied = false;
    return r;
}

static void answer(void *arg)
{
    struct sl__answer *a = arg;
    struct sl__bus *b = a->bus;
    struct sl__mail *m = a->mail;
    int r = sl__mail_open(m, &a->message.data);

    if (r == 0) {
        r = b->stopping ? -EPIPE : a->by->fn(b->app, &a->message, a->by->self);
        sl__mail_close(m, a->message.data);
    }
    if (!a->replied && r >= 0)
        r = sl__bus_reply(&a->message, NULL, 0);
    if (!a->replied)
        refuse(b, &m->frame.head, r);
    sl__list_remove(&a->link);
    sl__mail_free(b, m);
    sl__free(a);
    if (sl__list_empty(&b->answering))
        sl__mailbox_tell_idle(b);
}

static int start_answer(struct sl__bus *b, struct sl__mail *m)
{
    const struct sl__frame *f = &m->frame;
    struct sl__bus_answerer *by =
        sl__map_get(&b->answerers, (struct sl__str){f->topic, f->head.topic_len});
    struct sl__answer *a;
    int r;

    if (!by)
        return -ENOENT;
    a = sl__try_alloc_zeroed(sizeof *a);
    if (!a)
        return -ENOMEM;
    *a = (struct sl__answer){.bus = b, .by = by, .mail = m};
    a->message = (sl_message){
        .topic = f->topic, .len = f->head.body_len, .from = (int)f->head.from, .answer = a};
    r = sl__fiber_start(&a->fiber, answer, a);
    if (r < 0) {
        sl__free(a);
        return r;
    }
    sl__fiber_set_label(a->fiber, f->topic);
    sl__list_append(&b->answering, &a->link);
    return 0;
}

bool sl__bus_answer(struct sl__bus *b, struct sl__mail *m)
{
    int r = start_answer(b, m);

    if (r < 0)
        refuse(b, &m->frame.head, r);
    return r == 0;
}

void sl__bus_stop_answering(struct sl__bus *b)
{
    for (struct sl__link *at = b->answering.next; at != &b->answering; at = at->next)
        sl__fiber_cancel(SL__OWNER(at, struct sl__answer, link)->fiber);
}
