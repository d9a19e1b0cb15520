/*
 * A todo API: JSON in and out, kept in SQLite, which blocks and therefore runs on threads.
 *
 * Run:  shallot dev todo.c                 (TODO_DB names the file)
 * Try:  TYPE='Content-Type: application/json' URL=localhost:9090/todos
 *       curl -H "$TYPE" -d '{"title": "peel onions"}' $URL; curl $URL
 *       curl -H "$TYPE" -X PATCH -d '{"done": true}' $URL/1; curl -X DELETE $URL/1
 */
// shallot: pkgs=jansson,sqlite3
#include <shallot.h>
#include <shallot/json.h>
#include <sqlite3.h>
#include <string.h>

#define TODO "json_object('id', id, 'title', title, 'done', json(iif(done, 'true', 'false')))"

static const char schema[] = "pragma busy_timeout = 5000; pragma journal_mode = wal;"
                             "create table if not exists todo (id integer primary key,"
                             " title text not null unique, done int not null)";
static const char add[] = "insert into todo (title, done) values (:title, :done) returning " TODO;
static const char change[] = "update todo set title = ifnull(:title, title),"
                             " done = ifnull(:done, done) where id = :id returning " TODO;
static const char all[] = "select json_group_array(json(" TODO ")) from todo";
static sqlite3 *db; /* one per worker; guards itself with a mutex */

struct query {
    const char *sql, *title; /* title NULL, done -1: SQL's NULL */
    long long id, done;
    char *json; /* the answer; NULL: no row */
};

static int run(void *arg) /* on a thread */
{
    struct query *q = arg;
    sqlite3_stmt *s;
    int r = sqlite3_prepare_v2(db, q->sql, -1, &s, NULL);

    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_int64(s, sqlite3_bind_parameter_index(s, ":id"), q->id);
    sqlite3_bind_text(s, sqlite3_bind_parameter_index(s, ":title"), q->title, -1, SQLITE_STATIC);
    if (q->done >= 0)
        sqlite3_bind_int(s, sqlite3_bind_parameter_index(s, ":done"), q->done);
    if (sqlite3_step(s) == SQLITE_ROW)
        q->json = strdup((const char *)sqlite3_column_text(s, 0));
    return sqlite3_finalize(s); /* the error, if there was one */
}

static int answer(sl_ctx *c, int status, struct query q)
{
    int r = sl_param(c, "id") ? sl_param_int(c, "id", &q.id) : 0;

    if (r == 0)
        r = sl_offload(run, &q); /* waits; the worker goes on */
    sl_defer(c, free, q.json);
    if (r == SQLITE_CONSTRAINT_UNIQUE)
        return sl_fail(c, 409, "\"%s\" is on the list already", q.title);
    if (r != SQLITE_OK)
        return r < 0 ? r : sl_fail(c, 500, "SQLite: %s", sqlite3_errstr(r));
    if (!q.json)
        return sl_fail(c, 404, "no such todo");
    sl_set_status(c, status);
    sl_type(c, status == 204 ? NULL : "json");
    return status == 204 ? 0 : sl_body(c, q.json);
}

static int save(sl_ctx *c) /* POST adds one; PATCH changes what is given */
{
    bool adds = strcmp(sl_method(c), "POST") == 0, done = false;
    struct query q = {.sql = adds ? add : change};
    json_t *json;
    int r = sl_request_json(c, &json);

    if (r == 0)
        r = sl_json_fields(c, json,
                           SL_FIELD("title", &q.title, .optional = !adds, SL_BETWEEN(1, 200)),
                           SL_FIELD("done", &done, .optional = true));
    if (r < 0)
        return r;
    q.done = adds || json_is_boolean(json_object_get(json, "done")) ? done : -1;
    return answer(c, adds ? 201 : 200, q);
}

static int list(sl_ctx *c)
{
    return answer(c, 200, (struct query){.sql = all});
}

static int show(sl_ctx *c)
{
    return answer(c, 200, (struct query){.sql = "select " TODO " from todo where id = :id"});
}

static int drop(sl_ctx *c)
{
    return answer(c, 204, (struct query){.sql = "delete from todo where id = :id returning id"});
}

static int open_db(sl_app *app, void *path) /* in each worker */
{
    if (sqlite3_open(path ? path : "todo.db", &db) == SQLITE_OK &&
        sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK)
        return sqlite3_extended_result_codes(db, 1);
    sl_error("cannot open the database: %s", sqlite3_errmsg(db));
    return -1;
}

int main(void)
{
    sl_app *app = sl_new();

    sl_on_start(app, open_db, getenv("TODO_DB"));
    sl_get(app, "/todos", list);
    sl_post(app, "/todos", save);
    sl_get(app, "/todos/:id", show);
    sl_patch(app, "/todos/:id", save);
    sl_delete(app, "/todos/:id", drop);
    return sl_listen(app, .port = 9090);
}
