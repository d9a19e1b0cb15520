/*
 * The route table as text.
 */
#ifndef SL__APP_ROUTES_H
#define SL__APP_ROUTES_H

#include "app/app.h"
#include "base/buf.h"

struct sl__route;

/** Is called for each route. @p name: its pattern with hosts and prefixes, valid until it returns.
 * Not 0 ends the walk. */
typedef int sl__route_visit(void *self, const struct sl__route *route, const char *name);

/** Walks over all routes, from the outside in. @return what @p visit returned, or a negative errno
 */
int sl__app_each_route(const sl_app *app, sl__route_visit *visit, void *self);

/** Appends one line for each route: "GET     /users/:id". 0 or -ENOMEM. */
int sl__app_routes(const sl_app *app, struct sl__buf *out);

#endif
