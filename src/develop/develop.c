/*
 * Development of a program from outside: sl_develop(), on which `shallot dev` is written.
 *
 * Three states: building, waiting for a change, running. While the program runs it is its own
 * master with its own watcher and builds, so this process only stands by: it hands signals on and
 * waits for the end. It watches and builds itself as long as there is nothing that runs.
 *
 * The program's address answers in all of them: see presence.c, which hears all that is said.
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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "cluster/build.h"
#include "cluster/executable.h"
#include "cluster/role.h"
#include "cluster/watch.h"
#include "develop/develop.h"
#include "develop/presence.h"
#include "loop/signals.h"

#define LENT_END 4 /* descriptors below are standard ones, and the listening socket */
#define SAME_FILE_MAX                                                                              \
    3 /* restarts of a build because of one file, until it is taken for a product */

struct sl_developing {
    sl_development d;
    struct sl__loop loop;
    struct sl__signals signals;
    struct sl__tree *tree;   /* NULL while the program runs */
    struct sl__build *build; /* NULL: nothing to build */
    struct sl__watch child;  /* pidfd; -1: it does not run */
    struct sl__task bury;    /* as PID 1: strangers */
    struct sl__develop_feed feed;
    struct sl__develop_watches watches; /* the tool's */
    struct sl__presence presence;
    pid_t pid;
    bool had_terminal;
    int status;
    char restarted_for[PATH_MAX]; /* the file that interrupted the build */
    unsigned restarts;            /* how often in a row */
};

static void say(sl_developing *v, sl_development_news news)
{
    static const enum sl__level levels[] = {
        [SL_DEV_CHANGED] = SL__INFO, [SL_DEV_BUILDING] = SL__DEBUG, [SL_DEV_BUILT] = SL__INFO,
        [SL_DEV_FAILED] = SL__ERROR, [SL_DEV_WAITING] = SL__INFO,   [SL_DEV_CRASHED] = SL__ERROR,
        [SL_DEV_TROUBLE] = SL__ERROR};
    char text[PATH_MAX + 512];

    sl__develop_complete(&news, text, sizeof text);
    if (v->d.say)
        v->d.say(v->d.self, &news);
    else
        sl__log(levels[news.event], "%s", text);
    sl__presence_hear(&v->presence, &news);
}

static const char *root_of(const sl_developing *v)
{
    return v->d.watch ? v->d.watch : ".";
}

static void say_waiting(sl_developing *v)
{
    char url[160];

    say(v, (sl_development_news){.event = SL_DEV_WAITING,
                                 .file = root_of(v),
                                 .url = sl__presence_url(&v->presence, url, sizeof url)});
}

static void on_news(void *self, const sl_development_news *news)
{
    say(self, *news);
    if (news->event == SL_DEV_CRASHED && news->then == SL_DEV_THEN_WAITS)
        say_waiting(self);
}

