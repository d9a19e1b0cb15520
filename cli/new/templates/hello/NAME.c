/*
 * @NAME@: says hello.
 *
 * Run:  shallot dev                       save this file, and the next request gets the new code
 * Try:  curl localhost:9090/
 *       curl localhost:9090/hello/Ada
 */
#include <shallot.h>

static int hello(sl_ctx *c)
{
    return sl_body(c, "<h1>Hello world</h1>\n");
}

static int hello_you(sl_ctx *c)
{
    return sl_text(c, "Hello %s\n", sl_param(c, "name"));
}

int main(void)
{
    sl_app *app = sl_new();

    sl_use(app, sl_logger());
    sl_get(app, "/", hello);
    sl_get(app, "/hello/:name", hello_you);
    return sl_listen(app, .port = 9090);
}
