/*
 * Files while they come.
 *
 * form.c comes here with a file's octets in pieces of 64 KiB. Everything that touches the disk runs
 * on the pool of threads, because a disk that is busy makes write(2), and even the close(2) of a
 * large file that has no name, take as long as it likes. Where there are no fibers (a test) it runs
 * in place.
 */
#include "app/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "shallot/fiber.h"

bool sl__spool_named;

#define COPY_AT_ONCE ((size_t)1 << 20)

struct job {
    struct sl__spool *spool;
    const char *path; /* to keep */
    bool ran;
    int (*run)(struct job *j);
};

static int run_job(void *arg)
{
    struct job *j = arg;

    j->ran = true;
    return j->run(j);
}

static int offload(struct job *j)
{
    int r = sl_offload(run_job, j);

    return j->ran || r == -ECANCELED ? r
                                     : run_job(j); /* no thread to be had is no reason to fail */
}

static int random_name(char **ret, const char *folder)
{
    unsigned long long number;

    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return -EIO;
    return asprintf(ret, "%s/.shallot-%016llx", folder, number) < 0 ? -ENOMEM : 0;
}

/* A file with a name of its own, for file systems where none can be without. */
static int open_named(struct sl__spool *s)
{
    int r = random_name(&s->name, s->folder);

    if (r < 0)
        return r;
    s->fd = open(s->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->fd >= 0)
        return 0;
    r = -errno;
    free(s->name);
    s->name = NULL;
    return r;
}

static bool no_tmpfile(int error)
{
    return error == EOPNOTSUPP || error == EISDIR || error == EINVAL;
}

static int open_file(struct sl__spool *s)
{
    int r = 0;

    if (!sl__spool_named)
        s->fd = open(s->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    else
        errno = EOPNOTSUPP;
    if (s->fd < 0)
        r = no_tmpfile(errno) ? open_named(s) : -errno;
    if (r == 0 && fchmod(s->fd, s->mode) < 0)
        r = -errno;
    return r;
}

static int write_whole(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int flush(struct job *j)
{
    struct sl__spool *s = j->spool;
    int r = s->fd < 0 ? open_file(s) : 0;

    return r < 0 ? r : write_whole(s->fd, s->room, s->filled);
}

int sl__spool_flush(struct sl__spool *s)
{
    struct job j = {.spool = s, .run = flush};
    int r = offload(&j);

    s->filled = 0;
    return r;
}

static int copy_octets(int from, int to)
{
    off_t at = 0;
    char *buf;
    ssize_t n = 1;
    int r = 0;

    while (n > 0) /* a kernel that can do better does */
        n = copy_file_range(from, &at, to, NULL, COPY_AT_ONCE, 0);
    if (n == 0)
        return 0;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
        return -errno;
    buf = malloc(SL__SPOOL_ROOM);
    if (!buf)
        return -ENOMEM;
    while (r == 0 && (n = pread(from, buf, SL__SPOOL_ROOM, at)) > 0) {
        r = write_whole(to, buf, (size_t)n);
        at += n;
    }
    free(buf);
    return r < 0 ? r : n < 0 ? -errno : 0;
}

static int link_unnamed(int fd, const char *path)
{
    char own[40];

    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int link_file(struct sl__spool *s, const char *path)
{
    if (!s->name)
        return link_unnamed(s->fd, path);
    return link(s->name, path) < 0 ? -errno : 0;
}

/* Into a new file in the folder of @p path, which then gets its name. */
static int copy_file(struct sl__spool *s, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
    struct sl__spool copy = {.folder = folder, .mode = s->mode, .fd = -1};
    int r = folder ? open_file(&copy) : -ENOMEM;

    if (r == 0)
        r = copy_octets(s->fd, copy.fd);
    if (r == 0)
        r = link_file(&copy, path);
    if (copy.fd >= 0)
        close(copy.fd);
    if (copy.name)
        unlink(copy.name);
    free(copy.name);
    free(folder);
    return r;
}

static int keep(struct job *j)
{
    int r = link_file(j->spool, j->path);

    return r == -EXDEV ? copy_file(j->spool, j->path) : r;
}

int sl__spool_keep(struct sl__spool *s, const char *path)
{
    struct job j = {.spool = s, .path = path, .run = keep};

    return offload(&j);
}

static int finish(struct job *j)
{
    struct sl__spool *s = j->spool;

    if (s->name)
        unlink(s->name);
    free(s->name);
    close(s->fd);
    return 0;
}

static int shielded(void *arg)
{
    return offload(arg);
}

void sl__spool_finish(struct sl__spool *s)
{
    struct job j = {.spool = s, .run = finish};

    if (s->fd < 0)
        return;
    sl_shield(shielded, &j);
    if (!j.ran)
        run_job(&j);
    s->fd = -1;
}
