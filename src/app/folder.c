/*
 * Folders whose files clients may name.
 *
 * sl_static() and handlers come here with a name. It is looked up beneath the folder (beneath.c)
 * through a cache of the folder's own, and what is found becomes the body as it does for sl_file().
 * Compressed siblings are looked for beside a file: what is beside one in memory is remembered for
 * a second, because nobody gets anything wrong if a sibling is noticed late; one that is sent is
 * found like every other file.
 */
#include "shallot/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/content.h"
#include "app/reply.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"
#include "http/beneath.h"
#include "shallot/accept.h"
#include "shallot/response.h"

#define SIBLINGS_HOLD SL__SEC
#define SUFFIX_MAX ((size_t)5) /* with NUL */

struct sl_folder {
    struct sl__beneath beneath;
    struct sl__file_cache cache;
    dev_t device; /* of the folder that is open */
    ino_t inode;
    int64_t looked;                 /* loop time at which the path still named it */
    bool dotfiles, siblings, sized; /* sized: the cache knows how much it may hold */
    char path[];
};

/* Best first, as servers prefer them at the same q. */
static const struct {
    const char *coding, *suffix;
} codings[] = {{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}};

#define CODINGS (sizeof codings / sizeof codings[0])

static int open_folder(const char *path, struct stat *st)
{
    int fd = sl__sys_open(path, O_PATH | O_DIRECTORY, 0), r;

    if (fd < 0 || fstat(fd, st) == 0)
        return fd;
    r = -errno;
    close(fd);
    return r;
}

/* The path may name another folder by now. While it names none the old one is served. */
static void look_at_folder(sl_folder *f, int64_t now)
{
    struct stat st;
    int fd;

    if (f->looked == now)
        return;
    f->looked = now;
    if (stat(f->path, &st) < 0 || (st.st_dev == f->device && st.st_ino == f->inode))
        return;
    fd = open_folder(f->path, &st);
    if (fd < 0)
        return;
    sl__file_cache_finish(&f->cache);
    close(f->beneath.dir);
    f->beneath.dir = fd;
    f->device = st.st_dev;
    f->inode = st.st_ino;
}

/* What a client has no business to tell apart. */
static int simpler(int error)
{
    switch (error) {
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -EXDEV:
    case -ELOOP:
    case -EINVAL:
    case -EAGAIN: /* somebody renames all the time */
        return -ENOENT;
    case -ENXIO: /* a socket */
        return -EISDIR;
    default:
        return error;
    }
}

/* Bits of the codings that there are siblings for, in which the file has not changed since. */
static unsigned look_for_siblings(sl_folder *f, const char *path,
                                  const struct sl__file_version *version)
{
    size_t len = strlen(path);
    char name[4096 + SUFFIX_MAX];
    unsigned found = 0;

    if (len >= sizeof name - SUFFIX_MAX)
        return 0;
    memcpy(name, path, len);
    for (size_t i = 0; i < CODINGS; i++) {
        struct sl__file_version sibling;

        memcpy(name + len, codings[i].suffix, strlen(codings[i].suffix) + 1);
        /* Compressors that give a file its original's time do not give it all the nanoseconds. */
        if (sl__file_cache_look(&f->cache, name, &sibling) == 0 &&
            sibling.modified / SL__SEC >= version->modified / SL__SEC)
            found |= 1u << i;
    }
    return found;
}

static unsigned siblings_of(sl_folder *f, const char *path, const struct sl__found *found,
                            int64_t now)
{
    struct sl__file *file = found->file;

    if (!file)
        return look_for_siblings(f, path, &found->version);
    if (file->siblings_due <= now) {
        file->siblings = look_for_siblings(f, path, &found->version);
        file->siblings_due = now + SIBLINGS_HOLD;
    }
    return file->siblings;
}

/* The one of those in @p siblings that the client likes best; CODINGS if it likes none. */
static size_t choose(sl_ctx *c, unsigned siblings)
{
    const char *offered[CODINGS + 1], *best;
    size_t count = 0, i;

    for (i = 0; i < CODINGS; i++)
        if (siblings & 1u << i)
            offered[count++] = codings[i].coding;
    offered[count] = NULL;
    best = sl_accepts_encoding_of(c, offered);
    for (i = 0; i < CODINGS && codings[i].coding != best; i++)
        ;
    return i;
}

