/*
 * Watching a tree: inotify's events become "these files changed", once per burst.
 *
 * The kernel watches folders one by one, so every folder has a watch of its own, and one that
 * appears is added and searched at once: what was written into it before its watch stood counts as
 * changed. Events are gathered by file name in changes.c until the tree has been quiet for a
 * moment.
 *
 * Comes from the loop; leaves through events.changed. Which names count is decided in ignored.c.
 */
#include "cluster/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"
#include "cluster/changes.h"

#define FEW 8u /* files: a save, or one of all that an editor has open */
#define QUIET_NS (5 * SL__MS)
#define QUIET_MANY_NS (100 * SL__MS) /* a checkout, a generator: they pause now and then */
#define LONGEST_NS (300 * SL__MS)    /* that nothing but the same files is written */
#define LONGEST_IN_ALL_NS (10 * SL__SEC)
#define READS_MAX 64 /* reads of one tick: 1 MiB, more than a full queue of short names */
#define MASK                                                                                       \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |       \
     IN_ONLYDIR)

struct folder {
    struct folder *next; /* while it waits to be searched */
    int wd;
    char path[]; /* relative to the root, which is "" */
};

struct sl__tree {
    struct sl__loop *loop;
    struct sl__watch watch;
    struct sl__timer quiet;
    struct sl__tree_events events;
    struct sl__map folders; /* wd -> struct folder */
    struct sl__changes changes;
    bool lost;       /* events were lost: anything may have changed */
    int64_t since;   /* when the burst began; 0: there is none */
    int64_t grew;    /* when the latest file came to it */
    size_t size;     /* how many it has */
    bool complained; /* of one thing at a time */
    char root[PATH_MAX];
};

struct full_path {
    char text[2 * PATH_MAX];
};

static const char *full(const struct sl__tree *t, const char *path, struct full_path *room)
{
    snprintf(room->text, sizeof room->text, path[0] ? "%s/%s" : "%s%s", t->root, path);
    return room->text;
}

static struct sl__str key_of(const int *wd)
{
    return (struct sl__str){(const char *)wd, sizeof *wd};
}

static void explain(int error, const char *path, char *buf, size_t len)
{
    char limit[32] = "?";
    FILE *f;

    if (error == -ENOSPC) {
        f = fopen("/proc/sys/fs/inotify/max_user_watches", "re");
        if (f && fgets(limit, sizeof limit, f))
            limit[strcspn(limit, "\n")] = 0;
        if (f)
            fclose(f);
        snprintf(buf, len,
                 "cannot watch %s: too many folders (fs.inotify.max_user_watches is %s); raise it "
                 "with: sudo sysctl fs.inotify.max_user_watches=1048576",
                 path, limit);
    } else if (error == -EMFILE) {
        snprintf(buf, len,
                 "cannot watch %s: too many watchers; raise the limit with: sudo sysctl "
                 "fs.inotify.max_user_instances=1024",
                 path);
    } else {
        snprintf(buf, len, "cannot watch %s: %s", path, strerror(-error));
    }
}

static void complain(struct sl__tree *t, int error, const char *path)
{
    struct full_path room;
    char line[PATH_MAX + 256];

    if (t->complained || !t->events.trouble)
        return;
    t->complained = true;
    explain(error, full(t, path, &room), line, sizeof line);
    t->events.trouble(t->events.self, line);
}

/* Changes */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A single save is told of at once. A burst is waited for as long as it comes to more files; one
 * that writes the same again and again is somebody's log, and would never end. */
static void arm(struct sl__tree *t)
{
    int64_t now = t->loop->now, at;
    size_t size = sl__changes_known(&t->changes);

    if (t->since == 0)
        t->since = now;
    if (t->since == now || size > t->size)
        t->grew = now;
    t->size = size;
    at = now + (size > FEW ? QUIET_MANY_NS : QUIET_NS);
    at = sooner(at, t->grew + LONGEST_NS);
    sl__timer_start(t->loop, &t->quiet, sooner(at, t->since + LONGEST_IN_ALL_NS));
}

static bool too_long(const struct sl__tree *t)
{
    return t->loop->now >= t->grew + LONGEST_NS || t->loop->now >= t->since + LONGEST_IN_ALL_NS;
}

static bool ignored(struct sl__tree *t, const char *name)
{
    return t->events.ignore && t->events.ignore(t->events.self, name);
}

static void note(struct sl__tree *t, const char *name, bool created, bool counts)
{
    if (ignored(t, name))
        return;
    sl__changes_note(&t->changes, name, created, counts);
    if (counts)
        arm(t);
}

