/*
 * The crew: spawning, draining, killing and burying workers.
 *
 * Comes from the supervisor's actions and from the loop: a pidfd that says a worker is dead, a
 * channel that was closed. What workers say while they live is heard in crew_frames.c. Leaves as
 * events for supervisor and relay; nothing is decided here.
 *
 * The death of a process is read from its pidfd only, after everything it had said before.
 */
#include "cluster/crew.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "cluster/master_state.h"
#include "cluster/role.h"
#include "shallot/error.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TABLE_SIZE (sizeof((struct sl__crew *)0)->recent / sizeof(struct sl__member *))

static void end_process_watch(struct sl__member *w)
{
    if (w->process.fd < 0)
        return;
    sl__loop_remove(&w->master->loop, &w->process);
    close(w->process.fd);
    w->process.fd = -1;
}

static void release(struct sl__member *w)
{
    struct sl__master *m = w->master;

    end_process_watch(w);
    sl__timer_stop(&m->loop, &w->patience);
    sl__list_remove(&w->stillborn.link);
    sl__channel_free(w->channel);
    sl__list_remove(&w->link);
    if (m->crew.recent[w->id % TABLE_SIZE] == w)
        m->crew.recent[w->id % TABLE_SIZE] = NULL;
    sl__free(w);
}

/* Tells everybody and forgets the member. */
static void report_exit(struct sl__member *w, int code, int signal)
{
    struct sl__master *m = w->master;
    struct sl__exit exit = {
        .code = code,
        .signal = signal,
        .served = m->board.slots[w->slot].served > 0,
        .pid = w->pid,
        .reason = w->reason[0] ? w->reason : NULL,
    };

    /* Its successor may be given the slot below. */
    sl__scoreboard_bury(&m->board, w->slot, !w->leaving && w->pid > 0);
    if (w->greeted) {
        sl__relay_leave(m->relay, w->id);
        sl__master_watch_donor(m);
    }
    sl__supervisor_exited(m->supervisor, w->id, &exit, m->loop.now);
    if (!sl__aftermath_died(m, w, code, signal) && signal && !w->leaving)
        sl__master_tell_death(w->id, signal, sl__master_what_then(m, w), NULL);
    if (w->pid > 0)
        sl__master_tell(m, w, m->config.hooks.worker_exit, code, signal);
    sl__control_gone(m, w->id);
    sl__notify_workers(m);
    release(w);
    sl__crew_turn(m);
}

static void say_stillborn(struct sl__task *t)
{
    report_exit(SL__OWNER(t, struct sl__member, stillborn), 127, 0);
}

static void process_ready(struct sl__watch *w, uint32_t events)
{
    sl__crew_bury(SL__OWNER(w, struct sl__member, process));
}

/* Dead, mostly, or leaving by its own decision. Else a fault: no message reaches it any more. */
static void hung_up(void *self)
{
    struct sl__member *w = self;
    int error = sl__channel_error(w->channel);
    char why[96] = "";

    if (w->leaving)
        return;
    if (error)
        snprintf(why, sizeof why, "what it said could not be read: %s", sl_strerror(error));
    sl__crew_give_up(w, why);
}

/* Somebody looks at it with a debugger: it is not killed under his hands, but looked at again. */
static bool is_debugged(struct sl__member *w)
{
    struct sl__master *m = w->master;

    if (!m->config.development || m->stopping || w->pid <= 0 || !sl__is_traced(w->pid))
        return false;
    sl__timer_start(&m->loop, &w->patience, m->loop.now + SL__SEC);
    return true;
}

static void patience_ended(struct sl__timer *t)
{
    struct sl__member *w = SL__OWNER(t, struct sl__member, patience);

    if (is_debugged(w))
        return;
    sl__log(SL__WARN, "worker %d does not leave: killing it", w->pid);
    pidfd_send_signal(w->process.fd, SIGKILL, NULL, 0);
}

static void writable(void *self)
{
    struct sl__member *w = self;

    if (!w->greeted)
        return;
    sl__relay_writable(w->master->relay, w->id);
    sl__master_watch_donor(w->master);
}

int sl__crew_attach(struct sl__member *w, int channel)
{
    struct sl__master *m = w->master;
    int r;

    w->channel = sl__channel_new(&m->loop, channel, SIZE_MAX,
                                 &(struct sl__channel_events){
                                     .frame = sl__crew_frame,
                                     .closed = hung_up,
                                     .writable = writable,
                                     .self = w,
                                 });
    if (!w->channel)
        return -ENOMEM;
    sl__channel_set_low(w->channel, m->config.queue_bytes / 4);
    r = sl__loop_add(&m->loop, &w->process);
    if (r < 0) {
        close(w->process.fd);
        w->process.fd = -1;
    }
    return r;
}

static int start_process(struct sl__member *w, const struct sl__executable *executable)
{
    struct sl__master *m = w->master;
    struct sl__spawn spawn = {
        .executable = executable,
        .argv = sl__role()->argv,
        .worker = w->id,
        .slot = w->slot,
        .scoreboard = m->board.fd,
        .crash_memory = m->aftermath.memory,
        .crash_socket = m->aftermath.worker_end,
        .feed = sl__role()->feed,
        .mask = &m->signals.old_mask,
        .files = m->files.rlim_max > 0 ? &m->files : NULL,
    };
    int ends[2];
    int r;

    r = sl__channel_pair(ends);
    if (r < 0)
        return r;
    spawn.channel = ends[1];
    r = sl__spawn(&spawn, &w->process.fd);
    close(ends[1]);
    if (r < 0) {
        close(ends[0]);
        return r;
    }
    w->pid = r;
    r = sl__crew_attach(w, ends[0]);
    if (r < 0) { /* without a watch nobody would see it die */
        kill(w->pid, SIGKILL);
        waitpid(w->pid, NULL, 0);
        w->pid = 0;
    }
    return r;
}

