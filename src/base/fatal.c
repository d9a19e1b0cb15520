/*
 * Fatal signals: their names, and the alternate stacks on which they are handled.
 *
 * The threads come here as they begin: the loop's through fiber/overflow.c, those of the offload
 * pool by themselves. A sanitizer may have been here before; its stack is as good.
 */
#include "base/fatal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sys.h"

#define STACK_SIZE ((size_t)64 * 1024)

const int sl__fatal_signals[SL__FATAL_COUNT] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static _Thread_local void *own_stack;

int sl__fatal_stack(void)
{
    stack_t s;

    if (sigaltstack(NULL, &s) < 0)
        return -errno;
    if (!(s.ss_flags & SS_DISABLE))
        return 0;
    s = (stack_t){.ss_size = STACK_SIZE};
    s.ss_sp = sl__sys_mmap(s.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!s.ss_sp)
        return -ENOMEM;
    if (sigaltstack(&s, NULL) < 0) {
        int r = -errno;

        munmap(s.ss_sp, s.ss_size);
        return r;
    }
    own_stack = s.ss_sp;
    return 0;
}

void sl__fatal_stack_drop(void)
{
    stack_t none = {.ss_flags = SS_DISABLE}, s;

    if (!own_stack || sigaltstack(NULL, &s) < 0 || s.ss_sp != own_stack)
        return;
    sigaltstack(&none, NULL);
    munmap(own_stack, STACK_SIZE);
    own_stack = NULL;
}

void sl__fatal_unblock(sigset_t *mask)
{
    for (int i = 0; i < SL__FATAL_COUNT; i++)
        sigdelset(mask, sl__fatal_signals[i]);
}

const char *sl__fatal_name(int signal, char *buf, size_t size)
{
    const char *name = sigabbrev_np(signal);

    if (name)
        snprintf(buf, size, "SIG%s", name);
    else
        snprintf(buf, size, "signal %d", signal);
    return buf;
}
