/*
 * Asking upstreams how they are, before a client has to find out.
 *
 * A task of the worker, started with the first request, asks each in turn; one that does not answer
 * well is down until it does.
 */
#include <shallot/fiber.h>
#include <shallot/log.h>

#include <errno.h>
#include <stdlib.h>

#include "proxy_inside.h"

static void probe_one(sl_app *app, struct proxy__self *proxy, struct proxy__upstream *u)
{
    sl_fetch_header headers[] = {{"Host", u->host}, {NULL, NULL}};
    sl_fetched a;
    int r = sl_fetch(app, &a, u->url, .target = proxy->probe, .headers = headers,
                     .timeout_ms = proxy->probe_ms, .connect_ms = proxy->connect_ms,
                     .unix_path = u->unix_path, .ca_file = proxy->ca_file);
    bool well = r == 0 && a.status < 400;

    if (r != -ECANCELED && well == u->down) {
        u->down = !well;
        if (well)
            sl_info("proxy: %s is back, says the probe", u->name);
        else if (r == 0)
            sl_warn("proxy: %s is out: it answers %d to the probe", u->name, a.status);
        else
            sl_warn("proxy: %s is out: %s", u->name, a.error);
    }
    if (well)
        proxy__answered(&proxy->upstreams, u);
    sl_fetch_close(&a);
}

struct prober {
    sl_app *app;
    struct proxy__self *proxy;
};

static int probe(void *arg)
{
    struct prober me = *(struct prober *)arg;

    free(arg);
    do
        for (unsigned i = 0; i < me.proxy->upstreams.count; i++)
            probe_one(me.app, me.proxy, &me.proxy->upstreams.list[i]);
    while (sl_sleep(me.proxy->probe_ms) == 0);
    return 0;
}

/* With the first request, because only then there is a worker. */
void proxy__start_probing(sl_app *app, struct proxy__self *proxy)
{
    struct prober *p;
    sl_task *task = NULL;

    if (!proxy->probe || proxy->probing)
        return;
    p = malloc(sizeof *p);
    if (p) {
        *p = (struct prober){app, proxy};
        task = sl_spawn(app, probe, p);
    }
    if (!task) {
        free(p);
        return;
    }
    sl_detach(task);
    proxy->probing = true;
}
