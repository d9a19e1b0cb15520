/*
 * Where an error was made: the stack at sl_fail(), for development.
 */
#ifndef SL__APP_TRACE_H
#define SL__APP_TRACE_H

#include "base/arena.h"

#define SL__TRACE_FRAMES 24

/** One call of sl_fail(), and the one that was on its way up before. */
struct sl__trace {
    struct sl__trace *before;
    const char *file, *function; /* of the call; NULL: not known */
    int line;
    int error, status;
    const char *message; /* NULL: the status says it all */
    int count;
    void *at[SL__TRACE_FRAMES];
};

/** The stack of the caller's caller; the rest is zeroed. NULL when out of memory. */
struct sl__trace *sl__trace_take(struct sl__arena *a);
/** One line for each frame; "" when out of memory. */
const char *sl__trace_text(const struct sl__trace *t, struct sl__arena *a);
/** The same on the log. */
void sl__trace_log(const struct sl__trace *t);

#endif
