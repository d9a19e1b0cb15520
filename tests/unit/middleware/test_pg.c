/* <shallot/pg.h> without a server: values, rows made by hand, errors, conninfos. With one:
 * tests/e2e/test_pg.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <shallot/app.h>
#include <shallot/error.h>

#include "pg/inside.h"

/* ---- values ---- */

static void values_become_texts(void **state)
{
    const struct {
        sl_pg_value value;
        const char *text;
    } cases[] = {
        {sl_pg_of_int(0), "0"},
        {sl_pg_of_int(INT64_MIN), "-9223372036854775808"},
        {sl_pg_of_uint(UINT64_MAX), "18446744073709551615"},
        {sl_pg_of_float(0.1), "0.10000000000000001"},
        {sl_pg_of_float(1e300), "1.0000000000000001e+300"},
        {sl_pg_of_float(-INFINITY), "-inf"},
        {sl_pg_of_float(-NAN), "NaN"},
        {sl_pg_of_bool(true), "t"},
        {sl_pg_of_bool(false), "f"},
        {sl_pg_of_text("it's"), "it's"},
        {sl_pg_of_text(NULL), NULL},
        {sl_pg_of_json(NULL), NULL},
        {sl_pg_of_bytes(NULL, 5), NULL},
        {SL_PG_NULL, NULL},
    };
    enum { COUNT = sizeof cases / sizeof *cases };
    sl_pg_value values[COUNT];
    struct slpg_values v;

    for (size_t i = 0; i < COUNT; i++)
        values[i] = cases[i].value;
    assert_int_equal(slpg_values_init(&v, values, COUNT), 0);
    assert_int_equal(v.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(v.formats[i], 0);
        if (cases[i].text)
            assert_string_equal(v.values[i], cases[i].text);
        else
            assert_null(v.values[i]);
    }
    slpg_values_finish(&v);
}

static void octets_go_as_they_are(void **state)
{
    const char octets[] = {0, 1, 2};
    const sl_pg_value values[] = {sl_pg_of_text("a"), sl_pg_of_bytes(octets, 3)};
    struct slpg_values v;

    assert_int_equal(slpg_values_init(&v, values, 2), 0);
    assert_ptr_equal(v.values[1], octets);
    assert_int_equal(v.lengths[1], 3);
    assert_int_equal(v.formats[1], 1);
    slpg_values_finish(&v);
    assert_int_equal(slpg_values_init(&v, NULL, 0), 0);
    slpg_values_finish(&v);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    int x = 0;
    const sl_pg_value values[] = {sl_pg_of_int(1), sl_pg_of_pointer(&x), sl_pg_of_int(2)};
    const sl_pg_value large[] = {sl_pg_of_bytes("", (size_t)INT_MAX + 1)};
    struct slpg_values v;

    assert_int_equal(slpg_values_init(&v, values, 3), -EINVAL);
    assert_int_equal(v.count, 1); /* which one it is */
    slpg_values_finish(&v);
    assert_int_equal(slpg_values_init(&v, large, 1), -EINVAL);
    slpg_values_finish(&v);
    assert_int_equal(slpg_values_init(&v, values, 65536), -EINVAL);
    slpg_values_finish(&v);
}

static void numbers_do_not_depend_on_the_locale(void **state)
{
    const sl_pg_value value = sl_pg_of_float(1.5);
    struct slpg_values v;
    char *end;

    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        setlocale(LC_ALL, "C.UTF-8"); /* then there is not much to see */
    assert_int_equal(slpg_values_init(&v, &value, 1), 0);
    assert_string_equal(v.values[0], "1.5");
    slpg_values_finish(&v);
    assert_true(slpg_number("2.25", &end) == 2.25 && *end == '\0');
    setlocale(LC_ALL, "C");
}

/* ---- rows ---- */

static sl_pg_result *made_of(Oid type, const char *text)
{
    char name[] = "x";
    PGresAttDesc column = {.name = name, .typid = type};
    sl_pg_result *r = calloc(1, sizeof *r);
    char *value = text ? strdup(text) : NULL;

    r->rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_true(PQsetResultAttrs(r->rows, 1, &column));
    assert_true(PQsetvalue(r->rows, 0, 0, value, text ? (int)strlen(text) : -1));
    free(value);
    return r;
}

#define DEEP "[[[[[[[[[[[[[[[[" /* sixteen */
#define UNDEEP "]]]]]]]]]]]]]]]]"

