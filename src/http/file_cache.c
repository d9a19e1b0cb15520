/*
 * Small files that are asked for often, held in memory, and not served once they have changed.
 *
 * sl_file() comes here with a path, and leaves with a version of the file or with a descriptor. A
 * file held is compared with what its path names now (device, inode, size, both times) before it is
 * given out, once per tick of the loop. Times tell versions apart only if no later write can leave
 * the same ones: the clocks of file systems are coarse, so what has changed in the last seconds is
 * served but not kept. Writes through a shared mapping change the times late; for their sake
 * everything is read anew after a minute.
 *
 * mmap() would save the copy, and let whoever shortens the file kill the worker.
 */
#include "http/file_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"

#define SETTLED 3           /* seconds without a change; FAT's clock has steps of two */
#define ANEW (60 * SL__SEC) /* twice as long as the kernel may leave a mapped page dirty */
#define SHARE ((size_t)8)   /* no file may take more than an eighth of the cache */
#define MAP_ENTRY ((size_t)64)

static int64_t nanoseconds(struct timespec t)
{
    return t.tv_sec * SL__SEC + t.tv_nsec;
}

static struct sl__file_version version_of(const struct stat *st)
{
    return (struct sl__file_version){.device = st->st_dev,
                                     .inode = st->st_ino,
                                     .size = st->st_size,
                                     .modified = nanoseconds(st->st_mtim),
                                     .changed = nanoseconds(st->st_ctim)};
}

static bool same_version(const struct sl__file_version *a, const struct sl__file_version *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified == b->modified && a->changed == b->changed;
}

/* What tells the entity tag of a compressed sibling from the file's own (RFC 9110 §8.8.3.3). */
static const char *mark(const char *path)
{
    static const char *const marks[] = {"-br", "-gz", "-zst"};
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < sizeof marks / sizeof *marks; i++)
        if (strcmp(dot + 1, marks[i] + 1) == 0)
            return marks[i];
    return "";
}

/* A date in the future would not be one of the past by the time somebody compares it, so it must
 * not be said (RFC 9110 §8.8.2.1). The entity tag is weak as long as another change could leave the
 * same times (§8.8.1). */
static void stamp(struct sl__stamp *s, const char *path, const struct stat *st)
{
    int64_t now = sl__sys_wall(), modified = st->st_mtim.tv_sec;

    sl__http_date(modified < now ? modified : now, s->modified);
    snprintf(s->etag, sizeof s->etag, "%s\"%llx-%llx%s\"",
             now - st->st_ctim.tv_sec <= SETTLED ? "W/" : "",
             (unsigned long long)nanoseconds(st->st_mtim), (unsigned long long)st->st_size,
             mark(path));
}

static int open_path(const struct sl__file_cache *cache, const char *path, int flags)
{
    return cache->beneath ? sl__beneath_open(cache->beneath, path, flags)
                          : sl__sys_open(path, flags, 0);
}

