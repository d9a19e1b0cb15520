/*
 * Once-tasks: special initialisation that one worker does for all.
 *
 * Comes from relay.c with ONCE_ASK, ONCE_DONE, and the end of a worker. A task belongs to the first
 * who asks; the others wait until it is done, which a retained message with its name tells
 * everybody, or until the owner fails or dies, which makes the next one the owner.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "cluster/relay_state.h"

static void forget_waiting(struct sl__once *t, uint32_t id)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->waiting_count; i++) {
        if (t->waiting[i] != id)
            t->waiting[kept++] = t->waiting[i];
    }
    t->waiting_count = kept;
}

static bool waits(const struct sl__once *t, uint32_t id)
{
    for (size_t i = 0; i < t->waiting_count; i++) {
        if (t->waiting[i] == id)
            return true;
    }
    return false;
}

static int wait_in(struct sl__once *t, uint32_t id)
{
    if (t->waiting_count == t->waiting_size) {
        size_t size = t->waiting_size ? 2 * t->waiting_size : 4;
        uint32_t *grown = sl__try_realloc(t->waiting, size * sizeof *grown);

        if (!grown)
            return -ENOMEM;
        t->waiting = grown;
        t->waiting_size = size;
    }
    t->waiting[t->waiting_count++] = id;
    return 0;
}

/* The first who waits and stays; one that is leaving only if nobody else waits. */
static struct sl__peer *next_owner(struct sl__relay *r, const struct sl__once *t)
{
    struct sl__peer *leaving = NULL;

    for (size_t i = 0; i < t->waiting_count; i++) {
        struct sl__peer *p = sl__relay_peer(r, t->waiting[i]);

        if (!p || p->dead)
            continue;
        if (!p->leaving)
            return p;
        if (!leaving)
            leaving = p;
    }
    return leaving;
}

/* One whose channel fails here is tried no more; its end will be reported, and changes nothing. */
static void grant_next(struct sl__relay *r, struct sl__once *t)
{
    struct sl__peer *p;

    t->owner = 0;
    while (!t->owner && (p = next_owner(r, t))) {
        forget_waiting(t, p->id);
        if (sl__relay_control(r, p, SL__FRAME_ONCE_GRANT, 0, t->name))
            t->owner = p->id;
    }
}

static struct sl__once *find(struct sl__relay *r, const char *name)
{
    for (struct sl__link *at = r->tasks.next; at != &r->tasks; at = at->next) {
        struct sl__once *t = SL__OWNER(at, struct sl__once, link);

        if (strcmp(t->name, name) == 0)
            return t;
    }
    return NULL;
}

static struct sl__once *create(struct sl__relay *r, const char *name)
{
    struct sl__once *t = sl__try_alloc_zeroed(sizeof *t);

    if (!t)
        return NULL;
    t->name = sl__try_strdup(name);
    if (!t->name) {
        sl__free(t);
        return NULL;
    }
    sl__list_append(&r->tasks, &t->link);
    return t;
}

int sl__relay_once_ask(struct sl__relay *r, struct sl__peer *p, const char *name)
{
    struct sl__once *t = find(r, name);

    if (!t)
        t = create(r, name);
    if (!t)
        return -ENOMEM;
    if (t->done || t->owner == p->id || waits(t, p->id))
        return 0; /* of a task that is done the retained message tells */
    if (wait_in(t, p->id) < 0)
        return -ENOMEM;
    if (!t->owner)
        grant_next(r, t);
    return 0;
}

int sl__relay_once_done(struct sl__relay *r, struct sl__peer *p, const char *name, bool succeeded)
{
    struct sl__frame_head head = {.type = SL__FRAME_MESSAGE, .target = SL__TO_RETAINED};
    struct sl__once *t = find(r, name);
    int result;

    if (!t || t->done || t->owner != p->id)
        return -EBADMSG;
    if (!succeeded) {
        grant_next(r, t);
        return 0;
    }
    t->done = true;
    t->owner = 0;
    sl__free(t->waiting);
    t->waiting = NULL;
    t->waiting_count = t->waiting_size = 0;
    head.from = p->id;
    result = sl__relay_publish(r, &head, name, NULL, -1);
    sl__relay_retained_once(r, name);
    return result;
}

void sl__relay_once_leave(struct sl__relay *r, uint32_t id)
{
    for (struct sl__link *at = r->tasks.next; at != &r->tasks; at = at->next) {
        struct sl__once *t = SL__OWNER(at, struct sl__once, link);

        forget_waiting(t, id);
        if (t->owner == id)
            grant_next(r, t);
    }
}

void sl__relay_once_finish(struct sl__relay *r)
{
    struct sl__link *first;

    while ((first = sl__list_take(&r->tasks))) {
        struct sl__once *t = SL__OWNER(first, struct sl__once, link);

        sl__free(t->waiting);
        sl__free(t->name);
        sl__free(t);
    }
}
