/*
 * Statements that a connection has prepared: each text is parsed and planned by the server once.
 *
 * Queries come in with a text and leave with the name under which the server knows it. The list is
 * short, so it is searched from the front, where the one used last is; when it is full the last one
 * makes room. A text that is very long is not worth a place.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

static uint32_t hash_of(const char *text, size_t *ret_len)
{
    const char *p = text;
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    *ret_len = (size_t)(p - text);
    return hash;
}

static void to_front(struct slpg_conn *k, unsigned i)
{
    struct slpg_statement *s = k->statements[i];

    memmove(k->statements + 1, k->statements, i * sizeof(struct slpg_statement *));
    k->statements[0] = s;
}

static struct slpg_statement *find(struct slpg_conn *k, uint32_t hash, const char *sql)
{
    for (unsigned i = 0; i < k->statement_count; i++) {
        struct slpg_statement *s = k->statements[i];

        if (s->hash == hash && strcmp(s->sql, sql) == 0) {
            to_front(k, i);
            return s;
        }
    }
    return NULL;
}

void slpg_forget_statements(struct slpg_conn *k)
{
    while (k->statement_count > 0)
        free(k->statements[--k->statement_count]);
}

static int forget_last(struct slpg_conn *k, int64_t deadline, PGresult **ret_said)
{
    char command[48];
    int r;

    snprintf(command, sizeof command, "deallocate sl_%u",
             k->statements[k->statement_count - 1]->number);
    if (!PQsendQuery(k->pg, command))
        return -ECONNRESET;
    r = slpg_all(k, deadline, ret_said);
    if (r < 0 || slpg_error_of(*ret_said) != 0)
        return r;
    PQclear(*ret_said);
    *ret_said = NULL;
    free(k->statements[--k->statement_count]);
    return 0;
}

static int prepare(struct slpg_conn *k, const char *name, const char *sql, int64_t deadline,
                   PGresult **ret_said)
{
    int r;

    if (!PQsendPrepare(k->pg, name, sql, 0, NULL))
        return PQstatus(k->pg) == CONNECTION_OK ? -ENOMEM : -ECONNRESET;
    r = slpg_all(k, deadline, ret_said);
    if (r < 0 || slpg_error_of(*ret_said) != 0)
        return r;
    PQclear(*ret_said);
    *ret_said = NULL;
    return 0;
}

int slpg_prepare(struct slpg_conn *k, const char *sql, int64_t deadline, char ret[16],
                 PGresult **ret_said)
{
    size_t len;
    uint32_t hash = hash_of(sql, &len);
    struct slpg_statement *s;
    int r;

    *ret_said = NULL;
    ret[0] = '\0';
    if (k->pool->options.statements == 0 || len > SLPG_STATEMENT_BYTES)
        return 0;
    s = find(k, hash, sql);
    if (s) {
        snprintf(ret, 16, "sl_%u", s->number);
        return 0;
    }
    if (k->statement_count >= k->pool->options.statements) {
        r = forget_last(k, deadline, ret_said);
        if (r < 0 || *ret_said)
            return r;
    }
    s = malloc(sizeof *s + len + 1);
    if (!s)
        return -ENOMEM;
    s->hash = hash;
    s->number = k->statement_number++; /* never again, should this one remain in the dark */
    memcpy(s->sql, sql, len + 1);
    snprintf(ret, 16, "sl_%u", s->number);
    r = prepare(k, ret, sql, deadline, ret_said);
    if (r < 0 || *ret_said) {
        free(s);
        return r;
    }
    k->statements[k->statement_count++] = s;
    to_front(k, k->statement_count - 1);
    return 0;
}

bool slpg_is_stale(const PGresult *said)
{
    const char *where = PQresultErrorField(said, PG_DIAG_SOURCE_FUNCTION);
    int error = slpg_error_of(said);

    if (error == -SL_PG_STATE('2', '6', '0', '0', '0'))
        return true;
    return error == -SL_PG_STATE('0', 'A', '0', '0', '0') && where &&
           strcmp(where, "RevalidateCachedQuery") == 0;
}
