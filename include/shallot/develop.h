/*
 * Development of a program from outside, for tools: build, run in development mode, wait for
 * changes, and hear what the program does meanwhile. The shallot command's `dev` is written on
 * this.
 */
#ifndef SHALLOT_DEVELOP_H
#define SHALLOT_DEVELOP_H

#include <stdbool.h>
#include <stdint.h>

#include <shallot/common.h>

SL_BEGIN_DECLS

/** What sl_develop() has to say, and which fields of sl_development_news go with it. */
typedef enum sl_development_event {
    SL_DEV_CHANGED,  /**< something was saved: file, more */
    SL_DEV_BUILDING, /**< the build has begun */
    SL_DEV_BUILT,    /**< the program was built: ns; output: warnings and whatever else it said */
    SL_DEV_FAILED,   /**< the build failed: ns; status or signal; output: the compiler's words */
    SL_DEV_WAITING,  /**< nothing runs: waits for a change: file: the folder; url: where a page says
                        what is wrong, if one does */
    SL_DEV_LISTENING, /**< the program serves: url; index, if it is one of several */
    SL_DEV_SWAPPED,   /**< new code serves: generation; ns: from the save until it was ready */
    SL_DEV_KEPT,      /**< new code did not come up, the old one serves on: why; generation: its */
    SL_DEV_CRASHED,   /**< worker was ended by signal: output: the crash report; then. Without a
                         worker: the program itself, by signal or with status */
    SL_DEV_REQUEST,   /**< a request was answered: method, path, query, status, ns, worker */
    SL_DEV_STOPPED,   /**< with sl_development.debug: worker has crashed by signal and waits for a
                         debugger to attach to pid, for some seconds; while one looks at it, nobody
                         else is impatient */
    SL_DEV_TROUBLE,   /**< something else is wrong: no such program, no more watches */
} sl_development_event;

/** What happens to a crashed worker's work. */
typedef enum sl_development_then {
    SL_DEV_THEN_NOTHING, /**< not known */
    SL_DEV_THEN_RESTART, /**< another worker takes its place */
    SL_DEV_THEN_SERVES,  /**< it was to take another's place, who stays */
    SL_DEV_THEN_WAITS,   /**< it never served: the next change is the next attempt */
} sl_development_then;

/** Something that has happened. Strings are valid during the call and never NULL; numbers that are
 * not known are 0. */
typedef struct sl_development_news {
    size_t size; /**< sizeof(sl_development_news) of the library */
    sl_development_event event;
    const char *text;   /**< all of it in one line of words, for tools that only print */
    const char *output; /**< many lines; "" if there are none */
    const char *file, *url, *why, *method, *path, *query;
    unsigned more;  /**< files besides the one that is named */
    unsigned index; /**< of the address; 0 begins a new list */
    unsigned worker, generation;
    int status; /**< exit status of the build or the program, or of the answer to a request */
    int signal;
    int pid;
    int64_t ns; /**< how long it took */
    sl_development_then then;
} sl_development_news;

/** A development that is under way: what the callbacks may tell it to do. */
typedef struct sl_developing sl_developing;

/** What to develop, and whom to tell. */
typedef struct sl_development {
    size_t size;       /**< sizeof(sl_development) */
    const char *build; /**< shell command that builds the program; NULL: nothing to build */
    char **argv;       /**< the program and its arguments, NULL-terminated */
    const char *watch; /**< folder to watch; NULL: the current one */
    /** Says what happens; what the build writes is only told here, and the program does not log
     * what it can tell. NULL: the log says it, and the build writes to standard error. */
    void (*say)(void *self, const sl_development_news *news);
    /** Called once before anything else happens; it may add descriptors to watch. NULL: nothing. */
    void (*begin)(void *self, sl_developing *d);
    void *self;
    /** Descriptors the program gets as standard input, output and error; 0: the tool's own. They
     * stay the caller's. */
    int input, output, error;
    /** A worker that crashes stops first: SL_DEV_STOPPED. Needs say. */
    bool debug;
} sl_development;

