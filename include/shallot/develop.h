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
 * watches and rebuilds by itself) until it ends. A program that crashes, or ends with another status
 * than 0, waits for the next change too. SIGINT, SIGTERM and SIGHUP are handed to the program, which
 * has a process group of its own.
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

SL_END_DECLS

#endif
