/*
 * Scanning at sixteen octets a step: where does a run of names, values or target octets stop?
 *
 * Each scan exists twice: by vector (SSE2, which every x86-64 has, or NEON, which every aarch64
 * has) and by table, for other machines and for buffers shorter than a vector. The last octets of a
 * longer buffer are read by a vector that ends with the buffer and overlaps what was seen before,
 * so nothing is ever read outside [begin, end) and there is no slow tail.
 */
#ifndef SL__HTTP1_SCAN_H
#define SL__HTTP1_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "http/chars.h"

#if defined(__SSE2__) && !defined(SL__SCAN_SCALAR)
#include <emmintrin.h>

#define SL__SCAN_LANES 16
#define SL__SCAN_BITS 1 /* bits of a mask for each octet */
#define SL__SCAN_FIRST(mask) ((unsigned)__builtin_ctz(mask))

typedef uint32_t sl__scan_mask;
typedef __m128i sl__scan_vector;

static inline sl__scan_vector sl__scan_load(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline sl__scan_vector sl__scan_same(sl__scan_vector v, char c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

/* Octets up to and including max, unsigned. */
static inline sl__scan_vector sl__scan_upto(sl__scan_vector v, unsigned char max)
{
    return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8((char)max)), v);
}

/* A name goes on with letters and '-'; what else a token allows is rare and left to the table. */
static inline sl__scan_mask sl__scan_stops_name(sl__scan_vector v)
{
    __m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));
    __m128i letter = sl__scan_upto(_mm_sub_epi8(lower, _mm_set1_epi8('a')), 25);
    __m128i goes_on = _mm_or_si128(letter, sl__scan_same(v, '-'));

    return (sl__scan_mask)_mm_movemask_epi8(goes_on) ^ 0xffffU;
}

/* Hosts are letters, digits, '-' and '.', nearly all of them. */
static inline sl__scan_mask sl__scan_stops_host(sl__scan_vector v)
{
    __m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));
    __m128i letter = sl__scan_upto(_mm_sub_epi8(lower, _mm_set1_epi8('a')), 25);
    __m128i digit = sl__scan_upto(_mm_sub_epi8(v, _mm_set1_epi8('0')), 9);
    __m128i mark = sl__scan_upto(_mm_sub_epi8(v, _mm_set1_epi8('-')), '.' - '-');
    __m128i goes_on = _mm_or_si128(letter, _mm_or_si128(digit, mark));

    return (sl__scan_mask)_mm_movemask_epi8(goes_on) ^ 0xffffU;
}

/* A value stops at controls but HTAB, and at DEL. */
static inline sl__scan_mask sl__scan_stops_value(sl__scan_vector v)
{
    __m128i control = _mm_andnot_si128(sl__scan_same(v, '\t'), sl__scan_upto(v, 0x1f));

    return (sl__scan_mask)_mm_movemask_epi8(_mm_or_si128(control, sl__scan_same(v, 0x7f)));
}

/* A target stops at what it may not hold, and at '%' and '?', which want a closer look. The signed
 * comparison takes everything above ASCII together with controls and SP; '"' and '#', '>' and '?'
 * differ in one bit. */
static inline sl__scan_mask sl__scan_stops_target(sl__scan_vector v)
{
    __m128i even = _mm_and_si128(v, _mm_set1_epi8((char)0xfe));
    __m128i outside = _mm_cmplt_epi8(v, _mm_set1_epi8(0x21));
    __m128i pairs = _mm_or_si128(sl__scan_same(even, '"'), sl__scan_same(even, '>'));
    __m128i single = _mm_or_si128(sl__scan_same(v, '%'), sl__scan_same(v, '<'));

    outside = _mm_or_si128(outside, sl__scan_same(v, 0x7f));
    return (sl__scan_mask)_mm_movemask_epi8(_mm_or_si128(outside, _mm_or_si128(pairs, single)));
}

#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(SL__SCAN_SCALAR)
#include <arm_neon.h>

#define SL__SCAN_LANES 16
#define SL__SCAN_BITS 4
#define SL__SCAN_FIRST(mask) ((unsigned)__builtin_ctzll(mask) / SL__SCAN_BITS)

typedef uint64_t sl__scan_mask;
typedef uint8x16_t sl__scan_vector;

static inline sl__scan_vector sl__scan_load(const char *p)
{
    return vld1q_u8((const uint8_t *)p);
}

static inline sl__scan_vector sl__scan_same(sl__scan_vector v, char c)
{
    return vceqq_u8(v, vdupq_n_u8((uint8_t)c));
}

/* NEON has no movemask: narrowing by four bits leaves a nibble for each octet. */
static inline sl__scan_mask sl__scan_mask_of(sl__scan_vector stops)
{
    uint8x8_t nibbles = vshrn_n_u16(vreinterpretq_u16_u8(stops), 4);

    return vget_lane_u64(vreinterpret_u64_u8(nibbles), 0);
}

static inline sl__scan_mask sl__scan_stops_name(sl__scan_vector v)
{
    uint8x16_t lower = vorrq_u8(v, vdupq_n_u8(0x20));
    uint8x16_t letter = vcleq_u8(vsubq_u8(lower, vdupq_n_u8('a')), vdupq_n_u8(25));

    return sl__scan_mask_of(vmvnq_u8(vorrq_u8(letter, sl__scan_same(v, '-'))));
}

