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

#define STATE "sl_pg" /* the app's first pool, and behind it the others */

struct sl_pg *slpg_first_pool(const sl_app *app)
{
    struct slpg_pool *p = sl_app_state(app, STATE);

    return p ? &p->handle : NULL;
}

struct sl_pg *slpg_of_request(sl_ctx *c, struct sl_pg *storage)
{
    const struct sl_pg *first = slpg_first_pool(sl_app_of(c));

    if (!first) {
        sl_fail_as(c, -EINVAL, 500, "database: the app has no pool; sl_pg_new() in main()");
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

/* No fiber lives any more. */
static void on_end(sl_app *app, void *self)
{
    struct slpg_pool *p = self;

    p->closing = true;
    while (p->idle)
        slpg_drop(p->idle);
}

static void free_pools(void *value)
{
    struct slpg_pool *p = value;

    while (p) {
        struct slpg_pool *next = p->next;

        slpg_trouble_forget(&p->trouble);
        free(p->conninfo);
        free(p);
        p = next;
    }
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

static int keep(sl_app *app, struct slpg_pool *p)
{
    struct slpg_pool *last = sl_app_state(app, STATE);

    if (!last)
        return sl_set_app_state(app, STATE, p, free_pools);
    while (last->next)
        last = last->next;
    last->next = p;
    return 0;
}

sl_pg *sl_pg_new_with(sl_app *app, const sl_pg_options *options)
{
    struct slpg_pool *p = make(app, options);
    char why[256] = "";

    if (!p) {
        sl_refuse(app, "sl_pg_new: out of memory");
        return NULL;
    }
    if (!slpg_conninfo_good(p->conninfo, why, sizeof why)) {
        sl_refuse(app, "sl_pg_new: %s", why);
        free_pools(p);
        return NULL;
    }
    if (keep(app, p) < 0 || register_hooks(app, p) < 0) {
        sl_refuse(app, "sl_pg_new: out of memory"); /* whoever has it keeps it */
        return NULL;
    }
    return &p->handle;
}
