/*
 * The archive: what is written is read; what is not whole, or of another version, is refused, and
 * the way back is found all the same. That supervisor and relay are themselves after it is shown by
 * tests/sim, and everything together by tests/e2e/test_upgrade.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "cluster/archive.h"
#include "cluster/batch.h"
#include "cluster/regions.h"
#include "shallot/error.h"

struct everything {
    uint32_t small;
    uint64_t large;
    int64_t negative;
    bool yes, no;
    size_t size;
    char text[16];
    int fd, none;
};

static void archive(struct sl__archive *a, struct everything *e)
{
    sl__archive_mark(a, "TEST");
    sl__archive_u32(a, &e->small);
    sl__archive_u64(a, &e->large);
    sl__archive_i64(a, &e->negative);
    sl__archive_bool(a, &e->yes);
    sl__archive_bool(a, &e->no);
    sl__archive_size(a, &e->size, 1000);
    sl__archive_text(a, e->text, sizeof e->text);
    sl__archive_fd(a, &e->fd);
    sl__archive_fd(a, &e->none);
    sl__archive_mark(a, "DONE");
}

static struct everything filled(int fd)
{
    return (struct everything){7,    UINT64_MAX,        INT64_MIN, true, false,
                               1000, "fifteen letters", fd,        -1};
}

static int sealed(int fd, int fallback)
{
    struct everything e = filled(fd);
    struct sl__archive a;
    int state;

    sl__archive_write(&a);
    archive(&a, &e);
    state = sl__archive_seal(&a, fallback);
    sl__archive_finish(&a);
    assert_true(state >= 0);
    return state;
}

static void test_round_trip(void **state)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC),
        other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int file = sealed(fd, other);
    struct everything e = {0};
    struct sl__archive a;
    uint32_t version;

    assert_int_equal(sl__archive_read(&a, file, &version), 0);
    assert_int_equal(version, SL__STATE_VERSION);
    archive(&a, &e);
    assert_int_equal(a.error, 0);
    sl__archive_finish(&a);
    assert_int_equal(e.small, 7);
    assert_true(e.large == UINT64_MAX && e.negative == INT64_MIN);
    assert_true(e.yes && !e.no);
    assert_int_equal(e.size, 1000);
    assert_string_equal(e.text, "fifteen letters");
    assert_int_equal(e.fd, fd);
    assert_int_equal(e.none, -1);
    assert_int_equal(sl__archive_fallback(file), other);
    assert_int_equal(sl__archive_inherit(file, true), 0);
    assert_int_equal(fcntl(fd, F_GETFD), 0);
    assert_int_equal(fcntl(other, F_GETFD), 0); /* the way back is inherited, too */
    assert_int_equal(sl__archive_inherit(file, false), 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    assert_int_equal(sl__archive_inherit(file, false), -EBADF);
    close(other);
    close(file);
}

/* The octets of a good state, to be spoilt. */
static size_t octets(char *buf, size_t size)
{
    int file = sealed(-1, -1);
    ssize_t n = pread(file, buf, size, 0);

    close(file);
    assert_true(n > 0 && (size_t)n < size);
    return (size_t)n;
}

static int read_octets(const char *bytes, size_t len, uint32_t *ret_version)
{
    int file = memfd_create("state", MFD_CLOEXEC);
    struct sl__archive a;
    int r;

    assert_int_equal(write(file, bytes, len), len);
    r = sl__archive_read(&a, file, ret_version);
    sl__archive_finish(&a);
    close(file);
    return r;
}

static void test_truncated_or_spoilt(void **state)
{
    char bytes[512], spoilt[512];
    size_t len = octets(bytes, sizeof bytes);
    uint32_t version;

    assert_int_equal(read_octets(bytes, len, &version), 0);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(read_octets(bytes, n, &version), -EBADMSG);
    for (size_t n = 0; n < len; n++) {
        int r;

        memcpy(spoilt, bytes, len);
        spoilt[n] ^= 0x40;
        r = read_octets(spoilt, len, &version);
        if (n >= 16 && n < 24) /* the way back, and what is unused */
            continue;
        assert_int_equal(r, n >= 8 && n < 12 ? -SL_EPROTOCOL : -EBADMSG);
    }
    bytes[len] = 0;
    assert_int_equal(read_octets(bytes, len + 1, &version), -EBADMSG);
}

