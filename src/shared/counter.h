/*
 * A counter in its region: a base and lanes. Its value is the sum of all.
 */
#ifndef SL__SHARED_COUNTER_H
#define SL__SHARED_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

#define SL__LANES 64u

struct sl__lane {
    _Alignas(128) _Atomic uint64_t sum; /* two lines: neighbours are fetched in pairs */
};

struct sl__counter {
    _Alignas(128) _Atomic uint64_t base;
    struct sl__lane lanes[SL__LANES];
};

#endif
