/*
 * The heap of timers, as the loop sees it. Everybody else uses the timer functions of loop/loop.h.
 */
#ifndef SL__LOOP_TIMER_H
#define SL__LOOP_TIMER_H

#include "base/cold.h"
#include "loop/loop.h"

/** When the first timer is due; INT64_MAX without any. */
static inline int64_t sl__timers_next(const struct sl__loop *l)
{
    return l->timers.count > 0 ? l->timers.items[0]->at : INT64_MAX;
}

/** Fires the timers there are to fire. */
SL__APART void sl__timers_fire_due(struct sl__loop *l);

/** Fires every timer due at l->now. A timer started meanwhile waits for the next tick. */
static inline void sl__timers_fire(struct sl__loop *l)
{
    int64_t due = l->now > l->due ? l->now : l->due;

    if (l->put_off || sl__timers_next(l) <= due)
        sl__timers_fire_due(l);
}

/** Stops all timers and frees the heap. */
void sl__timers_finish(struct sl__loop *l);

#endif
