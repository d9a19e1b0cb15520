/*
 * The table of octets: each row names the classes an octet belongs to; what has no row belongs to
 * none. And numbers, which Content-Length is in both directions.
 *
 * Everybody in this floor who looks at single octets comes here, nobody keeps a table of their own.
 *
 * Targets are a little wider than RFC 3986: browsers leave \ ^ ` { | } and brackets bare in
 * queries, so these pass. Quotes and angle brackets they never leave bare, and a fragment never
 * travels, so " < > # are refused like controls, DEL, SP and everything above ASCII.
 */
#include "http/chars.h"

#define T SL__CHAR_TOKEN
#define V SL__CHAR_VALUE
#define Q SL__CHAR_TARGET
#define U (SL__CHAR_TARGET | SL__CHAR_PATH)
#define H SL__CHAR_HOST
#define LETTER (T | V | U | H)
#define HEXLETTER (LETTER | SL__CHAR_HEX)
#define NUMBER (LETTER | SL__CHAR_HEX | SL__CHAR_DIGIT)

/* clang-format off */
const uint8_t sl__char_class[256] = {
    ['\t'] = V,         [' '] = V,
    ['!'] = T|V|U|H,    ['"'] = V,          ['#'] = T|V,        ['$'] = T|V|U|H,
    ['%'] = T|V|Q,      ['&'] = T|V|U|H,    ['\''] = T|V|U|H,   ['('] = V|U|H,
    [')'] = V|U|H,      ['*'] = T|V|U|H,    ['+'] = T|V|U|H,    [','] = V|U|H,
    ['-'] = T|V|U|H,    ['.'] = T|V|U|H,    ['/'] = V|U,
    ['0' ... '9'] = NUMBER,
    [':'] = V|U,        [';'] = V|U|H,      ['<'] = V,          ['='] = V|U|H,
    ['>'] = V,          ['?'] = V|Q,        ['@'] = V|U,
    ['A' ... 'F'] = HEXLETTER,              ['G' ... 'Z'] = LETTER,
    ['['] = V|U,        ['\\'] = V|U,       [']'] = V|U,        ['^'] = T|V|U,
    ['_'] = T|V|U|H,    ['`'] = T|V|U,
    ['a' ... 'f'] = HEXLETTER,              ['g' ... 'z'] = LETTER,
    ['{'] = V|U,        ['|'] = T|V|U,      ['}'] = V|U,        ['~'] = T|V|U|H,
    [0x80 ... 0xff] = V,
};
/* clang-format on */

int64_t sl__decimal(struct sl__str digits)
{
    int64_t n = 0;

    if (digits.len == 0)
        return -1;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = digits.ptr[i] - '0';

        if (digit < 0 || digit > 9 || n > (INT64_MAX - digit) / 10)
            return -1;
        n = n * 10 + digit;
    }
    return n;
}
