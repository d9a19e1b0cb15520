/*
 * Development of a program from outside, for tools: build, run in development mode, wait for
 * changes. The shallot command's `dev` is written on this.
 */
#ifndef SHALLOT_DEVELOP_H
#define SHALLOT_DEVELOP_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** What sl_develop() has to say: each is one line of text, without a newline. */
typedef enum sl_development_event {
    SL_DEV_BUILT,   /**< the program was built; text: how long it took */
    SL_DEV_FAILED,  /**< the build failed; text: how it ended */
    SL_DEV_CRASHED, /**< the program was ended by a signal; text: which */
    SL_DEV_TROUBLE, /**< something else is wrong: no such program, no more watches */
    SL_DEV_WAITING, /**< waits for a change; text: where */
    SL_DEV_CHANGED, /**< something changed; text: which file */
} sl_development_event;

typedef struct sl_development {
    size_t size;       /**< sizeof(sl_development) */
    const char *build; /**< shell command that builds the program; NULL: nothing to build */
    char **argv;       /**< the program and its arguments, NULL-terminated */
    const char *watch; /**< folder to watch; NULL: the current one */
    /** Says what happens; NULL: the log. The build's own output goes to standard error. */
    void (*say)(void *self, sl_development_event event, const char *text);
    void *self;
} sl_development;

/**
 * Builds; waits for the next change while that fails; then runs the program in development mode (it
 * watches and rebuilds by itself) until it ends. A program that crashes waits for the next change
 * too. SIGINT, SIGTERM and SIGHUP are handed to the program, which has a process group of its own.
 *
 * @return exit status: the program's, or 0 when interrupted while waiting
 */
SL_API int sl_develop(const sl_development *d);

SL_END_DECLS

#endif
