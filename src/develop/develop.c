/*
 * Development of a program from outside: sl_develop(), on which `shallot dev` is written.
 *
 * Three states: building, waiting for a change, running. While the program runs it is its own
 * master with its own watcher and builds, so this process only stands by: it hands signals on and
 * waits for the end. It watches and builds itself as long as there is nothing that runs.
 *
 * The listening socket is ours all the time (address.c) and lent to the program. While there is
 * none that starts, the stand-in (standin.c) serves what there is to say on it, and has gone before
 * the program is started.
 *
 * The program gets a process group of its own and the terminal's signals through us, so that each
 * arrives exactly once, whether it was sent to this process, to its group or by the keyboard: a
 * second one would mean "at once" to the master.
 */
#include "shallot/develop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "cluster/build.h"
#include "cluster/role.h"
#include "cluster/watch.h"
#include "develop/address.h"
#include "develop/standin.h"
#include "loop/signals.h"

#define SAME_FILE_MAX                                                                              \
    3 /* restarts of a build because of one file, until it is taken for a product */

struct develop {
    sl_development d;
    struct sl__loop loop;
    struct sl__signals signals;
    struct sl__tree *tree;   /* NULL while the program runs */
    struct sl__build *build; /* NULL: nothing to build */
    struct sl__watch child;  /* pidfd; -1: it does not run */
    struct sl__task bury;    /* as PID 1: strangers */
    struct sl__address address;
    struct sl__standin standin;
    pid_t pid;
    bool had_terminal;
    int status;
    char restarted_for[PATH_MAX]; /* the file that interrupted the build */
    unsigned restarts;            /* how often in a row */
};

