/*
 * Fatal signals: those by which a program says that it is broken. Whoever handles them needs a
 * stack that is not the broken one, in every thread.
 */
#ifndef SL__BASE_FATAL_H
#define SL__BASE_FATAL_H

#include <signal.h>

#define SL__FATAL_COUNT 5

/** SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT. */
extern const int sl__fatal_signals[SL__FATAL_COUNT];

/** Gives the calling thread an alternate signal stack of 64 KiB, unless it has one (a sanitizer's,
 * say). 0 or a negative errno. */
int sl__fatal_stack(void);
/** Takes it back, if it is ours: before the thread ends. */
void sl__fatal_stack_drop(void);
/** Takes the fatal signals out of a mask: blocked, a fault would kill past any handler. */
void sl__fatal_unblock(sigset_t *mask);
/** "SIGSEGV" or "signal 42", in @p buf. */
const char *sl__fatal_name(int signal, char *buf, size_t size);

#endif
