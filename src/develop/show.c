/*
 * Pages in place of plain text.
 *
 * app/error.c and app/reply.c come here, on the request's fiber, when the answer already stands as
 * text. Whoever asks for text/html gets a page instead; for everybody else nothing changes, so a
 * program's tests and its API clients see in development what they see in production.
 */
#include "develop/show.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/ctx.h"
#include "develop/live.h"
#include "develop/page.h"
#include "http/response.h"
#include "http/status.h"
#include "shallot/accept.h"
#include "shallot/request.h"
#include "shallot/response.h"

bool sl__wants_page(sl_ctx *c)
{
    const char *accept = sl_header(c, "Accept"), *best;

    if (!accept || !strcasestr(accept, "text/html"))
        return false;
    best = sl_accepts(c, "text/plain", "application/json", "text/html");
    return best && strcmp(best, "text/html") == 0;
}

const char *sl__project_root(const sl_app *app)
{
    return app->options.watch ? app->options.watch : ".";
}

void sl__asked_of(sl_ctx *c, struct sl__asked *ret)
{
    const char *name, *value;

    memset(ret, 0, sizeof *ret);
    ret->method = sl__str_of(sl_method(c));
    ret->target = sl__str_of(sl_target(c));
    for (size_t i = 0; sl_header_at(c, i, &name, &value); i++)
        sl__asked_add(ret, sl__str_of(name), sl__str_of(value));
}

/* Only when all of it is there; else the text stays. */
static void exchange(sl_ctx *c, const struct sl__html *h)
{
    size_t len = sl__buf_len(&h->buf);
    int status = c->x->response.status;
    char *bytes = h->failed ? NULL : sl_alloc(c, len + 1);

    if (!bytes)
        return;
    memcpy(bytes, h->buf.data + h->buf.at, len);
    if (sl_set_header(c, "Content-Security-Policy", SL__PAGE_POLICY) < 0 ||
        sl_set_header(c, "Cache-Control", "no-store") < 0 || sl_vary(c, "Accept") < 0)
        return;
    sl__response_set_bytes(&c->x->response, (struct sl__str){bytes, len});
    c->x->response.type = SL__STR("text/html; charset=utf-8");
    c->x->response.status = status;
}

void sl__show(sl_ctx *c, int error)
{
    char title[64], from[SL__LIVE_FROM_MAX];
    struct sl__html h = {0};
    struct sl__page page = {
        .title = title, .name = c->app->options.name, .method = sl_method(c), .from = from};
    int status = c->x->response.status;

    if (!sl__wants_page(c))
        return;
    snprintf(title, sizeof title, "%d %s", status, sl__status_text(status));
    sl__live_from(c->app, from);
    sl__page_begin(&h, &page);
    if (error < 0)
        sl__write_error(&h, c, error);
    else
        sl__write_status(&h, c);
    sl__page_end(&h, &page);
    exchange(c, &h);
    sl__buf_finish(&h.buf);
}