/* Opens what is a regular file, and does not wait for anybody. */
static int open_regular(const struct sl__file_cache *cache, const char *path, struct stat *st)
{
    int fd = open_path(cache, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
    int r = -EISDIR;

    if (fd < 0)
        return fd;
    if (fstat(fd, st) < 0)
        r = -errno;
    else if (S_ISREG(st->st_mode))
        return fd;
    close(fd);
    return r;
}

static void give_back(struct sl__lender *lender)
{
    sl__file_let_go(SL__OWNER(lender, struct sl__file, lender));
}

/* NULL when out of memory. */
static struct sl__file *file_new(const char *path, const struct stat *st, int64_t now)
{
    size_t path_len = strlen(path), len = (size_t)st->st_size;
    struct sl__file *file = sl__try_alloc(sizeof *file + path_len + len + 2);

    if (!file)
        return NULL;
    *file = (struct sl__file){.lender = {give_back}, .holders = 1, .checked = now, .read = now};
    file->version = version_of(st);
    stamp(&file->stamp, path, st);
    memcpy(file->text, path, path_len + 1);
    file->path = (struct sl__str){file->text, path_len};
    file->bytes = (struct sl__str){file->text + path_len + 1, len};
    return file;
}

/* Less than expected is what a file has that somebody is shortening. */
static int read_bytes(struct sl__file *file, int fd)
{
    char *to = file->text + file->path.len + 1;
    size_t len = 0;

    while (len < file->bytes.len) {
        ssize_t n = pread(fd, to + len, file->bytes.len - len, (off_t)len);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            break;
        len += n > 0 ? (size_t)n : 0;
    }
    file->bytes.len = len;
    to[len] = '\0';
    return 0;
}

static size_t cost(const struct sl__file *file)
{
    return sizeof *file + 2 * file->path.len + file->bytes.len + MAP_ENTRY;
}

static void drop(struct sl__file_cache *cache, struct sl__file *file)
{
    sl__map_remove(&cache->map, file->path);
    sl__list_remove(&file->link);
    cache->bytes -= cost(file);
    sl__file_let_go(file);
}

/* True if the bytes are those of the version, and a later version will have another stamp. */
static bool is_settled(const struct sl__file *file, int fd)
{
    struct sl__file_version after;
    struct stat st;

    if (sl__sys_wall() - file->version.changed / SL__SEC <= SETTLED || fstat(fd, &st) < 0)
        return false;
    after = version_of(&st);
    return same_version(&file->version, &after) && file->bytes.len == (size_t)st.st_size;
}

/* Takes a share in a file that is settled, if there is room for it. */
static void keep(struct sl__file_cache *cache, struct sl__file *file)
{
    size_t bytes = cost(file);

    if (bytes > cache->capacity / SHARE || sl__map_set(&cache->map, file->path, file, NULL) < 0)
        return;
    while (cache->bytes + bytes > cache->capacity)
        drop(cache, SL__OWNER(cache->files.prev, struct sl__file, link));
    file->holders++;
    sl__list_insert(&cache->files, &file->link);
    cache->bytes += bytes;
}

static int find_on_disk(struct sl__file_cache *cache, const char *path, int64_t now,
                        struct sl__found *ret)
{
    struct stat st;
    int r = 0, fd = open_regular(cache, path, &st);

    if (fd < 0)
        return fd;
    *ret = (struct sl__found){.fd = fd, .len = st.st_size, .version = version_of(&st)};
    if (st.st_size <= (off_t)SL__FILE_SMALL)
        ret->file = file_new(path, &st, now);
    if (!ret->file) {
        stamp(&ret->stamp, path, &st);
        return 0;
    }
    ret->fd = -1;
    r = read_bytes(ret->file, fd);
    ret->len = (int64_t)ret->file->bytes.len;
    if (r < 0)
        sl__file_let_go(ret->file);
    else if (is_settled(ret->file, fd))
        keep(cache, ret->file);
    close(fd);
    return r;
}

/* Beneath a folder the way is the same as for opening, so that a file that was moved out is not
 * found through a link that leads there. */
static int look_at(const struct sl__file_cache *cache, const char *path, struct stat *st)
{
    int fd, r = 0;

    if (!cache->beneath)
        return stat(path, st) < 0 ? -errno : 0;
    fd = sl__beneath_open(cache->beneath, path, O_PATH);
    if (fd < 0)
        return fd;
    if (fstat(fd, st) < 0)
        r = -errno;
    close(fd);
    return r;
}

/* True if the path still names this version. */
static bool is_current(const struct sl__file_cache *cache, struct sl__file *file, int64_t now)
{
    struct sl__file_version version;
    struct stat st;

    if (now - file->read >= ANEW)
        return false;
    if (now == file->checked)
        return true;
    if (look_at(cache, file->path.ptr, &st) < 0)
        return false;
    version = version_of(&st);
    file->checked = now;
    return same_version(&file->version, &version);
}

void sl__file_cache_init(struct sl__file_cache *cache, size_t capacity)
{
    *cache = (struct sl__file_cache){.capacity = capacity};
    sl__list_init(&cache->files);
}

void sl__file_cache_finish(struct sl__file_cache *cache)
{
    while (cache->files.next && !sl__list_empty(&cache->files))
        drop(cache, SL__OWNER(cache->files.next, struct sl__file, link));
    sl__map_finish(&cache->map);
}

int sl__file_cache_find(struct sl__file_cache *cache, const char *path, int64_t now,
                        struct sl__found *ret)
{
    struct sl__file *file = sl__map_get(&cache->map, sl__str_of(path));

    if (file && !is_current(cache, file, now)) {
        drop(cache, file);
        file = NULL;
    }
    if (!file)
        return find_on_disk(cache, path, now, ret);
    if (cache->files.next != &file->link) {
        sl__list_remove(&file->link);
        sl__list_insert(&cache->files, &file->link);
    }
    file->holders++;
    *ret = (struct sl__found){
        .file = file, .fd = -1, .len = (int64_t)file->bytes.len, .version = file->version};
    return 0;
}

int sl__file_cache_look(const struct sl__file_cache *cache, const char *path,
                        struct sl__file_version *ret)
{
    struct stat st;
    int r = look_at(cache, path, &st);

    if (r < 0)
        return r;
    *ret = version_of(&st);
    return S_ISREG(st.st_mode) ? 0 : -EISDIR;
}

void sl__file_let_go(struct sl__file *file)
{
    if (--file->holders == 0)
        sl__free(file);
}
