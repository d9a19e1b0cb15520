/* sl_static(): which file a path means, where else a request goes, and what is said about a file.
 */
#include "../app/memory_exchange.h"
#include "../app/starving.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/sys.h"
#include "shallot/static.h"

static char place[] = "/tmp/shallot-static-XXXXXX", root[64];

static int64_t wall(void)
{
    return time(NULL) + 60;
}

static void put(const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", root, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void make_folder(const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int begin(void **state)
{
    assert_non_null(mkdtemp(place));
    snprintf(root, sizeof root, "%s/public", place);
    assert_int_equal(mkdir(root, 0700), 0);
    put("index.html", "<p>index");
    put("about.html", "<p>about");
    put("both.html", "<p>both");
    put("app.js", "js");
    put("a b.txt", "space");
    put("caf\xc3\xa9.txt", "cafe");
    put("50%.txt", "percent");
    put(".env", "hidden");
    put("..c", "hidden too");
    make_folder("docs");
    put("docs/index.html", "<p>docs");
    put("docs/one.txt", "one");
    make_folder("empty");
    make_folder("both");
    make_folder(".git");
    put(".git/config", "hidden");
    sl__sys_wall_fn = wall;
    return 0;
}

static int end(void **state)
{
    char command[300];

    sl__sys_wall_fn = NULL;
    snprintf(command, sizeof command, "chmod -R u+rwX %s; rm -rf %s", place, place);
    return system(command);
}

struct expected {
    const char *target;
    int status;
    const char *is; /* the body; of a redirect the location */
};

static void expect(sl_app *app, const char *method, const char *fields, const struct expected *e)
{
    struct memory m;
    char text[2048], line[1024];

    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, e->target, fields);
    memory_request(&m, app, text);
    if (m.status != e->status)
        print_error("%s %s: %d\n", method, e->target, m.status);
    assert_int_equal(m.status, e->status);
    snprintf(line, sizeof line, "Location: %s", e->is ? e->is : "");
    if (m.status == 301)
        assert_true(memory_has_header(&m, line));
    else if (e->is)
        assert_string_equal(memory_body(&m), e->is);
    memory_finish(&m);
}

static void expect_all(sl_app *app, const struct expected *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(app, "GET", "", &list[i]);
}

#define EXPECT(app, list) expect_all(app, list, sizeof(list) / sizeof *(list))

static void paths(void **state)
{
    static const struct expected list[] = {
        {"/", 200, "<p>index"},
        {"/index.html", 200, "<p>index"},
        {"/app.js", 200, "js"},
        {"/app.js?v=1", 200, "js"},
        {"/a%20b.txt", 200, "space"},
        {"/caf%C3%A9.txt", 200, "cafe"},
        {"/50%25.txt", 200, "percent"},
        {"/%61pp.js", 200, "js"},
        {"/docs/", 200, "<p>docs"},
        {"/docs/one.txt", 200, "one"},
        {"http://a/docs/one.txt", 200, "one"},
        {"http://a", 200, "<p>index"},
        /* folders without their slash */
        {"/docs", 301, "/docs/"},
        {"/docs?a=b&c", 301, "/docs/?a=b&c"},
        {"/docs?a=/", 301, "/docs/?a=/"},
        {"/%64ocs", 301, "/%64ocs/"},
        {"/empty", 301, "/empty/"},
        {"http://a/docs?x", 301, "/docs/?x"},
        {"http://a//docs", 404, NULL},
        /* nothing there */
        {"/empty/", 404, "404 Not Found\n"},
        {"/missing", 404, NULL},
        {"/missing/", 404, NULL},
        {"/app.js/", 404, NULL},
        {"/app.js/x", 404, NULL},
        {"/about", 404, NULL},
        /* hidden */
        {"/.env", 404, NULL},
        {"/..c", 404, NULL},
        {"/.git", 404, NULL},
        {"/.git/", 404, NULL},
        {"/.git/config", 404, NULL},
        /* not resolved */
        {"//", 404, NULL},
        {"//app.js", 404, NULL},
        {"//docs", 404, NULL},
        {"/docs//one.txt", 404, NULL},
        {"/./app.js", 404, NULL},
        {"/docs/../app.js", 404, NULL},
        {"/docs/..", 404, NULL},
        {"/docs/.", 404, NULL},
        {"/%2e%2e/public/app.js", 404, NULL},
        {"/docs%2Fone.txt", 404, NULL},
        {"/..%2Fpublic%2Fapp.js", 404, NULL},
        {"/docs%5Cone.txt", 404, NULL},
        {"//evil.example/..", 404, NULL},
        {"//evil.example/%2e%2e", 404, NULL},
    };
    sl_app *app = sl_new();

    memory_log_start();
    sl_use(app, sl_static(root));
    assert_true(sl__app_fit(app));
    EXPECT(app, list);
    expect(app, "HEAD", "", &(struct expected){"/missing", 404, NULL});
    expect(app, "POST", "", &(struct expected){"/app.js", 404, NULL});
    expect(app, "OPTIONS", "", &(struct expected){"*", 404, NULL});
    expect(app, "PURGE", "", &(struct expected){"/app.js", 404, NULL});
    sl_free(app);
}

