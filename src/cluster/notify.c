/*
 * The service manager's ear: one datagram for each thing it wants to know.
 *
 * Comes from the master whenever its state changes, and from a timer for the watchdog, which says
 * no more than that this loop turns. The protocol is sd_notify(3)'s, which needs no library. A
 * manager that does not listen is not waited for. The names are taken out of the environment, so
 * that no worker speaks for the master.
 */
#include "cluster/notify.h"

#include "base/sys.h"
#include "base/time.h"
#include "cluster/master_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(struct sl__notify *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct sl__notify *n, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    int len;

    if (n->fd < 0)
        return;
    va_start(args, fmt);
    len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len > 0) /* it hears the next one, or nothing any more */
        sendto(n->fd, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1,
               MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&n->to, n->to_len);
}

static bool take_address(struct sl__notify *n, const char *name)
{
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof n->to.sun_path)
        return false;
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, name, len + 1);
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'));
    if (name[0] == '@')
        n->to.sun_path[0] = 0;
    return true;
}

static int64_t watchdog_ns(void)
{
    const char *time = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t us = time ? strtoll(time, NULL, 10) : 0;

    if (us <= 0 || us > INT64_MAX / 1000 || (pid && strtol(pid, NULL, 10) != getpid()))
        return 0;
    return us * 1000;
}

static void beat(struct sl__timer *t)
{
    struct sl__notify *n = SL__OWNER(t, struct sl__notify, watchdog);
    struct sl__master *m = SL__OWNER(n, struct sl__master, notify);

    say(n, "WATCHDOG=1");
    sl__timer_start(&m->loop, t, m->loop.now + n->watchdog_ns / 2);
}

void sl__notify_start(struct sl__master *m)
{
    struct sl__notify *n = &m->notify;
    const char *name = getenv("NOTIFY_SOCKET");

    n->fd = -1;
    n->watchdog.fire = beat;
    if (name && take_address(n, name))
        n->fd = sl__sys_socket(AF_UNIX, SOCK_DGRAM, 0);
    if (n->fd >= 0) {
        n->watchdog_ns = watchdog_ns();
        if (n->watchdog_ns > 0)
            sl__timer_start(&m->loop, &n->watchdog, m->loop.now);
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void sl__notify_stop(struct sl__master *m)
{
    if (m->notify.fd < 0)
        return;
    sl__timer_stop(&m->loop, &m->notify.watchdog);
    close(m->notify.fd);
    m->notify.fd = -1;
}

void sl__notify_archive(struct sl__master *m, struct sl__archive *a)
{
    struct sl__notify *n = &m->notify;

    sl__archive_mark(a, "NTFY");
    sl__archive_fd(a, &n->fd);
    sl__archive_bytes(a, &n->to, sizeof n->to);
    sl__archive_bytes(a, &n->to_len, sizeof n->to_len);
    sl__archive_bool(a, &n->ready);
    sl__archive_bool(a, &n->reloading);
    sl__archive_i64(a, &n->watchdog_ns);
}

void sl__notify_resume(struct sl__master *m)
{
    struct sl__notify *n = &m->notify;

    n->watchdog.fire = beat;
    if (n->fd >= 0 && n->watchdog_ns > 0)
        sl__timer_start(&m->loop, &n->watchdog, m->loop.now);
}

void sl__notify_workers(struct sl__master *m)
{
    struct sl__notify *n = &m->notify;
    unsigned ready = sl__supervisor_ready_count(m->supervisor),
             wanted = sl__supervisor_instances(m->supervisor);
    bool first = !n->ready && ready >= wanted;

    if (n->fd < 0 || m->stopping)
        return;
    n->ready = n->ready || first;
    say(n, "%sSTATUS=%u of %u workers ready, generation %u", first ? "READY=1\n" : "", ready,
        wanted, sl__supervisor_generation(m->supervisor));
}

void sl__notify_reloading(struct sl__master *m)
{
    m->notify.reloading = true;
    say(&m->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reloading",
        sl__sys_now() / 1000);
}

void sl__notify_reloaded(struct sl__master *m, const char *error)
{
    if (!m->notify.reloading)
        return;
    m->notify.reloading = false;
    if (error)
        say(&m->notify, "READY=1\nSTATUS=reload failed: %s", error);
    else
        say(&m->notify, "READY=1\nSTATUS=generation %u serves",
            sl__supervisor_generation(m->supervisor));
}

void sl__notify_stopping(struct sl__master *m)
{
    say(&m->notify, "STOPPING=1\nSTATUS=stopping");
}
