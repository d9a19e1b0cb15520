/*
 * Range requests (RFC 9110 §14): which octets of a representation the client asks for.
 *
 * Pure: the value of a field goes in, places and lengths come out.
 */
#ifndef SL__HTTP_RANGE_H
#define SL__HTTP_RANGE_H

#include <stdint.h>

#include "base/str.h"

/* More than anybody needs: who asks for more gets everything, once. */
#define SL__RANGES_MAX 16

struct sl__range {
    int64_t at, len; /* len > 0 */
};

struct sl__ranges {
    int count;
    struct sl__range list[SL__RANGES_MAX]; /* in the order of the request, none touching another */
};

enum sl__range_verdict {
    SL__RANGE_WHOLE, /* send everything: not in octets, or too many */
    SL__RANGE_PARTS, /* 206 */
    SL__RANGE_NONE,  /* 416: nothing there of what was asked for, or malformed */
};

/**
 * Reads the value of Range for a representation of @p size octets.
 *
 * Ranges that overlap, touch or are nearly next to each other become one, at the place of the first
 * of them, so that no octet is ever sent twice (§14.2).
 *
 * @param ret  filled for SL__RANGE_PARTS: at least one
 */
enum sl__range_verdict sl__range_read(struct sl__str value, int64_t size, struct sl__ranges *ret);

#endif
