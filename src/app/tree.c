/*
 * The tree of path patterns: one node for each segment they share, children found by hash.
 *
 * Comes here from table.c. At a node a path can go on in two ways, the literal child and the
 * parameter's, so a search visits few nodes however many routes there are. Because the earliest
 * defined match wins, not the most literal one, both ways are looked at; a subtree whose routes are
 * all defined later than the best so far, or before the place where the search begins, is skipped.
 */
#include "app/tree.h"

#include <errno.h>

#include "base/mem.h"

struct sl__node {
    struct sl__str segment; /* owned; of a literal child */
    uint64_t hash;
    uint32_t first, last;      /* lowest and highest order in this subtree */
    struct sl__node **literal; /* open addressing, a power of two, at most half full */
    uint32_t literal_count, literal_size;
    struct sl__node *param;
    struct sl__ends here; /* patterns that end at this node */
    struct sl__ends rest; /* patterns that end in a rest below this node */
};

static inline uint32_t slot(uint64_t hash, uint32_t size)
{
    return (uint32_t)(hash >> 32) & (size - 1);
}

static inline struct sl__node *find_literal(const struct sl__node *n, const char *segment,
                                            size_t len, uint64_t hash)
{
    if (n->literal_size == 0)
        return NULL;
    for (uint32_t i = slot(hash, n->literal_size);; i = (i + 1) & (n->literal_size - 1)) {
        struct sl__node *child = n->literal[i];

        if (!child ||
            (child->hash == hash && child->segment.len == len &&
             (len <= SL__PATH_HASH_EXACT || memcmp(child->segment.ptr, segment, len) == 0)))
            return child;
    }
}

static void place_literal(struct sl__node **literal, uint32_t size, struct sl__node *child)
{
    uint32_t i = slot(child->hash, size);

    while (literal[i])
        i = (i + 1) & (size - 1);
    literal[i] = child;
}

static int make_room(struct sl__node *n)
{
    uint32_t size = n->literal_size > 0 ? n->literal_size * 2 : 4;
    struct sl__node **literal;

    if (n->literal_count < n->literal_size / 2)
        return 0;
    literal = sl__try_alloc_zeroed(size * sizeof(*literal));
    if (!literal)
        return -ENOMEM;
    for (uint32_t i = 0; i < n->literal_size; i++)
        if (n->literal[i])
            place_literal(literal, size, n->literal[i]);
    sl__free(n->literal);
    n->literal = literal;
    n->literal_size = size;
    return 0;
}

static struct sl__node *add_literal(struct sl__node *n, struct sl__str segment)
{
    uint64_t hash = sl__path_hash(segment.ptr, segment.len);
    struct sl__node *child;
    char *copy;

    child = find_literal(n, segment.ptr, segment.len, hash);
    if (child)
        return child;
    if (make_room(n) < 0)
        return NULL;
    child = sl__segments_new();
    copy = sl__try_alloc(segment.len + 1);
    if (!child || !copy) {
        sl__free(copy);
        sl__free(child);
        return NULL;
    }
    memcpy(copy, segment.ptr, segment.len);
    child->segment = (struct sl__str){copy, segment.len};
    child->hash = hash;
    place_literal(n->literal, n->literal_size, child);
    n->literal_count++;
    return child;
}

static struct sl__node *add_param(struct sl__node *n)
{
    if (!n->param)
        n->param = sl__segments_new();
    return n->param;
}

struct sl__node *sl__segments_new(void)
{
    struct sl__node *n = sl__try_alloc_zeroed(sizeof *n);

    if (n)
        n->first = UINT32_MAX; /* and last 0: nothing here yet */
    return n;
}

void sl__segments_free(struct sl__node *n)
{
    if (!n)
        return;
    for (uint32_t i = 0; i < n->literal_size; i++)
        sl__segments_free(n->literal[i]);
    sl__segments_free(n->param);
    sl__ends_finish(&n->here);
    sl__ends_finish(&n->rest);
    sl__free((char *)(uintptr_t)n->segment.ptr);
    sl__free(n->literal);
    sl__free(n);
}

/* Orders only grow, so that the whole way down has its span widened at its upper end. */
static void widen(struct sl__node *n, uint32_t order)
{
    if (order < n->first)
        n->first = order;
    n->last = order;
}

int sl__segments_add(struct sl__node *root, const struct sl__pattern *pattern,
                     const struct sl__route *route)
{
    struct sl__node *way[SL__SEGMENTS_MAX + 1];
    unsigned depth = 0;
    bool rest = false;
    int r;

    way[0] = root;
    for (unsigned i = 0; i < pattern->count; i++) {
        const struct sl__part *part = &pattern->parts[i];
        struct sl__node *child;

        rest = part->kind == SL__PART_REST; /* the last one, then */
        if (rest)
            break;
        child = part->kind == SL__PART_PARAM ? add_param(way[depth])
                                             : add_literal(way[depth], part->text);
        if (!child)
            return -ENOMEM;
        way[++depth] = child;
    }
    r = sl__ends_add(rest ? &way[depth]->rest : &way[depth]->here, route);
    if (r < 0)
        return r;
    for (unsigned i = 0; i <= depth; i++)
        widen(way[i], route->order);
    return 0;
}

/* The earliest route below @p n, which the path has come to with @p segment, before @p best (NULL:
 * any); @p best if there is none. Calls itself only where the path can go on both ways. */
static const struct sl__route *visit(struct sl__table *t, const struct sl__node *n,
                                     const struct sl__segment *segment,
                                     const struct sl__segment *end, const struct sl__search *s,
                                     const struct sl__route *best)
{
    for (;; segment++) {
        const struct sl__node *literal, *param;

        t->steps++;
        if (n->last < s->from || n->first >= (best ? best->order : UINT32_MAX))
            return best; /* in an empty tree first is the highest */
        if (segment == end)
            return n->here.count > 0 && !s->path->more ? sl__ends_consider(&n->here, s, best)
                                                       : best;
        if (n->rest.count > 0)
            best = sl__ends_consider(&n->rest, s, best);
        literal = find_literal(n, segment->ptr, segment->len, segment->hash);
        param = segment->len > 0 ? n->param : NULL;
        if (literal && param)
            best = visit(t, literal, segment + 1, end, s, best);
        n = param ? param : literal;
        if (!n)
            return best;
    }
}

const struct sl__route *sl__segments_find(struct sl__table *t, const struct sl__search *s,
                                          const struct sl__segment *segment)
{
    return visit(t, t->tree, segment, s->path->segments + s->path->count, s, NULL);
}

const struct sl__route *sl__segments_find_behind(struct sl__table *t, const struct sl__search *s)
{
    const struct sl__segment empty = {.ptr = "", .hash = sl__path_hash("", 0)};

    return visit(t, t->tree, &empty, &empty + 1, s, NULL);
}
