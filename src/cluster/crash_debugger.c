/*
 * A crash under `shallot dev --debug`: the worker waits for a debugger before it dies.
 *
 * on_crash() comes here first. The tool is told by the feed and attaches a debugger on its
 * terminal; once that lets us go on, the signal is repeated, so that the debugger sees it where it
 * happened and not in the midst of our handler. When it has gone the signal comes again, and then
 * it is a crash as without it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cluster/aftermath.h"
#include "cluster/crash_state.h"
#include "cluster/feed.h"

#define STEP_NS 20000000
#define STEPS 750 /* 15 s: a debugger reads all symbols before it attaches */

bool sl__crash_wants_debugger(void)
{
    const char *wish = getenv("SHALLOT_DEBUG");

    return wish && wish[0] && sl__feed_open();
}

static void tell(int signal)
{
    struct sl__feed_line line;

    sl__feed_begin(&line, "stopped");
    sl__feed_add_number(&line, "worker", sl__crash_here.worker);
    sl__feed_add_number(&line, "signal", signal);
    sl__feed_add_number(&line, "pid", sl__crash_here.pid);
    sl__feed_send(&line, NULL);
}

/* A fault repeats itself when the handler returns; a signal that was sent is sent again, to arrive
 * when the old mask is back. */
static void repeat(int signal, const siginfo_t *info)
{
    sigset_t set;

    if (info->si_code > 0)
        return;
    sigemptyset(&set);
    sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, NULL);
    syscall(SYS_tgkill, getpid(), gettid(), signal);
}

bool sl__crash_await_debugger(int signal, const siginfo_t *info)
{
    const struct timespec step = {.tv_nsec = STEP_NS};

    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* where only parents may */
    tell(signal);
    for (int i = 0; i < STEPS; i++) {
        if (sl__is_traced(getpid())) {
            repeat(signal, info);
            return true;
        }
        nanosleep(&step, NULL);
    }
    return false;
}
