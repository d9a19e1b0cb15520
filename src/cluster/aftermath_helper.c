/*
 * The namer: a helper process that turns the addresses of a record into functions and lines.
 *
 * aftermath.c comes here with a record. The helper is the held executable once more, with a
 * variable in its environment by which a constructor (symbolise.c) knows what to do; reading
 * debugging information takes a library, memory and time, and may go wrong, so it is not done in
 * the master. Its lines come back through a pipe and go to the log together, when there are no
 * more.
 */
#include "cluster/aftermath.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "cluster/master_state.h"
#include "cluster/memfd.h"
#include "cluster/role.h"

#define PATIENCE (20 * SL__SEC)
#define TEXT_MAX ((size_t)65536)

struct namer {
    struct sl__watch pipe, process;
    struct sl__timer timer;
    struct sl__link link;
    struct sl__master *master;
    struct sl__buf text;
    enum sl__level level;
    const char *then; /* NULL: its lines go to the log */
    uint32_t worker;
    int signal;
    bool said; /* a sanitizer has ended it */
    pid_t pid;
};

static void close_watch(struct namer *n, struct sl__watch *w)
{
    if (w->fd < 0)
        return;
    sl__loop_remove(&n->master->loop, w);
    close(w->fd);
    w->fd = -1;
}

static void release(struct namer *n)
{
    struct sl__master *m = n->master;

    close_watch(n, &n->pipe);
    close_watch(n, &n->process);
    sl__timer_stop(&m->loop, &n->timer);
    sl__buf_finish(&n->text);
    sl__list_remove(&n->link);
    m->aftermath.namer_count--;
    sl__free(n);
}

static void log_lines(struct namer *n)
{
    const char *at = n->text.data + n->text.at, *end = n->text.data + n->text.end;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;

        /* A sanitizer has written to standard error already; only the report's number is new. */
        if (!n->said || strncmp(at, "  report ", 9) == 0)
            sl__log(n->level, "%.*s", (int)(stop - at), at);
        at = stop + 1;
    }
}

static void tell(struct namer *n)
{
    sl__buf_append(&n->text, "", 1);
    sl__master_tell_death(n->worker, n->signal, n->then, n->text.data + n->text.at);
}

/* Both its output and its process have to be over. */
static void check_end(struct namer *n)
{
    if (n->pipe.fd >= 0 || n->process.fd >= 0)
        return;
    if (n->then)
        tell(n);
    else
        log_lines(n);
    release(n);
}

static void pipe_ready(struct sl__watch *w, uint32_t events)
{
    struct namer *n = SL__OWNER(w, struct namer, pipe);
    char octets[4096];
    ssize_t got = read(w->fd, octets, sizeof octets);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got > 0 && sl__buf_len(&n->text) < TEXT_MAX &&
        sl__buf_append(&n->text, octets, (size_t)got) == 0)
        return;
    close_watch(n, w);
    check_end(n);
}

