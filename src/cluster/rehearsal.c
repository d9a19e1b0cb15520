/*
 * The exec of a new master, and its rehearsal.
 *
 * There is no way back from an exec, so what can fail in it is tried before: the new program is
 * started as a child with the very state, runs main() as it would, reads everything and says so
 * where it would begin to serve. Comes from master_upgrade.c; the other end, in the child, from
 * there and from shallot.c.
 */
#include "cluster/rehearsal.h"

#include "base/mem.h"
#include "cluster/archive.h"
#include "cluster/role.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define VARIABLES 3 /* the last one only if there is a feed */
#define VARIABLE_MAX 48
#define GOOD "good"

struct child_environment {
    char variables[VARIABLES][VARIABLE_MAX];
    char **list;
};

static int make_environment(struct child_environment *e, int state, const char *name, int value)
{
    size_t count = 0, variables = sl__role()->feed > 0 ? VARIABLES : VARIABLES - 1;

    while (environ[count])
        count++;
    e->list = sl__try_alloc(sizeof(char *) * (count + VARIABLES + 1));
    if (!e->list)
        return -ENOMEM;
    snprintf(e->variables[0], VARIABLE_MAX, "SHALLOT_STATE=%d", state);
    snprintf(e->variables[1], VARIABLE_MAX, "%s=%d", name, value);
    snprintf(e->variables[2], VARIABLE_MAX, "SHALLOT_FEED=%d", sl__role()->feed);
    for (size_t i = 0; i < variables; i++)
        e->list[i] = e->variables[i];
    memcpy(e->list + variables, environ, sizeof(char *) * (count + 1));
    return 0;
}

/* In the child: system calls only. */
static _Noreturn void become(const struct sl__executable *e, char **argv, char **env,
                             const sigset_t *mask, pid_t parent, int state, int report)
{
    static const char failed[] = "it cannot be executed";

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    fcntl(state, F_SETFD, 0);
    fcntl(report, F_SETFD, 0);
    if (sl__role()->feed > 0)
        fcntl(sl__role()->feed, F_SETFD, 0);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execveat(e->fd, "", argv, env, AT_EMPTY_PATH);
    if (write(report, failed, sizeof failed - 1) < 0)
        _exit(126);
    _exit(127);
}

pid_t sl__rehearse(const struct sl__executable *e, char **argv, const sigset_t *mask, int state,
                   int *ret_pidfd, int *ret_report)
{
    struct child_environment env = {0};
    pid_t parent = getpid(), pid;
    int report[2];
    int r;

    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    r = make_environment(&env, state, "SHALLOT_REHEARSAL", report[1]);
    if (r < 0)
        goto fail;
    pid = fork();
    if (pid == 0)
        become(e, argv, env.list, mask, parent, state, report[1]);
    r = pid < 0 ? -errno : 0;
    if (r < 0)
        goto fail;
    *ret_pidfd = pidfd_open(pid, 0);
    if (*ret_pidfd < 0) {
        r = -errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        goto fail;
    }
    close(report[1]);
    sl__free(env.list);
    *ret_report = report[0];
    return pid;
fail:
    close(report[0]);
    close(report[1]);
    sl__free(env.list);
    return r;
}

int sl__rehearsal_verdict(int report, char *why, size_t len)
{
    ssize_t n;

    fcntl(report, F_SETFL, O_NONBLOCK); /* a child of it may still hold the other end */
    n = read(report, why, len - 1);
    why[n > 0 ? n : 0] = 0;
    if (n <= 0)
        snprintf(why, len, "it ended before it came to sl_listen()");
    return strcmp(why, GOOD) == 0 ? 0 : -1;
}

void sl__rehearsal_end(const char *why)
{
    const char *verdict = why ? why : GOOD;

    fflush(stdout);
    if (write(sl__role()->rehearsal, verdict, strlen(verdict)) < 0)
        _exit(2);
    _exit(why ? 1 : 0);
}

int sl__exec_again(int fd, char **argv, int state, bool returned)
{
    struct child_environment env = {0};
    int r = make_environment(&env, state, "SHALLOT_RETURNED", returned);

    if (r < 0)
        return r;
    fflush(stdout);
    if (sl__role()->feed > 0)
        fcntl(sl__role()->feed, F_SETFD, 0);
    r = sl__archive_inherit(state, true);
    if (r == 0 && fcntl(state, F_SETFD, 0) == 0) {
        execveat(fd, "", argv, env.list, AT_EMPTY_PATH);
        r = -errno;
    }
    sl__archive_inherit(state, false);
    if (sl__role()->feed > 0)
        fcntl(sl__role()->feed, F_SETFD, FD_CLOEXEC);
    fcntl(state, F_SETFD, FD_CLOEXEC);
    sl__free(env.list);
    return r;
}
