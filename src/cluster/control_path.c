/*
 * Where control sockets lie: one folder for each user, in it one socket for each program that runs.
 *
 * Comes from control.c in the master. The folder may lie in /tmp, where anybody may have made it
 * first, so it is used only if it is ours alone. Leaves with a path.
 */
#include "cluster/control.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int folder(char *path, size_t size)
{
    const char *own = getenv("SHALLOT_RUNTIME_DIR"), *runtime = getenv("XDG_RUNTIME_DIR");
    int n;

    if (own && own[0] == '/')
        n = snprintf(path, size, "%s", own);
    else if (runtime && runtime[0] == '/')
        n = snprintf(path, size, "%s/shallot", runtime);
    else if (geteuid() == 0)
        n = snprintf(path, size, "/run/shallot");
    else
        n = snprintf(path, size, "/tmp/shallot-%u", geteuid());
    return n < (int)size ? 0 : -ENAMETOOLONG;
}

static int make_folder(const char *path)
{
    struct stat st;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    if (lstat(path, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        return -ENOTDIR;
    return st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : -EPERM;
}

int sl__control_place(const char *name, pid_t pid, char ret_path[SL__CONTROL_PATH])
{
    char tail[16];
    size_t at, room;
    int r = folder(ret_path, SL__CONTROL_PATH - 24);

    if (r < 0)
        return r;
    r = make_folder(ret_path);
    if (r < 0)
        return r;
    at = strlen(ret_path);
    ret_path[at++] = '/';
    room = SL__CONTROL_PATH - at - (size_t)snprintf(tail, sizeof tail, ".%d", pid) - sizeof ".sock";
    for (; *name && room > 0; name++, room--)
        ret_path[at++] = *name > ' ' && *name <= '~' && *name != '/' ? *name : '_';
    snprintf(ret_path + at, SL__CONTROL_PATH - at, "%s.sock", tail);
    return 0;
}

/* NAME.PID.sock: the PID; 0 for another name. */
static pid_t pid_of(const char *name)
{
    const char *end = strrchr(name, '.'), *at = end;
    long pid;

    if (!end || strcmp(end, ".sock") != 0)
        return 0;
    while (at > name && at[-1] != '.')
        at--;
    pid = at > name ? strtol(at, NULL, 10) : 0;
    return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

/* Process numbers mean nothing across namespaces: so it must refuse connections, too. */
static bool refuses(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool refused;

    if (fd < 0)
        return false;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    refused = connect(fd, (struct sockaddr *)&a, sizeof a) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

void sl__control_sweep(const char *path)
{
    const char *slash = strrchr(path, '/');
    char in[SL__CONTROL_PATH], stale[SL__CONTROL_PATH];
    struct dirent *e;
    DIR *dir;

    if (!slash)
        return;
    snprintf(in, sizeof in, "%.*s", (int)(slash - path), path);
    dir = opendir(in);
    if (!dir)
        return;
    while ((e = readdir(dir))) {
        pid_t pid = pid_of(e->d_name);

        if (pid == 0 || pid == getpid() || kill(pid, 0) == 0 || errno != ESRCH ||
            snprintf(stale, sizeof stale, "%s/%s", in, e->d_name) >= (int)sizeof stale)
            continue;
        if (refuses(stale))
            unlink(stale);
    }
    closedir(dir);
}
