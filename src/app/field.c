/*
 * Values of a request, checked and stored: text from parameters, queries and forms, and what is
 * common with the members of JSON (json_fields.c).
 *
 * Handlers come here through sl_read_params() and its like. Numbers are written as in JSON, but
 * that zeros may lead: no spaces, no hexadecimal, no infinity, and the decimal point is a point
 * whatever the locale.
 */
#include "app/field.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "shallot/ctx.h"
#include "shallot/request.h"

#define QUOTED_MAX 40 /* octets of a client's value in a message */

bool sl__field_within(const sl_field *f, double value)
{
    return !((f->bounds & 1) && value < f->min) && !((f->bounds & 2) && value > f->max);
}

bool sl__field_integer(const sl_field *f, int64_t value)
{
    if (!sl__field_within(f, (double)value))
        return false;
    switch (f->kind) {
    case SL_FIELD_INT:
        if (value < INT_MIN || value > INT_MAX)
            return false;
        *(int *)f->into = (int)value;
        return true;
    case SL_FIELD_UNSIGNED:
        if (value < 0 || value > UINT_MAX)
            return false;
        *(unsigned *)f->into = (unsigned)value;
        return true;
    case SL_FIELD_LONG:
        if (value < LONG_MIN || value > LONG_MAX)
            return false;
        *(long *)f->into = (long)value;
        return true;
    case SL_FIELD_LONG_LONG:
        *(long long *)f->into = value;
        return true;
    case SL_FIELD_UNSIGNED_LONG:
        if (value < 0 || (uint64_t)value > ULONG_MAX)
            return false;
        *(unsigned long *)f->into = (unsigned long)value;
        return true;
    case SL_FIELD_DOUBLE:
        *(double *)f->into = (double)value;
        return true;
    default:
        return false;
    }
}

bool sl__field_real(const sl_field *f, double value)
{
    if (f->kind != SL_FIELD_DOUBLE) /* 5.0 is an integer too, as long as doubles tell them apart */
        return value >= -9007199254740992.0 && value <= 9007199254740992.0 &&
               value == (double)(int64_t)value && sl__field_integer(f, (int64_t)value);
    if (!isfinite(value) || !sl__field_within(f, value))
        return false;
    *(double *)f->into = value;
    return true;
}

bool sl__field_flag(const sl_field *f, bool value)
{
    if (f->kind != SL_FIELD_BOOL)
        return false;
    *(bool *)f->into = value;
    return true;
}

bool sl__field_text(const sl_field *f, const char *text, size_t len)
{
    size_t characters = 0;

    if (f->kind != SL_FIELD_TEXT)
        return false;
    for (size_t i = 0; i < len; i++)
        characters += ((unsigned char)text[i] & 0xc0) != 0x80;
    if (!sl__field_within(f, (double)characters))
        return false;
    *(const char **)f->into = text;
    return true;
}

