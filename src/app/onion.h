/*
 * The onion: how layers call each other, and the layers that open a list of their own.
 */
#ifndef SL__APP_ONION_H
#define SL__APP_ONION_H

#include "app/layers.h"

struct sl__opened;

/** Runs the layer the context has come to, without asking whether somebody may. For layers that are
 * no layer of their own: routers whose prefix is another. */
int sl__onion_go(sl_ctx *c);
/** Runs the layers of a frame, from @p first on, and what is behind them; then the context is back
 * in the outer frame. */
int sl__onion_open(sl_ctx *c, struct sl__opened *frame, const sl_middleware *first);

/** A table of routes as a layer; @p self is the struct sl__table. */
int sl__table_run(sl_ctx *c, void *self);

/** A router as a layer; @p self is the sl_router. */
int sl__router_run(sl_ctx *c, void *self);
const struct sl__layers *sl__router_layers(const sl_router *router);
/** NULL: any. */
const char *sl__router_host(const sl_router *router);
/** NULL: none. */
const char *sl__router_prefix(const sl_router *router);

/** Sets the context to the next route of the frame's table. 1; 0 when none is left; negative error.
 */
int sl__table_next(sl_ctx *c, struct sl__opened *frame);

#endif
