/*
 * Running the build command of development mode: one at a time, in its own process group, output
 * passed through to the terminal and kept for the page; a new start cancels a running one.
 */
#ifndef SL__CLUSTER_BUILD_H
#define SL__CLUSTER_BUILD_H

#include "loop/loop.h"

struct sl__build;

struct sl__build_events {
    /** The command has ended. @p status 0: success; @p output: its last 64 KiB, NUL-terminated. Not
     * called for a cancelled build. */
    void (*done)(void *self, int status, const char *output, int64_t duration_ns);
    void *self;
};

struct sl__build *sl__build_new(struct sl__loop *l, const char *command,
                                const struct sl__build_events *events);
/** Starts, after killing a running one with its whole process group. 0 or a negative errno. */
int sl__build_start(struct sl__build *b);
bool sl__build_running(const struct sl__build *b);
/** Kills a running build. NULL is fine. */
void sl__build_free(struct sl__build *b);

#endif