static inline sl__scan_mask sl__scan_stops_host(sl__scan_vector v)
{
    uint8x16_t lower = vorrq_u8(v, vdupq_n_u8(0x20));
    uint8x16_t letter = vcleq_u8(vsubq_u8(lower, vdupq_n_u8('a')), vdupq_n_u8(25));
    uint8x16_t digit = vcleq_u8(vsubq_u8(v, vdupq_n_u8('0')), vdupq_n_u8(9));
    uint8x16_t mark = vcleq_u8(vsubq_u8(v, vdupq_n_u8('-')), vdupq_n_u8('.' - '-'));

    return sl__scan_mask_of(vmvnq_u8(vorrq_u8(letter, vorrq_u8(digit, mark))));
}

static inline sl__scan_mask sl__scan_stops_value(sl__scan_vector v)
{
    uint8x16_t control = vbicq_u8(vcltq_u8(v, vdupq_n_u8(0x20)), sl__scan_same(v, '\t'));

    return sl__scan_mask_of(vorrq_u8(control, sl__scan_same(v, 0x7f)));
}

static inline sl__scan_mask sl__scan_stops_target(sl__scan_vector v)
{
    uint8x16_t even = vandq_u8(v, vdupq_n_u8(0xfe));
    uint8x16_t outside = vorrq_u8(vcltq_u8(v, vdupq_n_u8(0x21)), vcgeq_u8(v, vdupq_n_u8(0x7f)));
    uint8x16_t pairs = vorrq_u8(sl__scan_same(even, '"'), sl__scan_same(even, '>'));
    uint8x16_t single = vorrq_u8(sl__scan_same(v, '%'), sl__scan_same(v, '<'));

    return sl__scan_mask_of(vorrq_u8(outside, vorrq_u8(pairs, single)));
}
#endif

static inline const char *sl__scan_name_by_table(const char *p, const char *end)
{
    while (p < end && sl__char_is(*p, SL__CHAR_TOKEN))
        p++;
    return p;
}

static inline const char *sl__scan_host_by_table(const char *p, const char *end)
{
    while (p < end && sl__char_is(*p, SL__CHAR_HOST))
        p++;
    return p;
}

static inline const char *sl__scan_value_by_table(const char *p, const char *end)
{
    while (p < end && sl__char_is(*p, SL__CHAR_VALUE))
        p++;
    return p;
}

static inline const char *sl__scan_target_by_table(const char *p, const char *end)
{
    while (p < end && sl__char_is(*p, SL__CHAR_TARGET) && *p != '%' && *p != '?')
        p++;
    return p;
}

/** Where the last whole vector of [begin, end) begins; NULL if the buffer is shorter than one. */
static inline const char *sl__scan_last(const char *begin, const char *end)
{
#ifdef SL__SCAN_LANES
    return end - begin >= SL__SCAN_LANES ? end - SL__SCAN_LANES : NULL;
#else
    (void)begin;
    (void)end;
    return NULL;
#endif
}

/* What all scans share: whole vectors, then the one that ends with the buffer. That one is reached
 * once in a head, at its end, so it is not inlined where the scan is. */
#ifdef SL__SCAN_LANES
#define SL__SCAN(name, stops, by_table)                                                            \
    static __attribute__((noinline, unused))                                                       \
    const char *name##_end(const char *p, const char *last, const char *end)                       \
    {                                                                                              \
        sl__scan_mask mask;                                                                        \
                                                                                                   \
        if (!last)                                                                                 \
            return by_table(p, end);                                                               \
        if (p == end)                                                                              \
            return end;                                                                            \
        mask = stops(sl__scan_load(last)) >> (unsigned)(p - last) * SL__SCAN_BITS;                 \
        return mask ? p + SL__SCAN_FIRST(mask) : end;                                              \
    }                                                                                              \
                                                                                                   \
    static inline const char *name(const char *p, const char *last, const char *end)               \
    {                                                                                              \
        for (; (uintptr_t)p <= (uintptr_t)last; p += SL__SCAN_LANES) { /* NULL: never */           \
            sl__scan_mask mask = stops(sl__scan_load(p));                                          \
                                                                                                   \
            if (mask)                                                                              \
                return p + SL__SCAN_FIRST(mask);                                                   \
        }                                                                                          \
        return name##_end(p, last, end);                                                           \
    }
#else
#define SL__SCAN(name, stops, by_table)                                                            \
    static inline const char *name(const char *p, const char *last, const char *end)               \
    {                                                                                              \
        (void)last;                                                                                \
        return by_table(p, end);                                                                   \
    }
#endif

/* The scans: first octet of [p, end) that cannot go on what they are named after, or end. @p last
 * is sl__scan_last() of the buffer that ends at @p end. */

/** Of a field name. May also stop early, at a token character that is neither letter nor '-'. */
SL__SCAN(sl__scan_name_quick, sl__scan_stops_name, sl__scan_name_by_table)

/** Of a field name: no token character. */
static inline const char *sl__scan_name(const char *p, const char *last, const char *end)
{
    p = sl__scan_name_quick(p, last, end);
    if (p < end && *p != ':')
        p = sl__scan_name_by_table(p, end);
    return p;
}

/** Of a host: neither unreserved nor a sub-delim. May also stop early, at what is neither letter,
 * digit, '-' nor '.'. */
SL__SCAN(sl__scan_host_quick, sl__scan_stops_host, sl__scan_host_by_table)

/** Of a field value: what none may hold. */
SL__SCAN(sl__scan_value, sl__scan_stops_value, sl__scan_value_by_table)

/** Of a target: '%', '?' or what none may hold. */
SL__SCAN(sl__scan_target, sl__scan_stops_target, sl__scan_target_by_table)

#endif
