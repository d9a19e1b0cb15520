/*
 * What the tests of <shallot/pg.h> ask for. DATABASE_URL says where the database is; POOL, WAIT,
 * QUEUE, QUERY, STATEMENTS, IDLE and REQUIRED are options of the pool.
 */
#include <errno.h>
#include <jansson.h>
#include <shallot.h>
#include <shallot/json.h>
#include <shallot/pg.h>
#include <stdlib.h>
#include <string.h>

static sl_pg *pool;

static unsigned number(const char *name)
{
    const char *text = getenv(name);

    return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

/* Any statement, its values from v1, v2, v3 of the query. */
static int query(sl_ctx *c, sl_pg_result **r)
{
    const char *sql = sl_query(c, "sql");
    const char *v[] = {sl_query(c, "v1"), sl_query(c, "v2"), sl_query(c, "v3")};
    sl_pg_value values[3];
    size_t count = 0;

    for (; count < 3 && v[count]; count++)
        values[count] = sl_pg_of_text(v[count]);
    return sl_pg_query_in_request(c, r, sql, values, count);
}

static int rows(sl_ctx *c)
{
    sl_pg_result *r;
    int e = query(c, &r);

    return e < 0 ? e : sl_json(c, sl_pg_json(r));
}

static int affected(sl_ctx *c)
{
    sl_pg_result *r;
    int e = query(c, &r);

    return e < 0 ? e : sl_text(c, "%lld", (long long)sl_pg_affected(r));
}

/* Values of every type that C has, there and back. */
static int types(sl_ctx *c)
{
    json_t *json = json_pack("{s:[i,b]}", "a", 1, 1);
    char octets[] = {0, 1, '\\', '\'', (char)0xff}, buffer[] = "in an array";
    const void *back;
    size_t len;
    sl_pg_result *r;
    int e = sl_pg_query(c, &r,
                        "select $1::int as i, $2::bigint as l, $3::text as t, $4::bool as b, "
                        "$5::float8 as f, $6::bytea as o, $7::text as n, $8::jsonb as j, "
                        "$9::numeric as u, $10::text as a, $11::text as p",
                        -5, 1LL << 40, "it's \"ça\"", (bool)true, 0.1, sl_pg_of_bytes(octets, 5),
                        NULL, json, 18446744073709551615ull, buffer, (const char *)NULL);

    json_decref(json);
    if (e < 0)
        return e;
    back = sl_pg_bytes(r, 0, "o", &len);
    return sl_text(c, "%d %d %lld %lld %s %d %.17g %d %d %s %s %s %d %d|%s|%lld|%d", sl_pg_rows(r),
                   sl_pg_columns(r), (long long)sl_pg_int(r, 0, "i"), (long long)sl_pg_int(r, 0, 1),
                   sl_pg_text(r, 0, "t"), sl_pg_bool(r, 0, "b"), sl_pg_float(r, 0, "f"),
                   len == 5 && memcmp(back, octets, 5) == 0, sl_pg_is_null(r, 0, "n"),
                   sl_pg_text(r, 0, "j"), sl_pg_text(r, 0, "u"), sl_pg_text(r, 0, "a"),
                   sl_pg_text(r, 0, "p") == NULL, sl_pg_column(r, "none"), sl_pg_name(r, 2),
                   (long long)sl_pg_int(r, 0, "t"), sl_pg_bool(r, 3, "nope"));
}

static int wrong(sl_ctx *c)
{
    int x = 1;

    return sl_pg_query(c, NULL, "select $1", (void *)&x);
}

static int unique(sl_ctx *c)
{
    int e = sl_pg_query(c, NULL, "insert into names values ($1)", sl_param(c, "name"));
    const sl_pg_error *error = sl_pg_last_error(c);

    if (e == -SL_PG_UNIQUE_VIOLATION)
        return sl_fail(c, 409, "%s %s %s %s", error->sqlstate, error->table, error->constraint,
                       error->detail);
    return e < 0 ? e : sl_set_status(c, 201);
}

/* ---- transactions ---- */

static int transfer(sl_pg *tx, void *self)
{
    const char *how = self;
    int e = sl_pg_query(tx, NULL, "insert into names values ($1)", how);

    if (e == 0 && strcmp(how, "fail") == 0)
        return -SL_EBADREQUEST;
    if (e == 0 && strcmp(how, "swallow") == 0)
        return sl_pg_query(tx, NULL, "select 1/0") < 0 ? 0 : 1;
    if (e == 0 && strcmp(how, "sleep") == 0)
        e = sl_pg_query(tx, NULL, "select pg_sleep(30)");
    return e < 0 ? e : 7;
}

static int inner(sl_pg *tx, void *self)
{
    int e = sl_pg_query(tx, NULL, "insert into names values ('inner')");

    return e < 0 ? e : sl_pg_query(tx, NULL, "select 1/0");
}

static int outer(sl_pg *tx, void *self)
{
    int e = sl_pg_query(tx, NULL, "insert into names values ('outer')");

    if (e < 0 || sl_pg_transaction(tx, inner, NULL) != -SL_PG_STATE('2', '2', '0', '1', '2'))
        return -SL_EFAIL;
    return sl_pg_query(tx, NULL, "insert into names values ('after')");
}

static int transaction(sl_ctx *c)
{
    const char *how = sl_param(c, "how");
    bool nested = strcmp(how, "nested") == 0;
    int e = sl_pg_transaction(c, nested ? outer : transfer, (void *)(uintptr_t)how);

    return e < 0 ? e : sl_text(c, "%d", e);
}

static int add(sl_pg *tx, void *self)
{
    sl_pg_result *r;
    int e = sl_pg_query(tx, &r, "select n from counted");

    ++*(int *)self;
    if (e == 0)
        e = sl_pg_query(tx, NULL, "select pg_sleep(0.02)");
    return e < 0 ? e : sl_pg_query(tx, NULL, "update counted set n = $1", sl_pg_int(r, 0, "n") + 1);
}

static int serial(sl_ctx *c)
{
    int tries = 0;
    int e = sl_pg_transaction(c, add, &tries, .isolation = SL_PG_SERIALIZABLE, .retries = 100);

    return e < 0 ? e : sl_text(c, "%d", tries);
}

static int twice(void *tx)
{
    return sl_pg_query((sl_pg *)tx, NULL, "select pg_sleep(0.05)");
}

static int share(sl_pg *tx, void *self)
{
    sl_task *a = sl_spawn((sl_ctx *)self, twice, tx), *b = sl_spawn((sl_ctx *)self, twice, tx);
    int x = sl_join(a), y = sl_join(b);

    return x == 0 && y == -EBUSY ? 0 : -SL_EFAIL;
}

static int shared(sl_ctx *c)
{
    int e = sl_pg_transaction(c, share, c);

    return e < 0 ? e : sl_body(c, "one at a time");
}

/* ---- many rows ---- */

struct sum {
    sl_ctx *c;
    int64_t total, rows, stop;
};

static int on_row(sl_pg_result *row, void *self)
{
    struct sum *s = self;

    s->total += sl_pg_int(row, 0, 0);
    return ++s->rows == s->stop ? 5 : 0;
}

static int sum(sl_ctx *c)
{
    struct sum s = {.c = c, .stop = sl_query(c, "stop") ? atoi(sl_query(c, "stop")) : 0};
    int e = sl_pg_each(c, on_row, &s, "select generate_series(1, $1::int)", sl_param(c, "n"));

    return e < 0 ? e : sl_text(c, "%d %lld %lld", e, (long long)s.rows, (long long)s.total);
}

static int write_row(sl_pg_result *row, void *self)
{
    const char *text = sl_pg_text(row, 0, 0);

    return sl_write(self, text, strlen(text));
}

static int stream(sl_ctx *c)
{
    return sl_pg_each(c, write_row, c, "select repeat('x', 1000) from generate_series(1, $1::int)",
                      sl_param(c, "n"));
}

/* ---- the rest ---- */

static int script(sl_ctx *c)
{
    const void *body;
    size_t len;
    int e = sl_request_body(c, &body, &len);

    if (e == 0)
        e = sl_pg_script(c, sl_format(c, "%.*s", (int)len, (const char *)body));
    return e < 0 ? e : sl_set_status(c, 204);
}

static int quick(sl_ctx *c)
{
    sl_pg *pg = sl_pg_for(c, pool, .query_ms = 50);
    int e = sl_pg_query(pg, NULL, "select pg_sleep(20)");

    return e == -ETIMEDOUT ? sl_body(c, "cancelled") : e;
}

static int in_background(void *arg)
{
    sl_app *app = arg;
    sl_pg_result *r;
    int e = sl_pg_query(pool, &r, "select 42 as n");

    if (e == 0)
        sl_info("background: %d", (int)sl_pg_int(r, 0, "n"));
    sl_pg_free(r);
    return app ? e : -1;
}

static int background(sl_ctx *c)
{
    sl_task *t = sl_spawn(sl_app_of(c), in_background, sl_app_of(c));

    return t ? sl_text(c, "%d", sl_join(t)) : -1;
}

static int order(sl_ctx *c)
{
    int e;

    sl_info("asks %s", sl_param(c, "n"));
    e = sl_pg_query(c, NULL, "insert into names values ($1)", sl_param(c, "n"));
    return e < 0 ? e : sl_body(c, "done");
}

static int waiting, most;

/* How many wait at once. */
static int nap(sl_ctx *c)
{
    int e;

    if (++waiting > most)
        most = waiting;
    e = sl_sleep((unsigned)atoi(sl_param(c, "ms")));
    waiting--;
    return e < 0 ? e : sl_text(c, "%d", most);
}

static int hello(sl_ctx *c)
{
    return sl_body(c, "hello");
}

static void farewell(sl_app *app, void *self)
{
    sl_pg_result *r;
    int e = sl_pg_query(pool, &r, "select 1 as one");

    sl_info("farewell: %d %d", e, e == 0 ? (int)sl_pg_int(r, 0, "one") : 0);
    sl_pg_free(r);
}

int main(void)
{
    sl_app *app = sl_new(.instances = 1);

    pool = sl_pg_new(
        app, .connections = number("POOL"), .wait_ms = number("WAIT"), .queue = number("QUEUE"),
        .query_ms = number("QUERY"), .idle_ms = number("IDLE"), .connect_ms = number("CONNECT"),
        .statements = number("STATEMENTS") == 99 ? SL_PG_UNPREPARED : number("STATEMENTS"),
        .required = number("REQUIRED") > 0);
    if (number("FAREWELL"))
        sl_on_stop(app, farewell, NULL);
    sl_get(app, "/rows", rows);
    sl_get(app, "/affected", affected);
    sl_get(app, "/types", types);
    sl_get(app, "/wrong", wrong);
    sl_get(app, "/unique/:name", unique);
    sl_get(app, "/transaction/:how", transaction);
    sl_get(app, "/serial", serial);
    sl_get(app, "/shared", shared);
    sl_get(app, "/sum/:n", sum);
    sl_get(app, "/stream/:n", stream);
    sl_post(app, "/script", script);
    sl_get(app, "/quick", quick);
    sl_get(app, "/background", background);
    sl_get(app, "/order/:n", order);
    sl_get(app, "/nap/:ms", nap);
    sl_get(app, "/hello", hello);
    return sl_listen(app);
}
