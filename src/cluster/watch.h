/*
 * Watching a tree for changes with inotify, in the loop. Directories made later are included; build
 * outputs, version-control folders and dotfiles are not; a burst of events is one change.
 */
#ifndef SL__CLUSTER_WATCH_H
#define SL__CLUSTER_WATCH_H

#include "loop/loop.h"

struct sl__tree;

struct sl__tree_events {
    /** The tree changed and has been quiet for 30 ms (at most 300 ms after the first event). @p
     * name: a changed file, relative; @p count: how many files. */
    void (*changed)(void *self, const char *name, unsigned count);
    /** True for a file that does not count (the program's own executable while .build makes it). @p
     * name is relative. May be NULL. */
    bool (*ignore)(void *self, const char *name);
    void *self;
};

/** NULL on failure, with one line in @p ret_error (no such folder, watches exhausted and which
 * sysctl raises them). */
struct sl__tree *sl__tree_watch(struct sl__loop *l, const char *root,
                                const struct sl__tree_events *events, char *ret_error,
                                size_t error_len);
void sl__tree_free(struct sl__tree *t);

#endif
