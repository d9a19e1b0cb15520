/*
 * Running the build command of development mode: one at a time, in its own process group, output
 * passed through to the terminal and kept for the page; a new start cancels a running one.
 */
#ifndef SL__CLUSTER_BUILD_H
#define SL__CLUSTER_BUILD_H

#include <sys/types.h>

#include "loop/loop.h"

struct sl__build;

struct sl__build_events {
    /** The command has ended. @p status 0: success, else its exit code or 128 + signal; @p output:
     * its last 64 KiB, NUL-terminated, valid during the call. Not called for a cancelled build. May
     * free the build or start another. */
    void (*done)(void *self, int status, const char *output, int64_t duration_ns);
    void *self;
    bool quiet; /* its output is not passed on, only kept */
};

struct sl__build *sl__build_new(struct sl__loop *l, const char *command,
                                const struct sl__build_events *events);
/**
 * Starts. A running one is told to end with its whole process group (SIGTERM, so that make removes
 * half-written files, SIGKILL after a second), and the new one starts when it is gone. 0 or a
 * negative errno.
 */
int sl__build_start(struct sl__build *b);
/** Ends a running build; done() is not called. */
void sl__build_cancel(struct sl__build *b);
/** True while a build runs that was not cancelled. */
bool sl__build_running(const struct sl__build *b);
/** Process that is still to be reaped (by the build itself); 0: none. */
pid_t sl__build_pid(const struct sl__build *b);
/** Ends a running build, waiting for it up to half a second. NULL is fine. */
void sl__build_free(struct sl__build *b);

#endif
