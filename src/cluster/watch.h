/*
 * Watching a tree for changes with inotify, in the loop. Directories made later are included; build
 * outputs, version-control folders and dotfiles are not; a burst of events is one change.
 */
#ifndef SL__CLUSTER_WATCH_H
#define SL__CLUSTER_WATCH_H

#include "loop/loop.h"

struct sl__tree;

struct sl__tree_events {
    /** The tree changed and has been quiet: for 5 ms after a few files, for 100 ms after many. It
     * comes 300 ms after the last file that was new to the burst, and after 10 s, even if the same
     * files are written on. @p name: a changed file, relative ("." if events were lost); @p count:
     * how many files. May free the tree. */
    void (*changed)(void *self, const char *name, unsigned count);
    /** True for a file that does not count (the program's own executable while .build makes it). @p
     * name is relative. May be NULL. */
    bool (*ignore)(void *self, const char *name);
    /** From now on part of the tree is not watched; one line says why. May be NULL. */
    void (*trouble)(void *self, const char *line);
    void *self;
};

/** NULL on failure, with one line in @p ret_error (no such folder, watches exhausted and which
 * sysctl raises them). */
struct sl__tree *sl__tree_watch(struct sl__loop *l, const char *root,
                                const struct sl__tree_events *events, char *ret_error,
                                size_t error_len);
void sl__tree_free(struct sl__tree *t);

/** Whether a file or directory of this name is never watched: dotfiles, editors' leavings, objects,
 * build folders, logs. Pure. */
bool sl__tree_ignores(const char *name, bool is_dir);

/** True if the file @p name below @p root is the work of a compiler (an ELF file or an archive):
 * with a build command such a file is an outcome, not a change. */
bool sl__tree_is_product(const char *root, const char *name);

#endif
