/*
 * A table of routes: their definition, and the search among them.
 *
 * Comes here from layers.c at registration and from router.c for every request that reaches the
 * table. The search asks the tree (tree.c) for the earliest path pattern, then tries the regular
 * expressions defined before that one. A layer that calls sl_next() makes the search go on behind
 * the route it found; nothing is remembered but that route's order.
 */
#include "app/table.h"

#include <errno.h>

#include "app/hold.h"
#include "app/layers.h"
#include "app/regex.h"
#include "app/tree.h"
#include "base/log.h"
#include "base/mem.h"
#include "shallot/error.h"

static void free_route(struct sl__route *route)
{
    if (!route)
        return;
    for (size_t i = 0; i < route->count; i++)
        sl__release(&route->layers[i]);
    sl__regex_free(route->regex);
    sl__free(route->layers);
    sl__free(route->params);
    sl__free(route->method);
    sl__free(route->pattern);
    sl__free(route);
}

/* The layers are held by the route; its count is what has been held so far. */
static int copy_layers(struct sl__route *route, const sl_middleware *layers, size_t count)
{
    route->layers = sl__try_alloc((count + 1) * sizeof(*layers));
    if (!route->layers)
        return -ENOMEM;
    route->layers[count] = sl__layer_behind;
    for (size_t i = 0; i < count; i++) {
        int r = sl__hold(&layers[i]);

        if (r < 0)
            return r;
        route->layers[route->count++] = layers[i];
    }
    return 0;
}

static int copy_params(struct sl__route *route, const struct sl__pattern *pattern)
{
    if (pattern->params == 0)
        return 0;
    route->params = sl__try_alloc(pattern->params * sizeof(*route->params));
    if (!route->params)
        return -ENOMEM;
    for (unsigned i = 0; i < pattern->count; i++) {
        const struct sl__part *part = &pattern->parts[i];

        if (part->kind != SL__PART_LITERAL)
            route->params[route->param_count++] =
                (struct sl__route_param){part->text, i, part->kind == SL__PART_REST};
    }
    return 0;
}

static struct sl__route *new_route(const struct sl__table *t, const char *method,
                                   const char *pattern)
{
    struct sl__route *route = sl__try_alloc_zeroed(sizeof *route);

    if (!route)
        return NULL;
    route->order = t->count;
    route->methods = SL__METHODS_ALL;
    route->pattern = sl__try_strdup(pattern);
    if (!route->pattern)
        goto out;
    if (method) {
        route->methods = 1u << sl__method_of(sl__str_of(method));
        route->method = sl__try_strdup(method);
        if (!route->method)
            goto out;
    }
    return route;
out:
    free_route(route);
    return NULL;
}

static int compile_path(struct sl__route *route, struct sl__pattern *ret)
{
    struct sl__mistake mistake;
    int r = sl__pattern_parse(sl__str_of(route->pattern), ret, &mistake);

    if (r < 0) {
        sl__log(SL__ERROR, "bad route pattern \"%s\" at offset %zu: %s", route->pattern, mistake.at,
                mistake.what);
        return r;
    }
    return copy_params(route, ret);
}

static int compile_regex(struct sl__route *route)
{
    char error[256];
    size_t at;
    int r = sl__regex_new(route->pattern, &route->regex, error, sizeof error, &at);

    if (r == -SL_EBADPATTERN)
        sl__log(SL__ERROR, "bad route pattern \"%s\" at offset %zu: %s", route->pattern, at, error);
    return r;
}

static int make_room(struct sl__table *t)
{
    uint32_t size = t->size > 0 ? t->size * 2 : 8;
    struct sl__route **routes;

    if (t->count < t->size)
        return 0;
    routes = sl__try_realloc(t->routes, size * sizeof(*routes));
    if (!routes)
        return -ENOMEM;
    t->routes = routes;
    t->size = size;
    return 0;
}

struct sl__table *sl__table_new(void)
{
    struct sl__table *t = sl__try_alloc_zeroed(sizeof *t);

