/*
 * A serving process by itself (.standalone): opens its own listeners, is stopped by signals, talks
 * to nobody.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sys.h"
#include "base/time.h"
#include "cluster/activation.h"
#include "serve/serving.h"
#include "shallot/error.h"

static void on_standalone_signal(struct sl__signals *signals, int number)
{
    struct sl__serving *s = SL__OWNER(signals, struct sl__serving, signals);

    if (!s->accepting || s->draining) { /* nothing to drain, or asked for the second time */
        fflush(stdout);
        _exit(0);
    }
    sl__serving_drain(s, SL__DRAIN_STOP, s->app->options.drain_ms * SL__MS,
                      s->app->options.grace_ms * SL__MS, true);
}

static int open_listeners(struct sl__serving *s)
{
    struct sl__endpoint endpoints[SL__LISTENERS_MAX];
    unsigned count = sl__serving_endpoints(s->app, endpoints);

    sl__activation_read();
    for (unsigned i = 0; i < count; i++) {
        char error[400];
        int fd = sl__activation_take(&endpoints[i]);

        if (fd < 0)
            fd = sl__activation_take_any();
        if (fd < 0)
            fd = sl__endpoint_open(&endpoints[i], error, sizeof error);
        if (fd < 0) {
            sl__log(SL__ERROR, "%s", error);
            return fd;
        }
        sl__serving_listener(s, i, fd);
    }
    return 0;
}

static void remove_unix_sockets(const sl_app *app)
{
    for (const struct sl__app_endpoint *e = app->endpoints; e; e = e->next)
        if (e->unix_path[0])
            unlink(e->unix_path);
}

int sl__serve_standalone(sl_app *app)
{
    static const int stopping[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    struct sl__serving s = {.app = app};
    int status = 1, r;

    sl__log_set_who(app->options.name);
    sl__app_set_role(1, false);
    r = sl__scoreboard_create(&s.board);
    if (r < 0)
        return sl__serving_failed_to("make the scoreboard", r);
    s.slot = &s.board.slots[0];
    sl__scoreboard_assign(&s.board, 0, 1);
    sl__scoreboard_introduce(&s.board, 0, getpid(), 1, sl__sys_now());
    sl__board_introduce(s.board.events, app->options.name, "");
    r = sl__serving_init(&s);
    if (r < 0) {
        sl__serving_failed_to("start", r);
        goto out;
    }
    if (open_listeners(&s) < 0)
        goto out;
    r = sl__signals_start(&s.signals, &s.loop, stopping, sizeof stopping / sizeof *stopping,
                          on_standalone_signal);
    if (r == 0)
        r = sl__serving_start(&s, 1);
    if (r < 0) {
        sl__serving_failed_to("start", r);
        goto out;
    }
    sl__serving_run(&s);
    remove_unix_sockets(app);
    status = 0;
out:
    sl__serving_finish(&s);
    sl__scoreboard_finish(&s.board);
    return status;
}
