/*
 * The same API as todo.c on PostgreSQL, without threads: a query suspends its request's fiber only.
 *
 * Run:  DATABASE_URL=postgresql://localhost/postgres shallot dev todo_pg.c
 * Try:  as todo.c says; then restart PostgreSQL while requests come in: none fails
 */
// shallot: pkgs=shallot-pg,jansson
#include <shallot.h>
#include <shallot/json.h>
#include <shallot/pg.h>
#include <string.h>

static const char schema[] = "select pg_advisory_xact_lock(1); create table if not exists todo (id "
                             "bigint generated always as identity"
                             " primary key, title text not null unique, done bool not null)";

/* What every answer is made of: one row, or 404. */
static int answer(sl_ctx *c, int status, sl_pg_result *r)
{
    if (sl_pg_rows(r) == 0)
        return sl_fail(c, 404, "no such todo");
    sl_set_status(c, status);
    return status == 204 ? 0 : sl_json(c, sl_pg_json_row(r, 0));
}

static int save(sl_ctx *c) /* POST adds one; PATCH changes what is given */
{
    bool adds = strcmp(sl_method(c), "POST") == 0, done = false, has_done;
    const char *title = NULL;
    sl_pg_result *r;
    json_t *json;
    long long id = 0;
    int e = adds ? 0 : sl_param_int(c, "id", &id);

    if (e == 0)
        e = sl_request_json(c, &json);
    if (e == 0)
        e = sl_json_fields(c, json,
                           SL_FIELD("title", &title, .optional = !adds, SL_BETWEEN(1, 200)),
                           SL_FIELD("done", &done, .optional = true));
    has_done = e == 0 && json_is_boolean(json_object_get(json, "done"));
    if (e == 0 && adds)
        e = sl_pg_query(c, &r, "insert into todo (title, done) values ($1, $2) returning *", title,
                        done);
    else if (e == 0)
        e = sl_pg_query(c, &r,
                        "update todo set title = coalesce($1, title), done = coalesce($2, done)"
                        " where id = $3 returning *",
                        title, has_done ? sl_pg_of_bool(done) : SL_PG_NULL, id);
    if (e == -SL_PG_UNIQUE_VIOLATION)
        return sl_fail(c, 409, "\"%s\" is on the list already", title);
    return e < 0 ? e : answer(c, adds ? 201 : 200, r);
}

static int list(sl_ctx *c)
{
    sl_pg_result *r;
    int e = sl_pg_query(c, &r, "select id, title, done from todo order by id");

    return e < 0 ? e : sl_json(c, sl_pg_json(r));
}

static int by_id(sl_ctx *c, int status, const char *sql)
{
    sl_pg_result *r;
    long long id;
    int e = sl_param_int(c, "id", &id);

    if (e == 0)
        e = sl_pg_query(c, &r, sql, id);
    return e < 0 ? e : answer(c, status, r);
}

static int show(sl_ctx *c)
{
    return by_id(c, 200, "select id, title, done from todo where id = $1");
}

static int drop(sl_ctx *c)
{
    return by_id(c, 204, "delete from todo where id = $1 returning id");
}

static int make_table(sl_app *app, void *pg) /* in each worker; the first makes it */
{
    return sl_pg_script((sl_pg *)pg, schema);
}

int main(void)
{
    sl_app *app = sl_new();
    sl_pg *pg = sl_pg_new(app);

    sl_on_start(app, make_table, pg);
    sl_get(app, "/todos", list);
    sl_post(app, "/todos", save);
    sl_get(app, "/todos/:id", show);
    sl_patch(app, "/todos/:id", save);
    sl_delete(app, "/todos/:id", drop);
    return sl_listen(app, .port = 9090);
}
