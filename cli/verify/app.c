/*
 * The program under test: started as a child with a port of its own, heard through a pipe, seen
 * through /proc, and gone at the end whatever happened.
 *
 * It is run under a second name beside the user's file (a link, or else a copy), so that the
 * executable can be replaced by a broken one and the file itself is never touched. Its orphans come
 * to us, so that none of them is overlooked.
 */
#include "cli.h"
#include "verify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START (30 * SECOND)
#define OTHERS (5 * SECOND) /* until all workers listen, once one does */

static void take_url(struct app *a, const char *line)
{
    static const char before[] = "listening on http://";
    const char *url = strstr(line, before), *colon;
    unsigned port;

    if (!url)
        return;
    url += sizeof before - 1;
    colon = strrchr(url, ':');
    port = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
    if (port == 0 || port > 65535)
        return;
    if (a->port == 0) {
        a->port = (uint16_t)port;
        a->address.sin_port = htons(a->port);
    }
    if (port != a->port)
        return; /* another listener of the program's */
    a->listening++;
    a->listening_at = now_ns();
}

static bool names_a_source(const char *line)
{
    const char *at = strstr(line, ".c:");

    return at && at[3] >= '0' && at[3] <= '9';
}

static void take_line(struct app *a)
{
    a->line[a->len] = 0;
    a->len = 0;
    take_url(a, a->line);
    a->named += names_a_source(a->line);
    a->failed_reloads += strstr(a->line, " failed: ") || strstr(a->line, "cannot reload");
    snprintf(a->kept[a->lines++ % LINES_KEPT], sizeof a->kept[0], "%.199s", a->line);
}

static void on_output(struct watch *w, unsigned events)
{
    struct app *a = (struct app *)((char *)w - offsetof(struct app, output));
    char text[4096];
    ssize_t n = read(w->fd, text, sizeof text);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            watch_close(a->traffic, w);
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (text[i] == '\n')
            take_line(a);
        else if (a->len < sizeof a->line - 1)
            a->line[a->len++] = text[i];
    }
}

static void on_end(struct watch *w, unsigned events)
{
    struct app *a = (struct app *)((char *)w - offsetof(struct app, end));

    if (a->pid == 0 || waitpid(a->pid, &a->status, WNOHANG) != a->pid)
        return;
    a->pid = 0;
    watch_close(a->traffic, w);
}

static int copy_file(const char *from, const char *to)
{
    static char block[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC), r = -1;
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    ssize_t n = 1;

    while (out >= 0 && (n = read(in, block, sizeof block)) > 0)
        if (write(out, block, (size_t)n) != n)
            break;
    if (out >= 0)
        r = n == 0 ? fchmod(out, 0755) : -1;
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return r;
}

static int put(const char *from, const char *to)
{
    unlink(to);
    return link(from, to) == 0 ? 0 : copy_file(from, to);
}

int app_replace(struct app *a, const char *from)
{
    if (copy_file(from, a->spare) == 0 && rename(a->spare, a->program) == 0)
        return 0;
    return say_failure("cannot replace %s: %s", a->program, strerror(errno));
}

/* Beside the file itself, where it finds what it looks for beside it; else where there is room. */
static int name_it(struct app *a)
{
    char folder[PATH_SIZE];
    const char *name = base_name(a->original);

    folder_of(a->original, folder, sizeof folder);
    for (int i = 0; i < 2; i++) {
        free(a->program);
        free(a->spare);
        a->program = a->spare = NULL;
        if (asprintf(&a->program, "%s/.%s.verify-%d", i ? "/tmp" : folder, name, getpid()) < 0 ||
            asprintf(&a->spare, "%s.new", a->program) < 0)
            return say_failure("out of memory");
        if (put(a->original, a->program) == 0)
            return 0;
    }
    return say_failure("cannot copy %s: %s", a->original, strerror(errno));
}

static int check_program(const char *path)
{
    char magic[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, magic, sizeof magic);

    if (fd < 0)
        return say_failure("%s: %s", path, strerror(errno));
    close(fd);
    if (n != sizeof magic || memcmp(magic, "\177ELF", 4) != 0)
        return say_failure("%s is not a program; name the Shallot program itself", path);
    return 0;
}

int app_init(struct app *a, struct traffic *t, const struct verify_options *o)
{
    const char *given = o->command[0];

    *a = (struct app){.traffic = t, .argv = o->command, .workers = o->workers};
    a->output.fd = a->end.fd = -1;
    a->address = (struct sockaddr_in){.sin_family = AF_INET};
    a->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (asprintf(&a->original, strchr(given, '/') ? "%s" : "./%s", given) < 0)
        return say_failure("out of memory");
    return check_program(a->original) ? 1 : name_it(a);
}

