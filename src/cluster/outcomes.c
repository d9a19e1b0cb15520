/*
 * What a build writes into the watched tree: version.h, a generated parser, a list of files.
 *
 * Comes from development.c, which asks about changes that coincide with a build; products of a
 * compiler it has sorted out before. A developer also saves while a build runs, so the moment alone
 * says nothing: the content does. Too much ignored would be a save that goes unnoticed, too little
 * an endless loop of builds.
 */
#include "cluster/outcomes.h"

#include "base/mem.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/* A generator that writes the time of day ends here; nobody saves during so many builds in a row.
 */
#define REPEATS_MAX 30u
#define FILES_MAX 1024u

struct outcome {
    uint64_t hash; /* of the content */
    unsigned repeats;
};

/* FNV-1a; 0 if it cannot be read. */
static uint64_t hash_of(const char *root, const char *name)
{
    char path[2 * PATH_MAX];
    unsigned char buf[16384];
    uint64_t h = 14695981039346656037u;
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "%s/%s", root, name);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0;
    while ((n = read(fd, buf, sizeof buf)) > 0)
        for (ssize_t i = 0; i < n; i++)
            h = (h ^ buf[i]) * 1099511628211u;
    close(fd);
    return n < 0 ? 0 : h;
}

bool sl__outcomes_is(struct sl__outcomes *o, const char *root, const char *name)
{
    struct sl__str key = sl__str_of(name);
    struct outcome *known = sl__map_get(&o->files, key);
    uint64_t hash = hash_of(root, name);
    bool same;

    if (!known) {
        if (o->files.used >= FILES_MAX)
            return false;
        known = sl__alloc_zeroed(sizeof *known);
        known->hash = hash;
        if (sl__map_set(&o->files, key, known, NULL) < 0)
            sl__free(known);
        return false;
    }
    same = known->hash == hash;
    known->hash = hash;
    if (!same && known->repeats < REPEATS_MAX)
        known->repeats++;
    return same || known->repeats == REPEATS_MAX;
}

void sl__outcomes_edited(struct sl__outcomes *o, const char *name)
{
    sl__free(sl__map_remove(&o->files, sl__str_of(name)));
}

void sl__outcomes_finish(struct sl__outcomes *o)
{
    struct sl__str key;
    void *known;
    size_t at = 0;

    while (sl__map_next(&o->files, &at, &key, &known))
        sl__free(known);
    sl__map_finish(&o->files);
}
