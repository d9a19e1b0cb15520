/*
 * Requests of other sites: a table of what browsers say about where they come from, and tokens that
 * are right, wrong, old, somebody else's; with the secret in a session and in a cookie.
 */
#include "../app/starving.h"
#include "browser.h"

#include "base/mem.h"
#include "shallot/crypto.h"
#include "shallot/session.h"

#define ONE "0123456789abcdef0123456789abcdef one"

static bool https;

static int from_a_proxy(sl_ctx *c)
{
    if (https)
        assert_int_equal(sl_set_scheme(c, "https"), 0);
    return sl_next(c);
}

static const char *const friends[] = {"https://friend.example", "http://other.example:8080", NULL};

static sl_app *app_with(sl_session_store store, sl_csrf_options o)
{
    sl_app *app = sl_new();

    o.size = sizeof o;
    assert_int_equal(sl_secrets(app, ONE), 0);
    sl_use(app, from_a_proxy);
    if (!o.cookie)
        sl_use(app, sl_session(app, .store = store));
    assert_int_equal(sl_use(app, sl_csrf_with(app, &o)), 0);
    assert_int_equal(sl_all(app, ".*", visited), 0);
    assert_true(sl__app_fit(app));
    jar[0] = '\0';
    clock_offset = 0;
    https = false;
    memory_log_start();
    return app;
}

/* With the secret in the sealed session, the shared one, or a cookie. */
static sl_app *app_of(void **state)
{
    int kind = *(int *)*state;

    return app_with(kind == 1 ? SL_SESSION_SHARED : SL_SESSION_COOKIE,
                    (sl_csrf_options){.cookie = kind == 2});
}

static char token[200], other_token[200];

static int form(sl_ctx *c)
{
    const char *field;

    snprintf(token, sizeof token, "%s", sl_csrf_token(c));
    snprintf(other_token, sizeof other_token, "%s", sl_csrf_token(c));
    assert_int_equal(strlen(token), 86);
    assert_string_not_equal(token, other_token); /* never the same twice */
    field = sl_csrf_field(c);
    assert_true(strncmp(field, "<input type=\"hidden\" name=\"csrf_token\" value=\"", 46) == 0);
    assert_int_equal(strlen(field), 46 + 86 + 2);
    return sl_body(c, field);
}

static int done(sl_ctx *c)
{
    const void *body;
    size_t len;

    assert_int_equal(sl_request_body(c, &body, &len), 0); /* still to be had */
    return sl_text(c, "done");
}

static void post_field(sl_app *app, const char *with, int status)
{
    char body[600];

    snprintf(body, sizeof body, "a=1&csrf_token=%s&b=2", with);
    ask(app, done, "POST", "Content-Type: application/x-www-form-urlencoded\r\n", body);
    if (m.status != status)
        print_error("%s: %d\n", with, m.status);
    assert_int_equal(m.status, status);
}

static void post_header(sl_app *app, const char *method, const char *with, int status)
{
    char head[600];

    snprintf(head, sizeof head, "x-csrf-token: %s\r\nContent-Type: application/json\r\n", with);
    ask(app, done, method, head, "{}");
    assert_int_equal(m.status, status);
}

static void right_and_wrong(void **state)
{
    sl_app *app = app_of(state);
    char mixed[200], first[200], mine[sizeof jar];

    ask(app, done, "POST", "", ""); /* no secret, no token */
    assert_int_equal(m.status, 403);
    assert_string_equal(memory_body(&m), "the form is too old, or was not sent from a page of this "
                                         "site: go back, load the page anew and send it again\n");
    get(app, form);
    assert_true(sets_cookies());
    assert_true(memory_has_header(&m, "Vary: Cookie"));
    assert_true(memory_has_header(&m, "Cache-Control: private, no-cache"));
    post_field(app, token, 200);
    post_field(app, token, 200); /* a form may be sent again */
    post_field(app, other_token, 200);
    post_header(app, "POST", token, 200);
    post_header(app, "DELETE", token, 200);
    post_header(app, "PURGE", "", 403); /* of methods nobody knows too */
    ask(app, done, "GET", "", "");
    assert_int_equal(m.status, 200);
    ask(app, done, "OPTIONS", "", "");
    assert_int_equal(m.status, 200);
    strcpy(first, token);
    get(app, form);
    post_field(app, first, 200); /* another page, the same visitor */
    post_field(app, "", 403);
    for (size_t i = 0; i < strlen(token); i++) {
        strcpy(mixed, token);
        mixed[i] = mixed[i] == 'A' ? 'B' : 'A';
        post_field(app, mixed, 403);
        mixed[i] = '\0';
        post_field(app, mixed, 403);
    }
    snprintf(mixed, sizeof mixed, "%.43s%s", token, other_token + 43); /* halves of two */
    post_field(app, mixed, 403);
    snprintf(mixed, sizeof mixed, "%sA", token);
    post_field(app, mixed, 403);
    memset(mixed, 'A', 86);
    mixed[86] = '\0';
    post_field(app, mixed, 403);
    strcpy(mine, jar);
    jar[0] = '\0';
    post_field(app, token, 403); /* without the cookie */
    get(app, form);              /* another visitor's */
    strcpy(first, token);
    strcpy(jar, mine);
    post_field(app, first, 403);
    sl_free(app);
}

