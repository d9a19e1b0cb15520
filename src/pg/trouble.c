/*
 * Errors: the server's by their SQLSTATE, ours by number, both with words.
 *
 * Queries come in when something failed and leave with the number to return. The pool keeps the
 * words of its last failure; a request is told them too, so that a handler may just return the
 * number.
 */
#include <errno.h>
#include <shallot/ctx.h>
#include <shallot/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inside.h"

static const sl_pg_error nothing = {"", "", "", "", "", "", "", 0};

static const char *field(const PGresult *said, int code)
{
    const char *text = PQresultErrorField(said, code);

    return text ? text : "";
}

int slpg_error_of(const PGresult *said)
{
    ExecStatusType status = PQresultStatus(said);
    const char *s = field(said, PG_DIAG_SQLSTATE);

    if (status != PGRES_FATAL_ERROR && status != PGRES_BAD_RESPONSE)
        return 0;
    if (strlen(s) != 5)
        return -EPROTO; /* libpq's own: it did not understand the server, or has no memory */
    return -SL_PG_STATE(s[0] & 0x7f, s[1] & 0x7f, s[2] & 0x7f, s[3] & 0x7f, s[4] & 0x7f);
}

void slpg_trouble_forget(struct slpg_trouble *t)
{
    PQclear(t->said);
    t->said = NULL;
    t->error = nothing;
}

void slpg_trouble_move(struct slpg_trouble *to, struct slpg_trouble *from)
{
    *to = *from;
    if (from->error.message == from->text)
        to->error.message = to->text;
    from->said = NULL;
    from->error = nothing;
}

/* A client has gone: nobody is to be told. */
static int tell(struct sl_pg *h, int error)
{
    int status = error == -SL_EOVERLOADED || error == -ECONNREFUSED || error == -ESHUTDOWN ? 503
                 : error == -ETIMEDOUT || error == -SL_PG_QUERY_CANCELED                   ? 504
                                                                                           : 500;

    if (h->c && error != -ECANCELED)
        return sl_fail_as(h->c, error, status, "database: %s", h->pool->trouble.text);
    return error;
}

int slpg_fail(struct sl_pg *h, int error, const char *fmt, ...)
{
    struct slpg_trouble *t = &h->pool->trouble;
    va_list args;

    slpg_trouble_forget(t);
    va_start(args, fmt);
    vsnprintf(t->text, sizeof t->text, fmt, args);
    va_end(args);
    t->text[strcspn(t->text, "\n")] = '\0'; /* libpq ends its messages with one */
    t->error.message = t->text;
    return tell(h, error);
}

int slpg_fail_said(struct sl_pg *h, PGresult *said, const char *sql)
{
    struct slpg_trouble *t = &h->pool->trouble;
    const char *state = field(said, PG_DIAG_SQLSTATE), *message;
    int position = 0;

    message = *state ? field(said, PG_DIAG_MESSAGE_PRIMARY) : PQresultErrorMessage(said);
    slpg_trouble_forget(t);
    sscanf(field(said, PG_DIAG_STATEMENT_POSITION), "%d", &position);
    t->said = said;
    t->error = (sl_pg_error){.sqlstate = state,
                             .message = message,
                             .detail = field(said, PG_DIAG_MESSAGE_DETAIL),
                             .hint = field(said, PG_DIAG_MESSAGE_HINT),
                             .table = field(said, PG_DIAG_TABLE_NAME),
                             .column = field(said, PG_DIAG_COLUMN_NAME),
                             .constraint = field(said, PG_DIAG_CONSTRAINT_NAME),
                             .position = position};
    snprintf(t->text, sizeof t->text, "%.*s (%s), in: %.200s", (int)strcspn(message, "\n"), message,
             state, sql);
    return tell(h, slpg_error_of(said));
}

const sl_pg_error *sl_pg_last_error_on(const sl_pg *h)
{
    return h && h->pool->trouble.error.message ? &h->pool->trouble.error : &nothing;
}

const sl_pg_error *sl_pg_last_error_in_request(const sl_ctx *c)
{
    return sl_pg_last_error_on(slpg_first_pool(sl_app_of(c)));
}
