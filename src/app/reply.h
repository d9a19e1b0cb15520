/*
 * The response as the onion leaves it.
 */
#ifndef SL__APP_REPLY_H
#define SL__APP_REPLY_H

#include "app/ctx.h"
#include "shallot/error.h"

/** Fills in what nobody set: status, body, type. When the onion has unwound. */
void sl__reply_complete(sl_ctx *c);

/** "404 Not Found" and a line feed ("200 OK" without one, as in the seed); empty when out of
 * memory. */
struct sl__str sl__reply_status_line(const sl_ctx *c, int status);

/** The status as it was set or follows from the body: before anything is selected of a file. */
int sl__reply_status(const sl_ctx *c);

#define SL__TEXT_PLAIN SL__STR("text/plain; charset=utf-8")
#define SL__OCTETS SL__STR("application/octet-stream")

/** What tells a version of a file from others becomes headers of their own, in the arena, unless
 * the program has said it. 0 or -ENOMEM. */
int sl__reply_keep_stamp(sl_ctx *c);

/** Before anything is changed: 0, or -SL_ECOMMITTED. Whoever changes the response handles the error
 * there may be. */
static inline int sl__reply_open(sl_ctx *c)
{
    if (c->x->committed)
        return -SL_ECOMMITTED;
    c->failing = 0;
    return 0;
}

/** The same before status or headers are changed, which writers may do a little longer. */
static inline int sl__reply_open_head(sl_ctx *c)
{
    if (c->x->committed && !c->head_open)
        return -SL_ECOMMITTED;
    c->failing = 0;
    return 0;
}

/** The type of a body if the program gave none; static or in the arena. */
static inline void sl__reply_guess_type(sl_ctx *c, struct sl__str type)
{
    if (c->type_rank == SL__TYPE_GIVEN)
        return;
    c->x->response.type = type;
    c->type_rank = SL__TYPE_GUESSED;
}

#endif
