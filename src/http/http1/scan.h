/*
 * Scanning: how far does a run of name, value, host or target octets go?
 *
 * Runs are looked at sixteen octets at a time, by vectors that know the octets nearly everybody
 * sends; whatever else turns up is for the table (http/chars.h), which knows them all. The vectors
 * are the compilers' own. What they have no word for, a bit for each lane, SSE2 (every x86-64 has
 * it) and NEON (every aarch64) do say. Other machines go by table alone.
 *
 * Nothing is ever read outside the buffer: its last octets are read by a vector that ends with it
 * and overlaps what was seen before. A buffer shorter than a vector goes by table.
 */
#ifndef SL__HTTP1_SCAN_H
#define SL__HTTP1_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "http/chars.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#elif !defined(SL__SCAN_BY_TABLE)
#define SL__SCAN_BY_TABLE /* also said by a fuzzer, which compares */
#endif

#define SL__SCAN_LANES 16 /* octets of a vector */
#define SL__SCAN_BLOCK 64 /* as many octets as a word has bits */

/** First octet of [p, end) that is of none of the classes, or end. */
static inline const char *sl__scan_by_table(const char *p, const char *end, unsigned classes)
{
    while (p < end && sl__char_is(*p, classes))
        p++;
    return p;
}

/** Where the last whole vector of [begin, end) begins; NULL if the buffer is shorter than one. */
static inline const char *sl__scan_last(const char *begin, const char *end)
{
    return end - begin >= SL__SCAN_LANES ? end - SL__SCAN_LANES : NULL;
}

#ifndef SL__SCAN_BY_TABLE

typedef uint8_t sl__lanes __attribute__((vector_size(SL__SCAN_LANES)));