static void say(struct develop *v, sl_development_event event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct develop *v, sl_development_event event, const char *fmt, ...)
{
    static const struct {
        enum sl__level level;
        const char *prefix;
    } lines[] = {
        [SL_DEV_BUILT] = {SL__INFO, "built in "},
        [SL_DEV_FAILED] = {SL__ERROR, "build failed: "},
        [SL_DEV_CRASHED] = {SL__ERROR, ""},
        [SL_DEV_TROUBLE] = {SL__ERROR, ""},
        [SL_DEV_WAITING] = {SL__INFO, "waiting for changes in "},
        [SL_DEV_CHANGED] = {SL__INFO, "changed: "},
    };
    char text[PATH_MAX + 512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (v->d.say)
        v->d.say(v->d.self, event, text);
    else
        sl__log(lines[event].level, "%s%s", lines[event].prefix, text);
}

static const char *root_of(const struct develop *v)
{
    return v->d.watch ? v->d.watch : ".";
}

static void end(struct develop *v, int status)
{
    v->status = status;
    sl__loop_stop(&v->loop);
}

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* The stand-in */

/* @p why stands in the record's first line, @p text below it. */
static void stand_in(struct develop *v, const char *kind, const char *why, const char *text)
{
    char error[512], head[PATH_MAX + 512];
    size_t len, text_len = strlen(text);
    char *record;
    int r;

    if (!sl__address_ensure(&v->address, error, sizeof error)) {
        say(v, SL_DEV_TROUBLE, "%s", error);
        return;
    }
    len = (size_t)snprintf(head, sizeof head, "%s\twhy=%s\n", kind, why);
    len = len < sizeof head ? len : sizeof head - 1;
    record = sl__alloc(len + text_len);
    memcpy(record, head, len);
    memcpy(record + len, text, text_len);
    r = sl__standin_show(&v->standin, v->address.fd, record, len + text_len);
    sl__free(record);
    if (r < 0)
        say(v, SL_DEV_TROUBLE, "cannot serve the page of it: %s", strerror(-r));
}

/* The program */

static void child_ended(struct sl__watch *w, uint32_t events);
static void wait_for_change(struct develop *v);

/* In the child. */
__attribute__((noreturn)) static void become(struct develop *v, pid_t parent, int report)
{
    int error;

    report = fcntl(report, F_DUPFD_CLOEXEC, 10); /* out of the way of what is lent */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    setenv("SHALLOT_MODE", "development", 1);
    if (v->d.build)
        setenv("SHALLOT_BUILD", v->d.build, 1);
    if (v->d.watch)
        setenv("SHALLOT_WATCH", v->d.watch, 1);
    sl__address_lend(&v->address);
    sigprocmask(SIG_SETMASK, &v->signals.old_mask, NULL);
    execvp(v->d.argv[0], v->d.argv);
    error = errno;
    if (write(report, &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

static int await_exec(int report)
{
    int error = 0;
    ssize_t n;

    do
        n = read(report, &error, sizeof error);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof error ? -error : 0;
}

static void reap(struct develop *v, siginfo_t *ret)
{
    memset(ret, 0, sizeof *ret);
    while (waitid(P_PID, (id_t)v->pid, ret, WEXITED) < 0 && errno == EINTR)
        ;
    v->pid = 0;
}

static int start_child(struct develop *v)
{
    pid_t parent = getpid();
    siginfo_t info;
    int report[2];
    int r;

    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    v->pid = fork();
    if (v->pid == 0)
        become(v, parent, report[1]);
    r = v->pid < 0 ? -errno : 0;
    close(report[1]);
    if (r == 0) {
        r = await_exec(report[0]);
        v->child.fd = r < 0 ? -1 : pidfd_open(v->pid, 0);
        if (r == 0)
            r = v->child.fd < 0 ? -errno : sl__loop_add(&v->loop, &v->child);
        if (r < 0) {
            kill(v->pid, SIGKILL);
            reap(v, &info);
        }
    }
    close(report[0]);
    return r;
}

/* Nobody stands in any more. */
static void begin_program(void *self)
{
    struct develop *v = self;
    int r;

    if (v->build && sl__build_running(v->build))
        return;             /* another change meanwhile */
    sl__tree_free(v->tree); /* from here on the program's master watches */
    v->tree = NULL;
    r = start_child(v);
    if (r == 0)
        return;
    if (v->child.fd >= 0)
        close(v->child.fd);
    v->child.fd = -1;
    v->pid = 0;
    say(v, SL_DEV_TROUBLE, "cannot run %s: %s", v->d.argv[0], strerror(-r));
    stand_in(v, "crashed", "it cannot be run", strerror(-r));
    wait_for_change(v);
}

static void run_program(struct develop *v)
{
    sl__standin_leave(&v->standin, begin_program, v);
}

/* It did not want to end, or not so. Without an address of ours nobody would know: most likely it
 * has none either, and has said so. */
static void lost_program(struct develop *v, const siginfo_t *info)
{
    char error[512], why[128];
    bool exited = info->si_code == CLD_EXITED;

    if (exited && !sl__address_ensure(&v->address, error, sizeof error)) {
        end(v, info->si_status);
        return;
    }
    if (exited)
        snprintf(why, sizeof why, "ended with status %d", info->si_status);
    else
        snprintf(why, sizeof why, "was ended by SIG%s (%s)", sigabbrev_np(info->si_status),
                 strsignal(info->si_status));
    say(v, SL_DEV_CRASHED, "%s %s", v->d.argv[0], why);
    stand_in(v, "crashed", why, "");
    wait_for_change(v);
}

static void child_ended(struct sl__watch *w, uint32_t events)
{
    struct develop *v = SL__OWNER(w, struct develop, child);
    siginfo_t info;

    sl__loop_remove(&v->loop, w);
    close(w->fd);
    w->fd = -1;
    reap(v, &info);
    if (v->status >= 0) /* it had been told to end */
        end(v, info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status);
    else if (info.si_code == CLD_EXITED && info.si_status == 0)
        end(v, 0);
    else
        lost_program(v, &info);
}

/* Building and waiting */

static void start_build(struct develop *v)
{
    int r = v->build ? sl__build_start(v->build) : 0;

    if (!v->build) {
        run_program(v);
    } else if (r < 0) {
        say(v, SL_DEV_TROUBLE, "cannot start the build: %s", strerror(-r));
        wait_for_change(v);
    }
}

/* What a build writes is no change. Most of it is known by its content; a text that every build
 * writes anew shows itself by interrupting the build again and again. */
static bool ignore(void *self, const char *name)
{
    struct develop *v = self;

    if (!v->build)
        return false;
    if (v->restarts >= SAME_FILE_MAX && strcmp(name, v->restarted_for) == 0)
        return true;
    return sl__tree_is_product(root_of(v), name);
}

static void changed(void *self, const char *name, unsigned count)
{
    struct develop *v = self;

    if (v->build && sl__build_running(v->build)) {
        v->restarts = strcmp(name, v->restarted_for) == 0 ? v->restarts + 1 : 1;
        snprintf(v->restarted_for, sizeof v->restarted_for, "%s", name);
    }
    if (count > 1)
        say(v, SL_DEV_CHANGED, "%s and %u more", name, count - 1);
    else
        say(v, SL_DEV_CHANGED, "%s", name);
    start_build(v);
}

static void trouble(void *self, const char *line)
{
    say(self, SL_DEV_TROUBLE, "%s", line);
}

static int watch(struct develop *v)
{
    const struct sl__tree_events events = {changed, ignore, trouble, v};
    char error[PATH_MAX + 256] = "";

    if (v->tree)
        return 0;
    v->tree = sl__tree_watch(&v->loop, root_of(v), &events, error, sizeof error);
    if (v->tree)
        return 0;
    say(v, SL_DEV_TROUBLE, "%s", error);
    return -1;
}

static void wait_for_change(struct develop *v)
{
    char url[160];

    if (watch(v) < 0) {
        end(v, 1); /* nothing would ever happen again */
    } else if (sl__standin_stands(&v->standin)) {
        sl__endpoint_url(v->address.fd, url, sizeof url);
        say(v, SL_DEV_WAITING, "%s; %s shows what is wrong", root_of(v), url);
    } else {
        say(v, SL_DEV_WAITING, "%s", root_of(v));
    }
}

static void built(void *self, int status, const char *output, int64_t duration_ns)
{
    struct develop *v = self;
    double seconds = (double)duration_ns / (double)SL__SEC;
    char why[64];

    v->restarts = 0;
    v->restarted_for[0] = 0;
    if (status == 0) {
        say(v, SL_DEV_BUILT, "%.2f s", seconds);
        run_program(v);
        return;
    }
    if (status > 128)
        snprintf(why, sizeof why, "ended by SIG%s after %.2f s", sigabbrev_np(status - 128),
                 seconds);
    else
        snprintf(why, sizeof why, "status %d after %.2f s", status, seconds);
    say(v, SL_DEV_FAILED, "%s", why);
    stand_in(v, "failed", why, output);
    wait_for_change(v);
}

/* In a container we may be PID 1. Program and build have been reaped by now, if they have ended. */
static void bury_strangers(struct sl__task *t)
{
    struct develop *v = SL__OWNER(t, struct develop, bury);
    siginfo_t info = {0};

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 &&
           info.si_pid != v->pid && info.si_pid != sl__standin_pid(&v->standin) &&
           (!v->build || info.si_pid != sl__build_pid(v->build))) {
        waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
        info.si_pid = 0;
    }
}

static void on_signal(struct sl__signals *s, int signal)
{
    struct develop *v = SL__OWNER(s, struct develop, signals);

    if (signal == SIGCHLD) {
        if (getpid() == 1)
            sl__loop_defer(&v->loop, &v->bury);
        return;
    }
    if (v->pid == 0) {
        end(v, 0);
        return;
    }
    if (signal == SIGHUP && v->had_terminal && !has_terminal())
        signal = SIGTERM; /* the terminal was closed; otherwise it asks for a reload */
    if (signal != SIGHUP) {
        v->status = 0;
        sl__address_shut(&v->address); /* the program answers what has come */
    }
    kill(v->pid, signal);
}

static int start(struct develop *v)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    const struct sl__build_events events = {built, v};
    int r = sl__loop_init(&v->loop);

    if (r < 0)
        return r;
    signal(SIGCHLD, SIG_DFL); /* ignored, it would take the program's exit status away */
    r = sl__signals_start(&v->signals, &v->loop, signals, sizeof signals / sizeof *signals,
                          on_signal);
    if (r < 0)
        return r;
    v->bury.run = bury_strangers;
    sl__standin_init(&v->standin, &v->loop, &v->signals.old_mask);
    if (v->d.build)
        v->build = sl__build_new(&v->loop, v->d.build, &events);
    return 0;
}

int sl_develop(const sl_development *d)
{
    struct develop v = {.status = -1, .child = {.fd = -1, .events = EPOLLIN, .ready = child_ended}};
    char *absolute = NULL, error[512];
    int r;

    memcpy(&v.d, d, d->size && d->size < sizeof v.d ? d->size : sizeof v.d);
    if (!v.d.argv || !v.d.argv[0])
        return 2;
    if (v.d.watch) { /* the program may change its directory */
        absolute = realpath(v.d.watch, NULL);
        v.d.watch = absolute ? absolute : v.d.watch;
    }
    sl__keep_standard_descriptors();
    v.had_terminal = has_terminal();
    if (sl__address_open(&v.address, root_of(&v), v.d.argv[0], error, sizeof error) < 0) {
        say(&v, SL_DEV_TROUBLE, "%s", error);
        free(absolute);
        return 1;
    }
    r = start(&v);
    if (r == 0 && v.build && watch(&v) < 0)
        end(&v, 1);
    else if (r == 0)
        start_build(&v);
    if (r == 0)
        r = sl__loop_run(&v.loop);
    if (r < 0)
        say(&v, SL_DEV_TROUBLE, "%s", strerror(-r));
    sl__build_free(v.build);
    sl__tree_free(v.tree);
    sl__standin_finish(&v.standin);
    sl__address_close(&v.address);
    sl__signals_stop(&v.signals);
    sl__loop_finish(&v.loop);
    free(absolute);
    return r < 0 ? 1 : v.status;
}
