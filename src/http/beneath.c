/*
 * Files beneath a folder.
 *
 * file_cache.c comes here with names that clients have sent. The kernel resolves them (openat2(2),
 * Linux 5.6) and refuses at every step what would leave the folder: "..", absolute links, links
 * that climb out, and what others rename in that moment. Where it cannot, for its age or because a
 * container's filter does not let it, each name is opened by itself, relative to the folder before
 * it, and links are not followed: then there is nothing that could lead out.
 */
#include "http/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"

#define TRIES 8 /* while others rename so that the kernel cannot tell */

void sl__beneath_init(struct sl__beneath *b, int dir, bool links)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY, .resolve = RESOLVE_BENEATH};
    int fd = sl__sys_openat2(dir, ".", &how);

    *b = (struct sl__beneath){dir, links, fd == -ENOSYS || fd == -EPERM};
    if (fd >= 0)
        close(fd);
}

static int open_by_kernel(const struct sl__beneath *b, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)flags,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = -EAGAIN;

    if (!b->links)
        how.resolve |= RESOLVE_NO_SYMLINKS;
    for (int i = 0; i < TRIES && fd == -EAGAIN; i++)
        fd = sl__sys_openat2(b->dir, path, &how);
    return fd;
}

static int open_by_steps(int dir, const char *path, int flags)
{
    char name[NAME_MAX + 1];
    const char *slash;
    int at = dir, next;

    while ((slash = strchr(path, '/'))) {
        size_t len = (size_t)(slash - path);

        next = -ENAMETOOLONG;
        if (len < sizeof name) {
            memcpy(name, path, len);
            name[len] = '\0';
            next = sl__sys_openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
        }
        if (at != dir)
            close(at);
        if (next < 0)
            return next;
        at = next;
        path = slash + 1;
    }
    next = sl__sys_openat(at, path, flags | O_NOFOLLOW);
    if (at != dir)
        close(at);
    return next;
}

int sl__beneath_open(const struct sl__beneath *b, const char *path, int flags)
{
    if (!sl__beneath_plain(path, true))
        return -ENOENT;
    return b->steps ? open_by_steps(b->dir, path, flags) : open_by_kernel(b, path, flags);
}

bool sl__beneath_plain(const char *path, bool dots)
{
    const char *name = path;

    for (const char *p = path;; p++) {
        if (*p && *p != '/')
            continue;
        if (p == name)
            return false;
        if (*name == '.' && (!dots || p == name + 1 || (name[1] == '.' && p == name + 2)))
            return false;
        if (!*p)
            return true;
        name = p + 1;
    }
}