    if (!t)
        return NULL;
    t->tree = sl__segments_new();
    if (!t->tree) {
        sl__free(t);
        return NULL;
    }
    return t;
}

void sl__table_free(struct sl__table *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->count; i++)
        free_route(t->routes[i]);
    sl__free(t->routes);
    sl__ends_finish(&t->regexes);
    sl__direct_finish(&t->direct);
    sl__segments_free(t->tree);
    sl__free(t);
}

int sl__table_add(struct sl__table *t, const char *method, const char *pattern,
                  const sl_middleware *layers, size_t count)
{
    struct sl__pattern parts;
    struct sl__route *route;
    bool path = pattern[0] == '/';
    int r = make_room(t);

    if (r < 0)
        return r;
    route = new_route(t, method, pattern);
    if (!route)
        return -ENOMEM;
    r = path ? compile_path(route, &parts) : compile_regex(route);
    if (r < 0)
        goto out;
    r = copy_layers(route, layers, count);
    if (r < 0)
        goto out;
    r = path ? sl__segments_add(t->tree, &parts, route) : sl__ends_add(&t->regexes, route);
    if (r < 0)
        goto out;
    t->routes[t->count++] = route;
    t->methods |= route->methods;
    t->direct_known = false;
    return 0;
out:
    free_route(route);
    return r;
}

struct sl__str sl__search_text(const struct sl__search *s)
{
    struct sl__str rest;

    if (s->base == 0)
        return s->path->text;
    if (s->base >= s->path->count)
        return SL__STR("/");
    rest = sl__path_rest(s->path, s->base);
    return (struct sl__str){rest.ptr - 1, rest.len + 1};
}

/* Regular expressions, of which the first one before @p best wins. */
static const struct sl__route *find_regex(struct sl__table *t, const struct sl__search *s,
                                          const struct sl__route *best)
{
    struct sl__str subject = sl__search_text(s);

    for (uint32_t i = sl__ends_from(&t->regexes, s->from); i < t->regexes.count; i++) {
        const struct sl__route *route = t->regexes.list[i];

        if (best && route->order > best->order)
            break;
        if (!sl__route_takes(route, s))
            continue;
        t->steps++;
        if (sl__regex_match(route->regex, subject))
            return route;
    }
    return best;
}

void sl__table_learn_direct(struct sl__table *t)
{
    uint64_t steps = t->steps; /* of searches, and this is none */

    sl__direct_finish(&t->direct);
    t->direct_known = true;
    if (t->regexes.count == 0)
        sl__direct_fill(&t->direct, t);
    t->steps = steps;
}

const struct sl__route *sl__table_find_any(struct sl__table *t, const struct sl__search *s)
{
    const struct sl__route *best = NULL;

    if (s->base < s->path->count)
        best = sl__segments_find(t, s, s->path->segments + s->base);
    else if (s->base > 0) /* else it is the asterisk form, which is no path */
        best = sl__segments_find_behind(t, s);
    return t->regexes.count > 0 ? find_regex(t, s, best) : best;
}

uint32_t sl__table_methods_for_head(struct sl__table *t, const struct sl__search *search)
{
    const uint32_t head = 1u << SL__METHOD_HEAD;
    struct sl__search s = *search;
    const struct sl__route *route = NULL;

    if (t->methods & head) { /* else nothing was written for HEAD, nor for all */
        do {                 /* a sl_all() route is not written for HEAD and takes its turn */
            route = sl__table_find(t, &s);
        } while (route && !route->method);
    }
    return route ? head : head | 1u << SL__METHOD_GET;
}

bool sl__table_knows(const struct sl__table *t, struct sl__str method)
{
    if (!(t->methods & 1u << SL__METHOD_OTHER))
        return false;
    for (uint32_t i = 0; i < t->count; i++)
        if (!t->routes[i]->method || sl__str_equal(sl__str_of(t->routes[i]->method), method))
            return true;
    return false;
}
