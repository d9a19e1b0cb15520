/*
 * The seed of this project: a visit counter that all workers keep in step by messages.
 *
 * Run:  ./run                                   one worker per CPU
 * Try:  curl -i localhost:9090/abc              every worker prints the same new count
 *       kill -9 a worker                        its successor is handed the count when it joins
 *       SHALLOT_MODE=development ./run          one worker, swapped on every change
 */
#include <shallot.h>

static long visits; /* one per worker: messages keep it in step */

static void on_count(sl_app *app, const sl_message *m, void *self)
{
    printf("visit count: %ld\n", ++visits);
}

static int count(sl_ctx *c) /* runs before and after everything below it */
{
    printf("visit %s through worker %d\n", sl_target(c), getpid());
    sl_send(sl_app_of(c), "count", NULL, 0); /* worker -> master -> every worker, this one too */
    return sl_next(c);
}

static int hello(sl_ctx *c)
{
    sl_type(c, "text/html");
    sl_body(c, "<h1>Hello world</h1>");
    return sl_next(c);
}

int main(void)
{
    sl_app *app = sl_new(.instances = 0); /* 0: one worker per usable CPU */

    sl_on_message(app, "count", on_count, NULL);
    sl_share(app, "visits", &visits, sizeof visits); /* a worker that joins is handed it */
    sl_use(app, count);
    sl_all(app, ".*", hello);
    return sl_listen(app, .port = 9090); /* host defaults to 0.0.0.0 */
}