static void note_gone(struct sl__tree *t, const char *name)
{
    if (!ignored(t, name) && sl__changes_note_gone(&t->changes, name))
        arm(t);
}

static void read_events(struct sl__tree *t);

/* What has happened since the last look belongs to this burst, and may mean that it goes on: a
 * machine under load comes here late. */
static void report(struct sl__timer *timer)
{
    struct sl__tree *t = SL__OWNER(timer, struct sl__tree, quiet);
    char name[PATH_MAX] = ".";
    unsigned count;

    read_events(t);
    if (sl__timer_running(&t->quiet) && !too_long(t))
        return;
    sl__timer_stop(t->loop, &t->quiet);
    t->since = 0;
    t->size = 0;
    count = sl__changes_count(&t->changes, name, sizeof name) + t->lost;
    sl__changes_clear(&t->changes);
    t->lost = false;
    if (count > 0)
        t->events.changed(t->events.self, name, count);
}

/* Folders */

static void forget_folder(struct sl__tree *t, struct folder *f)
{
    sl__map_remove(&t->folders, key_of(&f->wd));
    sl__free(f);
}

/* The watch of a folder that has moved away stays with it, so it is taken off by hand. */
static void forget_below(struct sl__tree *t, const char *path)
{
    struct folder *doomed = NULL;
    struct sl__str key;
    void *value;
    size_t at = 0;

    while (sl__map_next(&t->folders, &at, &key, &value)) {
        struct folder *f = value;

        if (sl__path_below(f->path, path)) {
            f->next = doomed;
            doomed = f;
        }
    }
    while (doomed) {
        struct folder *f = doomed;

        doomed = f->next;
        inotify_rm_watch(t->watch.fd, f->wd);
        forget_folder(t, f);
    }
    sl__changes_drop_below(&t->changes, path);
}

static struct folder *folder_new(const char *parent, const char *name)
{
    size_t len = strlen(parent) + strlen(name) + 2;
    struct folder *f = sl__alloc_zeroed(sizeof *f + len);

    snprintf(f->path, len, parent[0] ? "%s/%s" : "%s%s", parent, name);
    return f;
}

/* Puts the watch on a folder; it is the tree's on success. */
static int watch_folder(struct sl__tree *t, struct folder *f)
{
    struct full_path room;
    void *old = NULL;
    int r;

    f->wd = inotify_add_watch(t->watch.fd, full(t, f->path, &room),
                              MASK | (f->path[0] ? IN_DONT_FOLLOW : 0u));
    if (f->wd < 0)
        return -errno;
    r = sl__map_set(&t->folders, key_of(&f->wd), f, &old);
    if (r < 0)
        inotify_rm_watch(t->watch.fd, f->wd);
    sl__free(old); /* the same folder, looked at again or by another name */
    return r;
}

/* A folder that says itself that it is a build's. */
static bool is_build_mark(const char *name)
{
    return strcmp(name, "CACHEDIR.TAG") == 0 || strcmp(name, "CMakeCache.txt") == 0 ||
           strcmp(name, "build.ninja") == 0;
}

