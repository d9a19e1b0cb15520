/*
 * What would have been allowed, and what is said to a request that no route took.
 *
 * Comes here from router.c when a table has no route for a request, so the common way pays nothing
 * for it, and from reply.c when the onion has unwound without an answer (RFC 9110 §9.3.7, §15.5.6,
 * §15.6.2).
 */
#include "app/allowed.h"

#include <errno.h>

struct sl__other_name {
    struct sl__other_name *next;
    const char *name; /* the route's */
};

static int add_name(sl_ctx *c, const char *name)
{
    struct sl__other_name **link = &c->allowed.more;

    for (; *link; link = &(*link)->next)
        if (strcmp((*link)->name, name) == 0)
            return 0;
    *link = sl__arena_alloc(&c->x->arena, sizeof(**link));
    if (!*link)
        return -ENOMEM;
    **link = (struct sl__other_name){NULL, name};
    return 0;
}

static int add_route(sl_ctx *c, const struct sl__route *route)
{
    if (!route->method) /* every method: only OPTIONS * gets here, no other request is left over */
        c->allowed.methods |= ((1u << SL__METHOD_COUNT) - 1) & ~(1u << SL__METHOD_OTHER);
    else if (route->methods == 1u << SL__METHOD_OTHER)
        return add_name(c, route->method);
    else
        c->allowed.methods |= route->methods;
    return 0;
}

static int collect_path(sl_ctx *c, struct sl__table *t, const struct sl__search *search)
{
    struct sl__search any = *search;
    const struct sl__route *route;

    any.from = 0;
    any.methods = SL__METHODS_ALL;
    while ((route = sl__table_find(t, &any))) {
        int r = add_route(c, route);

        if (r < 0)
            return r;
    }
    return 0;
}

static int collect_all(sl_ctx *c, const struct sl__table *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        int r = add_route(c, t->routes[i]);

        if (r < 0)
            return r;
    }
    return 0;
}

int sl__allowed_collect(sl_ctx *c, struct sl__table *t, const struct sl__search *search)
{
    const struct sl__request *r = sl__ctx_request(c);

    c->allowed.passed = true;
    if (r->method == SL__METHOD_OTHER && !c->allowed.known)
        c->allowed.known = sl__table_knows(t, sl__request_str(r, r->method_name));
    return r->asterisk ? collect_all(c, t) : collect_path(c, t, search);
}

int sl__allowed_status(const sl_ctx *c)
{
    const struct sl__request *r = sl__ctx_request(c);
    bool some = c->allowed.methods || c->allowed.more;

    if (c->routes_ran || !c->app->layers.has_routes)
        return 200;
    if (!c->allowed.passed)
        return 404;
    if (r->method == SL__METHOD_OPTIONS && (some || r->asterisk))
        return 204;
    if (r->method == SL__METHOD_OTHER && !c->allowed.known)
        return 501;
    return some ? 405 : 404;
}

static void append(char **at, const char *name, bool first)
{
    size_t len = strlen(name);

    if (!first) {
        memcpy(*at, ", ", 2);
        *at += 2;
    }
    memcpy(*at, name, len + 1);
    *at += len;
}

const char *sl__allowed_text(sl_ctx *c)
{
    uint32_t methods =
        c->allowed.methods | 1u << SL__METHOD_OPTIONS; /* which we answer ourselves */
    size_t room = 1;
    char *text, *at;

    if (methods & 1u << SL__METHOD_GET)
        methods |= 1u << SL__METHOD_HEAD;
    for (unsigned m = 1; m < SL__METHOD_COUNT; m++)
        room += strlen(sl__method_name((enum sl__method)m)) + 2;
    for (const struct sl__other_name *n = c->allowed.more; n; n = n->next)
        room += strlen(n->name) + 2;
    text = at = sl__arena_alloc(&c->x->arena, room);
    if (!text)
        return NULL;
    for (unsigned m = 1; m < SL__METHOD_COUNT; m++)
        if (methods & 1u << m)
            append(&at, sl__method_name((enum sl__method)m), at == text);
    for (const struct sl__other_name *n = c->allowed.more; n; n = n->next)
        append(&at, n->name, at == text);
    return text;
}
