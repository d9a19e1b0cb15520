/*
 * A dashboard of the whole cluster at /_shallot, behind a password: workers, requests and latencies
 * over the last minutes, routes, crashes, reloads.
 *
 * Run:  DASHBOARD_PASSWORD=secret ./dashboard
 * Try:  open http://localhost:9090/_shallot as ops, with that password; then wrk -c 50 -d 60
 *       http://localhost:9090/ in another terminal, kill -9 a worker, kill -HUP the master
 */
#include <shallot.h>

#include <stdlib.h>

static int hello(sl_ctx *c)
{
    return sl_body(c, "Hello world\n");
}

static int wait_a_little(sl_ctx *c)
{
    int r = sl_sleep(20);

    return r < 0 ? r : sl_body(c, "That took 20 ms\n");
}

int main(void)
{
    sl_app *app = sl_new();

    /* Without a password, or a function that decides, it does not serve in production. */
    sl_use(app, sl_dashboard(app, .user = "ops", .password = getenv("DASHBOARD_PASSWORD")));
    sl_get(app, "/", hello);
    sl_get(app, "/wait", wait_a_little);
    return sl_listen(app, .port = 9090);
}
