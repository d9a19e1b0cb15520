/*
 * JSON values to text: Jansson's values, in our own words.
 *
 * json.c comes here. Jansson's dump formats the address of every array and object and keeps it in a
 * hash table (to find one inside itself), goes through strings character by character, and writes
 * 0.1 as 0.10000000000000001; this one counts how deep it is, copies eight octets at a time and
 * writes 0.1. The text grows in what is left of the arena's block, and in blocks of its own, each
 * twice as large, when that is not enough.
 */
#include "app/json_write.h"

#include <errno.h>
#include <math.h>

#include "app/json_real.h"
#include "app/json_scan.h"

#define NUMBER_ROOM 40 /* a sign, 21 digits or 5 zeros and 17 of them, and a point at most */
#define ONES (~(uint64_t)0 / 255)
#define HIGH_BITS (ONES << 7)

struct out {
    struct sl__arena *arena;
    char *first; /* of the text, in the arena's own room or in a block */
    char *p, *end;
    bool claimed; /* it is in a block of its own */
};

static int grow(struct out *o, size_t more)
{
    size_t len = (size_t)(o->p - o->first), room = 2 * (size_t)(o->end - o->first);
    char *block;

    if (room < len + more)
        room = len + more;
    if (room < 2 * SL__ARENA_BLOCK)
        room = 2 * SL__ARENA_BLOCK;
    block = sl__arena_alloc(o->arena, room);
    if (!block)
        return -ENOMEM;
    if (len > 0) /* without a first block there is no room and no place */
        memcpy(block, o->first, len);
    *o = (struct out){o->arena, block, block + len, block + room, true};
    return 0;
}

static inline int reserve(struct out *o, size_t more)
{
    return more <= (size_t)(o->end - o->p) ? 0 : grow(o, more);
}

static int put(struct out *o, struct sl__str text)
{
    int r = reserve(o, text.len);

    if (r == 0)
        o->p = sl__copy(o->p, text.ptr, text.len);
    return r;
}

/* True if one of eight octets has to be escaped; may be true of some that need not. */
static inline bool suspicious(uint64_t x)
{
    uint64_t quote = x ^ ONES * '"', backslash = x ^ ONES * '\\';

    return (((x - ONES * 0x20) | (quote - ONES) | (backslash - ONES)) & ~x & HIGH_BITS) != 0;
}

static inline char *put_octet(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

    if (c >= 0x20 && c != '"' && c != '\\') {
        *to++ = (char)c;
        return to;
    }
    *to++ = '\\';
    if (c >= 0x20) {
        *to++ = (char)c;
    } else if (letters[c]) {
        *to++ = letters[c];
    } else {
        memcpy(to, "u00", 3);
        to[3] = hex[c >> 4];
        to[4] = hex[c & 15];
        to += 5;
    }
    return to;
}

/* In pieces, so that the room for the worst of a piece is known. */
static int write_string(struct out *o, const char *text, size_t len)
{
    const char *end = text + len;

    if (reserve(o, 1) < 0)
        return -ENOMEM;
    *o->p++ = '"';
    while (text < end) {
        size_t piece = end - text < 64 ? (size_t)(end - text) : 64;
        const char *stop = text + piece;

        if (reserve(o, 6 * piece) < 0)
            return -ENOMEM;
        while (text < stop) {
            uint64_t x;

            if (stop - text >= 8) {
                memcpy(&x, text, 8);
                if (!suspicious(x)) {
                    memcpy(o->p, &x, 8);
                    o->p += 8;
                    text += 8;
                    continue;
                }
            }
            o->p = put_octet(o->p, (unsigned char)*text++);
        }
    }
    if (reserve(o, 1) < 0)
        return -ENOMEM;
    *o->p++ = '"';
    return 0;
}

/* The digits of @p n, at least @p least of them, in front of @p end. */
static char *digits_before(char *end, uint64_t n, unsigned least)
{
    char *p = end;

    for (; n > 0 || least > 0; n /= 10, least -= least > 0)
        *--p = (char)('0' + n % 10);
    return p;
}

static int write_integer(struct out *o, json_int_t n)
{
    char text[NUMBER_ROOM], *end = text + sizeof text, *p;

    p = digits_before(end, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, 1);
    if (n < 0)
        *--p = '-';
    return put(o, (struct sl__str){p, (size_t)(end - p)});
}

/*
 * Most numbers that people write have few digits. If n / 10^k is the number and both fit a double
 * exactly, then "n" with a point before its last k digits reads as this number: division and
 * reading both give the double that is nearest to the same quotient (IEEE 754 §5.4.1, §5.12.2).
 */