static void where_the_token_is(void **state)
{
    static const struct {
        const char *type, *before, *behind;
        int status;
    } forms[] = {
        {"application/x-www-form-urlencoded", "csrf_token=", "", 200},
        {"Application/X-WWW-form-urlencoded; charset=utf-8", "&&a&csrf_token=", "&", 200},
        {"application/x-www-form-urlencoded", "csrf_token=wrong&csrf_token=", "", 200},
        {"application/x-www-form-urlencoded", "CSRF_token=", "", 403},
        {"application/x-www-form-urlencoded", "xcsrf_token=", "", 403},
        {"application/x-www-form-urlencoded", "a=csrf_token=", "", 403},
        {"application/x-www-form-urlencoded", "csrf_token=", "x", 403},
        {"text/plain", "csrf_token=", "", 403},
        {"application/json", "csrf_token=", "", 403},
    };
    sl_app *app = app_of(state);
    char head[200], body[400];

    get(app, form);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        snprintf(head, sizeof head, "Content-Type: %s\r\n", forms[i].type);
        snprintf(body, sizeof body, "%s%s%s", forms[i].before, token, forms[i].behind);
        ask(app, done, "POST", head, body);
        if (m.status != forms[i].status)
            print_error("%s: %d\n", body, m.status);
        assert_int_equal(m.status, forms[i].status);
    }
    sl_free(app);
}

/* What a browser says of a request that has the right token, unless there is none. */
static const struct {
    const char *head;
    bool https;
    int status, without; /* with .no_token and no token */
} origins[] = {
    {"", false, 200, 200},
    {"Sec-Fetch-Site: same-origin\r\n", false, 200, 200},
    {"Sec-Fetch-Site: none\r\n", false, 200, 200},
    {"Sec-Fetch-Site: same-site\r\n", false, 403, 403},
    {"Sec-Fetch-Site: cross-site\r\n", false, 403, 403},
    {"Sec-Fetch-Site: something new\r\n", false, 200, 200},
    {"Sec-Fetch-Site: something new\r\nOrigin: http://evil.example\r\n", false, 403, 403},
    {"Sec-Fetch-Site: same-origin\r\nOrigin: null\r\n", false, 200, 200}, /* no-referrer */
    {"Sec-Fetch-Site: cross-site\r\nOrigin: http://example.com\r\n", false, 403, 403},
    {"Origin: http://example.com\r\n", false, 200, 200},
    {"Origin: HTTP://EXAMPLE.com\r\n", false, 200, 200},
    {"Origin: http://example.com:80\r\n", false, 200, 200},
    {"Origin: http://example.com:8080\r\n", false, 403, 403},
    {"Origin: http://example.com.evil.example\r\n", false, 403, 403},
    {"Origin: http://evil.example\r\n", false, 403, 403},
    {"Origin: http://evilexample.com\r\n", false, 403, 403},
    {"Origin: http://sub.example.com\r\n", false, 403, 403},
    {"Origin: example.com\r\n", false, 403, 403},
    {"Origin: null\r\n", false, 403, 403},
    {"Origin: \r\n", false, 403, 403},
    {"Origin: http://example.com\r\nOrigin: http://evil.example\r\n", false, 403, 403},
    {"Origin: https://example.com\r\n", false, 200, 200}, /* a proxy nobody told us of */
    {"Origin: https://example.com\r\n", true, 200, 200},
    {"Origin: https://example.com:443\r\n", true, 200, 200},
    {"Origin: http://example.com\r\n", true, 403, 403}, /* a man in the middle */
    {"Origin: https://friend.example\r\n", false, 200, 200},
    {"Sec-Fetch-Site: cross-site\r\nOrigin: https://friend.example\r\n", true, 200, 200},
    {"Origin: http://friend.example\r\n", false, 403, 403},
    {"Origin: http://other.example:8080\r\n", false, 200, 200},
    {"Origin: http://other.example\r\n", false, 403, 403},
};

