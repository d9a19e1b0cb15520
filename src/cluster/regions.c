/*
 * The master's shared memory.
 *
 * Names and shapes come from the program's own main() before any worker starts, and later from
 * each worker; descriptors go to the workers in SHARED frames. A region is closed when the code
 * that serves names it no longer, or names it with another shape; workers that are still leaving
 * keep what they have mapped. Zeroed and formatted once, here, before anybody else knows of it.
 */
#include "cluster/regions.h"

#include "base/mem.h"
#include "base/sys.h"
#include "cluster/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void close_region(struct sl__region *r)
{
    sl__list_remove(&r->link);
    close(r->fd);
    sl__free(r);
}

/* The descriptor or a negative errno. */
static int make_memory(const struct sl__shape *shape)
{
    size_t size = sl__shape_size(shape);
    int fd, r = 0;
    void *memory;

    if (size == 0)
        return -EINVAL;
    fd = sl__memfd_create("shallot-shared");
    if (fd < 0)
        return fd;
    if (ftruncate(fd, (off_t)size) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        r = -errno;
    if (r == 0) {
        memory = sl__sys_mmap(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
        r = memory ? 0 : -ENOMEM;
        if (memory) {
            sl__region_format(memory, shape);
            munmap(memory, size);
        }
    }
    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}

void sl__regions_init(struct sl__regions *rs)
{
    sl__list_init(&rs->all);
}

void sl__regions_finish(struct sl__regions *rs)
{
    while (rs->all.next && !sl__list_empty(&rs->all))
        close_region(SL__OWNER(rs->all.next, struct sl__region, link));
}

int sl__regions_open(struct sl__regions *rs, const char *name, const struct sl__shape *shape,
                     struct sl__region **ret, const struct sl__region **ret_other)
{
    struct sl__region *r;
    unsigned count = 0;
    int fd;

    *ret_other = NULL;
    for (struct sl__link *at = rs->all.next; at != &rs->all; at = at->next, count++) {
        r = SL__OWNER(at, struct sl__region, link);
        if (strcmp(r->name, name) != 0)
            continue;
        if (sl__shape_equal(&r->shape, shape)) {
            *ret = r;
            return 0;
        }
        if (r->good)
            *ret_other = r;
    }
    if (count >= 2 * SL__REGIONS_MAX) /* those of a generation and of its candidate */
        return -E2BIG;
    fd = make_memory(shape);
    if (fd < 0)
        return fd;
    r = sl__alloc_zeroed(sizeof *r);
    memcpy(r->name, name, strlen(name) + 1);
    r->shape = *shape;
    r->fd = fd;
    sl__list_append(&rs->all, &r->link);
    *ret = r;
    return 0;
}

static void keep(struct sl__regions *rs, bool promote)
{
    struct sl__link *next;

    for (struct sl__link *at = rs->all.next; at != &rs->all; at = next) {
        struct sl__region *r = SL__OWNER(at, struct sl__region, link);

        next = at->next;
        if (promote)
            r->good = r->candidate;
        r->candidate = false;
        if (!r->good)
            close_region(r);
    }
}

void sl__regions_promote(struct sl__regions *rs)
{
    keep(rs, true);
}

void sl__regions_demote(struct sl__regions *rs)
{
    keep(rs, false);
}

static void archive_region(struct sl__region *r, struct sl__archive *a)
{
    sl__archive_text(a, r->name, sizeof r->name);
    sl__archive_bytes(a, &r->shape, sizeof r->shape);
    sl__archive_fd(a, &r->fd);
    sl__archive_bool(a, &r->good);
    sl__archive_bool(a, &r->candidate);
}

void sl__regions_archive(struct sl__regions *rs, struct sl__archive *a)
{
    size_t count = 0;

    sl__archive_mark(a, "SHRD");
    for (struct sl__link *at = rs->all.next; at != &rs->all; at = at->next)
        count++;
    sl__archive_size(a, &count, SIZE_MAX);
    if (!a->reading)
        for (struct sl__link *at = rs->all.next; at != &rs->all; at = at->next)
            archive_region(SL__OWNER(at, struct sl__region, link), a);
    for (; a->reading && count > 0 && a->error == 0; count--) {
        struct sl__region *r = sl__alloc_zeroed(sizeof *r);

        archive_region(r, a);
        sl__list_append(&rs->all, &r->link);
    }
}
