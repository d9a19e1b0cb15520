/*
 * dev --debug: gdb on this terminal.
 */
#ifndef SHALLOT_DEBUG_H
#define SHALLOT_DEBUG_H

/** Whether there is all that --debug needs. 0, or 1 with the error printed. */
int debug_check(void);
/** Builds without optimisation, by the environment. */
void debug_prepare(void);
/** Runs gdb on the terminal and waits for its end. */
void debug_worker(int pid);

#endif
