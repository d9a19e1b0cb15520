/*
 * A response that never ends by itself: the time as server-sent events, one a second.
 *
 * Run:  shallot dev stream.c
 * Try:  curl -N localhost:9090/ticks      or open http://localhost:9090/ in a browser
 *
 * Each client costs one waiting fiber, no thread. When it goes away sl_write() or sl_sleep() says
 * so.
 */
#include <shallot.h>
#include <time.h>

static int ticks(sl_ctx *c)
{
    int r = 0;

    sl_type(c, "text/event-stream");
    sl_set_header(c, "Cache-Control", "no-store");
    for (int i = 0; r == 0; i++) {
        char event[64];
        time_t now = time(NULL);
        int len = snprintf(event, sizeof event, "id: %d\ndata: %.24s\n\n", i, ctime(&now));

        r = sl_write(c, event, (size_t)len);
        if (r == 0)
            r = sl_sleep(1000);
    }
    return r;
}

static int page(sl_ctx *c)
{
    return sl_body(c, "<!doctype html><h1 id=t></h1><script>"
                      "new EventSource('/ticks').onmessage = e => t.textContent = e.data"
                      "</script>\n");
}

int main(void)
{
    sl_app *app = sl_new();

    sl_get(app, "/", page);
    sl_get(app, "/ticks", ticks);
    return sl_listen(app, .port = 9090);
}
