/*
 * The pool: who gets which connection, and when.
 *
 * Queries come in for a connection and leave with an idle one, or wait in line, first come, first
 * served: whatever becomes free or is newly opened goes to the first in line. Connections are
 * opened by fibers of the pool's own (opening.c), so that a request that goes away meanwhile wastes
 * none; one whose query was abandoned is made usable again by another (cleaning.c).
 */
#include <errno.h>
#include <poll.h>
#include <shallot/error.h>
#include <shallot/fiber.h>
#include <stdlib.h>

#include "inside.h"

bool slpg_is_down(const struct slpg_pool *p)
{
    return p->open == 0 && p->failures > 0 && slpg_now() - p->down_since >= p->options.wait_ms;
}

static struct slpg_conn *take_idle(struct slpg_pool *p)
{
    while (p->idle) {
        struct slpg_conn *k = p->idle;

        p->idle = k->next;
        k->idle = false;
        if (slpg_alive(k))
            return k;
        slpg_drop(k);
    }
    return NULL;
}

/* Why nobody even needs to wait; 0: he may. */
static int refuse(struct sl_pg *h)
{
    struct slpg_pool *p = h->pool;

    if (p->closing)
        return slpg_fail(h, -ESHUTDOWN, "the worker is ending");
    if (slpg_is_down(p))
        return slpg_fail(h, -ECONNREFUSED, "no connection: %s", p->why);
    if (p->line.count >= p->options.queue)
        return slpg_fail(h, -SL_EOVERLOADED, "%u queries wait for a connection already",
                         p->line.count);
    return 0;
}

static int say_why(struct sl_pg *h, int error)
{
    struct slpg_pool *p = h->pool;

    if (error == -ETIMEDOUT && p->open == 0 && p->failures > 0)
        return slpg_fail(h, -ECONNREFUSED, "no connection within %u ms: %s", p->options.wait_ms,
                         p->why);
    if (error == -ETIMEDOUT)
        return slpg_fail(h, -SL_EOVERLOADED, "all %u connections are in use, for %u ms", p->open,
                         p->options.wait_ms);
    if (error == -EDEADLK)
        return slpg_fail(h, error, "queries are made on fibers, not in main()");
    if (error == -ESHUTDOWN)
        return slpg_fail(h, error, "the worker is ending");
    return slpg_fail(h, error, "no connection");
}

int slpg_take(struct sl_pg *h, struct slpg_conn **ret)
{
    struct slpg_pool *p = h->pool;
    struct slpg_place place;
    int r = refuse(h);

    *ret = NULL;
    if (r < 0)
        return r;
    *ret = take_idle(p);
    if (*ret)
        return 0;
    slpg_open_more(p, p->line.count + 1);
    if (p->open == 0 && p->opening == 0)
        return slpg_fail(h, -SL_EOVERLOADED, "no fiber to open a connection with");
    r = slpg_line_wait(&p->line, &place, slpg_in(p->options.wait_ms));
    if (r == 0) {
        *ret = place.given;
        return 0;
    }
    if (place.given) /* cancelled in the same moment */
        slpg_give(place.given);
    return say_why(h, r);
}

/* Connections that nobody has needed for long are the last ones of the list. */
static void close_old(struct slpg_pool *p)
{
    int64_t before = slpg_now() - p->options.idle_ms;
    struct slpg_conn **at = &p->idle;

    while (*at) {
        struct slpg_conn *k = *at;

        if (k->used >= before) {
            at = &k->next;
            continue;
        }
        *at = k->next;
        k->idle = false;
        slpg_drop(k);
        at = &p->idle; /* which may have changed */
    }
}

void slpg_tidy(sl_app *app, void *self)
{
    close_old(self);
}

void slpg_give(struct slpg_conn *k)
{
    struct slpg_pool *p = k->pool;

    if (p->closing || PQstatus(k->pg) != CONNECTION_OK) {
        slpg_drop(k);
        return;
    }
    if (slpg_line_give(&p->line, k))
        return;
    if (!k->watch && slpg_watch(k) < 0) {
        slpg_drop(k);
        return;
    }
    if (k->muted)
        k->muted = sl_watch_set(k->watch, POLLIN) < 0;
    k->idle = true;
    k->used = slpg_now();
    k->next = p->idle;
    p->idle = k;
}

static void unlist(struct slpg_conn *k)
{
    struct slpg_conn **at = &k->pool->idle;

    while (*at && *at != k)
        at = &(*at)->next;
    if (*at)
        *at = k->next;
    k->idle = false;
}

void slpg_drop(struct slpg_conn *k)
{
    struct slpg_pool *p = k->pool;

    if (k->idle)
        unlist(k);
    slpg_disconnect(k);
    p->open--;
    slpg_open_more(p, p->line.count);
}

/* ---- fibers of its own ---- */

bool slpg_job_start(struct slpg_pool *p, int (*fn)(void *job), struct slpg_conn *k)
{
    struct slpg_job *j = p->closing ? NULL : calloc(1, sizeof *j);
    sl_task *task;

    if (!j)
        return false;
    *j = (struct slpg_job){.next = p->jobs, .pool = p, .conn = k};
    p->jobs = j;
    task = sl_spawn(p->app, fn, j); /* in which it may have ended already */
    if (!task) {
        p->jobs = j->next;
        free(j);
        return false;
    }
    sl_detach(task);
    return true;
}

void slpg_job_end(struct slpg_job *j)
{
    struct slpg_pool *p = j->pool;
    struct slpg_job **at = &p->jobs;

    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    free(j);
    if (!p->jobs)
        sl_waiter_wake(&p->jobs_done);
}
