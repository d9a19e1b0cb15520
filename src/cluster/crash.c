/*
 * The crash handler of a worker: what still can be done for others by a process that is broken.
 *
 * A fatal signal comes in, on the alternate stack of its thread. Everything to be done is a list of
 * stages, each begun once: a fault inside of one enters the handler anew, which goes on with the
 * next. Whatever happens the process is dead within two seconds, by the signal that began it.
 *
 * Only the thread that crashed first comes to the stages. Another one that crashes is parked; and
 * when it was not the loop's own thread that crashed, that one is made to stop first, by a signal
 * that brings it here.
 */
#include "cluster/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fatal.h"
#include "cluster/crash_state.h"
#include "cluster/role.h"
#include "cluster/scoreboard.h"

#define LIMIT_S 2
#define STOP_MS 100   /* until the loop's thread has stopped */
#define SEND_MS 20    /* for room in the pair, each time */
#define SEND_TRIES 50 /* in all */

struct sl__crash sl__crash_here = {.memory = -1, .socket = -1};

static struct sigaction earlier[SL__FATAL_COUNT];
static _Atomic pid_t owner; /* thread that crashed first; 0: none */
static _Atomic int loop_stopped;
static volatile sig_atomic_t stage, tries;
static int first_signal;
static const siginfo_t *first_info; /* on the alternate stack, which stays */
static const void *first_context;

static struct sl__crash_message message;
static int descriptors[SL__CRASH_BATCH];

static int index_of(int signal)
{
    int i = 0;

    while (i < SL__FATAL_COUNT - 1 && sl__fatal_signals[i] != signal)
        i++;
    return i;
}

/* Until the process is gone. */
_Noreturn static void park(void)
{
    if (gettid() == sl__crash_here.pid)
        atomic_store(&loop_stopped, 1);
    for (;;)
        pause();
}

static void die_by(int signal)
{
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigset_t set;

    sigaction(signal, &by_default, NULL);
    sigemptyset(&set);
    sigaddset(&set, signal);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    syscall(SYS_tgkill, getpid(), gettid(), signal);
    kill(getpid(), signal); /* for when this thread cannot take it */
}

static void on_limit(int signal)
{
    (void)signal;
    die_by(first_signal);
}

static void set_limit(void)
{
    struct sigaction limit = {.sa_handler = on_limit, .sa_flags = SA_ONSTACK};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;

    sigaction(SIGALRM, &limit, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); /* of our own writing */
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    alarm(LIMIT_S);
}

