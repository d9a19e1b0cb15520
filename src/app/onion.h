/*
 * The onion: how layers call each other, and the layers that open a list of their own.
 */
#ifndef SL__APP_ONION_H
#define SL__APP_ONION_H

#include "app/layers.h"

/** Runs what stands at the context's cursor, without asking whether somebody may. For layers that
 * are no layer of their own: tables and routers. */
int sl__onion_go(sl_ctx *c);
/** The same when the present list is exhausted. */
int sl__onion_go_behind(sl_ctx *c);

/** A table of routes as a layer; @p self is the struct sl__table. */
int sl__table_run(sl_ctx *c, void *self);

/** A router as a layer; @p self is the sl_router. */
int sl__router_run(sl_ctx *c, void *self);
const struct sl__layers *sl__router_layers(const sl_router *router);

struct sl__opened;

/** Sets the cursor to the next route of the frame's table. 1; 0 when none is left; negative error.
 */
int sl__table_next(sl_ctx *c, struct sl__opened *frame);

#endif