static void where_requests_come_from(void **state)
{
    for (int no_token = 0; no_token < 2; no_token++)
        for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
            sl_app *app = app_with(SL_SESSION_COOKIE,
                                   (sl_csrf_options){.origins = friends, .no_token = no_token});
            int wanted = no_token ? origins[i].without : origins[i].status;
            char head[500];

            https = origins[i].https;
            get(app, form);
            snprintf(head, sizeof head, "%s%s%s%s", origins[i].head,
                     no_token ? "" : "X-CSRF-Token: ", no_token ? "" : token,
                     no_token ? "" : "\r\n");
            ask(app, done, "POST", head, "");
            if (m.status != wanted)
                print_error("%s: %d\n", head, m.status);
            assert_int_equal(m.status, wanted);
            sl_free(app);
        }
}

/* Their bodies are not looked into: the browser's word, or a header. */
static void uploads(void **state)
{
    static const struct {
        const char *head;
        int status;
    } cases[] = {
        {"", 403},
        {"Origin: http://evil.example\r\n", 403},
        {"Origin: http://example.com\r\n", 200},
        {"Sec-Fetch-Site: same-origin\r\n", 200},
        {"Sec-Fetch-Site: cross-site\r\n", 403},
        {"Sec-Fetch-Site: same-origin\r\nX-CSRF-Token: wrong\r\n", 403},
    };
    sl_app *app = app_of(state);
    char head[300];

    get(app, form);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(head, sizeof head, "Content-Type: multipart/form-data; boundary=x\r\n%s",
                 cases[i].head);
        ask(app, done, "POST", head, "--x--\r\n");
        assert_int_equal(m.status, cases[i].status);
    }
    snprintf(head, sizeof head,
             "Content-Type: multipart/form-data; boundary=x\r\nX-CSRF-Token: %s\r\n", token);
    ask(app, done, "POST", head, "--x--\r\n");
    assert_int_equal(m.status, 200);
    sl_free(app);
}

static int log_in(sl_ctx *c)
{
    int r = sl_session_regenerate(c);

    return r < 0 ? r : sl_session_set(c, "user", "ada");
}

static int log_in_and_form(sl_ctx *c)
{
    int r = log_in(c);

    return r < 0 ? r : form(c);
}

static void a_login_makes_it_anew(void **state)
{
    sl_app *app =
        app_with(*(int *)*state ? SL_SESSION_SHARED : SL_SESSION_COOKIE, (sl_csrf_options){0});
    char before[200];

    get(app, form);
    strcpy(before, token);
    get(app, log_in);
    post_field(app, before, 403);
    get(app, form);
    post_field(app, token, 200);
    strcpy(before, token);
    get(app, log_in_and_form);
    post_field(app, before, 403);
    post_field(app, token, 200);
    sl_free(app);
}

static void cookies_of_its_own(void **state)
{
    sl_app *app = app_with(SL_SESSION_COOKIE, (sl_csrf_options){.cookie = true});
    char planted[sizeof jar];

    get(app, form);
    assert_true(strncmp(jar, "csrf=", 5) == 0);
    post_field(app, token, 200);
    snprintf(planted, sizeof planted, "csrf=%.43s.0.%.43s", token, token); /* not signed by us */
    strcpy(jar, planted);
    memset(token + 43, 'A', 43);
    post_field(app, token, 403);
    jar[0] = '\0';
    https = true;
    get(app, form);
    assert_true(strncmp(jar, "__Host-csrf=", 12) == 0);
    post_field(app, token, 200);
    sl_free(app);
}

static int named_field(sl_ctx *c)
{
    snprintf(token, sizeof token, "%s", sl_csrf_token(c));
    return sl_body(c, sl_csrf_field(c));
}

static void its_own_names(void **state)
{
    sl_app *app = app_with(SL_SESSION_COOKIE, (sl_csrf_options){.header = "X-T", .field = "t"});
    char text[200];

    get(app, named_field);
    assert_non_null(strstr(memory_body(&m), " name=\"t\" "));
    snprintf(text, sizeof text, "t=%s", token);
    ask(app, done, "POST", "Content-Type: application/x-www-form-urlencoded\r\n", text);
    assert_int_equal(m.status, 200);
    snprintf(text, sizeof text, "X-T: %s\r\n", token);
    ask(app, done, "POST", text, "");
    assert_int_equal(m.status, 200);
    post_field(app, token, 403);
    post_header(app, "POST", token, 403);
    sl_free(app);
}