void app_finish(struct app *a)
{
    app_end(a);
    if (a->program)
        unlink(a->program);
    if (a->spare)
        unlink(a->spare);
    free(a->program);
    free(a->spare);
    free(a->original);
}

static void put_number(const char *name, unsigned number)
{
    char text[16];

    snprintf(text, sizeof text, "%u", number);
    setenv(name, text, 1);
}

_Noreturn static void become(const struct app *a, uint16_t port, int output, pid_t tool)
{
    struct rlimit files;

    setpgid(0, 0); /* Ctrl-C is for the tool */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != tool)
        _exit(127);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    put_number("PORT", port);
    setenv("HOST", "127.0.0.1", 1);
    put_number("SHALLOT_INSTANCES", a->workers);
    setenv("SHALLOT_MODE", "production", 1);
    if (a->files) {
        files.rlim_cur = files.rlim_max = a->files;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    execv(a->program, a->argv);
    dprintf(output, "cannot run %s: %s\n", a->original, strerror(errno));
    _exit(127);
}

int app_launch(struct app *a, uint16_t port)
{
    int ends[2];
    pid_t tool = getpid();

    a->port = 0;
    a->listening = a->lines = 0;
    a->len = 0;
    watch_close(a->traffic, &a->output);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return say_failure("%s", strerror(errno));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    a->pid = fork();
    if (a->pid == 0)
        become(a, port, ends[1], tool);
    close(ends[1]);
    a->output = (struct watch){ends[0], on_output};
    a->end = (struct watch){a->pid > 0 ? pidfd_open(a->pid, 0) : -1, on_end};
    if (a->pid < 0 || a->end.fd < 0 || traffic_watch(a->traffic, &a->output, EPOLLIN) < 0 ||
        traffic_watch(a->traffic, &a->end, EPOLLIN) < 0)
        return say_failure("cannot start %s: %s", a->original, strerror(errno));
    return 0;
}

bool app_serves(void *app)
{
    struct app *a = app;

    return a->listening >= a->workers || a->pid == 0;
}

static bool one_listens(void *app)
{
    struct app *a = app;

    return a->listening > 0 || a->pid == 0;
}

int app_start(struct app *a, uint16_t port)
{
    if (app_launch(a, port) != 0)
        return 1;
    traffic_run(a->traffic, now_ns() + START, one_listens, a);
    traffic_run(a->traffic, now_ns() + OTHERS, app_serves, a);
    traffic_target(a->traffic, &a->address);
    return a->pid && a->listening > 0 ? 0 : 1;
}

static void reap(struct app *a)
{
    siginfo_t info;

    for (;;) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        if (info.si_pid == a->pid)
            on_end(&a->end, 0);
        else
            waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
    }
}

void app_end(struct app *a)
{
    pid_t left[WORKERS_MAX];
    unsigned count;

    reap(a);
    while ((count = process_children(getpid(), left, WORKERS_MAX)) > 0) {
        for (unsigned i = 0; i < count; i++)
            kill(left[i], SIGKILL);
        for (unsigned i = 0; i < count; i++)
            if (left[i] != a->pid)
                waitpid(left[i], NULL, 0);
        if (a->pid && waitpid(a->pid, &a->status, 0) == a->pid) {
            a->pid = 0;
            watch_close(a->traffic, &a->end);
        }
    }
    watch_close(a->traffic, &a->output);
}

static bool is_silent(void *app)
{
    return ((struct app *)app)->output.fd < 0;
}

void app_explain(struct app *a, const char *what)
{
    unsigned first;

    traffic_run(a->traffic, now_ns() + SECOND / 2, is_silent, a); /* its last words */
    first = a->lines > LINES_KEPT ? a->lines - LINES_KEPT : 0;
    say_failure("%s %s%s", a->original, what, a->lines ? "; it said:" : " and said nothing");
    for (unsigned i = first; i < a->lines; i++)
        fprintf(stderr, "  %s\n", a->kept[i % LINES_KEPT]);
}

unsigned app_workers(const struct app *a, pid_t *ret)
{
    unsigned count = a->pid ? process_children(a->pid, ret, WORKERS_MAX) : 0, kept = 0;

    for (unsigned i = 0; i < count; i++)
        if (process_is_called(ret[i], "shallot: worker")) /* else a helper of the master's */
            ret[kept++] = ret[i];
    return kept;
}

bool app_complete(void *app)
{
    pid_t workers[WORKERS_MAX];
    struct app *a = app;

    return a->pid == 0 || app_workers(a, workers) == a->workers;
}
