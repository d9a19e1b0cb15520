/*
 * Regions: pieces of memory that several processes map, each with a name and a shape. The master
 * keeps them (cluster/regions.h) and knows no more of them than this.
 */
#ifndef SL__SHARED_REGION_H
#define SL__SHARED_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sl__region_kind { SL__REGION_COUNTER = 1, SL__REGION_MAP = 2 };

/** What has to agree between two who share a region. Compared as octets: no paddings. */
struct sl__shape {
    uint32_t kind;
    uint32_t layout; /* version of it */
    uint64_t capacity, value_bytes, key_bytes;
};

/** Shapes of this code. */
struct sl__shape sl__counter_shape(void);
struct sl__shape sl__map_shape(uint64_t capacity, uint64_t value_bytes, uint64_t key_bytes);

/** Octets a region of this shape takes; 0: there is no such shape here. */
size_t sl__shape_size(const struct sl__shape *shape);
bool sl__shape_equal(const struct sl__shape *a, const struct sl__shape *b);
/** Makes zeroed memory of sl__shape_size() octets a region. Once, before anybody else maps it. */
void sl__region_format(void *memory, const struct sl__shape *shape);
/** One line on what differs, or is so large. */
const char *sl__shape_text(const struct sl__shape *shape, char *buf, size_t len);

#endif
