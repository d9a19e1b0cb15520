/*
 * Every macro of the public headers, in every form; compiled as C11, C17 and C2x with all warnings.
 * Nothing runs.
 */
#include <shallot.h>

static int handler(sl_ctx *c)
{
    return sl_next(c);
}

static int run(sl_ctx *c, void *self)
{
    (void)self;
    return sl_next(c);
}

static int job(void *arg)
{
    (void)arg;
    return 0;
}

static void listening(sl_app *app)
{
    sl_info("listening on %s", sl_url(app, 0));
}

static int cookies(sl_ctx *c)
{
    int r = sl_set_cookie(c, "a", "1");

    r |= sl_set_cookie(c, "a", "1", .max_age = 60, .http_only = SL_COOKIE_OFF, .secure = true);
    r |= sl_clear_cookie(c, "a") | sl_clear_cookie(c, "a", .path = "/x");
    r |= sl_set_signed_cookie(c, "a", "1") | sl_set_signed_cookie(c, "a", "1", .max_age = 60);
    r |= sl_set_sealed_cookie(c, "a", "1") | sl_set_sealed_cookie(c, "a", "1", .max_age = 60);
    return r | !sl_cookie_at(c, "a", 1);
}

static int secrets(sl_app *app)
{
    return sl_secrets(app) | sl_secrets(app, "one") | sl_secrets(app, "one", "two");
}

static int sessions(sl_app *app)
{
    int r = sl_use(app, sl_session(app));

    r |= sl_use(app, sl_session(app, .store = SL_SESSION_SHARED, .idle_s = 60));
    return r | sl_use(app, sl_csrf(app)) | sl_use(app, sl_csrf(app, .cookie = true));
}

static int all_of_a_request(sl_ctx *c, const sl_ctx *seen)
{
    sl_task *task = sl_spawn(c, job, NULL);

    sl_error("nothing but text");
    sl_error("%s: %d", "text", 1);
    sl_debug("error: %s", sl_error(c));
    sl_warn("error: %s", sl_error(seen));
    if (!sl_accepts(c, "html", "json") || !sl_accepts_encoding(c, "br") ||
        !sl_accepts_language(c, "en", "de") || !sl_accepts_charset(c, "utf-8"))
        return sl_fail(c, 406, "nothing acceptable");
    if (!task)
        return sl_fail(c, 503, "no task");
    if (cookies(c) < 0)
        return -1;
    return sl_join(task);
}

static bool format(const sl_message *m, sl_sse_event *e, void *self)
{
    (void)self;
    return m->len > 0 && e->data;
}

static int events(sl_ctx *c)
{
    sl_sse *s = sl_sse_open(c, .heartbeat_ms = SL_SSE_NEVER, .overflow = SL_SSE_DROP);

    return sl_sse_send(s, .data = "x") | sl_sse_send(s, .event = "a", .id = "1", .retry_ms = 5) |
           sl_sse_join(s, "b", .format = format) | sl_sse_join(sl_sse_open(c), "a");
}

static ssize_t source(void *buf, size_t len, void *self)
{
    (void)buf;
    (void)len;
    (void)self;
    return 0;
}

static int fetches(sl_ctx *c, sl_app *app)
{
    sl_fetched a;
    int r =
        sl_fetch(c, &a, "http://a/") | sl_fetch(app, &a, "http://a/", .method = "PUT", .body = "b");

    r |= sl_fetch(c, &a, "http://a/", .headers = (sl_fetch_header[]){{"A", "b"}, {"C", NULL}, {0}});
    r |= sl_fetch_open(c, &a, "http://a/", .source = source, .source_self = c, .source_len = 5);
    r |= sl_fetch_open(app, &a, "http://a/") | sl_fail_as(c, -1, 502, "%s", a.error);
    sl_fetch_close(&a);
    return r;
}

