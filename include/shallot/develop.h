/*
 * Development of a program from outside, for tools: build, run in development mode, wait for
 * changes. The shallot command's `dev` is written on this.
 */
#ifndef SHALLOT_DEVELOP_H
#define SHALLOT_DEVELOP_H

#include <shallot/common.h>

SL_BEGIN_DECLS

typedef struct sl_development {
    size_t size;       /**< sizeof(sl_development) */
    const char *build; /**< shell command that builds the program; NULL: nothing to build */
    char **argv;       /**< the program and its arguments, NULL-terminated */
    const char *watch; /**< folder to watch; NULL: the current one */
} sl_development;

/**
 * Builds; waits for the next change while that fails; then runs the program in development mode (it
 * watches and rebuilds by itself) until it ends. A program that crashes waits for the next change
 * too.
 *
 * @return exit status: the program's, or 0 when interrupted while waiting
 */
SL_API int sl_develop(const sl_development *d);

SL_END_DECLS

#endif
