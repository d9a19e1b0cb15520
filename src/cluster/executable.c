/*
 * The held executable: a descriptor that keeps one file of code alive, whatever happens to its
 * path.
 *
 * Comes from cluster/master.c when it starts (the file of its own process) and at a reload (what
 * lies at the path by then); goes to cluster/spawn.c. The descriptor is O_PATH: enough to run the
 * file, and it does not keep a linker from writing to it, which is why a change in place is looked
 * for.
 */
#include "cluster/executable.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char deleted[] = " (deleted)";

/* Path of this process's file; the kernel marks one that was replaced since. */
static int own_path(char *buf, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", buf, size - 1);
    size_t mark = sizeof deleted - 1;

    if (n < 0)
        return -errno;
    buf[n] = 0;
    if ((size_t)n > mark && strcmp(buf + n - mark, deleted) == 0 && access(buf, F_OK) < 0)
        buf[(size_t)n - mark] = 0;
    return 0;
}

/* A script's interpreter would be handed the path of a descriptor that is closed by then. */
static bool is_script(const char *file)
{
    int fd = sl__sys_open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    char mark[2] = "";
    ssize_t n;

    if (fd < 0)
        return false; /* an executable need not be readable */
    n = read(fd, mark, sizeof mark);
    close(fd);
    return n == 2 && mark[0] == '#' && mark[1] == '!';
}

static int hold(struct sl__executable *e, const char *file)
{
    int r = sl__sys_open(file, O_PATH, 0);

    if (r < 0)
        return r;
    e->fd = r;
    if (fstat(e->fd, &e->was) < 0)
        r = -errno;
    else if (!S_ISREG(e->was.st_mode))
        r = -EACCES;
    else /* by the file it is now, and as the kernel will judge it */
        r = faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) < 0 ? -errno : 0;
    if (r == 0 && is_script(file))
        r = -ENOEXEC;
    if (r < 0)
        sl__executable_close(e);
    return r;
}

int sl__executable_open_self(struct sl__executable *e)
{
    int r;

    *e = (struct sl__executable){.fd = -1};
    r = own_path(e->path, sizeof e->path);
    return r < 0 ? r : hold(e, "/proc/self/exe");
}

int sl__executable_open(struct sl__executable *e, const char *path)
{
    *e = (struct sl__executable){.fd = -1};
    if (strlen(path) >= sizeof e->path)
        return -ENAMETOOLONG;
    strcpy(e->path, path);
    return hold(e, e->path);
}

bool sl__executable_changed(const struct sl__executable *e)
{
    struct stat now;

    if (e->fd < 0 || fstat(e->fd, &now) < 0)
        return false;
    return now.st_size != e->was.st_size || now.st_mtim.tv_sec != e->was.st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != e->was.st_mtim.tv_nsec;
}

void sl__executable_close(struct sl__executable *e)
{
    if (e->fd >= 0)
        close(e->fd);
    e->fd = -1;
}
