/*
 * HELLO written and read back, and what is refused.
 */
#include "cluster/frame.h"
#include "cluster/hello.h"
#include "shallot/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sl__hello example(unsigned endpoints)
{
    struct sl__hello h = {
        .channel_version = SL__CHANNEL_VERSION,
        .instances = 3,
        .drain_ms = 30000,
        .grace_ms = 1000,
        .ready_ms = 20000,
        .shares = true,
        .endpoint_count = endpoints,
    };

    for (unsigned i = 0; i < endpoints; i++) {
        struct sl__endpoint *e = &h.endpoints[i];

        if (i % 2 == 0)
            strcpy(e->host, "127.0.0.1");
        else
            strcpy(e->unix_path, "/run/example.sock");
        e->port = (int32_t)(i % 2 == 0 ? 9090 + i : 0);
        e->nth = (int32_t)i;
        e->backlog = 17;
    }
    return h;
}

static void test_round_trip(void **state)
{
    static const unsigned counts[] = {0, 1, 2, SL__LISTENERS_MAX};

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct sl__hello h = example(counts[i]), back;
        struct sl__buf buf = {0};

        assert_int_equal(sl__hello_write(&buf, &h), 0);
        assert_true(sl__buf_len(&buf) < SL__INLINE_MAX - 1024);
        memset(&back, 0xaa, sizeof back);
        assert_int_equal(sl__hello_read(buf.data + buf.at, sl__buf_len(&buf), &back), 0);
        assert_int_equal(back.instances, 3);
        assert_int_equal(back.drain_ms, 30000);
        assert_int_equal(back.grace_ms, 1000);
        assert_int_equal(back.ready_ms, 20000);
        assert_true(back.shares);
        assert_int_equal(back.endpoint_count, counts[i]);
        assert_memory_equal(back.endpoints, h.endpoints, sizeof h.endpoints);
        sl__buf_finish(&buf);
    }
}

static void test_every_shorter_one_is_refused(void **state)
{
    struct sl__hello h = example(3), back;
    struct sl__buf buf = {0};

    assert_int_equal(sl__hello_write(&buf, &h), 0);
    for (size_t len = 0; len < sl__buf_len(&buf); len++) {
        char *exact = malloc(len + 1); /* so that a sanitizer sees one octet too far */

        memcpy(exact, buf.data + buf.at, len);
        assert_int_equal(sl__hello_read(exact, len, &back), -EBADMSG);
        free(exact);
    }
    assert_int_equal(sl__buf_append(&buf, "", 1), 0);
    assert_int_equal(sl__hello_read(buf.data + buf.at, sl__buf_len(&buf), &back), -EBADMSG);
    sl__buf_finish(&buf);
}

static void test_other_version_tells_only_itself(void **state)
{
    uint32_t later[64] = {SL__CHANNEL_VERSION + 1, 7, 7, 7};
    struct sl__hello back;

    assert_int_equal(sl__hello_read(later, sizeof later, &back), -SL_EPROTOCOL);
    assert_int_equal(back.channel_version, SL__CHANNEL_VERSION + 1);
    assert_int_equal(back.instances, 0);
}

static void expect_refused(void (*spoil)(struct sl__hello *h))
{
    struct sl__hello h = example(2), back;
    struct sl__buf buf = {0};

    spoil(&h);
    assert_int_equal(sl__hello_write(&buf, &h), 0);
    assert_int_equal(sl__hello_read(buf.data + buf.at, sl__buf_len(&buf), &back), -EBADMSG);
    sl__buf_finish(&buf);
}

static void long_host(struct sl__hello *h)
{
    memset(h->endpoints[1].host, 'x', SL__HOST_MAX);
}

static void long_path(struct sl__hello *h)
{
    memset(h->endpoints[1].unix_path, 'x', SL__PATH_MAX);
}

static void bad_port(struct sl__hello *h)
{
    h->endpoints[0].port = 65536;
}

static void negative_port(struct sl__hello *h)
{
    h->endpoints[0].port = -1;
}

static void negative_nth(struct sl__hello *h)
{
    h->endpoints[0].nth = -1;
}

static void test_nonsense_is_refused(void **state)
{
    struct sl__hello many = example(2);
    struct sl__buf buf = {0};

    expect_refused(long_host);
    expect_refused(long_path);
    expect_refused(bad_port);
    expect_refused(negative_port);
    expect_refused(negative_nth);
    many.endpoint_count = SL__LISTENERS_MAX + 1;
    assert_int_equal(sl__hello_write(&buf, &many), -EINVAL);
    sl__buf_finish(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_shorter_one_is_refused),
        cmocka_unit_test(test_other_version_tells_only_itself),
        cmocka_unit_test(test_nonsense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
