/*
 * The stream of events that open pages listen to.
 *
 * live.js comes here and stays, on a detached answer, until its page is left or this worker is
 * replaced; then it comes to the successor, and hears that other code serves.
 */
#include "develop/live.h"

#include <stdio.h>
#include <unistd.h>

#include "cluster/role.h"
#include "shallot/app.h"
#include "shallot/cluster.h"
#include "shallot/ctx.h"
#include "shallot/router.h"
#include "shallot/sse.h"
#include "shallot/stats.h"

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

static int live(sl_ctx *c)
{
    sl_sse *s = sl_sse_open(c, .retry_ms = SL_SSE_NEVER);
    char from[SL__LIVE_FROM_MAX], data[96];

    sl__live_from(sl_app_of(c), from);
    snprintf(data, sizeof data, "{\"from\":\"%s\",\"stands_in\":false}", from);
    return sl_sse_send(s, .event = "hello", .data = data);
}

int sl__live_names(sl_router *r)
{
    return sl_get(r, "/live", live);
}
