/*
 * The stand-in: a process that serves a page on the program's address while there is no program.
 */
#ifndef SL__DEVELOP_STANDIN_H
#define SL__DEVELOP_STANDIN_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "loop/loop.h"

/** Memory of the caller's, zeroed; see sl__standin_init(). */
struct sl__standin {
    struct sl__loop *loop;
    const sigset_t *mask;  /* for the child */
    struct sl__watch life; /* pidfd; -1: it does not run */
    struct sl__timer patience;
    pid_t pid;
    int wire;             /* what is to be shown goes this way; -1 */
    int listener;         /* of the last sl__standin_show(): the caller's */
    struct sl__watch ear; /* the same wire: it says that it accepts no more */
    bool leaving;
    bool shut;       /* it does not accept any more, and answers what has come */
    bool wanted;     /* again, as soon as the one that leaves has gone */
    unsigned deaths; /* by itself, since it was last told what to show */
    char *record;    /* what it shows: text as in the feed (cluster/feed.h) */
    size_t len;
    void (*left)(void *self); /* whom to tell that it is gone; NULL: nobody waits */
    void *self;
};

void sl__standin_init(struct sl__standin *s, struct sl__loop *l, const sigset_t *mask);
/** Ends it without more ado. */
void sl__standin_finish(struct sl__standin *s);

/** Serves what there is to say on this listening socket from now on, in place of what was said
 * before. @p record is one of the feed's: failed, crashed or building. 0 or a negative errno. */
int sl__standin_show(struct sl__standin *s, int listener, const char *record, size_t len);
/** The same record with another word before it is over: a build has begun. Nothing if it does not
 * stand. */
void sl__standin_tell(struct sl__standin *s, const char *record, size_t len);

/** True while it serves, or is about to. */
bool sl__standin_stands(const struct sl__standin *s);
/** To be reaped by itself, never by who buries strangers; 0: none. */
pid_t sl__standin_pid(const struct sl__standin *s);

/** Steps aside: it accepts no more, answers what has come, and ends. @p left is called when it
 * accepts no more, which takes some milliseconds and never more than a second; at once if there is
 * none. NULL: nobody waits. */
void sl__standin_leave(struct sl__standin *s, void (*left)(void *self), void *self);

/** The child's side: serves on descriptor 3, is told by descriptor 4, ends with the process. */
__attribute__((noreturn)) void sl__standin_serve(void);

#endif
