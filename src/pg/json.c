/*
 * Rows as JSON, with Jansson: each column becomes what its type is in JSON.
 *
 * Handlers come in with a result and leave with a value for sl_json(). Types are told by their
 * number in PostgreSQL's catalogue, which never changes for the built-in ones. Built only when
 * Jansson is there; json_none.c stands in for it.
 */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define DEEPEST 64      /* Jansson's parser recurses, on a fiber's stack */
#define EXACT_DIGITS 15 /* that every double holds */

char *slpg_json_text(const void *json)
{
    return json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* A text that is not UTF-8 (a database without an encoding) loses the octets that are foreign. */
static json_t *text_of(const char *text, size_t len)
{
    json_t *json = json_stringn(text, len);
    char *plain;

    if (json)
        return json;
    plain = malloc(len + 1);
    if (!plain)
        return NULL;
    for (size_t i = 0; i < len; i++)
        plain[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    json = json_stringn(plain, len);
    free(plain);
    return json;
}

static unsigned depth_of(const char *text)
{
    unsigned depth = 0, deepest = 0;
    bool quoted = false;

    for (const char *p = text; *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted && (*p == '[' || *p == '{') && ++depth > deepest)
            deepest = depth;
        else if (!quoted && (*p == ']' || *p == '}') && depth > 0)
            depth--;
    }
    return deepest;
}

/* What Jansson does not take (a number beyond its range) stays a text. */
static json_t *json_of(const char *text, size_t len)
{
    json_t *json = NULL;

    if (depth_of(text) <= DEEPEST)
        json = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    return json ? json : text_of(text, len);
}

static json_t *real_of(const char *text, size_t len)
{
    char *end;
    double value = slpg_number(text, &end);

    return *end == '\0' && isfinite(value) ? json_real(value) : text_of(text, len);
}

/* Whole if it is written so; otherwise only if a double holds all its digits. */
static json_t *numeric_of(const char *text, size_t len)
{
    size_t digits = 0;
    char *end;

    for (const char *p = text; *p; p++)
        digits += (digits > 0 || *p != '0') && isdigit((unsigned char)*p);
    if (!strchr(text, '.')) {
        json_int_t whole;

        errno = 0;
        whole = strtoll(text, &end, 10);
        if (errno == 0 && *end == '\0' && end != text)
            return json_integer(whole);
    }
    return digits <= EXACT_DIGITS ? real_of(text, len) : text_of(text, len);
}

/* 2026-01-31 12:00:00+00 to 2026-01-31T12:00:00+00:00 (RFC 3339); what looks otherwise stays. */
static json_t *time_of(const char *text, size_t len)
{
    char iso[48];
    size_t sign;

    if (len < 19 || len + 4 > sizeof iso || text[4] != '-' || text[10] != ' ' ||
        text[len - 1] == 'C')
        return text_of(text, len);
    memcpy(iso, text, len + 1);
    iso[10] = 'T';
    sign = 19 + strcspn(iso + 19, "+-");
    if (sign < len && len - sign == 3)
        memcpy(iso + len, ":00", 4);
    return json_string(iso);
}

static json_t *value_of(const PGresult *rows, int row, int column)
{
    const char *text = PQgetvalue(rows, row, column);
    size_t len = (size_t)PQgetlength(rows, row, column);

    if (PQgetisnull(rows, row, column))
        return json_null();
    switch (PQftype(rows, column)) {
    case SLPG_BOOL:
        return json_boolean(text[0] == 't');
    case SLPG_INT2:
    case SLPG_INT4:
    case SLPG_INT8:
    case SLPG_OID:
        return json_integer(strtoll(text, NULL, 10));
    case SLPG_FLOAT4:
    case SLPG_FLOAT8:
        return real_of(text, len);
    case SLPG_NUMERIC:
        return numeric_of(text, len);
    case SLPG_JSON:
    case SLPG_JSONB:
        return json_of(text, len);
    case SLPG_TIMESTAMP:
    case SLPG_TIMESTAMPTZ:
        return time_of(text, len);
    default:
        return text_of(text, len);
    }
}

json_t *sl_pg_json_row(const sl_pg_result *r, int row)
{
    json_t *object;

    if (row < 0 || row >= sl_pg_rows(r))
        return NULL;
    object = json_object();
    for (int i = 0; object && i < sl_pg_columns(r); i++) {
        json_t *value = value_of(r->rows, row, i);

        /* Takes the value, also when it fails. */
        if (json_object_set_new(object, PQfname(r->rows, i), value) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

json_t *sl_pg_json(const sl_pg_result *r)
{
    json_t *array = json_array();

    for (int i = 0; array && i < sl_pg_rows(r); i++) {
        if (json_array_append_new(array, sl_pg_json_row(r, i)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
