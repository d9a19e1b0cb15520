/*
 * Handlers that wait, beside one that does not: GET /sleep waits 100 ms on a timer, GET /query as
 * long for PostgreSQL (DATABASE_URL) through a pool of 100 connections, GET / answers at once.
 * bench/run waits measures what 1,000 of the former do to the latter.
 */
#include <shallot.h>

static int hello(sl_ctx *c)
{
    return sl_body(c, "Hello world\n");
}

static int sleepy(sl_ctx *c)
{
    int r = sl_sleep(100);

    return r < 0 ? r : sl_body(c, "Hello world\n");
}

static int query(sl_ctx *c)
{
    int r = sl_pg_query(c, NULL, "select pg_sleep(0.1)");

    return r < 0 ? r : sl_body(c, "Hello world\n");
}

int main(void)
{
    sl_app *app = sl_new();

    sl_pg_new(app, .connections = 100, .wait_ms = 20000);
    sl_get(app, "/", hello);
    sl_get(app, "/sleep", sleepy);
    sl_get(app, "/query", query);
    return sl_listen(app);
}
