/*
 * One value of a request on its way into a variable, wherever it comes from.
 */
#ifndef SL__APP_FIELD_H
#define SL__APP_FIELD_H

#include "app/ctx.h"
#include "shallot/field.h"

/** These store the value and return true if it is of the field's kind and within its bounds. */
bool sl__field_integer(const sl_field *f, int64_t value);
bool sl__field_real(const sl_field *f, double value);
bool sl__field_flag(const sl_field *f, bool value);
/** @p text is kept. */
bool sl__field_text(const sl_field *f, const char *text, size_t len);
/** Text that stands for any kind. */
bool sl__field_parse(const sl_field *f, const char *text);

/** True if a number of things is within the bounds. */
bool sl__field_within(const sl_field *f, double value);

/** "an integer from 1 to 5"; in the arena. */
const char *sl__field_expected(sl_ctx *c, const sl_field *f);

/** @p text in quotes, shortened and without control characters, for a message; in the arena. */
const char *sl__field_quote(sl_ctx *c, const char *text);

/**
 * One field from text.
 *
 * @param where  "query", "parameter" or "form field", for the message
 * @param value  NULL: missing
 * @return       0, or sl_fail() with @p status
 */
int sl__field_from_text(sl_ctx *c, const sl_field *f, const char *where, const char *value,
                        int status);

#endif
