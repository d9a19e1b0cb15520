/*
 * Pools as apps have them: made in main(), opened in workers, closed at their end.
 *
 * main() comes in with options. The app then calls back: at the start of a worker if a connection
 * is required, every few seconds to close what is idle, and at the end. Pools are listed here, so
 * that a request can do without naming its own.
 */
#include <errno.h>
#include <shallot/app.h>
#include <shallot/ctx.h>
#include <shallot/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define TIDY_MS 5000 /* or half of the time that a connection may be idle */

static struct slpg_pool *pools; /* of all apps of the process, the newest last */

struct sl_pg *slpg_first_pool(const sl_app *app)
{
    for (struct slpg_pool *p = pools; p; p = p->next)
        if (p->app == app)
            return &p->handle;
    return NULL;
}

struct sl_pg *slpg_of_request(sl_ctx *c, struct sl_pg *storage)
{
    const struct sl_pg *first = slpg_first_pool(sl_app_of(c));

    if (!first) {
        sl_fail_with(c, -EINVAL, 500, "database: the app has no pool; sl_pg_new() in main()");
        return NULL;
    }
    *storage = *first;
    storage->c = c;
    return storage;
}

sl_pg *sl_pg_for_with(sl_ctx *c, sl_pg *pg, const sl_pg_for_options *options)
{
    sl_pg_for_options o = {.query_ms = 0};
    struct sl_pg *h = pg ? sl_alloc(c, sizeof *h) : NULL;

    if (!h)
        return NULL;
    if (options)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    *h = *pg;
    h->c = c;
    if (o.query_ms)
        h->query_ms = o.query_ms;
    return h;
}

/* ---- the life of a worker ---- */

static int on_start(sl_app *app, void *self)
{
    struct slpg_pool *p = self;
    struct slpg_conn *k;
    int r = slpg_take(&p->handle, &k);

    if (r < 0)
        sl_error("database: required, but %s", p->trouble.text);
    else
        slpg_give(k);
    return r;
}

static void on_stop(sl_app *app, void *self)
{
    struct slpg_pool *p = self;

    p->closing = true;
    slpg_line_fail(&p->line, -ESHUTDOWN);
    while (p->idle)
        slpg_drop(p->idle);
    while (p->jobs && sl_waiter_wait(&p->jobs_done, -1) == 0)
        ;
}

static void unlist(struct slpg_pool *p)
{
    struct slpg_pool **at = &pools;

    while (*at && *at != p)
        at = &(*at)->next;
    if (*at)
        *at = p->next;
}

static void free_pool(struct slpg_pool *p)
{
    slpg_trouble_forget(&p->trouble);
    free(p->conninfo);
    free(p);
}

/* No fiber lives any more. */
static void on_end(sl_app *app, void *self)
{
    struct slpg_pool *p = self;

    p->closing = true;
    while (p->idle)
        slpg_drop(p->idle);
    unlist(p);
    free_pool(p);
}

/* ---- making ---- */

static void fill_in(sl_pg_options *o)
{
    const struct {
        unsigned *option, value;
    } defaults[] = {{&o->connections, 8},   {&o->queue, 1024},     {&o->wait_ms, 5000},
                    {&o->connect_ms, 5000}, {&o->query_ms, 30000}, {&o->idle_ms, 60000},
                    {&o->statements, 64}};

    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (*defaults[i].option == 0)
            *defaults[i].option = defaults[i].value;
    if (o->statements == SL_PG_UNPREPARED)
        o->statements = 0;
}

static int register_hooks(sl_app *app, struct slpg_pool *p)
{
    unsigned tidy_ms = p->options.idle_ms / 2 + 1;
    int r = sl_on_end(app, on_end, p);

    if (r == 0)
        r = sl_on_stop(app, on_stop, p);
    if (r == 0)
        r = sl_every(app, tidy_ms < TIDY_MS ? tidy_ms : TIDY_MS, slpg_tidy, p);
    if (r == 0 && p->options.required)
        r = sl_on_start(app, on_start, p);
    return r;
}

static struct slpg_pool *make(sl_app *app, const sl_pg_options *options)
{
    struct slpg_pool *p = calloc(1, sizeof *p);
    const char *conninfo;

    if (!p)
        return NULL;
    if (options)
        memcpy(&p->options, options,
               options->size < sizeof p->options ? options->size : sizeof p->options);
    conninfo = p->options.conninfo;
    if (!conninfo)
        conninfo = getenv("DATABASE_URL");
    fill_in(&p->options);
    p->app = app;
    p->handle.pool = p;
    p->handle.query_ms = p->options.query_ms;
    p->conninfo = strdup(conninfo ? conninfo : "");
    if (p->conninfo)
        return p;
    free(p);
    return NULL;
}

/* The app must not serve without what it cannot work without. */
static sl_pg *refuse(sl_app *app, struct slpg_pool *p, const char *why)
{
    sl_error("sl_pg_new: %s", why);
    sl_use(app, ((sl_middleware){.run = NULL}));
    if (p)
        free_pool(p);
    return NULL;
}

sl_pg *sl_pg_new_with(sl_app *app, const sl_pg_options *options)
{
    struct slpg_pool *p = make(app, options), **at = &pools;
    char why[256] = "";

    if (!p)
        return refuse(app, NULL, "out of memory");
    if (!slpg_conninfo_good(p->conninfo, why, sizeof why))
        return refuse(app, p, why);
    if (register_hooks(app, p) < 0)
        return refuse(app, NULL, "out of memory"); /* some callbacks may have it already */
    while (*at)
        at = &(*at)->next;
    *at = p;
    return &p->handle;
}
