/*
 * Which octets may stand where: one table for parser, chunk decoder and whatever checks what a
 * handler wants to send.
 */
#ifndef SL__HTTP_CHARS_H
#define SL__HTTP_CHARS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum {
    SL__CHAR_TOKEN = 1,  /* tchar, RFC 9110 §5.6.2 */
    SL__CHAR_VALUE = 2,  /* field-vchar, SP and HTAB, RFC 9110 §5.5 */
    SL__CHAR_TARGET = 4, /* what a request target may hold; see chars.c */
    SL__CHAR_HOST = 8,   /* unreserved and sub-delims, RFC 3986 §2.2, §2.3 */
    SL__CHAR_HEX = 16,
    SL__CHAR_DIGIT = 32,
    SL__CHAR_PATH = 64, /* of a target, but for '%' and '?' */
};

extern const uint8_t sl__char_class[256];

static inline bool sl__char_is(char c, unsigned classes)
{
    return (sl__char_class[(unsigned char)c] & classes) != 0;
}

/** Value of a hexadecimal digit; of nothing else. */
static inline unsigned sl__hex_value(char c)
{
    return ((unsigned char)c & 15U) + ((unsigned char)c >> 6) * 9U;
}

/** The number that digits, at least one and nothing else, stand for; -1 for anything else and
 * beyond 63 bits. */
int64_t sl__decimal(struct sl__str digits);

#endif