static void options(void **state)
{
    static const struct expected plain[] = {
        {"/about", 200, "<p>about"},
        {"/about.html", 200, "<p>about"},
        {"/app.js", 200, "js"},
        {"/both", 404, NULL},
        {"/missing", 404, NULL},
        {"/", 404, NULL},
        {"/docs", 404, NULL},
        {"/docs/", 404, NULL},
        {"/.env", 200, "hidden"},
        {"/..c", 200, "hidden too"},
        {"/.git/config", 200, "hidden"},
        {"/../public/app.js", 404, NULL},
        {"/./app.js", 404, NULL},
    };
    static const struct expected other_index[] = {
        {"/", 404, NULL}, {"/docs/", 200, "one"}, {"/docs", 301, "/docs/"}};
    sl_app *app = sl_new();

    memory_log_start();
    sl_use(app, sl_static(root, .extension = "html", .index = "", .dotfiles = true,
                          .no_redirect = true));
    EXPECT(app, plain);
    sl_free(app);
    app = sl_new();
    sl_use(app, sl_static(root, .extension = ".html", .index = "one.txt"));
    EXPECT(app, other_index);
    expect(app, "GET", "", &(struct expected){"/about", 200, "<p>about"});
    expect(app, "GET", "", &(struct expected){"/both", 301, "/both/"});
    sl_free(app);
}

static int hello(sl_ctx *c)
{
    return sl_text(c, "hello");
}

static int silent(sl_ctx *c)
{
    return 0;
}

static int gone(sl_ctx *c)
{
    return sl_fail(c, 404, "no such thing");
}

/* What is not there others may have; what they have said stands. */
static void others(void **state)
{
    static const struct expected list[] = {
        {"/app.js", 200, "js"},
        {"/hello", 200, "hello"},
        {"/docs/hello", 200, "hello"},
        {"/silent", 200, "200 OK"},
        {"/gone", 404, "no such thing\n"},
        {"/missing", 404, "404 Not Found\n"},
        {"/post", 405, NULL},
    };
    sl_app *app = sl_new();

    memory_log_start();
    sl_use(app, sl_static(root));
    sl_get(app, "/hello", hello);
    sl_get(app, "/docs/hello", hello);
    sl_get(app, "/silent", silent);
    sl_get(app, "/gone", gone);
    sl_post(app, "/post", hello);
    EXPECT(app, list);
    expect(app, "POST", "", &(struct expected){"/post", 200, "hello"});
    expect(app, "POST", "", &(struct expected){"/hello", 405, NULL});
    expect(app, "OPTIONS", "", &(struct expected){"/hello", 204, ""});
    sl_free(app);
}

static void fallback(void **state)
{
    static const struct expected pages[] = {
        {"/users/7", 200, "<p>index"}, {"/users/john.doe", 200, "<p>index"},
        {"/hello", 200, "hello"},      {"/gone", 404, "no such thing\n"},
        {"/app.js", 200, "js"},        {"/post", 405, NULL},
        {"/../x", 200, "<p>index"},
    };
    static const char html[] = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    sl_app *app = sl_new();

    memory_log_start();
    sl_use(app, sl_static(root, .fallback = "index.html"));
    sl_get(app, "/hello", hello);
    sl_get(app, "/gone", gone);
    sl_post(app, "/post", hello);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        expect(app, "GET", html, &pages[i]);
    expect(app, "HEAD", html, &(struct expected){"/users/7", 200, NULL});
    expect(app, "GET", "Accept: */*\r\n", &(struct expected){"/users/7", 404, NULL});
    expect(app, "GET", "", &(struct expected){"/users/7", 404, NULL});
    expect(app, "POST", html, &(struct expected){"/users/7", 404, NULL});
    expect(app, "GET", "If-None-Match: *\r\nAccept: text/html\r\n",
           &(struct expected){"/users/7", 304, NULL});
    sl_free(app);
    app = sl_new();
    sl_use(app, sl_static(root, .fallback = "nothing.html"));
    expect(app, "GET", html, &(struct expected){"/users/7", 404, "404 Not Found\n"});
    sl_free(app);
}

