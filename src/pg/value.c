/*
 * Values on their way to the server: what C has, as libpq wants it.
 *
 * All go as text, whose type the server finds out by where they stand; octets go as they are.
 * Numbers are written as C does it, whatever the locale of the program: a decimal comma is none to
 * the server.
 */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define NUMBER 32  /* room for any number */
#define MOST 65535 /* the protocol counts in 16 bits */

static locale_t plain_locale(void)
{
    static locale_t plain; /* for the life of the process */

    if (!plain)
        plain = newlocale(LC_ALL_MASK, "C", NULL);
    return plain;
}

double slpg_number(const char *text, char **end)
{
    locale_t plain = plain_locale();

    return plain ? strtod_l(text, end, plain) : strtod(text, end);
}

void slpg_number_text(char *buf, size_t size, double value)
{
    locale_t plain = plain_locale(), before = plain ? uselocale(plain) : NULL;

    if (isnan(value)) /* whose sign the server does not know */
        snprintf(buf, size, "NaN");
    else
        snprintf(buf, size, "%.17g", value);
    if (plain)
        uselocale(before);
}

static int text_of(struct slpg_values *v, int i, char *number, const sl_pg_value *value)
{
    v->values[i] = number;
    switch (value->kind) {
    case SL_PG_IS_NULL:
        v->values[i] = NULL;
        return 0;
    case SL_PG_IS_INT:
        snprintf(number, NUMBER, "%" PRId64, value->as.i);
        return 0;
    case SL_PG_IS_UINT:
        snprintf(number, NUMBER, "%" PRIu64, value->as.u);
        return 0;
    case SL_PG_IS_FLOAT:
        slpg_number_text(number, NUMBER, value->as.f);
        return 0;
    case SL_PG_IS_BOOL:
        v->values[i] = value->as.b ? "t" : "f";
        return 0;
    case SL_PG_IS_TEXT:
        v->values[i] = value->as.p;
        return 0;
    case SL_PG_IS_BYTES:
        v->values[i] = value->as.p;
        v->lengths[i] = (int)value->len;
        v->formats[i] = 1;
        return value->len <= INT_MAX ? 0 : -EINVAL;
    case SL_PG_IS_JSON:
        v->values[i] = v->json[i] = slpg_json_text(value->as.p);
        return v->values[i] ? 0 : -EINVAL;
    case SL_PG_IS_WRONG:
        break;
    }
    return -EINVAL;
}

int slpg_values_init(struct slpg_values *ret, const sl_pg_value *values, size_t count)
{
    char *numbers;

    *ret = (struct slpg_values){.count = 0};
    if (count > MOST)
        return -EINVAL;
    if (count == 0)
        return 0;
    ret->memory = calloc(count, 2 * sizeof(char *) + 2 * sizeof(int) + NUMBER);
    if (!ret->memory)
        return -ENOMEM;
    ret->values = ret->memory;
    ret->json = (char **)ret->memory + count;
    ret->lengths = (int *)(ret->json + count);
    ret->formats = ret->lengths + count;
    numbers = (char *)(ret->formats + count);
    for (; ret->count < (int)count; ret->count++) {
        int r =
            text_of(ret, ret->count, numbers + (size_t)ret->count * NUMBER, &values[ret->count]);

        if (r < 0)
            return r;
    }
    return 0;
}

void slpg_values_finish(struct slpg_values *v)
{
    for (int i = 0; i < v->count; i++)
        free(v->json[i]);
    free(v->memory);
    *v = (struct slpg_values){.count = 0};
}
