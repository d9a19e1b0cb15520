/*
 * The files that changed within one burst, by name and in order.
 *
 * watch.c comes here with every event that counts, and asks at the end of the burst. A file that
 * was made and removed within it is somebody's temporary file and never happened. The names kept
 * are bounded; beyond that only their number is known.
 */
#include "cluster/changes.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define NAMES_MAX 4096u

struct sl__change {
    struct sl__change *next;
    bool created; /* within this burst */
    bool counts;  /* false: created, but nothing has been written yet; or gone again */
    char name[];
};

static struct sl__change *add(struct sl__changes *c, const char *name)
{
    struct sl__str key = sl__str_of(name);
    struct sl__change *one;

    if (c->names.used >= NAMES_MAX)
        return NULL;
    one = sl__alloc_zeroed(sizeof *one + key.len + 1);
    memcpy(one->name, name, key.len);
    if (sl__map_set(&c->names, key, one, NULL) < 0) {
        sl__free(one);
        return NULL;
    }
    *c->end = one;
    c->end = &one->next;
    return one;
}

void sl__changes_init(struct sl__changes *c)
{
    memset(c, 0, sizeof *c);
    c->end = &c->first;
}

void sl__changes_clear(struct sl__changes *c)
{
    struct sl__change *one;

    while ((one = c->first)) {
        c->first = one->next;
        sl__free(one);
    }
    sl__map_finish(&c->names);
    sl__changes_init(c);
}

void sl__changes_note(struct sl__changes *c, const char *name, bool created, bool counts)
{
    struct sl__change *one = sl__map_get(&c->names, sl__str_of(name));

    if (!one) {
        one = add(c, name);
        if (one)
            one->created = created;
    }
    if (one)
        one->counts |= counts;
    else if (counts)
        c->more++;
}

bool sl__changes_note_gone(struct sl__changes *c, const char *name)
{
    struct sl__change *one = sl__map_get(&c->names, sl__str_of(name));

    if (one && one->created) {
        one->counts = false;
        return false;
    }
    sl__changes_note(c, name, false, true);
    return true;
}

void sl__changes_drop_below(struct sl__changes *c, const char *folder)
{
    for (struct sl__change *one = c->first; one; one = one->next)
        if (sl__path_below(one->name, folder))
            one->counts = false;
}

unsigned sl__changes_count(const struct sl__changes *c, char *ret_name, size_t size)
{
    unsigned count = 0;

    for (const struct sl__change *one = c->first; one; one = one->next)
        if (one->counts && count++ == 0)
            snprintf(ret_name, size, "%s", one->name);
    return count + c->more;
}

size_t sl__changes_known(const struct sl__changes *c)
{
    return c->names.used + c->more;
}

bool sl__path_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return len == 0 || (strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]));
}
