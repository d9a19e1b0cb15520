/*
 * Signals as events. They are blocked, so no handler ever interrupts anything, and arrive through a
 * signalfd like everything else; the callback is ordinary code. The mask from before is kept,
 * because children inherit masks and must get back what the program was given.
 */
#include "loop/signals.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BATCH 8

static void ready(struct sl__watch *w, uint32_t events)
{
    struct sl__signals *s = SL__OWNER(w, struct sl__signals, watch);
    struct signalfd_siginfo info[BATCH];
    ssize_t n =
        read(w->fd, info, sizeof(info)); /* what is left over makes the descriptor ready again */

    for (ssize_t i = 0; i < n / (ssize_t)sizeof(info[0]); i++) {
        if (!s->loop) /* stopped by the callback before */
            return;
        s->on_signal(s, (int)info[i].ssi_signo);
    }
}

int sl__signals_start(struct sl__signals *s, struct sl__loop *l, const int *list, size_t count,
                      void (*on_signal)(struct sl__signals *s, int signal))
{
    int r;

    *s = (struct sl__signals){.on_signal = on_signal};
    sigemptyset(&s->mask);
    for (size_t i = 0; i < count; i++)
        if (sigaddset(&s->mask, list[i]) < 0)
            return -errno;
    r = pthread_sigmask(SIG_BLOCK, &s->mask, &s->old_mask);
    if (r != 0)
        return -r;
    s->watch = (struct sl__watch){.events = EPOLLIN, .ready = ready};
    s->watch.fd = signalfd(-1, &s->mask, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->watch.fd < 0) {
        r = -errno;
        goto restore;
    }
    r = sl__loop_add(l, &s->watch);
    if (r < 0)
        goto close_it;
    s->loop = l;
    return 0;

close_it:
    close(s->watch.fd);
restore:
    pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
    return r;
}

void sl__signals_stop(struct sl__signals *s)
{
    const struct timespec at_once = {0};

    if (!s->loop)
        return;
    sl__loop_remove(s->loop, &s->watch);
    close(s->watch.fd);
    s->loop = NULL;
    while (sigtimedwait(&s->mask, NULL, &at_once) > 0)
        ; /* one that waits would strike, as soon as it may, a process that has done all it asks */
    pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
}
