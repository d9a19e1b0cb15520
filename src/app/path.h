/*
 * The request's path as routes look at it: split into segments, each percent-decoded by itself, so
 * that %2F stays inside its segment (RFC 3986 §2.2, §3.3).
 */
#ifndef SL__APP_PATH_H
#define SL__APP_PATH_H

#include <stdint.h>

#include "base/arena.h"
#include "base/cold.h"
#include "http/request.h"

/* A pattern has at most so many segments, its router's prefixes included, so no more of a path need
 * be looked at one by one. */
#define SL__SEGMENTS_MAX 64u
#define SL__SEGMENTS_FEW 8u

struct sl__segment {
    const char *ptr; /* decoded, not terminated */
    uint32_t len;
    uint32_t at;   /* where it begins in the path's text */
    uint64_t hash; /* sl__path_hash() of it */
};

struct sl__path {
    struct sl__str text; /* as sl_path() gives it: decoded, but %2F stays. Terminated only if
                            decoded */
    bool decoded;        /* text is a copy in the arena */
    bool split;
    bool more; /* there are more segments than SL__SEGMENTS_MAX; the last one here has the rest */
    uint32_t count;
    struct sl__segment *segments;
    struct sl__segment few[SL__SEGMENTS_FEW]; /* enough for most, so that nothing is allocated */
};

/* Segments of one length up to this have different hashes: every step can be undone. */
#define SL__PATH_HASH_EXACT 8

/** Hash of a segment. Every octet counts, eight at a time; the upper half is mixed best. */
static inline uint64_t sl__path_hash(const char *p, size_t len)
{
    const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = len, word = 0;
    uint32_t low, high;

    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        hash = (hash ^ word) * prime;
        hash ^= hash >> 32;
        word = 0;
    }
    if (len >= 4) { /* two that overlap */
        memcpy(&low, p, 4);
        memcpy(&high, p + len - 4, 4);
        word = (uint64_t)high << 32 | low;
    } else if (len > 0) {
        word = (unsigned char)p[0] | (uint64_t)(unsigned char)p[len / 2] << 8 |
               (uint64_t)(unsigned char)p[len - 1] << 16;
    }
    return (hash ^ word) * prime;
}

SL__APART int sl__path_decode(struct sl__path *p, struct sl__arena *a);

/** Decodes what is escaped. 0; -SL_EBADREQUEST for a bad escape or %00; -ENOMEM. */
static inline int sl__path_init(struct sl__path *p, const struct sl__request *r,
                                struct sl__arena *a)
{
    p->split = p->more = p->decoded = false;
    p->count = 0;
    p->segments = p->few;
    p->text = sl__request_str(r, r->path);
    if (r->asterisk)
        p->text = SL__STR("*");
    else if (p->text.len == 0)
        p->text = SL__STR("/"); /* and what was escaped was the authority */
    else if (r->path_escaped)
        return sl__path_decode(p, a);
    return 0;
}

SL__APART int sl__path_split_now(struct sl__path *p, const struct sl__request *r,
                                 struct sl__arena *a);

/** Splits the path if that has not been done. 0; -ENOMEM. */
static inline int sl__path_split(struct sl__path *p, const struct sl__request *r,
                                 struct sl__arena *a)
{
    return p->split ? 0 : sl__path_split_now(p, r, a);
}

/** The text from segment @p at on, without the slash before it; "" when there is none. */
struct sl__str sl__path_rest(const struct sl__path *p, uint32_t at);

#endif
