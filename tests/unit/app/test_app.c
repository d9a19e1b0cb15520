/* The app itself: options and the environment, endpoints, hooks, roles, messages, who frees what.
 */
#include "memory_exchange.h"

#include "app/types.h"

static void set(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static int clear_environment(void **state)
{
    static const char *const names[] = {
        "SHALLOT_MODE", "SHALLOT_INSTANCES", "SHALLOT_BUILD", "SHALLOT_WATCH", "HOST", "PORT"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    memory_log_start();
    return 0;
}

static void defaults(void **state)
{
    sl_app *app = sl_new();

    assert_int_equal(app->options.instances, 0);
    assert_int_equal(sl_mode_of(app), SL_PRODUCTION);
    assert_int_equal(app->options.drain_ms, 30000);
    assert_int_equal(app->options.grace_ms, 1000);
    assert_int_equal(app->options.ready_ms, 30000);
    assert_int_equal(app->options.limits.body_bytes, 1048576);
    assert_string_equal(app->options.name, program_invocation_short_name);
    assert_true(sl__app_fit(app));
    sl_free(app);
    sl_free(NULL);
}

static void given(void **state)
{
    char name[] = "mine";
    int data;
    sl_app *app = sl_new(.instances = 3, .name = name, .build = "make", .standalone = true,
                         .drain_ms = 5, .limits.body_bytes = 7, .data = &data);

    name[0] = 'x'; /* copied */
    assert_int_equal(app->options.instances, 3);
    assert_string_equal(app->options.name, "mine");
    assert_string_equal(app->options.build, "make");
    assert_true(app->options.standalone);
    assert_int_equal(app->options.drain_ms, 5);
    assert_int_equal(app->options.limits.body_bytes, 7);
    assert_ptr_equal(sl_data(app), &data);
    sl_set_data(app, NULL);
    assert_null(sl_data(app));
    sl_free(app);
}

/* A program compiled against an older header has a shorter struct. */
static void a_shorter_struct(void **state)
{
    sl_options o = {.size = offsetof(sl_options, standalone), .instances = 2, .standalone = true};
    sl_app *app = sl_new_with(&o);

    assert_int_equal(app->options.instances, 2);
    assert_false(app->options.standalone);
    sl_free(app);
    app = sl_new_with(NULL);
    assert_true(sl__app_fit(app));
    sl_free(app);
}

static void environment_wins(void **state)
{
    sl_app *app;

    set("SHALLOT_INSTANCES", "5");
    set("SHALLOT_BUILD", "ninja");
    set("SHALLOT_WATCH", "src");
    app = sl_new(.instances = 2, .build = "make");
    assert_int_equal(app->options.instances, 5);
    assert_string_equal(app->options.build, "ninja");
    assert_string_equal(app->options.watch, "src");
    sl_free(app);
    set("SHALLOT_MODE", "development"); /* CL1 */
    app = sl_new(.standalone = true);
    assert_int_equal(sl_mode_of(app), SL_DEVELOPMENT);
    assert_int_equal(app->options.instances, 1);
    assert_false(app->options.standalone);
    sl_free(app);
    set("SHALLOT_MODE", "production");
    app = sl_new(.mode = SL_DEVELOPMENT);
    assert_int_equal(sl_mode_of(app), SL_PRODUCTION);
    assert_int_equal(memory_log_lines, 0);
    sl_free(app);
}

static void refuses(const char *name, const char *value, int instances)
{
    sl_app *app;

    set(name, value);
    memory_log_start();
    app = sl_new(.instances = instances);
    assert_false(sl__app_fit(app));
    assert_int_equal(memory_log_lines, 1);
    sl_free(app);
    set(name, NULL);
}

static void bad_settings_are_refused(void **state)
{
    refuses("SHALLOT_MODE", "devel", 0);
    refuses("SHALLOT_INSTANCES", "many", 0);
    refuses("SHALLOT_INSTANCES", "-1", 0);
    refuses("SHALLOT_INSTANCES", "1025", 0);
    refuses("SHALLOT_INSTANCES", NULL, -1);
    refuses("SHALLOT_INSTANCES", NULL, 2000);
}

static void endpoints(void **state)
{
    sl_app *app = sl_new();
    struct sl__app_endpoint *e;

    assert_int_equal(sl_bind(app), 0);
    assert_int_equal(sl_bind(app, .port = SL_PORT_ANY, .host = "::1", .backlog = 5), 0);
    assert_int_equal(sl_bind(app, .unix_path = "/run/app.sock"), 0);
    assert_int_equal(app->endpoint_count, 3);
    e = app->endpoints;
    assert_string_equal(e->host, "0.0.0.0");
    assert_int_equal(e->port, 9090);
    e = e->next;
    assert_string_equal(e->host, "::1");
    assert_int_equal(e->port, 0);
    assert_int_equal(e->backlog, 5);
    e = e->next;
    assert_string_equal(e->host, "");
    assert_string_equal(e->unix_path, "/run/app.sock");
    assert_null(e->next);
    assert_int_equal(memory_log_lines, 0);
    sl_free(app);
}

static void endpoints_from_the_environment(void **state)
{
    sl_app *app = sl_new();

    set("PORT", "8080");
    set("HOST", "127.0.0.1");
    assert_int_equal(sl_bind(app, .port = 1), 0);
    assert_int_equal(sl_bind(app, .port = 2), 0);
    assert_int_equal(app->endpoints->port, 8080);
    assert_string_equal(app->endpoints->host, "127.0.0.1");
    assert_int_equal(app->endpoints->next->port, 2);
    assert_string_equal(app->endpoints->next->host, "0.0.0.0");
    sl_free(app);
    set("PORT", "0");
    app = sl_new();
    assert_int_equal(sl_bind(app), 0);
    assert_int_equal(app->endpoints->port, 0);
    sl_free(app);
    set("PORT", "http");
    app = sl_new();
    assert_int_equal(sl_bind(app), -EINVAL);
    assert_non_null(strstr(memory_log, "PORT"));
    sl_free(app);
    set("PORT", "8080");
    app = sl_new();
    assert_int_equal(sl_bind(app, .unix_path = "/x"), 0); /* not what PORT is about */
    sl_free(app);
}

static void impossible_endpoints(void **state)
{
    char long_text[400];
    const sl_endpoint bad[] = {
        {.size = sizeof bad[0], .port = 65536},
        {.size = sizeof bad[0], .port = -2},
        {.size = sizeof bad[0], .host = ""},
        {.size = sizeof bad[0], .host = long_text},
        {.size = sizeof bad[0], .host = "a b"},
        {.size = sizeof bad[0], .host = "http://a"},
        {.size = sizeof bad[0], .unix_path = ""},
        {.size = sizeof bad[0], .unix_path = long_text},
        {.size = sizeof bad[0], .unix_path = "/x", .host = "a"},
        {.size = sizeof bad[0], .backlog = -1},
    };

    memset(long_text, 'a', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sl_app *app = sl_new();

        memory_log_start();
        assert_int_equal(sl_bind_to(app, &bad[i]), -EINVAL);
        assert_int_equal(memory_log_lines, 1);
        assert_false(sl__app_fit(app));
        assert_int_equal(app->endpoint_count, 0);
        sl_free(app);
    }
}

static void urls(void **state)
{
    sl_app *app = sl_new();

    assert_null(sl_url(app, 0));
    assert_int_equal(sl__app_set_url(app, 2, "http://c"), 0);
    assert_int_equal(sl__app_set_url(app, 0, "http://a"), 0);
    assert_int_equal(sl__app_set_url(app, 0, "http://b"), 0);
    assert_string_equal(sl_url(app, 0), "http://b");
    assert_null(sl_url(app, 1));
    assert_string_equal(sl_url(app, 2), "http://c");
    assert_null(sl_url(app, 3));
    sl_free(app);
}

static int start(sl_app *app, void *self)
{
    return 0;
}

static void stop(sl_app *app, void *self)
{
}

static void worker(sl_app *app, const sl_worker_info *info, void *self)
{
}

static char ends[8];
static size_t end_count;

static void hooks(void **state)
{
    sl_app *app = sl_new();
    int a, b;

    assert_int_equal(sl_on_start(app, start, &a), 0);
    assert_int_equal(sl_on_start(app, start, &b), 0);
    assert_int_equal(sl_on_stop(app, stop, &a), 0);
    assert_int_equal(sl_on_stop(app, stop, &b), 0);
    assert_int_equal(sl_every(app, 50, stop, &a), 0);
    assert_int_equal(sl_every(app, 0, stop, &a), -EINVAL);
    assert_int_equal(sl_on_start(app, NULL, &a), -EINVAL);
    assert_int_equal(sl_on_worker_up(app, worker, &a), 0);
    assert_int_equal(sl_on_worker_exit(app, worker, &b), 0);
    assert_ptr_equal(app->start->self, &a);
    assert_ptr_equal(app->start->next->self, &b);
    assert_ptr_equal(app->stop->self, &b); /* in reverse */
    assert_ptr_equal(app->stop->next->self, &a);
    assert_int_equal(app->every->every_ms, 50);
    assert_ptr_equal(app->worker_exit->self, &b);
    sl_free(app);
}

static void end(sl_app *app, void *self)
{
    static char another[] = "c";
    char *left = self;

    ends[end_count++] = *left;
    if (*left == 'b') /* whoever is called may need another */
        assert_int_equal(sl_on_end(app, end, another), 0);
}

/* Last registered, first called; each once; not at all in a process that did not serve. */
static void hooks_at_the_end(void **state)
{
    sl_app *app = sl_new();

    assert_int_equal(sl_on_end(app, NULL, NULL), -EINVAL);
    assert_int_equal(sl_on_end(app, end, (char[]){"a"}), 0);
    assert_int_equal(sl_on_end(app, end, (char[]){"b"}), 0);
    sl__app_end(app);
    sl__app_end(app);
    assert_string_equal(ends, "bca");
    assert_int_equal(sl_on_end(app, end, (char[]){"d"}), 0);
    sl_free(app);
    assert_string_equal(ends, "bca");
}

static void role(void **state)
{
    sl__app_set_role(7, false);
    assert_int_equal(sl_worker_id(), 7);
    assert_false(sl_is_master());
    sl__app_set_role(0, true);
    assert_int_equal(sl_worker_id(), 0);
    assert_true(sl_is_master());
}

static char heard[64];

static void hear(sl_app *app, const sl_message *m, void *self)
{
    size_t len = strlen(heard);

    snprintf(heard + len, sizeof heard - len, "%s:%s:%.*s ", (const char *)self, m->topic,
             (int)m->len, (const char *)m->data);
}

static uint32_t sent_to;

static int master_send(sl_app *app, uint32_t target, const char *topic, const void *data,
                       size_t len)
{
    sent_to = target;
    return 42;
}

static void messages_in_the_master(void **state)
{
    sl_app *app = sl_new();
    char topic[] = "a", one[] = "1", every[] = "*";

    heard[0] = '\0';
    sl__app_set_role(0, true);
    assert_int_equal(sl_send(app, "a", NULL, 0), -EPIPE);
    assert_int_equal(sl_on_master_message(app, topic, hear, one), 0);
    topic[0] = 'x'; /* copied */
    assert_int_equal(sl_on_master_message(app, "*", hear, every), 0);
    assert_int_equal(sl_on_master_message(app, "", hear, NULL), -EINVAL);
    assert_int_equal(sl_on_master_message(app, "b", NULL, NULL), -EINVAL);
    sl__app_master_message(app, &(sl_message){"a", "x", 1, 3, NULL});
    sl__app_master_message(app, &(sl_message){"b", "yz", 2, 3, NULL});
    assert_string_equal(heard, "1:a:x *:a:x *:b:yz ");
    app->master_send = master_send;
    assert_int_equal(sl_send(app, "a", NULL, 0), 42);
    assert_int_equal(sent_to, SL__TO_ALL);
    sl_send_others(app, "a", NULL, 0);
    assert_int_equal(sent_to, SL__TO_OTHERS);
    sl_send_worker(app, 9, "a", NULL, 0);
    assert_int_equal(sent_to, 9);
    assert_int_equal(sl_send_worker(app, 0, "a", NULL, 0), -EINVAL);
    sl_send_master(app, "a", NULL, 0);
    assert_int_equal(sent_to, SL__TO_MASTER);
    sl_send_retained(app, "a", NULL, 0);
    assert_int_equal(sent_to, SL__TO_RETAINED);
    sl_free(app);
    sl__app_set_role(0, false);
}

static int freed;

static void count_free(void *self)
{
    freed++;
}

static int go_on(sl_ctx *c, void *self)
{
    return sl_next(c);
}

static int done(sl_ctx *c)
{
    return 0;
}

static void middleware_is_freed_once(void **state)
{
    sl_app *app = sl_new();
    sl_middleware a = {go_on, &freed, count_free}, b = {go_on, NULL, count_free};
    sl_middleware bad = {NULL, &a, count_free};

    freed = 0;
    memory_log_start();
    sl_use(app, a);
    sl_use(app, a);
    sl_get(app, "/x", a, b, done);
    assert_int_equal(sl_get(app, "/:", a, done), -SL_EBADPATTERN); /* held elsewhere */
    assert_int_equal(freed, 0);
    assert_int_equal(sl_use(app, bad), -EINVAL);
    assert_int_equal(freed, 1);
    assert_int_equal(sl_get(app, "/y", bad, done), -EINVAL);
    assert_int_equal(freed, 2);
    assert_int_equal(sl_app_route(app, "GET", "/z", &a, 0), -EINVAL);
    assert_int_equal(sl_use_handler(app, NULL), -EINVAL);
    sl_free(app);
    assert_int_equal(freed, 4);
}

/* What a constructor returns that failed: to go on without it may be to serve what it was to guard.
 */
static void a_layer_without_a_function_is_not_served_without(void **state)
{
    sl_middleware none = {NULL, NULL, NULL};
    sl_app *app = sl_new(), *other = sl_new(), *third = sl_new();
    sl_router *router = sl_router_new();

    memory_log_start();
    sl_use(app, none);
    assert_false(sl__app_fit(app));
    sl_get(other, "/", none, done);
    assert_false(sl__app_fit(other));
    sl_use(third, sl_routes(router));
    assert_true(sl__app_fit(third));
    sl_router_use(router, none);
    assert_false(sl__app_fit(third));
    assert_int_equal(memory_log_lines, 3);
    sl_free(app);
    sl_free(other);
    sl_free(third);
}

static int kept_freed;

static void free_kept(void *value)
{
    kept_freed = kept_freed * 10 + *(int *)value;
}

static void state_of_the_app(void **state)
{
    sl_app *app = sl_new();
    int one = 1, two = 2, three = 3;

    kept_freed = 0;
    assert_null(sl_app_state(app, "a"));
    assert_int_equal(sl_set_app_state(app, "a", &one, free_kept), 0);
    assert_int_equal(sl_set_app_state(app, "b", &two, free_kept), 0);
    assert_int_equal(sl_set_app_state(app, "c", NULL, free_kept), 0);
    assert_int_equal(sl_set_app_state(app, "d", &one, NULL), 0);
    assert_ptr_equal(sl_app_state(app, "a"), &one);
    assert_int_equal(sl_set_app_state(app, "a", &one, free_kept), 0); /* the same: not freed */
    assert_int_equal(kept_freed, 0);
    assert_int_equal(sl_set_app_state(app, "a", &three, free_kept), 0);
    assert_int_equal(kept_freed, 1);
    assert_ptr_equal(sl_app_state(app, "a"), &three);
    assert_null(sl_app_state(app, "c"));
    sl_free(app);
    assert_int_equal(kept_freed, 123); /* the last one first */
}

static void refused(void **state)
{
    sl_app *app = sl_new();

    memory_log_start();
    assert_true(sl__app_fit(app));
    assert_int_equal(sl_refuse(app, "no %s", "way"), -EINVAL);
    assert_non_null(strstr(memory_log, "no way"));
    assert_int_equal(memory_log_lines, 1);
    assert_false(sl__app_fit(app));
    sl_free(app);
}

static void types(void **state)
{
    assert_string_equal(sl__type_of_path("/a/b.css"), "text/css; charset=utf-8");
    assert_string_equal(sl__type_of_path("b.tar.GZ"), "application/gzip");
    assert_string_equal(sl__type_of_path("/a.css/b"), "application/octet-stream");
    assert_string_equal(sl__type_of_path("b."), "application/octet-stream");
    assert_string_equal(sl__type_of_path(".png"), "image/png");
    assert_string_equal(sl__type_of_path("x.webmanifest"), "application/manifest+json");
    assert_null(sl__type_of_extension(SL__STR("webmanifestx")));
    /* Bisection finds every one only while the table is sorted. */
    static const char *const some[] = {"7z",  "aac", "bz2", "csv",  "docx", "gif",   "htm",
                                       "jpg", "js",  "md",  "mp4",  "ogg",  "pdf",   "png",
                                       "svg", "txt", "ttf", "wasm", "webp", "woff2", "zst"};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        assert_non_null(sl__type_of_extension(sl__str_of(some[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults, clear_environment),
        cmocka_unit_test_setup(given, clear_environment),
        cmocka_unit_test_setup(a_shorter_struct, clear_environment),
        cmocka_unit_test_setup(environment_wins, clear_environment),
        cmocka_unit_test_setup(bad_settings_are_refused, clear_environment),
        cmocka_unit_test_setup(endpoints, clear_environment),
        cmocka_unit_test_setup(endpoints_from_the_environment, clear_environment),
        cmocka_unit_test_setup(impossible_endpoints, clear_environment),
        cmocka_unit_test_setup(urls, clear_environment),
        cmocka_unit_test_setup(hooks, clear_environment),
        cmocka_unit_test_setup(hooks_at_the_end, clear_environment),
        cmocka_unit_test_setup(role, clear_environment),
        cmocka_unit_test_setup(messages_in_the_master, clear_environment),
        cmocka_unit_test(state_of_the_app),
        cmocka_unit_test(refused),
        cmocka_unit_test_setup(middleware_is_freed_once, clear_environment),
        cmocka_unit_test_setup(a_layer_without_a_function_is_not_served_without, clear_environment),
        cmocka_unit_test_setup(types, clear_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
