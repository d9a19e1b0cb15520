/*
 * Development: who blocks the loop?
 *
 * serve/ comes here at the beginning and at the end of every tick. In between runs a timer whose
 * signal interrupts the thread where it is; the handler leaves a record, as a crash would, and life
 * goes on. The signal ends a sleep of the blocking kind before its time, which is one more reason
 * for having this in development only.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fatal.h"
#include "cluster/aftermath.h"
#include "cluster/crash_state.h"

#define AGAIN_S 10 /* the same route is not named more often */
#define KNOWN 64   /* routes remembered; of more some may be named too often */

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static struct {
    timer_t timer;
    bool on;
    unsigned ms;
    uint64_t named[KNOWN]; /* hash of the label */
    int64_t at[KNOWN];
} ticks;

static uint64_t hash_of(const char *text)
{
    uint64_t h = 14695981039346656037u;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

static bool named_lately(const char *label)
{
    struct timespec now = {0};
    uint64_t h = hash_of(label);
    unsigned i = (unsigned)(h % KNOWN);

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (ticks.at[i] != 0 && ticks.named[i] == h && now.tv_sec - ticks.at[i] < AGAIN_S)
        return true;
    ticks.named[i] = h;
    ticks.at[i] = now.tv_sec + 1;
    return false;
}

static void on_tick_long(int signal, siginfo_t *info, void *context)
{
    int before = errno;

    if (sl__crash_here.dying || sl__crash_sanitizer_speaks())
        ticks.on = false; /* the record is that of the crash */
    else if (sl__is_traced(getpid()))
        ticks.on = false; /* whoever stops us to look around wants to see no signals of ours */
    else if (getpid() == sl__crash_here.pid) {
        sl__crash_note_signal(SL__CRASH_BLOCKED, signal, info, context);
        sl__crash_note_blame();
        sl__crash_here.record.age_ns = ticks.ms * (int64_t)1000000;
        if (!named_lately(sl__crash_here.record.label)) {
            sl__crash_note_modules();
            sl__crash_note_stack();
            sl__crash_write();
            sl__crash_notify();
        }
    }
    errno = before;
}

int sl__crash_watch_ticks(unsigned ms)
{
    struct sigaction act = {.sa_sigaction = on_tick_long,
                            .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 1};

    if (sl__crash_here.memory < 0)
        return -ENOTSUP;
    ticks.ms = ms;
    event.sigev_notify_thread_id = gettid();
    sigfillset(&act.sa_mask);
    sl__fatal_unblock(&act.sa_mask);
    if (sigaction(SIGRTMIN + 1, &act, NULL) < 0)
        return -errno;
    if (timer_create(CLOCK_MONOTONIC, &event, &ticks.timer) < 0)
        return -errno;
    ticks.on = true;
    return 0;
}

static void wind(unsigned ms)
{
    struct itimerspec when = {.it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}};

    if (ticks.on)
        timer_settime(ticks.timer, 0, &when, NULL);
}

void sl__crash_tick_begins(void)
{
    wind(ticks.ms);
}

void sl__crash_tick_ends(void)
{
    wind(0);
}