/* The folder begins where the layer is mounted. */
static void mounted(void **state)
{
    static const struct expected list[] = {
        {"/files/app.js", 200, "js"},
        {"/files/", 200, "<p>index"},
        {"/files/docs/", 200, "<p>docs"},
        {"/files/docs/one.txt", 200, "one"},
        {"/files/docs", 301, "/files/docs/"},
        {"/files/a%20b.txt", 200, "space"},
        {"/files/missing", 404, NULL},
        {"/files//app.js", 404, NULL},
        {"/files/../app.js", 404, NULL},
        {"/v1/sub/app.js", 200, "js"},
        {"/v1/sub/docs/one.txt", 200, "one"},
        {"/v1/sub", 301, "/v1/sub/"},
        {"/v1/sub?q", 301, "/v1/sub/?q"},
        {"/v1/sub/", 200, "<p>index"},
        {"/v1/sub/docs", 301, "/v1/sub/docs/"},
        {"/v1/sub/other/app.js", 200, "js"},
        {"/v1/sub/a%20b.txt", 200, "space"},
        {"/app.js", 404, NULL},
        {"/x/app.js", 404, NULL},
    };
    sl_router *inner = sl_router_new(.prefix = "/:version/sub");
    sl_app *app = sl_new();

    memory_log_start();
    sl_get(app, "/files/*path", sl_static(root));
    sl_get(inner, "/other/*path", sl_static(root));
    sl_router_use(inner, sl_static(root));
    sl_use(app, sl_routes(inner));
    EXPECT(app, list);
    expect(app, "POST", "", &(struct expected){"/files/app.js", 405, NULL});
    sl_free(app);
}

static const char *header_of(sl_app *app, const char *target, const char *name)
{
    static char value[256];
    char text[256];
    struct memory m;
    const char *at;

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    memory_request(&m, app, text);
    assert_int_equal(m.status, 200);
    snprintf(text, sizeof text, "%s: ", name);
    at = strstr(m.headers, text);
    if (at)
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at + strlen(text), "\n"),
                 at + strlen(text));
    memory_finish(&m);
    return at ? value : NULL;
}

static int own_control(sl_ctx *c)
{
    sl_set_header(c, "Cache-Control", "private");
    return sl_next(c);
}

static void caching(void **state)
{
    static const struct {
        sl_static_options o;
        const char *js, *html;
    } table[] = {
        {{0}, "no-cache", "no-cache"},
        {{.max_age = 60}, "max-age=60", "no-cache"},
        {{.max_age = 60, .html_max_age = 60}, "max-age=60", "max-age=60"},
        {{.html_max_age = 60}, "no-cache", "max-age=60"},
        {{.max_age = 31536000, .immutable = true}, "max-age=31536000, immutable", "no-cache"},
        {{.max_age = 9, .html_max_age = 9, .immutable = true}, "max-age=9, immutable", "max-age=9"},
        {{.immutable = true}, "no-cache", "no-cache"},
        {{.cache_control = "public"}, "public", "public"},
        {{.cache_control = ""}, NULL, NULL},
    };

    memory_log_start();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        sl_static_options o = table[i].o;
        sl_app *app = sl_new();
        const char *got;

        o.size = sizeof o;
        sl_use(app, sl_static_with(root, &o));
        got = header_of(app, "/app.js", "Cache-Control");
        assert_int_equal(got == NULL, table[i].js == NULL);
        if (got)
            assert_string_equal(got, table[i].js);
        got = header_of(app, "/about.html", "Cache-Control");
        assert_int_equal(got == NULL, table[i].html == NULL);
        if (got)
            assert_string_equal(got, table[i].html);
        sl_free(app);
        app = sl_new();
        sl_use(app, own_control);
        sl_use(app, sl_static_with(root, &o));
        assert_string_equal(header_of(app, "/app.js", "Cache-Control"), "private");
        sl_free(app);
    }
}

