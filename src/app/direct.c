/*
 * The direct table: most requests of most services are for paths without parameters, and what they
 * lead to can be worked out before the first of them comes.
 *
 * table.c comes here when routes were added, and for every request. An entry's routes are those
 * that the tree gives for its path, in the order of definition, whatever their method; so looking
 * here first changes nothing but the cost.
 */
#include "app/direct.h"

#include "app/table.h"
#include "base/mem.h"

struct sl__direct_entry {
    uint64_t hash;
    struct sl__str path; /* a route's pattern */
    struct sl__ends routes;
};

static inline uint32_t slot(uint64_t hash, uint32_t size)
{
    return (uint32_t)(hash >> 32) & (size - 1);
}

/* The entry of a path, or the free one where it would be. */
static inline struct sl__direct_entry *look(const struct sl__direct *d, struct sl__str path,
                                            uint64_t hash)
{
    for (uint32_t i = slot(hash, d->size);; i = (i + 1) & (d->size - 1)) {
        struct sl__direct_entry *e = &d->entries[i];

        if (!e->path.ptr ||
            (e->hash == hash && e->path.len == path.len &&
             (path.len <= SL__PATH_HASH_EXACT || memcmp(e->path.ptr, path.ptr, path.len) == 0)))
            return e;
    }
}

const struct sl__ends *sl__direct_find(const struct sl__direct *d, struct sl__str path)
{
    struct sl__direct_entry *e;

    if (d->size == 0)
        return NULL;
    e = look(d, path, sl__path_hash(path.ptr, path.len));
    return e->path.ptr ? &e->routes : NULL;
}

/* Everything the tree has for the path. False for want of memory. */
static bool collect(struct sl__table *t, struct sl__path *path, struct sl__ends *ret)
{
    struct sl__search s = {.path = path, .methods = SL__METHODS_ALL};
    const struct sl__route *route;

    while ((route = sl__segments_find(t, &s, path->segments))) {
        if (sl__ends_add(ret, route) < 0)
            return false;
        s.from = route->order + 1;
    }
    return ret->count > 0;
}

/* The pattern is a path of few segments, which needs no arena to be split. */
static void add(struct sl__direct *d, struct sl__table *t, const char *pattern)
{
    struct sl__request request = {.base = (char *)(uintptr_t)pattern}; /* only read */
    struct sl__path path;
    struct sl__direct_entry *e;
    struct sl__ends routes = {0};
    uint64_t hash;

    request.path.len = (uint32_t)strlen(pattern);
    sl__path_init(&path, &request, NULL);
    hash = sl__path_hash(path.text.ptr, path.text.len);
    e = look(d, path.text, hash);
    if (e->path.ptr || sl__path_split(&path, &request, NULL) < 0)
        return;
    if (collect(t, &path, &routes))
        *e = (struct sl__direct_entry){hash, path.text, routes};
    else
        sl__ends_finish(&routes);
}

static bool is_plain(const struct sl__route *route)
{
    unsigned segments = 0;

    for (const char *p = route->pattern; *p; p++)
        segments += *p == '/';
    return route->param_count == 0 && segments <= SL__SEGMENTS_FEW;
}

void sl__direct_fill(struct sl__direct *d, struct sl__table *t)
{
    uint32_t plain = 0, size = 2;

    for (uint32_t i = 0; i < t->count; i++)
        plain += is_plain(t->routes[i]);
    while (size < 2 * plain)
        size *= 2;
    if (plain > 0)
        d->entries = sl__try_alloc_zeroed(size * sizeof(*d->entries));
    if (!d->entries)
        return;
    d->size = size;
    for (uint32_t i = 0; i < t->count; i++)
        if (is_plain(t->routes[i]))
            add(d, t, t->routes[i]->pattern);
}

void sl__direct_finish(struct sl__direct *d)
{
    for (uint32_t i = 0; i < d->size; i++)
        sl__ends_finish(&d->entries[i].routes);
    sl__free(d->entries);
    *d = (struct sl__direct){0};
}
