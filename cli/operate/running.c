/*
 * Which programs run? Their control sockets lie in a folder of their user, called NAME.PID.sock;
 * one that refuses connections has been left behind by a program that was killed.
 */
#include "operate/operate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct program {
    char name[256], pid[16];
};

struct found {
    struct program *list; /* if all of them are wanted */
    bool lists;
    int fd; /* of the one that fits; -1 */
    unsigned fitting, all;
    char names[512]; /* for the complaint */
};

static int connect_quietly(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(a.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* NAME.PID.sock, in place. */
static bool split(char *file, const char **ret_pid)
{
    size_t len = strlen(file);
    char *dot;

    if (len <= 5 || strcmp(file + len - 5, ".sock") != 0)
        return false;
    file[len - 5] = 0;
    dot = strrchr(file, '.');
    if (!dot || dot == file || dot[1 + strspn(dot + 1, "0123456789")] || !dot[1])
        return false;
    *dot = 0;
    *ret_pid = dot + 1;
    return true;
}

static void add(struct found *f, const char *name, const char *pid)
{
    struct program *more = realloc(f->list, (f->all + 1) * sizeof *more);

    if (!more)
        return;
    f->list = more;
    snprintf(more[f->all].name, sizeof more->name, "%s", name);
    snprintf(more[f->all].pid, sizeof more->pid, "%s", pid);
    f->all++;
}

static void consider(struct found *f, const char *folder, const char *file, const char *which)
{
    char path[PATH_SIZE], name[256];
    const char *pid;
    size_t at;
    int fd;

    if (snprintf(name, sizeof name, "%s", file) >= (int)sizeof name || !split(name, &pid) ||
        path_format(path, sizeof path, "%s/%s", folder, file) != 0)
        return;
    fd = connect_quietly(path);
    if (fd < 0)
        return;
    if (f->lists) {
        close(fd);
        add(f, name, pid);
        return;
    }
    f->all++;
    at = strlen(f->names);
    snprintf(f->names + at, sizeof f->names - at, "%s%s (%s)", at ? ", " : "", name, pid);
    if (which && strcmp(which, name) != 0 && strcmp(which, pid) != 0) {
        close(fd);
        return;
    }
    f->fitting++;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = fd;
}

static void look_into(struct found *f, const char *folder, const char *which)
{
    DIR *dir = opendir(folder);
    struct dirent *e;

    if (!dir)
        return;
    while ((e = readdir(dir)))
        consider(f, folder, e->d_name, which);
    closedir(dir);
}

static void look_everywhere(struct found *f, const char *which)
{
    const char *own = getenv("SHALLOT_RUNTIME_DIR"), *runtime = getenv("XDG_RUNTIME_DIR");
    char folder[PATH_SIZE];

    if (own && own[0] == '/') {
        look_into(f, own, which);
        return;
    }

    if (runtime && runtime[0] == '/' &&
        path_format(folder, sizeof folder, "%s/shallot", runtime) == 0)
        look_into(f, folder, which);
    if (geteuid() == 0)
        look_into(f, "/run/shallot", which);
    if (path_format(folder, sizeof folder, "/tmp/shallot-%u", geteuid()) == 0)
        look_into(f, folder, which);
}

int running_connect_to(const char *path)
{
    int fd = connect_quietly(path);

    if (fd < 0)
        say_failure("%s: %s; does the program run, and as this user?", path, strerror(errno));
    return fd;
}

int running_connect(const char *which)
{
    const char *path = getenv("SHALLOT_CONTROL");
    struct found f = {.fd = -1};

    if (!which && path && path[0] && strcmp(path, "off") != 0)
        return running_connect_to(path);
    if (which && strchr(which, '/'))
        return running_connect_to(which);
    look_everywhere(&f, which);
    if (f.fitting == 1)
        return f.fd;
    if (f.fd >= 0)
        close(f.fd);
    if (f.all == 0)
        say_failure("no Shallot program of this user runs here (in development or production; "
                    "standalone ones cannot be asked)");
    else if (f.fitting == 0)
        say_failure("no program %s runs; there are: %s", which, f.names);
    else
        say_failure("several programs run, name one by its PID: %s", f.names);
    return -1;
}

void running_each(void (*each)(void *self, const char *name, const char *pid, bool alone),
                  void *self)
{
    struct found f = {.fd = -1, .lists = true};

    look_everywhere(&f, NULL);
    for (unsigned i = 0; i < f.all; i++) {
        bool alone = true;

        for (unsigned j = 0; j < f.all; j++)
            alone = alone && (i == j || strcmp(f.list[i].name, f.list[j].name) != 0);
        each(self, f.list[i].name, f.list[i].pid, alone);
    }
    free(f.list);
}
