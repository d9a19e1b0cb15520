/*
 * Signals as events: blocked, and read from a signalfd by the loop.
 */
#ifndef SL__LOOP_SIGNALS_H
#define SL__LOOP_SIGNALS_H

#include <signal.h>

#include "loop/loop.h"

struct sl__signals {
    struct sl__watch watch;
    struct sl__loop *loop;
    sigset_t mask, old_mask; /* old_mask: what a child must get back */
    void (*on_signal)(struct sl__signals *s, int signal);
};

/** Blocks the @p count signals of @p list and delivers them to @p on_signal in the loop. 0 or a
 * negative errno. */
int sl__signals_start(struct sl__signals *s, struct sl__loop *l, const int *list, size_t count,
                      void (*on_signal)(struct sl__signals *s, int signal));
/** Drops what has come meanwhile and restores the mask. May be called from on_signal(), and on
 * zeroed memory. */
void sl__signals_stop(struct sl__signals *s);

#endif
