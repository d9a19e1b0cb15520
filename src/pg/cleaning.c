/*
 * What becomes of a connection whose query was given up: it took too long, or nobody wants the
 * answer any more.
 *
 * Queries and transactions come in and go away at once; a fiber of the pool's own asks the server
 * to stop, reads what still comes, rolls back, and gives the connection back. What does not succeed
 * soon is not worth it: then the connection is closed.
 *
 * libpq's request to cancel opens a connection of its own and blocks, so it is made on a thread,
 * and only a few at a time, since a server that cannot be reached would hold every thread there is.
 */
#include <errno.h>
#include <shallot/fiber.h>
#include <shallot/log.h>

#include "inside.h"

#define CANCELS 2 /* at a time, of the four threads of sl_offload() */
#define PATIENCE_MS 5000

static int ask_to_stop(void *arg)
{
    struct slpg_conn *k = arg;
    char why[256];

    return PQcancel(k->cancel, why, sizeof why) ? 0 : -ECONNREFUSED;
}

static int offload_it(void *arg)
{
    return sl_offload(ask_to_stop, arg);
}

/* Waits for a turn, which is handed on from one to the next. */
static int cancel(struct slpg_conn *k, int64_t deadline)
{
    struct slpg_pool *p = k->pool;
    struct slpg_place place;
    int r = 0;

    if (p->cancelling < CANCELS) {
        p->cancelling++;
    } else {
        r = slpg_line_wait(&p->cancels, &place, deadline);
        if (r < 0 && !place.given)
            return r;
    }
    /* The worker may be ending: all the more the server should not go on for nobody. */
    r = sl_shield(offload_it, k);
    if (!slpg_line_give(&p->cancels, p))
        p->cancelling--;
    return r;
}

static int clean(struct slpg_conn *k)
{
    int64_t deadline = slpg_in(PATIENCE_MS);
    PGresult *ignored;
    int r = 0;

    if (PQtransactionStatus(k->pg) == PQTRANS_ACTIVE)
        r = cancel(k, deadline);
    if (r < 0)
        return r;
    r = slpg_all(k, deadline, &ignored);
    PQclear(ignored);
    if (r == 0 && PQtransactionStatus(k->pg) != PQTRANS_IDLE)
        r = slpg_command(k, "rollback", deadline);
    return r;
}

static int run(void *arg)
{
    struct slpg_job *job = arg;
    int r = clean(job->conn);

    if (r < 0)
        slpg_drop(job->conn);
    else
        slpg_give(job->conn);
    slpg_job_end(job);
    return 0;
}

void slpg_abandon(struct slpg_conn *k)
{
    if (PQstatus(k->pg) != CONNECTION_OK || !slpg_job_start(k->pool, run, k))
        slpg_drop(k);
}
