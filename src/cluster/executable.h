/*
 * The held executable and how a worker is started from it.
 */
#ifndef SL__CLUSTER_EXECUTABLE_H
#define SL__CLUSTER_EXECUTABLE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>

/** An executable held open, so that a respawn runs the same file whatever lies at its path by then.
 */
struct sl__executable {
    int fd; /* O_PATH | O_CLOEXEC; -1: none */
    char path[4096];
    struct stat was; /* when it was opened */
};

/** Opens the file of this very process, with the path it was started from. 0 or a negative errno.
 */
int sl__executable_open_self(struct sl__executable *e);
/** Opens what lies at @p path now. 0; -EACCES if it is no file that may be executed; -ENOEXEC for a
 * script; -ENOENT and the like. */
int sl__executable_open(struct sl__executable *e, const char *path);
/** True if the very file that is held was written to since it was opened (and not replaced by
 * another). */
bool sl__executable_changed(const struct sl__executable *e);
/** Does nothing to one that is not open. */
void sl__executable_close(struct sl__executable *e);

struct sl__spawn {
    const struct sl__executable *executable;
    char **argv;
    uint32_t worker;
    unsigned slot;
    int channel, scoreboard;        /* descriptors for the child; stay the caller's */
    int crash_memory, crash_socket; /* likewise; 0: none */
    int feed;                       /* likewise */
    const sigset_t *mask;           /* signal mask to give back */
    const struct rlimit *files;     /* RLIMIT_NOFILE to give back; NULL: as it is */
};

/**
 * fork + execveat, from the main thread. The child: own process group, death signal (SIGRTMIN) set,
 * parent checked, role in the environment, original mask.
 *
 * @param ret_pidfd  receives a pidfd, owned by the caller
 * @return           pid, or a negative errno; a failing exec is reported here too (through a
 * close-on-exec pipe)
 */
pid_t sl__spawn(const struct sl__spawn *s, int *ret_pidfd);

/** Waits for a child that reports why it could not exec, a negative errno, over a pipe that a
 * successful exec closes. 0 once it runs the program. */
int sl__await_exec(int report);

#endif
