/*
 * The worker of the harness: serves lines over TCP, keeps a count in step by the bus, hands its
 * connections over, and misbehaves as the file "code" tells it.
 */
#include "harness_inside.h"

#include "base/sys.h"
#include "cluster/role.h"
#include "cluster/scoreboard.h"
#include "cluster/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    struct sl__link link;
    struct sl__watch watch;
    unsigned listener;
};

static struct {
    struct sl__loop loop;
    struct sl__worker *worker;
    struct sl__scoreboard board;
    struct sl__watch listeners[4];
    struct sl__link connections;
    int ports[4];
    uint64_t count;
    bool leaving;
    char code[256];
} me;

static bool code(const char *word)
{
    return strstr(me.code, word) != NULL;
}

static struct sl__slot *slot(void)
{
    return &me.board.slots[sl__role()->slot];
}

static void drop(struct connection *c)
{
    sl__loop_remove(&me.loop, &c->watch);
    close(c->watch.fd);
    sl__list_remove(&c->link);
    free(c);
}

static int send_message(uint32_t target, const char *topic, const void *body, size_t len)
{
    struct sl__frame_head head = {.type = SL__FRAME_SEND, .target = target, .body_len = len};

    return sl__channel_send(sl__worker_channel(me.worker), &head, topic, body, -1);
}

/* More than the master reads in one go, and then a sudden end. */
__attribute__((noreturn)) static void burst(void)
{
    static char body[30000];

    for (int i = 0; i < 100; i++)
        send_message(SL__TO_MASTER, "burst", body, sizeof body);
    while (sl__channel_flush(sl__worker_channel(me.worker)) == -EAGAIN)
        usleep(1000);
    _exit(3);
}