static bool entry_is_folder(int dir_fd, const struct dirent *e)
{
    struct stat st;

    if (e->d_type != DT_UNKNOWN)
        return e->d_type == DT_DIR;
    return fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Puts the folders below @p f in front of @p rest and, with @p counts, notes its files. */
static struct folder *search(struct sl__tree *t, const struct folder *f, bool counts,
                             struct folder *rest)
{
    struct folder *found = rest, *entry;
    struct full_path room;
    struct dirent *e;
    DIR *dir = opendir(full(t, f->path, &room));

    while (dir && (e = readdir(dir))) {
        bool is_folder = entry_is_folder(dirfd(dir), e);

        if (f->path[0] && !is_folder && is_build_mark(e->d_name)) {
            while (found != rest) {
                entry = found;
                found = entry->next;
                sl__free(entry);
            }
            closedir(dir);
            forget_below(t, f->path);
            return rest;
        }
        if (sl__tree_ignores(e->d_name, is_folder))
            continue;
        entry = folder_new(f->path, e->d_name);
        if (is_folder) {
            entry->next = found;
            found = entry;
        } else {
            if (counts)
                note(t, entry->path, true, true);
            sl__free(entry);
        }
    }
    if (dir)
        closedir(dir);
    return found;
}

/* Adds a folder and all below it. @p f is taken. A folder that vanished or may not be read is no
 * error; running out of watches is. */
static int add_all(struct sl__tree *t, struct folder *f, bool counts)
{
    int r = 0;

    while (f) {
        struct folder *next = f->next;
        int one = r == -ENOSPC ? r : watch_folder(t, f);

        if (one == 0)
            next = search(t, f, counts, next);
        else if (one == -ENOSPC || one == -ENOMEM || !f->path[0])
            r = one;
        if (one < 0)
            sl__free(f);
        f = next;
    }
    return r;
}

static void add_later(struct sl__tree *t, const char *path, bool counts)
{
    int r = add_all(t, folder_new("", path), counts);

    if (r < 0)
        complain(t, r, path);
}

/* Events */

static void on_folder(struct sl__tree *t, uint32_t mask, const char *path)
{
    if (mask & (IN_CREATE | IN_MOVED_TO)) {
        add_later(t, path, true);
    } else if (mask & IN_MOVED_FROM) {
        forget_below(t, path);
        note(t, path, false, true);
    }
}

/* A new file counts once it has been written and closed; a link, or one that came into being with
 * its content, is there at once. */
static void on_created(struct sl__tree *t, const char *path)
{
    struct full_path room;
    struct stat st;

    if (lstat(full(t, path, &room), &st) < 0)
        note(t, path, true, false);
    else if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        note(t, path, true, S_ISLNK(st.st_mode) || st.st_size > 0 || st.st_nlink > 1);
}

static void on_file(struct sl__tree *t, uint32_t mask, const char *path)
{
    if (mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
        note(t, path, false, true);
    else if (mask & IN_CREATE)
        on_created(t, path);
    else if (mask & (IN_DELETE | IN_MOVED_FROM))
        note_gone(t, path);
}

static void on_event(struct sl__tree *t, const struct inotify_event *e)
{
    struct folder *f = sl__map_get(&t->folders, key_of(&e->wd)), *entry;
    bool is_folder = e->mask & IN_ISDIR;

    if (e->mask & IN_Q_OVERFLOW) {
        t->lost = true;
        add_later(t, "", false);
        arm(t);
    } else if (f && (e->mask & IN_IGNORED)) {
        if (!f->path[0])
            complain(t, -ENOENT, "");
        forget_folder(t, f);
    } else if (f && e->len > 0 && f->path[0] && !is_folder && is_build_mark(e->name)) {
        entry = folder_new("", f->path); /* it is freed with the folder */
        forget_below(t, entry->path);
        sl__free(entry);
    } else if (f && e->len > 0 && !sl__tree_ignores(e->name, is_folder)) {
        entry = folder_new(f->path, e->name);
        if (is_folder)
            on_folder(t, e->mask, entry->path);
        else
            on_file(t, e->mask, entry->path);
        sl__free(entry);
    }
}

static void read_events(struct sl__tree *t)
{
    _Alignas(struct inotify_event) char buf[16384];
    ssize_t n = 1;

    for (int i = 0; i < READS_MAX && n > 0; i++) {
        n = read(t->watch.fd, buf, sizeof buf);
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(buf + at);

            on_event(t, e);
            at += (ssize_t)(sizeof *e + e->len);
        }
    }
}

static void ready(struct sl__watch *w, uint32_t events)
{
    read_events(SL__OWNER(w, struct sl__tree, watch));
}

struct sl__tree *sl__tree_watch(struct sl__loop *l, const char *root,
                                const struct sl__tree_events *events, char *ret_error,
                                size_t error_len)
{
    struct sl__tree *t = sl__alloc_zeroed(sizeof *t);
    int r = 0;

    t->loop = l;
    t->events = *events;
    sl__changes_init(&t->changes);
    t->quiet.fire = report;
    if (strlen(root) >= sizeof t->root)
        r = -ENAMETOOLONG;
    else
        memcpy(t->root, root, strlen(root) + 1);
    t->watch = (struct sl__watch){.fd = -1, .events = EPOLLIN, .ready = ready};
    if (r == 0) {
        t->watch.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        r = t->watch.fd < 0 ? -errno : sl__loop_add(l, &t->watch);
        if (r < 0 && t->watch.fd >= 0) {
            close(t->watch.fd);
            t->watch.fd = -1;
        }
    }
    if (r == 0)
        r = add_all(t, folder_new("", ""), false);
    if (r == 0)
        return t;
    explain(r, root, ret_error, error_len);
    sl__tree_free(t);
    return NULL;
}

void sl__tree_free(struct sl__tree *t)
{
    struct sl__str key;
    void *value;
    size_t at = 0;

    if (!t)
        return;
    sl__timer_stop(t->loop, &t->quiet);
    if (t->watch.fd >= 0) {
        sl__loop_remove(t->loop, &t->watch);
        close(t->watch.fd);
    }
    while (sl__map_next(&t->folders, &at, &key, &value))
        sl__free(value);
    sl__map_finish(&t->folders);
    sl__changes_clear(&t->changes);
    sl__free(t);
}
