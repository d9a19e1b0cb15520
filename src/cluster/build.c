/*
 * The build command: a shell in a process group of its own, led by a guardian.
 *
 * The guardian is a fork of this process that only waits: for the shell, whose outcome it passes
 * on, or for our death, which ends the whole group. A death signal alone would reach the shell and
 * leave its compilers behind.
 *
 * Comes from the master in development mode and from develop.c. Its output arrives through a pipe,
 * goes on to standard error as it comes, and its end is kept. A pidfd in the loop says when shell
 * and guardian have ended; what it left running in the background neither delays the end nor is
 * harmed. A cancelled build is another matter: there the whole group must be gone before the next
 * one starts, or two compilers would write the same files.
 *
 * The guardian is reaped last, so that its number names this process group as long as we use it.
 */
#include "cluster/build.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "cluster/role.h"

#define KEEP ((size_t)65536)
#define READS_MAX 16 /* of the pipe in one tick */
#define KILL_AFTER_NS SL__SEC
#define FREE_WAITS_MS 500

struct sl__build {
    struct sl__loop *loop;
    struct sl__build_events events;
    struct sl__watch pipe, process; /* fd -1: at its end, not running */
    struct sl__timer kill;
    char *command;
    pid_t pid; /* the guardian, and process group; 0: none */
    int64_t started;
    bool ended;     /* guardian and shell have */
    bool cancelled; /* nobody wants its outcome */
    bool again;     /* start anew when it is gone */
    size_t kept;
    char output[2 * KEEP + 1];
};

static void unwatch(struct sl__build *b, struct sl__watch *w)
{
    if (w->fd < 0)
        return;
    sl__loop_remove(b->loop, w);
    close(w->fd);
    w->fd = -1;
}

static void pass_on(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody reads it any more */
        bytes += n;
        len -= (size_t)n;
    }
}

static void keep(struct sl__build *b, const char *bytes, size_t len)
{
    if (b->kept + len > 2 * KEEP) {
        memmove(b->output, b->output + b->kept - KEEP, KEEP);
        b->kept = KEEP;
    }
    memcpy(b->output + b->kept, bytes, len);
    b->kept += len;
}