static void give_up(struct sl__found *found)
{
    if (found->file)
        sl__file_let_go(found->file);
    else
        close(found->fd);
}

/* Puts a sibling in the place of what was found, if the client wants one. 0, or -ENOMEM. */
static int prefer_sibling(sl_ctx *c, sl_folder *f, const char *path, struct sl__found *found,
                          int64_t now)
{
    unsigned siblings = siblings_of(f, path, found, now);
    struct sl__found other;
    const char *name;
    size_t best;
    int r;

    if (!siblings)
        return 0;
    r = sl_vary(c, "Accept-Encoding");
    best = r == 0 ? choose(c, siblings) : CODINGS;
    if (best == CODINGS)
        return r;
    name = sl_format(c, "%s%s", path, codings[best].suffix);
    if (!name)
        return -ENOMEM;
    if (sl__file_cache_find(&f->cache, name, now, &other) < 0)
        return 0; /* gone just now: the file itself is as good */
    r = sl_set_header(c, "Content-Encoding", codings[best].coding);
    give_up(r == 0 ? found : &other);
    if (r == 0)
        *found = other;
    return r;
}

/* Hidden is what begins with a dot, except for the one such name that is meant for all the world
 * (RFC 8615). */
static bool may_be_asked_for(const sl_folder *f, const char *path)
{
    static const char well_known[] = ".well-known/";

    if (strncmp(path, well_known, sizeof well_known - 1) == 0)
        path += sizeof well_known - 1;
    return sl__beneath_plain(path, f->dotfiles);
}

int sl_folder_file(sl_ctx *c, sl_folder *folder, const char *path)
{
    int64_t now = sl__content_now();
    struct sl__found found;
    const char *type;
    int r = sl__reply_open(c);

    if (r < 0)
        return r;
    if (!path || !may_be_asked_for(folder, path))
        return -ENOENT;
    if (!folder->sized) {
        folder->cache.capacity = c->app->options.limits.file_cache_bytes;
        folder->sized = true;
    }
    look_at_folder(folder, now);
    r = sl__file_cache_find(&folder->cache, path, now, &found);
    if (r < 0)
        return simpler(r);
    type = sl__content_type(&found, path);
    if (folder->siblings)
        r = prefer_sibling(c, folder, path, &found, now);
    if (r < 0) {
        give_up(&found);
        return r;
    }
    sl__content_set_file(c, &found, type);
    return 0;
}

sl_folder *sl_folder_open_with(const char *path, const sl_folder_options *given)
{
    sl_folder_options options = {0};
    const char *name = path ? path : "";
    struct stat st;
    sl_folder *f;
    int fd;

    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    fd = open_folder(name, &st);
    if (fd < 0) {
        sl__log(SL__ERROR,
                "cannot serve the folder \"%s\": %s; it must be there when the program starts",
                name, sl_strerror(fd));
        return NULL;
    }
    f = sl__alloc_zeroed(sizeof *f + strlen(name) + 1);
    memcpy(f->path, name, strlen(name) + 1);
    sl__beneath_init(&f->beneath, fd, !options.no_links);
    if (f->beneath.steps && f->beneath.links)
        sl__log(SL__WARN,
                "symbolic links in \"%s\" are not followed: openat2 is not to be had here", name);
    sl__file_cache_init(&f->cache, options.cache_bytes);
    f->cache.beneath = &f->beneath;
    f->sized = options.cache_bytes > 0;
    f->device = st.st_dev;
    f->inode = st.st_ino;
    f->dotfiles = options.dotfiles;
    f->siblings = !options.no_siblings;
    return f;
}

void sl_folder_close(sl_folder *folder)
{
    if (!folder)
        return;
    sl__file_cache_finish(&folder->cache);
    close(folder->beneath.dir);
    sl__free(folder);
}
