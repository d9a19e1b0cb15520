/*
 * The readiness path: a new worker asks itself, as a client would, before anybody else may ask it.
 *
 * Comes from begin() in life.c on a fiber, after the start callbacks and before connections are
 * accepted. The question goes through a socket pair of which the server adopts one end, so parser,
 * onion and handlers all have to work. Anything but 2xx is asked again: a service may want to warm
 * up. In the end the master's patience, or ours a little before it, decides.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/time.h"
#include "fiber/fiber.h"
#include "fiber/wait.h"
#include "serve/serving.h"
#include "shallot/error.h"

#define AGAIN (100 * SL__MS)
#define MARGIN                                                                                     \
    (250 * SL__MS) /* so that our reason is heard, not that the master lost its patience */

/* The status of one answer, or a negative error. */
static int read_status(int fd, int64_t deadline)
{
    char head[64];
    size_t len = 0;

    while (len < sizeof head - 1) {
        ssize_t n = sl__sys_recv(fd, head + len, sizeof head - 1 - len);
        int r;

        if (n == 0)
            break;
        if (n > 0) {
            len += (size_t)n;
            continue;
        }
        if (n != -EAGAIN)
            return (int)n;
        if (len >= 12)
            break;
        r = sl__wait_fd(fd, POLLIN, deadline);
        if (r < 0)
            return r;
    }
    head[len] = 0;
    if (len < 12 || strncmp(head, "HTTP/1.1 ", 9) != 0)
        return -EBADMSG;
    return (head[9] - '0') * 100 + (head[10] - '0') * 10 + (head[11] - '0');
}

static int ask(struct sl__serving *s, const char *path, int64_t deadline)
{
    char request[1200];
    int ends[2], r;
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    r = sl__server_adopt(s->server, ends[0], 0);
    if (r == 0) {
        ssize_t n = sl__sys_send(ends[1], request, (size_t)len, 0);

        r = n < 0 ? (int)n : read_status(ends[1], deadline);
    }
    close(ends[1]);
    return r;
}

int sl__ready_probe(struct sl__serving *s, const char *path, char *ret_reason, size_t len)
{
    int64_t deadline = s->loop.now + s->app->options.ready_ms * SL__MS - MARGIN;
    int r;

    for (;;) {
        r = ask(s, path, deadline);
        if ((r >= 200 && r <= 299) || r == -ECANCELED)
            return r < 0 ? r : 0;
        if (s->loop.now + AGAIN >= deadline)
            break;
        if (sl__wait_time(AGAIN) < 0)
            return -ECANCELED;
    }
    if (r >= 0)
        snprintf(ret_reason, len, "GET %s still answers %d", path, r);
    else
        snprintf(ret_reason, len, "GET %s is not answered: %s", path, sl_strerror(r));
    return -ETIMEDOUT;
}
