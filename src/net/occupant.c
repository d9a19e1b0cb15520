/*
 * Who listens on a port. Only a failed bind comes here, and only to make its message better, so
 * whatever goes wrong simply means that nobody was found.
 *
 * The kernel's tables of TCP sockets give the inodes of those that listen on the port; the
 * descriptors in /proc tell which process has one of these inodes.
 */
#include "net/occupant.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTENING 0x0a
#define INODES_MAX 16

struct inodes {
    uint64_t items[INODES_MAX];
    size_t count;
};

static void read_table(const char *path, int port, struct inodes *found)
{
    FILE *f = fopen(path, "re");
    char line[512];

    if (!f)
        return;
    while (found->count < INODES_MAX && fgets(line, sizeof(line), f)) {
        unsigned local, state;
        uint64_t inode;

        /* sl local:port remote:port state queues timer retransmits uid timeout inode */
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %" SCNu64, &local,
                   &state, &inode) == 3 &&
            state == LISTENING && local == (unsigned)port && inode != 0)
            found->items[found->count++] = inode;
    }
    fclose(f);
}

static bool is_among(const struct inodes *among, const char *target)
{
    uint64_t inode;

    if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
        return false;
    for (size_t i = 0; i < among->count; i++)
        if (among->items[i] == inode)
            return true;
    return false;
}

static bool has_one(const char *pid, const struct inodes *among)
{
    char path[320], target[64];
    struct dirent *entry;
    bool found = false;
    DIR *fds;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    fds = opendir(path);
    if (!fds)
        return false;
    while (!found && (entry = readdir(fds))) {
        ssize_t n = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

        if (n <= 0)
            continue;
        target[n] = '\0';
        found = is_among(among, target);
    }
    closedir(fds);
    return found;
}

static pid_t owner_of(const struct inodes *among)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    pid_t pid = 0;

    if (!processes)
        return 0;
    while (pid == 0 && (entry = readdir(processes)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_one(entry->d_name, among))
            pid = (pid_t)strtol(entry->d_name, NULL, 10);
    closedir(processes);
    return pid;
}

bool sl__process_name(pid_t pid, char *buf, size_t len)
{
    char path[64], name[64] = "";
    FILE *f;

    if (pid <= 0)
        return false;
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return false;
    if (!fgets(name, sizeof(name), f))
        name[0] = '\0';
    fclose(f);
    name[strcspn(name, "\n")] = '\0';
    if (!name[0])
        return false;
    snprintf(buf, len, "%s (pid %d)", name, (int)pid);
    return true;
}

bool sl__port_occupant(int port, char *buf, size_t len)
{
    struct inodes listening = {.count = 0};

    read_table("/proc/net/tcp", port, &listening);
    read_table("/proc/net/tcp6", port, &listening);
    return listening.count > 0 && sl__process_name(owner_of(&listening), buf, len);
}
