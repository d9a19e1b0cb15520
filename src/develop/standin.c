/*
 * The stand-in, as the tool sees it: a child that is started, told what to show, and sent away.
 *
 * sl_develop() comes here when there is no program to run, with the record that says why, and
 * before a program is started, which has to wait until nobody else accepts. What the child does is
 * in standin_app.c. It is forked and not executed anew: it is this program's own code, whoever the
 * program is, and this process has one thread.
 */
#include "develop/standin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"

#define LISTENER 3 /* in the child */
#define WIRE 4
#define HIGH 10               /* above both */
#define PATIENCE SL__SEC      /* how long it may take to leave */
#define DEATHS_MAX 3          /* it is not meant to die by itself at all */
#define ROOM ((int)(1 << 18)) /* of the wire: several of the largest records */

/* In the child. Whatever is open is the tool's: the watcher, the feed, the terminal's input. */
__attribute__((noreturn)) static void become(const struct sl__standin *s, int wire, pid_t parent)
{
    int listener = fcntl(s->listener, F_DUPFD, HIGH), own = fcntl(wire, F_DUPFD, HIGH);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || listener < 0 || own < 0)
        _exit(1);
    setpgid(0, 0); /* the keyboard's signals are for the tool */
    if (dup2(listener, LISTENER) < 0 || dup2(own, WIRE) < 0)
        _exit(1);
    close_range(WIRE + 1, ~0U, 0);
    sigprocmask(SIG_SETMASK, s->mask, NULL);
    sl__standin_serve();
}

static void ended(struct sl__watch *w, uint32_t events);
static void heard(struct sl__watch *w, uint32_t events);

static int start(struct sl__standin *s)
{
    pid_t parent = getpid();
    int ends[2], r = 0, room = ROOM;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    s->pid = fork();
    if (s->pid == 0)
        become(s, ends[1], parent);
    r = s->pid < 0 ? -errno : 0;
    close(ends[1]);
    s->wire = ends[0];
    if (r == 0) {
        s->life =
            (struct sl__watch){.fd = pidfd_open(s->pid, 0), .events = EPOLLIN, .ready = ended};
        r = s->life.fd < 0 ? -errno : sl__loop_add(s->loop, &s->life);
    }
    if (r == 0) {
        s->ear = (struct sl__watch){.fd = s->wire, .events = EPOLLIN, .ready = heard};
        r = sl__loop_add(s->loop, &s->ear);
    }
    if (r < 0)
        sl__standin_finish(s);
    return r;
}

static void forget(struct sl__standin *s)
{
    siginfo_t info;

    if (s->life.fd >= 0) {
        sl__loop_remove(s->loop, &s->life);
        close(s->life.fd);
    }
    if (s->wire >= 0) {
        sl__loop_remove(s->loop, &s->ear);
        close(s->wire);
    }
    while (s->pid > 0 && waitid(P_PID, (id_t)s->pid, &info, WEXITED) < 0 && errno == EINTR)
        ;
    s->life.fd = s->wire = -1;
    s->pid = 0;
    s->leaving = s->shut = false;
    sl__timer_stop(s->loop, &s->patience);
}

static int stand(struct sl__standin *s)
{
    int r = start(s);

    if (r == 0)
        sl__standin_tell(s, s->record, s->len);
    return r;
}

static void tell_left(struct sl__standin *s)
{
    void (*left)(void *self) = s->left;

    s->left = NULL;
    if (left)
        left(s->self);
}

/* It says one thing only. */
static void heard(struct sl__watch *w, uint32_t events)
{
    struct sl__standin *s = SL__OWNER(w, struct sl__standin, ear);
    char word[8];

    if (recv(w->fd, word, sizeof word, MSG_DONTWAIT) <= 0) {
        sl__loop_modify(s->loop, w, 0); /* it ends, which is heard elsewhere */
        return;
    }
    s->shut = true;
    tell_left(s);
}

/* As it was asked to, or it died: then there is a page that brings it down, or the machine is short
 * of something, and it is tried some more times. */
static void ended(struct sl__watch *w, uint32_t events)
{
    struct sl__standin *s = SL__OWNER(w, struct sl__standin, life);
    bool asked = s->leaving;

    forget(s);
    if (s->wanted && (asked || s->deaths++ < DEATHS_MAX))
        stand(s);
    tell_left(s);
}

static void too_long(struct sl__timer *t)
{
    struct sl__standin *s = SL__OWNER(t, struct sl__standin, patience);

    kill(s->pid, SIGKILL);
}

void sl__standin_init(struct sl__standin *s, struct sl__loop *l, const sigset_t *mask)
{
    *s = (struct sl__standin){
        .loop = l, .mask = mask, .life = {.fd = -1}, .wire = -1, .listener = -1};
    s->patience.fire = too_long;
}

void sl__standin_finish(struct sl__standin *s)
{
    if (!s->loop)
        return;
    if (s->pid > 0)
        kill(s->pid, SIGKILL);
    forget(s);
    s->wanted = false;
    sl__free(s->record);
    s->record = NULL;
}

int sl__standin_show(struct sl__standin *s, int listener, const char *record, size_t len)
{
    char *copy = sl__alloc(len + 1);

    memcpy(copy, record, len);
    copy[len] = 0;
    sl__free(s->record);
    s->record = copy;
    s->len = len;
    s->wanted = true;
    s->deaths = 0;
    s->listener = listener;
    s->left = NULL; /* who waited for an end has thought better of it */
    if (s->pid > 0) {
        sl__standin_tell(s, copy, len); /* to no avail if it leaves: then another will be told */
        return 0;
    }
    return stand(s);
}

void sl__standin_tell(struct sl__standin *s, const char *record, size_t len)
{
    if (s->wire >= 0)
        send(s->wire, record, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool sl__standin_stands(const struct sl__standin *s)
{
    return s->wanted;
}

pid_t sl__standin_pid(const struct sl__standin *s)
{
    return s->pid;
}

void sl__standin_leave(struct sl__standin *s, void (*left)(void *self), void *self)
{
    s->wanted = false;
    s->left = left;
    s->self = self;
    if (s->pid <= 0 || s->shut) {
        tell_left(s);
        return;
    }
    if (s->leaving)
        return;
    s->leaving = true;
    shutdown(s->wire, SHUT_WR);
    sl__timer_start(s->loop, &s->patience, s->loop->now + PATIENCE);
}
