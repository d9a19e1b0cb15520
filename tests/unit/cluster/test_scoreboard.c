/*
 * The scoreboard: shared between processes, and the gate's arithmetic.
 */
#include "base/time.h"
#include "cluster/memfd.h"
#include "cluster/scoreboard.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW (1000 * SL__SEC)

static void put(struct sl__scoreboard *b, unsigned slot, unsigned connections, int64_t tick)
{
    sl__scoreboard_assign(b, slot, slot + 1);
    b->slots[slot].accepting = 1;
    b->slots[slot].connections = connections;
    b->slots[slot].tick = tick;
}

static void test_worker_sees_and_is_seen(void **state)
{
    struct sl__scoreboard b, other;
    int status;
    pid_t pid;

    assert_int_equal(sl__scoreboard_create(&b), 0);
    sl__scoreboard_assign(&b, 5, 42);
    pid = fork();
    if (pid == 0) {
        if (sl__scoreboard_attach(&other, dup(b.fd)) < 0 || other.slots[5].worker != 42)
            _exit(1);
        other.slots[5].served = 77;
        sl__scoreboard_finish(&other);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(b.slots[5].served, 77);
    sl__scoreboard_assign(&b, 5, 43);
    assert_int_equal(b.slots[5].served, 0);
    assert_int_equal(ftruncate(b.fd, 0), -1); /* nobody can pull it from under the others */
    sl__scoreboard_finish(&b);
    sl__scoreboard_finish(&b);
}

static void test_other_layout_is_refused(void **state)
{
    struct sl__scoreboard b;
    int fd = sl__memfd_create("test");

    assert_true(fd >= 0);
    assert_int_equal(sl__scoreboard_attach(&b, fd), -EBADMSG);
    sl__scoreboard_finish(&b);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC); /* still ours */
    close(fd);
    assert_int_equal(sl__scoreboard_attach(&b, fd), -EBADF);
}

static void test_gate(void **state)
{
    struct sl__scoreboard b;

    assert_int_equal(sl__scoreboard_create(&b), 0);
    put(&b, 0, 0, 0);
    assert_false(sl__scoreboard_too_many(&b, 0, 1000000, NOW)); /* alone */

    /* three with 100 and mine */
    for (unsigned i = 1; i < 4; i++)
        put(&b, i, 100, 0);
    for (unsigned mine = 0; mine < 300; mine++) {
        double mean = (300.0 + mine) / 4;
        bool expected = mine > mean + mean / 8 + 2;

        assert_int_equal(sl__scoreboard_too_many(&b, 0, mine, NOW), expected);
    }
    assert_false(sl__scoreboard_too_many(&b, 0, 119, NOW));
    assert_true(sl__scoreboard_too_many(&b, 0, 121, NOW));
    sl__scoreboard_finish(&b);
}

static void test_who_cannot_accept_does_not_count(void **state)
{
    struct sl__scoreboard b;

    assert_int_equal(sl__scoreboard_create(&b), 0);
    put(&b, 0, 0, 0);
    put(&b, 300, 10, 0);
    assert_true(sl__scoreboard_too_many(&b, 0, 100, NOW));
    b.slots[300].tick = NOW - 50 * SL__MS; /* busy, not yet stuck */
    assert_true(sl__scoreboard_too_many(&b, 0, 100, NOW));
    b.slots[300].tick = NOW - 51 * SL__MS;
    assert_false(sl__scoreboard_too_many(&b, 0, 100, NOW));
    b.slots[300].tick = NOW;
    b.slots[300].accepting = 0; /* draining */
    assert_false(sl__scoreboard_too_many(&b, 0, 100, NOW));
    b.slots[300].accepting = 1;
    assert_true(sl__scoreboard_too_many(&b, 0, 100, NOW));
    sl__scoreboard_assign(&b, 300, 0); /* dead */
    assert_false(sl__scoreboard_too_many(&b, 0, 100, NOW));
    put(&b, SL__SLOTS - 1, 10, 0);
    assert_true(sl__scoreboard_too_many(&b, 0, 100, NOW));
    sl__scoreboard_finish(&b);
}

/* Whatever the numbers, somebody keeps accepting. */
static void test_never_all(void **state)
{
    struct sl__scoreboard b;
    unsigned seed = 7;

    assert_int_equal(sl__scoreboard_create(&b), 0);
    for (int round = 0; round < 1000; round++) {
        unsigned open = 0;

        for (unsigned i = 0; i < 8; i++) {
            seed = seed * 1103515245 + 12345;
            put(&b, i, (seed >> 16) % 1000, 0);
        }
        for (unsigned i = 0; i < 8; i++)
            open += !sl__scoreboard_too_many(&b, i, b.slots[i].connections, NOW);
        assert_true(open >= 1);
    }
    sl__scoreboard_finish(&b);
}

/* What is counted never becomes less, whoever dies meanwhile. */
static void test_totals_are_monotonic(void **state)
{
    struct sl__scoreboard b;
    sl_stats *stats;

    assert_int_equal(sl__scoreboard_create(&b), 0);
    for (unsigned slot = 0; slot < 3; slot++) {
        sl__scoreboard_assign(&b, slot, slot + 1);
        sl__scoreboard_introduce(&b, slot, getpid(), 1, NOW);
        b.slots[slot].served = 100;
        b.slots[slot].accepting = slot != 2;
        sl__tally_add(&b.slots[slot].tally.others[4], 10);
        sl__tally_add(&b.slots[slot].tally.latency[20], 30);
        sl__tally_add(&b.slots[slot].tally.sent, 1000);
    }
    for (int deaths = 0; deaths < 4; deaths++) {
        stats = sl__scoreboard_read(&b, NOW + 1000000000);
        assert_non_null(stats);
        assert_int_equal(stats->total.requests, 300);
        assert_int_equal(stats->total.statuses[2], 270);
        assert_int_equal(stats->total.statuses[4], 30);
        assert_int_equal(stats->total.latency[0], 210);
        assert_int_equal(stats->total.latency[20], 90);
        assert_int_equal(stats->total.bytes_out, 3000);
        assert_int_equal(stats->worker_count, 3 - deaths);
        assert_int_equal(stats->restarts, deaths / 2);
        assert_int_equal(stats->started, 3);
        if (deaths == 0) {
            assert_int_equal(stats->workers[2].id, 3);
            assert_true(stats->workers[0].ready && !stats->workers[2].ready);
            assert_true(stats->workers[0].memory > 0 && stats->workers[0].uptime == 1);
        }
        sl_stats_free(stats);
        if (deaths < 3)
            sl__scoreboard_bury(&b, (unsigned)deaths, deaths % 2);
    }
    sl__scoreboard_assign(&b, 1, 9);
    assert_int_equal(b.slots[1].restarts, 1);
    b.totals->turn = 7; /* the master died while it was folding: readers do not wait for ever */
    b.slots[1].turn = 7;
    stats = sl__scoreboard_read(&b, NOW);
    assert_int_equal(stats->total.requests, 300);
    sl_stats_free(stats);
    sl__scoreboard_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totals_are_monotonic),
        cmocka_unit_test(test_worker_sees_and_is_seen),
        cmocka_unit_test(test_other_layout_is_refused),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_who_cannot_accept_does_not_count),
        cmocka_unit_test(test_never_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
