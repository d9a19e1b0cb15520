/*
 * What the composition root and serve/ need of the app's counters and maps.
 */
#ifndef SL__APP_SHARED_H
#define SL__APP_SHARED_H

#include "shallot/common.h"
#include "shared/handle.h"

#define SL__SHARED_MAX 256u

struct sl__app_shared {
    struct sl__handle *first; /* by next, in order of making */
    unsigned count;
    bool closed; /* the cluster has been told: it is too late for more */
};

/** What the program wants, as a list; from now on it can want no more. */
const struct sl__handle *sl__app_shared(sl_app *app);
/** The memory of this name is here (@p fd stays the caller's). 0 or a negative errno. */
int sl__app_bind_shared(sl_app *app, const char *name, int fd);
/** This process's lane in counters, the clock of its loop (NULL: the system's), and whether it may
 * wait for a lock. */
void sl__app_shared_setup(sl_app *app, unsigned lane, const int64_t *clock, bool patient);
void sl__app_free_shared(sl_app *app);

#endif
