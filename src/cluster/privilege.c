/*
 * From root to an ordinary user, once everything is open that needed root: the master comes here
 * after its listeners, before any worker is started, so that no code that meets the world ever had
 * the power.
 */
#include "cluster/privilege.h"

#include "shallot/error.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool number(const char *text, unsigned *ret)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end || n >= UINT32_MAX)
        return false;
    *ret = (unsigned)n;
    return true;
}

static int complain(int error, char *ret, size_t len, const char *what, const char *name)
{
    snprintf(ret, len, "cannot become %s %s: %s", what, name, sl_strerror(error));
    return error;
}

static int find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
    struct passwd *p = getpwnam(name);

    if (!p && number(name, ret_uid)) {
        p = getpwuid(*ret_uid);
        *ret_gid = p ? p->pw_gid : *ret_uid;
        return 0;
    }
    if (!p)
        return -ENOENT;
    *ret_uid = p->pw_uid;
    *ret_gid = p->pw_gid;
    return 0;
}

static int find_group(const char *name, gid_t *ret)
{
    struct group *g = getgrnam(name);

    if (!g)
        return number(name, ret) ? 0 : -ENOENT;
    *ret = g->gr_gid;
    return 0;
}

static int set_groups(const char *user, gid_t gid)
{
    struct passwd *p = user ? getpwnam(user) : NULL;
    int r = p ? initgroups(p->pw_name, gid) : setgroups(1, &gid);

    if (r < 0 || setresgid(gid, gid, gid) < 0)
        return -errno;
    return 0;
}

int sl__privilege_drop(const char *user, const char *group, char *ret_error, size_t len)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int r = 0;

    if (!user && !group)
        return 0;
    if (user)
        r = find_user(user, &uid, &gid);
    if (r < 0)
        return complain(r, ret_error, len, "user", user);
    if (group)
        r = find_group(group, &gid);
    if (r < 0)
        return complain(r, ret_error, len, "group", group);
    if (uid == geteuid() && gid == getegid())
        return 0; /* started as that user already */
    r = set_groups(user, gid);
    if (r < 0)
        return complain(r, ret_error, len, "group", group ? group : user);
    if (user && setresuid(uid, uid, uid) < 0)
        return complain(-errno, ret_error, len, "user", user);
    if (user && uid != 0 && (setuid(0) == 0 || geteuid() == 0)) /* a way back: something is wrong */
        return complain(-EPERM, ret_error, len, "user", user);
    return 0;
}

int sl__pid_file_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", getpid()), r = 0;

    if (fd < 0)
        return -errno;
    if (write(fd, text, (size_t)n) != n)
        r = errno ? -errno : -EIO;
    close(fd);
    return r;
}

void sl__pid_file_remove(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char text[16] = "";
    ssize_t n;

    if (fd < 0)
        return;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n > 0 && strtol(text, NULL, 10) == getpid())
        unlink(path);
}