static void test_another_version(void **state)
{
    char bytes[512];
    size_t len = octets(bytes, sizeof bytes);
    uint32_t version = SL__STATE_VERSION + 3;
    int32_t fallback = 17;
    int file = memfd_create("state", MFD_CLOEXEC);

    memcpy(bytes + 8, &version, 4);
    memcpy(bytes + 16, &fallback, 4);
    version = 0;
    assert_int_equal(read_octets(bytes, len, &version), -SL_EPROTOCOL);
    assert_int_equal(version, SL__STATE_VERSION + 3);
    assert_int_equal(write(file, bytes, len), len); /* the way back can be read all the same */
    assert_int_equal(sl__archive_fallback(file), 17);
    close(file);
}

static void test_parts_that_do_not_fit(void **state)
{
    struct everything e = filled(-1);
    struct sl__archive a;
    char shorter[8] = "before";
    uint32_t version, number = 9;
    int file = sealed(-1, -1);

    assert_int_equal(sl__archive_read(&a, file, &version), 0);
    sl__archive_mark(&a, "ELSE");
    assert_int_equal(a.error, -EBADMSG);
    sl__archive_u32(&a, &number); /* after an error everything is zero */
    assert_int_equal(number, 0);
    sl__archive_text(&a, shorter, sizeof shorter);
    assert_string_equal(shorter, "");
    sl__archive_fd(&a, &e.fd);
    assert_int_equal(e.fd, -1);
    sl__archive_finish(&a);

    assert_int_equal(sl__archive_read(&a, file, &version), 0);
    archive(&a, &e);
    for (int i = 0; i < 100; i++) /* beyond the end */
        sl__archive_u64(&a, &e.large);
    assert_int_equal(a.error, -EBADMSG);
    sl__archive_finish(&a);
    close(file);

    sl__archive_write(&a); /* more than the reader would take */
    e.size = 1001;
    sl__archive_size(&a, &e.size, 1000);
    assert_int_equal(a.error, -EBADMSG);
    assert_int_equal(sl__archive_seal(&a, -1), -EBADMSG);
    sl__archive_finish(&a);
}

/* Batches with descriptors, and regions: lists. */
static void test_lists(void **state)
{
    struct sl__link out, in;
    struct sl__regions before, after;
    struct sl__shape shape = sl__map_shape(10, 10, 10), wrong = {.kind = 77};
    const struct sl__region *other;
    struct sl__region *region;
    struct sl__batch *b;
    struct sl__archive a;
    uint32_t version;
    int file;

    sl__batch_pool_enter();
    sl__list_init(&out);
    sl__list_init(&in);
    for (int i = 0; i < 3; i++) {
        b = sl__batch_take();
        memset(b->data, 'a' + i, b->len = (size_t)i * 1000);
        b->cost = 77;
        b->fds[b->fd_count++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        sl__list_append(&out, &b->link);
    }
    sl__regions_init(&before);
    sl__regions_init(&after);
    assert_int_equal(sl__regions_open(&before, "m", &shape, &region, &other), 0);
    region->good = true;
    assert_int_equal(sl__regions_open(&before, "m", &wrong, &region, &other), -EINVAL);
    sl__archive_write(&a);
    sl__batches_archive(&out, &a);
    sl__regions_archive(&before, &a);
    file = sl__archive_seal(&a, -1);
    sl__archive_finish(&a);
    assert_int_equal(sl__archive_read(&a, file, &version), 0);
    sl__batches_archive(&in, &a);
    sl__regions_archive(&after, &a);
    assert_int_equal(a.error, 0);
    sl__archive_finish(&a);
    for (int i = 0; i < 3; i++) {
        struct sl__batch *was = SL__OWNER(sl__list_take(&out), struct sl__batch, link);

        b = SL__OWNER(sl__list_take(&in), struct sl__batch, link);
        assert_int_equal(b->len, i * 1000);
        assert_memory_equal(b->data, was->data, b->len);
        assert_int_equal(b->cost, 77);
        assert_int_equal(b->fd_count, 1);
        assert_int_equal(b->fds[0], was->fds[0]);
        was->fd_count = 0; /* one of the two closes it */
        sl__batch_give(was);
        sl__batch_give(b);
    }
    assert_true(sl__list_empty(&in));
    assert_int_equal(sl__regions_open(&after, "m", &shape, &region, &other), 0);
    assert_true(region->good);
    sl__regions_finish(&after);
    region = SL__OWNER(sl__list_take(&before.all), struct sl__region, link);
    sl__free(region); /* its descriptor was the other's, too */
    close(file);
    sl__batch_pool_leave();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_truncated_or_spoilt),
        cmocka_unit_test(test_another_version), cmocka_unit_test(test_parts_that_do_not_fit),
        cmocka_unit_test(test_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