static int fields(sl_ctx *c)
{
    int i;
    unsigned u;
    long l;
    size_t size;
    uint64_t u64;
    int64_t i64;
    double d;
    bool b;
    const char *t;
    struct json_t *json;
    int r = sl_param_int(c, "i", &i) | sl_param_int(c, "i", &i64, SL_AT_LEAST(1)) |
            sl_param_double(c, "d", &d, SL_AT_MOST(5));

    r |= sl_query_int(c, "u", &u) | sl_query_int(c, "u", &l, SL_BETWEEN(1, 5)) |
         sl_query_double(c, "d", &d) | sl_query_bool(c, "b", &b);
    r |= sl_query_fields(c, SL_FIELD("size", &size), SL_FIELD("u64", &u64, .optional = true),
                         SL_FIELD("t", &t, SL_BETWEEN(1, 80), .optional = true));
    r |= sl_param_fields(c, SL_FIELD("json", &json, .json = SL_JSON_ARRAY, SL_AT_MOST(3)));
    r |= sl_request_form(c) | sl_request_form(c, .spool = "/tmp", .files = 2);
    r |= sl_form_fields(c, SL_FIELD("i", &i), SL_FIELD("t", &t, .optional = true));
    return r;
}

static int routes(sl_app *app, sl_router *router)
{
    sl_handler *h = handler;
    sl_middleware m = {run, NULL, NULL};
    int r = 0;

    r |= sl_get(app, "/1", handler);
    r |= sl_get(app, "/2", m, fields, handler);
    r |= sl_get(app, "/3", m, m, handler);
    r |= sl_get(app, "/4", sl_logger(), m, h, handler);
    r |= sl_get(app, "/5", m, m, m, m, handler);
    r |= sl_get(app, "/6", m, m, m, m, m, handler);
    r |= sl_get(app, "/7", m, m, m, m, m, m, handler);
    r |= sl_get(app, "/8", m, m, m, m, m, m, m, &handler);
    r |= sl_get(router, "/x", ((sl_middleware){run, NULL, NULL}), handler);
    r |= sl_post(app, "/x", handler) | sl_post(router, "/x", m, handler);
    r |= sl_put(app, "/x", handler) | sl_put(router, "/x", m, handler);
    r |= sl_patch(app, "/x", handler) | sl_patch(router, "/x", m, handler);
    r |= sl_delete(app, "/x", handler) | sl_delete(router, "/x", m, handler);
    r |= sl_head(app, "/x", handler) | sl_head(router, "/x", m, handler);
    r |= sl_options(app, "/x", handler) | sl_options(router, "/x", m, handler);
    r |= sl_all(app, ".*", handler) | sl_all(router, ".*", m, handler);
    r |= sl_route(app, "PURGE", "/x", handler) | sl_route(router, "PURGE", "/x", m, handler);
    r |= sl_router_use(router, handler) | sl_router_use(router, m);
    r |= sl_router_use(router, (sl_middleware){.run = run, .self = NULL});
    return r;
}

static int layers(sl_app *app)
{
    static const char *const list[] = {"*", NULL};
    static const sl_user users[] = {{"a", "b"}, {NULL, NULL}};
    sl_middleware m = {.run = run};
    int r = 0;

    r |= sl_use(app, sl_logger(.form = SL_LOGGER_JSON, .sample = 10, .skip_paths = list));
    r |= sl_use(app, sl_cors(.origins = list)) | sl_use(app, sl_secure_headers());
    r |= sl_use(app, sl_secure_headers(.frame = "", .csp = "default-src 'self'"));
    r |= sl_use(app, sl_request_id()) | sl_use(app, sl_request_id(.trust = true));
    r |= sl_use(app, sl_trace()) | sl_use(app, sl_timeout(5)) | sl_use(app, sl_body_limit(5));
    r |= sl_use(app, sl_basic_auth(.users = users)) | sl_use(app, sl_trust_proxy());
    r |= sl_use(app, sl_rate_limit(app, .limit = 5));
    r |= sl_use(app, sl_vhost("a", m)) | sl_use(app, sl_vhost("*.a", handler));
    r |= sl_use(app, sl_vhost("b", sl_routes(sl_router_new(.host = "b"))));
    return r;
}

static int on_row(sl_pg_result *row, void *self)
{
    (void)self;
    return sl_pg_is_null(row, 0, 0);
}

static int in_transaction(sl_pg *tx, void *self)
{
    (void)self;
    return sl_pg_query(tx, NULL, "update t set n = $1", 1) |
           sl_pg_transaction(tx, in_transaction, NULL);
}

