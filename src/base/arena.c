/*
 * Arena: the slow half. The fast one, moving a pointer, is inline in the header.
 *
 * Comes here when the newest block has no room, and when the request is over. Small wishes get a
 * fresh block of the pooled size; a wish that would waste much of one gets a block of its own,
 * behind the newest, whose room stays in use. Under AddressSanitizer a block in the pool is
 * poisoned: who keeps a pointer beyond the request is found out.
 */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(WITH_ASAN)
#define WITH_ASAN 1
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#else
#define WITH_ASAN 0
#define ASAN_POISON_MEMORY_REGION(ptr, size) ((void)(ptr))
#define ASAN_UNPOISON_MEMORY_REGION(ptr, size) ((void)(ptr))
#endif

struct sl__arena_block {
    struct sl__arena_block *next;
    size_t size; /* header included; SL__ARENA_BLOCK: fit for the pool */
};

#define HEAD ((sizeof(struct sl__arena_block) + 15) & ~(size_t)15)
#define ROOM (SL__ARENA_BLOCK - HEAD)
#define OWN_BLOCK (ROOM / 4) /* from here on a wish gets a block of its own */

static struct sl__arena_block *new_block(size_t size)
{
    struct sl__arena_block *b = sl__try_alloc(size);

    if (b)
        b->size = size;
    return b;
}

static struct sl__arena_block *pooled_block(struct sl__arena_pool *pool)
{
    struct sl__arena_block *b;

    if (!pool || !pool->spare)
        return new_block(SL__ARENA_BLOCK);
    b = pool->spare;
    pool->spare = b->next;
    pool->spare_count--;
    ASAN_UNPOISON_MEMORY_REGION((char *)b + HEAD, ROOM);
    return b;
}

static void give_back(struct sl__arena_pool *pool, struct sl__arena_block *b)
{
    if (!pool || b->size != SL__ARENA_BLOCK || pool->spare_count >= SL__ARENA_POOL_MAX) {
        sl__free(b);
        return;
    }
    ASAN_POISON_MEMORY_REGION((char *)b + HEAD, ROOM);
    b->next = pool->spare;
    pool->spare = b;
    pool->spare_count++;
}

static void *alloc_own(struct sl__arena *a, size_t rounded)
{
    struct sl__arena_block *b = new_block(HEAD + rounded);

    if (!b)
        return NULL;
    a->start = NULL;
    if (a->blocks) {
        b->next = a->blocks->next;
        a->blocks->next = b;
    } else {
        b->next = NULL;
        a->blocks = b;
    }
    return (char *)b + HEAD;
}

void *sl__arena_grow(struct sl__arena *a, size_t size)
{
    struct sl__arena_block *b;
    size_t rounded;
    char *p;

    if (size > SIZE_MAX - HEAD - 15)
        return NULL;
    rounded = size > 0 ? (size + 15) & ~(size_t)15 : 16;
    if (rounded > OWN_BLOCK && (rounded > ROOM || a->ptr))
        return alloc_own(a, rounded);
    b = pooled_block(a->pool);
    if (!b)
        return NULL;
    b->next = a->blocks;
    a->blocks = b;
    p = (char *)b + HEAD;
    a->start = WITH_ASAN || b->next ? NULL : p; /* a block that is kept could not be poisoned */
    a->ptr = p + rounded;
    a->end = (char *)b + SL__ARENA_BLOCK;
    return p;
}

char *sl__arena_copy(struct sl__arena *a, const char *ptr, size_t len)
{
    char *copy = len < SIZE_MAX ? sl__arena_alloc(a, len + 1) : NULL;

    if (!copy)
        return NULL;
    *sl__copy(copy, ptr, len) = '\0';
    return copy;
}

void sl__arena_reset(struct sl__arena *a)
{
    struct sl__arena_block *b, *next;

    for (b = a->blocks; b; b = next) {
        next = b->next;
        give_back(a->pool, b);
    }
    a->blocks = NULL;
    a->ptr = a->end = a->start = NULL;
}

void sl__arena_pool_finish(struct sl__arena_pool *pool)
{
    struct sl__arena_block *b, *next;

    for (b = pool->spare; b; b = next) {
        next = b->next;
        sl__free(b);
    }
    pool->spare = NULL;
    pool->spare_count = 0;
}
