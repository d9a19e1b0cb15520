/*
 * Routers and tables as layers of the onion.
 *
 * Comes here from onion.c when a request reaches a table of routes or a mounted router. A table
 * sets the context to the layers of the route that matched; when those call sl_next() beyond the
 * last, the search goes on behind that route. A router takes its prefix off the path and opens its
 * own layers. What no route takes goes on to what is defined behind, and is remembered: at the end
 * it decides between 404, 405 and 501.
 */
#include <errno.h>

#include "app/allowed.h"
#include "app/ctx.h"
#include "app/hold.h"
#include "app/onion.h"
#include "app/params.h"
#include "app/vhost.h"
#include "base/log.h"
#include "base/mem.h"
#include "shallot/error.h"
#include "shallot/request.h"

struct sl_router {
    struct sl__layers layers;
    char *prefix; /* NULL: none */
    char *host;   /* NULL: any */
    struct sl__pattern *pattern;
    struct sl__route_param *params;
    uint32_t param_count;
};

/* What the route has caught, in front of what the prefixes around the table have. */
static inline int push_params(sl_ctx *c, struct sl__opened *frame, const struct sl__route *route)
{
    int r;

    frame->params = frame->outer->params;
    if (route->regex)
        return sl__params_push_groups(c, route->regex, sl__search_text(&frame->search));
    if (route->param_count == 0)
        return 0;
    r = sl__path_split(&c->path, sl__ctx_request(c), &c->x->arena);
    return r < 0 ? r : sl__params_push(c, route->params, route->param_count, frame->base);
}

static inline int next_route(sl_ctx *c, struct sl__opened *frame)
{
    const struct sl__route *route = sl__table_find(frame->table, &frame->search);
    int r;

    if (!route)
        return c->routes_ran ? 0 : sl__allowed_collect(c, frame->table, &frame->search);
    c->layer = route->layers;
    c->routes_ran++;
    if (c->x->fiber)
        sl__fiber_set_label(c->x->fiber, route->pattern);
    r = push_params(c, frame, route);
    return r < 0 ? r : 1;
}

int sl__table_next(sl_ctx *c, struct sl__opened *frame)
{
    return next_route(c, frame);
}

int sl__table_run(sl_ctx *c, void *self)
{
    const struct sl__request *request = sl__ctx_request(c);
    struct sl__table *table = self;
    struct sl__opened frame;
    int r;

    frame.outer = c->frame;
    frame.behind = c->layer;
    frame.params = frame.outer->params;
    frame.base = frame.outer->base;
    frame.table = table;
    frame.search.direct = sl__table_direct(table, &c->path, frame.base);
    if (!frame.search.direct) {
        r = sl__path_split(&c->path, request, &c->x->arena);
        if (r < 0)
            return sl__ctx_error(c, r);
    }
    sl__search_begin(&frame.search, table, &c->path, frame.base, request);
    c->frame = &frame;
    r = next_route(c, &frame);
    if (r > 0)
        return sl__onion_open(c, &frame, c->layer);
    c->frame = frame.outer;
    c->layer = frame.behind;
    return r < 0 ? sl__ctx_error(c, r) : sl__onion_go(c);
}

/* True if the path goes on from segment @p base with the router's prefix. */
static bool under_prefix(const sl_router *router, const struct sl__path *path, uint32_t base)
{
    const struct sl__pattern *p = router->pattern;

    if (!p)
        return true;
    if (path->count < base + p->count)
        return false;
    for (unsigned i = 0; i < p->count; i++) {
        const struct sl__segment *s = &path->segments[base + i];

        if (p->parts[i].kind == SL__PART_PARAM
                ? s->len == 0
                : !sl__str_equal(p->parts[i].text, (struct sl__str){s->ptr, s->len}))
            return false;
    }
    return true;
}

