/*
 * Upgrade: the master becomes the program that lies at its path now, in place.
 *
 * SIGUSR2 comes in, or the control socket. The new program proves itself three times before there
 * is no way back: it can be opened, a generation of it gets READY beside the old one and stays up,
 * and a child of it reads our state as the new master will. Then this process writes its state into
 * a memfd, lets every descriptor be inherited, and execs. The new program comes in through
 * sl__master_take_over(): it reads the state, takes the descriptors and lets the generation that
 * waits take over. Workers, sockets, messages and shared memory are not touched by any of it.
 *
 * What fails before the exec leaves everything as it was. A program that cannot take over after
 * all execs the one it comes from, which finds its own state and goes on.
 */
#include "cluster/master_state.h"

#include "base/log.h"
#include "base/time.h"
#include "cluster/rehearsal.h"
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

#define AGAIN (50 * SL__MS)
#define BUSY_MAX (30 * SL__SEC)

static void archive_executable(struct sl__executable *e, struct sl__archive *a)
{
    sl__archive_fd(a, &e->fd);
    sl__archive_text(a, e->path, sizeof e->path);
    sl__archive_bytes(a, &e->was, sizeof e->was);
}

/* Everything, in the order in which the parts rely on each other. */
static void archive_all(struct sl__master *m, struct sl__archive *a)
{
    sl__archive_mark(a, "MSTR");
    sl__archive_bytes(a, &m->signals.old_mask, sizeof m->signals.old_mask);
    sl__archive_bytes(a, &m->files, sizeof m->files);
    sl__archive_bytes(a, &m->terminal, sizeof m->terminal);
    sl__archive_u32(a, &m->config.drain_ms);
    sl__archive_u32(a, &m->config.grace_ms);
    sl__archive_u32(a, &m->config.ready_ms);
    sl__archive_u32(a, &m->instances);
    sl__archive_bool(a, &m->change_seen);
    archive_executable(&m->held, a);
    archive_executable(&m->candidate, a);
    sl__archive_fd(a, &m->board.fd);
    sl__listeners_archive(&m->listeners, a);
    sl__regions_archive(&m->regions, a);
    sl__crew_archive(m, a);
    sl__aftermath_archive(m, a);
    sl__control_archive(m, a);
    sl__notify_archive(m, a);
    sl__archive_bool(a, &m->named);
    sl__supervisor_archive(m->supervisor, a);
    sl__relay_archive(m->relay, a);
    sl__archive_mark(a, "DONE");
}

/* The state as a sealed memfd, or a negative errno. */
static int write_state(struct sl__master *m)
{
    struct sl__archive a;
    int fd;

    sl__archive_write(&a);
    archive_all(m, &a);
    fd = sl__archive_seal(&a, m->held.fd);
    sl__archive_finish(&a);
    return fd;
}

static int read_state(struct sl__master *m, int fd, char *why, size_t len)
{
    struct sl__archive a;
    uint32_t version;
    int r = sl__archive_read(&a, fd, &version);

    if (r == -SL_EPROTOCOL) {
        snprintf(why, len,
                 "the state is of version %u, and it reads version %u: restart the program",
                 version, SL__STATE_VERSION);
        return r;
    }
    if (r == 0) {
        archive_all(m, &a);
        r = a.error;
        sl__archive_finish(&a);
    }
    if (r < 0)
        snprintf(why, len, "it cannot read the state: %s", sl_strerror(r));
    return r;
}

/* Connections of the crashed and helpers that look for names are seen out by this program. */
static bool busy(const struct sl__master *m)
{
    return m->aftermath.orphan_count > 0 || m->aftermath.namer_count > 0;
}

static void failed(struct sl__master *m, const char *why)
{
    sl__supervisor_reject(m->supervisor, why, m->loop.now);
    sl__master_upgrade_end(m); /* the supervisor has done it, unless there was no candidate */
}

/* What was said in this tick is sent first; what the sockets do not take travels with the state. */
static void become_it(struct sl__master *m)
{
    char why[160];
    int fd, r;

    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        if (w->channel)
            sl__channel_flush(w->channel);
    }
    fd = write_state(m);
    r = fd;
    if (fd >= 0) {
        r = sl__exec_again(m->candidate.fd, sl__role()->argv, fd, false);
        close(fd);
    }
    snprintf(why, sizeof why, "it cannot be executed: %s", sl_strerror(r));
    failed(m, why);
}

