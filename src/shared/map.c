/*
 * Maps: the calls.
 *
 * Handlers come in with a key; its hash leads to a shard, under whose lock everything happens
 * (shard.c). A value is never changed where it lies, except a number by one store: it is written
 * into a free item, which then takes the place of the old one.
 */
#include "shared/shard.h"

#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"

#include <errno.h>
#include <string.h>

#define AT_ONCE 16          /* items a walk copies under the lock */
#define BUCKETS_AT_ONCE 256 /* and buckets it looks into */

struct query {
    struct sl__place place;
    const char *key;
    size_t len;
    uint64_t hash;
    int64_t now;
    uint32_t item; /* 0: there is none */
    bool over;     /* but its time is over */
};

static int64_t time_of(const struct sl_map *map)
{
    return map->handle.clock ? *map->handle.clock : sl__sys_now();
}

/* Locks the shard of this key and looks for it. */
static int begin(struct query *q, struct sl_map *map, const char *key)
{
    const struct sl__store *store;
    int r;

    if (!map || !key)
        return -EINVAL;
    store = map->handle.memory;
    q->key = key;
    q->len = strnlen(key, map->handle.shape.key_bytes + 1);
    if (q->len == 0 || q->len > map->handle.shape.key_bytes)
        return -EINVAL;
    q->hash = sl__keyed_hash(store->seed, key, q->len);
    q->now = time_of(map);
    sl__place_find(&q->place, map, (unsigned)q->hash % map->handle.measures.shards);
    r = sl__shard_lock(&q->place, map);
    if (r < 0)
        return r;
    q->item = sl__shard_find(&q->place, q->hash, key, q->len);
    q->over = q->item != 0 && sl__item_at(&q->place, q->item)->expires <= q->now;
    return 0;
}

static int end(struct query *q, int result)
{
    sl__shard_unlock(&q->place);
    return result;
}

static int64_t expiry(const struct query *q, unsigned ttl_ms)
{
    return ttl_ms ? q->now + ttl_ms * SL__MS : INT64_MAX;
}

/* Puts a new item, whose value is in it already, in the place of the one there is, or of another if
 * the shard is full. */
static void replace(struct query *q, uint32_t i, size_t len, int64_t expires)
{
    struct sl__place *p = &q->place;
    struct sl__item *it = sl__item_at(p, i);
    uint32_t old = 0;

    it->hash = q->hash;
    it->expires = expires;
    it->value_len = (uint32_t)len;
    it->key_len = (uint32_t)q->len;
    memcpy(sl__item_key(p, it), q->key, q->len + 1);
    if (q->item)
        old = q->item;
    else if (p->shard->live >= p->m.most)
        old = sl__shard_victim(p, q->now);
    sl__shard_link(p, i);
    if (old)
        sl__shard_drop(p, old);
}

static void store(struct query *q, const void *value, size_t len, unsigned ttl_ms)
{
    uint32_t i = sl__shard_take(&q->place);

    if (len > 0)
        memcpy(sl__item_value(sl__item_at(&q->place, i)), value, len);
    replace(q, i, len, expiry(q, ttl_ms));
}

static size_t value_len(const struct sl__place *p, const struct sl__item *it)
{
    return it->value_len <= p->m.value_room ? it->value_len : 0;
}

ssize_t sl_map_get(sl_map *m, const char *key, void *buf, size_t len)
{
    struct sl__item *it;
    struct query q;
    size_t whole;
    int r = begin(&q, m, key);

    if (r < 0)
        return r;
    if (q.over)
        sl__shard_drop(&q.place, q.item);
    if (q.over || !q.item)
        return end(&q, -ENOENT);
    sl__shard_touch(&q.place, q.item);
    it = sl__item_at(&q.place, q.item);
    whole = value_len(&q.place, it);
    if (len > 0 && whole > 0)
        memcpy(buf, sl__item_value(it), whole < len ? whole : len);
    return end(&q, (int)whole);
}

/* @p replace: also where there is a value already. */
static int put(sl_map *m, const char *key, const void *value, size_t len, unsigned ttl_ms,
               bool replace)
{
    struct query q;
    int r;

    if (m && len > m->handle.shape.value_bytes)
        return -EMSGSIZE;
    r = begin(&q, m, key);
    if (r < 0)
        return r;
    if (!replace && q.item && !q.over)
        return end(&q, -EEXIST);
    store(&q, value, len, ttl_ms);
    return end(&q, 0);
}

int sl_map_set(sl_map *m, const char *key, const void *value, size_t len, unsigned ttl_ms)
{
    return put(m, key, value, len, ttl_ms, true);
}

int sl_map_add(sl_map *m, const char *key, const void *value, size_t len, unsigned ttl_ms)
{
    return put(m, key, value, len, ttl_ms, false);
}

int sl_map_increment(sl_map *m, const char *key, int64_t by, unsigned ttl_ms, int64_t *ret)
{
    struct sl__item *it;
    int64_t sum = by;
    struct query q;
    int r;

    if (m && m->handle.shape.value_bytes < sizeof sum)
        return -EINVAL;
    r = begin(&q, m, key);
    if (r < 0)
        return r;
    if (!q.item || q.over) {
        store(&q, &sum, sizeof sum, ttl_ms);
    } else {
        it = sl__item_at(&q.place, q.item);
        if (value_len(&q.place, it) != sizeof sum)
            return end(&q, -EINVAL);
        memcpy(&sum, sl__item_value(it), sizeof sum);
        if (__builtin_add_overflow(sum, by, &sum))
            return end(&q, -ERANGE);
        sl__shard_write(&q.place, (uint64_t *)(void *)sl__item_value(it), (uint64_t)sum);
        sl__shard_touch(&q.place, q.item);
    }
    if (ret)
        *ret = sum;
    return end(&q, 0);
}

