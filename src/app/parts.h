/*
 * Several parts of a file in one answer: multipart/byteranges (RFC 9110 §14.6).
 */
#ifndef SL__APP_PARTS_H
#define SL__APP_PARTS_H

#include "app/ctx.h"
#include "http/range.h"

/** Length of the whole body: parts of a file of @p size octets and this type. */
int64_t sl__parts_length(const struct sl__ranges *ranges, struct sl__str type, int64_t size);

/** Puts the parts in the place of the file that stands, with status 206. 0; -ENOMEM, and nothing
 * has changed. */
int sl__parts_set(sl_ctx *c, const struct sl__ranges *ranges);

#endif
