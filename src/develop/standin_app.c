/*
 * The stand-in, from inside: a small Shallot app on the program's address.
 *
 * Comes from standin.c, in a child of the tool, with the listening socket and the wire. Whatever is
 * asked for is answered by what the tool has said last, with 503, because it is the service that is
 * missing and soon to be back. Each answer is the last of its connection, so that nobody holds one
 * when the program takes over.
 */
#include "develop/standin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shallot.h>

#include "base/log.h"
#include "cluster/feed.h"
#include "cluster/role.h"
#include "develop/attach.h"
#include "develop/code.h"

#define WIRE 4
#define RECORD_MAX (SL__FEED_HEAD + SL__FEED_TEXT + 2)
#define AT_FIRST "crashed" /* until it is told what is wrong */
#define LISTENER 3
#define GRACE_MS 500 /* somebody has connected, and is about to ask */
#define DRAIN_MS 800 /* less than the tool's patience */

/* The server closes the listening socket when it begins to drain. The tool is told, so that the
 * program need not wait for what we have still to answer. */
static void step_aside(void)
{
    kill(getpid(), SIGTERM);
    while (fcntl(LISTENER, F_GETFD) >= 0)
        if (sl_sleep(1) < 0)
            return;
    send(WIRE, "shut", 4, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Record after record, until the tool says no more. */
static int listen_to_tool(void *arg)
{
    static char record[RECORD_MAX];
    sl_app *app = arg;

    while (sl_wait_fd(WIRE, POLLIN, -1) > 0) {
        ssize_t n = recv(WIRE, record, sizeof record - 1, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            step_aside();
            break;
        }
        if (n < 0)
            continue;
        sl__code_tell(app, record, (size_t)n);
    }
    return 0;
}

static int start(sl_app *app, void *self)
{
    sl_task *t = sl_spawn(app, listen_to_tool, app);

    if (!t)
        return -ENOMEM;
    sl_detach(t);
    return 0;
}

static int page(sl_ctx *c)
{
    const struct sl__feed_record *told = sl__code_known(sl_app_of(c));
    const char *form = sl_accepts(c, "text", "html");

    sl_set_status(c, 503);
    sl_set_header(c, "Retry-After", "1");
    if (form && strcmp(form, "html") == 0)
        return sl__code_whole_page(c);
    sl_set_header(c, "Cache-Control", "no-store");
    return sl_text(c, "%s: %s.\n\n%s",
                   strcmp(told->kind, "failed") == 0 ? "The build failed"
                                                     : "The program does not start",
                   sl__feed_value(told, "why"), told->text);
}

static void unset_environment(void)
{
    static const char *const names[] = {"PORT",
                                        "HOST",
                                        "SHALLOT_MODE",
                                        "SHALLOT_BUILD",
                                        "SHALLOT_WATCH",
                                        "SHALLOT_LOG",
                                        "SHALLOT_CONTROL",
                                        "NOTIFY_SOCKET",
                                        "SHALLOT_INSTANCES"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static void take_listener(void)
{
    char pid[16];

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    unsetenv("LISTEN_FDNAMES");
}

void sl__standin_serve(void)
{
    sl_app *app;

    unset_environment();
    take_listener();
    sl__set_process_title("shallot: stands in");
    sl__log_set_level(SL__ERROR);
    app = sl_new(.standalone = true, .name = "stand-in", .drain_ms = DRAIN_MS, .grace_ms = GRACE_MS,
                 .limits = {.connection_requests = 1});
    sl_on_start(app, start, NULL);
    sl_use(app, page);
    if (sl__develop_attach(app) < 0)
        _exit(1);
    sl__code_tell(app, AT_FIRST, strlen(AT_FIRST));
    _exit(sl_listen(app));
}
