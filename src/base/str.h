/*
 * String view: bytes with a length, not NUL-terminated, owned by somebody else.
 */
#ifndef SL__BASE_STR_H
#define SL__BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct sl__str {
    const char *ptr;
    size_t len;
};

#define SL__STR(literal) ((struct sl__str){"" literal, sizeof(literal) - 1})

static inline struct sl__str sl__str_of(const char *text)
{
    return (struct sl__str){text, strlen(text)};
}

static inline bool sl__str_equal(struct sl__str a, struct sl__str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/** ASCII case-insensitive comparison. */
bool sl__str_equal_nocase(struct sl__str a, struct sl__str b);

#endif
