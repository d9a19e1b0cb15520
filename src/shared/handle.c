/*
 * Handles and the memory behind them.
 *
 * The app makes one for each counter and map that main() names, before there is a cluster; that is
 * all a standalone program ever needs. In a worker serve/ binds it to what the master has sent, in
 * the master shallot.c to the same.
 */
#include "shared/handle.h"

#include "base/mem.h"
#include "base/sys.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct sl__handle *sl__handle_new(const char *name, const struct sl__shape *shape)
{
    struct sl__handle *h = sl__try_alloc_zeroed(sizeof *h);

    if (!h)
        return NULL;
    h->shape = *shape;
    h->size = sl__shape_size(shape);
    if (shape->kind == SL__REGION_MAP)
        h->measures = sl__store_measure(shape);
    h->patient = true;
    h->name = sl__try_strdup(name);
    if (h->name) /* NORESERVE: as a memfd, it takes what is used of it */
        h->memory = sl__sys_mmap(h->size, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (!h->memory) {
        sl__handle_free(h);
        return NULL;
    }
    sl__region_format(h->memory, shape);
    return h;
}

void sl__handle_free(struct sl__handle *h)
{
    if (!h)
        return;
    if (h->memory)
        munmap(h->memory, h->size);
    sl__free(h->name);
    sl__free(h);
}

int sl__handle_bind(struct sl__handle *h, int fd)
{
    struct stat st;
    void *memory;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size < 0 || (uint64_t)st.st_size != h->size)
        return -EBADMSG;
    memory = sl__sys_mmap(h->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    if (!memory)
        return -ENOMEM;
    munmap(h->memory, h->size);
    h->memory = memory;
    h->stopped = 0;
    return 0;
}
