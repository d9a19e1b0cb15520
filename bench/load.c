/*
 * The load: asks a server on 127.0.0.1 for one path over and over, with as little work of its own
 * as one thread and epoll allow, so that it is the server that is measured.
 *
 * Every connection sends a batch of requests (one, unless --pipeline) and, when all their answers
 * are there, the next. Its first answer is read in full and must be a 200 whose end is known;
 * what follows is counted in octets, since the answers must all be of that length, and each must
 * begin with "HTTP/1.1 200". Anything else is an error, and ends its connection. Bodies of large
 * answers are dropped in the kernel (MSG_TRUNC).
 *
 * A run: all connections are opened and asked once; warm-up; a pause until nothing is under way;
 * the measured time, until its last answer is there. With --watch the CPU time of the server's
 * processes is read in the two pauses around it, when they sleep, so that the figures belong to
 * exactly the requests counted. Prints one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define BATCH 512
#define SILENCE_MS 5000 /* no answer for so long: the server is stuck */
#define ERRORS_MAX 1000 /* the server is broken */
#define LARGE 32768     /* octets of an answer from which on its body is not looked at */

struct conn {
    int fd;
    bool connecting;
    bool known;   /* its first answer has been looked at */
    bool sent;    /* answers are due */
    size_t due;   /* answers of the batch not yet complete */
    size_t need;  /* octets missing of the current one */
    int64_t when; /* the batch was sent */
};

static struct load_options o = {
    .header = "", .connections = 1, .pipeline = 1, .seconds = 1, .sources = 1};
static struct load_figures f;
static struct conn *conns;
static struct load_answer answer; /* what every answer looks like, from the first one */
static char *request;
static size_t request_len;
static int ep, active; /* connections with a batch under way */
static int64_t until;  /* no new batch from then on */
static long budget;    /* nor when so many requests have been sent */
static char buf[65536];

/* May another batch begin? If so it counts against the budget. */
static bool begin_another(int64_t now)
{
    if (now >= until || budget <= 0)
        return false;
    budget -= o.pipeline;
    return true;
}

static void fail(const char *what)
{
    f.errors++;
    f.error = what;
    if (f.errors > ERRORS_MAX)
        load_die("too many errors, the last: %s", what);
}

static void open_conn(struct conn *c)
{
    static unsigned next;
    struct sockaddr_in a = {.sin_family = AF_INET};
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    int one = 1;

    *c = (struct conn){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                       .connecting = true};
    if (c->fd < 0)
        load_die("socket: %s", strerror(errno));
    if (o.sources > 1) { /* ports of one address would not last */
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + next++ % (unsigned)o.sources);
        if (bind(c->fd, (struct sockaddr *)&a, sizeof a) < 0)
            load_die("bind: %s", strerror(errno));
    }
    a.sin_port = htons(o.port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS)
        load_die("connect: %s", strerror(errno));
    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) < 0)
        load_die("epoll_ctl: %s", strerror(errno));
}

static void send_batch(struct conn *c, int64_t now)
{
    c->connecting = false;
    c->sent = true;
    c->due = (size_t)o.pipeline;
    c->need = answer.total;
    c->when = now;
    if (send(c->fd, request, request_len, MSG_NOSIGNAL) < 0 && errno == EAGAIN)
        load_die("the requests do not fit into the socket"); /* of other errors an event tells */
}

/* The connection's batch is done, or the connection is lost: what next? */
static void next_batch(struct conn *c, int64_t now)
{
    if (c->fd >= 0 && begin_another(now)) {
        send_batch(c, now);
        return;
    }
    c->sent = false;
    active--;
}

static void reopen(struct conn *c, int64_t now)
{
    close(c->fd);
    c->fd = -1;
    if (begin_another(now))
        open_conn(c);
    else
        next_batch(c, now);
}

static void broken(struct conn *c, const char *what)
{
    bool idle = !c->sent && !c->connecting;

    fail(what);
    if (!idle) {
        reopen(c, load_now());
        return;
    }
    close(c->fd); /* lost between batches: the next phase opens it anew */
    c->fd = -1;
}

/* The first answer of a connection. False: not there yet, or not what it should be. */
static bool look(struct conn *c)
{
    ssize_t got = recv(c->fd, buf, sizeof buf - 1, MSG_PEEK);
    struct load_answer a;
    int r;

    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            broken(c, got ? strerror(errno) : "closed before the answer");
        return false;
    }
    buf[got] = 0;
    r = load_look(buf, (size_t)got, &a);
    if (r == 0)
        return false;
    if (r < 0 || (answer.total && a.total != answer.total)) {
        broken(c, r < 0 ? a.wrong : "an answer of another length");
        return false;
    }
    answer = a;
    c->need = a.total;
    c->known = true;
    return true;
}

/* Counts what came; false if it cannot be the answers that are due. */
static bool count(struct conn *c, size_t got, bool seen, int64_t now)
{
    const char *p = buf;

    f.octets += (long)got;
    while (got) {
        size_t n = got < c->need ? got : c->need, at = answer.total - c->need;

        if (c->due == 0)
            return false;
        if (seen && at < LOAD_BEGIN_LEN) {
            size_t m = LOAD_BEGIN_LEN - at < n ? LOAD_BEGIN_LEN - at : n;

            if (memcmp(p, &LOAD_BEGIN[at], m) != 0)
                return false;
        }
        p += n;
        got -= n;
        c->need -= n;
        if (c->need == 0) {
            c->need = answer.total;
            c->due--;
            load_count(&f, now - c->when);
        }
    }
    return true;
}

