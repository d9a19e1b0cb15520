/*
 * Hash map from byte strings to pointers (FNV-1a with a per-process seed, open addressing). Keys
 * are copied.
 */
#ifndef SL__BASE_MAP_H
#define SL__BASE_MAP_H

#include "base/str.h"

/** Zeroed memory is an empty map. */
struct sl__map {
    struct sl__map_entry *entries;
    size_t used, filled, size;
};

void *sl__map_get(const struct sl__map *m, struct sl__str key);
/** Stores under the key, giving the earlier value or NULL in @p ret_old (may be NULL). 0 or
 * -ENOMEM. */
int sl__map_set(struct sl__map *m, struct sl__str key, void *value, void **ret_old);
/** Takes out and returns the value, NULL if there is none. */
void *sl__map_remove(struct sl__map *m, struct sl__str key);
/** Walks: start with *at = 0; false at the end. The map must not change meanwhile. */
bool sl__map_next(const struct sl__map *m, size_t *at, struct sl__str *ret_key, void **ret_value);
void sl__map_finish(struct sl__map *m);

#endif
