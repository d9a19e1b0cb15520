/*
 * Sealed memfds, the way large messages travel: inside the order of the channel, yet without being
 * copied through it.
 *
 * Comes from cluster/channel.c, which makes one of every body too large for a batch and checks
 * every one that arrives; leaves as a descriptor beside the frame. The check is what lets a
 * receiver map the pages: a file that could still shrink would turn its reads into SIGBUS.
 */
#include "cluster/memfd.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3; without it newer kernels grumble in their log */
#endif

#define BODY_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int write_all(int fd, const char *from, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, from, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        from += n;
        len -= (size_t)n;
    }
    return 0;
}

int sl__memfd_create(const char *name)
{
    static bool old_kernel;
    int fd = -1;

    if (!old_kernel) {
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
        old_kernel = fd < 0 && errno == EINVAL;
    }
    if (old_kernel)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

int sl__memfd_seal(const void *body, size_t len)
{
    int fd = sl__memfd_create("shallot-message");
    int r;

    if (fd < 0)
        return fd;
    r = write_all(fd, body, len);
    if (r == 0 && fcntl(fd, F_ADD_SEALS, BODY_SEALS | F_SEAL_SEAL) < 0)
        r = -errno;
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

int sl__memfd_check(int fd, uint64_t len)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;

    if (seals < 0 || (seals & BODY_SEALS) != BODY_SEALS)
        return -EBADMSG;
    if (fstat(fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size != len)
        return -EBADMSG;
    return 0;
}

void *sl__memfd_map(int fd, size_t len)
{
    return sl__sys_mmap(len, PROT_READ, MAP_SHARED, fd);
}
