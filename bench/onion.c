/*
 * What a request costs in a program of some size: three middleware around a table of fifty routes
 * (or as many as the first argument says), of which the request wants the last.
 *
 * Run:  bench/run, and bench/instructions under callgrind
 * Try:  curl -i localhost:9090/hello
 */
#include <shallot.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long requests, failures, octets;

static int count(sl_ctx *c)
{
    requests++;
    return sl_next(c);
}

static int watch(sl_ctx *c)
{
    int r = sl_next(c);

    failures += sl_status(c) >= 500;
    return r;
}

static int measure(sl_ctx *c)
{
    int r = sl_next(c);

    octets += (unsigned long)sl_response_length(c);
    return r;
}

static int hello(sl_ctx *c)
{
    return sl_body(c, "Hello world\n");
}

static int user(sl_ctx *c)
{
    return sl_body(c, sl_param(c, "id"));
}

/* Five routes of everything there is, as a service with a database has them. */
static void add_resource(sl_app *app, int i)
{
    static const char *const names[] = {"users",   "orders", "products", "invoices", "payments",
                                        "reviews", "images", "tags",     "sessions"};
    const int count = sizeof names / sizeof *names;
    char all[32], one[40], number[12] = "";

    if (i >= count)
        snprintf(number, sizeof number, "%d", i / count);
    snprintf(all, sizeof all, "/%s%s", names[i % count], number);
    snprintf(one, sizeof one, "%s/:id", all);
    sl_get(app, all, hello);
    sl_post(app, all, hello);
    sl_get(app, one, user);
    sl_put(app, one, user);
    sl_delete(app, one, user);
}

int main(int argc, char **argv)
{
    int routes = argc > 1 ? atoi(argv[1]) : 50;
    sl_app *app = sl_new();

    sl_use(app, count);
    sl_use(app, watch);
    sl_use(app, measure);
    for (int i = 0; 5 * i + 5 < routes; i++)
        add_resource(app, i);
    sl_get(app, "/", hello);
    sl_get(app, "/about", hello);
    sl_get(app, "/health", hello);
    sl_post(app, "/login", hello);
    sl_get(app, "/hello", hello);
    return sl_listen(app, .port = 9090);
}