static void end_rehearsal(struct sl__master *m)
{
    if (m->upgrade.rehearsal.fd < 0)
        return;
    sl__loop_remove(&m->loop, &m->upgrade.rehearsal);
    sl__timer_stop(&m->loop, &m->upgrade.patience);
    close(m->upgrade.rehearsal.fd);
    close(m->upgrade.report);
    m->upgrade.rehearsal.fd = -1;
    m->upgrade.pid = 0;
}

static void rehearsal_over(struct sl__watch *watch, uint32_t events)
{
    struct sl__master *m = SL__OWNER(watch, struct sl__master, upgrade.rehearsal);
    char why[300], line[400];
    siginfo_t info = {0};
    int verdict;

    if (waitid(P_PIDFD, (id_t)watch->fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
        return;
    verdict = sl__rehearsal_verdict(m->upgrade.report, why, sizeof why);
    if (info.si_code == CLD_EXITED || verdict == 0)
        snprintf(line, sizeof line, "as a master %s", why);
    else
        snprintf(line, sizeof line, "as a master it died of SIG%s", sigabbrev_np(info.si_status));
    end_rehearsal(m);
    if (verdict < 0) {
        failed(m, line);
        return;
    }
    m->upgrade.stage = SL__UPGRADE_READY;
    m->upgrade.until = m->loop.now + BUSY_MAX;
    sl__loop_defer(&m->loop, &m->upgrade.next);
}

static void rehearsal_late(struct sl__timer *t)
{
    struct sl__master *m = SL__OWNER(t, struct sl__master, upgrade.patience);
    char line[120];

    snprintf(line, sizeof line, "as a master it did not come to sl_listen() within %.1f s",
             m->config.ready_ms / 1e3);
    failed(m, line);
}

static void look_again(struct sl__timer *t)
{
    struct sl__master *m = SL__OWNER(t, struct sl__master, upgrade.patience);

    sl__loop_defer(&m->loop, &m->upgrade.next);
}

static void become_it_when_free(struct sl__master *m)
{
    if (!busy(m)) {
        become_it(m);
    } else if (m->loop.now >= m->upgrade.until) {
        failed(m, "the exec would have cut short what a crash has left");
    } else {
        m->upgrade.patience.fire = look_again;
        sl__timer_start(&m->loop, &m->upgrade.patience, m->loop.now + AGAIN);
    }
}

static void rehearse(struct sl__master *m)
{
    struct sl__watch *watch = &m->upgrade.rehearsal;
    char line[120];
    int state = write_state(m), r = state;

    if (state >= 0) {
        r = sl__rehearse(&m->candidate, sl__role()->argv, &m->signals.old_mask, state, &watch->fd,
                         &m->upgrade.report);
        close(state);
    }
    if (r >= 0) {
        m->upgrade.pid = r;
        m->upgrade.stage = SL__UPGRADE_REHEARSING;
        m->upgrade.patience.fire = rehearsal_late;
        r = sl__loop_add(&m->loop, watch);
        sl__timer_start(&m->loop, &m->upgrade.patience, m->loop.now + m->config.ready_ms * SL__MS);
    }
    if (r < 0) {
        snprintf(line, sizeof line, "it cannot be tried as a master: %s", sl_strerror(r));
        failed(m, line);
    }
}

/* Last in the tick: nobody is in the middle of anything, and what is due has been done. */
static void next(struct sl__task *t)
{
    struct sl__master *m = SL__OWNER(t, struct sl__master, upgrade.next);

    if (!sl__list_empty(&m->loop.tasks))
        sl__loop_defer(&m->loop, t);
    else if (m->upgrade.stage == SL__UPGRADE_PROVING)
        rehearse(m);
    else if (m->upgrade.stage == SL__UPGRADE_READY)
        become_it_when_free(m);
}

void sl__master_upgrade_init(struct sl__master *m)
{
    m->upgrade.next.run = next;
    m->upgrade.rehearsal = (struct sl__watch){.fd = -1, .events = EPOLLIN, .ready = rehearsal_over};
}

static const char *refusal(const struct sl__master *m)
{
    if (m->stopping)
        return "the program is stopping";
    if (m->config.development)
        return "in development mode every change is a reload";
    if (m->upgrade.stage != SL__UPGRADE_NONE)
        return "an upgrade is under way";
    if (sl__supervisor_reloading(m->supervisor))
        return "a reload is under way, ask again when it is over";
    return NULL;
}

int sl__master_upgrade(struct sl__master *m, char *why, size_t len)
{
    const char *not_now = refusal(m);
    struct sl__executable new;
    int r = not_now ? -EBUSY : sl__executable_open(&new, m->held.path);

    if (not_now)
        snprintf(why, len, "upgrade refused: %s", not_now);
    else if (r < 0)
        snprintf(why, len, "cannot upgrade to %.200s: %s; nothing has changed", m->held.path,
                 sl_strerror(r));
    if (r < 0) {
        sl__log(SL__WARN, "%s", why);
        return r;
    }
    sl__executable_close(&m->candidate);
    m->candidate = new;
    m->upgrade.stage = SL__UPGRADE_PROVING;
    sl__notify_reloading(m);
    sl__supervisor_try(m->supervisor, m->loop.now);
    return 0;
}

void sl__master_upgrade_proven(struct sl__master *m)
{
    if (m->upgrade.stage == SL__UPGRADE_PROVING)
        sl__loop_defer(&m->loop, &m->upgrade.next);
}

void sl__master_upgrade_end(struct sl__master *m)
{
    pid_t pid = m->upgrade.pid;

    if (m->upgrade.stage == SL__UPGRADE_NONE)
        return;
    m->upgrade.stage = SL__UPGRADE_NONE;
    sl__list_remove(&m->upgrade.next.link);
    end_rehearsal(m);
    sl__timer_stop(&m->loop, &m->upgrade.patience);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* With the descriptors in hand; what is made anew is made of the new program's own. */
static int resume(struct sl__master *m)
{
    int board = m->board.fd, r;

    r = sl__scoreboard_attach(&m->board, board);
    if (r < 0)
        return r;
    sl__master_bind_shared(m);
    sl__notify_resume(m);
    r = sl__aftermath_resume(m);
    if (r == 0)
        r = sl__control_resume(m);
    return r < 0 ? r : sl__crew_resume(m);
}

int sl__master_take_over(struct sl__master *m)
{
    int state = sl__role()->state;
    char why[160];
    int r;

    r = sl__master_bus_start(m);
    if (r == 0)
        r = sl__archive_inherit(state, false);
    if (r == 0)
        r = read_state(m, state, why, sizeof why);
    else
        snprintf(why, sizeof why, "the state is not whole: %s", sl_strerror(r));
    if (r == 0) {
        r = resume(m);
        if (r < 0)
            snprintf(why, sizeof why, "it cannot be continued: %s", sl_strerror(r));
    }
    if (r < 0)
        sl__log(SL__ERROR, "cannot take over: %s", why);
    return r;
}

void sl__master_taken_over(struct sl__master *m)
{
    char done[96];

    close(sl__role()->state);
    if (sl__role()->returned) {
        sl__supervisor_reject(m->supervisor, "as a master it could not take over", m->loop.now);
    } else {
        sl__log(SL__INFO, "master %d has become the new program", getpid());
        sl__board_event(m->board.events,
                        &(sl_event){.kind = SL_EVENT_UPGRADED,
                                    .pid = getpid(),
                                    .generation = sl__supervisor_generation(m->supervisor)});
        sl__supervisor_accept(m->supervisor, m->loop.now);
        snprintf(done, sizeof done, "master %d has become the new program, generation %u serves",
                 getpid(), sl__supervisor_generation(m->supervisor));
        sl__control_over(m, SL__CONTROL_UPGRADE, 0, NULL, done);
    }
    sl__master_watch_donor(m);
}

void sl__master_return(struct sl__master *m)
{
    const struct sl__role *role = sl__role();
    int before, r;

    if (role->state < 0)
        return;
    before = role->returned ? -1 : sl__archive_fallback(role->state);
    r = before < 0 ? -EBADMSG : sl__exec_again(before, role->argv, role->state, true);
    sl__log(SL__ERROR, "cannot return to the program before: %s; the workers finish what they have",
            sl_strerror(r));
    _exit(1);
}

void sl__master_rehearsed(struct sl__master *m)
{
    const struct sl__role *role = sl__role();
    char why[160];

    if (role->rehearsal < 0)
        return;
    if (sl__master_bus_start(m) < 0)
        sl__rehearsal_end("it has no memory");
    if (m->config.development)
        sl__rehearsal_end("it wants development mode, which needs a restart");
    sl__rehearsal_end(read_state(m, role->state, why, sizeof why) < 0 ? why : NULL);
}
