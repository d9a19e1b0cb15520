/*
 * Routers and tables as layers of the onion.
 *
 * Comes here from onion.c when a request reaches a table of routes or a mounted router. A table
 * sets the cursor to the layers of the route that matched; when those call sl_next() beyond the
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
#include "base/log.h"
#include "base/mem.h"
#include "shallot/error.h"

struct sl_router {
    struct sl__layers layers;
    char *prefix; /* NULL: none */
    struct sl__pattern *pattern;
    struct sl__route_param *params;
    uint32_t param_count;
};

int sl__table_next(sl_ctx *c, struct sl__opened *frame)
{
    const struct sl__cursor *behind = &frame->behind;
    const struct sl__route *route = sl__table_find(frame->table, &frame->search);
    int r;

    if (!route)
        return c->route_ran ? 0 : sl__allowed_collect(c, frame->table, behind->base);
    c->cursor.layer = route->layers;
    c->cursor.end = route->layers + route->count;
    c->cursor.params = behind->params;
    c->cursor.base = behind->base;
    c->route_ran = true;
    if (c->x->fiber)
        sl__fiber_set_label(c->x->fiber, route->pattern);
    if (route->regex)
        r = sl__params_push_groups(c, route->regex, sl__search_text(&frame->search));
    else
        r = sl__params_push(c, route->params, route->param_count, behind->base);
    return r < 0 ? r : 1;
}

int sl__table_run(sl_ctx *c, void *self)
{
    const struct sl__request *request = sl__ctx_request(c);
    struct sl__opened frame;
    int r;

    r = sl__path_split(&c->path, request, &c->x->arena);
    if (r < 0)
        return sl__ctx_error(c, r);
    frame.behind = c->cursor;
    frame.table = self;
    sl__search_begin(&frame.search, self, &c->path, c->cursor.base, request);
    c->cursor.end = c->cursor.layer; /* nothing, until the search has found a route */
    c->cursor.frame = &frame;
    r = sl__onion_go_behind(c);
    c->cursor = frame.behind;
    c->next_called = true;
    return r;
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
    struct sl__opened frame = {.behind = c->cursor};
    int r = sl__path_split(&c->path, sl__ctx_request(c), &c->x->arena);

    if (r < 0)
        return sl__ctx_error(c, r);
    if (!under_prefix(router, &c->path, c->cursor.base))
        return sl__onion_go(c);
    c->cursor.layer = router->layers.list;
    c->cursor.end = sl__layers_end(&router->layers);
    c->cursor.frame = &frame;
    if (router->pattern)
        c->cursor.base += router->pattern->count;
    r = sl__params_push(c, router->params, router->param_count, frame.behind.base);
    r = r < 0 ? sl__ctx_error(c, r) : sl__onion_go(c);
    c->cursor = frame.behind;
    c->next_called = true;
    return r;
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

sl_router *sl_router_new_with(const sl_router_options *given)
{
    sl_router_options options = {0};
    sl_router *router = sl__alloc_zeroed(sizeof *router);

    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    if (options.prefix)
        set_prefix(router, options.prefix);
    return router;
}

static void destroy(void *self)
{
    sl_router *router = self;

    sl__layers_finish(&router->layers);
    sl__free(router->params);
    sl__free(router->pattern);
    sl__free(router->prefix);
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