int sl__router_run(sl_ctx *c, void *self)
{
    const sl_router *router = self;
    struct sl__opened *outer = c->frame;
    struct sl__opened frame = {
        .outer = outer, .behind = c->layer, .params = outer->params, .base = outer->base};
    int r;

    if (router->host && !sl__vhost_matches(router->host, sl__str_of(sl_host(c))))
        return sl__onion_go(c);
    r = sl__path_split(&c->path, sl__ctx_request(c), &c->x->arena);
    if (r < 0)
        return sl__ctx_error(c, r);
    if (!under_prefix(router, &c->path, outer->base))
        return sl__onion_go(c);
    c->frame = &frame;
    r = sl__params_push(c, router->params, router->param_count, outer->base);
    c->frame = outer;
    if (r < 0)
        return sl__ctx_error(c, r);
    if (router->pattern)
        frame.base += router->pattern->count;
    return sl__onion_open(c, &frame, sl__layers_first(&router->layers));
}

const char *sl__router_prefix(const sl_router *router)
{
    return router->prefix;
}

const char *sl__router_host(const sl_router *router)
{
    return router->host;
}

const struct sl__layers *sl__router_layers(const sl_router *router)
{
    return &router->layers;
}

static void refuse_prefix(sl_router *router, const char *prefix, const char *what, size_t at)
{
    sl__log(SL__ERROR, "bad router prefix \"%s\" at offset %zu: %s", prefix, at, what);
    router->layers.bad = true;
}

/* Small and fixed, like everything about a router itself: out of memory here aborts. */
static void set_prefix(sl_router *router, const char *prefix)
{
    struct sl__str text = sl__str_of(prefix);
    struct sl__mistake mistake;

    while (text.len > 0 && text.ptr[text.len - 1] == '/') /* "/api/" and "/api" are the same */
        text.len--;
    if (text.len == 0)
        return;
    router->prefix = sl__strdup(prefix);
    text.ptr = router->prefix;
    router->pattern = sl__alloc(sizeof(*router->pattern));
    if (sl__pattern_parse(text, router->pattern, &mistake) < 0) {
        refuse_prefix(router, prefix, mistake.what, mistake.at);
        return;
    }
    router->params = sl__alloc((router->pattern->params + 1) * sizeof(*router->params));
    for (unsigned i = 0; i < router->pattern->count; i++) {
        const struct sl__part *part = &router->pattern->parts[i];

        if (part->kind == SL__PART_REST)
            refuse_prefix(router, prefix, "* would leave nothing for the routes",
                          (size_t)(part->text.ptr - text.ptr));
        if (part->kind != SL__PART_LITERAL)
            router->params[router->param_count++] = (struct sl__route_param){part->text, i, false};
    }
}

static void set_host(sl_router *router, const char *host)
{
    if (!sl__vhost_valid(host)) {
        sl__log(SL__ERROR,
                "bad router host \"%s\": a name without port, perhaps with \"*.\" in front", host);
        router->layers.bad = true;
    }
    router->host = sl__strdup(host);
}

sl_router *sl_router_new_with(const sl_router_options *given)
{
    sl_router_options options = {0};
    sl_router *router = sl__alloc_zeroed(sizeof *router);

    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    if (options.prefix)
        set_prefix(router, options.prefix);
    if (options.host)
        set_host(router, options.host);
    return router;
}

static void destroy(void *self)
{
    sl_router *router = self;

    sl__layers_finish(&router->layers);
    sl__free(router->params);
    sl__free(router->pattern);
    sl__free(router->prefix);
    sl__free(router->host);
    sl__free(router);
}

sl_middleware sl_routes(sl_router *router)
{
    return (sl_middleware){sl__router_run, router, destroy};
}

void sl_router_free(sl_router *router)
{
    sl_middleware m = sl_routes(router);

    if (router && !sl__held(&m))
        destroy(router);
}

/* True if mounting @p m would make the router contain itself. */
static bool circular(const sl_router *router, const sl_middleware *m)
{
    return m->run == sl__router_run &&
           (m->self == router || sl__layers_mount(sl__router_layers(m->self), router));
}

int sl_router_use_middleware(sl_router *router, sl_middleware m)
{
    return circular(router, &m) ? -ELOOP : sl__layers_add(&router->layers, m);
}

int sl_router_route(sl_router *router, const char *method, const char *pattern,
                    const sl_middleware *layers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (circular(router, &layers[i]))
            return sl__layers_refuse(layers, count, -ELOOP);
    return sl__layers_route(&router->layers, method, pattern, layers, count);
}
