/*
 * Reading a latency histogram: bounds, quantiles, the sum.
 *
 * Comes from whoever shows numbers: the master's status, sl_metrics(), the tool. What is not known
 * exactly, where in its bucket a request lies, is taken to be the middle.
 */
#include "base/histogram.h"

static double middle(unsigned i)
{
    double below = i == 0 ? 0 : sl_latency_bound(i - 1);

    return (below + sl_latency_bound(i)) / 2;
}

double sl_latency_bound(unsigned i)
{
    unsigned at;
    uint64_t units;

    if (i >= SL_LATENCY_BUCKETS)
        i = SL_LATENCY_BUCKETS - 1;
    at = i - 1;
    units = i == 0 ? (uint64_t)1 << SL__LATENCY_FIRST
                   : (uint64_t)(8 + at % 8 + 1) << (SL__LATENCY_FIRST + at / 8 - 3);
    return (double)(units << 10) / 1e9;
}

double sl_latency_quantile(const sl_counts *counts, double q)
{
    uint64_t all = 0, seen = 0, wanted;
    unsigned last = 0;

    for (unsigned i = 0; i < SL_LATENCY_BUCKETS; i++)
        all += counts->latency[i];
    if (all == 0)
        return 0;
    wanted = (uint64_t)(q * (double)all + 0.5);
    for (unsigned i = 0; i < SL_LATENCY_BUCKETS; i++) {
        if (counts->latency[i] == 0)
            continue;
        seen += counts->latency[i];
        last = i;
        if (seen >= wanted)
            break;
    }
    return middle(last);
}

double sl_latency_sum(const sl_counts *counts)
{
    double sum = 0;

    for (unsigned i = 0; i < SL_LATENCY_BUCKETS; i++)
        sum += (double)counts->latency[i] * middle(i);
    return sum;
}

/* Bucket i of a route holds what took from 2^(i-1) units up to 2^i. */
double sl_route_quantile(const sl_route_stats *route, double q)
{
    double wanted = q * (double)route->requests, seen = 0, low = 0, high = 1024e-9;

    if (route->requests == 0)
        return 0;
    for (unsigned i = 0; i < SL_ROUTE_BUCKETS; i++) {
        double here = (double)route->latency[i];

        if (here > 0 && seen + here >= wanted)
            return low + (high - low) * (wanted > seen ? (wanted - seen) / here : 0);
        seen += here;
        low = high;
        high *= 2;
    }
    return low;
}
