/*
 * String views: what is too long to be inline. Names of header fields are compared here, so the
 * comparison knows ASCII and nothing of the locale.
 */
#include "base/str.h"

static unsigned char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : (unsigned char)c;
}

bool sl__str_equal_nocase(struct sl__str a, struct sl__str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (fold(a.ptr[i]) != fold(b.ptr[i]))
            return false;
    return true;
}
