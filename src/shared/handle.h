/*
 * Handles: what a program holds of a region. It points to private memory first and is bound to the
 * shared one when the process has been handed it.
 */
#ifndef SL__SHARED_HANDLE_H
#define SL__SHARED_HANDLE_H

#include "shallot/shared.h"
#include "shared/region.h"
#include "shared/store.h"

struct sl__handle {
    struct sl__handle *next; /* its owner's */
    char *name;
    struct sl__shape shape;
    struct sl__measures measures; /* of a map */
    void *memory;                 /* mapped */
    size_t size;
    unsigned lane;            /* of a counter: this process's place */
    const int64_t *clock;     /* the time of the loop; NULL: asked from the system */
    bool patient;             /* may wait for another process: not the master */
    _Atomic uint64_t stopped; /* of a map: bit n: whoever holds shard n was waited for in vain */
};

struct sl_counter {
    struct sl__handle handle;
};

struct sl_map {
    struct sl__handle handle;
};

/** A handle on private memory, zero or empty. NULL when out of memory. */
struct sl__handle *sl__handle_new(const char *name, const struct sl__shape *shape);
void sl__handle_free(struct sl__handle *h);
/** From now on it works on the region in @p fd (which stays the caller's). 0; -EBADMSG for another
 * size; -ENOMEM. */
int sl__handle_bind(struct sl__handle *h, int fd);

#endif
