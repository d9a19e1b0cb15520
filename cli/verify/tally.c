/*
 * Latencies, in buckets that are at most a thirty-second wide.
 */
#include "verify.h"

void tally_latency(struct tally *t, int64_t ns)
{
    uint64_t v = ns > 32 ? (uint64_t)ns : 32;
    unsigned e = 63 - (unsigned)__builtin_clzll(v); /* 2^e <= v, and the next five bits */

    t->latencies[e * 32 + ((v >> (e - 5)) & 31)]++;
}

int64_t tally_percentile(const struct tally *t, double part)
{
    double wanted = part * (double)t->answered, seen = 0;

    for (unsigned i = 0; i < TALLY_BUCKETS; i++) {
        seen += t->latencies[i];
        if (t->latencies[i] && seen >= wanted)
            return (int64_t)((32 + (uint64_t)i % 32) << (i / 32)) / 32;
    }
    return 0;
}
