/*
 * What a request costs in a program of some size: three middleware around a table of fifty routes,
 * of which the request wants the last.
 *
 * Run:  bench/instructions           under callgrind
 * Try:  curl -i localhost:9090/hello
 */
#include <shallot.h>

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
static void add_resource(sl_app *app, const char *all, const char *one)
{
    sl_get(app, all, hello);
    sl_post(app, all, hello);
    sl_get(app, one, user);
    sl_put(app, one, user);
    sl_delete(app, one, user);
}

int main(void)
{
    sl_app *app = sl_new();

    sl_use(app, count);
    sl_use(app, watch);
    sl_use(app, measure);
    add_resource(app, "/users", "/users/:id");
    add_resource(app, "/orders", "/orders/:id");
    add_resource(app, "/products", "/products/:id");
    add_resource(app, "/invoices", "/invoices/:id");
    add_resource(app, "/payments", "/payments/:id");
    add_resource(app, "/reviews", "/reviews/:id");
    add_resource(app, "/images", "/images/:id");
    add_resource(app, "/tags", "/tags/:id");
    add_resource(app, "/sessions", "/sessions/:id");
    sl_get(app, "/", hello);
    sl_get(app, "/about", hello);
    sl_get(app, "/health", hello);
    sl_post(app, "/login", hello);
    sl_get(app, "/hello", hello);
    return sl_listen(app, .port = 9090);
}
