/*
 * Holding middleware: a count for every (free, self) pair, for the whole process.
 *
 * Comes here from layers and tables when they take a middleware, and when they are freed. A program
 * may use one middleware value in two routers, or mount a router twice; nobody but this table knows
 * that it is the same one. Registration happens in main(), before any request, on one thread.
 */
#include "app/hold.h"

#include <errno.h>

#include "base/map.h"

struct key {
    void (*free)(void *self);
    void *self;
};

static struct sl__map held; /* of counts, kept in the pointer itself */

static struct sl__str key_of(const struct key *k)
{
    return (struct sl__str){(const char *)k, sizeof *k};
}

int sl__hold(const sl_middleware *m)
{
    struct key k = {m->free, m->self};
    uintptr_t count;

    if (!m->free)
        return 0;
    count = (uintptr_t)sl__map_get(&held, key_of(&k));
    return sl__map_set(&held, key_of(&k), (void *)(count + 1), NULL);
}

void sl__release(const sl_middleware *m)
{
    struct key k = {m->free, m->self};
    uintptr_t count;

    if (!m->free)
        return;
    count = (uintptr_t)sl__map_get(&held, key_of(&k));
    if (count > 1) { /* the entry is there, so storing in it cannot fail */
        sl__map_set(&held, key_of(&k), (void *)(count - 1), NULL);
        return;
    }
    sl__map_remove(&held, key_of(&k));
    m->free(m->self); /* may come back here: a router lets go of its own layers */
    if (held.used == 0)
        sl__map_finish(&held);
}

void sl__reject(const sl_middleware *m)
{
    if (m->free && !sl__held(m))
        m->free(m->self);
}

bool sl__held(const sl_middleware *m)
{
    struct key k = {m->free, m->self};

    return sl__map_get(&held, key_of(&k)) != NULL;
}
