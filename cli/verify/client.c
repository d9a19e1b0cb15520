/*
 * One client: a connection, a request on it, the answer, and perhaps another request.
 *
 * traffic.c opens clients and gives idle ones another request; the loop comes in when the socket
 * has something. Every request leaves as exactly one count in its tally: answered, lost or refused.
 * A kept connection that the server closes while it is idle is no loss, nor one whose last answer
 * had announced it.
 */
#include "verify.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char buffer[65536];

static void idle_put(struct client *c)
{
    struct traffic *t = c->traffic;

    c->state = CLIENT_IDLE;
    c->idle_next = NULL;
    *t->idle_last = c;
    t->idle_last = &c->idle_next;
    t->idle_count++;
}

static void idle_remove(struct client *c)
{
    struct traffic *t = c->traffic;
    struct client **at = &t->idle;

    while (*at != c)
        at = &(*at)->idle_next;
    *at = c->idle_next;
    if (t->idle_last == &c->idle_next)
        t->idle_last = at;
    t->idle_count--;
}

struct client *idle_take(struct traffic *t)
{
    struct client *c = t->idle;

    if (c)
        idle_remove(c);
    return c;
}

static void tell(struct client *c, int outcome)
{
    if (c->outcome)
        *c->outcome = outcome;
    c->outcome = NULL;
}

static void lose(struct client *c, int error)
{
    struct tally *y = c->tally;

    if (c->state == CLIENT_CONNECTING && error == ECONNREFUSED) {
        y->refused++;
        if (c->traffic->refused_ends_new)
            c->traffic->no_new = true;
    } else {
        y->lost++;
        y->reset += error == ECONNRESET || error == EPIPE;
        y->races += c->reused && !c->answer.begun && !c->flagged;
        y->hung += error == ETIMEDOUT;
        y->excused += c->flagged;
    }
    c->traffic->in_flight--;
    tell(c, -1);
    client_close(c);
}

static void count_answer(struct client *c)
{
    struct traffic *t = c->traffic;
    struct tally *y = c->tally;
    int64_t now = now_ns(), took = now - c->began;

    y->answered++;
    y->errors += c->answer.status >= 500;
    y->busy += c->answer.status == 503;
    y->wrong += c->answer.status != 200 && c->answer.status < 500;
    tally_latency(y, took);
    if (!c->reused && !c->flagged && took > y->longest_new)
        y->longest_new = took;
    if (y == &t->tally) {
        if (now - t->last_answer > y->gap)
            y->gap = now - t->last_answer;
        t->last_answer = now;
    }
    t->in_flight--;
    tell(c, c->answer.status);
}

static void answered(struct client *c)
{
    count_answer(c);
    if (c->kept && !c->answer.close)
        idle_put(c);
    else
        client_close(c);
}

static void on_input(struct client *c)
{
    ssize_t n = recv(c->watch.fd, buffer, sizeof buffer, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (c->state == CLIENT_IDLE) { /* its end; anything else would be nobody's answer */
        idle_remove(c);
        client_close(c);
    } else if (n > 0) {
        answer_take(&c->answer, buffer, (size_t)n);
        if (c->answer.state == ANSWER_DONE)
            answered(c);
        else if (c->answer.state == ANSWER_WRONG)
            lose(c, EPROTO);
    } else if (n == 0 && answer_end(&c->answer)) {
        answered(c);
    } else {
        lose(c, n < 0 ? errno : 0);
    }
}

/* Requests are short and the socket is empty: one send takes them whole. */
static void send_request(struct client *c)
{
    struct epoll_event in = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = &c->watch};

    c->state = CLIENT_WAITING;
    answer_begin(&c->answer);
    if (send(c->watch.fd, c->request, strlen(c->request), MSG_NOSIGNAL) < 0) {
        /* What a reset has left may still be read: the server may have answered before. */
        if (errno != EPIPE && errno != ECONNRESET) {
            lose(c, errno);
            return;
        }
    }
    epoll_ctl(c->traffic->epoll, EPOLL_CTL_MOD, c->watch.fd, &in);
}

static void on_connected(struct client *c)
{
    int error = 0;
    socklen_t len = sizeof error;

    getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error)
        lose(c, error);
    else
        send_request(c);
}

static void on_ready(struct watch *w, unsigned events)
{
    struct client *c = (struct client *)w;

    if (c->state == CLIENT_CONNECTING)
        on_connected(c);
    else if (c->state != CLIENT_DEAD)
        on_input(c);
}

static int open_socket(struct client *c)
{
    struct traffic *t = c->traffic;
    struct epoll_event out = {.events = EPOLLOUT, .data.ptr = &c->watch};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    c->watch = (struct watch){fd, on_ready};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&t->address, sizeof t->address) < 0 &&
        errno != EINPROGRESS)
        return -errno; /* the socket is closed with the client */
    epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &out);
    return 0;
}

static void begin(struct client *c)
{
    struct traffic *t = c->traffic;

    c->began = now_ns();
    c->flagged = t->fault;
    c->tally->requests++;
    c->tally->flagged += c->flagged;
    t->in_flight++;
}

struct client *client_open(struct traffic *t, const char *request, bool kept, struct tally *tally)
{
    struct client *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return NULL;
    *c = (struct client){.traffic = t,
                         .tally = tally,
                         .request = request,
                         .kept = kept,
                         .watch.fd = -1,
                         .link = &t->clients,
                         .next = t->clients};
    if (c->next)
        c->next->link = &c->next;
    t->clients = c;
    answer_begin(&c->answer);
    begin(c);
    r = open_socket(c);
    if (r < 0) {
        lose(c, -r);
        return NULL;
    }
    return c;
}

void client_again(struct client *c)
{
    c->reused = true;
    begin(c);
    send_request(c);
}

/* Freed at the end of the turn: events of it may still be in the batch. */
void client_close(struct client *c)
{
    watch_close(c->traffic, &c->watch);
    c->state = CLIENT_DEAD;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->next = c->traffic->dead;
    c->traffic->dead = c;
}

void client_hung(struct client *c)
{
    lose(c, ETIMEDOUT);
}