static const char *skip_digits(const char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* Behind the last digit of an integer or number at @p p; NULL if it is none. */
static const char *skip_number(const char *p, bool real)
{
    const char *from;

    p += *p == '-';
    from = p;
    p = skip_digits(p);
    if (p == from)
        return NULL;
    if (real && *p == '.') {
        from = p + 1;
        p = skip_digits(from);
        if (p == from)
            return NULL;
    }
    if (real && (*p == 'e' || *p == 'E')) {
        p += p[1] == '-' || p[1] == '+' ? 2 : 1;
        from = p;
        p = skip_digits(from);
        if (p == from)
            return NULL;
    }
    return p;
}

static bool parse_integer(const sl_field *f, const char *text)
{
    const char *end = skip_number(text, false);
    long long value;

    if (!end || *end != '\0')
        return false;
    errno = 0;
    value = strtoll(text, NULL, 10);
    return errno == 0 && sl__field_integer(f, value);
}

static bool parse_real(const sl_field *f, const char *text)
{
    const char *end = skip_number(text, true);
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* a constant of the C library */

    return end && *end == '\0' && plain && sl__field_real(f, strtod_l(text, NULL, plain));
}

static bool parse_flag(const sl_field *f, const char *text)
{
    static const char *const words[] = {"false", "true", "0", "1", "off", "on", "no", "yes"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0)
            return sl__field_flag(f, i % 2);
    return false;
}

bool sl__field_parse(const sl_field *f, const char *text)
{
    switch (f->kind) {
    case SL_FIELD_TEXT:
        return sl__field_text(f, text, strlen(text));
    case SL_FIELD_BOOL:
        return parse_flag(f, text);
    case SL_FIELD_DOUBLE:
        return parse_real(f, text);
    default:
        return parse_integer(f, text);
    }
}

/* What is expected, and the word for what its bounds count. */
static const char *noun(const sl_field *f, const char **ret_unit)
{
    *ret_unit = "";
    switch (f->kind) {
    case SL_FIELD_TEXT:
        *ret_unit = " characters";
        return "a text";
    case SL_FIELD_DOUBLE:
        return "a number";
    case SL_FIELD_BOOL:
        return "true or false";
    case SL_FIELD_JSON:
        *ret_unit = f->json == SL_JSON_OBJECT ? " members" : " items";
        return f->json == SL_JSON_OBJECT  ? "an object"
               : f->json == SL_JSON_ARRAY ? "an array"
                                          : "a value";
    default:
        return "an integer";
    }
}

/* The program's bounds, and where it has none those of a type that is narrow. */
static unsigned bounds_of(const sl_field *f, double *ret_min, double *ret_max)
{
    bool is_int = f->kind == SL_FIELD_INT, is_unsigned = f->kind == SL_FIELD_UNSIGNED;
    unsigned bounds = f->bounds;

    *ret_min = bounds & 1 ? f->min : is_int ? INT_MIN : 0;
    *ret_max = bounds & 2 ? f->max : is_int ? INT_MAX : UINT_MAX;
    if (is_int || is_unsigned)
        bounds = 3;
    if (f->kind == SL_FIELD_UNSIGNED_LONG)
        bounds |= 1;
    return bounds;
}

const char *sl__field_expected(sl_ctx *c, const sl_field *f)
{
    const char *unit, *what = noun(f, &unit), *text;
    const char *of = *unit ? " of" : " from", *of_one = *unit ? " of " : ", ";
    double min, max;

    switch (bounds_of(f, &min, &max)) {
    case 1:
        text = sl_format(c, "%s%s%.15g or more%s", what, of_one, min, unit);
        break;
    case 2:
        text = sl_format(c, "%s%s%.15g%s at most", what, of_one, max, unit);
        break;
    case 3:
        text = sl_format(c, "%s%s %.15g to %.15g%s", what, of, min, max, unit);
        break;
    default:
        text = what;
        break;
    }
    return text ? text : what;
}

const char *sl__field_quote(sl_ctx *c, const char *text)
{
    size_t len = strlen(text), keep = len < QUOTED_MAX ? len : QUOTED_MAX;
    char *out = sl_alloc(c, keep + sizeof "\"...\"");

    if (!out)
        return "something else";
    while (keep < len && keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
        keep--;
    out[0] = '"';
    for (size_t i = 0; i < keep; i++)
        out[i + 1] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    strcpy(out + keep + 1, keep < len ? "...\"" : "\"");
    return out;
}

int sl__field_from_text(sl_ctx *c, const sl_field *f, const char *where, const char *value,
                        int status)
{
    if (!value && f->optional)
        return 0;
    if (f->kind == SL_FIELD_JSON || f->kind < SL_FIELD_TEXT || f->kind > SL_FIELD_JSON)
        return sl_fail(c, 500, "%s %s: a variable of a type that text cannot fill", where, f->name);
    if (value && sl__field_parse(f, value))
        return 0;
    return sl_fail(c, status, "%s %s: expected %s, got %s", where, f->name,
                   sl__field_expected(c, f), value ? sl__field_quote(c, value) : "nothing");
}

int sl_read_params(sl_ctx *c, const sl_field *fields, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = sl__field_from_text(c, &fields[i], "parameter", sl_param(c, fields[i].name), 400);
    return r;
}

int sl_read_query(sl_ctx *c, const sl_field *fields, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = sl__field_from_text(c, &fields[i], "query", sl_query(c, fields[i].name), 400);
    return r;
}
