/*
 * Maps for tests: in shared memory, with a clock of the test's, and a look at what must always be
 * true of one.
 */
#ifndef TESTS_SHARED_MAPS_H
#define TESTS_SHARED_MAPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "shared/shard.h"

static int64_t map_clock = 1000 * SL__SEC;

static inline sl_map *map_new(uint64_t capacity, uint64_t value_bytes, uint64_t key_bytes)
{
    struct sl__shape shape = sl__map_shape(capacity, value_bytes, key_bytes);
    struct sl__handle *h;
    int fd = memfd_create("map", MFD_CLOEXEC);
    void *memory;

    assert_true(sl__shape_size(&shape) > 0);
    h = sl__handle_new("map", &shape);
    assert_non_null(h);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)h->size), 0);
    memory = mmap(NULL, h->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(memory != MAP_FAILED);
    sl__region_format(memory, &shape);
    munmap(memory, h->size);
    assert_int_equal(sl__handle_bind(h, fd), 0);
    close(fd);
    h->clock = &map_clock;
    return (sl_map *)h;
}

static inline void map_free(sl_map *m)
{
    sl__handle_free(&m->handle);
}

/* Every item is in exactly one place: its bucket and the ring, among the spare ones, or fresh. */
static inline void map_check_shard(sl_map *m, unsigned number)
{
    struct sl__place p;
    unsigned in_buckets = 0, in_ring = 0, spare = 0;
    char *seen;

    sl__place_find(&p, m, number);
    assert_int_equal(sl__shard_lock(&p, m), 0);
    seen = calloc(p.m.most + 2, 1);
    for (uint32_t b = 0; b < p.m.buckets; b++)
        for (uint32_t i = p.buckets[b]; i != 0; i = sl__item_at(&p, i)->chain) {
            struct sl__item *it = sl__item_at(&p, i);

            assert_in_range(i, 1, p.m.most + 1);
            assert_int_equal(seen[i]++, 0);
            assert_int_equal((it->hash >> 8) & (p.m.buckets - 1), b);
            assert_int_equal(strlen(sl__item_key(&p, it)), it->key_len);
            assert_int_equal(sl__keyed_hash(p.store->seed, sl__item_key(&p, it), it->key_len),
                             it->hash);
            in_buckets++;
        }
    for (uint32_t i = p.shard->spare; i != 0; i = sl__item_at(&p, i)->chain) {
        assert_int_equal(seen[i]++, 0);
        spare++;
    }
    for (uint32_t i = sl__item_at(&p, 0)->newer, before = 0; i != 0;
         before = i, i = sl__item_at(&p, i)->newer) {
        assert_int_equal(seen[i], 1);
        assert_int_equal(sl__item_at(&p, i)->older, before);
        seen[i]++;
        in_ring++;
        if (sl__item_at(&p, i)->newer == 0)
            assert_int_equal(sl__item_at(&p, 0)->older, i);
    }
    assert_int_equal(in_ring, in_buckets);
    assert_int_equal(p.shard->live, in_buckets);
    assert_true(p.shard->live <= p.m.most);
    assert_int_equal(p.shard->fresh, in_buckets + spare);
    free(seen);
    sl__shard_unlock(&p);
}

static inline void map_check(sl_map *m)
{
    for (unsigned i = 0; i < m->handle.measures.shards; i++)
        map_check_shard(m, i);
}

#endif
