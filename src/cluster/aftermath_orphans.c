/*
 * Orphans: connections whose worker has crashed.
 *
 * They come from aftermath.c with a word on what they are. Who waits for an answer gets one that
 * was made elsewhere (the cluster knows no HTTP), then our side is shut down and what still comes
 * is thrown away for a second, so that no reset destroys what was sent. Who waits for nothing goes
 * on to another worker, or waits here for the successor.
 */
#include "cluster/aftermath.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "cluster/master_state.h"

#define LINGER SL__SEC
#define PAGE_LINGER (5 * SL__SEC)
#define PAGE_PATIENCE (25 * SL__SEC) /* until the crash is known: longer than a helper may take */
#define HOLD SL__SEC
#define THROW_MAX (8u << 20)
#define TEXT_MAX 512

struct orphan {
    struct sl__watch watch;
    struct sl__timer timer;
    struct sl__link link; /* of orphans or held */
    struct sl__master *master;
    const struct sl__listener *listener; /* held: whose it is */
    const char *bytes;                   /* the answer: text or page */
    size_t len, at;                      /* of it; at: sent */
    char *page;                          /* of malloc(3); may be NULL */
    uint32_t thrown;
    uint32_t worker; /* that has left it */
    bool shut, watched;
    char text[TEXT_MAX];
};

static void release(struct orphan *o)
{
    struct sl__master *m = o->master;

    if (o->watched)
        sl__loop_remove(&m->loop, &o->watch);
    sl__timer_stop(&m->loop, &o->timer);
    if (o->watch.fd >= 0)
        close(o->watch.fd);
    sl__list_remove(&o->link);
    m->aftermath.orphan_count--;
    free(o->page);
    sl__free(o);
}

/* Sends what is left of the text. 0 when all of it is out; -EAGAIN; another error: give up. */
static int say(struct orphan *o)
{
    while (o->at < o->len) {
        ssize_t n = sl__sys_send(o->watch.fd, o->bytes + o->at, o->len - o->at, MSG_DONTWAIT);

        if (n < 0)
            return (int)n;
        o->at += (size_t)n;
    }
    if (!o->shut)
        shutdown(o->watch.fd, SHUT_WR);
    o->shut = true;
    return 0;
}

