/*
 * Stack overflow: telling it from any other fault.
 *
 * Comes from a handler of SIGSEGV or SIGBUS on an alternate stack: the crash's (cluster/crash.c),
 * and after it the small one of this file. Everything here is async-signal-safe. The list of stacks
 * is walked without a lock: it belongs to the thread that faulted, and is not changed while memory
 * of a guard is being touched.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fatal.h"
#include "fiber/fiber.h"
#include "fiber/runtime.h"

static struct sigaction earlier_segv, earlier_bus;

static size_t put(char *line, size_t at, size_t size, const char *text)
{
    size_t len = strlen(text);

    if (len > size - at)
        len = size - at;
    memcpy(line + at, text, len);
    return at + len;
}

/* One write, so that lines of several processes do not mix. */
static void say_overflow(const char *label)
{
    char line[256];
    size_t at = put(line, 0, sizeof(line) - 1,
                    label ? "stack overflow in handler of " : "stack overflow in a fiber");

    if (label)
        at = put(line, at, sizeof(line) - 1, label);
    line[at++] = '\n';
    if (write(STDERR_FILENO, line, at) < 0)
        return; /* nobody to tell */
}

/* Back under the earlier disposition (the default, or a sanitizer's handler) the fault happens
 * again when we return, with its registers untouched. A signal that was sent, which has no fault to
 * repeat, is sent again. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    const char *label;

    (void)context;
    if (info->si_code > 0 && sl__fiber_is_overflow(info->si_addr, &label))
        say_overflow(label);
    sigaction(signal, signal == SIGBUS ? &earlier_bus : &earlier_segv, NULL);
    if (info->si_code <= 0)
        raise(signal);
}

bool sl__fiber_is_overflow(const void *address, const char **ret_label)
{
    const struct sl__fibers *rt = &sl__fibers_here;

    if (!rt->loop)
        return false;
    for (struct sl__link *at = rt->stacks.all.next; at != &rt->stacks.all; at = at->next) {
        const struct sl__fiber *f = SL__OWNER(at, struct sl__fiber, stack.all);

        if (!sl__stack_guards(&f->stack, address))
            continue;
        if (f->state == SL__FIBER_ENDED) /* the guard of a spare stack: a wild pointer */
            return false;
        *ret_label = f->label;
        return true;
    }
    return false;
}

int sl__fiber_install_overflow_handler(void)
{
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction now;
    int r = sl__fatal_stack();

    if (r < 0)
        return r;
    if (sigaction(SIGSEGV, NULL, &now) < 0)
        return -errno;
    if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault)
        return 0; /* else it would chain to itself */
    sigemptyset(&act.sa_mask);
    if (sigaction(SIGSEGV, &act, &earlier_segv) < 0 || sigaction(SIGBUS, &act, &earlier_bus) < 0)
        return -errno;
    return 0;
}
