/*
 * Where an error was made: the stack at sl_fail(), for development.
 */
#ifndef SL__APP_TRACE_H
#define SL__APP_TRACE_H

#include "base/arena.h"

struct sl__trace;

/** The stack of the caller's caller; NULL when out of memory. */
struct sl__trace *sl__trace_take(struct sl__arena *a);
/** One line for each frame; "" when out of memory. */
const char *sl__trace_text(const struct sl__trace *t, struct sl__arena *a);
/** The same on the log. */
void sl__trace_log(const struct sl__trace *t);

#endif
