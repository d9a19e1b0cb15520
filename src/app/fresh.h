/*
 * The validators of the response, for conditional requests.
 */
#ifndef SL__APP_FRESH_H
#define SL__APP_FRESH_H

#include "app/ctx.h"
#include "http/condition.h"

/** As they stand; a Last-Modified that is no date is none. */
struct sl__validators sl__fresh_validators(const sl_ctx *c, int64_t now);

#endif
