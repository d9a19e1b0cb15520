/*
 * After a crash: the master's end of what crash.c does in the worker.
 *
 * Messages come in over the datagram pair, while the worker still dies; its death comes from
 * crew.c, when everything it had said has been heard. Out go sockets to aftermath_orphans.c, lines
 * to the log, and a record to a helper (aftermath_helper.c) that finds names for its addresses.
 */
#include "cluster/aftermath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/sys.h"
#include "cluster/feed.h"
#include "cluster/master_state.h"
#include "cluster/memfd.h"
#include "shallot/error.h"

#define MESSAGES_MAX 64 /* in a row, before others have their turn */
#define ROOM (1 << 20)  /* in the pair: ten thousand connections leave in 50 messages */

static void log_line(void *self, const char *text)
{
    const enum sl__level *level = self;

    sl__log(*level, "%s", text);
}

static const char *why_not(int error)
{
    return error == -EAGAIN ? "other crashes are being reported" : sl_strerror(error);
}

static void report(struct sl__master *m, unsigned slot, const struct sl__crash_record *r,
                   unsigned generation)
{
    enum sl__level level = r->kind == SL__CRASH_DEATH ? SL__ERROR : SL__WARN;
    int e;

    sl__crash_describe(r, log_line, &level);
    e = sl__namer_start(m, slot, r, generation, NULL, NULL);
    if (e < 0)
        sl__log(level, "  no backtrace: %s", why_not(e));
}

static void keep_line(void *self, const char *text)
{
    sl__buf_append(self, text, strlen(text));
    sl__buf_append(self, "\n", 1);
}

/* In development under a tool: in one piece, with the names, and not in the log. */
static void tell(struct sl__master *m, const struct sl__member *w, const struct sl__crash_record *r)
{
    const char *then = sl__master_what_then(m, w);
    struct sl__buf words = {0};
    char line[160];
    int e;

    sl__crash_describe(r, keep_line, &words);
    e = sl__namer_start(m, w->slot, r, w->generation, then, &words);
    if (e < 0) {
        snprintf(line, sizeof line, "  no backtrace: %s", why_not(e));
        keep_line(&words, line);
        sl__buf_append(&words, "", 1);
        sl__master_tell_death(r->worker, r->signal, then, words.data + words.at);
    }
    sl__buf_finish(&words);
}

static bool read_record(struct sl__master *m, unsigned slot, enum sl__crash_kind kind,
                        const struct sl__member *w, struct sl__crash_record *ret)
{
    int64_t at = (int64_t)slot * SL__CRASH_AREA;
    ssize_t n = pread(m->aftermath.memory, ret, sizeof *ret, at);

    if (n != sizeof *ret || ret->magic != SL__CRASH_MAGIC || ret->kind != (uint32_t)kind ||
        ret->worker != w->id || ret->pid != w->pid)
        return false;
    ret->method[sizeof ret->method - 1] = ret->path[sizeof ret->path - 1] = '\0';
    ret->label[sizeof ret->label - 1] = ret->said[sizeof ret->said - 1] = '\0';
    return true;
}

/* Gives its memory back, and nobody finds an old record there. */
static void clear_area(struct sl__master *m, unsigned slot)
{
    fallocate(m->aftermath.memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              (off_t)slot * SL__CRASH_AREA, SL__CRASH_AREA);
}

static void blocked(struct sl__master *m, struct sl__member *w)
{
    struct sl__crash_record r;

    if (w && read_record(m, w->slot, SL__CRASH_BLOCKED, w, &r))
        report(m, w->slot, &r, w->generation);
}

/* The descriptors of one message, however many there were. */
static unsigned take_descriptors(struct msghdr *msg, int *ret)
{
    unsigned count = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t size = c->cmsg_len - CMSG_LEN(0);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        memcpy(ret + count, CMSG_DATA(c), size);
        count += (unsigned)(size / sizeof(int));
    }
    return count;
}

static void take_message(struct sl__master *m, const struct sl__crash_message *msg, const int *fds,
                         unsigned count)
{
    struct sl__member *w = sl__crew_find(&m->crew, msg->worker);

    if (msg->count == 0 && count == 0)
        blocked(m, w);
    else if (w)
        w->dying = true;
    for (unsigned i = 0; i < count; i++) {
        if (i < msg->count && i < SL__CRASH_BATCH && msg->notes[i].fate < SL__FATE_COUNT)
            sl__orphan_take(m, w, fds[i], &msg->notes[i]);
        else
            close(fds[i]);
    }
}

