/*
 * What the master does after a worker has crashed: answers those it has left behind, and reports.
 */
#ifndef SL__CLUSTER_AFTERMATH_H
#define SL__CLUSTER_AFTERMATH_H

#include <sys/types.h>

#include "cluster/archive.h"
#include "cluster/crash.h"
#include "loop/loop.h"

struct sl__listener;
struct sl__master;
struct sl__member;

#define SL__ORPHANS_MAX 4096u /* sockets held at once; more are answered, and closed at once */
#define SL__NAMERS_MAX 4u     /* helper processes at once; further crashes have no backtrace */

struct sl__aftermath {
    int memory;             /* memfd: one area for each slot */
    int worker_end;         /* of the pair; inherited by workers */
    struct sl__watch watch; /* our end */
    struct sl__link orphans, held, namers;
    unsigned orphan_count, namer_count;
    struct sl__timer watchdog;
    char folder[1024]; /* for reports; "": none */
};

/** What the helper gets to know besides an area: behind the copy of it. */
struct sl__crash_order {
    char name[128], program[1024], folder[1024];
    uint32_t keep;
};

void sl__aftermath_init(struct sl__aftermath *a);
/** 0 or a negative errno. */
int sl__aftermath_start(struct sl__master *m);
void sl__aftermath_stop(struct sl__master *m);
/** Writes its descriptors, or reads them; what a crash has left is not among it, and must have come
 * to its end. */
void sl__aftermath_archive(struct sl__master *m, struct sl__archive *a);
/** Goes on with what was read. 0 or a negative errno. */
int sl__aftermath_resume(struct sl__master *m);

/** Takes what dying workers have sent. */
void sl__aftermath_pump(struct sl__master *m);
/** @p w has ended, which has been logged: reports, if it has left a record (a sanitizer may have
 * made an exit of the signal), and writes down unasked ends for those who look back. @return whether
 * it has */
bool sl__aftermath_died(struct sl__master *m, struct sl__member *w, int code, int signal);
/** A worker is READY: connections that were held are passed on. */
void sl__aftermath_ready(struct sl__master *m);
/** Nobody serves it any more. */
void sl__aftermath_forget_listener(struct sl__master *m, const struct sl__listener *l);

/* aftermath_orphans.c */
/** Owns @p fd. @p w may be NULL. */
void sl__orphan_take(struct sl__master *m, struct sl__member *w, int fd,
                     const struct sl__crash_note *note);
void sl__orphans_finish(struct sl__master *m);

/* aftermath_helper.c */
/** Starts a helper for the record, whose area it copies; its lines are logged. With @p then (a
 * constant) they are told on the feed instead, behind @p words. 0 or a negative errno (-EAGAIN:
 * there are enough). */
int sl__namer_start(struct sl__master *m, unsigned slot, const struct sl__crash_record *r,
                    unsigned generation, const char *then, const struct sl__buf *words);
void sl__namers_finish(struct sl__master *m);

/* crash_text.c */
/** Two or three lines: what happened, to whom. */
void sl__crash_describe(const struct sl__crash_record *r,
                        void (*line)(void *self, const char *text), void *self);
/** The same of a death in one line, without who it was. */
void sl__crash_brief(const struct sl__crash_record *r, char *buf, size_t size);

/* crash_folder.c */
/** Where reports go: SHALLOT_CRASH_DIR, or @p given (may be NULL), or the usual place. "": nowhere.
 */
void sl__crash_choose_folder(const char *given, char *buf, size_t size);
/** Makes it, with all above it. True if it was not there. */
bool sl__crash_make_folder(const char *path);
/** As root, which will soon be @p user: makes it now, for that user, if it is not there. */
void sl__crash_give_folder(const char *path, const char *user);

/* traced.c */
/** True if a debugger is attached. May be called in a signal handler. */
bool sl__is_traced(pid_t pid);

/* watchdog.c */
void sl__watchdog_start(struct sl__master *m);
void sl__watchdog_stop(struct sl__master *m);

#endif
