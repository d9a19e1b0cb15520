/*
 * The master in development mode: a change becomes new code.
 *
 * Changes come from the watched tree; with a build command they start it, cancelling a running one,
 * and its success is a reload. Without one every change is a reload, and the program's own file is
 * watched by itself, because it usually lies in a folder of build outputs that the tree leaves out.
 * Leaves through config.reload; what happens then is the supervisor's business.
 */
#include "cluster/development.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "cluster/announce.h"
#include "cluster/build.h"
#include "cluster/feed.h"
#include "cluster/outcomes.h"
#include "cluster/role.h"
#include "cluster/watch.h"
#include "shallot/error.h"

#define AFTERMATH_NS (SL__SEC / 2) /* so long after a build its last changes may still arrive */
#define SETTLE_NS (50 * SL__MS)    /* a compiler that writes the program seldom writes it alone */

struct sl__development {
    struct sl__loop *loop;
    struct sl__development_config config;
    struct sl__tree *tree;
    struct sl__build *build;      /* NULL: none */
    struct sl__watch own;         /* inotify for the program's folder; -1: none */
    struct sl__timer settle;      /* without a build: until the changes have come to rest */
    const char *own_name;         /* the program's file in its folder */
    char own_path[PATH_MAX];      /* resolved */
    char root[PATH_MAX];          /* resolved */
    struct sl__outcomes outcomes; /* what the build writes into the tree */
    struct sl__watch orders;      /* the tool's, on the feed; -1: no tool */
    int64_t saved_at;             /* what the latest build or reload is about */
    int64_t built_at;             /* when the last build ended */
    struct timespec built_wall;   /* the same, on the clock that stamps files */
};

static void start_build(struct sl__development *d)
{
    int r = sl__build_start(d->build);
    struct sl__feed_line line;

    if (r == 0)
        sl__announce("building", 0, 0, NULL, NULL);
    if (r < 0) {
        sl__log(SL__ERROR, "cannot start the build: %s", sl_strerror(r));
    } else if (sl__feed_open()) {
        sl__feed_begin(&line, "building");
        sl__feed_send(&line, NULL);
    }
}

/* Files know when they were written: some time before we hear of it. */
static int64_t time_of_save(const struct sl__development *d, const char *name)
{
    char path[2 * PATH_MAX];
    struct timespec now;
    struct stat st;
    int64_t ago;

    snprintf(path, sizeof path, "%s/%s", d->root, name);
    if (stat(path, &st) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0)
        return sl__sys_now();
    ago = (now.tv_sec - st.st_ctim.tv_sec) * SL__SEC + now.tv_nsec - st.st_ctim.tv_nsec;
    return ago < 0 || ago > SL__SEC ? sl__sys_now() : sl__sys_now() - ago;
}

static void tell_changed(const char *name, unsigned count)
{
    struct sl__feed_line line;

    sl__feed_begin(&line, "changed");
    sl__feed_add_text(&line, "file", name);
    sl__feed_add_number(&line, "more", count > 0 ? count - 1 : 0);
    sl__feed_send(&line, NULL);
}

static void changed(void *self, const char *name, unsigned count)
{
    struct sl__development *d = self;

    d->saved_at = time_of_save(d, name);
    if (sl__feed_open())
        tell_changed(name, count);
    else if (count > 1)
        sl__log(SL__INFO, "changed: %s and %u more", name, count - 1);
    else
        sl__log(SL__INFO, "changed: %s", name);
    if (!d->build) {
        sl__timer_start(d->loop, &d->settle, d->loop->now + SETTLE_NS);
        return;
    }
    start_build(d);
}

static bool is_own_file(const struct sl__development *d, const char *name)
{
    size_t len = strlen(d->root);

    return strncmp(d->own_path, d->root, len) == 0 && d->own_path[len] == '/' &&
           strcmp(d->own_path + len + 1, name) == 0;
}

/* Files carry the time of their last change, so a save right after a build is not taken for a late
 * event of the build's own. */
static bool written_since_build(const struct sl__development *d, const char *name)
{
    char path[2 * PATH_MAX];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", d->root, name);
    if (stat(path, &st) < 0)
        return false;
    if (st.st_ctim.tv_sec != d->built_wall.tv_sec)
        return st.st_ctim.tv_sec > d->built_wall.tv_sec;
    return st.st_ctim.tv_nsec > d->built_wall.tv_nsec;
}

static bool may_be_outcome(const struct sl__development *d, const char *name)
{
    if (sl__build_running(d->build))
        return true;
    return d->loop->now < d->built_at + AFTERMATH_NS && !written_since_build(d, name);
}

/* With a build command its outcomes are no changes; without one only the program's own file is left
 * out here, for it has a watch of its own. */
static bool ignore(void *self, const char *name)
{
    struct sl__development *d = self;

    if (is_own_file(d, name))
        return true;
    if (!d->build)
        return false;
    if (sl__tree_is_product(d->root, name))
        return true;
    if (may_be_outcome(d, name))
        return sl__outcomes_is(&d->outcomes, d->root, name);
    sl__outcomes_edited(&d->outcomes, name);
    return false;
}

static void trouble(void *self, const char *line)
{
    sl__log(SL__WARN, "%s", line);
}

static void tell_built(int status, const char *output, int64_t duration_ns)
{
    struct sl__feed_line line;

    sl__feed_begin(&line, status == 0 ? "built" : "failed");
    if (status > 128)
        sl__feed_add_number(&line, "signal", status - 128);
    else if (status > 0)
        sl__feed_add_number(&line, "status", status);
    sl__feed_add_number(&line, "ms", duration_ns / SL__MS);
    sl__feed_send(&line, output);
}

