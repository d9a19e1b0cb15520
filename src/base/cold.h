/*
 * What is not on the way of an ordinary request: failures, first times, rare shapes.
 *
 * A compiler that sees the whole program likes to put a function into its only caller, which then
 * saves registers for what nearly never happens, at every call. The first two marks keep a function
 * out of its callers; the first also says that a branch that leads there is the unlikely one.
 */
#ifndef SL__BASE_COLD_H
#define SL__BASE_COLD_H

#define SL__COLD __attribute__((cold, noinline))
#define SL__APART __attribute__((noinline))

/* The contrary: for what is called once and goes on for ever, which compilers take for rare. */
#define SL__HOT __attribute__((hot))

#endif
