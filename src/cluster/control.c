/*
 * The control socket: lets clients of the same user in, hears their lines, and sends them answers.
 *
 * Comes from the master's loop and leaves to control_commands.c with a line. Nothing here waits:
 * answers that a client does not read are kept up to a limit, then the client goes. A client that
 * breaks is closed by a task of its own, behind everybody's back.
 */
#include "cluster/control.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "cluster/master_state.h"
#include "shallot/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 16
#define OUT_MAX ((size_t)1 << 20) /* what a client may leave unread */

static void close_client(struct sl__control_client *c)
{
    struct sl__master *m = c->master;

    sl__loop_remove(&m->loop, &c->watch);
    sl__timer_stop(&m->loop, &c->patience);
    sl__list_remove(&c->task.link);
    sl__list_remove(&c->link);
    close(c->watch.fd);
    sl__buf_finish(&c->out);
    m->control.count--;
    sl__free(c);
}

static void broke(struct sl__control_client *c)
{
    c->broken = true;
    sl__loop_defer(&c->master->loop, &c->task);
}

/* While it waits for an answer nothing is read from it, and only a full hang-up is seen: `echo
 * reload | socat ...` has closed its half long before. */
static void watch(struct sl__control_client *c)
{
    uint32_t events = c->wait == SL__CONTROL_IDLE && !c->ended ? EPOLLIN : 0;

    if (sl__buf_len(&c->out) > 0)
        events |= EPOLLOUT;
    if (!c->broken && sl__loop_modify(&c->master->loop, &c->watch, events) < 0)
        broke(c);
}

static void flush(struct sl__control_client *c)
{
    while (!c->broken && sl__buf_len(&c->out) > 0) {
        ssize_t n = sl__sys_send(c->watch.fd, c->out.data + c->out.at, sl__buf_len(&c->out), 0);

        if (n == -EAGAIN)
            break;
        if (n < 0)
            broke(c);
        else
            sl__buf_consume(&c->out, (size_t)n);
    }
}

/* All lines that are whole, as long as none has to be waited for. */
static void take_lines(struct sl__control_client *c)
{
    while (!c->broken && c->wait == SL__CONTROL_IDLE) {
        char line[SL__CONTROL_LINE];
        char *end = memchr(c->in, '\n', c->in_len);
        size_t len;

        if (!end) {
            if (c->in_len == sizeof c->in) {
                sl__control_fail(c, "a command has at most %d characters", SL__CONTROL_LINE - 1);
                flush(c);
                broke(c);
            }
            return;
        }
        len = (size_t)(end - c->in);
        memcpy(line, c->in, len);
        c->in_len -= len + 1;
        memmove(c->in, end + 1, c->in_len);
        c->seen = c->master->loop.now;
        sl__control_run(c, line, len);
    }
}

/* At the end of the tick: all that has been said to it leaves together. */
static void go_on(struct sl__task *t)
{
    struct sl__control_client *c = SL__OWNER(t, struct sl__control_client, task);

    if (!c->broken)
        take_lines(c);
    flush(c);
    if (c->ended && c->wait == SL__CONTROL_IDLE && sl__buf_len(&c->out) == 0)
        c->broken = true;
    watch(c);
    if (c->broken)
        close_client(c);
}

static void client_ready(struct sl__watch *w, uint32_t events)
{
    struct sl__control_client *c = SL__OWNER(w, struct sl__control_client, watch);

    if (events & EPOLLIN) {
        ssize_t n = sl__sys_recv(w->fd, c->in + c->in_len, sizeof c->in - c->in_len);

        if (n > 0)
            c->in_len += (size_t)n;
        else if (n == 0)
            c->ended = true;
        else if (n != -EAGAIN)
            c->broken = true;
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        c->broken = true;
    }
    sl__loop_defer(&c->master->loop, &c->task);
}

static bool may_command(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

/* Who has been silent for longest has no command under way that would be missed. */
static void make_room(struct sl__control *k)
{
    struct sl__control_client *oldest = NULL;

    if (k->count < CLIENTS_MAX)
        return;
    for (struct sl__link *at = k->clients.next; at != &k->clients; at = at->next) {
        struct sl__control_client *c = SL__OWNER(at, struct sl__control_client, link);

        if (!oldest || (c->wait == SL__CONTROL_IDLE) > (oldest->wait == SL__CONTROL_IDLE) ||
            ((c->wait == SL__CONTROL_IDLE) == (oldest->wait == SL__CONTROL_IDLE) &&
             c->seen < oldest->seen))
            oldest = c;
    }
    if (oldest)
        close_client(oldest);
}

struct sl__control_client *sl__control_add(struct sl__master *m, int fd)
{
    struct sl__control_client *c = sl__try_alloc_zeroed(sizeof *c);

    if (!c)
        return NULL;
    c->master = m;
    c->watch = (struct sl__watch){.fd = fd, .events = EPOLLIN, .ready = client_ready};
    c->task.run = go_on;
    c->seen = m->loop.now;
    sl__list_append(&m->control.clients, &c->link);
    m->control.count++;
    return c;
}

static void take_client(struct sl__master *m, int fd)
{
    struct sl__control_client *c = sl__control_add(m, fd);

    if (!c)
        close(fd);
    else if (sl__loop_add(&m->loop, &c->watch) < 0)
        close_client(c);
}

static void knock(struct sl__watch *w, uint32_t events)
{
    struct sl__control *k = SL__OWNER(w, struct sl__control, watch);
    struct sl__master *m = SL__OWNER(k, struct sl__master, control);
    int fd = sl__sys_accept(w->fd, NULL, NULL);

    if (fd < 0)
        return;
    if (!may_command(fd)) {
        close(fd);
        return;
    }
    make_room(k);
    take_client(m, fd);
}

static int open_socket(struct sl__control *k)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = sl__sys_socket(AF_UNIX, SOCK_STREAM, 0), r = 0;
    struct stat st;
    mode_t before;

    if (fd < 0)
        return fd;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", k->path);
    before = umask(0177);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0)
        r = -errno;
    umask(before);
    if (r == 0 && (listen(fd, 4 * CLIENTS_MAX) < 0 || stat(k->path, &st) < 0))
        r = -errno;
    if (r < 0) {
        close(fd);
        return r;
    }
    k->inode = st.st_ino;
    return fd;
}

