/*
 * sl_fetch() and its sisters: who owns a transfer, what the caller is shown of it, and what a
 * failure becomes.
 *
 * Handlers come in on a fiber and leave with a struct of pointers into the transfer. A request's
 * transfer lives in its arena and is ended with it; an app's is ended by sl_fetch_close().
 */
#include <errno.h>
#include <shallot/ctx.h>
#include <shallot/error.h>
#include <shallot/response.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "transfer.h"

#define TIMEOUT_MS 30000
#define MAX_BYTES ((size_t)8388608)

static void finish(void *transfer)
{
    fetch__transfer_finish(transfer);
}

static struct fetch__transfer *transfer_new(sl_ctx *c, sl_app *app)
{
    struct fetch__transfer *t = c ? sl_alloc(c, sizeof *t) : malloc(sizeof *t);

    if (!t)
        return NULL;
    *t = (struct fetch__transfer){.c = c, .app = app};
    if (c && sl_defer(c, finish, t) < 0)
        return NULL;
    return t;
}

static int start(struct fetch__transfer *t, const char *url, const sl_fetch_options *o, bool whole)
{
    int r;

    t->engine = fetch__engine_of(t->app);
    t->easy = t->engine ? fetch__engine_handle(t->engine) : NULL;
    if (!t->easy)
        return -ENOMEM;
    t->whole = whole;
    t->decompressed = o->compressed;
    t->in_limit = o->max_bytes ? o->max_bytes : MAX_BYTES;
    t->idle_ms = o->idle_ms ? o->idle_ms : TIMEOUT_MS;
    t->progress = fetch__now();
    t->deadline = INT64_MAX;
    if (o->timeout_ms || whole)
        t->deadline = t->progress + (o->timeout_ms ? o->timeout_ms : TIMEOUT_MS);
    fetch__transfer_listen(t);
    r = fetch__request_prepare(t, url, o);
    if (r == 0)
        r = fetch__engine_start(t->engine, t->easy);
    t->started = r == 0;
    return r;
}

/* What the caller sees. */
static int show(struct fetch__transfer *t, sl_fetched *ret)
{
    const char *url = NULL;

    curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &url);
    t->url = strdup(url ? url : "");
    if (!t->url)
        return -ENOMEM;
    ret->url = t->url;
    ret->status = t->head.status;
    ret->headers = t->head.list;
    ret->header_count = t->head.count;
    if (!fetch__head_find(t->head.list, t->head.count, "Transfer-Encoding")) /* RFC 9112 §6.3 */
        ret->expected_len = t->head.length;
    if (!t->whole)
        return 0;
    if (t->in)
        t->in[t->in_end] = '\0';
    ret->body = t->in ? t->in : "";
    ret->body_len = t->in_end;
    return 0;
}

/* So that it can be returned by the handler as it is. */
static int tell(struct fetch__transfer *t, int error, const char *text)
{
    if (!t->c || error == -ECANCELED || !text)
        return error;
    return sl_fail_as(t->c, error, fetch__status_of(error), "%s", text);
}

/* 0 where it may wait; -EDEADLK outside a fiber; -ECANCELED. */
static int may_wait(void)
{
    sl_waiter w;

    sl_waiter_init(&w);
    sl_waiter_wake(&w);
    return sl_waiter_wait(&w, 0);
}

static int ask(sl_ctx *c, sl_app *app, sl_fetched *ret, const char *url, const sl_fetch_options *o,
               bool whole)
{
    sl_fetch_options options = {0};
    struct fetch__transfer *t;
    int r;

    *ret = (sl_fetched){.expected_len = -1};
    r = may_wait();
    t = r == 0 ? transfer_new(c, app) : NULL;
    if (r == 0 && !t)
        r = -ENOMEM;
    if (r < 0) {
        ret->error = sl_strerror(r);
        return r;
    }
    if (o)
        memcpy(&options, o, o->size < sizeof options ? o->size : sizeof options);
    ret->inside_ = t;
    r = start(t, url, &options, whole);
    if (r == 0)
        r = fetch__transfer_await(t);
    if (r == 0)
        r = show(t, ret);
    t->deadline = INT64_MAX;
    if (r < 0 || whole)
        fetch__transfer_stop(t);
    if (r == 0)
        return 0;
    ret->error = t->error ? t->error : sl_strerror(r);
    ret->repeatable = t->attempts == 0 || (r == -ECONNRESET && t->idempotent && !t->source_asked);
    return tell(t, r, t->error);
}

int sl_fetch_in_request(sl_ctx *c, sl_fetched *ret, const char *url, const sl_fetch_options *o)
{
    return ask(c, sl_app_of(c), ret, url, o, true);
}

int sl_fetch_in_app(sl_app *app, sl_fetched *ret, const char *url, const sl_fetch_options *o)
{
    return ask(NULL, app, ret, url, o, true);
}

int sl_fetch_open_in_request(sl_ctx *c, sl_fetched *ret, const char *url, const sl_fetch_options *o)
{
    return ask(c, sl_app_of(c), ret, url, o, false);
}

int sl_fetch_open_in_app(sl_app *app, sl_fetched *ret, const char *url, const sl_fetch_options *o)
{
    return ask(NULL, app, ret, url, o, false);
}

static ssize_t read_on(struct fetch__transfer *t, void *buf, size_t len)
{
    ssize_t n = fetch__transfer_read(t, buf, len);

    if (n <= 0)
        fetch__transfer_stop(t);
    return n < 0 ? tell(t, (int)n, t->error) : n;
}

ssize_t sl_fetch_read(sl_fetched *answer, void *buf, size_t len)
{
    struct fetch__transfer *t = answer->inside_;
    ssize_t n;

    if (!t || t->whole || len == 0)
        return -EINVAL;
    n = read_on(t, buf, len);
    if (n < 0)
        answer->error = t->error ? t->error : sl_strerror((int)n);
    return n;
}

static ssize_t pass(sl_ctx *c, void *buf, size_t len, void *self)
{
    (void)c;
    return read_on(self, buf, len);
}

int sl_fetch_pass(sl_ctx *c, sl_fetched *answer)
{
    struct fetch__transfer *t = answer->inside_;
    int r;

    if (!t || t->whole || t->c != c)
        return -EINVAL;
    if (answer->expected_len >= 0 && !t->decompressed) {
        char length[24];

        snprintf(length, sizeof length, "%lld", (long long)answer->expected_len);
        r = sl_set_header(c, "Content-Length", length);
        if (r < 0)
            return r;
    }
    return sl_stream(c, pass, t);
}

const char *sl_fetched_header(const sl_fetched *answer, const char *name)
{
    return fetch__head_find(answer->headers, answer->header_count, name);
}

void sl_fetch_close(sl_fetched *answer)
{
    struct fetch__transfer *t = answer->inside_;

    if (!t)
        return;
    fetch__transfer_finish(t);
    if (!t->c)
        free(t);
    *answer = (sl_fetched){.expected_len = -1};
}
