/*
 * Waiting in line: fibers that want what others have, first come, first served.
 *
 * A fiber comes in with its place on its own stack and leaves with what it was given, or with why
 * not. Time is kept here too.
 */
#include <errno.h>
#include <time.h>

#include "inside.h"

int64_t slpg_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t slpg_in(unsigned ms)
{
    return ms == SL_PG_NO_TIMEOUT ? SLPG_FOREVER : slpg_now() + ms;
}

int slpg_left(int64_t deadline)
{
    int64_t left;

    if (deadline == SLPG_FOREVER)
        return -1;
    left = deadline - slpg_now();
    return left <= 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

static void append(struct slpg_line *l, struct slpg_place *place)
{
    place->next = NULL;
    place->prev = l->last;
    if (l->last)
        l->last->next = place;
    else
        l->first = place;
    l->last = place;
    l->count++;
}

static void leave(struct slpg_line *l, struct slpg_place *place)
{
    if (place->prev)
        place->prev->next = place->next;
    else
        l->first = place->next;
    if (place->next)
        place->next->prev = place->prev;
    else
        l->last = place->prev;
    l->count--;
}

int slpg_line_wait(struct slpg_line *l, struct slpg_place *place, int64_t deadline)
{
    int r = 0;

    *place = (struct slpg_place){.given = NULL};
    append(l, place);
    while (!place->given && !place->error && r == 0)
        r = sl_waiter_wait(&place->waiter, slpg_left(deadline));
    if (place->error)
        return place->error;
    if (!place->given)
        leave(l, place);
    return place->given && r == -ETIMEDOUT ? 0 : r;
}

bool slpg_line_give(struct slpg_line *l, void *what)
{
    struct slpg_place *place = l->first;

    if (!place)
        return false;
    leave(l, place);
    place->given = what;
    sl_waiter_wake(&place->waiter);
    return true;
}

void slpg_line_fail(struct slpg_line *l, int error)
{
    while (l->first) {
        struct slpg_place *place = l->first;

        leave(l, place);
        place->error = error;
        sl_waiter_wake(&place->waiter);
    }
}
