/*
 * Event streams for test_sse.py: each begins by saying which worker it belongs to, and is joined to
 * the topic that its path names. What it ends with is printed.
 */
#include <errno.h>
#include <shallot.h>
#include <shallot/compress.h>
#include <stdlib.h>
#include <string.h>

static long said; /* the same in all workers */

static void on_news(sl_app *app, const sl_message *m, void *self)
{
    said++;
}

static bool number(const sl_message *m, sl_sse_event *e, void *self)
{
    static char id[24];

    snprintf(id, sizeof id, "%ld", said);
    e->id = id;
    return true;
}

static void on_close(sl_sse *s, int why, void *self)
{
    sl_sleep(1);
    printf("worker %d: a stream ended: %s\n", sl_worker_id(), why ? sl_strerror(why) : "closed");
}

static unsigned option(sl_ctx *c, const char *name)
{
    const char *value = sl_query(c, name);

    return value ? (unsigned)strtoul(value, NULL, 10) : 0;
}

static sl_sse *open_stream(sl_ctx *c)
{
    return sl_sse_open(c, .heartbeat_ms = option(c, "beat"), .queue_bytes = option(c, "queue"),
                       .overflow = option(c, "drop") ? SL_SSE_DROP : SL_SSE_CLOSE,
                       .on_close = on_close);
}

static int events(sl_ctx *c)
{
    sl_sse *s = open_stream(c);
    const char *last = sl_sse_last_id(c);

    sl_sse_send(s, .event = "worker", .data = sl_format(c, "%d", sl_worker_id()));
    if (last)
        sl_sse_send(s, .event = "last", .data = last);
    return sl_sse_join(s, sl_param(c, "topic"), .format = number);
}

/* For as long as somebody listens. */
static int count(void *arg)
{
    sl_sse *s = arg;
    char data[24];
    int n = 0, r = 0;

    while (r == 0) {
        snprintf(data, sizeof data, "%d", ++n);
        r = n > 100 ? -EPIPE : sl_sse_send(s, .data = data);
        if (r == 0)
            r = sl_sleep(1);
    }
    sl_sse_close(s);
    sl_sse_unref(s);
    printf("counted\n");
    return 0;
}

static int counting(sl_ctx *c)
{
    sl_sse *s = open_stream(c);
    sl_task *task = sl_spawn(sl_app_of(c), count, sl_sse_ref(s));

    if (!task)
        return -ENOMEM;
    sl_detach(task);
    return 0;
}

static int say(sl_ctx *c)
{
    const void *text;
    size_t len;
    int r = sl_request_body(c, &text, &len);

    if (r < 0)
        return r;
    sl_set_status(c, 204);
    return sl_send(sl_app_of(c), sl_param(c, "topic"), text, len);
}

static int crash(sl_ctx *c)
{
    volatile int *nowhere = (int *)16;

    return *nowhere;
}

static void on_watched(uint64_t octets, int why, void *self)
{
    printf("%s: %s\n", (char *)self, octets > 0 ? "octets were sent" : "none was sent");
    free(self);
}

/* What a log might do. */
static int watch(sl_ctx *c)
{
    int r = sl_next(c);
    char *path = NULL;

    if (r == 0 && sl_response_kind_of(c) == SL_RESPONSE_OPEN)
        path = strdup(sl_path(c));
    if (path && sl_on_close(c, on_watched, path) < 0)
        free(path);
    return r;
}

static int slow(sl_ctx *c)
{
    sl_sleep(300);
    return sl_text(c, "done");
}

int main(void)
{
    sl_app *app = sl_new(.instances = 2, .limits = {.write_ms = 1000, .rate_grace_ms = 1000});

    sl_on_message(app, "news", on_news, NULL);
    sl_share(app, "said", &said, sizeof said);
    sl_use(app, watch);
    sl_use(app, sl_compress(.min_bytes = 1));
    sl_use(app, sl_etag());
    sl_get(app, "/events/:topic", events);
    sl_post(app, "/events/:topic", events);
    sl_get(app, "/count", counting);
    sl_post(app, "/say/:topic", say);
    sl_get(app, "/crash", crash);
    sl_get(app, "/slow", slow);
    return sl_listen(app);
}