static int no_layer(sl_ctx *c)
{
    assert_null(sl_csrf_token(c));
    return sl_body(c, sl_csrf_field(c));
}

static void without_the_layers(void **state)
{
    sl_app *app = sl_new();

    memory_log_start();
    jar[0] = '\0';
    sl_all(app, ".*", visited);
    get(app, no_layer);
    assert_int_equal(m.status, 200);
    assert_non_null(strstr(memory_log, "no CSRF token: there is no sl_csrf() above this handler"));
    sl_free(app);
    app = sl_new();
    sl_use(app, sl_csrf(app));
    sl_all(app, ".*", visited);
    get(app, no_layer); /* its session is missing */
    ask(app, done, "POST", "", "");
    assert_int_equal(m.status, 500);
    assert_non_null(strstr(memory_log, "csrf: there is no sl_session() above it"));
    sl_free(app);
}

static void impossible_options(void **state)
{
    static const char *const bad_origins[] = {"example.com", NULL};
    static const char *const more_bad_origins[] = {"https://example.com/", NULL};
    const struct {
        sl_csrf_options o;
        const char *complaint;
    } bad[] = {
        {{.field = "a b"}, "field \"a b\" must be of letters"},
        {{.field = ""}, "field \"\""},
        {{.header = "X: y"}, "\"X: y\" cannot be a header's name"},
        {{.origins = bad_origins}, "origin \"example.com\" must be as in"},
        {{.origins = more_bad_origins}, "origin \"https://example.com/\""},
        {{.cookie = true}, "no secrets: set SHALLOT_SECRETS"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sl_csrf_options o = bad[i].o;
        sl_app *app = sl_new();

        memory_log_start();
        o.size = sizeof o;
        assert_null(sl_csrf_with(app, &o).run);
        assert_false(sl__app_fit(app));
        assert_int_equal(memory_log_lines, 1);
        assert_non_null(strstr(memory_log, bad[i].complaint));
        sl_free(app);
    }
}

static int form_in_need(sl_ctx *c)
{
    return sl_alloc(c, 3900) ? sl_body(c, sl_csrf_field(c)) : -ENOMEM;
}

static void without_memory(void **state)
{
    sl_app *app = app_of(state);
    char body[6000];
    int length;
    long n;

    for (n = 0, failed = true; failed; n++) {
        jar[0] = '\0';
        failed = false;
        left = n;
        sl__mem_fault = fault;
        get(app, form_in_need);
        sl__mem_fault = NULL;
        assert_true(m.status == 200 || m.status == 503);
    }
    assert_true(n > 1);
    get(app, form);
    length = snprintf(body, sizeof body, "csrf_token=%s&x=", token);
    memset(body + length, 'x', sizeof body - (size_t)length);
    body[sizeof body - 1] = '\0';
    for (n = 0, failed = true; failed; n++) {
        failed = false;
        left = n;
        sl__mem_fault = fault;
        ask(app, done, "POST", "Content-Type: application/x-www-form-urlencoded\r\n", body);
        sl__mem_fault = NULL;
        assert_true(m.status == 200 || m.status == 403 || m.status == 503);
    }
    assert_true(n > 1);
    assert_int_equal(m.status, 200);
    sl_free(app);
}

#define EACH(test)                                                                                 \
    {"session: " #test, test, NULL, NULL, &kinds[0]},                                              \
        {"shared: " #test, test, NULL, NULL, &kinds[1]},                                           \
    {                                                                                              \
        "cookie: " #test, test, NULL, NULL, &kinds[2]                                              \
    }

static int kinds[] = {0, 1, 2};

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(right_and_wrong),
        EACH(where_the_token_is),
        EACH(uploads),
        cmocka_unit_test(where_requests_come_from),
        {"session: a_login_makes_it_anew", a_login_makes_it_anew, NULL, NULL, &kinds[0]},
        {"shared: a_login_makes_it_anew", a_login_makes_it_anew, NULL, NULL, &kinds[1]},
        cmocka_unit_test(cookies_of_its_own),
        cmocka_unit_test(its_own_names),
        cmocka_unit_test(without_the_layers),
        cmocka_unit_test(impossible_options),
        EACH(without_memory),
    };
    int r;

    unsetenv("SHALLOT_SECRETS");
    unsetenv("SHALLOT_SECRETS_FILE");
    r = cmocka_run_group_tests(tests, NULL, NULL);
    memory_finish(&m);
    return r;
}
