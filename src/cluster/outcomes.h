/*
 * What a build writes into the tree that is watched: texts it generates anew each time, which must
 * not start it again.
 */
#ifndef SL__CLUSTER_OUTCOMES_H
#define SL__CLUSTER_OUTCOMES_H

#include <stdbool.h>

#include "base/map.h"

/** Zeroed memory knows of none. */
struct sl__outcomes {
    struct sl__map files; /* name -> struct outcome */
};

/**
 * Asked about a change during a build or right after it: true if the build made it. That is so if
 * the file's content is what it was at the last such change (whoever wrote it, the build that ran
 * then, or was started then, knew it), or if it has changed so ten times in a row.
 */
bool sl__outcomes_is(struct sl__outcomes *o, const char *root, const char *name);
/** The file changed while nothing was built: somebody has edited it. */
void sl__outcomes_edited(struct sl__outcomes *o, const char *name);
void sl__outcomes_finish(struct sl__outcomes *o);

#endif
