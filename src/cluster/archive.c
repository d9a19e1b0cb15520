/*
 * The archive: numbers, texts and descriptors, in one direction or the other.
 *
 * Comes from master_upgrade.c, which takes every part of the master through it before the exec and
 * after it. What is read was written by another program, so lengths are checked and the whole is
 * summed up; but its writer was this very process, so nothing worse than an accident is expected.
 */
#include "cluster/archive.h"

#include "base/sys.h"
#include "cluster/memfd.h"
#include "shallot/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x31746f6c6c616853) /* "Shallot1" */
#define FDS_MAX 65536u

/* The first octets of a state of any version. */
struct head {
    uint64_t magic;
    uint32_t version;
    uint32_t fd_count;
    int32_t fallback;
    uint32_t unused;
    uint64_t size; /* of all, this included */
    uint64_t sum;  /* over what follows */
};

/* FNV-1a, eight octets at a time: against accidents. */
static uint64_t sum_of(const char *at, size_t len)
{
    uint64_t sum = 14695981039346656037u, word;

    for (; len >= 8; len -= 8, at += 8) {
        memcpy(&word, at, 8);
        sum = (sum ^ word) * 1099511628211u;
    }
    for (; len > 0; len--, at++)
        sum = (sum ^ (unsigned char)*at) * 1099511628211u;
    return sum;
}

static void fail(struct sl__archive *a, int error)
{
    if (a->error == 0)
        a->error = error;
}

/* The head alone is read from the file: what follows may be anything. */
static int read_head(int fd, struct head *ret)
{
    struct stat st;

    if (pread(fd, ret, sizeof *ret, 0) != (ssize_t)sizeof *ret || ret->magic != MAGIC ||
        fstat(fd, &st) < 0 || (uint64_t)st.st_size != ret->size || ret->fd_count > FDS_MAX ||
        ret->size < sizeof *ret + ret->fd_count * sizeof(int))
        return -EBADMSG;
    return 0;
}

void sl__archive_write(struct sl__archive *a)
{
    *a = (struct sl__archive){0};
}

int sl__archive_read(struct sl__archive *a, int fd, uint32_t *ret_version)
{
    struct head head;

    *a = (struct sl__archive){.reading = true};
    *ret_version = 0;
    if (read_head(fd, &head) < 0)
        return -EBADMSG;
    *ret_version = head.version;
    if (head.version != SL__STATE_VERSION)
        return -SL_EPROTOCOL;
    a->mapped = sl__sys_mmap((size_t)head.size, PROT_READ, MAP_PRIVATE, fd);
    if (!a->mapped)
        return -ENOMEM;
    a->size = a->end = (size_t)head.size;
    a->at = sizeof head + head.fd_count * sizeof(int);
    if (sum_of(a->mapped + sizeof head, a->size - sizeof head) != head.sum) {
        sl__archive_finish(a);
        return -EBADMSG;
    }
    return 0;
}

void sl__archive_finish(struct sl__archive *a)
{
    if (a->mapped)
        munmap((void *)(uintptr_t)a->mapped, a->size);
    sl__buf_finish(&a->out);
    sl__buf_finish(&a->fds);
    a->mapped = NULL;
}

static int write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int sl__archive_seal(struct sl__archive *a, int fallback)
{
    struct head head = {.magic = MAGIC, .version = SL__STATE_VERSION, .fallback = fallback};
    struct sl__buf body = {0};
    int fd = -1, r;

    sl__archive_fd(a, &fallback); /* is inherited, too; what it adds at the end is not read */
    r = a->error;
    if (r == 0 && sl__buf_len(&a->fds) > 0)
        r = sl__buf_append(&body, a->fds.data + a->fds.at, sl__buf_len(&a->fds));
    if (r == 0)
        r = sl__buf_append(&body, a->out.data + a->out.at, sl__buf_len(&a->out));
    if (r < 0)
        goto out;
    head.fd_count = (uint32_t)(sl__buf_len(&a->fds) / sizeof(int));
    head.size = sizeof head + sl__buf_len(&body);
    head.sum = sum_of(body.data + body.at, sl__buf_len(&body));
    fd = r = sl__memfd_create("shallot-state");
    if (fd < 0)
        goto out;
    r = write_all(fd, &head, sizeof head);
    if (r == 0)
        r = write_all(fd, body.data + body.at, sl__buf_len(&body));
    if (r == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        r = -errno;
    if (r < 0)
        close(fd);
out:
    sl__buf_finish(&body);
    return r < 0 ? r : fd;
}

int sl__archive_fallback(int fd)
{
    struct head head;

    return read_head(fd, &head) < 0 ? -1 : head.fallback;
}

int sl__archive_inherit(int fd, bool inherit)
{
    struct head head;
    int one, r = 0;

    if (read_head(fd, &head) < 0)
        return -EBADMSG;
    for (uint32_t i = 0; i < head.fd_count; i++) {
        off_t at = (off_t)(sizeof head + i * sizeof one);

        if (pread(fd, &one, sizeof one, at) != (ssize_t)sizeof one ||
            fcntl(one, F_SETFD, inherit ? 0 : FD_CLOEXEC) < 0)
            r = -EBADF;
    }
    return r;
}

void sl__archive_bytes(struct sl__archive *a, void *bytes, size_t len)
{
    if (len == 0)
        return; /* and the pointer may be NULL */
    if (!a->reading) {
        if (a->error == 0)
            fail(a, sl__buf_append(&a->out, bytes, len));
        return;
    }
    if (a->error == 0 && len > a->end - a->at)
        fail(a, -EBADMSG);
    if (a->error != 0) {
        memset(bytes, 0, len);
        return;
    }
    memcpy(bytes, a->mapped + a->at, len);
    a->at += len;
}

void sl__archive_u32(struct sl__archive *a, uint32_t *value)
{
    sl__archive_bytes(a, value, sizeof *value);
}

void sl__archive_u64(struct sl__archive *a, uint64_t *value)
{
    sl__archive_bytes(a, value, sizeof *value);
}

void sl__archive_i64(struct sl__archive *a, int64_t *value)
{
    sl__archive_bytes(a, value, sizeof *value);
}

void sl__archive_bool(struct sl__archive *a, bool *value)
{
    uint8_t octet = *value;

    sl__archive_bytes(a, &octet, 1);
    if (octet > 1)
        fail(a, -EBADMSG);
    *value = octet == 1;
}

void sl__archive_size(struct sl__archive *a, size_t *value, size_t most)
{
    uint64_t wide = *value;

    sl__archive_u64(a, &wide);
    if (wide > most) {
        fail(a, -EBADMSG);
        wide = 0;
    }
    *value = (size_t)wide;
}

void sl__archive_text(struct sl__archive *a, char *text, size_t size)
{
    size_t len = a->reading ? 0 : strlen(text);

    sl__archive_size(a, &len, size - 1);
    sl__archive_bytes(a, text, len);
    text[len] = 0;
}

void sl__archive_fd(struct sl__archive *a, int *fd)
{
    int32_t number = *fd;

    sl__archive_bytes(a, &number, sizeof number);
    if (number < -1)
        fail(a, -EBADMSG);
    if (!a->reading && a->error == 0 && number >= 0) {
        int plain = number;

        fail(a, sl__buf_append(&a->fds, &plain, sizeof plain));
    }
    *fd = a->error == 0 ? number : -1;
}

void sl__archive_mark(struct sl__archive *a, const char *letters)
{
    char found[4];

    memcpy(found, letters, 4);
    sl__archive_bytes(a, found, 4);
    if (memcmp(found, letters, 4) != 0)
        fail(a, -EBADMSG);
}
