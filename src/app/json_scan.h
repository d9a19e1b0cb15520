/*
 * A look at JSON text before it is parsed: is it JSON (RFC 8259), how deep and how much. Pure.
 */
#ifndef SL__APP_JSON_SCAN_H
#define SL__APP_JSON_SCAN_H

#include "base/str.h"

/** No limit may be higher: parsing, freeing and writing a value recurse on a fiber's stack. */
#define SL__JSON_DEPTH_MAX 512

/** Where the text is wrong, and what should stand there. */
struct sl__json_fault {
    size_t at;            /* offset; text.len: at its end */
    const char *expected; /* static: "a value", "',' or ']'" */
};

/**
 * Reads the whole text once, without recursion and without memory.
 *
 * It leaves to the parser whether strings are UTF-8 and escapes stand for characters, whether
 * numbers fit their types, and names that come twice.
 *
 * @param depth   arrays and objects inside each other that are allowed, at most SL__JSON_DEPTH_MAX
 * @param values  values that are allowed: scalars, arrays and objects
 * @param ret     receives the first fault
 * @return        0; -SL_EBADREQUEST if it is not JSON; -SL_ETOOBIG if there is more than allowed,
 * ret->expected then says of what
 */
int sl__json_scan(struct sl__str text, unsigned depth, size_t values, struct sl__json_fault *ret);

#endif