/* False at the end of the output. */
static bool read_output(struct sl__build *b, int reads)
{
    char buf[8192];
    ssize_t n = 1;

    while (b->pipe.fd >= 0 && reads-- > 0) {
        n = read(b->pipe.fd, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        if (b->cancelled)
            continue;
        if (!b->events.quiet)
            pass_on(buf, (size_t)n);
        keep(b, buf, (size_t)n);
    }
    return true;
}

static int reap(struct sl__build *b)
{
    siginfo_t info = {0};
    int r;

    do
        r = waitid(P_PID, (id_t)b->pid, &info, WEXITED);
    while (r < 0 && errno == EINTR);
    b->pid = 0;
    if (r < 0)
        return 127; /* somebody else has reaped it */
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static void finish(struct sl__build *b)
{
    bool again = b->again, cancelled = b->cancelled;
    size_t at;
    int status;

    sl__timer_stop(b->loop, &b->kill);
    unwatch(b, &b->pipe);
    unwatch(b, &b->process);
    status = reap(b);
    b->cancelled = b->again = b->ended = false;
    if (!cancelled) {
        at = b->kept > KEEP ? b->kept - KEEP : 0;
        b->output[b->kept] = 0;
        b->events.done(b->events.self, status, b->output + at, sl__sys_now() - b->started);
    } else if (again) {
        status = sl__build_start(b);
        if (status < 0)
            b->events.done(b->events.self, 127, strerror(-status), 0);
    }
}

static void pipe_ready(struct sl__watch *w, uint32_t events)
{
    struct sl__build *b = SL__OWNER(w, struct sl__build, pipe);

    if (read_output(b, READS_MAX))
        return;
    unwatch(b, &b->pipe);
    if (b->ended)
        finish(b);
}

static void process_ready(struct sl__watch *w, uint32_t events)
{
    struct sl__build *b = SL__OWNER(w, struct sl__build, process);

    b->ended = true;
    sl__loop_remove(b->loop, &b->process); /* it stays readable */
    close(b->process.fd);
    b->process.fd = -1;
    if (b->cancelled && b->pipe.fd >= 0)
        return;           /* others of the group still hold the pipe */
    read_output(b, 1024); /* what a child wrote last; one that goes on writing is not waited for */
    finish(b);
}

static void kill_group(struct sl__timer *t)
{
    struct sl__build *b = SL__OWNER(t, struct sl__build, kill);

    kill(-b->pid, SIGKILL);
    unwatch(b, &b->pipe); /* held open by a process that has left the group: not ours to wait for */
    if (b->ended)
        finish(b);
}

/* In the guardian's child: system calls only. */
__attribute__((noreturn)) static void become_shell(const char *command, int output, pid_t parent)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    int null = open("/dev/null", O_RDONLY);
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    sigemptyset(&none);
    sigaction(SIGPIPE, &plain, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null >= 0)
        dup2(null, STDIN_FILENO); /* reading the terminal from the background would stop it */
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    if (null > STDERR_FILENO)
        close(null);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

/* Our listeners, channels and the pipe must not stay open because of it. */
static void close_everything(void)
{
    if (close_range(0, ~0u, 0) == 0)
        return;
    for (int fd = 0, most = (int)sysconf(_SC_OPEN_MAX); fd < most; fd++)
        close(fd);
}

/* In the child: system calls only. What is sent to the group is for the others in it. */
__attribute__((noreturn)) static void become_guardian(const char *command, int output, pid_t parent)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    int death_signal = SIGRTMIN, status;
    sigset_t all, wanted;
    pid_t shell;

    setpgid(0, 0);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigaction(SIGCHLD, &plain, NULL);
    prctl(PR_SET_PDEATHSIG, death_signal);
    if (getppid() != parent)
        _exit(127);
    sl__set_process_title("shallot: build");
    parent = getpid();
    shell = fork();
    if (shell == 0)
        become_shell(command, output, parent);
    close_everything();
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, death_signal);
    while (shell > 0 && waitpid(shell, &status, WNOHANG) != shell)
        if (sigwaitinfo(&wanted, NULL) == death_signal)
            kill(0, SIGKILL);
    if (shell < 0)
        _exit(127);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* Watches pipe and process of a shell that runs; on failure it is gone again. */
static int attach(struct sl__build *b)
{
    int r;

    setpgid(b->pid, b->pid); /* as the child does: whoever comes first */
    b->process.fd = pidfd_open(b->pid, 0);
    r = b->process.fd < 0 ? -errno : sl__loop_add(b->loop, &b->process);
    if (r < 0)
        goto kill_it;
    r = sl__loop_add(b->loop, &b->pipe);
    if (r == 0)
        return 0;
    sl__loop_remove(b->loop, &b->process);
kill_it:
    if (b->process.fd >= 0)
        close(b->process.fd);
    b->process.fd = -1;
    kill(-b->pid, SIGKILL);
    reap(b);
    return r;
}

static int launch(struct sl__build *b)
{
    pid_t parent = getpid();
    int ends[2];
    int r;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    b->started = sl__sys_now();
    b->kept = 0;
    b->pipe.fd = ends[0];
    b->pid = fork();
    if (b->pid == 0)
        become_guardian(b->command, ends[1], parent);
    r = b->pid < 0 ? -errno : 0;
    close(ends[1]);
    if (r == 0)
        r = attach(b);
    if (r < 0) {
        close(ends[0]);
        b->pipe.fd = -1;
        b->pid = 0;
    }
    return r;
}

struct sl__build *sl__build_new(struct sl__loop *l, const char *command,
                                const struct sl__build_events *events)
{
    struct sl__build *b = sl__alloc_zeroed(sizeof *b);

    b->loop = l;
    b->events = *events;
    b->command = sl__strdup(command);
    b->pipe = (struct sl__watch){.fd = -1, .events = EPOLLIN, .ready = pipe_ready};
    b->process = (struct sl__watch){.fd = -1, .events = EPOLLIN, .ready = process_ready};
    b->kill.fire = kill_group;
    return b;
}

int sl__build_start(struct sl__build *b)
{
    if (b->pid == 0)
        return launch(b);
    sl__build_cancel(b);
    b->again = true;
    return 0;
}

void sl__build_cancel(struct sl__build *b)
{
    b->again = false;
    if (b->pid == 0 || b->cancelled)
        return;
    b->cancelled = true;
    kill(-b->pid, SIGTERM);
    sl__timer_start(b->loop, &b->kill, sl__sys_now() + KILL_AFTER_NS);
}

bool sl__build_running(const struct sl__build *b)
{
    return b->pid != 0 && (!b->cancelled || b->again);
}

pid_t sl__build_pid(const struct sl__build *b)
{
    return b->pid;
}

void sl__build_free(struct sl__build *b)
{
    struct pollfd p = {.events = POLLIN};

    if (!b)
        return;
    if (b->pid != 0) {
        p.fd = b->process.fd;
        kill(-b->pid, SIGTERM);
        if (!b->ended)
            poll(&p, 1, FREE_WAITS_MS);
        kill(-b->pid, SIGKILL);
        sl__timer_stop(b->loop, &b->kill);
        unwatch(b, &b->pipe);
        unwatch(b, &b->process);
        reap(b);
    }
    sl__free(b->command);
    sl__free(b);
}
