/*
 * How many workers make sense here: the CPUs of the affinity mask, less what control groups take
 * away again.
 *
 * Comes from shallot.c once, when the program left `instances` 0. A quota is looked for in the own
 * group and in all above it, because the tightest one counts; both cgroup versions are understood,
 * also where a container sees only its part of the tree. What cannot be read limits nothing.
 */
#include "cluster/cpus.h"

#include "cluster/master.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
    const char *root;
    unsigned cpus;    /* the tightest quota so far, rounded up; UINT_MAX: none */
    const char *what; /* the file that says so */
};

static bool read_line(const char *path, char *buf, size_t size)
{
    FILE *f = fopen(path, "re");
    bool good;

    if (!f)
        return false;
    good = fgets(buf, (int)size, f) != NULL;
    fclose(f);
    return good;
}

/* 150 % of a CPU keeps two workers busy part of the time; one could never use it up. */
static void note_quota(struct search *s, long long quota, long long period, const char *what)
{
    long long cpus;

    if (quota <= 0 || period <= 0)
        return;
    cpus = quota / period + (quota % period != 0);
    if (cpus < (long long)s->cpus) {
        s->cpus = (unsigned)cpus;
        s->what = what;
    }
}

static void look_v2(struct search *s, const char *folder)
{
    char path[PATH_MAX], line[128];
    long long quota, period;

    if (snprintf(path, sizeof path, "%s/cpu.max", folder) >= (int)sizeof path ||
        !read_line(path, line, sizeof line))
        return;
    if (sscanf(line, "%lld %lld", &quota, &period) == 2) /* else it begins with "max" */
        note_quota(s, quota, period, "cgroup cpu.max");
}

static void look_v1(struct search *s, const char *folder)
{
    char path[PATH_MAX], quota[64], period[64];

    if (snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder) >= (int)sizeof path ||
        !read_line(path, quota, sizeof quota))
        return;
    if (snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder) >= (int)sizeof path ||
        !read_line(path, period, sizeof period))
        return;
    note_quota(s, atoll(quota), atoll(period), "cgroup cpu.cfs_quota_us"); /* -1: none */
}

/* From the group at @p group up to the mount point. Groups this mount does not show are skipped. */
static void climb(struct search *s, const char *mount, const char *group,
                  void (*look)(struct search *, const char *))
{
    char path[PATH_MAX];
    size_t base = (size_t)snprintf(path, sizeof path, "%s%s", s->root, mount);
    size_t group_len = strcmp(group, "/") == 0 || strstr(group, "/..") ? 0 : strlen(group);

    if (base + group_len >= sizeof path)
        return;
    memcpy(path + base, group, group_len);
    path[base + group_len] = 0;
    for (;;) {
        look(s, path);
        if (strlen(path) <= base)
            return;
        *strrchr(path, '/') = 0;
    }
}

static bool names_cpu(char *controllers)
{
    char *rest = NULL;

    for (char *c = strtok_r(controllers, ",", &rest); c; c = strtok_r(NULL, ",", &rest))
        if (strcmp(c, "cpu") == 0)
            return true;
    return false;
}

/* A line of /proc/self/cgroup: "0::/group" or "4:cpu,cpuacct:/group". */
static void take_group(struct search *s, char *line)
{
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!group || group[1] != '/')
        return;
    line[strcspn(line, "\n")] = 0;
    *controllers++ = 0;
    *group++ = 0;
    if (*controllers == 0) {
        climb(s, "/sys/fs/cgroup", group, look_v2);
        climb(s, "/sys/fs/cgroup/unified", group, look_v2);
    } else if (names_cpu(controllers)) {
        climb(s, "/sys/fs/cgroup/cpu,cpuacct", group, look_v1);
        climb(s, "/sys/fs/cgroup/cpu", group, look_v1);
    }
}

static void search_groups(struct search *s)
{
    char path[PATH_MAX], line[PATH_MAX];
    FILE *f;

    snprintf(path, sizeof path, "%s/proc/self/cgroup", s->root);
    f = fopen(path, "re");
    if (!f)
        return;
    while (fgets(line, sizeof line, f))
        take_group(s, line);
    fclose(f);
}

/* CPUs in the affinity mask, on machines of any size; 0 if the kernel does not tell. */
static unsigned count_allowed(void)
{
    for (size_t cpus = 1024; cpus <= (1u << 20); cpus *= 2) {
        size_t size = CPU_ALLOC_SIZE(cpus);
        cpu_set_t *set = CPU_ALLOC(cpus);
        int count = -1;

        if (!set)
            return 0;
        if (sched_getaffinity(0, size, set) == 0)
            count = CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (count >= 0)
            return (unsigned)count;
        if (errno != EINVAL)
            return 0;
    }
    return 0;
}

unsigned sl__cpus_decide(const char *root, unsigned allowed, unsigned online, char *ret_reason,
                         size_t len)
{
    struct search s = {.root = root, .cpus = UINT_MAX};
    unsigned cpus = allowed > 0 ? allowed : 1;

    search_groups(&s);
    if (s.cpus < cpus) {
        cpus = s.cpus > 0 ? s.cpus : 1;
        snprintf(ret_reason, len, "%u of %u CPUs usable by %s", cpus, online, s.what);
    } else if (cpus < online) {
        snprintf(ret_reason, len, "%u of %u CPUs usable by affinity mask", cpus, online);
    } else {
        snprintf(ret_reason, len, "%u CPU%s usable", cpus, cpus == 1 ? "" : "s");
    }
    return cpus;
}

unsigned sl__usable_cpus(char *ret_reason, size_t len)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned allowed = count_allowed();

    if (online < 1)
        online = 1;
    return sl__cpus_decide("", allowed > 0 ? allowed : (unsigned)online, (unsigned)online,
                           ret_reason, len);
}
