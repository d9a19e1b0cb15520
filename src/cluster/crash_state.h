/*
 * Inside of the crash handler: what crash.c (signals, stages, sockets), crash_record.c (the record)
 * and crash_ticks.c (ticks that take long) share. Static storage, because there is nobody to ask
 * for memory when it is needed.
 */
#ifndef SL__CLUSTER_CRASH_STATE_H
#define SL__CLUSTER_CRASH_STATE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cluster/crash.h"

struct sl__crash {
    struct sl__crash_hooks hooks;
    int memory, socket; /* descriptors; -1: not installed */
    int64_t area;       /* offset of ours in the memory */
    uint32_t worker;
    pid_t pid; /* a forked child is not us */
    volatile sig_atomic_t dying;
    bool debugged; /* it is to wait for a debugger, which has not been here yet */
    struct sl__crash_record record;
};

extern struct sl__crash sl__crash_here;

/** Everything that needs no walk through memory. */
void sl__crash_note_signal(enum sl__crash_kind kind, int signal, const siginfo_t *info,
                           const void *context);
/** The request, from the hooks. */
void sl__crash_note_blame(void);
/** What lies in the process's address space where, and the top of the stack. */
void sl__crash_note_modules(void);
void sl__crash_note_stack(void);
/** Leaves the record as it is now. */
void sl__crash_write(void);
/** Puts more into our area. */
void sl__crash_write_at(const void *from, size_t len, int64_t at);
/** Whether a debugger is wanted by who has started us. */
bool sl__crash_wants_debugger(void);
/** Waits for one. True if it has come: then the handler has to return, and the signal comes again.
 */
bool sl__crash_await_debugger(int signal, const siginfo_t *info);
/** True while a sanitizer looks for its words, which takes it long. */
bool sl__crash_sanitizer_speaks(void);
/** A sanitizer has said what it had to say and wants to end the process: by which signal? Does not
 * come back if this is a worker that serves. */
void sl__crash_end(void);
/** Sends one message without descriptors. */
void sl__crash_notify(void);

#endif