static const struct {
    Oid type;
    const char *text, *json;
} rows[] = {
    {SLPG_INT4, "-5", "-5"},
    {SLPG_INT8, "9223372036854775807", "9223372036854775807"},
    {SLPG_BOOL, "t", "true"},
    {SLPG_BOOL, "f", "false"},
    {SLPG_FLOAT8, "0.5", "0.5"},
    {SLPG_FLOAT8, "Infinity", "\"Infinity\""},
    {SLPG_FLOAT8, "NaN", "\"NaN\""},
    {SLPG_NUMERIC, "12", "12"},
    {SLPG_NUMERIC, "-0.5", "-0.5"},
    {SLPG_NUMERIC, "0.00000000000000000000125", "1.25e-21"},
    {SLPG_NUMERIC, "123456789012.345", "123456789012.345"},
    {SLPG_NUMERIC, "1234567890123.456", "\"1234567890123.456\""},
    {SLPG_NUMERIC, "99999999999999999999", "\"99999999999999999999\""},
    {SLPG_NUMERIC, "NaN", "\"NaN\""},
    {SLPG_NUMERIC, "-Infinity", "\"-Infinity\""},
    {SLPG_JSON, " {\"a\": [1, \"\\u0000\"]}", "{\"a\":[1,\"\\u0000\"]}"},
    {SLPG_JSONB, "null", "null"},
    {SLPG_JSONB, "1e999", "\"1e999\""},
    {SLPG_JSON, "\"[[[[\\\"[[[\"", "\"[[[[\\\"[[[\""},
    {SLPG_JSON, DEEP DEEP DEEP DEEP UNDEEP UNDEEP UNDEEP UNDEEP,
     DEEP DEEP DEEP DEEP UNDEEP UNDEEP UNDEEP UNDEEP},
    {SLPG_JSON, DEEP DEEP DEEP DEEP "[]" UNDEEP UNDEEP UNDEEP UNDEEP,
     "\"" DEEP DEEP DEEP DEEP "[]" UNDEEP UNDEEP UNDEEP UNDEEP "\""},
    {SLPG_TIMESTAMP, "2026-01-31 12:00:00", "\"2026-01-31T12:00:00\""},
    {SLPG_TIMESTAMPTZ, "2026-01-31 12:00:00.123456+00", "\"2026-01-31T12:00:00.123456+00:00\""},
    {SLPG_TIMESTAMPTZ, "2026-01-31 12:00:00-03:30", "\"2026-01-31T12:00:00-03:30\""},
    {SLPG_TIMESTAMPTZ, "infinity", "\"infinity\""},
    {SLPG_TIMESTAMPTZ, "0044-03-15 12:00:00+00 BC", "\"0044-03-15 12:00:00+00 BC\""},
    {SLPG_TIMESTAMP, "12026-01-31 12:00:00", "\"12026-01-31 12:00:00\""},
    {SLPG_TIMESTAMP, "Sat Jan 31 12:00:00 2026", "\"Sat Jan 31 12:00:00 2026\""},
    {25, "text \"é\"", "\"text \\\"é\\\"\""},
    {25, "latin \xe9", "\"latin ?\""},
    {25, "", "\"\""},
    {25, NULL, "null"},
    {SLPG_INT4, NULL, "null"},
};

static void rows_become_json(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sl_pg_result *r = made_of(rows[i].type, rows[i].text);
        json_t *all = sl_pg_json(r), *one = sl_pg_json_row(r, 0);
        char *text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(15)), expected[256];

        snprintf(expected, sizeof expected, "[{\"x\":%s}]", rows[i].json);
        assert_string_equal(text, expected);
        assert_true(json_equal(json_array_get(all, 0), one));
        assert_null(sl_pg_json_row(r, 1));
        assert_null(sl_pg_json_row(r, -1));
        free(text);
        json_decref(one);
        json_decref(all);
        sl_pg_free(r);
    }
}

static long budget, held; /* allocations of Jansson's that still succeed; that are not freed yet */

static void *meagre(size_t size)
{
    void *p = budget-- > 0 ? malloc(size) : NULL;

    held += p != NULL;
    return p;
}

static void give(void *p)
{
    held -= p != NULL;
    free(p);
}

static void json_without_memory(void **state)
{
    json_set_alloc_funcs(meagre, give);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sl_pg_result *r = made_of(rows[i].type, rows[i].text);
        json_t *json = NULL;

        for (long n = 0; !json; n++) {
            budget = n;
            json = sl_pg_json(r);
            assert_true(n < 1000);
            assert_true(json || held == 0);
        }
        json_decref(json);
        assert_int_equal(held, 0);
        sl_pg_free(r);
    }
    json_set_alloc_funcs(malloc, free);
}