static inline sl__lanes sl__lanes_load(const char *p)
{
    sl__lanes v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/** The lanes from @p first to @p last, ASCII both. Moved up so that last is the greatest signed
 * number, one comparison tells, and SSE2 has signed ones only. */
static inline sl__lanes sl__lanes_between(sl__lanes v, uint8_t first, uint8_t last)
{
    typedef int8_t signed_lanes __attribute__((vector_size(SL__SCAN_LANES)));
    const uint8_t up = (uint8_t)(0x7f - last);

    return (sl__lanes)((signed_lanes)(v + up) > (int8_t)(first + up - 1));
}

static inline sl__lanes sl__lanes_letters(sl__lanes v)
{
    return sl__lanes_between(v | 0x20, 'a', 'z');
}

/** Letters and '-', of which nearly all names are made. */
static inline sl__lanes sl__lanes_name(sl__lanes v)
{
    return sl__lanes_letters(v) | (sl__lanes)(v == '-');
}

/** SP and what can be seen. Values may hold HTAB and octets beyond ASCII too, but seldom do. */
static inline sl__lanes sl__lanes_value(sl__lanes v)
{
    return sl__lanes_between(v, ' ', '~');
}

/** Letters, digits, '-' and '.': neither a port nor an address in brackets. */
static inline sl__lanes sl__lanes_host(sl__lanes v)
{
    return sl__lanes_letters(v) | (sl__lanes_between(v, '-', '9') & (sl__lanes)(v != '/'));
}

/** Not '%' and '?', which want a closer look, nor '!' and '$', which are rare. '<' and '>' differ
 * in one bit. */
static inline sl__lanes sl__lanes_target(sl__lanes v)
{
    sl__lanes stops = (sl__lanes)((v | 2) == '>') | (sl__lanes)(v == '?');

    return sl__lanes_between(v, '&', '~') & ~stops;
}

/* A bit for each lane that is set, of one vector and of four. */
#ifdef __SSE2__
static inline uint32_t sl__lanes_bits(sl__lanes v)
{
    return (uint32_t)_mm_movemask_epi8((__m128i)v);
}

static inline uint64_t sl__lanes_bits4(sl__lanes a, sl__lanes b, sl__lanes c, sl__lanes d)
{
    return sl__lanes_bits(a) | (uint64_t)sl__lanes_bits(b) << 16 |
           (uint64_t)sl__lanes_bits(c) << 32 | (uint64_t)sl__lanes_bits(d) << 48;
}
#else
/* Each lane keeps one bit; adding neighbours three times makes an octet of eight lanes. */
static inline uint64_t sl__lanes_bits4(sl__lanes a, sl__lanes b, sl__lanes c, sl__lanes d)
{
    const sl__lanes bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t sums = vpaddq_u8(vpaddq_u8(a & bit, b & bit), vpaddq_u8(c & bit, d & bit));

    return vgetq_lane_u64((uint64x2_t)vpaddq_u8(sums, sums), 0);
}

static inline uint32_t sl__lanes_bits(sl__lanes v)
{
    return (uint32_t)sl__lanes_bits4(v, v, v, v) & 0xffffU;
}
#endif

/* What the scans share: whole vectors, then the one that ends with the buffer. Most runs end within
 * the first, which is inline; the rest is not. */
#define SL__SCAN(name, goes_on, classes)                                                           \
    static __attribute__((noinline, unused))                                                       \
    const char *name##_rest(const char *p, const char *last, const char *end)                      \
    {                                                                                              \
        uint32_t stops;                                                                            \
                                                                                                   \
        if (!last)                                                                                 \
            return sl__scan_by_table(p, end, classes);                                             \
        for (; p <= last; p += SL__SCAN_LANES) {                                                   \
            stops = sl__lanes_bits(goes_on(sl__lanes_load(p))) ^ 0xffffU;                          \
            if (stops)                                                                             \
                return p + __builtin_ctz(stops);                                                   \
        }                                                                                          \
        if (p == end)                                                                              \
            return end;                                                                            \
        stops = (sl__lanes_bits(goes_on(sl__lanes_load(last))) ^ 0xffffU) >> (p - last);           \
        return stops ? p + __builtin_ctz(stops) : end;                                             \
    }                                                                                              \
                                                                                                   \
    static inline const char *name(const char *p, const char *last, const char *end)               \
    {                                                                                              \
        if ((uintptr_t)p <= (uintptr_t)last) { /* NULL: never */                                   \
            uint32_t stops = sl__lanes_bits(goes_on(sl__lanes_load(p))) ^ 0xffffU;                 \
                                                                                                   \
            if (stops)                                                                             \
                return p + __builtin_ctz(stops);                                                   \
            p += SL__SCAN_LANES;                                                                   \
        }                                                                                          \
        return name##_rest(p, last, end);                                                          \
    }

#else

#define SL__SCAN(name, goes_on, classes)                                                           \
    static inline const char *name(const char *p, const char *last, const char *end)               \
    {                                                                                              \
        (void)last;                                                                                \
        return sl__scan_by_table(p, end, classes);                                                 \
    }

#endif

/* The quick scans: from @p p to the first octet that ends the run, or that is so rare that it is
 * left to the caller and the table; or to end. @p last is sl__scan_last() of the buffer that ends
 * at @p end. */
SL__SCAN(sl__scan_name_quick, sl__lanes_name, SL__CHAR_TOKEN)
SL__SCAN(sl__scan_host_quick, sl__lanes_host, SL__CHAR_HOST)
SL__SCAN(sl__scan_target_quick, sl__lanes_target, SL__CHAR_PATH)

/**
 * Line after line in blocks. Which octets of a block end a value is found out for all of them at
 * once, so that the end of a line is a bit away, and the processor need not know where one line
 * ends to look at the next.
 */
struct sl__scan_lines {
    const char *end;  /* of the buffer; its beginning, if it is shorter than a block */
    const char *seen; /* where the present block ends; nothing is known of what is behind */
    uint64_t stops;   /* its octets that are not plain text, one bit each */
};

static inline struct sl__scan_lines sl__scan_lines_of(const char *begin, const char *end)
{
    return (struct sl__scan_lines){end - begin < SL__SCAN_BLOCK ? begin : end, begin, 0};
}

#ifndef SL__SCAN_BY_TABLE
/* The block at p, or the last one, if that has p in it. */
static inline void sl__scan_block(struct sl__scan_lines *s, const char *p)
{
    if (s->end - p < SL__SCAN_BLOCK)
        p = s->end - SL__SCAN_BLOCK;
    s->seen = p + SL__SCAN_BLOCK;
    s->stops = ~sl__lanes_bits4(
        sl__lanes_value(sl__lanes_load(p)), sl__lanes_value(sl__lanes_load(p + 16)),
        sl__lanes_value(sl__lanes_load(p + 32)), sl__lanes_value(sl__lanes_load(p + 48)));
}

/* The stops from @p p on, which is in the block. */
static inline uint64_t sl__scan_block_from(const struct sl__scan_lines *s, const char *p)
{
    return s->stops >> ((size_t)(p - s->seen) % SL__SCAN_BLOCK);
}

/** First octet at or behind @p p that is neither SP nor a visible one of ASCII, or the end; quick,
 * so it may be too early. @p p never moves back. */
static inline const char *sl__scan_line_quick(struct sl__scan_lines *s, const char *p)
{
    uint64_t stops;

    if (p < s->seen) {
        stops = sl__scan_block_from(s, p);
        if (stops)
            return p + __builtin_ctzll(stops);
        p = s->seen;
    }
    for (; p < s->end; p = s->seen) {
        sl__scan_block(s, p);
        stops = sl__scan_block_from(s, p);
        if (stops)
            return p + __builtin_ctzll(stops);
    }
    return p;
}
#else
static inline const char *sl__scan_line_quick(struct sl__scan_lines *s, const char *p)
{
    (void)s;
    return p; /* as early as can be: the table goes on */
}
#endif

#endif
