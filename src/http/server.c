/*
 * The server of a worker: it lets connections in, counts them, and sees them out.
 *
 * Listening sockets are shared by all workers; a new connection comes in here, one accept per
 * wake-up, and leaves as a connection of http1/. Accepting pauses for three reasons, each with its
 * own end: the gate says that others have fewer connections (asked again every 20 ms), this worker
 * has as many as it may (until one is gone), or the process is out of descriptors (for 50 ms: the
 * connections it has go on being served). The end comes as drain, which leaves every client with
 * its answer, or as cut, which does not.
 */
#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "http/http1/conn.h"
#include "http/limits.h"

#define ASK_AGAIN (20 * SL__MS)
#define RETRY (50 * SL__MS)
#define OWN_FILES 128 /* descriptors left to the program, and to large messages: 64 of these */

enum pause { PAUSE_GATE = 1, PAUSE_LIMIT = 2, PAUSE_FILES = 4 };

struct listener {
    struct sl__watch watch;
    struct listener *next;
    struct sl__server *server;
    unsigned index;
};

struct sl__server {
    struct sl__conns conns;
    struct sl__gate *gate;
    struct sl__server_events events;
    struct listener *listeners, **last;
    unsigned listener_count;
    unsigned paused; /* enum pause */
    bool accepting;  /* asked to */
    bool listening;  /* the listeners are in the loop */
    bool told;       /* events.drained was called */
    struct sl__timer gate_timer, files_timer;
    struct sl__task end; /* events.drained, from nobody's callback */
};

static void watch_listeners(struct sl__server *s)
{
    bool on = s->accepting && s->paused == 0;

    if (on == s->listening)
        return;
    for (struct listener *l = s->listeners; l; l = l->next) {
        if (!on)
            sl__loop_remove(s->conns.loop, &l->watch);
        else if (sl__loop_add(s->conns.loop, &l->watch) < 0)
            s->paused |= PAUSE_FILES; /* epoll is out of memory: try again as for descriptors */
    }
    s->listening = on;
    if (on && s->paused) { /* removing what was not added does no harm */
        sl__timer_start(s->conns.loop, &s->files_timer, s->conns.loop->now + RETRY);
        watch_listeners(s);
    }
}

static void set_pause(struct sl__server *s, enum pause why, bool on)
{
    s->paused = on ? s->paused | why : s->paused & ~(unsigned)why;
    watch_listeners(s);
}

static void check_limit(struct sl__server *s)
{
    bool full = s->conns.count >= s->conns.limits.connections;

    if (full != ((s->paused & PAUSE_LIMIT) != 0))
        set_pause(s, PAUSE_LIMIT, full);
}

static void ask_gate(struct sl__server *s)
{
    bool too_many = s->accepting && s->gate && s->gate->too_many(s->gate);

    if (too_many)
        sl__timer_start(s->conns.loop, &s->gate_timer, s->conns.loop->now + ASK_AGAIN);
    if (too_many != ((s->paused & PAUSE_GATE) != 0))
        set_pause(s, PAUSE_GATE, too_many);
}

static void tell_gate(struct sl__server *s)
{
    if (s->gate)
        s->gate->set_connections(s->gate, s->conns.count);
}

static void on_gate_timer(struct sl__timer *t)
{
    ask_gate(SL__OWNER(t, struct sl__server, gate_timer));
}

static void on_files_timer(struct sl__timer *t)
{
    set_pause(SL__OWNER(t, struct sl__server, files_timer), PAUSE_FILES, false);
}

static void check_end(struct sl__server *s)
{
    if (s->conns.leaving != SL__STAY && s->conns.count == 0 && !s->told)
        sl__loop_defer(s->conns.loop, &s->end);
}

static void on_end(struct sl__task *t)
{
    struct sl__server *s = SL__OWNER(t, struct sl__server, end);

    if (s->conns.leaving == SL__STAY || s->conns.count > 0 || s->told)
        return;
    s->told = true;
    if (s->events.drained)
        s->events.drained(s->events.self);
}

static void on_waited(struct sl__conns *home, int64_t ns)
{
    struct sl__server *s = SL__OWNER(home, struct sl__server, conns);

    s->events.waited(s->events.self, ns);
}

static void on_gone(struct sl__conns *home)
{
    struct sl__server *s = SL__OWNER(home, struct sl__server, conns);

    tell_gate(s);
    check_limit(s);
    check_end(s);
}

static void on_give(struct sl__conns *home, int fd, unsigned listener)
{
    struct sl__server *s = SL__OWNER(home, struct sl__server, conns);

    s->events.give(s->events.self, fd, listener);
}

/* True if the kernel's answer is about that one connection, and the next may be fine. */
static bool only_this_one(int error)
{
    switch (-error) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM:
        return true;
    default:
        return false;
    }
}

/* Takes one connection. 0, or why not. */
static int accept_one(struct listener *l)
{
    struct sl__server *s = l->server;
    int fd = sl__sys_accept(l->watch.fd, NULL, NULL);
    int r = fd;

    if (fd >= 0) {
        r = sl__conn_open(&s->conns, fd, l->index);
        if (r == 0)
            tell_gate(s);
    }
    return r;
}