/* False when there is nothing more to wait for. */
static bool throw_away(struct orphan *o)
{
    char octets[16384];
    ssize_t n;

    do {
        n = recv(o->watch.fd, octets, sizeof octets, MSG_DONTWAIT);
        if (n > 0)
            o->thrown += (uint32_t)n;
    } while (n == (ssize_t)sizeof octets && o->thrown <= THROW_MAX);
    return o->thrown <= THROW_MAX && (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
}

static void go_on(struct orphan *o)
{
    int r = say(o);

    if ((r < 0 && r != -EAGAIN) || !throw_away(o)) {
        /* The end of its input, while ours is still to be taken: that is no reason to go. */
        if (r == -EAGAIN && sl__loop_modify(&o->master->loop, &o->watch, EPOLLOUT) == 0)
            return;
        release(o);
        return;
    }
    if (sl__loop_modify(&o->master->loop, &o->watch,
                        r == -EAGAIN ? EPOLLIN | EPOLLOUT : (uint32_t)EPOLLIN) < 0)
        release(o);
}

static void on_ready(struct sl__watch *w, uint32_t events)
{
    struct orphan *o = SL__OWNER(w, struct orphan, watch);

    if (events & EPOLLERR)
        release(o);
    else
        go_on(o);
}

static void linger_ends(struct sl__timer *t)
{
    release(SL__OWNER(t, struct orphan, timer));
}

/* Says the text, and sees the connection out. */
static void see_out(struct orphan *o)
{
    struct sl__master *m = o->master;
    int r = say(o);

    if ((r < 0 && r != -EAGAIN) || m->aftermath.orphan_count > SL__ORPHANS_MAX) {
        release(o);
        return;
    }
    o->watch.events = EPOLLIN | (r == -EAGAIN ? (uint32_t)EPOLLOUT : 0);
    o->watch.ready = on_ready;
    o->timer.fire = linger_ends;
    if (sl__loop_add(&m->loop, &o->watch) < 0) {
        release(o);
        return;
    }
    o->watched = true;
    sl__timer_start(&m->loop, &o->timer, m->loop.now + (o->page ? PAGE_LINGER : LINGER));
}

static void set_text(struct orphan *o, bool culprit, bool head)
{
    struct sl__master *m = o->master;

    if (!m->config.last_answer)
        return;
    o->bytes = o->text;
    o->len = m->config.last_answer(culprit, head, o->text, sizeof o->text);
    sl__scoreboard_answered(&m->board);
}

/* What it was kept for has come, or will not. */
static void wait_no_more(struct orphan *o)
{
    sl__timer_stop(&o->master->loop, &o->timer);
    sl__list_remove(&o->link);
    sl__list_append(&o->master->aftermath.orphans, &o->link);
}

/* Nobody has come for it. A request that has come meanwhile gets its answer. */
static void give_up(struct orphan *o)
{
    int waiting = 0;

    if (ioctl(o->watch.fd, FIONREAD, &waiting) == 0 && waiting > 0)
        set_text(o, false, false);
    wait_no_more(o);
    see_out(o);
}

static void hold_ends(struct sl__timer *t)
{
    give_up(SL__OWNER(t, struct orphan, timer));
}

static void hold(struct orphan *o, const struct sl__listener *l)
{
    struct sl__master *m = o->master;

    o->listener = l;
    o->timer.fire = hold_ends;
    sl__list_append(&m->aftermath.held, &o->link);
    if (m->aftermath.orphan_count > SL__ORPHANS_MAX || m->stopping)
        give_up(o);
    else
        sl__timer_start(&m->loop, &o->timer, m->loop.now + HOLD);
}

/* No page will come. */
static void answer_plainly(struct orphan *o)
{
    wait_no_more(o);
    set_text(o, true, false); /* a HEAD has never waited */
    see_out(o);
}

static void page_is_late(struct sl__timer *t)
{
    answer_plainly(SL__OWNER(t, struct orphan, timer));
}

static void await_page(struct orphan *o)
{
    struct sl__master *m = o->master;

    o->timer.fire = page_is_late;
    sl__list_append(&m->aftermath.waiting, &o->link);
    sl__timer_start(&m->loop, &o->timer, m->loop.now + PAGE_PATIENCE);
}

void sl__orphans_answer(struct sl__master *m, uint32_t worker, char *page, size_t len)
{
    struct sl__link *all = &m->aftermath.waiting, *next;

    for (struct sl__link *at = all->next; at != all; at = next) {
        struct orphan *o = SL__OWNER(at, struct orphan, link);

        next = at->next;
        if (o->worker != worker)
            continue;
        if (!page) {
            answer_plainly(o);
            continue;
        }
        o->bytes = o->page = page;
        o->len = len;
        page = NULL;
        wait_no_more(o);
        sl__scoreboard_answered(&m->board);
        see_out(o);
    }
    free(page);
}

void sl__orphan_take(struct sl__master *m, struct sl__member *w, int fd,
                     const struct sl__crash_note *note)
{
    const struct sl__listener *l =
        w && note->listener < w->listener_count ? w->listeners[note->listener] : NULL;
    struct orphan *o;

    if (w) {
        w->left.culprits += note->fate == SL__FATE_CULPRIT;
        w->left.bystanders += note->fate == SL__FATE_BYSTANDER;
        w->left.idle += note->fate == SL__FATE_IDLE;
    }
    if (note->fate == SL__FATE_IDLE && l && sl__crew_pass_on(m, w, l, fd))
        return;
    o = sl__try_alloc_zeroed(sizeof *o);
    if (!o) {
        close(fd);
        return;
    }
    o->master = m;
    o->watch.fd = fd;
    m->aftermath.orphan_count++;
    if (note->fate == SL__FATE_IDLE && l) {
        hold(o, l);
        return;
    }
    o->worker = w ? w->id : 0;
    if (note->fate == SL__FATE_CULPRIT && !note->head && w && !m->stopping &&
        sl__aftermath_wants_page(m, w)) {
        await_page(o);
        return;
    }
    sl__list_append(&m->aftermath.orphans, &o->link);
    if (note->fate == SL__FATE_CULPRIT || note->fate == SL__FATE_BYSTANDER)
        set_text(o, note->fate == SL__FATE_CULPRIT, note->head);
    see_out(o);
}

static struct orphan *next_held(struct sl__aftermath *a, struct sl__link *after)
{
    return after->next == &a->held ? NULL : SL__OWNER(after->next, struct orphan, link);
}

void sl__aftermath_ready(struct sl__master *m)
{
    struct sl__link *at = &m->aftermath.held;
    struct orphan *o;

    while ((o = next_held(&m->aftermath, at))) {
        if (sl__crew_pass_on(m, NULL, o->listener, o->watch.fd)) {
            o->watch.fd = -1;
            release(o);
        } else {
            at = &o->link;
        }
    }
}

void sl__aftermath_forget_listener(struct sl__master *m, const struct sl__listener *l)
{
    struct sl__link *at = &m->aftermath.held;
    struct orphan *o;

    while ((o = next_held(&m->aftermath, at))) {
        if (o->listener == l)
            give_up(o);
        else
            at = &o->link;
    }
}

void sl__orphans_finish(struct sl__master *m)
{
    struct sl__aftermath *a = &m->aftermath;
    struct sl__link *lists[] = {&a->orphans, &a->held, &a->waiting};

    for (int i = 0; i < 3; i++)
        while (!sl__list_empty(lists[i]))
            release(SL__OWNER(lists[i]->next, struct orphan, link));
}
