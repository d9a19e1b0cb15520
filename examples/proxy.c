/*
 * A reverse proxy: Shallot in front of another service.
 *
 * What it shows: a route of our own beside a service in any other language; streaming both ways;
 * more upstreams than one; and an answer of our own when nobody is there.
 *
 * Run it:
 *     python3 -m http.server 3000 --bind 127.0.0.1 &
 *     cc proxy.c $(pkg-config --cflags --libs shallot-fetch) -o proxy && ./proxy
 *
 * Try:
 *     curl -i localhost:9090/                 (the other service, by way of Shallot: see Via)
 *     curl localhost:9090/hello               (ours)
 *     curl -T big.iso localhost:9090/upload   (streams; so would a download)
 *     UPSTREAMS="http://127.0.0.1:3000 http://127.0.0.1:3001" ./proxy
 *                                             (in turn; one that is not there is left out)
 *     stop the service and ask again          (503 by our own words, and a line in the log)
 */
#include <shallot.h>
#include <stdlib.h>

static int hello(sl_ctx *c)
{
    return sl_text(c, "hello from Shallot\n");
}

static int
excuse(sl_ctx *c) /* whatever the reason: it is in the log, but not the client's business */
{
    int r = sl_next(c);

    if (r == 0 || sl_status(c) < 502)
        return r;
    sl_warn("%s", sl_error(c));
    sl_set_status(c, 503);
    sl_set_header(c, "Retry-After", "10");
    return sl_text(c, "Somebody is having a break. Please come back in a moment.\n");
}

int main(void)
{
    const char *upstreams = getenv("UPSTREAMS");
    sl_app *app = sl_new();

    sl_use(app, sl_logger());
    sl_get(app, "/hello", hello);
    sl_use(app, excuse);
    sl_use(app, sl_proxy(upstreams ? upstreams : "http://127.0.0.1:3000"));
    return sl_listen(app);
}