static void on_listener(struct sl__watch *w, uint32_t events)
{
    struct listener *l = SL__OWNER(w, struct listener, watch);
    struct sl__server *s = l->server;
    int r = accept_one(l);

    if (r == -EAGAIN || (r < 0 && only_this_one(r)))
        return;
    if (r < 0) { /* EMFILE, ENFILE, ENOBUFS, ENOMEM: at once it would only fail again */
        sl__timer_start(s->conns.loop, &s->files_timer, s->conns.loop->now + RETRY);
        set_pause(s, PAUSE_FILES, true);
        return;
    }
    check_limit(s);
    ask_gate(s);
}

static void take_all_queued(struct listener *l)
{
    int r;

    do
        r = accept_one(l);
    while (r == 0 || only_this_one(r));
}

static void close_listeners(struct sl__server *s, bool take_queued)
{
    struct listener *l;

    s->accepting = false;
    watch_listeners(s);
    while ((l = s->listeners)) {
        s->listeners = l->next;
        if (take_queued)
            take_all_queued(l);
        close(l->watch.fd);
        sl__free(l);
    }
    s->last = &s->listeners;
    sl__timer_stop(s->conns.loop, &s->gate_timer);
    sl__timer_stop(s->conns.loop, &s->files_timer);
}

static unsigned connections_by_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur > UINT32_MAX / 2)
        return UINT32_MAX / 2;
    return files.rlim_cur > 2 * OWN_FILES ? (unsigned)files.rlim_cur - OWN_FILES
                                          : (unsigned)files.rlim_cur / 2 + 1;
}

struct sl__server *sl__server_new(struct sl__loop *l, struct sl__service *service,
                                  const struct sl_limits *limits, struct sl__gate *gate,
                                  const struct sl__server_events *events)
{
    struct sl__server *s = sl__alloc_zeroed(sizeof(*s));

    sl__conns_init(&s->conns, l, service, limits);
    sl__limits_fill(&s->conns.limits);
    if (s->conns.limits.connections == 0)
        s->conns.limits.connections = connections_by_files();
    s->conns.gone = on_gone;
    s->gate = gate;
    if (events)
        s->events = *events;
    if (s->events.give)
        s->conns.give = on_give;
    if (s->events.waited)
        s->conns.waited = on_waited;
    s->last = &s->listeners;
    s->gate_timer.fire = on_gate_timer;
    s->files_timer.fire = on_files_timer;
    s->end.run = on_end;
    return s;
}

void sl__server_send_after(struct sl__server *s, struct sl__task *t)
{
    s->conns.before = t;
}

void sl__server_free(struct sl__server *s)
{
    if (!s)
        return;
    s->told = true;
    close_listeners(s, false);
    sl__conns_finish(&s->conns);
    sl__list_remove(&s->end.link);
    sl__free(s);
}

int sl__server_add_listener(struct sl__server *s, int fd)
{
    struct listener *l = sl__try_alloc_zeroed(sizeof(*l));
    int on = 1;

    if (!l) {
        close(fd);
        return -ENOMEM;
    }
    /* What it accepts inherits this; on a unix socket it fails, and is not needed. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    l->watch =
        (struct sl__watch){.fd = fd, .events = EPOLLIN | EPOLLEXCLUSIVE, .ready = on_listener};
    l->server = s;
    l->index = s->listener_count++;
    *s->last = l;
    s->last = &l->next;
    return 0;
}

int sl__server_accept(struct sl__server *s)
{
    s->accepting = true;
    tell_gate(s);
    watch_listeners(s);
    return 0;
}

int sl__server_adopt(struct sl__server *s, int fd, unsigned listener)
{
    int flags = fcntl(fd, F_GETFL), r;

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    r = sl__conn_open(&s->conns, fd, listener);
    if (r == 0) {
        tell_gate(s);
        check_limit(s);
    }
    return r;
}

void sl__server_drain(struct sl__server *s, enum sl__drain kind, int64_t grace_ns, bool take_queued)
{
    struct sl__link *link, *next, *all = &s->conns.all;

    /* With nobody to hand over to, reloading is stopping. */
    s->conns.leaving = kind == SL__DRAIN_STOP || !s->events.give ? SL__STOP : SL__HAND_OVER;
    s->conns.grace_end = s->conns.loop->now + grace_ns;
    close_listeners(s, take_queued);
    for (link = all->next; link != all; link = next) {
        next = link->next;
        sl__conn_leave(SL__OWNER(link, struct sl__conn, link));
    }
    check_end(s);
}

unsigned sl__server_cut(struct sl__server *s)
{
    struct sl__link *link, *next, *all = &s->conns.all;
    unsigned cut = 0;

    for (link = all->next; link != all; link = next) {
        next = link->next;
        cut += sl__conn_cut(SL__OWNER(link, struct sl__conn, link));
    }
    return cut;
}

unsigned sl__server_connections(const struct sl__server *s)
{
    return s->conns.count;
}

unsigned sl__server_requests(const struct sl__server *s)
{
    return s->conns.counted.serving;
}

const struct sl__counted *sl__server_counted(const struct sl__server *s)
{
    return &s->conns.counted;
}

uint64_t sl__server_served(const struct sl__server *s)
{
    return s->conns.counted.served;
}

bool sl__server_request_of(const struct sl__server *s, const struct sl__fiber *f,
                           struct sl__last_request *ret)
{
    return sl__conns_request_of(&s->conns, f, ret);
}

void sl__server_last_words(struct sl__server *s, const struct sl__fiber *culprit,
                           void (*tell)(void *self, const struct sl__orphan *o), void *self)
{
    sl__conns_last_words(&s->conns, culprit, tell, self);
}
