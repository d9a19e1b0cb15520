/*
 * A map in its region: shards, each with its lock, its undo record, its buckets and its items.
 *
 * Everything is found by index, because every process maps the region elsewhere. Items of a shard
 * are counted from 1; item 0 holds nothing and closes the ring of uses. Zeroed memory is an empty
 * map, but for the locks and the seed.
 */
#ifndef SL__SHARED_STORE_H
#define SL__SHARED_STORE_H

#include <pthread.h>

#include "shared/region.h"

#define SL__SHARDS_MAX 16u
#define SL__UNDO_MAX 32u

/** What a word was before the change in hand. */
struct sl__undo_note {
    uint64_t at; /* offset in the region; 1 is added for a word of 8 octets */
    uint64_t old;
};

struct sl__shard {
    _Alignas(128) pthread_mutex_t lock; /* robust, shared between processes */
    uint32_t notes;                     /* of the change in hand; 0: there is none */
    uint32_t live;                      /* items in use */
    uint32_t fresh;                     /* items from here on have never been in use */
    uint32_t spare;                     /* first of those that were, and are not now; 0: none */
    struct sl__undo_note undo[SL__UNDO_MAX];
};

struct sl__item {
    uint32_t chain;        /* next in the bucket, or next spare; 0: the last */
    uint32_t newer, older; /* ring of uses */
    uint32_t value_len;
    uint64_t hash;
    int64_t expires; /* monotonic ns; INT64_MAX: never */
    uint32_t key_len;
    uint32_t unused;
    /* the value, padded to 8, then the key with its NUL */
};

struct sl__store {
    uint64_t seed[2];
    struct sl__shard shards[SL__SHARDS_MAX];
    /* then for each shard its buckets, then its items */
};

/** The measures that follow from a shape. */
struct sl__measures {
    uint32_t shards;
    uint32_t most;     /* items in use in a shard; there is one more, so that one is always free */
    uint32_t buckets;  /* a power of two */
    size_t item;       /* octets of one */
    size_t shard_room; /* octets of a shard's buckets and items */
    uint32_t value_room;
};

struct sl__measures sl__store_measure(const struct sl__shape *shape);
/** 0: impossible. */
size_t sl__store_size(const struct sl__shape *shape);
void sl__store_format(void *memory, const struct sl__shape *shape);

/** Keyed, so that clients who choose the keys cannot choose the bucket (SipHash-1-3). */
uint64_t sl__keyed_hash(const uint64_t seed[2], const void *bytes, size_t len);

#endif