/* False when there is none. */
static bool receive(struct sl__master *m)
{
    union {
        char room[CMSG_SPACE(253 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct sl__crash_message msg;
    struct iovec part = {.iov_base = &msg, .iov_len = sizeof msg};
    struct msghdr head = {.msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof control};
    int fds[254];
    unsigned count;
    ssize_t n = sl__sys_recvmsg(m->aftermath.watch.fd, &head, MSG_DONTWAIT);

    if (n < 0)
        return false;
    count = take_descriptors(&head, fds);
    if (n != sizeof msg || msg.magic != SL__CRASH_MAGIC)
        msg.count = 1, msg.worker = 0, msg.notes[0].fate = SL__FATE_COUNT;
    take_message(m, &msg, fds, count);
    return true;
}

void sl__aftermath_pump(struct sl__master *m)
{
    for (int i = 0; m->aftermath.watch.fd >= 0 && i < MESSAGES_MAX && receive(m); i++)
        ;
}

static void on_ready(struct sl__watch *watch, uint32_t events)
{
    sl__aftermath_pump(SL__OWNER(watch, struct sl__master, aftermath.watch));
}

/* For those who look back. */
static void write_down(struct sl__master *m, const struct sl__member *w,
                       const struct sl__crash_record *r, int code, int signal)
{
    char text[SL__EVENT_TEXT];
    const char *name = signal ? sigabbrev_np(signal) : NULL;

    if (r)
        sl__crash_brief(r, text, sizeof text);
    else if (w->reason[0])
        snprintf(text, sizeof text, "%s", w->reason);
    else if (name)
        snprintf(text, sizeof text, "ended by SIG%s", name);
    else if (signal)
        snprintf(text, sizeof text, "ended by signal %d", signal);
    else
        snprintf(text, sizeof text, "exit code %d", code);
    sl__board_event(m->board.events, &(sl_event){.kind = r ? SL_EVENT_CRASHED : SL_EVENT_DIED,
                                                 .worker = (int)w->id,
                                                 .pid = w->pid,
                                                 .generation = w->generation,
                                                 .code = code,
                                                 .signal = signal,
                                                 .text = text});
}

bool sl__aftermath_died(struct sl__master *m, struct sl__member *w, int code, int signal)
{
    struct sl__crash_record r;

    if (!read_record(m, w->slot, SL__CRASH_DEATH, w, &r)) {
        if (!w->leaving)
            write_down(m, w, NULL, code, signal);
        return false;
    }
    r.stuck_ms = w->stuck_ms;
    r.culprits = w->left.culprits;
    r.bystanders = w->left.bystanders;
    r.idle = w->left.idle;
    write_down(m, w, &r, code, signal);
    if (sl__feed_open())
        tell(m, w, &r);
    else
        report(m, w->slot, &r, w->generation);
    clear_area(m, w->slot);
    return true;
}

void sl__aftermath_init(struct sl__aftermath *a)
{
    *a = (struct sl__aftermath){.memory = -1, .worker_end = -1, .watch = {.fd = -1}};
    sl__list_init(&a->orphans);
    sl__list_init(&a->held);
    sl__list_init(&a->namers);
}

static int open_pair(struct sl__aftermath *a)
{
    int ends[2], room = ROOM;

    /* Datagrams, because all workers share one end: each is whole, or is not. */
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    a->watch = (struct sl__watch){.fd = ends[0], .events = EPOLLIN, .ready = on_ready};
    a->worker_end = ends[1];
    return 0;
}

int sl__aftermath_start(struct sl__master *m)
{
    struct sl__aftermath *a = &m->aftermath;
    int r;

    sl__crash_choose_folder(m->config.crash_dir, a->folder, sizeof a->folder);
    if (m->config.user)
        sl__crash_give_folder(a->folder, m->config.user);
    sl__board_introduce(m->board.events, m->config.name, a->folder);
    a->memory = sl__memfd_create("shallot-crashes");
    if (a->memory < 0)
        return a->memory;
    /* It grows as workers die: the room for all of them at once may be more than a file may have
     * here (RLIMIT_FSIZE), and then only the report is lost. */
    r = open_pair(a);
    if (r == 0)
        r = sl__loop_add(&m->loop, &a->watch);
    if (r == 0)
        sl__watchdog_start(m);
    return r;
}

void sl__aftermath_stop(struct sl__master *m)
{
    struct sl__aftermath *a = &m->aftermath;

    if (a->memory < 0)
        return;
    sl__watchdog_stop(m);
    sl__namers_finish(m);
    sl__orphans_finish(m);
    if (a->watch.fd >= 0) {
        sl__loop_remove(&m->loop, &a->watch);
        close(a->watch.fd);
        close(a->worker_end);
    }
    close(a->memory);
    a->memory = a->worker_end = a->watch.fd = -1;
}

void sl__aftermath_archive(struct sl__master *m, struct sl__archive *a)
{
    sl__archive_mark(a, "CRSH");
    sl__archive_fd(a, &m->aftermath.memory);
    sl__archive_fd(a, &m->aftermath.watch.fd);
    sl__archive_fd(a, &m->aftermath.worker_end);
    sl__archive_text(a, m->aftermath.folder, sizeof m->aftermath.folder);
}

int sl__aftermath_resume(struct sl__master *m)
{
    struct sl__aftermath *a = &m->aftermath;

    /* A program that was root has the folder made for it then, unless it names another one now. */
    if (!m->config.user || m->config.crash_dir || getenv("SHALLOT_CRASH_DIR"))
        sl__crash_choose_folder(m->config.crash_dir, a->folder, sizeof a->folder);
    sl__board_introduce(m->board.events, m->config.name, a->folder);
    a->watch.events = EPOLLIN;
    a->watch.ready = on_ready;
    sl__watchdog_start(m);
    return sl__loop_add(&m->loop, &a->watch);
}