/* In milliseconds, rounded up. */
static unsigned time_left(const struct query *q, int64_t expires)
{
    int64_t ms = expires == INT64_MAX ? 0 : (expires - q->now - 1) / SL__MS + 1;

    return ms < UINT32_MAX ? (unsigned)ms : UINT32_MAX;
}

/* What is there now, in item @p i, for somebody to change. */
static sl_map_entry entry_in(struct query *q, uint32_t i)
{
    sl_map_entry e = {.value = sl__item_value(sl__item_at(&q->place, i)), .len = -1};
    struct sl__item *old = sl__item_at(&q->place, q->item);

    if (!q->item || q->over)
        return e;
    e.len = (ssize_t)value_len(&q->place, old);
    e.ttl_ms = time_left(q, old->expires);
    memcpy(e.value, sl__item_value(old), (size_t)e.len);
    return e;
}

/* The change is made in an item that nothing leads to, so until it is linked nothing has happened.
 */
int sl_map_update(sl_map *m, const char *key, int (*fn)(sl_map_entry *e, void *self), void *self)
{
    sl_map_entry before, e;
    struct query q;
    uint32_t i;
    int r = begin(&q, m, key);

    if (r < 0)
        return r;
    i = sl__shard_take(&q.place);
    e = before = entry_in(&q, i);
    r = fn(&e, self);
    if (r >= 0 && e.len > (ssize_t)m->handle.shape.value_bytes)
        r = -EMSGSIZE;
    if (r < 0 || (e.len < 0 && !q.item)) {
        sl__shard_undo(&q.place);
        return end(&q, r < 0 ? r : 0);
    }
    if (e.len < 0) {
        sl__shard_undo(&q.place);
        sl__shard_drop(&q.place, q.item);
    } else {
        bool same_time = before.len >= 0 && e.ttl_ms == before.ttl_ms;

        replace(&q, i, (size_t)e.len,
                same_time ? sl__item_at(&q.place, q.item)->expires : expiry(&q, e.ttl_ms));
    }
    return end(&q, 0);
}

int sl_map_delete(sl_map *m, const char *key)
{
    struct query q;
    int r = begin(&q, m, key);

    if (r < 0)
        return r;
    if (q.item)
        sl__shard_drop(&q.place, q.item);
    return end(&q, q.item && !q.over ? 0 : -ENOENT);
}

ssize_t sl_map_count(sl_map *m)
{
    struct sl__place p;
    ssize_t count = 0;

    if (!m)
        return -EINVAL;
    sl__place_find(&p, m, 0);
    for (unsigned i = 0; i < p.m.shards; i++) {
        int r;

        sl__place_find(&p, m, i);
        r = sl__shard_lock(&p, m);
        if (r < 0)
            return r;
        count += p.shard->live;
        sl__shard_unlock(&p);
    }
    return count;
}

/* Copies of some items. */
struct copies {
    char *items;
    size_t size, count;
};

static int copy_bucket(struct copies *c, struct sl__place *p, uint32_t number, int64_t now)
{
    uint32_t steps = p->m.most;

    for (uint32_t i = p->buckets[number]; i != 0 && steps-- > 0; i = sl__item_at(p, i)->chain) {
        struct sl__item *it = sl__item_at(p, i);

        if (it->expires <= now)
            continue;
        if (c->count == c->size) {
            char *grown = sl__try_realloc(c->items, (c->size + AT_ONCE) * p->m.item);

            if (!grown)
                return -ENOMEM;
            c->items = grown;
            c->size += AT_ONCE;
        }
        memcpy(c->items + c->count++ * p->m.item, it, p->m.item);
    }
    return 0;
}

/* From bucket *at on, whole buckets, until there is something to show; moves *at. */
static int copy_some(struct copies *c, struct sl__place *p, sl_map *m, uint32_t *at)
{
    uint32_t last = p->m.buckets - *at > BUCKETS_AT_ONCE ? *at + BUCKETS_AT_ONCE : p->m.buckets;
    int r = sl__shard_lock(p, m);

    c->count = 0;
    if (r < 0)
        return r;
    while (r == 0 && *at < last && c->count < AT_ONCE)
        r = copy_bucket(c, p, (*at)++, time_of(m));
    sl__shard_unlock(p);
    return r;
}

static int show(const struct copies *c, const struct sl__place *p,
                int (*fn)(const char *key, const void *value, size_t len, void *self), void *self)
{
    int r = 0;

    for (size_t i = 0; i < c->count && r == 0; i++) {
        struct sl__item *it = (struct sl__item *)(void *)(c->items + i * p->m.item);

        r = fn(sl__item_key(p, it), sl__item_value(it), value_len(p, it), self);
    }
    return r;
}

/* A key never changes its bucket, so bucket by bucket nothing is shown twice or left out. */
int sl_map_each(sl_map *m, int (*fn)(const char *key, const void *value, size_t len, void *self),
                void *self)
{
    struct copies c = {0};
    int r = m ? 0 : -EINVAL;

    for (unsigned shard = 0; r == 0 && shard < m->handle.measures.shards; shard++) {
        struct sl__place p;
        uint32_t at = 0;

        sl__place_find(&p, m, shard);
        while (r == 0 && at < p.m.buckets) {
            r = copy_some(&c, &p, m, &at);
            if (r == 0)
                r = show(&c, &p, fn, self);
        }
    }
    sl__free(c.items);
    return r;
}
