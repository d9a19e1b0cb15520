/*
 * Holding middleware: the same value may be used in several places of several routers, and its
 * free() runs once, when the last place has let it go.
 */
#ifndef SL__APP_HOLD_H
#define SL__APP_HOLD_H

#include "shallot/common.h"

/** 0; -ENOMEM: then it is not held. */
int sl__hold(const sl_middleware *m);
/** Lets go; the last one calls free(). */
void sl__release(const sl_middleware *m);
/** Calls free() unless somebody holds it: for a middleware that could not be taken. */
void sl__reject(const sl_middleware *m);
/** True if somebody holds it. */
bool sl__held(const sl_middleware *m);

#endif
