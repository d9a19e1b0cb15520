/*
 * The JSON value that came with a request.
 */
#ifndef SL__APP_REQUEST_JSON_H
#define SL__APP_REQUEST_JSON_H

#include <jansson.h>

#include "app/ctx.h"

#define SL__JSON_KEY "shallot/json" /* of the state that holds it */

/** What sl_request_json() gave; NULL if it was not called. */
static inline json_t *sl__request_json(const sl_ctx *c)
{
    return c->states ? (json_t *)sl_state(c, SL__JSON_KEY) : NULL;
}

#endif
