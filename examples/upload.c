/*
 * An upload streamed to disk: whatever its size, memory stays small, and a slow disk slows the
 * client down.
 *
 * Run:  shallot dev upload.c
 * Try:  curl -T /usr/bin/git localhost:9090/upload/git
 *       curl -s localhost:9090/upload/git | cmp - /usr/bin/git
 */
#include <errno.h>
#include <fcntl.h>
#include <shallot.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder; /* UPLOADS in the environment, else /tmp */

static const char *place(sl_ctx *c)
{
    const char *name = sl_param(c, "name");

    if (strchr(name, '/') || name[0] == '.')
        return NULL;
    return sl_format(c, "%s/%s", folder, name);
}

static void close_file(void *arg)
{
    close((int)(intptr_t)arg);
}

static int receive(sl_ctx *c)
{
    const char *path = place(c);
    char buf[16384];
    long long total = 0;
    ssize_t n;
    int fd;

    if (!path)
        return sl_fail(c, 400, "a plain name, please");
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return sl_fail(c, 500, "cannot write %s: %s", path, strerror(errno));
    sl_defer(c, close_file, (void *)(intptr_t)fd);
    while ((n = sl_read(c, buf, sizeof buf)) > 0) {
        if (write(fd, buf, (size_t)n) != n)
            return sl_fail(c, 507, "the disk is full");
        total += n;
    }
    if (n < 0) { /* the client went away, or broke the framing: keep nothing */
        unlink(path);
        return (int)n;
    }
    sl_set_status(c, 201);
    return sl_text(c, "%lld bytes\n", total);
}

static int send_back(sl_ctx *c)
{
    const char *path = place(c);

    if (!path || sl_file(c, path) < 0)
        return sl_fail(c, 404, "no such upload");
    return 0;
}

int main(void)
{
    sl_app *app = sl_new();

    folder = getenv("UPLOADS") ? getenv("UPLOADS") : "/tmp";
    sl_put(app, "/upload/:name", receive);
    sl_get(app, "/upload/:name", send_back);
    return sl_listen(app, .port = 9090);
}
