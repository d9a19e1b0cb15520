/*
 * The master in development mode: what watches, what builds, and when there is new code.
 */
#ifndef SL__CLUSTER_DEVELOPMENT_H
#define SL__CLUSTER_DEVELOPMENT_H

#include <sys/types.h>

#include "loop/loop.h"

struct sl__development;

struct sl__development_config {
    const char *build;      /* command; NULL: none */
    const char *watch;      /* folder; NULL: the current one */
    const char *executable; /* path of the program */
    /** New code is there (or, without a build command, a file has changed). */
    void (*reload)(void *self);
    void *self;
};

/** Never fails: what cannot be watched is logged, and the program serves without. Strings must stay
 * valid. */
struct sl__development *sl__development_new(struct sl__loop *l,
                                            const struct sl__development_config *config);
/** Ends a running build. NULL is fine. */
void sl__development_free(struct sl__development *d);
/** When the change was saved that the latest build or reload is about, in monotonic nanoseconds; 0:
 * not known. */
int64_t sl__development_saved_at(const struct sl__development *d);
/** Process of the build that runs, which is reaped by it; 0: none. */
pid_t sl__development_build_pid(const struct sl__development *d);

#endif
