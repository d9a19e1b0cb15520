/*
 * The helper's side of a crash report. This very program, started by the master for the purpose:
 * never the master itself, never a worker.
 */
#ifndef SL__CLUSTER_SYMBOLISE_H
#define SL__CLUSTER_SYMBOLISE_H

#include <stdio.h>

#include "cluster/crash.h"

/** An area, in memory. */
struct sl__crash_copy {
    struct sl__crash_record record;
    char *maps; /* lines of /proc/PID/maps, NUL-terminated */
    char *stack;
    char *said; /* by a sanitizer, NUL-terminated */
};

/** Does what the order in @p fd says, and ends the process. */
_Noreturn void sl__symbolise(int fd);

/** A file that was mapped as code. */
struct sl__module {
    uint64_t from, to;       /* addresses; what lies in between may have gaps */
    uint64_t base;           /* where its first octet would be */
    uint64_t code, code_end; /* the part that can be executed */
    const char *path;        /* to open it by; NULL: there is another file by now */
    const char *name;        /* the last part of its path */
    struct sl__module *next;
};

/** Reads the lines; changes them. NULL if there are none. Never freed. */
struct sl__module *sl__modules_read(char *maps);
const struct sl__module *sl__module_at(const struct sl__module *m, uint64_t address);

/** A word of the copied stack. False if it was not copied. */
bool sl__stack_word(const struct sl__crash_copy *c, uint64_t address, uint64_t *ret);

/** One frame's line: "#3  0x000055d4 handler at app.c:17". */
void sl__frame_say(FILE *out, unsigned number, uint64_t pc, const char *function, const char *file,
                   int line, const struct sl__module *m);

/** Writes the frames' lines (backtrace_dw.c or backtrace_raw.c). */
void sl__backtrace(const struct sl__crash_copy *c, const struct sl__module *modules, FILE *out);
/** Without debugging information: by frame pointers, and where there are none by what looks like a
 * return address, marked with a question mark. */
void sl__backtrace_raw(const struct sl__crash_copy *c, const struct sl__module *modules, FILE *out);

#endif