static void on_end(struct conn *c, ssize_t got)
{
    if (c->sent && c->due == 0 && got == 0 && o.mode == LOAD_CLOSE)
        reopen(c, load_now());
    else
        broken(c, got == 0 ? "closed too early" : strerror(errno));
}

static void on_readable(struct conn *c)
{
    if (!c->known && !(o.mode != LOAD_KEEP && answer.total) && !look(c))
        return;
    for (;;) {
        bool inside = answer.total > LARGE && c->need < answer.total;
        size_t len = inside ? c->need : answer.total > LARGE ? 256 : sizeof buf;
        ssize_t got = inside ? recv(c->fd, NULL, len, MSG_TRUNC) : recv(c->fd, buf, len, 0);
        int64_t now;

        if (got <= 0) {
            if (got == 0 || errno != EAGAIN)
                on_end(c, got);
            return;
        }
        now = load_now();
        if (!count(c, (size_t)got, !inside, now)) {
            broken(c, "not the answer that was due");
            return;
        }
        if (c->due == 0 && o.mode != LOAD_CLOSE) {
            if (o.mode == LOAD_NEW)
                reopen(c, now);
            else
                next_batch(c, now);
            return;
        }
        if ((size_t)got < len && answer.total <= LARGE && o.mode != LOAD_CLOSE)
            return;
    }
}

static void on_event(struct conn *c, unsigned events)
{
    if (c->fd < 0)
        return;
    if (c->connecting) {
        if (events & (EPOLLERR | EPOLLHUP))
            broken(c, "connection refused or reset");
        else if (events & EPOLLOUT)
            send_batch(c, load_now());
        return;
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        on_readable(c);
}

static void start(int from, int to)
{
    for (int i = from; i < to && begin_another(load_now()); i++) {
        active++;
        if (conns[i].fd < 0)
            open_conn(&conns[i]);
        else
            send_batch(&conns[i], load_now());
    }
}

/* Goes on until every connection has its last answer; the end is then written down, and the server
 * is given time to finish what it does after an answer, and to sleep. */
static void finish(void)
{
    struct epoll_event events[BATCH];

    while (active > 0) {
        int n = epoll_wait(ep, events, BATCH, SILENCE_MS);

        if (n == 0)
            load_die("no answer for %d s; %d connections wait", SILENCE_MS / 1000, active);
        for (int i = 0; i < n; i++)
            on_event(events[i].data.ptr, events[i].events);
    }
    f.end = load_now();
    usleep(5000);
}

/* Every connection is opened and asked once, some at a time, as the listen queue is finite. */
static void open_all(void)
{
    for (int i = 0; i < o.connections; i += 256) {
        until = INT64_MAX;
        budget = LONG_MAX;
        start(i, i + 256 < o.connections ? i + 256 : o.connections);
        budget = 0;
        finish();
    }
}

static void run(int64_t deadline, long requests)
{
    until = deadline;
    budget = requests;
    start(0, o.connections);
    finish();
}

static void measure(void)
{
    if (o.warm_ms)
        run(load_now() + o.warm_ms * 1000000L, LONG_MAX);
    f = (struct load_figures){.cpu = -load_cpu(&o), .begin = load_now()};
    if (o.requests)
        run(INT64_MAX, o.requests);
    else
        run(f.begin + (int64_t)(o.seconds * 1e9), LONG_MAX);
    f.cpu += load_cpu(&o);
}

static void prepare(void)
{
    struct rlimit files;
    const char *end = o.mode == LOAD_CLOSE ? "Connection: close\r\n\r\n" : "\r\n";
    char one[LOAD_PATH_MAX + LOAD_HEADER_MAX + 128];
    int len = snprintf(one, sizeof one, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s%s%s", o.path,
                       o.port, o.header, *o.header ? "\r\n" : "", end);

    request_len = (size_t)len * (size_t)o.pipeline;
    request = malloc(request_len);
    conns = calloc((size_t)o.connections, sizeof *conns);
    ep = epoll_create1(EPOLL_CLOEXEC);
    if (!request || !conns || ep < 0)
        load_die("no memory");
    for (size_t i = 0; i < request_len; i += (size_t)len)
        memcpy(request + i, one, (size_t)len);
    for (int i = 0; i < o.connections; i++)
        conns[i].fd = -1;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* Connections that the server has neither closed nor sent anything on. */
static int still_open(void)
{
    int n = 0;

    for (int i = 0; i < o.connections; i++)
        n += conns[i].fd >= 0 && recv(conns[i].fd, buf, 1, MSG_PEEK) < 0 && errno == EAGAIN;
    return n;
}

int main(int argc, char **argv)
{
    load_options(&o, argc, argv);
    prepare();
    open_all();
    if (o.hold) { /* until standard input ends */
        printf("%d\n", still_open());
        fflush(stdout);
        while (read(STDIN_FILENO, buf, sizeof buf) > 0)
            ;
    } else {
        measure();
    }
    load_report(&f, o.mode == LOAD_KEEP ? still_open() : 0, answer.total);
    return 0;
}