/* A path of the program's own may hold the socket of one that was killed. */
static void remove_stale(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = sl__sys_socket(AF_UNIX, SOCK_STREAM, 0);
    struct stat st;

    if (fd < 0)
        return;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        connect(fd, (struct sockaddr *)&a, sizeof a) < 0 && errno == ECONNREFUSED)
        unlink(path);
    close(fd);
}

int sl__control_listen(struct sl__master *m)
{
    m->control.watch.events = EPOLLIN;
    m->control.watch.ready = knock;
    return sl__loop_add(&m->loop, &m->control.watch);
}

void sl__control_start(struct sl__master *m, const char *path)
{
    struct sl__control *k = &m->control;
    int r;

    if (path && strcmp(path, "off") == 0)
        return;
    if (path) {
        r = snprintf(k->path, sizeof k->path, "%s", path) < (int)sizeof k->path ? 0 : -ENAMETOOLONG;
        if (r == 0)
            remove_stale(path);
    } else {
        r = sl__control_place(m->config.name, getpid(), k->path);
        if (r == 0)
            sl__control_sweep(k->path);
    }
    if (r == 0)
        r = k->watch.fd = open_socket(k);
    if (r >= 0)
        r = sl__control_listen(m);
    if (r < 0)
        sl__log(SL__WARN,
                "no control socket at %s: %s; shallot status and its like will not find "
                "this program",
                k->path, sl_strerror(r));
}

void sl__control_stop(struct sl__master *m)
{
    struct sl__control *k = &m->control;
    struct stat st;

    if (!k->clients.next)
        return;
    while (!sl__list_empty(&k->clients)) {
        struct sl__control_client *c = SL__OWNER(k->clients.next, struct sl__control_client, link);

        flush(c);
        close_client(c);
    }
    if (k->watch.fd < 0)
        return;
    sl__loop_remove(&m->loop, &k->watch);
    close(k->watch.fd);
    k->watch.fd = -1;
    if (stat(k->path, &st) == 0 && st.st_ino == k->inode)
        unlink(k->path);
}

void sl__control_put(struct sl__control_client *c, char kind, const char *text, size_t len)
{
    if (c->broken)
        return;
    if (sl__buf_len(&c->out) + len > OUT_MAX || sl__control_compose(&c->out, kind, text, len) < 0)
        broke(c);
    else
        sl__loop_defer(&c->master->loop, &c->task);
}

__attribute__((format(printf, 3, 0))) static void put(struct sl__control_client *c, char kind,
                                                      const char *fmt, va_list args)
{
    char text[1024];
    int n = vsnprintf(text, sizeof text, fmt, args);

    if (n >= 0)
        sl__control_put(c, kind, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void sl__control_say(struct sl__control_client *c, char kind, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put(c, kind, fmt, args);
    va_end(args);
}

static void end_wait(struct sl__control_client *c)
{
    c->wait = SL__CONTROL_IDLE;
    c->wait_id = 0;
    sl__timer_stop(&c->master->loop, &c->patience);
}

void sl__control_done(struct sl__control_client *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put(c, '.', fmt, args);
    va_end(args);
    end_wait(c);
}

void sl__control_fail(struct sl__control_client *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put(c, '!', fmt, args);
    va_end(args);
    end_wait(c);
}

void sl__control_over(struct sl__master *m, enum sl__control_wait wait, uint32_t id,
                      const char *error, const char *done)
{
    struct sl__control *k = &m->control;

    for (struct sl__link *at = k->clients.next; at && at != &k->clients; at = at->next) {
        struct sl__control_client *c = SL__OWNER(at, struct sl__control_client, link);

        if (c->wait != wait || (id && c->wait_id != id))
            continue;
        if (error)
            sl__control_fail(c, "%s", error);
        else
            sl__control_done(c, "%s", done);
    }
}

void sl__control_progress(struct sl__master *m, const char *line)
{
    struct sl__control *k = &m->control;

    for (struct sl__link *at = k->clients.next; at && at != &k->clients; at = at->next) {
        struct sl__control_client *c = SL__OWNER(at, struct sl__control_client, link);

        if (c->wait == SL__CONTROL_RELOAD || c->wait == SL__CONTROL_UPGRADE ||
            c->wait == SL__CONTROL_RESTART)
            sl__control_say(c, '~', "%s", line);
    }
}