static void tags(void **state)
{
    static const sl_static_etag kinds[] = {SL_ETAG_STRONG, SL_ETAG_WEAK, SL_ETAG_NONE};

    memory_log_start();
    for (size_t i = 0; i < 3; i++) {
        sl_app *app = sl_new();
        const char *etag;
        char fields[256];

        sl_use(app, sl_static(root, .etag = kinds[i]));
        assert_non_null(header_of(app, "/app.js", "Last-Modified"));
        etag = header_of(app, "/app.js", "ETag");
        if (kinds[i] == SL_ETAG_NONE) {
            assert_null(etag);
            snprintf(fields, sizeof fields, "If-Modified-Since: %s\r\n",
                     header_of(app, "/app.js", "Last-Modified"));
        } else {
            assert_non_null(etag);
            assert_int_equal(strncmp(etag, "W/\"", 3) == 0, kinds[i] == SL_ETAG_WEAK);
            snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", etag);
        }
        expect(app, "GET", fields, &(struct expected){"/app.js", 304, ""});
        snprintf(fields, sizeof fields, "Range: bytes=0-0\r\nIf-Range: %s\r\n", etag ? etag : "x");
        expect(app, "GET", fields,
               kinds[i] == SL_ETAG_STRONG ? &(struct expected){"/app.js", 206, "j"}
                                          : &(struct expected){"/app.js", 200, "js"});
        sl_free(app);
    }
}

static void bad_options(void **state)
{
    char nothing[80];
    sl_app *app = sl_new();

    memory_log_start();
    snprintf(nothing, sizeof nothing, "%s/nothing", root);
    assert_true(sl_use(app, sl_static(nothing)) < 0);
    assert_non_null(strstr(memory_log, nothing));
    assert_false(sl__app_fit(app));
    sl_free(app);
    app = sl_new();
    assert_true(sl_use(app, sl_static(NULL)) < 0);
    assert_false(sl__app_fit(app));
    sl_free(app);
}

static void unreadable(void **state)
{
    sl_app *app = sl_new();
    char path[128];

    memory_log_start();
    put("locked.txt", "locked");
    snprintf(path, sizeof path, "%s/locked.txt", root);
    chmod(path, 0);
    sl_use(app, sl_static(root));
    expect(app, "GET", "",
           geteuid() == 0 ? &(struct expected){"/locked.txt", 200, "locked"}
                          : &(struct expected){"/locked.txt", 403, "this file cannot be read\n"});
    sl_free(app);
}

static int with_little_room(sl_ctx *c)
{
    return sl_alloc(c, 3600) ? sl_next(c) : -ENOMEM;
}

/* Without memory: the answer, or that there is none at the moment; never another one. */
static void without_memory(void **state)
{
    static const struct expected list[] = {
        {"/app.js", 200, "js"},       {"/", 200, "<p>index"}, {"/docs/", 200, "<p>docs"},
        {"/about", 200, "<p>about"},  {"/docs", 301, NULL},   {"/users/7", 200, "<p>index"},
        {"/a%20b.txt", 200, "space"},
    };
    sl_app *app = sl_new();

    memory_log_start();
    sl_use(app, with_little_room);
    sl_use(app, sl_static(root, .extension = "html", .fallback = "index.html", .cache_bytes = 1,
                          .etag = SL_ETAG_WEAK));
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        failed = true;
        for (long n = 0; failed; n++) {
            struct memory m = {0};
            char text[256];

            snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n",
                     list[i].target);
            memory_begin(&m, app, text);
            assert_int_equal(sl__buf_reserve(&m.body, 1000), 0); /* the test's own */
            failed = false;
            left = n;
            sl__mem_fault = fault;
            memory_serve(&m);
            sl__mem_fault = NULL;
            if (m.status != 503 && m.status != list[i].status)
                print_error("%s, allocation %ld: %d\n", list[i].target, n, m.status);
            assert_true(m.status == list[i].status || m.status == 503);
            if (m.status == 200)
                assert_string_equal(memory_body(&m), list[i].is);
            memory_finish(&m);
        }
    }
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),      cmocka_unit_test(options),
        cmocka_unit_test(others),     cmocka_unit_test(fallback),
        cmocka_unit_test(mounted),    cmocka_unit_test(caching),
        cmocka_unit_test(tags),       cmocka_unit_test(bad_options),
        cmocka_unit_test(unreadable), cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
