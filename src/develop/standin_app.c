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
#include "develop/live.h"

#define WIRE 4
#define RECORD_MAX (SL__FEED_HEAD + SL__FEED_TEXT + 2)
#define LISTENER 3
#define GRACE_MS 500 /* somebody has connected, and is about to ask */
#define DRAIN_MS 800 /* less than the tool's patience */

static char octets[RECORD_MAX];     /* of what is wrong, as the tool has said last */
static struct sl__feed_record told; /* the same taken apart */
static unsigned number;             /* of it */

static const char *headline(void)
{
    return strcmp(told.kind, "failed") == 0 ? "The build failed" : "The program does not start";
}

/* False for what is said about it and is not it. */
static bool take(const char *record, size_t len)
{
    if (strncmp(record, "building", strlen("building")) == 0)
        return false;
    memcpy(octets, record, len + 1);
    sl__feed_parse(octets, &told);
    number++;
    return true;
}

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
        record[n] = 0;
        if (take(record, (size_t)n))
            sl_send(app, "build", NULL, 0);
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

static const char *escaped(sl_ctx *c, const char *text)
{
    size_t len = strlen(text);
    char *to = sl_alloc(c, len * 5 + 1), *at = to;

    if (!to)
        return "";
    for (; *text; text++) {
        if (*text == '<')
            at = stpcpy(at, "&lt;");
        else if (*text == '&')
            at = stpcpy(at, "&amp;");
        else
            *at++ = *text;
    }
    *at = 0;
    return to;
}

static int html(sl_ctx *c)
{
    char from[SL__LIVE_FROM_MAX];

    sl__live_from(sl_app_of(c), from);
    sl_type(c, "text/html; charset=utf-8");
    return sl_body(c, sl_format(c,
                                "<!doctype html><meta charset=utf-8><title>%s</title>"
                                "<main data-shallot=build data-number=%u><h1>%s</h1><p>%s</p>"
                                "<pre>%s</pre></main>"
                                "<script src=/_shallot/live.js data-from=%s data-page=1></script>",
                                headline(), number, headline(),
                                escaped(c, sl__feed_value(&told, "why")), escaped(c, told.text),
                                from));
}

static int page(sl_ctx *c)
{
    sl_set_status(c, 503);
    sl_set_header(c, "Cache-Control", "no-store");
    sl_set_header(c, "Retry-After", "1");
    if (sl_accepts(c, "text", "html") && strcmp(sl_accepts(c, "text", "html"), "html") == 0)
        return html(c);
    return sl_text(c, "%s: %s.\n\n%s", headline(), sl__feed_value(&told, "why"), told.text);
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
    take("crashed", strlen("crashed")); /* until it is told */
    sl__set_process_title("shallot: stands in");
    sl__log_set_level(SL__ERROR);
    app = sl_new(.standalone = true, .name = "stand-in", .drain_ms = DRAIN_MS, .grace_ms = GRACE_MS,
                 .limits = {.connection_requests = 1});
    sl_on_start(app, start, NULL);
    sl_use(app, page);
    if (sl__develop_attach(app) < 0)
        _exit(1);
    _exit(sl_listen(app));
}
