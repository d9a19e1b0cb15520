/* The router: RO1 to RO5, and the answers of requests that no route takes. */
#include <time.h>

#include "memory_exchange.h"

#include "app/table.h"

static int one(sl_ctx *c)
{
    return sl_text(c, "one");
}

static int two(sl_ctx *c)
{
    return sl_text(c, "two");
}

static int params(sl_ctx *c)
{
    const char *id = sl_param(c, "id"), *path = sl_param(c, "path"), *org = sl_param(c, "org");

    return sl_text(c, "id=%s path=%s org=%s", id ? id : "-", path ? path : "-", org ? org : "-");
}

static int go_on(sl_ctx *c)
{
    return sl_next(c);
}

static void ro1_definition_order(void **state)
{
    sl_app *app = sl_new();

    sl_get(app, "/users/:id", one);
    sl_get(app, "/users/me", two);
    sl_get(app, "/books/me", two);
    sl_get(app, "/books/:id", one);
    sl_get(app, ".*", params);
    sl_get(app, "/late", one);
    memory_expect(app, "GET", "/users/me", 200, "one");
    memory_expect(app, "GET", "/books/me", 200, "two");
    memory_expect(app, "GET", "/books/you", 200, "one");
    memory_expect(app, "GET", "/late", 200, "id=- path=- org=-");
    sl_free(app);
}

static char seen[256];

static int note_id(sl_ctx *c)
{
    size_t len = strlen(seen);
    int r;

    snprintf(seen + len, sizeof seen - len, "<%s", sl_param(c, "id") ? sl_param(c, "id") : "-");
    r = sl_next(c);
    len = strlen(seen);
    snprintf(seen + len, sizeof seen - len, "%s>", sl_param(c, "id") ? sl_param(c, "id") : "-");
    return r;
}

/* Each layer sees its own route's parameters, before and after sl_next(). */
static void ro1_next_lets_later_matches_run(void **state)
{
    sl_app *app = sl_new();

    seen[0] = '\0';
    sl_get(app, "/a/:id", note_id);
    sl_post(app, "/a/:id", two);
    sl_post(app, "^/(?<id>[a-z])/.*", two);
    sl_all(app, "(?<id>/[a-z])/.*", note_id);
    sl_get(app, "/:id/b", note_id, note_id);
    sl_get(app, "/a/*id", note_id);
    memory_expect(app, "GET", "/a/b", 200, "200 OK");
    assert_string_equal(seen, "<b</a<a<a<bb>a>a>/a>b>");
    sl_free(app);
}

static void ro1_without_next_it_ends(void **state)
{
    sl_app *app = sl_new();

    sl_get(app, "/a", one);
    sl_get(app, "/a", two);
    memory_expect(app, "GET", "/a", 200, "one");
    sl_free(app);
}

static void ro2_regular_expressions(void **state)
{
    sl_app *app = sl_new();

    sl_get(app, "^/img/(?<id>\\d+)\\.(png|jpg)$", params);
    sl_get(app, "(/x)?/y", one);
    memory_expect(app, "GET", "/img/42.png", 200, "id=42 path=- org=-");
    memory_expect(app, "GET", "/img/42.pngs", 404, NULL); /* the whole path */
    memory_expect(app, "GET", "/a/img/42.png", 404, NULL);
    memory_expect(app, "GET", "/y", 200, "one");
    memory_expect(app, "GET", "/x/y", 200, "one");
    sl_free(app);
}

static int captures(sl_ctx *c)
{
    return sl_text(c, "%s|%s|%s", sl_param(c, "0"), sl_param(c, "1"),
                   sl_param(c, "2") ? sl_param(c, "2") : "none");
}

static void ro2_numbered_captures(void **state)
{
    sl_app *app = sl_new();

    sl_get(app, "\\/(a+)(b+)?.*", captures);
    memory_expect(app, "GET", "/aab%0Ac", 200, "/aab\nc|aa|b");
    memory_expect(app, "GET", "/aac", 200, "/aac|aa|none");
    sl_free(app);
}

