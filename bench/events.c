/*
 * Event streams through the public API: GET /events is one, joined to what POST /say says in any
 * worker. bench/listeners.c opens ten thousand of them; the same on Node's cluster is
 * bench/peers/events.js; bench/run events compares.
 */
#include <shallot.h>

static int events(sl_ctx *c)
{
    return sl_sse_join(sl_sse_open(c), "news");
}

static int say(sl_ctx *c)
{
    const void *text;
    size_t len;
    int r = sl_request_body(c, &text, &len);

    if (r < 0)
        return r;
    sl_set_status(c, 204);
    return sl_send(sl_app_of(c), "news", text, len);
}

static int ready(sl_ctx *c)
{
    return sl_text(c, "worker %d", sl_worker_id());
}

int main(void)
{
    sl_app *app = sl_new();

    sl_get(app, "/", ready);
    sl_get(app, "/events", events);
    sl_post(app, "/say", say);
    return sl_listen(app);
}