void sl__crew_init(struct sl__crew *c)
{
    *c = (struct sl__crew){0};
    sl__list_init(&c->members);
}

struct sl__member *sl__crew_find(struct sl__crew *c, uint32_t id)
{
    struct sl__member *w = c->recent[id % TABLE_SIZE];

    if (w && w->id == id)
        return w;
    for (struct sl__link *at = c->members.next; at != &c->members; at = at->next) {
        w = SL__OWNER(at, struct sl__member, link); /* two ids met in one place of the table */
        if (w->id == id)
            return w;
    }
    return NULL;
}

struct sl__member *sl__crew_add(struct sl__master *m, uint32_t id)
{
    struct sl__member *w = sl__alloc_zeroed(sizeof *w);

    w->master = m;
    w->id = id;
    w->process = (struct sl__watch){.fd = -1, .events = EPOLLIN, .ready = process_ready};
    w->stillborn.run = say_stillborn;
    w->patience.fire = patience_ended;
    sl__list_append(&m->crew.members, &w->link);
    m->crew.recent[id % TABLE_SIZE] = w;
    return w;
}

void sl__crew_spawn(struct sl__master *m, uint32_t id, unsigned slot, unsigned generation,
                    const struct sl__executable *executable)
{
    struct sl__member *w = sl__crew_add(m, id);
    int r;

    w->slot = slot;
    w->generation = generation;
    sl__scoreboard_assign(&m->board, slot, id);
    m->board.slots[slot].generation = generation; /* the worker asks for it when it begins */
    r = start_process(w, executable);
    if (r < 0) {
        snprintf(w->reason, sizeof w->reason, "cannot start %.300s: %s", executable->path,
                 sl_strerror(r));
        sl__loop_defer(&m->loop, &w->stillborn);
        return;
    }
    sl__scoreboard_introduce(&m->board, slot, w->pid, generation, m->loop.now);
    sl__log(SL__DEBUG, "worker %u started (pid %d)", id, w->pid);
}

void sl__crew_drain(struct sl__master *m, uint32_t id, enum sl__drain_kind kind,
                    int64_t deadline_ns)
{
    struct sl__drain_order order = {deadline_ns, m->config.grace_ms * SL__MS};
    struct sl__frame_head head = {
        .type = SL__FRAME_DRAIN, .target = kind, .body_len = sizeof order};
    struct sl__member *w = sl__crew_find(&m->crew, id);

    if (!w || !w->channel)
        return;
    w->leaving = true;
    atomic_store_explicit(&m->board.slots[w->slot].leaving, 1, memory_order_relaxed);
    sl__timer_stop(&m->loop, &w->patience);                /* the supervisor's deadline holds now */
    sl__channel_send(w->channel, &head, NULL, &order, -1); /* refused only if it is dead already */
    sl__relay_leaving(m->relay, id);
    sl__master_watch_donor(m);
    sl__crew_turn(m);
}

void sl__crew_kill(struct sl__master *m, uint32_t id, int signal)
{
    struct sl__member *w = sl__crew_find(&m->crew, id);

    if (!w || w->process.fd < 0 || ((signal == SIGKILL || signal == SIGABRT) && is_debugged(w)))
        return;
    if (signal == SIGABRT)
        w->aborted = true;
    else if (!w->aborted)
        w->leaving = true;
    pidfd_send_signal(w->process.fd, signal, NULL, 0);
}

void sl__crew_give_up(struct sl__member *w, const char *why)
{
    struct sl__master *m = w->master;

    if (w->given_up)
        return;
    w->given_up = true;
    if (!w->reason[0])
        snprintf(w->reason, sizeof w->reason, "%s", why);
    pidfd_send_signal(w->process.fd, SIGTERM, NULL, 0);
    sl__timer_start(&m->loop, &w->patience, m->loop.now + m->config.drain_ms * SL__MS + SL__SEC);
}

void sl__crew_bury(struct sl__member *w)
{
    struct sl__master *m = w->master;
    siginfo_t info = {0};
    int r;

    if (w->channel)
        sl__channel_pump(w->channel);
    sl__aftermath_pump(m);
    do
        r = waitid(P_PIDFD, (id_t)w->process.fd, &info, WEXITED | WNOHANG);
    while (r < 0 && errno == EINTR);
    if (r == 0 && info.si_pid == 0)
        return; /* not dead after all */
    if (r < 0)  /* somebody else's wait() was faster: how it ended is not known */
        report_exit(w, 255, 0);
    else if (info.si_code == CLD_EXITED)
        report_exit(w, info.si_status, 0);
    else
        report_exit(w, -1, info.si_status);
}

void sl__crew_forget_listener(struct sl__listener *l, void *master)
{
    struct sl__master *m = master;

    sl__aftermath_forget_listener(m, l);
    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        for (unsigned i = 0; i < w->listener_count; i++)
            if (w->listeners[i] == l)
                w->listeners[i] = NULL;
    }
}

void sl__crew_finish(struct sl__master *m)
{
    if (!m->crew.members.next)
        return;
    while (!sl__list_empty(&m->crew.members)) {
        struct sl__member *w = SL__OWNER(m->crew.members.next, struct sl__member, link);

        if (w->pid > 0) {
            kill(w->pid, SIGKILL);
            waitpid(w->pid, NULL, 0);
        }
        release(w);
    }
}
