/*
 * Files while they come: without a name on disk, written on other threads.
 */
#ifndef SL__APP_SPOOL_H
#define SL__APP_SPOOL_H

#include "app/ctx.h"

/** Tests: when true, as on a file system where no file can be without a name. */
extern bool sl__spool_named;

#define SL__SPOOL_ROOM ((size_t)65536) /* octets collected before they are written */

struct sl__spool {
    const char *folder; /* must outlive it */
    unsigned mode;
    int fd;     /* -1: not opened yet */
    char *name; /* on file systems without O_TMPFILE; NULL: none. Allocated */
    char *room; /* lent for as long as there is something to write */
    size_t filled;
};

/** Writes out what is in the room, opening the file first. 0; -ECANCELED; a negative errno. */
SL_SUSPENDS int sl__spool_flush(struct sl__spool *s);

/** Gives the file a name; see sl_upload_keep(). */
SL_SUSPENDS int sl__spool_keep(struct sl__spool *s, const char *path);

/** Closes it, and with it what was not kept is gone; waits even if the request is cancelled. */
SL_SUSPENDS void sl__spool_finish(struct sl__spool *s);

#endif
