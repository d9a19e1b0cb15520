/*
 * What the master is told by signals: stop, reload, one worker more or less, and that children have
 * died.
 *
 * All of them arrive through the loop's signalfd, SIGPIPE included, which blocked does no harm; a
 * worker gets the mask back that the program was started with.
 *
 * A SIGHUP that comes because the terminal was closed means the opposite of one that was sent for a
 * reload, and only the state of the terminal tells them apart.
 */
#include "cluster/master_state.h"

#include "base/log.h"
#include "cluster/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_control_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void look_at_terminal(struct sl__master *m)
{
    struct sigaction sa;

    m->terminal.control = has_control_terminal();
    for (int fd = 0; fd < 3; fd++)
        m->terminal.ours[fd] = tcgetpgrp(fd) >= 0;
    m->terminal.hup_ignored = sigaction(SIGHUP, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

static bool terminal_is_gone(const struct sl__master *m)
{
    for (int fd = 0; fd < 3; fd++)
        if (m->terminal.ours[fd] && tcgetpgrp(fd) < 0)
            return true;
    return m->terminal.control && !has_control_terminal();
}

/* The port is given up at once: nobody shall wait in the queue of a service that is leaving. What
 * is queued already is accepted by the workers before they close their side. */
void sl__master_stop(struct sl__master *m, const char *why, bool fast)
{
    sl__log(sl__feed_open() ? SL__DEBUG : SL__INFO, "stopping (%s)", why);
    sl__master_upgrade_end(m);
    sl__notify_stopping(m);
    sl__control_over(m, SL__CONTROL_RELOAD, 0, "the program is stopping", NULL);
    sl__control_over(m, SL__CONTROL_UPGRADE, 0, "the program is stopping", NULL);
    sl__listeners_shut(&m->listeners);
    sl__supervisor_stop(m->supervisor, fast, m->loop.now);
    m->stopping = true;
    sl__listeners_close(&m->listeners, sl__crew_forget_listener, m);
}

static void hang_up(struct sl__master *m)
{
    if (m->stopping)
        return;
    if (!terminal_is_gone(m)) {
        sl__log(SL__INFO, "reloading (SIGHUP)");
        sl__master_reload(m);
    } else if (m->terminal.hup_ignored) {
        memset(&m->terminal, 0, sizeof m->terminal); /* nohup: from now on it is for a reload */
    } else {
        sl__master_stop(m, "the terminal was closed", false);
    }
}

/* What a worker cannot say itself: the gate must not wait for one that was stopped. */
static void note_stop(struct sl__member *w, struct sl__slot *slot)
{
    siginfo_t info = {0};
    uint32_t stopped;

    if (w->process.fd < 0 ||
        waitid(P_PIDFD, (id_t)w->process.fd, &info, WSTOPPED | WCONTINUED | WNOHANG) < 0 ||
        info.si_pid == 0)
        return;
    stopped = info.si_code != CLD_CONTINUED;
    if (atomic_exchange(&slot->stopped, stopped) != stopped)
        sl__log(SL__INFO, "worker %d %s", w->pid, stopped ? "is stopped" : "goes on");
}

static void note_stops(struct sl__master *m)
{
    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        note_stop(w, &m->board.slots[w->slot]);
    }
}

static void on_signal(struct sl__signals *s, int signal)
{
    struct sl__master *m = SL__OWNER(s, struct sl__master, signals);
    char why[400];

    switch (signal) {
    case SIGTERM:
        sl__master_stop(m, "SIGTERM", false); /* the second time it is fast */
        break;
    case SIGINT:
        sl__master_stop(m, "SIGINT", false);
        break;
    case SIGQUIT:
        sl__master_stop(m, "SIGQUIT", true);
        break;
    case SIGHUP:
        hang_up(m);
        break;
    case SIGTTIN:
        sl__supervisor_scale(m->supervisor, 1, m->loop.now);
        break;
    case SIGTTOU:
        sl__supervisor_scale(m->supervisor, -1, m->loop.now);
        break;
    case SIGUSR2:
        sl__log(SL__INFO, "upgrading (SIGUSR2)");
        sl__master_upgrade(m, why, sizeof why);
        break;
    case SIGCHLD:
        note_stops(m);
        sl__master_reap(m);
        break;
    default: /* SIGPIPE, SIGXFSZ: whoever wrote has seen the error */
        break;
    }
}

static bool adopts_orphans(void)
{
    int subreaper = 0;

    return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper);
}

static struct sl__member *member_of(struct sl__master *m, pid_t pid)
{
    for (struct sl__link *at = m->crew.members.next; at != &m->crew.members; at = at->next) {
        struct sl__member *w = SL__OWNER(at, struct sl__member, link);

        if (w->pid == pid)
            return w;
    }
    return NULL;
}

void sl__master_reap(struct sl__master *m)
{
    siginfo_t info;

    if (!adopts_orphans())
        return; /* then all children are ours, and have a pidfd */
    for (;;) {
        struct sl__member *w;

        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        w = member_of(m, info.si_pid);
        if (w)
            sl__crew_bury(w);
        else if (info.si_pid == sl__development_build_pid(m->development) ||
                 info.si_pid == m->upgrade.pid)
            return; /* reaps it itself; strangers behind it wait for the next SIGCHLD */
        else
            waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
    }
}

int sl__master_signals_start(struct sl__master *m)
{
    static const int signals[] = {SIGTERM, SIGINT,  SIGQUIT, SIGHUP,  SIGTTIN,
                                  SIGTTOU, SIGUSR2, SIGCHLD, SIGPIPE, SIGXFSZ};

    look_at_terminal(m);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would take the workers' exit codes away */
    return sl__signals_start(&m->signals, &m->loop, signals, sizeof signals / sizeof signals[0],
                             on_signal);
}
