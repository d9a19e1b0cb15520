/*
 * Layers: how an app or a router is built up, and taken down.
 *
 * Comes here from app.c and router.c while main() runs; requests only read the list. What is handed
 * in is taken in any case, so a caller never has to free a middleware because adding it failed.
 */
#include "app/layers.h"

#include <errno.h>
#include <string.h>

#include "app/hold.h"
#include "app/onion.h"
#include "app/table.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/chars.h"
#include "shallot/error.h"

static bool is_table(const sl_middleware *m)
{
    return m->run == sl__table_run;
}

static bool is_router(const sl_middleware *m)
{
    return m->run == sl__router_run;
}

/* What could not be taken is freed, except a router: the program goes on filling it, and may free
 * it. */
static void reject(const sl_middleware *m)
{
    if (!is_router(m))
        sl__reject(m);
}

static int make_room(struct sl__layers *l)
{
    size_t size = l->size > 0 ? l->size * 2 : 8;
    sl_middleware *list;

    if (l->count + 1 < l->size)
        return 0;
    list = sl__try_realloc(l->list, size * sizeof(*list));
    if (!list)
        return -ENOMEM;
    list[l->count] = sl__layer_behind;
    l->list = list;
    l->size = size;
    return 0;
}

static void append(struct sl__layers *l, sl_middleware m)
{
    l->list[l->count++] = m;
    l->list[l->count] = sl__layer_behind;
}

/* What a constructor returns that was asked for the impossible: the program would serve without
 * something it was told to have. */
static bool no_function(void)
{
    sl__log(SL__ERROR, "a layer has no function: what was to make it has failed");
    return true;
}

int sl__layers_add(struct sl__layers *l, sl_middleware m)
{
    int r;

    if (!m.run) {
        l->bad = no_function();
        reject(&m);
        return -EINVAL;
    }
    r = make_room(l);
    if (r == 0)
        r = sl__hold(&m);
    if (r < 0) {
        reject(&m);
        return r;
    }
    append(l, m);
    l->open = NULL;
    l->has_routes |= is_router(&m);
    return 0;
}

int sl__layers_wrap(struct sl__layers *l, sl_middleware m)
{
    int r = make_room(l);

    if (r < 0) {
        reject(&m);
        return r;
    }
    memmove(l->list + 1, l->list, (l->count + 1) * sizeof(*l->list));
    l->list[0] = m;
    l->count++;
    return 0;
}

/* The table that takes the next route: the last layer, or a new one. */
static int open_table(struct sl__layers *l)
{
    struct sl__table *t;
    int r;

    if (l->open)
        return 0;
    r = make_room(l);
    if (r < 0)
        return r;
    t = sl__table_new();
    if (!t)
        return -ENOMEM;
    append(l, (sl_middleware){sl__table_run, t, NULL});
    l->open = t;
    return 0;
}

static bool token(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!sl__char_is(*p, SL__CHAR_TOKEN))
            return false;
    return *text != '\0';
}

static int add_route(struct sl__layers *l, const char *method, const char *pattern,
                     const sl_middleware *layers, size_t count)
{
    int r;

    if (!pattern || count == 0 || (method && !token(method)))
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        if (!layers[i].run) {
            l->bad = no_function();
            return -EINVAL;
        }
    r = open_table(l);
    if (r < 0)
        return r;
    return sl__table_add(l->open, method, pattern, layers, count);
}

int sl__layers_refuse(const sl_middleware *layers, size_t count, int error)
{
    for (size_t i = 0; i < count; i++)
        reject(&layers[i]);
    return error;
}

int sl__layers_route(struct sl__layers *l, const char *method, const char *pattern,
                     const sl_middleware *layers, size_t count)
{
    int r = add_route(l, method, pattern, layers, count);

    l->bad |= r == -SL_EBADPATTERN;
    if (r < 0)
        return sl__layers_refuse(layers, count, r);
    l->has_routes = true;
    return 0;
}

void sl__layers_finish(struct sl__layers *l)
{
    for (size_t i = 0; i < l->count; i++) {
        if (is_table(&l->list[i]))
            sl__table_free(l->list[i].self);
        else
            sl__release(&l->list[i]);
    }
    sl__free(l->list);
    *l = (struct sl__layers){0};
}

/* Calls @p ask for each router in the layers and in the layers of their routes; true once one says
 * so. */
static bool any_router(const sl_middleware *list, size_t count,
                       bool (*ask)(const sl_router *router, const void *arg), const void *arg)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl__table *t = list[i].self;

        if (is_router(&list[i]) && ask(list[i].self, arg))
            return true;
        if (!is_table(&list[i]))
            continue;
        for (uint32_t j = 0; j < t->count; j++)
            if (any_router(t->routes[j]->layers, t->routes[j]->count, ask, arg))
                return true;
    }
    return false;
}

static bool router_bad(const sl_router *router, const void *arg)
{
    (void)arg;
    return sl__layers_bad(sl__router_layers(router));
}

bool sl__layers_bad(const struct sl__layers *l)
{
    return l->bad || any_router(l->list, l->count, router_bad, NULL);
}

static bool router_is(const sl_router *router, const void *arg)
{
    return router == arg || sl__layers_mount(sl__router_layers(router), arg);
}

bool sl__layers_mount(const struct sl__layers *l, const sl_router *router)
{
    return any_router(l->list, l->count, router_is, router);
}
