/*
 * UTF-8, for middleware that writes JSON: what is none must not get into it. The library's own
 * floors have the same in base/str.h, which middleware does not know.
 */
#ifndef MIDDLEWARE_UTF8_H
#define MIDDLEWARE_UTF8_H

#include <stddef.h>

/** Length of the UTF-8 sequence of more than one octet that @p text begins with; 0 if there is none
 * (RFC 3629 section 4). */
static inline size_t utf8_sequence(const char *text)
{
    const unsigned char *u = (const unsigned char *)text;
    size_t len = u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;

    for (size_t i = 1; i < len; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
        (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
        return 0;
    return len;
}

#endif