static void process_ready(struct sl__watch *w, uint32_t events)
{
    struct namer *n = SL__OWNER(w, struct namer, process);
    siginfo_t info = {0};

    /* As PID 1 the master has reaped it already, perhaps. */
    if (waitid(P_PIDFD, (id_t)w->fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
        return;
    close_watch(n, w);
    check_end(n);
}

static void too_slow(struct sl__timer *t)
{
    struct namer *n = SL__OWNER(t, struct namer, timer);

    if (n->process.fd >= 0)
        pidfd_send_signal(n->process.fd, SIGKILL, NULL, 0);
    close_watch(n, &n->pipe); /* a child of its, of all things, may hold the other end */
    check_end(n);
}

static int write_all(int fd, const void *from, size_t len, off_t at)
{
    ssize_t n = pwrite(fd, from, len, at);

    return n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
}

static int copy_part(const struct sl__master *m, unsigned slot, int to, off_t at, off_t end)
{
    char octets[8192];
    off_t from = (off_t)slot * SL__CRASH_AREA;

    if (end > SL__CRASH_AREA)
        return -EBADMSG;
    for (; at < end; at += (off_t)sizeof octets) {
        ssize_t n = pread(m->aftermath.memory, octets, sizeof octets, from + at);
        int r = n < 0 ? -errno : write_all(to, octets, (size_t)n, at);

        if (r < 0)
            return r;
    }
    return 0;
}

static int copy_area(const struct sl__master *m, unsigned slot,
                     const struct sl__crash_record *record, int to)
{
    int r = copy_part(m, slot, to, 0, SL__CRASH_STACK_AT + (off_t)record->stack_len);

    return r < 0 ? r
                 : copy_part(m, slot, to, SL__CRASH_SAID_AT,
                             SL__CRASH_SAID_AT + (off_t)record->said_len);
}

/* A file in memory: the area, the record as the master has completed it, and what else to know. */
static int make_order(struct sl__master *m, unsigned slot, const struct sl__crash_record *record)
{
    struct sl__crash_order order = {.keep = m->config.crash_reports};
    int fd = sl__memfd_create("shallot-crash"), r;

    if (fd < 0)
        return fd;
    snprintf(order.name, sizeof order.name, "%s", m->config.name);
    snprintf(order.program, sizeof order.program, "%s", m->held.path);
    snprintf(order.folder, sizeof order.folder, "%s", m->aftermath.folder);
    r = copy_area(m, slot, record, fd);
    if (r == 0)
        r = write_all(fd, record, sizeof *record, 0);
    if (r == 0)
        r = write_all(fd, &order, sizeof order, SL__CRASH_AREA);
    if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        r = -errno;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

/* The code the worker ran. Of one that is older than both there is none; the helper sees that the
 * file is another one. */
static int code_of(const struct sl__master *m, unsigned generation)
{
    bool current = generation == sl__supervisor_generation(m->supervisor);

    return current || m->candidate.fd < 0 ? m->held.fd : m->candidate.fd;
}

/* In the child: system calls only. */
__attribute__((noreturn)) static void become(const struct sl__master *m, int code, int order,
                                             int output, char **env, pid_t parent)
{
    struct rlimit none = {0, 0};

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    setrlimit(RLIMIT_CORE, &none);
    fcntl(order, F_SETFD, 0);
    dup2(output, STDOUT_FILENO);
    if (m->files.rlim_max > 0)
        setrlimit(RLIMIT_NOFILE, &m->files);
    sigprocmask(SIG_SETMASK, &m->signals.old_mask, NULL);
    execveat(code, "", sl__role()->argv, env, AT_EMPTY_PATH);
    _exit(127);
}

static char **make_environment(char *variable)
{
    size_t count = 0;
    char **env;

    while (environ[count])
        count++;
    env = sl__try_alloc((count + 2) * sizeof(char *));
    if (!env)
        return NULL;
    env[0] = variable;
    memcpy(env + 1, environ, (count + 1) * sizeof(char *));
    return env;
}

static int start_process(struct namer *n, int code, int order)
{
    struct sl__master *m = n->master;
    pid_t parent = getpid();
    char variable[48], **env;
    int ends[2], r;

    snprintf(variable, sizeof variable, "SHALLOT_SYMBOLISE=%d", order);
    env = make_environment(variable);
    if (!env)
        return -ENOMEM;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        r = -errno;
        goto out;
    }
    n->pid = fork();
    if (n->pid == 0)
        become(m, code, order, ends[1], env, parent);
    r = n->pid < 0 ? -errno : 0;
    close(ends[1]);
    n->pipe.fd = ends[0];
    if (r == 0)
        n->process.fd = pidfd_open(n->pid, 0);
out:
    sl__free(env);
    return r;
}

static int watch(struct namer *n)
{
    struct sl__master *m = n->master;
    int r = n->process.fd < 0 ? -EMFILE : sl__loop_add(&m->loop, &n->pipe);

    if (r == 0)
        r = sl__loop_add(&m->loop, &n->process);
    if (r < 0) {
        kill(n->pid, SIGKILL);
        waitpid(n->pid, NULL, 0);
    }
    return r;
}

int sl__namer_start(struct sl__master *m, unsigned slot, const struct sl__crash_record *record,
                    unsigned generation, const char *then, const struct sl__buf *words)
{
    struct namer *n;
    int order, r;

    if (m->aftermath.namer_count >= SL__NAMERS_MAX || m->stopping)
        return -EAGAIN;
    order = make_order(m, slot, record);
    if (order < 0)
        return order;
    n = sl__alloc_zeroed(sizeof *n);
    n->master = m;
    n->level = record->kind == SL__CRASH_DEATH ? SL__ERROR : SL__WARN;
    n->then = then;
    n->said = record->said_len > 0 && record->signal == SIGABRT;
    n->worker = record->worker;
    n->signal = record->signal;
    if (words)
        sl__buf_append(&n->text, words->data + words->at, sl__buf_len(words));
    n->pipe = (struct sl__watch){.fd = -1, .events = EPOLLIN, .ready = pipe_ready};
    n->process = (struct sl__watch){.fd = -1, .events = EPOLLIN, .ready = process_ready};
    n->timer.fire = too_slow;
    sl__list_append(&m->aftermath.namers, &n->link);
    m->aftermath.namer_count++;
    r = start_process(n, code_of(m, generation), order);
    if (r == 0)
        r = watch(n);
    close(order);
    if (r < 0)
        release(n);
    else
        sl__timer_start(&m->loop, &n->timer, m->loop.now + PATIENCE);
    return r;
}

void sl__namers_finish(struct sl__master *m)
{
    while (!sl__list_empty(&m->aftermath.namers)) {
        struct namer *n = SL__OWNER(m->aftermath.namers.next, struct namer, link);

        if (n->process.fd >= 0) {
            kill(n->pid, SIGKILL);
            waitpid(n->pid, NULL, 0);
        }
        release(n);
    }
}
