/*
 * Frames: what was written is read; what is broken is refused, whatever is broken about it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/frame.h"

static _Alignas(8) char batch[16384];

static size_t put(size_t at, uint8_t type, uint8_t flags, const char *topic, const void *body,
                  size_t body_len)
{
    struct sl__frame_head head = {
        .type = type, .flags = flags, .from = 7, .target = 9, .body_len = body_len};
    size_t size = sl__frame_write(batch + at, &head, topic, body);

    assert_int_equal(size % 8, 0);
    assert_int_equal(
        size, sl__frame_size(topic ? strlen(topic) : 0, flags & SL__FRAME_BODY_FD ? 0 : body_len));
    return at + size;
}

static void reads_what_was_written(void **state)
{
    static const char *const topics[] = {"", "a", "1234567", "12345678", "a topic of some length"};
    char body[40];
    size_t end = 0, at = 0, fd_at = 0;
    struct sl__frame frame;

    (void)state;
    memset(batch, 0xee, sizeof batch);
    memset(body, 'x', sizeof body);
    for (size_t t = 0; t < 5; t++) {
        for (size_t len = 0; len < 20; len++)
            end = put(end, SL__FRAME_SEND, 0, topics[t], body, len);
    }
    for (size_t t = 0; t < 5; t++) {
        for (size_t len = 0; len < 20; len++) {
            assert_int_equal(sl__frame_read(batch, end, &at, NULL, 0, &fd_at, &frame), 1);
            assert_int_equal(frame.head.type, SL__FRAME_SEND);
            assert_int_equal(frame.head.from, 7);
            assert_int_equal(frame.head.target, 9);
            assert_string_equal(frame.topic, topics[t]);
            assert_int_equal(frame.head.body_len, len);
            assert_int_equal((uintptr_t)frame.body % 8, 0);
            assert_memory_equal(frame.body, body, len);
            assert_int_equal(frame.fd, -1);
        }
    }
    assert_int_equal(sl__frame_read(batch, end, &at, NULL, 0, &fd_at, &frame), 0);
    assert_int_equal(at, end);
}

/* Paddings carry nothing of the writer's memory. */
static void clears_paddings(void **state)
{
    struct sl__frame_head head = {.type = SL__FRAME_SEND, .body_len = 3};
    char other[128];
    size_t size;

    (void)state;
    memset(batch, 0xee, sizeof batch);
    memset(other, 0x11, sizeof other);
    size = sl__frame_write(batch, &head, "ab", "xyz");
    assert_int_equal(size, 24 + 8 + 8);
    assert_memory_equal(batch + 24, "ab\0\0\0\0\0\0xyz\0\0\0\0\0", 16);
    assert_int_equal((unsigned char)batch[size], 0xee);
}

static void descriptors_go_to_their_frames(void **state)
{
    static const int fds[] = {50, 51};
    size_t end, at = 0, fd_at = 0;
    struct sl__frame frame;

    (void)state;
    end = put(0, SL__FRAME_GIVE, SL__FRAME_HAS_FD, NULL, NULL, 0);
    end = put(end, SL__FRAME_SEND, 0, "plain", "b", 1);
    end = put(end, SL__FRAME_SEND, SL__FRAME_BODY_FD, "large", NULL, (size_t)1 << 26);
    assert_int_equal(sl__frame_read(batch, end, &at, fds, 2, &fd_at, &frame), 1);
    assert_int_equal(frame.fd, 50);
    assert_int_equal(sl__frame_read(batch, end, &at, fds, 2, &fd_at, &frame), 1);
    assert_int_equal(frame.fd, -1);
    assert_int_equal(sl__frame_read(batch, end, &at, fds, 2, &fd_at, &frame), 1);
    assert_int_equal(frame.fd, 51);
    assert_null(frame.body);
    assert_int_equal(frame.head.flags, SL__FRAME_HAS_FD | SL__FRAME_BODY_FD);
    assert_int_equal(frame.head.body_len, (size_t)1 << 26);
    assert_int_equal(fd_at, 2);
    at = fd_at = 0;
    assert_int_equal(sl__frame_read(batch, end, &at, fds, 0, &fd_at, &frame), -EBADMSG);
    assert_int_equal(at, 0);
    assert_int_equal(fd_at, 0);
}

static void refuses_what_is_broken(void **state)
{
    static const struct {
        const char *what;
        size_t offset, size;
        uint64_t value;
    } table[] = {
        {"size 0", 0, 4, 0},
        {"size smaller than the head", 0, 4, 16},
        {"size without the body", 0, 4, 32},
        {"size one word too large", 0, 4, 56},
        {"size huge", 0, 4, 0xfffffff8},
        {"size not a multiple of 8", 0, 4, 44},
        {"memfd without descriptor", 5, 1, SL__FRAME_BODY_FD},
        {"descriptor that is not there", 5, 1, SL__FRAME_HAS_FD},
        {"topic shorter than said", 6, 2, 6},
        {"topic longer than said", 6, 2, 1},
        {"topic over the limit", 6, 2, 256},
        {"topic huge", 6, 2, 65535},
        {"body over the frame", 16, 8, 17},
        {"body over the batch", 16, 8, 32768},
        {"body huge", 16, 8, UINT64_MAX},
        {"body that wraps around", 16, 8, UINT64_MAX - 6},
        {"NUL inside the topic", 25, 1, 0},
        {"topic without end", 27, 1, 'x'},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t end = put(0, SL__FRAME_SEND, 0, "abc", "0123456", 7), at = 0, fd_at = 0;
        struct sl__frame frame;

        memcpy(batch + table[i].offset, &table[i].value, table[i].size);
        if (sl__frame_read(batch, end, &at, NULL, 0, &fd_at, &frame) != -EBADMSG)
            fail_msg("%s was not refused", table[i].what);
        assert_int_equal(at, 0);
    }
}

/* Memory of the exact size, so that a sanitizer sees any octet read too far. */
static void stays_inside_the_batch(void **state)
{
    size_t end = put(put(0, SL__FRAME_SEND, 0, "first", "1", 1), SL__FRAME_STATE, 0, "", "22", 2);

    (void)state;
    for (size_t len = 0; len <= end; len++) {
        char *copy = aligned_alloc(8, len ? (len + 7) & ~(size_t)7 : 8);
        size_t at = 0, fd_at = 0;
        struct sl__frame frame;
        int r;

        memcpy(copy, batch, len);
        do
            r = sl__frame_read(copy, len, &at, NULL, 0, &fd_at, &frame);
        while (r == 1);
        assert_int_equal(r, at == len ? 0 : -EBADMSG);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * end; bit++) {
        size_t at = 0, fd_at = 0;
        struct sl__frame frame;

        batch[bit / 8] ^= (char)(1 << bit % 8);
        while (sl__frame_read(batch, end, &at, NULL, 0, &fd_at, &frame) == 1)
            assert_true(frame.topic + frame.head.topic_len < batch + end);
        batch[bit / 8] ^= (char)(1 << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),         cmocka_unit_test(clears_paddings),
        cmocka_unit_test(descriptors_go_to_their_frames), cmocka_unit_test(refuses_what_is_broken),
        cmocka_unit_test(stays_inside_the_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
