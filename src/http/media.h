/*
 * Media types and their parameters: "text/plain; charset=utf-8" (RFC 9110 §5.6.6, §8.3.1), and what
 * is written like them (Content-Disposition). Pure.
 */
#ifndef SL__HTTP_MEDIA_H
#define SL__HTTP_MEDIA_H

#include "base/str.h"

/** The part before the parameters, without spaces around it; empty for NULL. */
struct sl__str sl__media_type(const char *field);

struct sl__media_param {
    struct sl__str name, value; /* the value as it stands between its quotes */
    bool quoted;
};

/**
 * Takes the next parameter; @p left begins where the type ends.
 *
 * @return 1; 0 at the end; -SL_EBADREQUEST for what is no parameter
 */
int sl__media_param_next(struct sl__str *left, struct sl__media_param *ret);

/** What is behind the type: parameters for sl__media_param_next(). */
struct sl__str sl__media_params(const char *field);

/**
 * Finds a parameter that may come once.
 *
 * @return 1; 0 if it is not there; -SL_EBADREQUEST if it comes twice or there is bad syntax
 * anywhere
 */
int sl__media_param(const char *field, struct sl__str name, struct sl__media_param *ret);

/** Takes the backslashes out of a quoted value: at most in.len octets to @p out, and a NUL. Returns
 * the length. */
size_t sl__media_unquote(struct sl__str in, char *out);

#endif
