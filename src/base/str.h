/*
 * String view: bytes with a length, not NUL-terminated, owned by somebody else.
 */
#ifndef SL__BASE_STR_H
#define SL__BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/** memcpy() for what is mostly short: up to 32 bytes are two pieces that overlap, without a call.
 * Returns the end of the copy. */
static inline char *sl__copy(char *to, const char *from, size_t len)
{
    struct piece {
        uint64_t half[2];
    } first, last;
    uint64_t first8, last8;

    if (len - 16 <= 16) {
        memcpy(&first, from, 16);
        memcpy(&last, from + len - 16, 16);
        memcpy(to, &first, 16);
        memcpy(to + len - 16, &last, 16);
    } else if (len - 8 < 8) {
        memcpy(&first8, from, 8);
        memcpy(&last8, from + len - 8, 8);
        memcpy(to, &first8, 8);
        memcpy(to + len - 8, &last8, 8);
    } else if (len > 0) {
        memcpy(to, from, len);
    }
    return to + len;
}

/** Without spaces and tabs at either end. */
static inline struct sl__str sl__str_trim(struct sl__str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/** ASCII case-insensitive comparison. */
bool sl__str_equal_nocase(struct sl__str a, struct sl__str b);

/** Octets of the UTF-8 sequence of more than one octet that begins at @p text, which is terminated;
 * 0 if there is none (RFC 3629 §4). */
size_t sl__utf8_sequence(const char *text);

#endif