static char *few_digits(double value, char *end)
{
    double scale = 1, magnitude = fabs(value);

    for (unsigned k = 0; k <= 9 && magnitude * scale < 9e15; k++, scale *= 10) {
        uint64_t n = (uint64_t)(magnitude * scale + 0.5);
        char *p = end;

        if ((double)n / scale != magnitude)
            continue;
        p = k > 0 ? digits_before(p, n % (uint64_t)scale, k) : digits_before(p, 0, 1);
        *--p = '.';
        p = digits_before(p, n / (uint64_t)scale, 1);
        if (signbit(value))
            *--p = '-';
        return p;
    }
    return NULL;
}

static char *zeros(char *to, int count)
{
    memset(to, '0', (size_t)count);
    return to + count;
}

static char *put_exponent(char *to, int e)
{
    *to++ = 'e';
    *to++ = e < 0 ? '-' : '+';
    e = e < 0 ? -e : e;
    if (e >= 100)
        *to++ = (char)('0' + e / 100);
    if (e >= 10)
        *to++ = (char)('0' + e / 10 % 10);
    *to++ = (char)('0' + e % 10);
    return to;
}

/* As JavaScript writes numbers, but with a point in all that have no exponent. Returns the end. */
static char *all_digits(double value, char *to)
{
    char digits[SL__REAL_DIGITS + 3];
    int k, count = sl__real_digits(fabs(value), digits, &k), point = count + k;

    if (value < 0)
        *to++ = '-';
    if (point > 21 || point <= -6) {
        *to++ = digits[0];
        if (count > 1) {
            *to++ = '.';
            to = sl__copy(to, digits + 1, (size_t)count - 1);
        }
        return put_exponent(to, point - 1);
    }
    if (point <= 0) {
        to = sl__copy(to, "0.", 2);
        to = zeros(to, -point);
        return sl__copy(to, digits, (size_t)count);
    }
    if (k >= 0) {
        to = zeros(sl__copy(to, digits, (size_t)count), k);
        return sl__copy(to, ".0", 2);
    }
    to = sl__copy(to, digits, (size_t)point);
    *to++ = '.';
    return sl__copy(to, digits + point, (size_t)(count - point));
}

static int write_real(struct out *o, double value)
{
    char text[NUMBER_ROOM], *end = text + sizeof text, *p;

    if (!isfinite(value)) /* Jansson makes none */
        return -EINVAL;
    p = few_digits(value, end);
    if (p)
        return put(o, (struct sl__str){p, (size_t)(end - p)});
    return put(o, (struct sl__str){text, (size_t)(all_digits(value, text) - text)});
}

static int write_value(struct out *o, const json_t *json, unsigned depth);

static int write_array(struct out *o, const json_t *json, unsigned depth)
{
    size_t count = json_array_size(json);
    int r = put(o, SL__STR("["));

    for (size_t i = 0; r == 0 && i < count; i++) {
        if (i > 0)
            r = put(o, SL__STR(","));
        if (r == 0)
            r = write_value(o, json_array_get(json, i), depth);
    }
    return r < 0 ? r : put(o, SL__STR("]"));
}

static int write_object(struct out *o, const json_t *json, unsigned depth)
{
    json_t *object = (json_t *)(uintptr_t)json; /* which is only read */
    int r = put(o, SL__STR("{"));
    bool first = true;

    for (void *at = json_object_iter(object); r == 0 && at;
         at = json_object_iter_next(object, at)) {
        if (!first)
            r = put(o, SL__STR(","));
        first = false;
        if (r == 0)
            r = write_string(o, json_object_iter_key(at), json_object_iter_key_len(at));
        if (r == 0)
            r = put(o, SL__STR(":"));
        if (r == 0)
            r = write_value(o, json_object_iter_value(at), depth);
    }
    return r < 0 ? r : put(o, SL__STR("}"));
}

static int write_value(struct out *o, const json_t *json, unsigned depth)
{
    if (!json || (depth == SL__JSON_DEPTH_MAX && (json_is_array(json) || json_is_object(json))))
        return -EINVAL;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return write_object(o, json, depth + 1);
    case JSON_ARRAY:
        return write_array(o, json, depth + 1);
    case JSON_STRING:
        return write_string(o, json_string_value(json), json_string_length(json));
    case JSON_INTEGER:
        return write_integer(o, json_integer_value(json));
    case JSON_REAL:
        return write_real(o, json_real_value(json));
    case JSON_TRUE:
        return put(o, SL__STR("true"));
    case JSON_FALSE:
        return put(o, SL__STR("false"));
    default:
        return put(o, SL__STR("null"));
    }
}

int sl__json_write(struct sl__arena *a, const json_t *json, struct sl__str *ret)
{
    struct out o = {a, a->ptr, a->ptr, a->end, false};
    int r = write_value(&o, json, 0);

    if (r < 0)
        return r;
    *ret = (struct sl__str){o.first, (size_t)(o.p - o.first)};
    if (!o.claimed)
        sl__arena_alloc(a, ret->len); /* which is there */
    return 0;
}