static void ro2_bad_patterns_say_where(void **state)
{
    static const struct {
        const char *pattern;
        int at;
    } bad[] = {
        {"/users/:", 8}, {"/users/:id-x", 10}, {"/:id/:id", 6}, {"/*all/more", 1},
        {"/a*", 2},      {"/a?b", 2},          {"/a#b", 2},     {"(unclosed", 9},
        {"a**b(", 2},    {"[z-a]", 3},         {"", -1}, /* an empty expression never matches a
                                                            path, but is one */
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sl_app *app = sl_new();
        char place[32];
        int r;

        memory_log_start();
        r = sl_get(app, bad[i].pattern, one);
        if (bad[i].at < 0) {
            assert_int_equal(r, 0);
            sl_free(app);
            continue;
        }
        assert_int_equal(r, -SL_EBADPATTERN);
        snprintf(place, sizeof place, "offset %d:", bad[i].at);
        if (!strstr(memory_log, place))
            print_error("%s: %s", bad[i].pattern, memory_log);
        assert_non_null(strstr(memory_log, place));
        assert_non_null(strstr(memory_log, bad[i].pattern));
        assert_int_equal(memory_log_lines, 1);
        assert_false(sl__app_fit(app)); /* it refuses to listen */
        sl_free(app);
    }
}

static void ro2_a_bad_router_counts_too(void **state)
{
    sl_app *app = sl_new();
    sl_router *outer = sl_router_new(), *inner = sl_router_new(), *odd;

    memory_log_start();
    sl_router_use(outer, sl_routes(inner));
    sl_get(app, "/x", sl_routes(outer), one);
    assert_true(sl__app_fit(app));
    sl_get(inner, "/:", one);
    assert_false(sl__app_fit(app));
    sl_free(app);

    static const char *const prefixes[] = {"/a/*rest", "api", "/:", "/a?b"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        app = sl_new();
        odd = sl_router_new(.prefix = prefixes[i]);
        sl_use(app, sl_routes(odd));
        assert_false(sl__app_fit(app));
        sl_free(app);
    }
}

static void ro3_parameters(void **state)
{
    sl_app *app = sl_new();

    sl_get(app, "/users/:id", params);
    sl_get(app, "/files/*path", params);
    sl_get(app, "/orgs/:org/users/:id/*path", params);
    sl_get(app, "/sp ace/a:b", one);
    memory_expect(app, "GET", "/users/7", 200, "id=7 path=- org=-");
    memory_expect(app, "GET", "/users/7?x=/y", 200, "id=7 path=- org=-");
    memory_expect(app, "GET", "/users/a%20b%C3%A9", 200, "id=a b\xc3\xa9 path=- org=-");
    memory_expect(app, "GET", "/users/a%2Fb", 200, "id=a/b path=- org=-"); /* one segment */
    memory_expect(app, "GET", "/users/a%252Fb", 200, "id=a%2Fb path=- org=-");
    memory_expect(app, "GET", "/users/", 404, NULL); /* not empty */
    memory_expect(app, "GET", "/users", 404, NULL);
    memory_expect(app, "GET", "/users/7/", 404, NULL);
    memory_expect(app, "GET", "/users/%37", 200, "id=7 path=- org=-");
    memory_expect(app, "GET", "/%75sers/7", 200, "id=7 path=- org=-"); /* literals too */
    memory_expect(app, "GET", "/users%2F7", 404, NULL);
    memory_expect(app, "GET", "/files/a/b%20c/d%2Fe", 200, "id=- path=a/b c/d%2Fe org=-");
    memory_expect(app, "GET", "/files/", 200, "id=- path= org=-");
    memory_expect(app, "GET", "/files", 404, NULL);
    memory_expect(app, "GET", "/orgs/x/users/y/z//", 200, "id=y path=z// org=x");
    memory_expect(app, "GET", "http://a/users/7", 200, "id=7 path=- org=-");
    memory_expect(app, "GET", "/sp%20ace/a:b", 200, "one");
    sl_free(app);
}

/* The parser refuses bad escapes (BO5); what reaches the app by another way is refused there. */
static void ro3_bad_escape_is_400(void **state)
{
    static const char *const bad[] = {"/users/%", "/users/%zz", "/users/%2", "/%00"};
    sl_app *app = sl_new();

    sl_all(app, ".*", one);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[] = "GET /users/000 HTTP/1.1\r\nHost: a\r\n\r\n";
        struct memory m = {0};

        memory_begin(&m, app, text);
        strcpy(m.text + m.x.request.path.at, bad[i]);
        m.x.request.path.len = m.x.request.target.len = (uint32_t)strlen(bad[i]);
        m.x.request.path_escaped = true;
        memory_serve(&m);
        assert_int_equal(m.status, 400);
        memory_finish(&m);
    }
    sl_free(app);
}

