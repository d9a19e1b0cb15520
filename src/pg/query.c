/*
 * Queries: a statement and its values in, a result or an error out.
 *
 * Programs come in here from fibers. A connection is taken from the pool, or is the transaction's;
 * the statement is prepared on it if it has not been; then the fiber waits for the answer. However
 * it ends, the connection is settled: given back, given up to be cleaned, or closed. Errors leave
 * with their words noted (trouble.c).
 */
#include <errno.h>
#include <shallot/log.h>

#include "inside.h"

/* ---- the connection ---- */

static int borrow(struct sl_pg *h, struct slpg_conn **ret)
{
    struct slpg_hold *hold = h->hold;

    if (!hold)
        return slpg_take(h, ret);
    if (hold->broken)
        return slpg_fail(h, hold->broken, "the transaction is over already, by an earlier failure");
    if (hold->busy)
        return slpg_fail(h, -EBUSY, "two fibers use one transaction at a time");
    hold->busy = true;
    *ret = hold->conn;
    return 0;
}

/* In the middle of something, or broken, a connection is no good any more for its user. */
static bool is_settled(struct slpg_conn *k)
{
    PGTransactionStatusType status = PQtransactionStatus(k->pg);

    return status != PQTRANS_ACTIVE && status != PQTRANS_UNKNOWN;
}

static void settle(struct sl_pg *h, struct slpg_conn *k, int r)
{
    struct slpg_hold *hold = h->hold;

    if (hold) {
        hold->busy = false;
        if (is_settled(k))
            return;
        hold->broken = r < 0 ? r : -ECANCELED;
        hold->conn = NULL;
    } else if (PQtransactionStatus(k->pg) == PQTRANS_IDLE) {
        slpg_give(k);
        return;
    } else if (is_settled(k)) {
        sl_warn("database: a query has begun a transaction, which is rolled back: transactions are "
                "made by sl_pg_transaction()");
    }
    slpg_abandon(k);
}

/* ---- the statement ---- */

static int start(struct slpg_conn *k, const char *sql, const struct slpg_values *v,
                 int64_t deadline, PGresult **ret_said)
{
    char name[16];
    int r = slpg_prepare(k, sql, deadline, name, ret_said), sent;

    if (r < 0 || *ret_said)
        return r;
    if (name[0])
        sent = PQsendQueryPrepared(k->pg, name, v->count, v->values, v->lengths, v->formats, 0);
    else
        sent = PQsendQueryParams(k->pg, sql, v->count, NULL, v->values, v->lengths, v->formats, 0);
    if (!sent)
        return PQstatus(k->pg) == CONNECTION_OK ? -ENOMEM : -ECONNRESET;
    return 0;
}

/* The server has forgotten what we thought it knew, or the table has changed: begin afresh. True:
 * it is worth another try. */
static bool refresh(struct slpg_conn *k, const PGresult *said, int64_t deadline)
{
    if (!slpg_is_stale(said))
        return false;
    slpg_forget_statements(k);
    return PQtransactionStatus(k->pg) == PQTRANS_IDLE &&
           slpg_command(k, "deallocate all", deadline) == 0;
}

static int run(struct slpg_conn *k, const char *sql, const struct slpg_values *v, int64_t deadline,
               PGresult **ret)
{
    for (int again = 1;; again = 0) {
        int r = start(k, sql, v, deadline, ret);

        if (r == 0 && !*ret)
            r = slpg_all(k, deadline, ret);
        if (r < 0 || !again || !refresh(k, *ret, deadline))
            return r;
        PQclear(*ret);
        *ret = NULL;
    }
}

struct each {
    int (*fn)(sl_pg_result *row, void *self);
    void *self;
    int stopped; /* what fn returned, if not 0 */
};

/* Rows are shown as they come; what is left in @p ret is an error, or the end. */
static int run_each(struct sl_pg *h, struct slpg_conn *k, struct each *each, PGresult **ret)
{
    while (!each->stopped) {
        sl_pg_result row = {.rows = NULL};
        int r = slpg_next(k, slpg_in(h->query_ms), &row.rows);

        if (r < 0)
            return r;
        if (!row.rows)
            return PQstatus(k->pg) == CONNECTION_OK ? 0 : -ECONNRESET;
        if (PQresultStatus(row.rows) == PGRES_SINGLE_TUPLE) {
            each->stopped = each->fn(&row, each->self);
            PQclear(row.rows);
            continue;
        }
        if (slpg_is_copy(row.rows)) {
            PQclear(row.rows);
            return -ENOTSUP;
        }
        PQclear(*ret);
        *ret = row.rows;
    }
    return 0;
}

static int start_each(struct slpg_conn *k, const char *sql, const struct slpg_values *v,
                      int64_t deadline, PGresult **ret)
{
    int r = start(k, sql, v, deadline, ret);

    if (r == 0 && *ret && refresh(k, *ret, deadline)) {
        PQclear(*ret);
        *ret = NULL;
        r = start(k, sql, v, deadline, ret);
    }
    if (r == 0 && !*ret && !PQsetSingleRowMode(k->pg))
        r = -ENOMEM;
    return r;
}

