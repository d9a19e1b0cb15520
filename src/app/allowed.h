/*
 * What would have been allowed: collected while tables find no route for a request.
 */
#ifndef SL__APP_ALLOWED_H
#define SL__APP_ALLOWED_H

#include "app/ctx.h"

/** The table had no route for the request: adds the methods it has for the path that @p search was
 * for. 0 or -ENOMEM. */
int sl__allowed_collect(sl_ctx *c, struct sl__table *t, const struct sl__search *search);

/** The status of a request nobody answered: 200, 204 (OPTIONS), 404, 405 or 501. */
int sl__allowed_status(const sl_ctx *c);

/** The value of Allow, in the arena; NULL when out of memory. */
const char *sl__allowed_text(sl_ctx *c);

#endif