static void many_segments(void **state)
{
    sl_app *app = sl_new();
    char pattern[400] = "", path[400] = "";

    sl_get(app, "/x/*path", params);
    for (int i = 0; i < 64; i++) {
        strcat(pattern, "/s");
        strcat(path, i < 63 ? "/s" : "/%73");
    }
    assert_int_equal(sl_get(app, pattern, one), 0);
    memory_expect(app, "GET", pattern, 200, "one");
    memory_expect(app, "GET", path, 200, "one");
    strcat(path, "/s");
    memory_expect(app, "GET", path, 404, NULL);
    strcat(pattern, "/s");
    memory_log_start();
    assert_int_equal(sl_get(app, pattern, one), -SL_EBADPATTERN);
    memory_expect(app, "GET", pattern, 404, NULL);
    memmove(pattern + 2, pattern, 200);
    memcpy(pattern, "/x", 2);
    memory_expect(app, "GET", pattern, 200, NULL);
    sl_free(app);
}

static int head_route(sl_ctx *c)
{
    sl_set_header(c, "X-Head", "yes");
    return 0;
}

static void ro4_get_answers_head(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_get(app, "/a", one);
    sl_get(app, "/b", one);
    sl_head(app, "/b", head_route);
    sl_all(app, "/b", two);
    memory_expect(app, "HEAD", "/a", 200, "one"); /* the protocol leaves the body out */
    memory_request(&m, app, "HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 200);
    assert_true(memory_has_header(&m, "X-Head: yes")); /* wins, though it is later */
    memory_finish(&m);
    memory_expect(app, "GET", "/b", 200, "one");
    sl_free(app);
}

static void ro4_all_takes_every_method(void **state)
{
    sl_app *app = sl_new();

    sl_all(app, "/all", one);
    assert_int_equal(sl_all(app, "^/r.*|x", two), 0);
    sl_app_route(app, "PURGE", "/cache", &(sl_middleware){sl_run_handler, NULL, NULL}, 0);
    memory_expect(app, "GET", "/all", 200, "one");
    memory_expect(app, "DELETE", "/all", 200, "one");
    memory_expect(app, "OPTIONS", "/all", 200, "one");
    memory_expect(app, "PROPFIND", "/all", 200, "one");
    memory_expect(app, "PROPFIND", "/none", 404, NULL); /* some route takes the method */
    sl_free(app);
}

static void ro4_extension_methods(void **state)
{
    sl_app *app = sl_new();
    sl_middleware handler = sl_layer_of_handler(one);
    struct memory m;

    assert_int_equal(sl_app_route(app, "PURGE", "/cache", &handler, 1), 0);
    assert_int_equal(sl_app_route(app, "LINK", "/cache", &handler, 1), 0);
    assert_int_equal(sl_app_route(app, "BAD METHOD", "/cache", &handler, 1), -EINVAL);
    sl_get(app, "/page", one);
    memory_expect(app, "PURGE", "/cache", 200, "one");
    memory_expect(app, "purge", "/cache", 501, NULL); /* methods have a case */
    memory_expect(app, "PURGE", "/page", 405, NULL);
    memory_expect(app, "PURGE", "/none", 404, NULL);
    memory_expect(app, "MKCOL", "/cache", 501, "501 Not Implemented\n");
    memory_request(&m, app, "GET /cache HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 405);
    assert_true(memory_has_header(&m, "Allow: OPTIONS, PURGE, LINK"));
    memory_finish(&m);
    sl_free(app);
}

static void bo1_404_405_501(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_get(app, "/a", one);
    sl_use(app, go_on);
    sl_post(app, "/a", one);
    sl_delete(app, "/:id", one);
    sl_put(app, "/b", one);
    memory_expect(app, "GET", "/none/at/all", 404, "404 Not Found\n");
    memory_expect(app, "BREW", "/a", 501, "501 Not Implemented\n");
    memory_request(&m, app, "PUT /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 405);
    assert_string_equal(memory_body(&m), "405 Method Not Allowed\n");
    assert_true(memory_has_header(&m, "Allow: GET, HEAD, POST, DELETE, OPTIONS"));
    assert_true(memory_has_header(&m, "Content-Type: text/plain; charset=utf-8"));
    memory_finish(&m);
    sl_free(app);
}

/* BO3 */
static void options_from_the_routes(void **state)
{
    sl_app *app = sl_new();
    struct memory m;

    sl_get(app, "/a", one);
    sl_patch(app, "/:x", one);
    sl_options(app, "/own", two);
    memory_request(&m, app, "OPTIONS /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 204);
    assert_true(memory_has_header(&m, "Allow: GET, HEAD, PATCH, OPTIONS"));
    assert_int_equal(sl__buf_len(&m.body), 0);
    memory_finish(&m);
    memory_request(&m, app, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 204);
    assert_true(memory_has_header(&m, "Allow: GET, HEAD, PATCH, OPTIONS"));
    memory_finish(&m);
    sl_options(app, "/", two);
    memory_request(&m, app, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(m.status, 204); /* it is not "/" */
    memory_finish(&m);
    memory_expect(app, "OPTIONS", "/own", 200, "two");
    memory_expect(app, "OPTIONS", "/no/thing", 404, NULL);
    sl_free(app);
    app = sl_new();
    sl_all(app, "/a", one);
    memory_request(&m, app, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(memory_has_header(&m, "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    memory_finish(&m);
    sl_free(app);
}

static uint64_t steps_of(sl_app *app)
{
    uint64_t steps = 0;

    for (size_t i = 0; i < app->layers.count; i++)
        if (app->layers.list[i].run != sl_run_handler)
            steps += ((struct sl__table *)app->layers.list[i].self)->steps;
    return steps;
}

static uint64_t steps_for(int count, const char *method, const char *target, int status)
{
    sl_app *app = sl_new();
    char pattern[64];
    uint64_t steps;

    for (int i = 0; i < count; i++) {
        snprintf(pattern, sizeof pattern, "/api/r%d/:id", i);
        sl_get(app, pattern, one);
        snprintf(pattern, sizeof pattern, "/:kind/deep/%d", i);
        sl_get(app, pattern, one);
        snprintf(pattern, sizeof pattern, "/r%d", i);
        sl_post(app, pattern, two);
    }
    memory_expect(app, method, target, status, NULL);
    steps = steps_of(app);
    sl_free(app);
    return steps;
}

/* RO5, counted in nodes of the tree that a request visits. */
static void ro5_ten_thousand_cost_what_ten_cost(void **state)
{
    static const struct {
        const char *method, *target;
        int status;
    } cases[] = {
        {"GET", "/api/r9/7", 200},   {"GET", "/x/deep/3", 200}, {"POST", "/r5", 200},
        {"GET", "/r5", 405},         {"GET", "/nowhere", 404},  {"HEAD", "/api/r1/7", 200},
        {"GET", "/api/none/7", 404},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t few = steps_for(10, cases[i].method, cases[i].target, cases[i].status);
        uint64_t many = steps_for(3334, cases[i].method, cases[i].target, cases[i].status);

        assert_true(few > 0);
        assert_int_equal(few, many);
        assert_true(many <= 12);
    }
}

/* Ten thousand routes that all match: going on from one to the next does not begin anew. */
static void ro5_many_matches(void **state)
{
    sl_app *app = sl_new();

    for (int i = 0; i < 10000; i++)
        sl_get(app, "/*path", one);
    sl_post(app, "/x", two);
    memory_expect(app, "POST", "/x", 200, "two");
    assert_true(steps_of(app) <= 4);
    sl_free(app);
}

/* The path is the client's, so the time must be ours. */
static void ro5_no_expression_runs_away(void **state)
{
    static const char *const evil[] = {"^/(a+)+b",     "^/(a|aa)+b",         "^/(.*)*(.*)*x",
                                       "^/([a-z]+)*y", "^/(?:a?){40}a{40}z", "^/(x+x+)+y"};
    sl_app *app = sl_new();
    char path[4000];
    struct timespec start, end;

    memory_log_start();
    for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++)
        assert_int_equal(sl_get(app, evil[i], one), 0);
    memset(path, 'a', sizeof path);
    path[0] = '/';
    strcpy(path + sizeof path - 8, "bxyz-"); /* else a required octet is missing, seen at once */
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (int i = 0; i < 3; i++)
        memory_expect(app, "GET", path, 404, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    assert_true(end.tv_sec - start.tv_sec <= 5); /* without limits: longer than anybody lives */
    assert_non_null(strstr(memory_log, "gave up on a path"));
    assert_true(memory_log_lines <= (int)(sizeof evil / sizeof evil[0])); /* once each */
    sl_free(app);
}

static int freed;

static void count_free(void *self)
{
    freed++;
}

static int run_next(sl_ctx *c, void *self)
{
    return sl_next(c);
}

static void routers(void **state)
{
    sl_app *app = sl_new();
    sl_router *api = sl_router_new(.prefix = "/api/:org/"), *users = sl_router_new(.prefix = "/u");
    sl_middleware counted = {run_next, &freed, count_free};

    freed = 0;
    sl_use(app, sl_routes(api));
    sl_router_use(api, counted);
    sl_router_use(api, go_on);
    sl_get(api, "/", params);
    sl_get(api, "/:id", params);
    sl_router_use(api, sl_routes(users));
    sl_get(users, "/:id", counted, params);
    sl_get(users, "^/re/.*", one);
    sl_get(users, "(/[0-9]+)+", two);
    sl_get(app, "/api/:id", two);
    memory_expect(app, "GET", "/api/acme", 200, "id=- path=- org=acme");
    memory_expect(app, "GET", "/api/acme/", 200, "id=- path=- org=acme");
    memory_expect(app, "GET", "/api/acme/7", 200, "id=7 path=- org=acme");
    memory_expect(app, "GET", "/api/a%2Fb/u/8", 200, "id=8 path=- org=a/b");
    memory_expect(app, "GET", "/api/a%2Fb/u/8/9", 200, "two"); /* the rest of the path */
    memory_expect(app, "GET", "/api/x/u/re/q", 200, "one");
    memory_expect(app, "GET", "/api/", 404, NULL);
    memory_expect(app, "GET", "/other", 404, NULL);
    memory_expect(app, "POST", "/api/acme/7", 405, NULL);
    sl_free(app);
    assert_int_equal(freed, 1); /* held in two places */
}

static void routers_mounted_twice(void **state)
{
    sl_app *app = sl_new(), *other = sl_new();
    sl_router *r = sl_router_new(), *outer = sl_router_new(.prefix = "/v2");
    sl_middleware counted = {run_next, &freed, count_free};

    freed = 0;
    sl_router_use(r, counted);
    sl_get(r, "/x", one);
    sl_use(app, sl_routes(r));
    sl_use(app, sl_routes(r));
    sl_router_use(outer, sl_routes(r));
    sl_use(app, sl_routes(outer));
    sl_use(other, sl_routes(r));
    sl_use(other, counted);
    sl_router_free(r); /* mounted: not its time */
    memory_expect(app, "GET", "/v2/x", 200, "one");
    memory_expect(app, "GET", "/x", 200, "one");
    sl_free(app);
    assert_int_equal(freed, 0);
    memory_expect(other, "GET", "/x", 200, "one");
    sl_free(other);
    assert_int_equal(freed, 1);
}

static void routers_in_circles(void **state)
{
    sl_router *a = sl_router_new(), *b = sl_router_new();

    assert_int_equal(sl_router_use(a, sl_routes(a)), -ELOOP);
    assert_int_equal(sl_router_use(a, sl_routes(b)), 0);
    assert_int_equal(sl_router_use(b, sl_routes(a)), -ELOOP);
    assert_int_equal(sl_get(b, "/x", sl_routes(a), one), -ELOOP);
    sl_router_free(a);
    sl_router_free(NULL);
}

/* Routers are passed through in the order of definition, like everything else. */
static void routers_and_order(void **state)
{
    sl_app *app = sl_new();
    sl_router *r = sl_router_new(.prefix = "/a");

    sl_get(r, "/x", go_on);
    sl_use(app, sl_routes(r));
    sl_get(app, "/a/:id", params);
    memory_expect(app, "GET", "/a/x", 200, "id=x path=- org=-");
    memory_expect(app, "GET", "/a/y", 200, "id=y path=- org=-");
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ro1_definition_order),
        cmocka_unit_test(ro1_next_lets_later_matches_run),
        cmocka_unit_test(ro1_without_next_it_ends),
        cmocka_unit_test(ro2_regular_expressions),
        cmocka_unit_test(ro2_numbered_captures),
        cmocka_unit_test(ro2_bad_patterns_say_where),
        cmocka_unit_test(ro2_a_bad_router_counts_too),
        cmocka_unit_test(ro3_parameters),
        cmocka_unit_test(ro3_bad_escape_is_400),
        cmocka_unit_test(many_segments),
        cmocka_unit_test(ro4_get_answers_head),
        cmocka_unit_test(ro4_all_takes_every_method),
        cmocka_unit_test(ro4_extension_methods),
        cmocka_unit_test(bo1_404_405_501),
        cmocka_unit_test(options_from_the_routes),
        cmocka_unit_test(ro5_ten_thousand_cost_what_ten_cost),
        cmocka_unit_test(ro5_many_matches),
        cmocka_unit_test(ro5_no_expression_runs_away),
        cmocka_unit_test(routers),
        cmocka_unit_test(routers_mounted_twice),
        cmocka_unit_test(routers_in_circles),
        cmocka_unit_test(routers_and_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
