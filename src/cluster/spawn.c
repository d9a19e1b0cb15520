/*
 * Starting a worker: fork, put right what a child must not inherit, execveat the held executable.
 *
 * Comes from cluster/crew.c in the master's only thread. Everything that needs memory is done
 * before the fork; between fork and exec the child makes system calls only. The parent learns from
 * a pipe that closes by itself at the exec whether there was one.
 */
#include "cluster/executable.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROLE_VARIABLES 7 /* the last one only if there is a feed */
#define VARIABLE_MAX 48

struct child_environment {
    char role[ROLE_VARIABLES][VARIABLE_MAX];
    char **list;
};

/* The environment with the role before it: should somebody have set such a name, ours is found
 * first. */
static int make_environment(struct child_environment *e, const struct sl__spawn *s)
{
    size_t count = 0, roles = s->feed > 0 ? ROLE_VARIABLES : ROLE_VARIABLES - 1;

    while (environ[count])
        count++;
    e->list = sl__try_alloc(sizeof(char *) * (count + ROLE_VARIABLES + 1));
    if (!e->list)
        return -ENOMEM;
    snprintf(e->role[0], VARIABLE_MAX, "SHALLOT_WORKER_ID=%u", s->worker);
    snprintf(e->role[1], VARIABLE_MAX, "SHALLOT_SLOT=%u", s->slot);
    snprintf(e->role[2], VARIABLE_MAX, "SHALLOT_CHANNEL=%d", s->channel);
    snprintf(e->role[3], VARIABLE_MAX, "SHALLOT_SCOREBOARD=%d", s->scoreboard);
    snprintf(e->role[4], VARIABLE_MAX, "SHALLOT_CRASH_MEMORY=%d", s->crash_memory);
    snprintf(e->role[5], VARIABLE_MAX, "SHALLOT_CRASH_SOCKET=%d", s->crash_socket);
    snprintf(e->role[6], VARIABLE_MAX, "SHALLOT_FEED=%d", s->feed);
    for (size_t i = 0; i < roles; i++)
        e->list[i] = e->role[i];
    memcpy(e->list + roles, environ, sizeof(char *) * (count + 1));
    return 0;
}

/* In the child: system calls only. */
__attribute__((noreturn)) static void become(const struct sl__spawn *s, char **env, pid_t parent,
                                             int death_signal, int report)
{
    int error;

    setpgid(0, 0); /* Ctrl-C is the master's alone */
    prctl(PR_SET_PDEATHSIG, death_signal);
    if (getppid() != parent)
        _exit(127); /* it died before the line above, and nobody would ever tell us */
    fcntl(s->channel, F_SETFD, 0);
    fcntl(s->scoreboard, F_SETFD, 0);
    if (s->crash_socket > 0) {
        fcntl(s->crash_memory, F_SETFD, 0);
        fcntl(s->crash_socket, F_SETFD, 0);
    }
    if (s->feed > 0)
        fcntl(s->feed, F_SETFD, 0);
    if (s->files)
        setrlimit(RLIMIT_NOFILE, s->files);
    sigprocmask(SIG_SETMASK, s->mask, NULL);
    execveat(s->executable->fd, "", s->argv, env, AT_EMPTY_PATH);
    error = -errno;
    if (write(report, &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

int sl__await_exec(int report)
{
    int error = 0;
    ssize_t n;

    do
        n = read(report, &error, sizeof error);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof error ? error : 0;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

pid_t sl__spawn(const struct sl__spawn *s, int *ret_pidfd)
{
    struct child_environment env;
    pid_t parent = getpid(), pid = -1;
    int death_signal = SIGRTMIN;
    int report[2];
    int r;

    r = make_environment(&env, s);
    if (r < 0)
        return r;
    if (pipe2(report, O_CLOEXEC) < 0) {
        r = -errno;
        goto out;
    }
    pid = fork();
    if (pid == 0)
        become(s, env.list, parent, death_signal, report[1]);
    r = pid < 0 ? -errno : 0;
    close(report[1]);
    if (r == 0) {
        r = sl__await_exec(report[0]);
        *ret_pidfd = r < 0 ? -1 : pidfd_open(pid, 0);
        if (r == 0 && *ret_pidfd < 0) {
            r = -errno;
            kill(pid, SIGKILL);
        }
        if (r < 0)
            reap(pid);
    }
    close(report[0]);
out:
    sl__free(env.list);
    return r < 0 ? r : pid;
}