static void say_trouble(sl_developing *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void say_trouble(sl_developing *v, const char *fmt, ...)
{
    char why[PATH_MAX + 256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    say(v, (sl_development_news){.event = SL_DEV_TROUBLE, .why = why});
}

static void end(sl_developing *v, int status)
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

/* The program */

static void child_ended(struct sl__watch *w, uint32_t events);
static void wait_for_change(sl_developing *v);
static int watch(sl_developing *v);

static void place(int fd, int at)
{
    if (fd > 0)
        dup2(fd, at);
}

/* In the child. */
__attribute__((noreturn)) static void become(sl_developing *v, pid_t parent, int report)
{
    int error;

    report = fcntl(report, F_DUPFD_CLOEXEC, LENT_END); /* out of the way of what is lent */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    setenv("SHALLOT_MODE", "development", 1);
    if (v->d.build)
        setenv("SHALLOT_BUILD", v->d.build, 1);
    if (v->d.watch)
        setenv("SHALLOT_WATCH", v->d.watch, 1);
    if (v->d.debug && v->d.say)
        setenv("SHALLOT_DEBUG", "1", 1);
    else
        unsetenv("SHALLOT_DEBUG");
    sl__develop_feed_inherit(&v->feed);
    sl__address_lend(&v->presence.address);
    place(v->d.input, STDIN_FILENO);
    place(v->d.output, STDOUT_FILENO);
    place(v->d.error, STDERR_FILENO);
    sigprocmask(SIG_SETMASK, &v->signals.old_mask, NULL);
    execvp(v->d.argv[0], v->d.argv);
    error = -errno;
    if (write(report, &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

static void reap(sl_developing *v, siginfo_t *ret)
{
    memset(ret, 0, sizeof *ret);
    while (waitid(P_PID, (id_t)v->pid, ret, WEXITED) < 0 && errno == EINTR)
        ;
    v->pid = 0;
}

static int start_child(sl_developing *v)
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
        r = sl__await_exec(report[0]);
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

/* Nobody stands in for it any more. */
static void begin_program(void *self)
{
    sl_developing *v = self;
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
    say_trouble(v, "cannot run %s: %s", v->d.argv[0], strerror(-r));
    wait_for_change(v);
}

static void run_program(sl_developing *v)
{
    sl__presence_step_aside(&v->presence, begin_program, v);
}

/* It was told to end, or wanted to. When there is no address of ours it has none either, most
 * likely, and has said so: then there is nothing to wait for. */
static bool is_the_end(sl_developing *v, const siginfo_t *info)
{
    if (v->status >= 0)
        return true;
    return info->si_code == CLD_EXITED &&
           (info->si_status == 0 || !sl__presence_possible(&v->presence));
}

static void child_ended(struct sl__watch *w, uint32_t events)
{
    sl_developing *v = SL__OWNER(w, sl_developing, child);
    siginfo_t info;
    bool watched;

    sl__loop_remove(&v->loop, w);
    close(w->fd);
    w->fd = -1;
    reap(v, &info);
    sl__develop_feed_pump(&v->feed); /* its last words come before its end */
    sl__presence_lost(&v->presence);
    if (is_the_end(v, &info)) {
        end(v, info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status);
        return;
    }
    watched = watch(v) == 0; /* before it is told: whoever reads it may save at once */
    say(v, (sl_development_news){.event = SL_DEV_CRASHED,
                                 .file = v->presence.address.program,
                                 .status = info.si_code == CLD_EXITED ? info.si_status : 0,
                                 .signal = info.si_code == CLD_EXITED ? 0 : info.si_status});
    if (watched)
        say_waiting(v);
    else
        end(v, 1); /* nothing would ever happen again */
}

/* Building and waiting */

static void start_build(sl_developing *v)
{
    int r = v->build ? sl__build_start(v->build) : 0;

    if (!v->build) {
        run_program(v);
    } else if (r < 0) {
        say_trouble(v, "cannot start the build: %s", strerror(-r));
        wait_for_change(v);
    } else {
        say(v, (sl_development_news){.event = SL_DEV_BUILDING});
    }
}

/* What a build writes is no change. Most of it is known by its content; a text that every build
 * writes anew shows itself by interrupting the build again and again. */
static bool ignore(void *self, const char *name)
{
    sl_developing *v = self;

    if (!v->build)
        return false;
    if (v->restarts >= SAME_FILE_MAX && strcmp(name, v->restarted_for) == 0)
        return true;
    return sl__tree_is_product(root_of(v), name);
}

static void changed(void *self, const char *name, unsigned count)
{
    sl_developing *v = self;

    if (v->build && sl__build_running(v->build)) {
        v->restarts = strcmp(name, v->restarted_for) == 0 ? v->restarts + 1 : 1;
        snprintf(v->restarted_for, sizeof v->restarted_for, "%s", name);
    }
    say(v, (sl_development_news){
               .event = SL_DEV_CHANGED, .file = name, .more = count > 0 ? count - 1 : 0});
    start_build(v);
}

static void trouble(void *self, const char *line)
{
    say_trouble(self, "%s", line);
}

static int watch(sl_developing *v)
{
    const struct sl__tree_events events = {changed, ignore, trouble, v};
    char error[PATH_MAX + 256] = "";

    if (v->tree)
        return 0;
    v->tree = sl__tree_watch(&v->loop, root_of(v), &events, error, sizeof error);
    if (v->tree)
        return 0;
    say_trouble(v, "%s", error);
    return -1;
}

static void wait_for_change(sl_developing *v)
{
    if (watch(v) < 0)
        end(v, 1); /* nothing would ever happen again */
    else
        say_waiting(v);
}

static void built(void *self, int status, const char *output, int64_t duration_ns)
{
    sl_developing *v = self;
    sl_development_news news = {.event = status == 0 ? SL_DEV_BUILT : SL_DEV_FAILED,
                                .output = output,
                                .status = status > 128 ? 0 : status,
                                .signal = status > 128 ? status - 128 : 0,
                                .ns = duration_ns};

    v->restarts = 0;
    v->restarted_for[0] = 0;
    say(v, news);
    if (status == 0)
        run_program(v);
    else
        wait_for_change(v);
}

/* In a container we may be PID 1. Program and build have been reaped by now, if they have ended. */
static void bury_strangers(struct sl__task *t)
{
    sl_developing *v = SL__OWNER(t, sl_developing, bury);
    siginfo_t info = {0};

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 &&
           info.si_pid != v->pid && info.si_pid != sl__standin_pid(&v->presence.standin) &&
           (!v->build || info.si_pid != sl__build_pid(v->build))) {
        waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
        info.si_pid = 0;
    }
}

static void on_signal(struct sl__signals *s, int signal)
{
    sl_developing *v = SL__OWNER(s, sl_developing, signals);

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
        sl__address_shut(&v->presence.address); /* the program answers what has come */
    }
    kill(v->pid, signal);
}

/* What the tool asks for */

int sl_developing_watch(sl_developing *d, int fd, void (*ready)(void *self, int fd), void *self)
{
    return sl__develop_watches_add(&d->watches, fd, ready, self);
}

void sl_developing_unwatch(sl_developing *d, int fd)
{
    sl__develop_watches_remove(&d->watches, fd);
}

void sl_developing_reload(sl_developing *d)
{
    if (d->pid)
        sl__develop_feed_order_build(&d->feed);
    else
        start_build(d);
}

void sl_developing_stop(sl_developing *d)
{
    on_signal(&d->signals, SIGINT);
}

/* What is left when the loop has ended. */
static void finish(sl_developing *v)
{
    sl__presence_finish(&v->presence);
    sl__develop_feed_close(&v->feed);
    sl__build_free(v->build);
    sl__tree_free(v->tree);
    sl__develop_watches_finish(&v->watches);
    sl__signals_stop(&v->signals);
    sl__loop_finish(&v->loop);
}

static int start(sl_developing *v)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    const struct sl__build_events events = {.done = built, .self = v, .quiet = v->d.say != NULL};
    int r = sl__loop_init(&v->loop);

    if (r < 0)
        return r;
    signal(SIGCHLD, SIG_DFL); /* ignored, it would take the program's exit status away */
    r = sl__signals_start(&v->signals, &v->loop, signals, sizeof signals / sizeof *signals,
                          on_signal);
    if (r < 0)
        return r;
    v->bury.run = bury_strangers;
    sl__presence_start(&v->presence, &v->loop, &v->signals.old_mask, trouble, v);
    r = v->d.say ? sl__develop_feed_open(&v->feed, &v->loop, on_news, v) : 0;
    if (r < 0)
        return r;
    if (v->d.build)
        v->build = sl__build_new(&v->loop, v->d.build, &events);
    return 0;
}

int sl_develop(const sl_development *d)
{
    sl_developing v = {.status = -1, .child = {.fd = -1, .events = EPOLLIN, .ready = child_ended}};
    char *absolute = NULL, error[512];
    int r;

    memcpy(&v.d, d, d->size && d->size < sizeof v.d ? d->size : sizeof v.d);
    if (!v.d.argv || !v.d.argv[0])
        return 2;
    if (v.d.watch) { /* the program may change its directory */
        absolute = realpath(v.d.watch, NULL);
        v.d.watch = absolute ? absolute : v.d.watch;
    }
    sl__develop_watches_init(&v.watches, &v.loop);
    sl__keep_standard_descriptors();
    v.had_terminal = has_terminal();
    if (sl__presence_open(&v.presence, &v.d, error, sizeof error) < 0) {
        say_trouble(&v, "%s", error);
        free(absolute);
        return 1;
    }
    r = start(&v);
    if (r == 0 && v.d.begin)
        v.d.begin(v.d.self, &v);
    if (r == 0 && v.build && watch(&v) < 0)
        end(&v, 1);
    else if (r == 0)
        start_build(&v);
    if (r == 0)
        r = sl__loop_run(&v.loop);
    if (r < 0)
        say_trouble(&v, "%s", strerror(-r));
    finish(&v);
    free(absolute);
    return r < 0 ? 1 : v.status;
}