static void log_built(int status, int64_t duration_ns)
{
    double seconds = (double)duration_ns / (double)SL__SEC;

    if (status == 0) {
        sl__log(SL__INFO, "built in %.2f s", seconds);
    } else if (status > 128) {
        sl__log(SL__ERROR, "build failed: ended by signal %d after %.2f s; the running code stays",
                status - 128, seconds);
    } else {
        sl__log(SL__ERROR, "build failed: exit code %d after %.2f s; the running code stays",
                status, seconds);
    }
}

static void built(void *self, int status, const char *output, int64_t duration_ns)
{
    struct sl__development *d = self;

    d->built_at = d->loop->now;
    clock_gettime(CLOCK_REALTIME, &d->built_wall);
    if (sl__feed_open())
        tell_built(status, output, duration_ns);
    else
        log_built(status, duration_ns);
    sl__announce(status == 0 ? "good" : "failed", status, duration_ns, NULL, output);
    if (status == 0)
        d->config.reload(d->config.self);
}

static void settled(struct sl__timer *t)
{
    struct sl__development *d = SL__OWNER(t, struct sl__development, settle);

    d->config.reload(d->config.self);
}

/* The tool's user wants the code that is there, changed or not. */
static void order_ready(struct sl__watch *w, uint32_t events)
{
    struct sl__development *d = SL__OWNER(w, struct sl__development, orders);
    char order[64];
    ssize_t n = recv(w->fd, order, sizeof order - 1, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        sl__loop_remove(d->loop, w); /* the tool is gone, which is the death signal's business */
        w->fd = -1;
        return;
    }
    order[n > 0 ? n : 0] = '\0';
    if (strcmp(order, "build") != 0)
        return;
    d->saved_at = sl__sys_now();
    if (d->build)
        start_build(d);
    else
        d->config.reload(d->config.self);
}

static void take_orders(struct sl__development *d)
{
    d->orders = (struct sl__watch){.fd = sl__role()->feed, .events = EPOLLIN, .ready = order_ready};
    if (d->orders.fd >= 0 && sl__loop_add(d->loop, &d->orders) < 0)
        d->orders.fd = -1;
}

/* Something in the program's folder: a link replaced, or a file written. */
static void own_ready(struct sl__watch *w, uint32_t events)
{
    struct sl__development *d = SL__OWNER(w, struct sl__development, own);
    _Alignas(struct inotify_event) char buf[4096];
    ssize_t n = read(w->fd, buf, sizeof buf);
    bool meant = false;

    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *ev = (const struct inotify_event *)(void *)(buf + at);

        meant = meant || (ev->mask & IN_Q_OVERFLOW) ||
                (ev->len > 0 && strcmp(ev->name, d->own_name) == 0);
        at += (ssize_t)(sizeof *ev + ev->len);
    }
    if (meant)
        changed(d, d->own_name, 1);
}

static int watch_own_file(struct sl__development *d)
{
    char folder[PATH_MAX];
    int r;

    snprintf(folder, sizeof folder, "%.*s", (int)(d->own_name - d->own_path), d->own_path);
    d->own.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (d->own.fd < 0)
        return -errno;
    if (inotify_add_watch(d->own.fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
        r = -errno;
    else
        r = sl__loop_add(d->loop, &d->own);
    if (r < 0) {
        close(d->own.fd);
        d->own.fd = -1;
    }
    return r;
}

static void watch_tree(struct sl__development *d)
{
    const struct sl__tree_events events = {changed, ignore, trouble, d};
    char error[PATH_MAX + 256] = "";

    d->tree = sl__tree_watch(d->loop, d->root, &events, error, sizeof error);
    if (d->tree)
        sl__log(SL__DEBUG, "watching %s", d->root);
    else
        sl__log(SL__ERROR, "changes will not be noticed: %s", error);
}

/* Absolute, so that neither a program that changes its directory nor the tree's names confuse us.
 */
static void resolve(const char *path, char *to)
{
    if (!realpath(path, to))
        snprintf(to, PATH_MAX, "%s", path);
}

struct sl__development *sl__development_new(struct sl__loop *l,
                                            const struct sl__development_config *config)
{
    struct sl__development *d = sl__alloc_zeroed(sizeof *d);
    int r;

    d->loop = l;
    d->config = *config;
    d->built_at = INT64_MIN / 2;
    d->settle.fire = settled;
    d->own = (struct sl__watch){.fd = -1, .events = EPOLLIN, .ready = own_ready};
    resolve(config->watch ? config->watch : ".", d->root);
    resolve(config->executable, d->own_path);
    d->own_name = strrchr(d->own_path, '/');
    d->own_name = d->own_name ? d->own_name + 1 : d->own_path;
    if (config->build) {
        const struct sl__build_events events = {.done = built, .self = d, .quiet = sl__feed_open()};

        d->build = sl__build_new(l, config->build, &events);
    } else {
        r = watch_own_file(d);
        if (r < 0)
            sl__log(SL__WARN, "changes of %s will not be noticed: %s", d->own_path, sl_strerror(r));
    }
    watch_tree(d);
    take_orders(d);
    return d;
}

void sl__development_free(struct sl__development *d)
{
    if (!d)
        return;
    sl__timer_stop(d->loop, &d->settle);
    if (d->own.fd >= 0) {
        sl__loop_remove(d->loop, &d->own);
        close(d->own.fd);
    }
    if (d->orders.fd >= 0)
        sl__loop_remove(d->loop, &d->orders);
    sl__build_free(d->build);
    sl__tree_free(d->tree);
    sl__outcomes_finish(&d->outcomes);
    sl__free(d);
}

int64_t sl__development_saved_at(const struct sl__development *d)
{
    return d ? d->saved_at : 0;
}

pid_t sl__development_build_pid(const struct sl__development *d)
{
    return d && d->build ? sl__build_pid(d->build) : 0;
}
