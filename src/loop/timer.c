/*
 * Timers: a heap of pointers to the callers' structures, each of which knows its place, so that
 * stopping and moving one costs no search. Four children per node: half the depth, and siblings
 * share a cache line.
 *
 * Owners come in to start and stop; the loop comes in once a tick to fire what is due. A callback
 * that starts a timer for a time already past must not keep the loop here for ever, so such a timer
 * is put one nanosecond beyond what is firing.
 */
#include "loop/timer.h"

#include "base/mem.h"

#define CHILDREN 4
#define FIRST_SIZE ((size_t)64)

static void place(struct sl__loop *l, size_t i, struct sl__timer *t)
{
    l->timers.items[i] = t;
    t->index = i + 1;
}

/* Both move the hole at i to where t belongs, and put t in it. */
static void sift_up(struct sl__loop *l, size_t i, struct sl__timer *t)
{
    while (i > 0) {
        size_t parent = (i - 1) / CHILDREN;

        if (l->timers.items[parent]->at <= t->at)
            break;
        place(l, i, l->timers.items[parent]);
        i = parent;
    }
    place(l, i, t);
}

static void sift_down(struct sl__loop *l, size_t i, struct sl__timer *t)
{
    struct sl__timer **items = l->timers.items;

    for (;;) {
        size_t first = i * CHILDREN + 1, least = first, end = first + CHILDREN;

        if (first >= l->timers.count)
            break;
        if (end > l->timers.count)
            end = l->timers.count;
        for (size_t child = first + 1; child < end; child++)
            if (items[child]->at < items[least]->at)
                least = child;
        if (items[least]->at >= t->at)
            break;
        place(l, i, items[least]);
        i = least;
    }
    place(l, i, t);
}

static void settle(struct sl__loop *l, size_t i, struct sl__timer *t)
{
    if (i > 0 && l->timers.items[(i - 1) / CHILDREN]->at > t->at)
        sift_up(l, i, t);
    else
        sift_down(l, i, t);
}

static void grow(struct sl__loop *l)
{
    size_t size = l->timers.size > 0 ? l->timers.size * 2 : FIRST_SIZE;

    l->timers.items = sl__realloc(l->timers.items, size * sizeof(*l->timers.items));
    l->timers.size = size;
}

void sl__timer_start(struct sl__loop *l, struct sl__timer *t, int64_t at)
{
    if (l->firing && at <= l->due) {
        at = l->due + 1;
        l->put_off = true;
    }
    t->at = at;
    if (t->index != 0) {
        settle(l, t->index - 1, t);
        return;
    }
    if (l->timers.count == l->timers.size)
        grow(l);
    sift_up(l, l->timers.count++, t);
}

void sl__timer_stop(struct sl__loop *l, struct sl__timer *t)
{
    struct sl__timer *last;
    size_t i;

    if (t->index == 0)
        return;
    i = t->index - 1;
    t->index = 0;
    last = l->timers.items[--l->timers.count];
    if (last != t)
        settle(l, i, last);
}

void sl__timers_fire_due(struct sl__loop *l)
{
    if (l->now > l->due)
        l->due = l->now;
    else if (l->put_off) /* the clock has not moved, but this is the tick it was put off to */
        l->due++;
    l->put_off = false;
    l->firing = true;
    while (l->timers.count > 0 && l->timers.items[0]->at <= l->due) {
        struct sl__timer *t = l->timers.items[0];

        sl__timer_stop(l, t);
        t->fire(t);
    }
    l->firing = false;
}

void sl__timers_finish(struct sl__loop *l)
{
    for (size_t i = 0; i < l->timers.count; i++)
        l->timers.items[i]->index = 0;
    sl__free(l->timers.items);
    l->timers.items = NULL;
    l->timers.count = l->timers.size = 0;
}
