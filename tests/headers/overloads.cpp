/*
 * What C++17 has instead of the macros. Compiled with all warnings; nothing runs.
 */
#include <shallot.h>

static int handler(sl_ctx *c)
{
    sl_task *task = sl_spawn(
        c, [](void *) { return 0; }, nullptr);
    const sl_ctx *seen = c;

    sl_error("nothing but text");
    sl_error("%s: %d", "text", 1);
    sl_debug("error: %s %s", sl_error(c), sl_error(seen));
    if (!sl_accepts(c, "html", "json") || !sl_accepts_encoding(c, "br") ||
        !sl_accepts_language(c, "en", "de") || !sl_accepts_charset(c, "utf-8"))
        return sl_fail(c, 406, "nothing acceptable");
    return task ? sl_join(task) : sl_fail(c, 503, "no task");
}

static int fetches(sl_ctx *c, sl_app *app)
{
    sl_fetch_options o = {};
    sl_fetched a;

    o.method = "PUT";
    return sl_fetch(c, &a, "http://a/") | sl_fetch(app, &a, "http://a/", o) |
           sl_fetch_open(c, &a, "http://a/", o) | sl_fetch_open(app, &a, "http://a/");
}

static int fields(sl_ctx *c)
{
    int i;
    unsigned u;
    int64_t i64;
    uint64_t u64;
    double d;
    bool b;
    const char *t;
    struct json_t *json;
    sl_field many = SL_AT_LEAST(SL_FIELD("json", &json), 1);

    sl_form_options form = {};

    form.files = 2;
    many.json = SL_JSON_ARRAY;
    return sl_request_form(c) | sl_request_form(c, form) | sl_form_fields(c, {SL_FIELD("i", &i)}) |
           sl_param_int(c, "i", &i) | sl_param_double(c, "d", &d) | sl_query_int(c, "u", &u) |
           sl_query_double(c, "d", &d) | sl_query_bool(c, "b", &b) |
           sl_param_fields(c, {SL_FIELD("i64", &i64), SL_BETWEEN(SL_FIELD("u64", &u64), 1, 5)}) |
           sl_query_fields(c, {SL_AT_MOST(SL_FIELD("t", &t, true), 80), many});
}

static int cookies(sl_ctx *c)
{
    sl_cookie_options o = {};

    o.max_age = 60;
    return sl_set_cookie(c, "a", "1") | sl_set_cookie(c, "a", "1", o) | sl_clear_cookie(c, "a") |
           sl_clear_cookie(c, "a", o) | sl_set_signed_cookie(c, "a", "1") |
           sl_set_signed_cookie(c, "a", "1", o) | sl_set_sealed_cookie(c, "a", "1") |
           sl_set_sealed_cookie(c, "a", "1", o);
}

static int run(sl_ctx *c, void *)
{
    return sl_next(c);
}

static int events(sl_ctx *c)
{
    sl_sse_options o = {};
    sl_sse_event e = {};
    sl_sse_join_options j = {};

    o.overflow = SL_SSE_DROP;
    e.data = "x";
    j.format = [](const sl_message *, sl_sse_event *, void *) { return true; };
    return sl_sse_send(sl_sse_open(c, o), e) | sl_sse_join(sl_sse_open(c), "a") |
           sl_sse_join(nullptr, "b", j);
}

static int routes(sl_app *app, sl_router *router)
{
    sl_middleware m = {run, nullptr, nullptr};
    int r = sl_get(app, "/cookies", cookies) | sl_secrets(app) | sl_secrets(app, "one", "two");

    r |= sl_get(app, "/1", handler) | sl_get(router, "/1", m, handler);
    r |= sl_get(app, "/events", events);
    r |= sl_get(app, "/8", m, m, m, m, m, m, m, &handler);
    r |= sl_get(app, "/lambda", [](sl_ctx *c) { return sl_text(c, "hello"); });
    r |= sl_get(app, "/fields", fields);
    r |= sl_get(app, "/value", sl_middleware{run, nullptr, nullptr}, handler);
    r |= sl_post(app, "/x", handler) | sl_post(router, "/x", m, handler);
    r |= sl_put(app, "/x", handler) | sl_put(router, "/x", m, handler);
    r |= sl_patch(app, "/x", handler) | sl_patch(router, "/x", m, handler);
    r |= sl_delete(app, "/x", handler) | sl_delete(router, "/x", m, handler);
    r |= sl_head(app, "/x", handler) | sl_head(router, "/x", m, handler);
    r |= sl_all(app, ".*", handler) | sl_all(router, ".*", m, handler);
    r |= sl_route(app, "OPTIONS", "/x", handler) | sl_route(router, "OPTIONS", "/x", m, handler);
    r |= sl_router_use(router, handler) | sl_router_use(router, m);
    return r;
}

