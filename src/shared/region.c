/*
 * Shapes: how large a region is and what stands in it at first.
 *
 * The app comes in with the shape that the program wants, the master with one that a worker has
 * asked for, which may be nonsense. Both kinds of region begin as zeroes; only a map has locks to
 * be made.
 */
#include "shared/region.h"

#include "shared/counter.h"
#include "shared/store.h"

#include <stdio.h>
#include <string.h>

#define LAYOUT 1u

struct sl__shape sl__counter_shape(void)
{
    return (struct sl__shape){.kind = SL__REGION_COUNTER, .layout = LAYOUT};
}

struct sl__shape sl__map_shape(uint64_t capacity, uint64_t value_bytes, uint64_t key_bytes)
{
    return (struct sl__shape){SL__REGION_MAP, LAYOUT, capacity, value_bytes, key_bytes};
}

size_t sl__shape_size(const struct sl__shape *shape)
{
    if (shape->layout != LAYOUT)
        return 0;
    if (shape->kind == SL__REGION_COUNTER)
        return sizeof(struct sl__counter);
    return shape->kind == SL__REGION_MAP ? sl__store_size(shape) : 0;
}

bool sl__shape_equal(const struct sl__shape *a, const struct sl__shape *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

void sl__region_format(void *memory, const struct sl__shape *shape)
{
    if (shape->kind == SL__REGION_MAP)
        sl__store_format(memory, shape);
}

const char *sl__shape_text(const struct sl__shape *shape, char *buf, size_t len)
{
    if (shape->kind == SL__REGION_COUNTER)
        snprintf(buf, len, "a counter");
    else
        snprintf(buf, len, "a map of %llu entries, values to %llu octets, keys to %llu",
                 (unsigned long long)shape->capacity, (unsigned long long)shape->value_bytes,
                 (unsigned long long)shape->key_bytes);
    return buf;
}
