/*
 * Paths without parameters, found whole: one hash and one comparison, where the tree takes a walk.
 */
#ifndef SL__APP_DIRECT_H
#define SL__APP_DIRECT_H

#include "app/route.h"

struct sl__table;

/** Zeroed memory knows no path. */
struct sl__direct {
    struct sl__direct_entry *entries; /* open addressing, at most half full */
    uint32_t size;                    /* a power of two, or 0 */
};

/**
 * Fills it with the paths that are patterns of @p t, which has no regular expressions: each with
 * all routes that take it, also those with parameters. What does not fit, for want of memory too,
 * is left to the tree.
 */
void sl__direct_fill(struct sl__direct *d, struct sl__table *t);

/** All routes that take a path as it stands there, at least one; NULL if it is not known. */
const struct sl__ends *sl__direct_find(const struct sl__direct *d, struct sl__str path);

void sl__direct_finish(struct sl__direct *d);

#endif
