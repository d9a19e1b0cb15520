/*
 * Transactions: one connection for as long as a function runs.
 *
 * Programs come in with the function and leave when it has been committed or rolled back. All
 * handles of a transaction share one hold, in which a broken connection is noted: then every
 * further query fails, and there is nothing to roll back. A transaction within is a savepoint.
 */
#include <errno.h>
#include <shallot/fiber.h>
#include <shallot/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

/* Commands that must be waited for although the client is gone. */
struct command {
    struct sl_pg *h;
    char sql[96];
    bool rolled_back; /* it was a commit, and the server has rolled back */
};

static int run_command(void *arg)
{
    struct command *m = arg;
    sl_pg_result *r;
    int error = sl_pg_query_on(m->h, &r, m->sql, NULL, 0);

    if (error == 0)
        m->rolled_back = strcmp(PQcmdStatus(r->rows), "ROLLBACK") == 0;
    sl_pg_free(r);
    return error;
}

static int begin(struct sl_pg *h, const sl_pg_transaction_options *o)
{
    static const char *const levels[] = {"", " isolation level read committed",
                                         " isolation level repeatable read",
                                         " isolation level serializable"};
    struct command m = {.h = h};

    if ((unsigned)o->isolation > SL_PG_SERIALIZABLE)
        return slpg_fail(h, -EINVAL, "no isolation level has the number %d", (int)o->isolation);
    if (h->depth > 0)
        snprintf(m.sql, sizeof m.sql, "savepoint sl_%u", h->depth);
    else
        snprintf(m.sql, sizeof m.sql, "begin%s%s", levels[o->isolation],
                 o->read_only ? " read only" : "");
    return run_command(&m);
}

static int commit(struct sl_pg *h)
{
    struct command m = {.h = h};
    int r;

    if (h->depth > 0)
        snprintf(m.sql, sizeof m.sql, "release savepoint sl_%u", h->depth);
    else
        snprintf(m.sql, sizeof m.sql, "commit");
    r = sl_shield(run_command, &m);
    if (r == 0 && h->depth == 0 && m.rolled_back)
        return slpg_fail(h, -SL_PG_IN_FAILED_TRANSACTION,
                         "a query of the transaction had failed, so it was rolled back");
    return r;
}

/* What went wrong before is what the caller is told, whatever happens to others meanwhile. */
static void roll_back(struct sl_pg *h)
{
    struct sl_pg quiet = *h;
    struct command m = {.h = &quiet};
    struct slpg_trouble before;

    if (h->hold->broken)
        return;
    quiet.c = NULL;
    if (h->depth > 0)
        snprintf(m.sql, sizeof m.sql, "rollback to savepoint sl_%u", h->depth);
    else
        snprintf(m.sql, sizeof m.sql, "rollback");
    slpg_trouble_move(&before, &h->pool->trouble);
    sl_shield(run_command, &m);
    slpg_trouble_forget(&h->pool->trouble);
    slpg_trouble_move(&h->pool->trouble, &before);
}

static bool is_others_fault(int r)
{
    return r == -SL_PG_SERIALIZATION_FAILURE || r == -SL_PG_DEADLOCK_DETECTED;
}

static int attempt(struct sl_pg *h, int (*fn)(sl_pg *tx, void *self), void *self,
                   const sl_pg_transaction_options *o)
{
    int r = begin(h, o), done;

    if (r < 0)
        return r;
    r = fn(h, self);
    if (r >= 0) {
        done = commit(h);
        if (done == 0)
            return r;
        r = done;
    }
    roll_back(h);
    return r;
}

static int attempts(struct sl_pg *h, int (*fn)(sl_pg *tx, void *self), void *self,
                    const sl_pg_transaction_options *o)
{
    for (unsigned tried = 0;; tried++) {
        int r = attempt(h, fn, self, o);

        if (h->depth > 0 || tried >= o->retries || !is_others_fault(r) || h->hold->broken)
            return r;
        /* Those who were in each other's way should not meet again. */
        if (sl_sleep(1 + (unsigned)random() % (10u << (tried < 6 ? tried : 6))) < 0)
            return -ECANCELED;
    }
}

static void finish(struct slpg_hold *hold)
{
    if (!hold->conn)
        return;
    if (PQtransactionStatus(hold->conn->pg) == PQTRANS_IDLE)
        slpg_give(hold->conn);
    else
        slpg_abandon(hold->conn);
}

int sl_pg_transaction_on(sl_pg *h, int (*fn)(sl_pg *tx, void *self), void *self,
                         const sl_pg_transaction_options *options)
{
    sl_pg_transaction_options o = {.retries = 0};
    struct slpg_hold hold = {.conn = NULL};
    struct sl_pg tx;
    int r;

    if (!h)
        return -EINVAL;
    if (options)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    tx = *h;
    if (h->hold) {
        tx.depth++;
        return attempts(&tx, fn, self, &o);
    }
    r = slpg_take(h, &hold.conn);
    if (r < 0)
        return r;
    tx.hold = &hold;
    r = attempts(&tx, fn, self, &o);
    finish(&hold);
    return r;
}

int sl_pg_transaction_in_request(sl_ctx *c, int (*fn)(sl_pg *tx, void *self), void *self,
                                 const sl_pg_transaction_options *options)
{
    struct sl_pg storage;

    return sl_pg_transaction_on(slpg_of_request(c, &storage), fn, self, options);
}
