/*
 * The latency histogram's buckets: octaves of eight, above a first bucket for all that is too quick
 * to be worth a look at the clock. The public functions that read one (<shallot/stats.h>) are here
 * too.
 */
#ifndef SL__BASE_HISTOGRAM_H
#define SL__BASE_HISTOGRAM_H

#include <shallot/stats.h>

/* A unit is 1,024 ns. */
#define SL__LATENCY_FIRST 6 /* the first octave begins at 2^6 units */
#define SL__LATENCY_QUICK ((int64_t)1024 << SL__LATENCY_FIRST) /* ns: below it is bucket 0 */

static inline unsigned sl__latency_bucket(int64_t ns)
{
    uint64_t units = (uint64_t)ns >> 10;
    unsigned octave, i;

    if (ns < SL__LATENCY_QUICK)
        return 0;
    octave = 63 - (unsigned)__builtin_clzll(units);
    i = 1 + (octave - SL__LATENCY_FIRST) * 8 + ((unsigned)(units >> (octave - 3)) & 7);
    return i < SL_LATENCY_BUCKETS ? i : SL_LATENCY_BUCKETS - 1;
}

#endif
