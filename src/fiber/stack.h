/*
 * Stacks: reserved address space that costs memory only where it has been touched, and the pool
 * that keeps them.
 *
 *     | guard, 64 KiB | low ... usable, 256 KiB ... top | head |
 *
 * The head lies at the end of the mapping, out of reach of an overflow, in the page that is touched
 * first anyway; its owner embeds struct sl__stack in what he keeps there.
 */
#ifndef SL__FIBER_STACK_H
#define SL__FIBER_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cold.h"
#include "fiber/sanitize.h"
#include "loop/loop.h"

#define SL__STACK_SIZE ((size_t)256 * 1024)
#define SL__STACK_SIZE_ASAN (2 * SL__STACK_SIZE) /* redzones need room */
#define SL__STACK_GUARD ((size_t)64 * 1024)

#define SL__STACK_KEEP 64 /* spare stacks that are kept for ever */
/* So many spare stacks are not looked at, and so many others keep the memory of a deep use: at most
 * twice as many times 256 KiB lie idle. */
#define SL__STACK_KEEP_DEEP 16

struct sl__stack {
    struct sl__link all;    /* in the pool's list of all, from mapping to unmapping */
    struct sl__stack *next; /* while spare */
    char *low, *top;        /* usable bytes; top is aligned to 64 */
    unsigned valgrind_id;
    bool deep; /* while spare: pages far down are in memory */
};

struct sl__stack_pool {
    struct sl__loop *loop;
    struct sl__stack *spare; /* last used first: that is the one still in the cache */
    struct sl__link all;
    size_t head_size;           /* rounded up to 64 */
    size_t keep;                /* bytes at the top that are never given back */
    unsigned count, count_deep; /* of the spare ones */
    unsigned idle; /* the least count since the timer last looked: so many nobody needed */
    bool blind;    /* under valgrind, which minds our looking at dead frames */
    struct sl__timer shrink;
};

/** Of every stack of this process. */
static inline size_t sl__stack_size(void)
{
    return sl__san_is_here() ? SL__STACK_SIZE_ASAN : SL__STACK_SIZE;
}

/** @p head_size: bytes of the owner's head, struct sl__stack (its first member) included. */
void sl__stack_pool_init(struct sl__stack_pool *p, struct sl__loop *l, size_t head_size);
/** Unmaps the spare stacks; all have to be spare. */
void sl__stack_pool_finish(struct sl__stack_pool *p);

/** The slow ways: map a new one; give one back to a pool that has some already. */
SL__COLD struct sl__stack *sl__stack_map(struct sl__stack_pool *p);
SL__COLD void sl__stack_give_more(struct sl__stack_pool *p, struct sl__stack *s);

/** A stack, whose head is zero the first time and as it was left later; NULL when out of memory. */
static inline struct sl__stack *sl__stack_take(struct sl__stack_pool *p)
{
    struct sl__stack *s = p->spare;

    if (!s)
        return sl__stack_map(p);
    p->spare = s->next;
    p->count_deep -= s->deep;
    if (--p->count < p->idle)
        p->idle = p->count;
    return s;
}

/** Gives it back; nobody may stand on it. */
static inline void sl__stack_give(struct sl__stack_pool *p, struct sl__stack *s)
{
    s->deep = false;
    if (p->count >= SL__STACK_KEEP_DEEP)
        sl__stack_give_more(p, s);
    s->next = p->spare;
    p->spare = s;
    p->count++;
}

/** True if @p address lies in the guard of this stack. */
static inline bool sl__stack_guards(const struct sl__stack *s, const void *address)
{
    const char *at = address;

    return at < s->low && at >= s->low - SL__STACK_GUARD;
}

#endif
