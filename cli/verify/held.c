/*
 * Connections that somebody holds: opened by the hundred, given something to say, and then only
 * watched, until the server has answered or ended them.
 *
 * Scenarios come in here for clients that are idle or slow. They come from several addresses, so
 * that ports do not run out; and some at a time, so that the traffic beside them is not disturbed
 * by the tool itself.
 */
#include "verify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE 20

void held_end(struct held *h)
{
    if (h->watch.fd < 0)
        return;
    watch_close(h->traffic, &h->watch);
    h->ended = now_ns();
}

static void on_ready(struct watch *w, unsigned events)
{
    struct held *h = (struct held *)w;
    char text[4096];
    ssize_t n;

    if (w->fd < 0)
        return;
    n = recv(w->fd, text, sizeof text, 0);
    if (n > 0)
        answer_take(&h->answer, text, (size_t)n);
    else if (n == 0 || errno != EAGAIN)
        held_end(h);
}

static int open_one(struct held *h, struct traffic *t, unsigned nth, const char *text, int receive)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    h->watch = (struct watch){fd, on_ready};
    h->traffic = t;
    h->opened = now_ns();
    answer_begin(&h->answer);
    if (fd < 0)
        return -1;
    if (receive)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + nth % 8);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&t->address, sizeof t->address) < 0 &&
        errno != EINPROGRESS)
        return -1;
    /* Over loopback the handshake is over when connect() returns, unless the queue is full. */
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};

        if (poll(&p, 1, 2000) <= 0 || send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
            return -1;
    }
    return receive ? 0 : traffic_watch(t, &h->watch, EPOLLIN | EPOLLRDHUP);
}

struct held *held_open(struct traffic *t, unsigned count, const char *text, int receive)
{
    struct held *all = calloc(count, sizeof *all);

    for (unsigned i = 0; all && i < count; i++)
        all[i].watch.fd = -1;
    for (unsigned i = 0; all && i < count; i++) {
        if (open_one(&all[i], t, i, text, receive) < 0) {
            held_free(all, count);
            return NULL;
        }
        if (i % AT_ONCE == AT_ONCE - 1)
            traffic_run(t, now_ns() + 4 * MS, NULL, NULL);
    }
    return all;
}

void held_free(struct held *all, unsigned count)
{
    for (unsigned i = 0; all && i < count; i++)
        held_end(&all[i]);
    free(all);
}

void held_say(struct held *h, const char *text)
{
    if (h->watch.fd >= 0)
        send(h->watch.fd, text, strlen(text), MSG_NOSIGNAL);
}

void held_sip(struct held *h, size_t most)
{
    struct pollfd p = {.fd = h->watch.fd, .events = POLLIN};
    char text[512];

    if (h->watch.fd < 0 || poll(&p, 1, 0) <= 0)
        return;
    if (p.revents & (POLLERR | POLLHUP) ||
        recv(h->watch.fd, text, most < sizeof text ? most : sizeof text, 0) <= 0)
        held_end(h);
}

unsigned held_left(const struct held *all, unsigned count)
{
    unsigned left = 0;

    for (unsigned i = 0; i < count; i++)
        left += all[i].watch.fd >= 0;
    return left;
}

unsigned held_answered(const struct held *all, unsigned count, int status)
{
    unsigned answered = 0;

    for (unsigned i = 0; i < count; i++)
        answered += all[i].answer.status == status && all[i].answer.state == ANSWER_DONE;
    return answered;
}
