/*
 * Targets decoded: percent-escapes of paths and segments, the form encoding of queries (RFC 3986
 * §2.1, WHATWG URL §5.1). Pure.
 *
 * Decoding happens once. A path for the eye keeps %2F, because a slash in a segment is not a
 * slash between segments; so it cannot be decoded again ("%252F" is in it as "%2F"). Parameters are
 * decoded from the segments of the raw path.
 */
#ifndef SL__HTTP_TARGET_H
#define SL__HTTP_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

/* All three write at most in.len octets and a NUL to @p out, which may be in.ptr itself if the
 * octet behind is the caller's too. They return the decoded length, or -SL_EBADREQUEST for '%'
 * without two hexadecimal digits and for %00. */

/** For sl_path(): everything but %2F, which stays as written. */
ssize_t sl__decode_path(struct sl__str in, char *out);
/** One segment or another component: everything. */
ssize_t sl__decode_component(struct sl__str in, char *out);
/** A key or a value of a query or of a form: everything, and '+' is a space. */
ssize_t sl__decode_form(struct sl__str in, char *out);

/** Takes the next "key=value" of a query, both raw; false at the end. A pair without '=' has an
 * empty value, one with nothing at all is skipped. */
bool sl__query_next(struct sl__str *query, struct sl__str *ret_key, struct sl__str *ret_value);

/** True if the form-encoded @p raw decodes to @p plain. */
bool sl__form_equal(struct sl__str raw, struct sl__str plain);

#endif
