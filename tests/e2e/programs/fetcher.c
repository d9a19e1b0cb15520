/* Fetches what the query says, in every way there is. */
#include <errno.h>
#include <shallot.h>
#include <shallot/fetch.h>
#include <stdlib.h>
#include <string.h>

static unsigned number(sl_ctx *c, const char *name)
{
    const char *text = sl_query(c, name);

    return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static ssize_t from_client(void *buf, size_t len, void *self)
{
    return sl_read(self, buf, len);
}

static ssize_t from_broken(void *buf, size_t len, void *self)
{
    int *left = self;

    if (--*left < 0)
        return -EDOM;
    memset(buf, 'b', len < 10 ? len : 10);
    return len < 10 ? (ssize_t)len : 10;
}

static sl_fetch_options options(sl_ctx *c, sl_fetch_header *headers)
{
    size_t count = 0;
    char name[8];

    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "n%d", i);
        if (!sl_query(c, name))
            continue;
        headers[count].name = sl_strdup(c, sl_query(c, name));
        name[0] = 'v';
        headers[count++].value = sl_query(c, name) ? sl_strdup(c, sl_query(c, name)) : NULL;
    }
    headers[count] = (sl_fetch_header){NULL, NULL};
    return (sl_fetch_options){.size = sizeof(sl_fetch_options),
                              .method = sl_query(c, "method"),
                              .headers = headers,
                              .body = sl_query(c, "body"),
                              .connect_ms = number(c, "connect"),
                              .timeout_ms = number(c, "timeout"),
                              .idle_ms = number(c, "idle"),
                              .max_bytes = number(c, "max"),
                              .follow = number(c, "follow"),
                              .compressed = sl_query(c, "compressed") != NULL,
                              .ca_file = sl_query(c, "ca"),
                              .unix_path = sl_query(c, "unix"),
                              .target = sl_query(c, "target")};
}

static int failed(sl_ctx *c, int error, const sl_fetched *a)
{
    sl_set_status(c, 299);
    return sl_text(c, "%s\n%s", sl_strerror(error), a->error ? a->error : "no words");
}

static int answered(sl_ctx *c, const sl_fetched *a)
{
    sl_set_header(c, "X-Url", a->url);
    for (size_t i = 0; i < a->header_count; i++)
        sl_append_header(c, "X-Line",
                         sl_format(c, "%s=%s", a->headers[i].name, a->headers[i].value));
    sl_set_status(c, a->status);
    return sl_bytes(c, a->body, a->body_len);
}

static int whole(sl_ctx *c)
{
    sl_fetch_header headers[5];
    sl_fetch_options o = options(c, headers);
    sl_fetched a;
    int r = sl_fetch_in_request(c, &a, sl_query(c, "url"), &o);

    return r < 0 ? failed(c, r, &a) : answered(c, &a);
}

static int returned(sl_ctx *c) /* what the error becomes */
{
    sl_fetched a;
    int r = sl_fetch(c, &a, sl_query(c, "url"), .timeout_ms = 300);

    return r < 0 ? r : answered(c, &a);
}

static int stream(sl_ctx *c)
{
    sl_fetch_header headers[5];
    sl_fetch_options o = options(c, headers);
    sl_fetched a;
    int r = sl_fetch_open_in_request(c, &a, sl_query(c, "url"), &o);

    if (r < 0)
        return failed(c, r, &a);
    sl_set_status(c, a.status);
    return sl_fetch_pass(c, &a);
}

static int up(sl_ctx *c) /* the client's body out, the answer's back */
{
    const char *length = sl_header(c, "Content-Length");
    sl_fetched a;
    int r = sl_fetch_open(c, &a, sl_query(c, "url"), .method = "PUT", .source = from_client,
                          .source_self = c, .source_len = length ? strtoll(length, NULL, 10) : 0);

    if (r < 0)
        return r;
    sl_set_status(c, a.status);
    return sl_fetch_pass(c, &a);
}

static int broken(sl_ctx *c)
{
    int left = 3;
    sl_fetched a;
    int r = sl_fetch(c, &a, sl_query(c, "url"), .source = from_broken, .source_self = &left,
                     .source_len = number(c, "len"));

    return r < 0 ? failed(c, r, &a) : answered(c, &a);
}

static int drop(sl_ctx *c) /* opens, reads a little, closes */
{
    char buf[10];
    sl_fetched a;
    int r = sl_fetch_open(c, &a, sl_query(c, "url"));
    ssize_t n;

    if (r < 0)
        return r;
    n = sl_fetch_read(&a, buf, sizeof buf);
    sl_fetch_close(&a);
    sl_fetch_close(&a);
    sl_sleep(number(c, "sleep"));
    return sl_text(c, "%zd", n);
}

static int plain(sl_ctx *c)
{
    return sl_text(c, "%d", (int)getpid());
}

static void once(sl_app *app, const char *when)
{
    sl_fetched a;
    int r = sl_fetch(app, &a, getenv("BEAT"));

    printf("%s: %d\n", when, r < 0 ? r : a.status);
    sl_fetch_close(&a);
}

static int start(sl_app *app, void *self)
{
    once(app, "start");
    return 0;
}

static void stop(sl_app *app, void *self)
{
    once(app, "stop");
}

static void beat(sl_app *app, void *self)
{
    static int said;
    sl_fetched a;
    int r = sl_fetch(app, &a, getenv("BEAT"), .timeout_ms = 5000);

    if (!said++)
        printf("beat: %d %s\n", r < 0 ? r : a.status, r < 0 ? a.error : a.body);
    sl_fetch_close(&a);
}

static int outside(void)
{
    sl_app *app = sl_new();
    sl_fetched a;
    int r = sl_fetch(app, &a, "http://127.0.0.1/");

    sl_fetch_close(&a);
    sl_free(app);
    return r;
}

int main(void)
{
    sl_app *app = sl_new(.instances = 1, .drain_ms = 2000, .grace_ms = 100);

    printf("outside: %s\n", sl_strerror(outside()));
    sl_get(app, "/plain", plain);
    sl_all(app, "/whole", whole);
    sl_get(app, "/returned", returned);
    sl_get(app, "/stream", stream);
    sl_put(app, "/up", up);
    sl_get(app, "/broken", broken);
    sl_get(app, "/drop", drop);
    if (getenv("BEAT")) {
        sl_every(app, 50, beat, NULL);
        sl_on_start(app, start, NULL);
        sl_on_stop(app, stop, NULL);
    }
    return sl_listen(app);
}
