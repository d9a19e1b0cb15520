/*
 * The tree of path patterns: one node for each segment they share.
 */
#ifndef SL__APP_TREE_H
#define SL__APP_TREE_H

#include "app/table.h"

/** NULL when out of memory. */
struct sl__node *sl__segments_new(void);
/** NULL is fine. Routes are not the tree's. */
void sl__segments_free(struct sl__node *root);

/** Adds a route, later than all there are, under its pattern. 0 or -ENOMEM: then it is not there.
 */
int sl__segments_add(struct sl__node *root, const struct sl__pattern *pattern,
                     const struct sl__route *route);

/** As sl__segments_find() when a prefix took everything: "/api" is "/" to a router under "/api". */
const struct sl__route *sl__segments_find_behind(struct sl__table *t, const struct sl__search *s);

#endif
