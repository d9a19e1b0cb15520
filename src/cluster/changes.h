/*
 * The files that changed within one burst of events; no I/O, no clock.
 */
#ifndef SL__CLUSTER_CHANGES_H
#define SL__CLUSTER_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"

struct sl__change;

struct sl__changes {
    struct sl__map names; /* name -> struct sl__change */
    struct sl__change *first, **end;
    unsigned more; /* beyond the names kept */
};

void sl__changes_init(struct sl__changes *c);
/** Forgets all; also the end of it. */
void sl__changes_clear(struct sl__changes *c);
/** @p created: it came into being just now; @p counts: it has content that matters. */
void sl__changes_note(struct sl__changes *c, const char *name, bool created, bool counts);
/** The file is gone. True if that is a change: false for one created within this burst. */
bool sl__changes_note_gone(struct sl__changes *c, const char *name);
/** A whole folder is gone, or does not count: so do its files. */
void sl__changes_drop_below(struct sl__changes *c, const char *folder);
/** How many files are known of, whether they count or not. */
size_t sl__changes_known(const struct sl__changes *c);
/** How many count, and the first name of those in @p ret_name (untouched if there is none). */
unsigned sl__changes_count(const struct sl__changes *c, char *ret_name, size_t size);

/** True if @p path is @p folder or lies below it; "" is the root. */
bool sl__path_below(const char *path, const char *folder);

#endif
