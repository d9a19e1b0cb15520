/*
 * Stacks: mapped, pooled, trimmed, unmapped.
 *
 * Comes from fiber.c, when the quick ways of stack.h do not do: with no spare stack, or with more
 * than a few. In the steady state a stack is taken from the front of a list and put back there,
 * without a system call.
 *
 * Memory is given back in two ways. A stack on which something went deep keeps its pages while only
 * a few spare stacks are like that (a handler that always goes deep would otherwise pay for new
 * pages each time); beyond that, they are given back at once. And of more spare stacks than one
 * wants to keep, those that nobody needed for a second are unmapped, few at a time, by a timer that
 * runs only while there are such.
 */
#include "fiber/stack.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/time.h"

#define ALIGN ((size_t)64)
#define KEEP_BYTES ((size_t)32 * 1024)
#define SHRINK_EVERY (1 * SL__SEC)
#define SHRINK_AGAIN (50 * SL__MS) /* when there is more to unmap than one batch */
#define SHRINK_BATCH 64

static void unmap_stack(struct sl__stack *s)
{
    sl__san_deregister(s->valgrind_id);
    sl__list_remove(&s->all);
    munmap(s->low - SL__STACK_GUARD, SL__STACK_GUARD + sl__stack_size());
}

static bool is_zero(const uint64_t *line)
{
    uint64_t any = 0;

    for (size_t i = 0; i < ALIGN / sizeof(*line); i++)
        any |= line[i];
    return any == 0;
}

/*
 * Whether something used the stack beyond what is kept. Memory that was never touched is zero, and
 * frames leave return addresses and saved registers behind: one cache line at each of a few depths
 * tells, because a deep chain of calls hardly steps over all of them, and a large array is passed
 * by whatever its function calls. To be wrong costs only memory.
 */
static bool went_deep(const struct sl__stack_pool *p, const struct sl__stack *s)
{
    const size_t size = sl__stack_size();
    const char *end = s->low + size;

    if (p->blind)
        return false;
    for (size_t depth = p->keep + 2 * ALIGN; depth < size; depth *= 2)
        if (!is_zero((const uint64_t *)(const void *)(end - depth)))
            return true;
    return false;
}

static void trim(const struct sl__stack_pool *p, struct sl__stack *s)
{
    madvise(s->low, sl__stack_size() - p->keep, MADV_DONTNEED);
    s->deep = false;
}

static void shrink(struct sl__timer *t)
{
    struct sl__stack_pool *p = SL__OWNER(t, struct sl__stack_pool, shrink);
    unsigned surplus = p->count > SL__STACK_KEEP ? p->count - SL__STACK_KEEP : 0;
    unsigned n = p->idle < surplus ? p->idle : surplus;
    bool more = n > SHRINK_BATCH;

    if (more)
        n = SHRINK_BATCH;
    for (unsigned i = 0; i < n; i++) {
        struct sl__stack *s = p->spare;

        p->spare = s->next;
        p->count--;
        p->count_deep -= s->deep;
        unmap_stack(s);
    }
    p->idle = more ? p->idle - n : p->count;
    if (p->count > SL__STACK_KEEP)
        sl__timer_start(p->loop, t, p->loop->now + (more ? SHRINK_AGAIN : SHRINK_EVERY));
}

void sl__stack_pool_init(struct sl__stack_pool *p, struct sl__loop *l, size_t head_size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    *p = (struct sl__stack_pool){
        .loop = l,
        .head_size = (head_size + ALIGN - 1) & ~(ALIGN - 1),
        .keep = page > KEEP_BYTES ? page : KEEP_BYTES,
        .blind = sl__san_minds_dead_stack(),
        .shrink.fire = shrink,
    };
    sl__list_init(&p->all);
}

void sl__stack_pool_finish(struct sl__stack_pool *p)
{
    sl__timer_stop(p->loop, &p->shrink);
    while (p->spare) {
        struct sl__stack *s = p->spare;

        p->spare = s->next;
        unmap_stack(s);
    }
    p->count = p->count_deep = 0;
    assert(sl__list_empty(&p->all));
}

struct sl__stack *sl__stack_map(struct sl__stack_pool *p)
{
    const size_t len = SL__STACK_GUARD + sl__stack_size();
    char *base =
        sl__sys_mmap(len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1);
    struct sl__stack *s;

    if (!base)
        return NULL;
    /* Fails over the kernel's limit of mappings, for this splits one in two. */
    if (mprotect(base + SL__STACK_GUARD, sl__stack_size(), PROT_READ | PROT_WRITE) < 0) {
        munmap(base, len);
        return NULL;
    }
    s = (struct sl__stack *)(void *)(base + len - p->head_size);
    s->low = base + SL__STACK_GUARD;
    s->top = base + len - p->head_size;
    s->valgrind_id = sl__san_register(s->low, s->top);
    sl__list_append(&p->all, &s->all);
    return s;
}

void sl__stack_give_more(struct sl__stack_pool *p, struct sl__stack *s)
{
    s->deep = went_deep(p, s);
    if (s->deep && p->count_deep >= SL__STACK_KEEP_DEEP)
        trim(p, s);
    p->count_deep += s->deep;
    if (p->count >= SL__STACK_KEEP && !sl__timer_running(&p->shrink)) {
        p->idle = p->count;
        sl__timer_start(p->loop, &p->shrink, p->loop->now + SHRINK_EVERY);
    }
}