static void answer(struct connection *c, char *line)
{
    char text[128];
    int n;

    if (strcmp(line, "count") == 0)
        n = snprintf(text, sizeof text, "%llu\n", (unsigned long long)me.count);
    else
        n = snprintf(text, sizeof text, "worker %u\n", sl__role()->worker);
    if (strcmp(line, "add") == 0)
        send_message(SL__TO_ALL, "add", NULL, 0);
    if (strcmp(line, "master") == 0)
        send_message(SL__TO_MASTER, "hello", "to you", 7);
    if (strcmp(line, "large") == 0) {
        char *body = calloc(1, 200000);

        send_message(SL__TO_MASTER, "large", body, 200000);
        free(body);
    }
    if (strcmp(line, "nonsense") == 0)
        send_message(SL__TO_ALL, "", NULL, 0);
    if (strcmp(line, "burst") == 0)
        burst();
    if (strcmp(line, "crash") == 0)
        abort();
    slot()->served++;
    if (send(c->watch.fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
        drop(c);
}

static void connection_ready(struct sl__watch *w, uint32_t events)
{
    struct connection *c = SL__OWNER(w, struct connection, watch);
    char line[128];
    ssize_t n = recv(w->fd, line, sizeof line - 1, 0);

    if (n <= 0) {
        drop(c);
        return;
    }
    line[n] = 0;
    line[strcspn(line, "\n")] = 0;
    answer(c, line);
}

static void keep(int fd, unsigned listener)
{
    struct connection *c = calloc(1, sizeof *c);

    c->listener = listener;
    c->watch = (struct sl__watch){.fd = fd, .events = EPOLLIN, .ready = connection_ready};
    sl__list_append(&me.connections, &c->link);
    sl__loop_add(&me.loop, &c->watch);
}

static void listener_ready(struct sl__watch *w, uint32_t events)
{
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0)
        keep(fd, (unsigned)(w - me.listeners));
}

static void on_listener(void *self, unsigned index, int fd)
{
    struct sockaddr_in a = {0};
    socklen_t len = sizeof a;

    getsockname(fd, (struct sockaddr *)&a, &len);
    me.ports[index] = a.sin_family == AF_INET ? ntohs(a.sin_port) : 0;
    me.listeners[index] = (struct sl__watch){.fd = fd, .events = EPOLLIN, .ready = listener_ready};
}

static void joined(void)
{
    if (code("mute"))
        return;
    for (unsigned i = 0; i < 4 && me.listeners[i].fd >= 0; i++)
        sl__loop_add(&me.loop, &me.listeners[i]);
    slot()->accepting = 1;
    sl__worker_ready(me.worker);
    harness_say("worker %u ready pid %d ports %d %d count %llu", sl__role()->worker, getpid(),
                me.ports[0], me.ports[1], (unsigned long long)me.count);
    if (code("child") && fork() == 0) { /* leaves a grandchild to whoever adopts it */
        if (fork() == 0) {
            harness_say("grandchild %d", getpid());
            _exit(0);
        }
        _exit(0);
    }
    if (code("stuck")) {
        sl__channel_flush(sl__worker_channel(me.worker));
        for (;;)
            pause();
    }
}

static void on_bus(void *self, struct sl__frame *f)
{
    struct sl__frame_head state = {
        .type = SL__FRAME_STATE, .target = f->head.target, .body_len = 8};

    switch (f->head.type) {
    case SL__FRAME_MESSAGE:
        if (strcmp(f->topic, "add") == 0)
            me.count++;
        else
            harness_say("worker %u got %s from %u", sl__role()->worker, f->topic, f->head.from);
        break;
    case SL__FRAME_ASK:
        sl__channel_send(sl__worker_channel(me.worker), &state, NULL, &me.count, -1);
        break;
    case SL__FRAME_JOIN_STATE:
        if (f->body && f->head.body_len == 8)
            memcpy(&me.count, f->body, 8);
        break;
    case SL__FRAME_JOINED:
        joined();
        break;
    default:
        break;
    }
    if (f->fd >= 0)
        close(f->fd);
}

static void on_adopt(void *self, unsigned index, int fd)
{
    harness_say("worker %u adopts from listener %u", sl__role()->worker, index);
    keep(fd, index);
}

static void on_drain(void *self, enum sl__drain_kind kind, int64_t deadline_ns, int64_t grace_ns)
{
    harness_say("worker %u drains %d %lld %lld", sl__role()->worker, (int)kind,
                (long long)deadline_ns / 1000000, (long long)grace_ns / 1000000);
    slot()->accepting = 0;
    if (code("slow"))
        return;
    while (kind == SL__LEAVE_HAND_OVER && !sl__list_empty(&me.connections)) {
        struct connection *c = SL__OWNER(me.connections.next, struct connection, link);

        sl__worker_give(me.worker, dup(c->watch.fd), c->listener);
        drop(c);
    }
    me.leaving = true;
    sl__loop_stop(&me.loop);
}

static void on_orphaned(void *self)
{
    harness_say("worker %u orphaned", sl__role()->worker);
    sl__loop_stop(&me.loop);
}

static void fill_hello(struct sl__hello *h)
{
    const char *taken = getenv("TEST_TAKEN");
    int port = atoi(getenv("TEST_PORT"));

    *h = (struct sl__hello){.instances = (uint32_t)atoi(getenv("TEST_INSTANCES")),
                            .drain_ms = 300,
                            .grace_ms = 70,
                            .ready_ms = 10000,
                            .shares = true,
                            .endpoint_count = 1};
    if (code("three"))
        h->instances = 3;
    strcpy(h->endpoints[0].host, "127.0.0.1");
    h->endpoints[0].port = port;
    if (code("second") || code("taken")) {
        h->endpoint_count = 2;
        strcpy(h->endpoints[1].host, "127.0.0.1");
        h->endpoints[1].nth = 1;
        if (code("taken"))
            h->endpoints[1].port = taken ? atoi(taken) : 1;
    }
    if (code("unix")) {
        h->endpoint_count = 2;
        snprintf(h->endpoints[1].unix_path, sizeof h->endpoints[1].unix_path, "%s/socket",
                 getenv("TEST_FOLDER"));
    }
}

int harness_worker(void)
{
    const struct sl__worker_events events = {.listener = on_listener,
                                             .bus = on_bus,
                                             .adopt = on_adopt,
                                             .drain = on_drain,
                                             .orphaned = on_orphaned};
    struct sl__hello hello;

    harness_read_code(me.code, sizeof me.code);
    sl__list_init(&me.connections);
    for (int i = 0; i < 4; i++)
        me.listeners[i].fd = -1;
    if (code("exit"))
        return 5;
    if (sl__loop_init(&me.loop) < 0 || sl__scoreboard_attach(&me.board, sl__role()->scoreboard) < 0)
        return 6;
    fill_hello(&hello);
    me.worker = sl__worker_new(&me.loop, &hello, NULL, 4 << 20, &events);
    if (!me.worker)
        return 7;
    if (code("die")) {
        sl__worker_failed(me.worker, "the database is away");
        sl__worker_free(me.worker);
        sl__loop_finish(&me.loop);
        return 9;
    }
    sl__loop_run(&me.loop);
    if (me.leaving)
        sl__channel_flush(sl__worker_channel(me.worker));
    while (!sl__list_empty(&me.connections))
        drop(SL__OWNER(me.connections.next, struct connection, link));
    for (int i = 0; i < 4; i++)
        if (me.listeners[i].fd >= 0)
            close(me.listeners[i].fd);
    sl__worker_free(me.worker);
    sl__scoreboard_finish(&me.board);
    sl__loop_finish(&me.loop);
    return 0;
}
