/*
 * Layers: the list of middleware of an app or of a router, with its routes between them.
 *
 * Routes defined one after the other share one table, which is itself a layer; a middleware added
 * later closes it. So the order of definition across middleware and routes is kept.
 */
#ifndef SL__APP_LAYERS_H
#define SL__APP_LAYERS_H

#include "shallot/router.h"

struct sl__table;

/** The end of every list: goes on behind it. */
extern const sl_middleware sl__layer_behind;

/** Zeroed memory is an empty list. */
struct sl__layers {
    sl_middleware *list; /* NULL, or behind the last one the end */
    size_t count, size;
    struct sl__table *open; /* takes the next route; NULL after a middleware */
    bool has_routes;        /* own ones, or a router among the layers */
    bool bad;               /* a pattern was refused */
};

static inline const sl_middleware *sl__layers_first(const struct sl__layers *l)
{
    return l->list ? l->list : &sl__layer_behind;
}

/** Appends a layer, which is taken in any case. 0; -ENOMEM; -EINVAL without a run function. */
int sl__layers_add(struct sl__layers *l, sl_middleware m);
/** Puts a layer around all there are, which is taken in any case: one of the library's own, held
 * nowhere else. 0; -ENOMEM. */
int sl__layers_wrap(struct sl__layers *l, sl_middleware m);
/** Appends a route; its layers are taken in any case. Errors as sl_app_route(). */
int sl__layers_route(struct sl__layers *l, const char *method, const char *pattern,
                     const sl_middleware *layers, size_t count);
/** Frees the layers of a route that cannot be added, unless they are held elsewhere or routers.
 * @return @p error */
int sl__layers_refuse(const sl_middleware *layers, size_t count, int error);
/** Frees tables and middleware; the list is empty and usable again. */
void sl__layers_finish(struct sl__layers *l);
/** True if the list, or a router mounted in it at any depth, has refused a pattern. */
bool sl__layers_bad(const struct sl__layers *l);
/** True if @p router is mounted in the list, at any depth. */
bool sl__layers_mount(const struct sl__layers *l, const sl_router *router);

#endif
