/*
 * The n-th allocation fails: with sl__mem_fault = fault, the one after @p left others does, and
 * only that one. A test goes on to larger n until one run has not failed.
 */
#ifndef TEST_STARVING_H
#define TEST_STARVING_H

#include <stdbool.h>
#include <stddef.h>

static long left; /* allocations until one fails; negative: none does */
static bool failed;

static bool fault(size_t size)
{
    if (left < 0 || left-- > 0)
        return false;
    left = -1;
    failed = true;
    return true;
}

#endif
