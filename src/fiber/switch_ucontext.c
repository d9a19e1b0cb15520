/*
 * The switch for every other processor, and with -Dfiber=ucontext: getcontext(3) and its sisters.
 *
 * Comes from fiber.c; leaves on another stack. About a hundred times slower than the assembly,
 * because each switch also saves the signal mask with a system call; correct wherever the C library
 * is. A context that is left keeps its ucontext_t on its own stack, so a saved place is one pointer
 * here too.
 */
#include "fiber/switch.h"

#include <stdlib.h>
#include <ucontext.h>

/* What the next fresh context shall call. makecontext() passes only ints, and nothing runs between
 * writing here and reading. */
static _Thread_local struct {
    void *(*entry)(void *arg);
    void *arg;
} first;

static void start(void)
{
    setcontext(first.entry(first.arg));
    abort(); /* fails only on arguments that are wrong by construction */
}

static void swap(ucontext_t *here, ucontext_t *there)
{
    if (swapcontext(here, there) < 0)
        abort(); /* the same, and going on would be without a stack */
}

uint64_t sl__switch_control(void)
{
    return 0; /* the context has it */
}

void sl__switch_start(void **save, void *top, void *(*entry)(void *arg), void *arg,
                      uint64_t control, void *low)
{
    ucontext_t here = {.uc_link = NULL}, there;

    (void)control;
    if (getcontext(&there) < 0)
        abort();
    there.uc_stack.ss_sp = low;
    there.uc_stack.ss_size = (size_t)((char *)top - (char *)low);
    there.uc_link = NULL;
    makecontext(&there, start, 0);
    first.entry = entry;
    first.arg = arg;
    *save = &here;
    swap(&here, &there);
    *save = NULL;
}

void sl__switch_resume(void **save, void *to, uint64_t control)
{
    (void)control;
    sl__switch(save, to);
}

void sl__switch(void **save, void *to)
{
    ucontext_t here = {.uc_link = NULL};

    *save = &here;
    swap(&here, to);
    *save = NULL;
}
