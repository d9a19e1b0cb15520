/*
 * The least there is: one handler, one line to listen.
 *
 * Run:  shallot dev hello.c          save the file and the next request gets the new code
 * Try:  curl -i localhost:9090/
 */
#include <shallot.h>

static int hello(sl_ctx *c)
{
    return sl_body(c, "Hello world\n");
}

int main(void)
{
    sl_app *app = sl_new();

    sl_use(app, hello);
    return sl_listen(app, .port = 9090);
}
