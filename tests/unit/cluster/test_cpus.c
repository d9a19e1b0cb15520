/*
 * CL1: the CPUs this process may use, from trees of files as kernels and containers show them.
 */
#include "cluster/cpus.h"
#include "cluster/master.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct file {
    const char *path, *text;
};

static const struct {
    const char *story;
    unsigned allowed, online, expected;
    const char *reason;
    struct file files[5];
} table[] = {
    {"nothing to read", 4, 4, 4, "4 CPUs usable", {{0}}},
    {"one CPU", 1, 1, 1, "1 CPU usable", {{0}}},
    {"affinity", 3, 8, 3, "3 of 8 CPUs usable by affinity mask", {{0}}},
    {"v2 without a limit",
     8,
     8,
     8,
     "8 CPUs usable",
     {{"/proc/self/cgroup", "0::/user.slice\n"},
      {"/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n"}}},
    {"v2 in its own group",
     8,
     8,
     2,
     "2 of 8 CPUs usable by cgroup cpu.max",
     {{"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/cpu.max", "200000 100000\n"}}},
    {"v2, the tightest is above",
     8,
     8,
     1,
     "1 of 8 CPUs usable by cgroup cpu.max",
     {{"/proc/self/cgroup", "0::/a/b\n"},
      {"/sys/fs/cgroup/a/b/cpu.max", "300000 100000\n"},
      {"/sys/fs/cgroup/a/cpu.max", "50000 100000\n"}}},
    {"v2 in a container with its own namespace",
     8,
     8,
     2,
     "2 of 8 CPUs usable by cgroup cpu.max",
     {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "150000 100000\n"}}},
    {"v2 outside of what the namespace shows",
     8,
     8,
     2,
     "2 of 8 CPUs usable by cgroup cpu.max",
     {{"/proc/self/cgroup", "0::/../../x\n"}, {"/sys/fs/cgroup/cpu.max", "150000 100000\n"}}},
    {"a quota wider than the mask",
     2,
     8,
     2,
     "2 of 8 CPUs usable by affinity mask",
     {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "400000 100000\n"}}},
    {"v1",
     8,
     8,
     3,
     "3 of 8 CPUs usable by cgroup cpu.cfs_quota_us",
     {{"/proc/self/cgroup", "12:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n0::/x\n"},
      {"/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "250000\n"},
      {"/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n"}}},
    {"v1 in a container that sees only its own part",
     8,
     8,
     1,
     "1 of 8 CPUs usable by cgroup cpu.cfs_quota_us",
     {{"/proc/self/cgroup", "4:cpuacct,cpu:/docker/abc\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "10000\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}},
    {"v1 without a limit",
     8,
     8,
     8,
     "8 CPUs usable",
     {{"/proc/self/cgroup", "4:cpu:/\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}},
    {"garbage",
     4,
     4,
     4,
     "4 CPUs usable",
     {{"/proc/self/cgroup", "\n:\n::\n0:\n0::\n0::x\n0::/g\n"},
      {"/sys/fs/cgroup/g/cpu.max", "-5 0\n"}}},
};

static void make_parents(char *path)
{
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        if (mkdir(path, 0700) < 0)
            assert_int_equal(errno, EEXIST);
        *at = '/';
    }
}

static void write_file(const char *root, const struct file *file)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s%s", root, file->path);
    make_parents(path);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(file->text, f);
    fclose(f);
}

static void test_table(void **state)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char root[] = "/tmp/shallot-cpus-XXXXXX", reason[128], command[64];
        unsigned got;

        assert_non_null(mkdtemp(root));
        for (const struct file *f = table[i].files; f->path; f++)
            write_file(root, f);
        got = sl__cpus_decide(root, table[i].allowed, table[i].online, reason, sizeof reason);
        snprintf(command, sizeof command, "rm -r %s", root);
        assert_int_equal(system(command), 0);
        if (got != table[i].expected || strcmp(reason, table[i].reason) != 0)
            fail_msg("%s: %u, %s", table[i].story, got, reason);
    }
}

static void test_this_machine(void **state)
{
    char reason[128] = "";
    unsigned cpus = sl__usable_cpus(reason, sizeof reason);

    assert_true(cpus >= 1);
    assert_non_null(strstr(reason, "usable"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
