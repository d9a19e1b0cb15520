/*
 * The stream of events that open pages listen to.
 *
 * live.js comes here and stays, on a detached answer, until its page is left or this worker is
 * replaced; then it comes to the successor, and hears that other code serves. What the master has
 * announced goes to all of them.
 */
#include "develop/live.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "cluster/role.h"
#include "develop/code.h"
#include "shallot/app.h"
#include "shallot/cluster.h"
#include "shallot/ctx.h"
#include "shallot/router.h"
#include "shallot/sse.h"
#include "shallot/stats.h"

#define KEY "shallot.live"

struct page {
    struct sl__link link;
    sl_sse *stream;
};

/* Generations are counted from 1 by each master. */
void sl__live_from(sl_app *app, char to[SL__LIVE_FROM_MAX])
{
    sl_stats *s = sl_stats_new(app);
    unsigned generation = 0;

    for (size_t i = 0; s && i < s->worker_count; i++)
        if (s->workers[i].id == sl_worker_id())
            generation = s->workers[i].generation;
    snprintf(to, SL__LIVE_FROM_MAX, "%ld.%u", (long)(sl__role()->worker ? getppid() : getpid()),
             generation);
    sl_stats_free(s);
}

static void left(sl_sse *s, int why, void *self)
{
    struct page *p = self;

    sl__list_remove(&p->link);
    sl__free(p);
}

static int send_build(sl_app *app, sl_sse *s)
{
    char data[SL__CODE_EVENT_MAX];

    return sl__code_event(app, data) ? sl_sse_send(s, .event = "build", .data = data) : 0;
}

static int live(sl_ctx *c)
{
    sl_app *app = sl_app_of(c);
    struct sl__link *pages = sl_app_state(app, KEY);
    struct page *p = sl__try_alloc_zeroed(sizeof *p);
    char from[SL__LIVE_FROM_MAX], data[96];
    int r;

    if (!p)
        return -ENOMEM;
    p->stream = sl_sse_open(c, .retry_ms = SL_SSE_NEVER, .on_close = left, .self = p);
    if (!p->stream) {
        sl__free(p);
        return -ENOMEM;
    }
    sl__list_append(pages, &p->link);
    sl__live_from(app, from);
    snprintf(data, sizeof data, "{\"from\":\"%s\",\"stands_in\":false}", from);
    r = sl_sse_send(p->stream, .event = "hello", .data = data);
    return r < 0 ? r : send_build(app, p->stream);
}

/* A stream that cannot take it is over, or will hear it when it comes back. */
static void tell_all(sl_app *app, void *self)
{
    struct sl__link *pages = self;

    for (struct sl__link *at = pages->next; at != pages; at = at->next)
        send_build(app, SL__OWNER(at, struct page, link)->stream);
}

static void free_pages(void *value)
{
    sl__free(value); /* streams are over, and have taken themselves out, before the app ends */
}

int sl__live_attach(sl_app *app)
{
    struct sl__link *pages = sl__alloc_zeroed(sizeof *pages);
    int r;

    sl__list_init(pages);
    r = sl_set_app_state(app, KEY, pages, free_pages);
    if (r == 0)
        r = sl__code_attach(app);
    return r < 0 ? r : sl__code_follow(app, tell_all, pages);
}

int sl__live_names(sl_router *r)
{
    int failed = sl_get(r, "/live", live) < 0;

    return failed || sl_get(r, "/build", sl__code_page) < 0 ? -ENOMEM : 0;
}
