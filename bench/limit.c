/*
 * The limit: what the kernel lets anybody reach. A bare epoll loop that parses nothing: it counts
 * the blank lines in what it has read and answers each with a fixed response, in one send for each
 * read, and takes one connection for each wake-up, which spreads them best over several workers.
 *
 * Usage: limit PORT [close]   (0: any; prints the port it listens on; closes after each answer)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER                                                                                     \
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; "         \
    "charset=utf-8\r\nContent-Length: 12\r\n\r\nHello world\n"
#define BATCH 256
#define TOGETHER 64 /* answers in one send */

static char answers[TOGETHER * sizeof ANSWER];
static bool closes;

static int listen_on(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof a;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
        perror("limit: cannot listen");
        exit(1);
    }
    printf("%u\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

static size_t blank_lines(const char *p, size_t len)
{
    const char *end = p + len;
    size_t n = 0;

    while ((p = memmem(p, (size_t)(end - p), "\r\n\r\n", 4))) {
        n++;
        p += 4;
    }
    return n;
}

static bool answer(int fd, size_t n)
{
    while (n) {
        size_t now = n < TOGETHER ? n : TOGETHER;

        if (send(fd, answers, now * (sizeof ANSWER - 1), MSG_NOSIGNAL) < 0)
            return false;
        n -= now;
    }
    return true;
}

static void serve(int fd)
{
    static char buf[65536];
    ssize_t got = recv(fd, buf, sizeof buf, 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || !answer(fd, blank_lines(buf, (size_t)got)) || closes)
        close(fd);
}

int main(int argc, char **argv)
{
    int ep = epoll_create1(EPOLL_CLOEXEC),
        listener = listen_on(argc > 1 ? (uint16_t)atoi(argv[1]) : 0);
    struct epoll_event events[BATCH], ev = {.events = EPOLLIN, .data.fd = listener};

    closes = argc > 2 && strcmp(argv[2], "close") == 0;
    for (size_t i = 0; i < TOGETHER; i++)
        memcpy(answers + i * (sizeof ANSWER - 1), ANSWER, sizeof ANSWER - 1);
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
    for (;;) {
        int n = epoll_wait(ep, events, BATCH, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != listener) {
                serve(events[i].data.fd);
                continue;
            }
            ev.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (ev.data.fd >= 0)
                epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
        }
    }
}
