/*
 * Arena: bump allocation that is freed all at once. One per request; its first block comes from and
 * returns to a pool, so the steady state allocates nothing.
 */
#ifndef SL__BASE_ARENA_H
#define SL__BASE_ARENA_H

#include "base/cold.h"
#include <stddef.h>

#define SL__ARENA_BLOCK ((size_t)4096)   /* size of pooled blocks, header included */
#define SL__ARENA_POOL_MAX ((size_t)256) /* blocks a pool keeps */

struct sl__arena_block;

struct sl__arena_pool {
    struct sl__arena_block *spare;
    size_t spare_count;
};

/** Zeroed memory is an empty arena without a pool. */
struct sl__arena {
    char *ptr, *end;                /* room left in the newest block */
    char *start;                    /* of the room, while there is one block, fit for the pool */
    struct sl__arena_block *blocks; /* newest first */
    struct sl__arena_pool *pool;    /* may be NULL */
};

static inline void sl__arena_init(struct sl__arena *a, struct sl__arena_pool *pool)
{
    *a = (struct sl__arena){.pool = pool};
}

/** Takes the slow way: a new block. */
SL__APART void *sl__arena_grow(struct sl__arena *a, size_t size);

/** Memory aligned to 16, not cleared; NULL when out of memory. size 0 gives a valid pointer. */
static inline void *sl__arena_alloc(struct sl__arena *a, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15; /* 0 for size 0 and for one that wraps around */

    if (rounded - 1 < (size_t)(a->end - a->ptr)) {
        void *p = a->ptr;
        a->ptr += rounded;
        return p;
    }
    return sl__arena_grow(a, size);
}

/** Copies with a NUL behind; NULL when out of memory. */
char *sl__arena_copy(struct sl__arena *a, const char *ptr, size_t len);

/** Frees everything; the arena is empty and usable again. */
SL__APART void sl__arena_reset(struct sl__arena *a);
/** The same for an arena that will soon be used again: it may keep a block of the pooled size. */
static inline void sl__arena_rewind(struct sl__arena *a)
{
    if (a->start)
        a->ptr = a->start;
    else
        sl__arena_reset(a);
}

void sl__arena_pool_finish(struct sl__arena_pool *pool);

#endif