static int database(sl_ctx *c, const sl_ctx *seen, sl_app *app, struct json_t *json)
{
    sl_pg *pg = sl_pg_new(app), *other = sl_pg_new(app, .connections = 4, .required = true);
    char text[] = "text", *plain = text;
    const char *title = "title";
    sl_pg_result *r = NULL;
    bool yes = true;
    size_t len = 0;
    int e = sl_pg_query(c, &r, "select 1");

    e |= sl_pg_query(pg, NULL, "select $1", 1) | sl_pg_script(c, "select 1") | sl_pg_script(pg, "");
    e |= sl_pg_query(c, &r, "…", 1, 2u, 3l, 4ul, 5ll, 6ull, (short)7, (unsigned char)8, 9.0f, 10.0,
                     yes, plain, title, "literal", NULL, json);
    e |= sl_pg_query(sl_pg_for(c, other), &r, "…", sl_pg_of_bytes(text, 4), text);
    e |= sl_pg_each(c, on_row, NULL, "…") | sl_pg_each(pg, on_row, NULL, "…", title, 5);
    e |= sl_pg_transaction(c, in_transaction, NULL, .isolation = SL_PG_SERIALIZABLE, .retries = 2);
    e |= sl_pg_transaction(sl_pg_for(c, pg, .query_ms = 5), in_transaction, NULL);
    switch (-e) {
    case SL_PG_UNIQUE_VIOLATION:
    case SL_PG_STATE('2', '2', 'P', '0', '3'):
        return sl_fail(c, 409, "%s %s", sl_pg_last_error(c)->detail, sl_pg_last_error(pg)->hint);
    default:
        sl_debug("%s", sl_pg_last_error(seen)->message);
    }
    sl_info("%s %d %f %d %d", sl_pg_text(r, 0, "a"), (int)sl_pg_int(r, 0, plain),
            sl_pg_float(r, 0, title), sl_pg_bool(r, 0, 3), sl_pg_is_null(r, 0, (size_t)4));
    return sl_pg_bytes(r, 0, "b", &len) == sl_pg_bytes(r, 0, 5, &len);
}

int main(void)
{
    sl_options options = {.size = sizeof(sl_options),
                          .instances = 1}; /* the type beside the macro */
    sl_app *plain = sl_new(), *same = sl_new_with(&options);
    sl_app *app = sl_new(.instances = 2, .limits = {.head_bytes = 4096}, .mode = SL_DEVELOPMENT);
    sl_router *router = sl_router_new(), *prefixed = sl_router_new(.prefix = "/api");
    sl_middleware m = {.run = run};
    sl_task *task = sl_spawn(app, job, NULL);
    int r = routes(app, router);

    r |= sl_use(app, handler) | secrets(app) | sessions(app);
    r |= sl_use(app, &handler);
    r |= sl_use(app, m);
    r |= sl_use(app, sl_logger());
    r |= sl_use(app, sl_proxy("http://a")) |
         sl_use(app, sl_proxy("http://a", .balance = SL_LEAST_BUSY));
    r |= sl_use(app, sl_compress()) | sl_use(app, sl_compress(.min_bytes = 1, .types = "a/b"));
    r |= sl_use(app, sl_etag()) | sl_use(app, sl_etag(.strong = true));
    r |= sl_use(app, sl_routes(prefixed));
    r |= sl_use(app, (sl_middleware){.run = run, .self = app, .free = NULL});
    r |= sl_bind(app);
    sl_folder_close(sl_folder_open("public"));
    sl_folder_close(sl_folder_open("public", .dotfiles = true, .cache_bytes = 1));
    r |= sl_use(app, sl_static("public"));
    r |= sl_use(app, sl_static("public", .max_age = 60, .immutable = true, .etag = SL_ETAG_WEAK));
    r |= sl_get(app, "/files/:name", sl_static("public", .index = ""));
    r |= !sl_map_new(app, "map") || !sl_map_new(app, "other", .capacity = 5, .key_bytes = 8);
    r |= sl_bind(app, .port = SL_PORT_ANY);
    r |= sl_bind(app, .unix_path = "/tmp/x", .backlog = 5, .on_listening = listening);
    r |= sl_listen(plain);
    r |= sl_listen(same, .port = 1);
    r |= sl_listen(app, .host = "::1", .port = 1, .on_listening = listening);
    r |= layers(app);
    if (task)
        sl_detach(task);
    r |= database(NULL, NULL, app, NULL);
    return all_of_a_request(NULL, NULL) | events(NULL) | fetches(NULL, app) | r;
}
