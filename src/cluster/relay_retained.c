/*
 * Retained messages: the last value of each topic that was sent to be kept, in the order in which
 * they were sent.
 *
 * Comes from relay.c with every such message; relay_join.c tells them to workers that come later.
 * Together they are bounded: the value that was set longest ago is forgotten first, and said so.
 * What once-tasks leave behind is not, for a worker would run such a task again.
 */
#include <errno.h>

#include "base/mem.h"
#include "cluster/relay_state.h"

static void drop(struct sl__relay *r, struct sl__note *n)
{
    r->retained_octets -= sl__note_octets(n);
    sl__list_remove(&n->link);
    sl__note_free(n);
}

static void enforce_limit(struct sl__relay *r)
{
    struct sl__link *at = r->retained_order.next;

    while (r->retained_octets > r->limits.retained_bytes && at != &r->retained_order) {
        struct sl__note *n = SL__OWNER(at, struct sl__note, link);

        at = at->next;
        if (n->once)
            continue;
        sl__map_remove(&r->retained, sl__str_of(n->topic));
        if (r->actions.forgotten)
            r->actions.forgotten(r->actions.self, n->topic);
        drop(r, n);
    }
}

int sl__relay_retain(struct sl__relay *r, const struct sl__frame_head *head, const char *topic,
                     const void *body, int body_fd)
{
    struct sl__note *n = sl__note_new(head, topic, body, body_fd);
    void *old = NULL;

    if (!n)
        return -ENOMEM;
    n->position = r->position;
    if (sl__map_set(&r->retained, sl__str_of(topic), n, &old) < 0) {
        sl__note_free(n);
        return -ENOMEM;
    }
    if (old) {
        n->once = ((struct sl__note *)old)->once;
        drop(r, old);
    }
    sl__list_append(&r->retained_order, &n->link);
    r->retained_octets += sl__note_octets(n);
    enforce_limit(r);
    return 0;
}

void sl__relay_retained_once(struct sl__relay *r, const char *name)
{
    struct sl__note *n = sl__map_get(&r->retained, sl__str_of(name));

    if (n)
        n->once = true;
}

void sl__relay_retained_finish(struct sl__relay *r)
{
    struct sl__link *first;

    while ((first = sl__list_take(&r->retained_order)))
        sl__note_free(SL__OWNER(first, struct sl__note, link));
    sl__map_finish(&r->retained);
}
