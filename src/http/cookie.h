/*
 * Cookies as text: the pairs of a Cookie field, what a Set-Cookie field may hold, and which cookie
 * one means (RFC 6265bis §4, §5). Pure.
 */
#ifndef SL__HTTP_COOKIE_H
#define SL__HTTP_COOKIE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

#define SL__COOKIE_MAX 4096           /* octets of name and value; over it browsers drop a cookie */
#define SL__COOKIE_ATTRIBUTE_MAX 1024 /* of an attribute's value; over it they ignore it */

/**
 * Takes the next "name=value" of a Cookie field; false at the end. Spaces and tabs around either
 * are not part of it, nor is one pair of quotes around the value. What has no '=' or no name is
 * skipped: browsers send what anybody set.
 */
bool sl__cookie_next(struct sl__str *left, struct sl__str *ret_name, struct sl__str *ret_value);

/** Index of the first octet that cannot be in the name of a cookie (RFC 9110 §5.6.2 token); -1 if
 * there is none. */
ssize_t sl__cookie_name_fault(struct sl__str name);
/** The same for a value. A quote is one of them, though the grammar has it at both ends: it would
 * not come back. */
ssize_t sl__cookie_value_fault(struct sl__str value);

/** Can be a path: begins with '/', printable ASCII without spaces and ';'. */
bool sl__cookie_path_valid(struct sl__str path);
/** Can be a domain: labels of letters, digits and hyphens. */
bool sl__cookie_domain_valid(struct sl__str domain);

/** Two values of Set-Cookie that mean one cookie: its name, domain, path and partition are the
 * same. */
bool sl__set_cookie_same(struct sl__str a, struct sl__str b);

#endif
