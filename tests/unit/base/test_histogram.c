/* The latency histogram: every duration lies within the bounds of its bucket, and quantiles are
 * right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"

#include <cmocka.h>

static void test_bounds(void **state)
{
    for (int64_t ns = 1; ns < INT64_C(130000000000); ns += ns / 37 + 1) {
        unsigned i = sl__latency_bucket(ns);
        double low = i == 0 ? 0 : sl_latency_bound(i - 1), high = sl_latency_bound(i);

        assert_true((double)ns / 1e9 >= low && (double)ns / 1e9 < high);
        assert_true(i == 0 || (high - low) / low < 0.1251);
    }
    assert_int_equal(sl__latency_bucket(0), 0);
    assert_int_equal(sl__latency_bucket(SL__LATENCY_QUICK - 1), 0);
    assert_int_equal(sl__latency_bucket(SL__LATENCY_QUICK), 1);
    assert_int_equal(sl__latency_bucket(INT64_MAX), SL_LATENCY_BUCKETS - 1);
    for (unsigned i = 1; i < SL_LATENCY_BUCKETS; i++)
        assert_true(sl_latency_bound(i) > sl_latency_bound(i - 1));
}

static void test_quantiles(void **state)
{
    sl_counts n = {0};

    assert_true(sl_latency_quantile(&n, 0.5) == 0);
    for (int i = 1; i <= 1000; i++)
        n.latency[sl__latency_bucket(i * INT64_C(1000000))]++; /* 1 ms to 1 s */
    for (int q = 1; q < 1000; q += 7) {
        double is = sl_latency_quantile(&n, q / 1000.0), should = q / 1000.0;

        assert_true(is > should * 0.92 - 0.001 && is < should * 1.08 + 0.001);
    }
    assert_true(sl_latency_quantile(&n, 1) > 0.9);
    assert_true(sl_latency_sum(&n) > 480 && sl_latency_sum(&n) < 520);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds),
                                       cmocka_unit_test(test_quantiles)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
