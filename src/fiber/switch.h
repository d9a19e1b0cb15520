/*
 * Changing stacks: what only assembly (or ucontext) can do.
 *
 * What is kept for a context that is left is what a called function must preserve: the callee-saved
 * registers and the floating-point control (rounding, exception masks, flush to zero), not the
 * exception flags and not the signal mask. One file per way: switch_x86_64.S, switch_aarch64.S,
 * switch_ucontext.c; the build takes exactly one.
 *
 * The loop's side knows its own floating-point control and passes it, because reading it costs as
 * much as all the rest (5 ns on some processors).
 */
#ifndef SL__FIBER_SWITCH_H
#define SL__FIBER_SWITCH_H

#include <stdint.h>

/** The floating-point control of the running context, for the two calls below. */
uint64_t sl__switch_control(void);

/**
 * Runs entry(arg) on a fresh stack, under the running floating-point control. The context that is
 * left is stored in @p *save. When @p entry returns, its stack is left for good and the context
 * goes on that it returned, which is what some @p *save held.
 *
 * @param top      end of the stack, aligned to 16
 * @param low      its lowest byte
 * @param control  sl__switch_control() of the caller
 */
void sl__switch_start(void **save, void *top, void *(*entry)(void *arg), void *arg,
                      uint64_t control, void *low);

/** Leaves the running context, whose place is stored in @p *save, for the one saved as @p to.
 * Returns when somebody goes to what was stored; a stored place is good for one return. */
void sl__switch_resume(void **save, void *to, uint64_t control);

/** The same, when the caller's floating-point control has to be read first. */
void sl__switch(void **save, void *to);

#endif
