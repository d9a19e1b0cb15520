/*
 * How many CPUs this process may use; sl__usable_cpus() of cluster/master.h with its inputs as
 * arguments, for tests.
 */
#ifndef SL__CLUSTER_CPUS_H
#define SL__CLUSTER_CPUS_H

#include <stddef.h>

/**
 * @param root     put before /proc/self/cgroup and /sys/fs/cgroup; "" for the real ones
 * @param allowed  CPUs in the affinity mask
 * @param online   CPUs of the machine
 */
unsigned sl__cpus_decide(const char *root, unsigned allowed, unsigned online, char *ret_reason,
                         size_t len);

#endif
