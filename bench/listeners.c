/*
 * Listens to many event streams of a server on 127.0.0.1, and measures how long it takes until all
 * have heard what one says.
 *
 *     listeners COUNT PORT
 *
 * Opens COUNT streams (GET /events), prints how many there are, and then does what each line of its
 * input says: "say" sends one message (POST /say) and prints a line of JSON with the milliseconds
 * until half of the streams, and until all of them, had it; "count" prints how many streams are
 * still open. The end of the input is its end. A message is "@", which nothing else has in it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 512
#define AT_ONCE 200 /* streams that are being opened */
#define PATIENCE_MS 30000

static const char request[] = "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char message[] = "POST /say HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\n@";

struct stream {
    int fd;
    bool open; /* its head has come */
    int newlines;
    unsigned heard;
};

static struct stream *streams;
static unsigned count, opened, closed, said, heard;
static int ep;

__attribute__((format(printf, 1, 2))) static _Noreturn void die(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fputs("listeners: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int dial(int port, int type)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | type, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        die("socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        die("connect: %s", strerror(errno));
    return fd;
}

/* Connecting to this machine does not wait but for room in the queue. */
static void open_stream(struct stream *s, int port)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};

    s->fd = dial(port, 0);
    if (epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &ev) < 0)
        die("epoll_ctl: %s", strerror(errno));
    if (send(s->fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1)
        die("send: %s", strerror(errno));
}

/* The head ends with two line ends; from then on what is said counts. */
static void take(struct stream *s, const char *p, const char *end)
{
    for (; p < end && !s->open; p++) {
        s->newlines = *p == '\n' ? s->newlines + 1 : *p == '\r' ? s->newlines : 0;
        s->open = s->newlines == 2;
        opened += s->open;
    }
    while (p < end && (p = memchr(p, '@', (size_t)(end - p)))) {
        p++;
        s->heard++;
        heard += s->heard == said;
    }
}

static void hear(struct stream *s)
{
    char buf[4096];
    ssize_t n = recv(s->fd, buf, sizeof buf, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        close(s->fd);
        closed++;
        return;
    }
    take(s, buf, buf + n);
}

static int wait_and_hear(int timeout_ms)
{
    struct epoll_event events[BATCH];
    int n = epoll_wait(ep, events, BATCH, timeout_ms);

    for (int i = 0; i < n; i++)
        hear(events[i].data.ptr);
    return n;
}

static void open_all(int port)
{
    double begin = now_ms();

    for (unsigned begun = 0; opened < count;) {
        while (begun < count && begun - opened < AT_ONCE)
            open_stream(&streams[begun++], port);
        wait_and_hear(100);
        if (closed || now_ms() - begin > PATIENCE_MS)
            die("%u of %u streams opened, %u closed", opened, count, closed);
    }
}

static void say(int port)
{
    int fd = dial(port, 0);
    double begin = now_ms(), half = 0, all;
    char answer[256];

    said++;
    heard = 0;
    if (send(fd, message, sizeof message - 1, MSG_NOSIGNAL) != sizeof message - 1)
        die("send: %s", strerror(errno));
    while (heard + closed < count && now_ms() - begin < PATIENCE_MS) {
        wait_and_hear(100);
        if (half == 0 && heard * 2 >= count)
            half = now_ms() - begin;
    }
    all = now_ms() - begin;
    if (recv(fd, answer, sizeof answer, 0) < 12 || memcmp(answer, "HTTP/1.1 204", 12) != 0)
        die("POST /say is not answered with 204");
    close(fd);
    printf("{\"heard\": %u, \"closed\": %u, \"half_ms\": %.3f, \"all_ms\": %.3f}\n", heard, closed,
           half, all);
}

static void allow_many_files(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < count + 64) /* only a privileged process may */
        files.rlim_max = count + 64;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    char line[64];
    int port;

    if (argc != 3)
        die("usage: listeners COUNT PORT");
    count = (unsigned)atoi(argv[1]);
    port = atoi(argv[2]);
    allow_many_files();
    ep = epoll_create1(EPOLL_CLOEXEC);
    streams = calloc(count, sizeof *streams);
    if (ep < 0 || !streams)
        die("%s", strerror(errno));
    open_all(port);
    printf("%u\n", opened);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        while (wait_and_hear(0) > 0)
            ;
        if (strcmp(line, "say\n") == 0)
            say(port);
        else
            printf("%u\n", count - closed);
        fflush(stdout);
    }
    return 0;
}
