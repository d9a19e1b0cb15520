/*
 * The route table as text.
 */
#ifndef SL__APP_ROUTES_H
#define SL__APP_ROUTES_H

#include "app/app.h"
#include "base/buf.h"

/** Appends one line for each route: "GET     /users/:id". 0 or -ENOMEM. */
int sl__app_routes(const sl_app *app, struct sl__buf *out);

#endif
