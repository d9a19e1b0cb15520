/*
 * Results: what programs read of rows.
 *
 * Values come as PostgreSQL writes them, and are read as what the program asks for. What cannot be
 * read so is a mistake of the program: it is logged with the names that matter, and reads as NULL.
 */
#include <errno.h>
#include <inttypes.h>
#include <shallot/ctx.h>
#include <shallot/log.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

static void clear(void *arg)
{
    sl_pg_result *r = arg;

    PQclear(r->rows);
    r->rows = NULL;
}

sl_pg_result *slpg_result_new(struct sl_pg *h, PGresult *rows)
{
    sl_pg_result *r = h->c ? sl_alloc(h->c, sizeof *r) : malloc(sizeof *r);

    if (!r) {
        PQclear(rows);
        return NULL;
    }
    *r = (sl_pg_result){.rows = rows, .of_a_request = h->c != NULL};
    if (h->c && sl_defer(h->c, clear, r) < 0) /* which has cleared it then */
        return NULL;
    return r;
}

void sl_pg_free(sl_pg_result *r)
{
    if (!r)
        return;
    clear(r);
    if (!r->of_a_request)
        free(r);
}

int sl_pg_rows(const sl_pg_result *r)
{
    return r ? PQntuples(r->rows) : 0;
}

int sl_pg_columns(const sl_pg_result *r)
{
    return r ? PQnfields(r->rows) : 0;
}

int64_t sl_pg_affected(const sl_pg_result *r)
{
    return r && r->rows ? strtoll(PQcmdTuples(r->rows), NULL, 10) : 0;
}

const char *sl_pg_name(const sl_pg_result *r, int column)
{
    return column >= 0 && column < sl_pg_columns(r) ? PQfname(r->rows, column) : NULL;
}

int sl_pg_column(const sl_pg_result *r, const char *name)
{
    int columns = sl_pg_columns(r);

    for (int i = 0; i < columns; i++)
        if (strcmp(PQfname(r->rows, i), name) == 0)
            return i;
    return -1;
}

int sl_pg_column_or_log(const sl_pg_result *r, const char *name)
{
    int column = sl_pg_column(r, name);

    if (column < 0)
        sl_error("database: a result has no column \"%s\"", name);
    return column;
}

/* The text, NULL for NULL and for what is not there. */
static const char *get(const sl_pg_result *r, int row, int column)
{
    if (column < 0) /* which has been logged, most likely */
        return NULL;
    if (row < 0 || row >= sl_pg_rows(r) || column >= sl_pg_columns(r)) {
        sl_error("database: no row %d, column %d in a result of %d rows and %d columns", row,
                 column, sl_pg_rows(r), sl_pg_columns(r));
        return NULL;
    }
    return PQgetisnull(r->rows, row, column) ? NULL : PQgetvalue(r->rows, row, column);
}

static void complain(const sl_pg_result *r, int column, const char *text, const char *kind)
{
    sl_error("database: column \"%s\" is no %s: \"%.40s\"", sl_pg_name(r, column), kind, text);
}

bool sl_pg_is_null_at(const sl_pg_result *r, int row, int column)
{
    return get(r, row, column) == NULL;
}

const char *sl_pg_text_at(const sl_pg_result *r, int row, int column)
{
    return get(r, row, column);
}

int64_t sl_pg_int_at(const sl_pg_result *r, int row, int column)
{
    const char *text = get(r, row, column);
    char *end;
    int64_t value;

    if (!text)
        return 0;
    errno = 0;
    value = strtoimax(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0')
        return value;
    complain(r, column, text, "whole number of 64 bits");
    return 0;
}

double sl_pg_float_at(const sl_pg_result *r, int row, int column)
{
    const char *text = get(r, row, column);
    char *end;
    double value;

    if (!text)
        return 0;
    value = slpg_number(text, &end);
    if (end != text && *end == '\0')
        return value;
    complain(r, column, text, "number");
    return 0;
}

bool sl_pg_bool_at(const sl_pg_result *r, int row, int column)
{
    const char *text = get(r, row, column);

    if (text && strcmp(text, "t") != 0 && strcmp(text, "f") != 0)
        complain(r, column, text, "boolean");
    return text && strcmp(text, "t") == 0;
}

const void *sl_pg_bytes_at(sl_pg_result *r, int row, int column, size_t *ret_len)
{
    const char *text = get(r, row, column);
    unsigned char *decoded;
    void *copy;

    *ret_len = 0;
    if (!text)
        return NULL;
    if (PQftype(r->rows, column) != SLPG_BYTEA) {
        *ret_len = (size_t)PQgetlength(r->rows, row, column);
        return text;
    }
    decoded = PQunescapeBytea((const unsigned char *)text, ret_len);
    copy = decoded ? PQresultAlloc(r->rows, *ret_len + 1) : NULL;
    if (copy)
        memcpy(copy, decoded, *ret_len);
    else
        *ret_len = 0;
    PQfreemem(decoded);
    return copy;
}