/* Sends what has been gathered, in one message. */
static void flush(void)
{
    union {
        char room[CMSG_SPACE(sizeof(descriptors))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = &message, .iov_len = sizeof(message)};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    size_t size = message.count * sizeof(int);

    if (size > 0) {
        struct cmsghdr *c = &control.align;

        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(size);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(c), descriptors, size);
    }
    while (sendmsg(sl__crash_here.socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        /* ETOOMANYREFS: too many descriptors under way, which is no state that poll() knows. */
        struct pollfd p = {.fd = errno == ETOOMANYREFS ? -1 : sl__crash_here.socket,
                           .events = POLLOUT};

        if (errno == EINTR)
            continue;
        if ((errno != EAGAIN && errno != ENOBUFS && errno != ETOOMANYREFS) || tries >= SEND_TRIES)
            break; /* then these end with the process */
        tries++;
        poll(&p, 1, SEND_MS);
    }
    message.count = 0;
}

void sl__crash_notify(void)
{
    message.magic = SL__CRASH_MAGIC;
    message.worker = sl__crash_here.worker;
    message.count = 0;
    flush();
}

void sl__crash_tell(int fd, enum sl__crash_fate fate, unsigned listener, bool head)
{
    unsigned i = message.count;

    message.notes[i] = (struct sl__crash_note){(uint8_t)fate, head, (uint16_t)listener};
    descriptors[i] = fd;
    message.count = i + 1;
    /* The culprit's client has its answer before anything else is done. */
    if (fate == SL__FATE_CULPRIT || message.count == SL__CRASH_BATCH)
        flush();
}

static void note_first(void)
{
    sl__crash_note_signal(SL__CRASH_DEATH, first_signal, first_info, first_context);
}

static void stop_loop(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    if (gettid() == sl__crash_here.pid)
        return;
    syscall(SYS_tgkill, sl__crash_here.pid, sl__crash_here.pid, SIGABRT);
    for (int i = 0; i < STOP_MS && !atomic_load(&loop_stopped); i++)
        nanosleep(&moment, NULL);
}

static void say_last_words(void)
{
    message.magic = SL__CRASH_MAGIC;
    message.worker = sl__crash_here.worker;
    message.count = 0;
    if (sl__crash_here.hooks.last_words)
        sl__crash_here.hooks.last_words(sl__crash_here.hooks.self);
}

static void flush_rest(void)
{
    if (message.count > 0)
        flush();
}

static void (*const stages[])(void) = {
    set_limit,
    note_first,
    stop_loop,
    sl__crash_note_blame,
    sl__crash_write,
    say_last_words,
    flush_rest,
    sl__crash_note_modules,
    sl__crash_note_stack,
    sl__crash_write,
};

/* Back to whoever handled it before: a fault is repeated by returning, with its registers as they
 * were; a signal that was sent is sent again. */
static void leave(int signal, const siginfo_t *info)
{
    sigaction(signal, &earlier[index_of(signal)], NULL);
    if (info->si_code <= 0)
        syscall(SYS_tgkill, getpid(), gettid(), signal);
}

static void on_crash(int signal, siginfo_t *info, void *context)
{
    const int count = sizeof(stages) / sizeof(stages[0]);
    pid_t self = gettid(), nobody = 0;
    bool first;

    if (getpid() != sl__crash_here.pid) { /* a child that was forked, and is none of ours */
        leave(signal, info);
        return;
    }
    first = atomic_compare_exchange_strong(&owner, &nobody, self);
    if (!first && nobody != self)
        park();
    if (first && sl__crash_here.debugged) {
        sl__crash_here.debugged = false;
        sl__crash_here.dying = 1; /* later, perhaps; it is no tick any more in any case */
        if (sl__crash_await_debugger(signal, info)) {
            atomic_store(&owner, 0);
            return;
        }
    }
    if (first) {
        sl__crash_here.dying = 1;
        first_signal = signal;
        first_info = info;
        first_context = context;
    } else if (stage >= count) { /* a sanitizer that has reported the first aborts */
        leave(signal, info);
        return;
    }
    while (stage < count) {
        void (*run)(void) = stages[stage];

        stage++;
        run();
    }
    if (first)
        leave(signal, info);
    else
        die_by(first_signal);
}

void sl__crash_end(void)
{
    if (sl__crash_here.memory < 0 || getpid() != sl__crash_here.pid)
        return;
    if (stage < (int)(sizeof(stages) / sizeof(stages[0])))
        syscall(SYS_tgkill, getpid(), gettid(), SIGABRT); /* comes to on_crash() */
    die_by(first_signal ? first_signal : SIGABRT);
}

int sl__crash_install(const struct sl__crash_hooks *hooks)
{
    struct sigaction act = {.sa_sigaction = on_crash,
                            .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    const struct sl__role *role = sl__role();

    if (role->crash_memory < 0 || role->crash_socket < 0)
        return -ENOTSUP;
    sl__crash_here.hooks = *hooks;
    sl__crash_here.memory = role->crash_memory;
    sl__crash_here.socket = role->crash_socket;
    sl__crash_here.area = (int64_t)role->slot * SL__CRASH_AREA;
    sl__crash_here.worker = role->worker;
    sl__crash_here.pid = getpid();
    sl__crash_here.debugged = sl__crash_wants_debugger();
    sigemptyset(&act.sa_mask);
    for (int i = 0; i < SL__FATAL_COUNT; i++)
        if (sigaction(sl__fatal_signals[i], &act, &earlier[i]) < 0)
            return -errno;
    sl__crash_hear_sanitizer();
    return 0;
}

void sl__crash_uninstall(void)
{
    struct sigaction now;

    if (sl__crash_here.memory < 0)
        return;
    for (int i = 0; i < SL__FATAL_COUNT; i++)
        if (sigaction(sl__fatal_signals[i], NULL, &now) == 0 && now.sa_flags & SA_SIGINFO &&
            now.sa_sigaction == on_crash)
            sigaction(sl__fatal_signals[i], &earlier[i], NULL);
    sl__crash_here.memory = -1;
}

void sl__crash_retire(void)
{
    sl__crash_here.hooks.last_words = NULL;
    sl__crash_here.hooks.blame = NULL;
}
