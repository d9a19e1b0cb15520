/*
 * The measures of a map, and how it is made.
 *
 * Comes from region.c. A large map is cut into 16 shards, so that workers seldom meet and one that
 * is stopped in the middle of a change holds up a sixteenth; keys fall unevenly, so each shard has
 * room for four deviations more than its part. A small one is a single shard, and exact.
 */
#include "shared/store.h"

#include <string.h>
#include <sys/random.h>

#define CAPACITY_MAX ((uint64_t)1 << 24)
#define VALUE_MAX ((uint64_t)1 << 20)
#define KEY_MAX ((uint64_t)4096)
#define SMALL 4096u /* entries; up to here it is one shard */

static uint32_t square_root(uint32_t n)
{
    uint32_t r = 1;

    while ((r + 1) * (r + 1) <= n)
        r++;
    return r;
}

static uint32_t power_of_two(uint32_t at_least)
{
    uint32_t n = 1;

    while (n < at_least)
        n *= 2;
    return n;
}

struct sl__measures sl__store_measure(const struct sl__shape *shape)
{
    struct sl__measures m = {.shards = shape->capacity <= SMALL ? 1 : SL__SHARDS_MAX};
    uint32_t part = (uint32_t)((shape->capacity + m.shards - 1) / m.shards);

    m.most = m.shards == 1 ? part : part + 4 * square_root(part);
    m.buckets = power_of_two(m.most);
    m.value_room = ((uint32_t)shape->value_bytes + 7) & ~7u;
    m.item = sizeof(struct sl__item) + m.value_room + (((size_t)shape->key_bytes + 8) & ~(size_t)7);
    m.shard_room = (m.buckets * sizeof(uint32_t) + 7) & ~(size_t)7;
    m.shard_room += ((size_t)m.most + 2) * m.item; /* item 0, and the one that is free */
    return m;
}

size_t sl__store_size(const struct sl__shape *shape)
{
    struct sl__measures m;

    if (shape->capacity < 1 || shape->capacity > CAPACITY_MAX || shape->value_bytes < 1 ||
        shape->value_bytes > VALUE_MAX || shape->key_bytes < 1 || shape->key_bytes > KEY_MAX)
        return 0;
    m = sl__store_measure(shape);
    return sizeof(struct sl__store) + m.shards * m.shard_room;
}

void sl__store_format(void *memory, const struct sl__shape *shape)
{
    struct sl__store *s = memory;
    struct sl__measures m = sl__store_measure(shape);
    pthread_mutexattr_t a;

    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    for (unsigned i = 0; i < m.shards; i++)
        pthread_mutex_init(&s->shards[i].lock, &a);
    pthread_mutexattr_destroy(&a);
    if (getrandom(s->seed, sizeof s->seed, GRND_NONBLOCK) < 0)
        s->seed[0] = (uintptr_t)memory; /* early in the life of a machine: as good as there is */
}

static uint64_t turn(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void mix(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = turn(v[1], 13) ^ v[0];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] = turn(v[0], 32) + v[3];
    v[2] += v[1];
    v[3] = turn(v[3], 21) ^ v[0];
    v[1] = turn(v[1], 17) ^ v[2];
    v[2] = turn(v[2], 32);
}

uint64_t sl__keyed_hash(const uint64_t seed[2], const void *bytes, size_t len)
{
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
                     seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573};
    const char *at = bytes;
    uint64_t word;

    for (size_t left = len; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        v[3] ^= word;
        mix(v);
        v[0] ^= word;
    }
    word = 0;
    memcpy(&word, at, len & 7);
    word |= (uint64_t)len << 56;
    v[3] ^= word;
    mix(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        mix(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
