/* A proxy with its options from the environment. */
#include <shallot.h>
#include <stdlib.h>
#include <string.h>

static unsigned number(const char *name)
{
    const char *text = getenv(name);

    return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static int hello(sl_ctx *c)
{
    return sl_text(c, "ours");
}

static int outer(sl_ctx *c)
{
    int r;

    sl_set_header(c, "X-Frame-Options", "DENY");
    sl_append_header(c, "Vary", "Outer");
    r = sl_next(c);
    sl_set_header(c, "X-Seen", r < 0 ? "error" : sl_format(c, "%d", sl_status(c)));
    return r;
}

int main(void)
{
    sl_app *app =
        sl_new(.instances = 1, .drain_ms = 10000, .grace_ms = 100, .limits = {.body_ms = 3000});

    sl_get(app, "/ours", hello);
    sl_use(app, outer);
    sl_use(app, sl_proxy(getenv("UPSTREAMS"), .append = getenv("APPEND") != NULL,
                         .upstream_host = getenv("OWN_HOST") != NULL, .idle_ms = number("IDLE"),
                         .connect_ms = number("CONNECT"), .fails = number("FAILS"),
                         .out_ms = number("OUT"), .probe = getenv("PROBE"),
                         .probe_ms = number("PROBE_MS"), .name = getenv("NAME"),
                         .balance = getenv("LEAST") ? SL_LEAST_BUSY : SL_ROUND_ROBIN));
    return sl_listen(app);
}
