/*
 * The exec of a new master, and its rehearsal in a child.
 */
#ifndef SL__CLUSTER_REHEARSAL_H
#define SL__CLUSTER_REHEARSAL_H

#include <stddef.h>
#include <sys/types.h>

#include "cluster/executable.h"

/**
 * Starts @p e as a child that reads the state in @p state (copied before the exec) as a new master
 * would, says whether it could, and ends.
 *
 * @param ret_report  receives a descriptor to read its words from; @p ret_pidfd its process
 * @return            pid or a negative errno
 */
pid_t sl__rehearse(const struct sl__executable *e, char **argv, const sigset_t *mask, int state,
                   int *ret_pidfd, int *ret_report);
/** What it has said, once it is dead. 0: it could; -1: it could not, and @p why tells. */
int sl__rehearsal_verdict(int report, char *why, size_t len);

/** In the child: the verdict, and its end. @p why NULL: it could. */
_Noreturn void sl__rehearsal_end(const char *why);

/** Becomes @p fd's program with the state in @p state. Returns only on failure: a negative errno.
 */
int sl__exec_again(int fd, char **argv, int state, bool returned);

#endif
