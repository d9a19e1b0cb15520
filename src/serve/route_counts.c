/*
 * Counting per route: an outermost layer for apps that have asked for it (sl_count_routes()).
 *
 * When the process starts, every route gets its row in the scoreboard's memory. A request comes by
 * twice: on the way in its fiber's label is taken away, on the way out the label is the pattern of
 * the last route the request came to, by whose address the row is found. The clock is read once,
 * since the loop knows when the request's head was complete. A route of nobody's table, such as one
 * of Shallot's own pages, is not counted.
 */
#include <errno.h>

#include "app/ctx.h"
#include "app/onion.h"
#include "app/route.h"
#include "app/routes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "serve/serving.h"
#include "shallot/error.h"
#include "shallot/response.h"

struct place {
    const char *pattern; /* NULL: free */
    unsigned row;
};

struct counter {
    struct sl__board_routes *board;
    unsigned lane, generation;
    size_t count, size;   /* size: a power of two, at least twice count */
    struct place *places; /* open addressing */
};

static size_t place_of(const struct counter *n, const char *pattern)
{
    return (size_t)(((uintptr_t)pattern * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (n->size - 1);
}

static struct place *find(const struct counter *n, const char *pattern)
{
    size_t i = place_of(n, pattern);

    while (n->places[i].pattern && n->places[i].pattern != pattern)
        i = (i + 1) & (n->size - 1);
    return &n->places[i];
}

static int64_t since(const struct sl__exchange *x)
{
    return sl__sys_now() - x->since;
}

static int run(sl_ctx *c, void *self)
{
    const struct counter *n = self;
    struct sl__exchange *x = c->x;
    const char *label;
    int r;

    if (!x->fiber)
        return sl_next(c);
    sl__fiber_set_label(x->fiber, NULL);
    r = sl_next(c);
    label = sl__fiber_label(x->fiber);
    if (label) {
        const struct place *p = find(n, label);

        if (p->pattern)
            sl__board_route_count(n->board, p->row, n->lane, (unsigned)sl_status(c), since(x));
    } else {
        sl__board_route_count(n->board, SL__ROUTE_NONE, n->lane, (unsigned)sl_status(c), since(x));
    }
    return r;
}

static int count_route(void *self, const struct sl__route *route, const char *name)
{
    struct counter *n = self;

    n->count++;
    return 0;
}

/* A router that is mounted twice has its routes counted under its first place. */
static int claim(void *self, const struct sl__route *route, const char *name)
{
    struct counter *n = self;
    struct place *p = find(n, route->pattern);

    if (p->pattern)
        return 0;
    p->pattern = route->pattern;
    p->row =
        sl__board_route_claim(n->board, n->generation, route->method ? route->method : "*", name);
    return 0;
}

static void free_counter(void *self)
{
    struct counter *n = self;

    sl__free(n->places);
    sl__free(n);
}

int sl__route_counts_start(struct sl__serving *s)
{
    struct counter *n;
    int r = sl__scoreboard_count_routes(&s->board);

    if (r < 0) { /* which is no reason not to serve */
        sl__log(SL__WARN, "requests are not counted per route: no memory for it: %s",
                sl_strerror(r));
        return 0;
    }
    n = sl__alloc_zeroed(sizeof *n);
    n->board = s->board.routes;
    n->lane = (unsigned)(s->slot - s->board.slots);
    n->generation = atomic_load(&s->slot->generation);
    sl__app_each_route(s->app, count_route, n);
    for (n->size = 16; n->size < 2 * n->count;)
        n->size *= 2;
    n->places = sl__try_alloc_zeroed(n->size * sizeof *n->places);
    if (!n->places) {
        sl__free(n);
        return -ENOMEM;
    }
    sl__board_route_claim(n->board, n->generation, NULL, NULL);
    sl__app_each_route(s->app, claim, n);
    return sl__layers_wrap(&s->app->layers, (sl_middleware){run, n, free_counter});
}
