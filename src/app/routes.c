/*
 * A walk over all routes of an app, and the table of them as text, for an operator who asks what
 * this program serves.
 *
 * Comes from serve/: as_worker.c with a question of the master, route_counts.c to know what to
 * count; walks the onion from the outside in. Each route is known by its pattern with the prefixes
 * before it.
 */
#include "app/routes.h"
#include "app/onion.h"
#include "app/table.h"

#include <errno.h>
#include <stdio.h>

#define DEPTH_MAX 32 /* routers in routers */
#define PREFIX_MAX 1024

struct walk {
    sl__route_visit *visit;
    void *self;
    const char *host; /* of the routers around it; "": any */
    char prefix[PREFIX_MAX];
    int depth;
};

static int add_layers(struct walk *w, const sl_middleware *list, size_t count);

static int visit_route(struct walk *w, const struct sl__route *route)
{
    char name[PREFIX_MAX + 2560];
    const char *slashes = w->host[0] ? "//" : "", *between = "";
    int n;

    if (route->pattern[0] != '/')
        between = w->host[0] || w->prefix[0] ? " ~ " : "~ ";
    n = snprintf(name, sizeof name, "%s%s%s%s%s", slashes, w->host, w->prefix, between,
                 route->pattern);
    return n < 0 ? -EINVAL : w->visit(w->self, route, name);
}

static int add_table(struct walk *w, const struct sl__table *t)
{
    int r = 0;

    for (uint32_t i = 0; i < t->count && r == 0; i++) {
        const struct sl__route *route = t->routes[i];

        r = visit_route(w, route);
        if (r == 0)
            r = add_layers(w, route->layers, route->count);
    }
    return r;
}

static int add_router(struct walk *w, const sl_router *router)
{
    const struct sl__layers *layers = sl__router_layers(router);
    const char *prefix = sl__router_prefix(router), *host = sl__router_host(router);
    const char *outer = w->host;
    size_t before = strlen(w->prefix);
    int r;

    if (w->depth == DEPTH_MAX)
        return 0;
    w->depth++;
    w->host = host ? host : outer;
    if (prefix)
        snprintf(w->prefix + before, sizeof w->prefix - before, "%s", prefix);
    r = add_layers(w, layers->list, layers->count);
    w->prefix[before] = 0;
    w->host = outer;
    w->depth--;
    return r;
}

static int add_layers(struct walk *w, const sl_middleware *list, size_t count)
{
    int r = 0;

    for (size_t i = 0; i < count && r == 0; i++) {
        if (list[i].run == sl__table_run)
            r = add_table(w, list[i].self);
        else if (list[i].run == sl__router_run)
            r = add_router(w, list[i].self);
    }
    return r;
}

int sl__app_each_route(const sl_app *app, sl__route_visit *visit, void *self)
{
    struct walk w = {.visit = visit, .self = self, .host = ""};

    return add_layers(&w, app->layers.list, app->layers.count);
}

static int add_line(void *self, const struct sl__route *route, const char *name)
{
    char line[PREFIX_MAX + 2600];
    int n = snprintf(line, sizeof line, "%-7s %s\n", route->method ? route->method : "*", name);

    if (n < 0)
        return -EINVAL;
    return sl__buf_append(self, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

int sl__app_routes(const sl_app *app, struct sl__buf *out)
{
    return sl__app_each_route(app, add_line, out);
}
