/*
 * Lists of routes, in the order of their definition, which is the order in which they take a
 * request.
 */
#include "app/route.h"

#include <errno.h>

#include "base/mem.h"

int sl__ends_add(struct sl__ends *e, const struct sl__route *route)
{
    if (e->count == e->size) {
        uint32_t size = e->size > 0 ? e->size * 2 : 2;
        const struct sl__route **list = sl__try_realloc(e->list, size * sizeof(const void *));

        if (!list)
            return -ENOMEM;
        e->list = list;
        e->size = size;
    }
    e->list[e->count++] = route;
    return 0;
}

uint32_t sl__ends_from(const struct sl__ends *e, uint32_t from)
{
    uint32_t low = 0, high = e->count;

    if (high == 0 || e->list[0]->order >= from) /* nearly always */
        return 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (e->list[middle]->order < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct sl__route *sl__ends_look(const struct sl__ends *e, const struct sl__search *s,
                                      const struct sl__route *best)
{
    for (uint32_t i = sl__ends_from(e, s->from); i < e->count; i++) {
        const struct sl__route *route = e->list[i];

        if (best && route->order >= best->order)
            break;
        if (sl__route_takes(route, s))
            return route;
    }
    return best;
}

void sl__ends_finish(struct sl__ends *e)
{
    sl__free(e->list);
    *e = (struct sl__ends){0};
}
