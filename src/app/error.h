/*
 * Errors on their way up, and what becomes of one that nobody handled.
 */
#ifndef SL__APP_ERROR_H
#define SL__APP_ERROR_H

#include "app/ctx.h"
#include "base/cold.h"

/** The status an error becomes if nobody handles it. */
int sl__error_status(const sl_ctx *c, int error);

/** What there is to say about the error; NULL if it is no more than the status. */
const char *sl__error_words(const sl_ctx *c, int error);

/** For the log: the same, or the text of its number. */
const char *sl__error_reason(const sl_ctx *c, int error);

/** The body it becomes: text, in the arena; empty when out of memory. */
struct sl__str sl__error_text(const sl_ctx *c, int error);

/** Turns an unhandled error into the response and logs it if that is due. The only place that
 * does. */
SL__COLD void sl__error_answer(sl_ctx *c, int error);

#endif