/* ---- what came of it ---- */

static int lost(struct sl_pg *h, struct slpg_conn *k, const PGresult *said)
{
    const char *text = PQresultErrorField(said, PG_DIAG_MESSAGE_PRIMARY);

    if (!text)
        text = PQerrorMessage(k->pg);
    return slpg_fail(h, -ECONNRESET, "connection lost during a query: %s", text);
}

/* Takes the result; 0 if it is one to be handed out. */
static int judge(struct sl_pg *h, struct slpg_conn *k, int r, PGresult *said, const char *sql)
{
    if (r == 0 && slpg_error_of(said) == 0)
        return 0;
    if (r == 0)
        return slpg_fail_said(h, said, sql);
    if (r == -ECONNRESET)
        r = lost(h, k, said);
    else if (r == -ETIMEDOUT)
        r = slpg_fail(h, r, "no answer within %u ms, cancelled, in: %.200s", h->query_ms, sql);
    else if (r == -ENOTSUP)
        r = slpg_fail(h, r, "COPY is not supported, in: %.200s", sql);
    else if (r < 0)
        r = slpg_fail(h, r, "%s, in: %.200s", r == -ECANCELED ? "cancelled" : "out of memory", sql);
    PQclear(said);
    return r;
}

static int take_values(struct sl_pg *h, struct slpg_values *v, const char *sql,
                       const sl_pg_value *values, size_t count)
{
    int r = slpg_values_init(v, values, count);

    if (r == -EINVAL)
        return slpg_fail(h, r, "value $%d is none that can be sent, in: %.200s", v->count + 1, sql);
    return r < 0 ? slpg_fail(h, r, "out of memory") : 0;
}

int sl_pg_query_on(sl_pg *h, sl_pg_result **ret, const char *sql, const sl_pg_value *values,
                   size_t count)
{
    struct slpg_values v;
    struct slpg_conn *k;
    PGresult *said = NULL;
    int r;

    if (ret)
        *ret = NULL;
    if (!h)
        return -EINVAL;
    r = take_values(h, &v, sql, values, count);
    if (r == 0)
        r = borrow(h, &k);
    if (r == 0) {
        r = run(k, sql, &v, slpg_in(h->query_ms), &said);
        r = judge(h, k, r, said, sql);
        settle(h, k, r);
        if (r == 0 && ret)
            *ret = slpg_result_new(h, said);
        else if (r == 0)
            PQclear(said);
        if (r == 0 && ret && !*ret)
            r = slpg_fail(h, -ENOMEM, "out of memory");
    }
    slpg_values_finish(&v);
    return r;
}

int sl_pg_each_on(sl_pg *h, int (*fn)(sl_pg_result *row, void *self), void *self, const char *sql,
                  const sl_pg_value *values, size_t count)
{
    struct each each = {.fn = fn, .self = self};
    struct slpg_values v;
    struct slpg_conn *k;
    PGresult *said = NULL;
    int r;

    if (!h)
        return -EINVAL;
    r = take_values(h, &v, sql, values, count);
    if (r == 0)
        r = borrow(h, &k);
    if (r == 0) {
        r = start_each(k, sql, &v, slpg_in(h->query_ms), &said);
        if (r == 0 && !said)
            r = run_each(h, k, &each, &said);
        r = each.stopped ? each.stopped : judge(h, k, r, said, sql);
        if (r == 0 || each.stopped)
            PQclear(said);
        settle(h, k, r);
    }
    slpg_values_finish(&v);
    return r;
}

int sl_pg_script_on(sl_pg *h, const char *sql)
{
    struct slpg_conn *k;
    PGresult *said = NULL;
    int r;

    if (!h)
        return -EINVAL;
    r = borrow(h, &k);
    if (r < 0)
        return r;
    if (PQsendQuery(k->pg, sql))
        r = slpg_all(k, slpg_in(h->query_ms), &said);
    else
        r = PQstatus(k->pg) == CONNECTION_OK ? -ENOMEM : -ECONNRESET;
    r = judge(h, k, r, said, sql);
    if (r == 0)
        PQclear(said);
    settle(h, k, r);
    return r;
}

/* ---- for a request ---- */

int sl_pg_query_in_request(sl_ctx *c, sl_pg_result **ret, const char *sql,
                           const sl_pg_value *values, size_t count)
{
    struct sl_pg storage;

    return sl_pg_query_on(slpg_of_request(c, &storage), ret, sql, values, count);
}

int sl_pg_each_in_request(sl_ctx *c, int (*fn)(sl_pg_result *row, void *self), void *self,
                          const char *sql, const sl_pg_value *values, size_t count)
{
    struct sl_pg storage;

    return sl_pg_each_on(slpg_of_request(c, &storage), fn, self, sql, values, count);
}

int sl_pg_script_in_request(sl_ctx *c, const char *sql)
{
    struct sl_pg storage;

    return sl_pg_script_on(slpg_of_request(c, &storage), sql);
}