static void values_are_read_as_what_is_asked_for(void **state)
{
    sl_pg_result *number = made_of(SLPG_INT4, "42"), *text = made_of(25, "4x"),
                 *null = made_of(25, NULL);
    sl_pg_result *huge = made_of(SLPG_NUMERIC, "9223372036854775808"),
                 *octets = made_of(SLPG_BYTEA, "\\x00ff5c");
    size_t len = 7;

    assert_int_equal(sl_pg_int(number, 0, "x"), 42);
    assert_true(sl_pg_float(number, 0, 0) == 42);
    assert_string_equal(sl_pg_text(number, 0, "x"), "42");
    assert_int_equal(sl_pg_int(text, 0, 0),
                     0); /* with a line in the log, as the others that are wrong */
    assert_true(sl_pg_float(text, 0, 0) == 0 && !sl_pg_bool(text, 0, 0));
    assert_int_equal(sl_pg_int(huge, 0, 0), 0);
    assert_true(sl_pg_is_null(null, 0, 0) && sl_pg_int(null, 0, 0) == 0 &&
                !sl_pg_bytes(null, 0, 0, &len) && len == 0);
    assert_memory_equal(sl_pg_bytes(octets, 0, "x", &len), "\0\xff\\", 3);
    assert_int_equal(len, 3);
    assert_memory_equal(sl_pg_bytes(text, 0, 0, &len), "4x", 2);
    assert_int_equal(len, 2);
    assert_int_equal(sl_pg_column(text, "X"), -1);
    assert_null(sl_pg_text(text, 0, "X"));
    assert_null(sl_pg_text(text, 1, 0));
    assert_null(sl_pg_text(text, -1, 0));
    assert_null(sl_pg_text(text, 0, 1));
    assert_null(sl_pg_name(text, 1));
    assert_string_equal(sl_pg_name(text, 0), "x");
    assert_int_equal(sl_pg_rows(NULL) + sl_pg_columns(NULL) + sl_pg_affected(NULL), 0);
    sl_pg_free(number);
    sl_pg_free(text);
    sl_pg_free(null);
    sl_pg_free(huge);
    sl_pg_free(octets);
    sl_pg_free(NULL);
}

/* ---- errors, conninfos, pools ---- */

static void states_are_numbers_of_their_own(void **state)
{
    const int all[] = {SL_PG_STATE('0', '0', '0', '0', '1'),
                       SL_PG_UNIQUE_VIOLATION,
                       SL_PG_CHECK_VIOLATION,
                       SL_PG_EXCLUSION_VIOLATION,
                       SL_PG_DEADLOCK_DETECTED,
                       SL_PG_STATE('Z', 'Z', 'Z', 'Z', 'Z'),
                       SL_PG_STATE('9', '9', '9', '9', '9')};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_true(all[i] > 1 << 30 && -all[i] < 0);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(all[i], all[j]);
    }
}

static void conninfos(void **state)
{
    const struct {
        const char *text, *hosts, *addresses, *ports;
    } cases[] = {
        {"host=127.0.0.1 port=1", "127.0.0.1", "", "1"},
        {"host=127.0.0.1,::1,/tmp port=1,2,3", "127.0.0.1,::1,/tmp", ",,", "1,2,3"},
        {"host=127.0.0.1,::1 port=7", "127.0.0.1,::1", ",", "7,7"},
        {"postgresql://u:p@127.0.0.1:5/db", "127.0.0.1", "", "5"},
        {"hostaddr=127.0.0.1 host=name", NULL, NULL, NULL},
        {"dbname=x", NULL, NULL, NULL},
        {"plain", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
    };
    char why[256];

    unsetenv("PGHOST");
    unsetenv("PGPORT");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slpg_address a;

        assert_true(slpg_conninfo_good(cases[i].text, why, sizeof why));
        assert_int_equal(slpg_resolve(cases[i].text, &a, why, sizeof why), 0);
        if (cases[i].hosts) {
            assert_string_equal(a.hosts, cases[i].hosts);
            assert_string_equal(a.addresses, cases[i].addresses);
            assert_string_equal(a.ports, cases[i].ports);
        } else {
            assert_null(a.hosts);
        }
        slpg_address_free(&a);
    }
    assert_false(slpg_conninfo_good("host=a nonsense=1", why, sizeof why));
    assert_string_equal(why, "invalid connection option \"nonsense\"");
    assert_false(slpg_conninfo_good("postgresql://[", why, sizeof why));
}

static void pools_belong_to_their_app(void **state)
{
    sl_app *app = sl_new(), *other = sl_new();
    sl_pg *first = sl_pg_new(app, .conninfo = "dbname=a"),
          *second = sl_pg_new(app, .connections = 2, .statements = SL_PG_UNPREPARED);

    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_equal(slpg_first_pool(app), first);
    assert_null(slpg_first_pool(other));
    assert_int_equal(first->pool->options.connections, 8);
    assert_int_equal(second->pool->options.connections, 2);
    assert_int_equal(second->pool->options.statements, 0);
    assert_string_equal(sl_pg_last_error(first)->message, "");
    assert_int_equal(sl_pg_query(first, NULL, "select 1"),
                     -SL_EOVERLOADED); /* there are no fibers in main() */
    assert_string_not_equal(sl_pg_last_error(first)->message, "");
    assert_int_equal(sl_pg_query((sl_pg *)NULL, NULL, "select 1"), -EINVAL);
    assert_null(sl_pg_new(other, .conninfo = "nonsense=1"));
    sl_free(app);
    sl_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_texts),
        cmocka_unit_test(octets_go_as_they_are),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
        cmocka_unit_test(rows_become_json),
        cmocka_unit_test(json_without_memory),
        cmocka_unit_test(values_are_read_as_what_is_asked_for),
        cmocka_unit_test(states_are_numbers_of_their_own),
        cmocka_unit_test(conninfos),
        cmocka_unit_test(pools_belong_to_their_app),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
