/*
 * The route table as text, for an operator who asks what this program serves.
 *
 * Comes from serve/as_worker.c with a question of the master; walks the onion from the outside in.
 * One line for each route: method, pattern with the prefixes before it, and how many layers it has.
 */
#include "app/routes.h"
#include "app/onion.h"
#include "app/table.h"

#include <errno.h>
#include <stdio.h>

#define DEPTH_MAX 32 /* routers in routers */
#define PREFIX_MAX 1024

struct walk {
    struct sl__buf *out;
    const char *host; /* of the routers around it; "": any */
    char prefix[PREFIX_MAX];
    int depth;
};

static int add_layers(struct walk *w, const sl_middleware *list, size_t count);

static int add_line(struct walk *w, const char *method, const char *pattern)
{
    char line[PREFIX_MAX + 2560];
    const char *slashes = w->host[0] ? "//" : "", *between = "";
    int n;

    if (pattern[0] != '/')
        between = w->host[0] || w->prefix[0] ? " ~ " : "~ ";
    n = snprintf(line, sizeof line, "%-7s %s%s%s%s%s\n", method, slashes, w->host, w->prefix,
                 between, pattern);
    if (n < 0)
        return -EINVAL;
    return sl__buf_append(w->out, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static int add_table(struct walk *w, const struct sl__table *t)
{
    int r = 0;

    for (uint32_t i = 0; i < t->count && r == 0; i++) {
        const struct sl__route *route = t->routes[i];

        r = add_line(w, route->method ? route->method : "*", route->pattern);
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

int sl__app_routes(const sl_app *app, struct sl__buf *out)
{
    struct walk w = {.out = out, .host = ""};

    return add_layers(&w, app->layers.list, app->layers.count);
}
