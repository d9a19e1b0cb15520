/*
 * A shard's lock, its undo record and its links.
 *
 * Comes from map.c with a key. Whatever a change does to a word that others rely on, the word's old
 * value is written down first, and the record is emptied by one store when all is done: that store
 * is the moment at which the change has happened. A process that dies before it leaves the lock to
 * the next one (it is robust), who puts the old words back; dying in the middle of that only means
 * that it is done once more. The contents of an item are written while nothing leads to it, so they
 * need no record, and an item dropped is not used again within the same change.
 *
 * Between processes the order of stores is the lock's affair; for a process that is killed between
 * two instructions the compiler's order is all that counts, which settled() keeps.
 */
#include "shared/shard.h"

#include "base/time.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define SPINS 100
#define PATIENCE (20 * SL__MS)
#define ELDEST 8 /* items that are looked at for one whose time is over */

static void settled(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

static void remember(struct sl__place *p, const void *at, uint64_t old, bool wide)
{
    struct sl__shard *s = p->shard;
    struct sl__undo_note *n = &s->undo[s->notes];

    assert(s->notes < SL__UNDO_MAX);
    n->at = (uint64_t)((const char *)at - (const char *)p->store) + wide;
    n->old = old;
    settled();
    s->notes++;
    settled();
}

static void put(struct sl__place *p, uint32_t *at, uint32_t value)
{
    if (*at == value)
        return;
    remember(p, at, *at, false);
    *at = value;
    settled();
}

void sl__shard_write(struct sl__place *p, uint64_t *at, uint64_t value)
{
    remember(p, at, *at, true);
    *at = value;
    settled();
}

/* The last one first: then a word changed twice ends as it was before both. */
void sl__shard_undo(struct sl__place *p)
{
    struct sl__shard *s = p->shard;

    for (uint32_t i = s->notes < SL__UNDO_MAX ? s->notes : SL__UNDO_MAX; i-- > 0;) {
        char *at = (char *)p->store + (s->undo[i].at & ~UINT64_C(3));
        uint32_t narrow = (uint32_t)s->undo[i].old;

        if (s->undo[i].at & 1)
            memcpy(at, &s->undo[i].old, sizeof s->undo[i].old);
        else
            memcpy(at, &narrow, sizeof narrow);
    }
    settled();
    s->notes = 0;
    settled();
}

/* Who was waited for in vain is not waited for again; the master waits for nobody. */
static int wait_for(pthread_mutex_t *lock, bool patient)
{
    struct timespec until;
    int r = EBUSY;

    for (int i = 0; i < SPINS && r == EBUSY; i++) {
#if defined __x86_64__
        __builtin_ia32_pause();
#endif
        r = pthread_mutex_trylock(lock);
    }
    if (r != EBUSY || !patient)
        return r;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PATIENCE;
    if (until.tv_nsec >= SL__SEC) {
        until.tv_nsec -= SL__SEC;
        until.tv_sec++;
    }
    return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &until);
}

void sl__place_find(struct sl__place *p, const struct sl_map *map, unsigned shard)
{
    char *room;

    p->store = map->handle.memory;
    p->m = map->handle.measures;
    p->number = shard;
    p->shard = &p->store->shards[shard];
    room = (char *)(p->store + 1) + shard * p->m.shard_room;
    p->buckets = (uint32_t *)(void *)room;
    p->items = room + ((p->m.buckets * sizeof(uint32_t) + 7) & ~(size_t)7);
}

int sl__shard_lock(struct sl__place *p, struct sl_map *map)
{
    _Atomic uint64_t *stopped = &map->handle.stopped;
    uint64_t mine = UINT64_C(1) << p->number;
    int r = pthread_mutex_trylock(&p->shard->lock);

    if (r == EBUSY)
        r = wait_for(&p->shard->lock, map->handle.patient && !(atomic_load(stopped) & mine));
    if (r == EOWNERDEAD) {
        sl__shard_undo(p);
        r = pthread_mutex_consistent(&p->shard->lock);
    }
    if (r == 0) {
        if (atomic_load_explicit(stopped, memory_order_relaxed) & mine)
            atomic_fetch_and(stopped, ~mine);
        return 0;
    }
    atomic_fetch_or(stopped, mine);
    return -EBUSY;
}

void sl__shard_unlock(struct sl__place *p)
{
    settled();
    p->shard->notes = 0;
    settled();
    pthread_mutex_unlock(&p->shard->lock);
}

static uint32_t *bucket_of(const struct sl__place *p, uint64_t hash)
{
    return &p->buckets[(hash >> 8) & (p->m.buckets - 1)]; /* the low bits chose the shard */
}

uint32_t sl__shard_find(const struct sl__place *p, uint64_t hash, const char *key, size_t len)
{
    uint32_t i = *bucket_of(p, hash), steps = p->m.most;

    for (; i != 0 && steps-- > 0; i = sl__item_at(p, i)->chain) {
        struct sl__item *it = sl__item_at(p, i);

        if (it->hash == hash && it->key_len == len && memcmp(sl__item_key(p, it), key, len) == 0)
            return i;
    }
    return 0;
}

uint32_t sl__shard_take(struct sl__place *p)
{
    struct sl__shard *s = p->shard;
    uint32_t i = s->spare;

    if (i != 0) {
        put(p, &s->spare, sl__item_at(p, i)->chain);
        return i;
    }
    put(p, &s->fresh, s->fresh + 1);
    return s->fresh;
}

static void leave_ring(struct sl__place *p, uint32_t i)
{
    struct sl__item *it = sl__item_at(p, i);

    put(p, &sl__item_at(p, it->newer)->older, it->older);
    put(p, &sl__item_at(p, it->older)->newer, it->newer);
}

/* Item 0 lies between the newest and the eldest: its older one is the newest of all. */
static void enter_ring(struct sl__place *p, uint32_t i)
{
    struct sl__item *it = sl__item_at(p, i), *end = sl__item_at(p, 0);
    uint32_t newest = end->older;

    put(p, &it->newer, 0);
    put(p, &it->older, newest);
    put(p, &sl__item_at(p, newest)->newer, i);
    put(p, &end->older, i);
}

void sl__shard_link(struct sl__place *p, uint32_t i)
{
    struct sl__item *it = sl__item_at(p, i);
    uint32_t *bucket = bucket_of(p, it->hash);

    put(p, &it->chain, *bucket);
    put(p, bucket, i);
    enter_ring(p, i);
    put(p, &p->shard->live, p->shard->live + 1);
}

void sl__shard_drop(struct sl__place *p, uint32_t i)
{
    struct sl__item *it = sl__item_at(p, i);
    uint32_t *at = bucket_of(p, it->hash), steps = p->m.most;

    while (*at != i && *at != 0 && steps-- > 0)
        at = &sl__item_at(p, *at)->chain;
    if (*at == i)
        put(p, at, it->chain);
    leave_ring(p, i);
    put(p, &it->chain, p->shard->spare);
    put(p, &p->shard->spare, i);
    put(p, &p->shard->live, p->shard->live - 1);
}

void sl__shard_touch(struct sl__place *p, uint32_t i)
{
    if (sl__item_at(p, 0)->older == i)
        return;
    leave_ring(p, i);
    enter_ring(p, i);
}

uint32_t sl__shard_victim(const struct sl__place *p, int64_t now)
{
    uint32_t eldest = sl__item_at(p, 0)->newer, i = eldest;

    for (int n = 0; n < ELDEST && i != 0; n++, i = sl__item_at(p, i)->newer)
        if (sl__item_at(p, i)->expires <= now)
            return i;
    return eldest;
}