static int layers(sl_app *app)
{
    static const char *const list[] = {"*", nullptr};
    static const sl_user users[] = {{"a", "b"}, {nullptr, nullptr}};
    sl_middleware m = {run, nullptr, nullptr};
    sl_cors_options cors = {};
    sl_basic_auth_options auth = {};
    sl_rate_limit_options rate = {};
    int r = 0;

    cors.origins = list;
    auth.users = users;
    rate.limit = 5;
    r |= sl_use(app, sl_logger(sl_logger_options{})) | sl_use(app, sl_cors(cors));
    r |= sl_use(app, sl_secure_headers()) | sl_use(app, sl_request_id()) | sl_use(app, sl_trace());
    r |= sl_use(app, sl_timeout(5)) | sl_use(app, sl_body_limit(5)) | sl_use(app, sl_trust_proxy());
    r |= sl_use(app, sl_basic_auth(auth)) | sl_use(app, sl_rate_limit(app, rate));
    return r | sl_use(app, sl_vhost("a", m)) | sl_use(app, sl_vhost("*.a", handler));
}

static int database(sl_ctx *c, sl_app *app, json_t *json)
{
    sl_pg_options options = {};
    sl_pg *pg = sl_pg_new(app), *other = sl_pg_new(app, options);
    sl_pg_transaction_options serial = {};
    auto fn = [](sl_pg *tx, void *) { return sl_pg_query(tx, nullptr, "update t set n = $1", 1); };
    auto row = [](sl_pg_result *r, void *) { return (int)sl_pg_int(r, 0, 0); };
    const sl_ctx *seen = c;
    char text[] = "text";
    sl_pg_result *r = nullptr;
    size_t len = 0;
    int e = sl_pg_query(c, &r, "select 1") | sl_pg_script(c, "") | sl_pg_script(pg, "");

    serial.isolation = SL_PG_SERIALIZABLE;
    e |= sl_pg_query(pg, &r, "…", 1, 2u, 3L, 4ul, 5ll, 6ull, 7.0, true, text, "literal", nullptr,
                     json, sl_pg_of_bytes(text, 4));
    e |= sl_pg_each(c, row, nullptr, "…", 1) | sl_pg_each(sl_pg_for(c, other), row, nullptr, "…");
    e |= sl_pg_transaction(c, fn, nullptr) | sl_pg_transaction(pg, fn, nullptr, serial);
    if (e == -SL_PG_UNIQUE_VIOLATION)
        return sl_fail(c, 409, "%s %s", sl_pg_last_error(seen)->detail, sl_pg_last_error(pg)->hint);
    sl_info("%s %d %f %d", sl_pg_text(r, 0, "a"), (int)sl_pg_int(r, 0, "b"), sl_pg_float(r, 0, 1),
            sl_pg_bool(r, 0, text));
    return sl_pg_is_null(r, 0, "c") || (sl_pg_bytes(r, 0, "d", &len) == nullptr);
}

int main()
{
    sl_options options = {};
    sl_endpoint endpoint = {};
    sl_router_options prefix = {};

    options.instances = 2;
    endpoint.port = SL_PORT_ANY;
    prefix.prefix = "/api";
    sl_app *plain = sl_new(), *app = sl_new(options);
    sl_router *router = sl_router_new(), *prefixed = sl_router_new(prefix);
    sl_task *task = sl_spawn(
        app, [](void *) { return 0; }, nullptr);
    int r = routes(app, router) | layers(app);

    r |= sl_use(app, handler) | sl_use(app, sl_logger()) | sl_use(app, sl_proxy("http://a")) | sl_use(app, sl_routes(prefixed));
    r |= sl_use(app, sl_middleware{run, nullptr, nullptr});
    r |= sl_use(app, sl_session(app)) | sl_use(app, sl_session(app, sl_session_options{}));
    r |= sl_use(app, sl_csrf(app)) | sl_use(app, sl_csrf(app, sl_csrf_options{}));
    r |= sl_use(app, sl_compress()) | sl_use(app, sl_compress(sl_compress_options{}));
    r |= sl_use(app, sl_etag()) | sl_use(app, sl_etag(sl_etag_options{}));
    sl_static_options files{};
    files.max_age = 60;
    sl_folder_close(sl_folder_open("public"));
    r |= sl_use(app, sl_static("public")) | sl_use(app, sl_static("public", files));
    r |= !sl_map_new(app, "map") || !sl_map_new(app, "other", sl_map_options{});
    r |= sl_bind(app) | sl_bind(app, endpoint);
    if (task)
        sl_detach(task);
    r |= database(nullptr, app, nullptr);
    r |= fetches(nullptr, app);
    return r | sl_listen(plain) | sl_listen(app, endpoint);
}
