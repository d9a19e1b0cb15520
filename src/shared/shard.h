/*
 * One shard of a map, locked: its items, and changes to them that happen or do not.
 */
#ifndef SL__SHARED_SHARD_H
#define SL__SHARED_SHARD_H

#include <stdatomic.h>

#include "shared/handle.h"
#include "shared/store.h"

/** A shard as this process sees it; on the stack of whoever works on it. */
struct sl__place {
    struct sl__store *store;
    struct sl__shard *shard;
    uint32_t *buckets;
    char *items;
    struct sl__measures m;
    unsigned number;
};

/** Fills the place, without looking at what is there. */
void sl__place_find(struct sl__place *p, const struct sl_map *map, unsigned shard);
/** Locks it; what a dead process had begun is undone first. 0; -EBUSY: whoever has it does not let
 * go. */
int sl__shard_lock(struct sl__place *p, struct sl_map *map);
/** The change in hand has happened. */
void sl__shard_unlock(struct sl__place *p);

/** Item @p i; item 0 for a number that makes no sense, which only a wild write can bring about. */
static inline struct sl__item *sl__item_at(const struct sl__place *p, uint32_t i)
{
    return (struct sl__item *)(void *)(p->items + (i <= p->m.most + 1 ? i : 0) * p->m.item);
}

static inline char *sl__item_value(struct sl__item *it)
{
    return (char *)(it + 1);
}

static inline char *sl__item_key(const struct sl__place *p, struct sl__item *it)
{
    return (char *)(it + 1) + p->m.value_room;
}

/** Takes back what has been changed since it was locked. */
void sl__shard_undo(struct sl__place *p);

/** The item of this key, 0: none. */
uint32_t sl__shard_find(const struct sl__place *p, uint64_t hash, const char *key, size_t len);
/** One that is free; there always is. It may be written to until it is linked. */
uint32_t sl__shard_take(struct sl__place *p);
/** Puts a filled item into its bucket, as the one used last. */
void sl__shard_link(struct sl__place *p, uint32_t i);
/** Takes one out; it is free when the change has happened, not before. */
void sl__shard_drop(struct sl__place *p, uint32_t i);
/** It was used just now. */
void sl__shard_touch(struct sl__place *p, uint32_t i);
/** Whom to drop from a full shard: one whose time is over among the eldest, else the eldest. */
uint32_t sl__shard_victim(const struct sl__place *p, int64_t now);
/** Overwrites a word of 8 octets, as part of the change. */
void sl__shard_write(struct sl__place *p, uint64_t *at, uint64_t value);

#endif