/**
 * Builds; waits for the next change while that fails; then runs the program in development mode (it
 * watches and rebuilds by itself) until it ends. A program that crashes, or ends with another
 * status than 0, waits for the next change too. SIGINT, SIGTERM and SIGHUP are handed to the
 * program, which has a process group of its own.
 *
 * This process listens on the program's address as long as it runs: HOST and PORT of the
 * environment (port 0: one is chosen, and kept), else what `.shallot/address` in the watched folder
 * remembers, else 0.0.0.0:9090. The program gets the socket lent (LISTEN_FDS) and takes it if it is
 * the address its code names; what it listens on otherwise is remembered. While there is no program
 * that starts, a child of this process answers there with 503 and what is wrong.
 *
 * @return exit status: the program's, if that is 0, if it was told to end, or if this process could
 * not listen (another one does: the program has said so); 0 when interrupted while waiting; 1 if it
 * cannot be listened on the address that was asked for
 */
SL_API int sl_develop(const sl_development *d);

/* From the callbacks: */

/** Builds again and swaps, changed or not; while nothing runs: tries again. */
SL_API void sl_developing_reload(sl_developing *d);
/** Ends the program as SIGINT would, and then sl_develop(). */
SL_API void sl_developing_stop(sl_developing *d);
/** Calls @p ready whenever @p fd can be read, or will never be again. The descriptor stays the
 * caller's. @return 0 or a negative errno */
SL_API int sl_developing_watch(sl_developing *d, int fd, void (*ready)(void *self, int fd),
                               void *self);
/** Does nothing if it is not watched. Before the descriptor is closed. */
SL_API void sl_developing_unwatch(sl_developing *d, int fd);

/* What compilers write */

/** How bad it is. */
typedef enum sl_severity {
    SL_DIAGNOSED_NOTE,
    SL_DIAGNOSED_WARNING,
    SL_DIAGNOSED_ERROR
} sl_severity;

/** A line of source as the compiler showed it. Columns are those of a terminal, from 0; tabs have
 * become spaces. */
typedef struct sl_diagnostic_line {
    unsigned number;    /**< in the file; 0: not known */
    const char *text;   /**< the source */
    const char *marks;  /**< what stands below it, in the same columns: "    ~~~^~~"; "" */
    const char *labels; /**< lines below that: names of types, what should stand there; "" */
    unsigned from, to;  /**< the columns [from, to) that are meant; both 0: none */
} sl_diagnostic_line;

/** What gcc, clang, a linker or make complained about. Strings are never NULL. */
typedef struct sl_diagnostic {
    sl_severity severity;
    const char *file;     /**< as the compiler was in its folder, else as it was written; "" */
    unsigned line;        /**< from 1; 0: not known */
    unsigned column;      /**< octets, from 1; 0: not known */
    const char *message;  /**< without the option; a few have several lines */
    const char *option;   /**< what turns it on or off, "-Wunused-variable"; "" */
    const char *function; /**< it is in; "" */
    const char *via;      /**< "app.h:3": the line that includes @c file; "" */
    const sl_diagnostic_line *lines;
    size_t line_count;
} sl_diagnostic;

/** All complaints of a build. */
typedef struct sl_diagnostics {
    const sl_diagnostic *items; /**< in their order; notes follow what they belong to */
    size_t count;
    unsigned errors, warnings;
    const char *rest; /**< lines that are neither complaints nor the noise of build tools; "" */
} sl_diagnostics;

/**
 * Understands what a build has written in English, with colours or without. Never fails: what is
 * not understood, other languages too, is in @c rest.
 *
 * @return owned by the caller; NULL: out of memory
 */
SL_API sl_diagnostics *sl_diagnostics_new(const char *output);
/** NULL is fine. */
SL_API void sl_diagnostics_free(sl_diagnostics *d);

SL_END_DECLS

#endif
