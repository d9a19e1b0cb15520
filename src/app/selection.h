/*
 * What is sent of a file that stands: all of it, parts, or only that nothing has changed.
 *
 * Decided from the request's conditions and ranges against the response as it stands, anew whenever
 * somebody asks, because all of it may still change; carried out when the onion has unwound.
 */
#ifndef SL__APP_SELECTION_H
#define SL__APP_SELECTION_H

#include "app/ctx.h"
#include "http/range.h"

struct sl__selection {
    int status;               /* 200, 206, 304, 412 or 416 */
    struct sl__ranges ranges; /* of a 206 */
};

/* sl_ctx.asks */
enum {
    SL__ASKS_UNKNOWN,
    SL__ASKS_NOTHING,
    SL__ASKS_SOMETHING, /* there is a condition or a range among the fields */
};

/** To be called by whoever makes a file the body: once, looks for the fields. */
void sl__selection_look(sl_ctx *c);

/** True if the response is a file of which parts could be sent, or none: with status 200, for GET
 * or HEAD. */
bool sl__selection_possible(const sl_ctx *c);

/** Only when something is asked. Status 200 if it is not possible. */
void sl__selection_make(const sl_ctx *c, struct sl__selection *ret);

/** Length of the body that the selection would leave; not for 200. */
int64_t sl__selection_length(const sl_ctx *c, const struct sl__selection *s);

/** Makes it the response. Without memory the whole file is sent. Not for 200. */
void sl__selection_apply(sl_ctx *c, const struct sl__selection *s);

#endif
