/*
 * Sessions in both stores: what is kept, when there is a cookie, and everything that must not work:
 * planted, replayed, tampered with, cut, too old. Time passes as the test says.
 */
#include "../app/starving.h"
#include "browser.h"

#include "base/mem.h"
#include "shallot/crypto.h"
#include "shallot/session.h"

#define ONE "0123456789abcdef0123456789abcdef one"
#define TWO "fedcba9876543210fedcba9876543210 two"
#define DAY 86400

static bool https;

static int from_a_proxy(sl_ctx *c)
{
    if (https)
        assert_int_equal(sl_set_scheme(c, "https"), 0);
    return sl_next(c);
}

static sl_app *app_with(sl_session_options o)
{
    sl_app *app = sl_new();

    o.size = sizeof o;
    assert_int_equal(sl_secrets(app, ONE), 0);
    assert_int_equal(sl_use(app, from_a_proxy), 0);
    assert_int_equal(sl_use(app, sl_session_with(app, &o)), 0);
    assert_int_equal(sl_all(app, ".*", visited), 0);
    assert_true(sl__app_fit(app));
    jar[0] = '\0';
    clock_offset = 0;
    https = false;
    memory_log_start();
    return app;
}

/* The store of this test. */
static sl_app *app_of(void **state)
{
    return app_with((sl_session_options){.store = *(sl_session_store *)*state});
}

static bool is_shared(void **state)
{
    return *(sl_session_store *)*state == SL_SESSION_SHARED;
}

static int nothing(sl_ctx *c)
{
    return 0;
}

static int who(sl_ctx *c)
{
    const char *user = sl_session_get(c, "user"), *more = sl_session_get(c, "more");

    return sl_text(c, "%s %s", user ? user : "-", more ? more : "-");
}

static int log_in(sl_ctx *c)
{
    int r = sl_session_regenerate(c);

    return r < 0 ? r : sl_session_set(c, "user", "ada");
}

static int set_user(sl_ctx *c)
{
    return sl_session_set(c, "user", "ada");
}

static int set_more(sl_ctx *c)
{
    return sl_session_set(c, "more", "of it");
}

static int log_out(sl_ctx *c)
{
    return sl_session_destroy(c);
}

static void expect(sl_app *app, const char *body)
{
    get(app, who);
    assert_int_equal(m.status, 200);
    assert_string_equal(memory_body(&m), body);
}

static void kept_from_one_to_the_next(void **state)
{
    sl_app *app = app_of(state);

    get(app, nothing);
    assert_false(sets_cookies());
    assert_null(strstr(m.headers, "Vary"));
    expect(app, "- -"); /* looked at: no cookie, but the answer is one visitor's */
    assert_false(sets_cookies());
    assert_true(memory_has_header(&m, "Vary: Cookie"));
    assert_true(memory_has_header(&m, "Cache-Control: private, no-cache"));
    get(app, set_user);
    assert_true(strncmp(jar, "session=", 8) == 0);
    assert_non_null(strstr(m.headers, "; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax\n"));
    if (is_shared(state))
        assert_int_equal(strlen(jar), 8 + 32);
    assert_null(strstr(jar, "ada"));
    expect(app, "ada -");
    assert_false(sets_cookies()); /* nothing has changed */
    get(app, set_more);
    assert_true(sets_cookies());
    expect(app, "ada of it");
    get(app, nothing);
    assert_null(strstr(m.headers, "Vary"));
    sl_free(app);
}

static int keeps_caching(sl_ctx *c)
{
    sl_set_header(c, "Cache-Control", "no-store");
    return who(c);
}

static void caching_said_by_the_program_stays(void **state)
{
    sl_app *app = app_of(state);

    get(app, keeps_caching);
    assert_true(memory_has_header(&m, "Cache-Control: no-store"));
    assert_null(strstr(m.headers, "private"));
    sl_free(app);
}

static int all_kinds(sl_ctx *c)
{
    char key[300];

    memset(key, 'k', sizeof key);
    key[256] = '\0';
    assert_int_equal(sl_session_set(c, key, "1"), -EINVAL);
    assert_int_equal(sl_session_set(c, "", "1"), -EINVAL);
    assert_int_equal(sl_session_set(c, NULL, "1"), -EINVAL);
    assert_int_equal(sl_session_set(c, "a", NULL), -EINVAL);
    assert_int_equal(sl_session_set_bytes(c, "a", NULL, 1), -EINVAL);
    assert_int_equal(sl_session_set(c, key + 1, "long"), 0);
    assert_int_equal(sl_session_set_bytes(c, "bytes", "\0\xff\n", 3), 0);
    assert_int_equal(sl_session_set_bytes(c, "none", NULL, 0), 0);
    assert_int_equal(sl_session_set(c, "a=b;\r\n", "any, \"text\""), 0);
    assert_int_equal(sl_session_set(c, "twice", "first"), 0);
    assert_int_equal(sl_session_set(c, "twice", "2"), 0);
    assert_int_equal(sl_session_set(c, "gone", "soon"), 0);
    assert_int_equal(sl_session_delete(c, "gone"), 0);
    assert_int_equal(sl_session_delete(c, "never"), 0);
    assert_string_equal(sl_session_get(c, "twice"), "2"); /* at once */
    assert_null(sl_session_get(c, "gone"));
    return 0;
}

static int all_kinds_again(sl_ctx *c)
{
    char key[256];
    size_t len;

    memset(key, 'k', sizeof key);
    key[255] = '\0';
    assert_string_equal(sl_session_get(c, key), "long");
    assert_memory_equal(sl_session_bytes(c, "bytes", &len), "\0\xff\n", 4);
    assert_int_equal(len, 3);
    assert_string_equal(sl_session_bytes(c, "none", &len), "");
    assert_int_equal(len, 0);
    assert_string_equal(sl_session_get(c, "a=b;\r\n"), "any, \"text\"");
    assert_string_equal(sl_session_get(c, "twice"), "2");
    assert_null(sl_session_get(c, "gone"));
    assert_null(sl_session_get(c, NULL));
    assert_null(sl_session_bytes(c, "never", &len));
    assert_int_equal(len, 0);
    return 0;
}

static void values_of_every_kind(void **state)
{
    sl_app *app = app_of(state);

    get(app, all_kinds);
    assert_int_equal(m.status, 200);
    get(app, all_kinds_again);
    assert_int_equal(m.status, 200);
    sl_free(app);
}

static int delete_user(sl_ctx *c)
{
    return sl_session_delete(c, "user");
}

static void an_empty_one_ends(void **state)
{
    sl_app *app = app_of(state);
    char before[sizeof jar];

    get(app, delete_user);
    assert_false(sets_cookies());
    get(app, set_user);
    strcpy(before, jar);
    get(app, delete_user);
    assert_non_null(strstr(m.headers, "Set-Cookie: session=; Path=/; Max-Age=0;"));
    assert_string_equal(jar, "");
    if (is_shared(state)) {
        strcpy(jar, before);
        expect(app, "- -");
    }
    sl_free(app);
}

/* An id that somebody knew before the visitor logged in is nobody's after it. */
static void fixation(void **state)
{
    sl_app *app = app_of(state);
    char planted[sizeof jar];

    get(app, set_more);
    strcpy(planted, jar);
    get(app, log_in);
    assert_string_not_equal(jar, planted);
    expect(app, "ada of it");
    strcpy(jar, planted);
    expect(app, is_shared(state) ? "- -" : "- of it"); /* the seal of a visitor without a name */
    if (is_shared(state)) { /* an id of the attacker's own making is never taken up */
        strcpy(jar, "session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        get(app, set_more);
        assert_null(strstr(jar, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        assert_true(sets_cookies());
    }
    sl_free(app);
}

static int set_private(sl_ctx *c)
{
    sl_session_set(c, "_token", "of the id");
    return set_more(c);
}

static int has_private(sl_ctx *c)
{
    return sl_text(c, "%s", sl_session_get(c, "_token") ? "yes" : "no");
}

static void what_belongs_to_the_id_goes_with_it(void **state)
{
    sl_app *app = app_of(state);

    get(app, set_private);
    get(app, has_private);
    assert_string_equal(memory_body(&m), "yes");
    get(app, log_in);
    get(app, has_private);
    assert_string_equal(memory_body(&m), "no");
    expect(app, "ada of it");
    sl_free(app);
}

static int log_out_and_set(sl_ctx *c)
{
    int r = sl_session_destroy(c);

    assert_null(sl_session_get(c, "user"));
    return r < 0 ? r : sl_session_set(c, "more", "new");
}

static void replay_after_the_end(void **state)
{
    sl_app *app = app_of(state);
    char stolen[sizeof jar];

    get(app, log_out); /* there is none */
    assert_false(sets_cookies());
    get(app, log_in);
    strcpy(stolen, jar);
    get(app, log_out);
    assert_string_equal(jar, "");
    expect(app, "- -");
    strcpy(jar, stolen);
    expect(app, is_shared(state) ? "- -" : "ada -"); /* a seal is good until its time is over */
    strcpy(jar, stolen);
    get(app, log_out_and_set);
    assert_string_not_equal(jar, stolen);
    expect(app, "- new");
    sl_free(app);
}

static int tries;

static void expect_nobody(sl_app *app)
{
    tries++;
    expect(app, "- -");
    assert_false(sets_cookies());
}

static void tampered_and_cut(void **state)
{
    static const char *const junk[] = {
        "",
        "a",
        "\"\"",
        "....",
        "%00",
        "session",
        "=",
        "A=B",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    sl_app *app = app_of(state);
    char good[sizeof jar];
    size_t len;

    get(app, log_in);
    strcpy(good, jar);
    len = strlen(good);
    for (size_t i = 8; i < len; i++) {
        strcpy(jar, good);
        jar[i] = jar[i] == 'A' ? 'B' : 'A';
        expect_nobody(app);
        snprintf(jar, i + 1, "%s", good); /* cut there */
        expect_nobody(app);
        snprintf(jar, sizeof jar, "session=%s", good + i + 1);
        expect_nobody(app);
    }
    snprintf(jar, sizeof jar, "%sA", good);
    expect_nobody(app);
    for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
        snprintf(jar, sizeof jar, "session=%s", junk[i]);
        expect_nobody(app);
    }
    snprintf(jar, sizeof jar, "other=%s", good + 8);
    expect_nobody(app);
    assert_true(tries > 100);
    snprintf(jar, sizeof jar, "session=junk; session=\"%s\"", good + 8); /* somebody else's first */
    expect(app, "ada -");
    strcpy(jar, good);
    expect(app, "ada -");
    sl_free(app);
}

static int set_and_fail(sl_ctx *c)
{
    sl_session_set(c, "user", "eve");
    sl_session_regenerate(c);
    return sl_fail(c, 400, "no");
}

static void a_failure_saves_nothing(void **state)
{
    sl_app *app = app_of(state);

    get(app, set_and_fail);
    assert_int_equal(m.status, 400);
    assert_string_equal(jar, "");
    get(app, set_user);
    get(app, set_and_fail);
    assert_false(sets_cookies());
    expect(app, "ada -");
    sl_free(app);
}

static int set_and_push(sl_ctx *c)
{
    assert_int_equal(sl_session_set(c, "user", "ada"), 0);
    assert_int_equal(sl_write(c, "x", 1), 0);
    assert_int_equal(sl_session_set(c, "user", "eve"), -SL_ECOMMITTED);
    assert_int_equal(sl_session_delete(c, "user"), -SL_ECOMMITTED);
    assert_int_equal(sl_session_destroy(c), -SL_ECOMMITTED);
    assert_int_equal(sl_session_regenerate(c), -SL_ECOMMITTED);
    assert_string_equal(sl_session_get(c, "user"), "ada");
    return 0;
}

static int push_first(sl_ctx *c)
{
    assert_int_equal(sl_write(c, "x", 1), 0);
    assert_string_equal(sl_session_get(c, "user"), "ada"); /* may be read */
    assert_int_equal(sl_session_set(c, "user", "eve"), -SL_ECOMMITTED);
    return 0;
}

static void saved_before_the_head_leaves(void **state)
{
    sl_app *app = app_of(state);

    get(app, set_and_push);
    assert_true(m.committed && !m.aborted);
    assert_true(sets_cookies());
    assert_true(memory_has_header(&m, "Vary: Cookie"));
    expect(app, "ada -");
    get(app, push_first);
    assert_true(m.committed && !m.aborted);
    assert_false(sets_cookies());
    sl_free(app);
}

static int too_much(sl_ctx *c)
{
    static char text[5000];
    const char *message;

    memset(text, 'x', sizeof text - 1);
    assert_int_equal(sl_session_set(c, "user", "ada"), 0);
    assert_int_equal(sl_session_set(c, "big", text), -SL_EFAIL);
    message = sl_error(c);
    assert_true(strstr(message, "use .store = SL_SESSION_SHARED") ||
                strstr(message, ".bytes of sl_session() says 2048 at most"));
    assert_null(sl_session_get(c, "big"));
    assert_int_equal(sl_session_set(c, "user", text), -SL_EFAIL);
    assert_string_equal(sl_session_get(c, "user"), "ada"); /* as before */
    text[2020] = '\0';
    assert_int_equal(sl_session_set(c, "b", text), -SL_EFAIL * (strstr(message, ".bytes") != NULL));
    text[1900] = '\0';
    return sl_session_set(c, "b", text);
}

static int fill_up(sl_ctx *c) /* to the last octet */
{
    size_t len = 1;
    char *text;

    do {
        text = sl_format(c, "%*s", (int)len, "x");
        len++;
    } while (sl_session_set(c, "big", text) == 0);
    assert_true(len > 1900);
    return 0;
}

static int size_of(sl_ctx *c)
{
    return sl_text(c, "%zu", strlen(sl_session_get(c, "big")));
}

static void there_is_a_limit(void **state)
{
    sl_app *app = app_of(state);

    get(app, too_much);
    assert_int_equal(m.status, 200);
    expect(app, "ada -");
    jar[0] = '\0';
    get(app, fill_up);
    assert_int_equal(m.status, 200);
    if (!is_shared(state))
        assert_in_range(strlen(jar) - 1, 4093, 4096); /* without the '=' */
    get(app, size_of);
    assert_int_equal(m.status, 200);
    assert_in_range(atoi(memory_body(&m)), is_shared(state) ? 2000 : 2900,
                    is_shared(state) ? 2048 : 3072);
    sl_free(app);
}

static void time_passes(void **state)
{
    sl_app *app = app_of(state);

    get(app, log_in);
    clock_offset = DAY / 10 - 2;
    expect(app, "ada -");
    assert_false(sets_cookies()); /* not due */
    get(app, nothing);
    clock_offset = DAY / 10 + 1;
    expect(app, "ada -");
    assert_true(sets_cookies()); /* a tenth of a day later: it rolls on */
    expect(app, "ada -");
    assert_false(sets_cookies());
    clock_offset += DAY - 2;
    expect(app, "ada -");
    assert_true(sets_cookies());
    clock_offset += DAY + 1;
    expect(app, "- -"); /* a day without a visit */
    assert_false(sets_cookies());
    sl_free(app);
}

static void every_life_ends(void **state)
{
    sl_app *app = app_of(state);

    get(app, log_in);
    for (int i = 1; i < 60; i++) {
        clock_offset = (time_t)i * DAY / 2;
        expect(app, "ada -");
        assert_true(sets_cookies());
    }
    assert_non_null(
        strstr(m.headers, "Max-Age=4")); /* half a day is left: 43,200 s or a little less */
    clock_offset = (time_t)30 * DAY;
    expect(app, "- -");
    sl_free(app);
}

static void an_idle_time_that_was_shortened(void **state)
{
    sl_app *app = app_with((sl_session_options){.idle_s = 1000});
    char seal[sizeof jar];

    get(app, log_in);
    strcpy(seal, jar);
    sl_free(app);
    app = app_with((sl_session_options){.idle_s = 100});
    strcpy(jar, seal);
    clock_offset = 99;
    expect(app, "ada -");
    strcpy(jar, seal);
    clock_offset = 101;
    expect(app, "- -");
    sl_free(app);
}

/* Clocks are put back and forward; nobody is locked out for ever, nothing lives for ever. */
static void steps_of_the_clock(void **state)
{
    sl_app *app = app_of(state);

    get(app, log_in);
    clock_offset = -3600;
    expect(app, "ada -");
    get(app, set_more);
    clock_offset = 0;
    expect(app, "ada of it");
    sl_free(app);
}

static void keys_come_and_go(void **state)
{
    sl_app *app = app_of(state);
    sl_session_options o = {.size = sizeof o};
    char seal[sizeof jar], newer[sizeof jar];

    get(app, log_in);
    strcpy(seal, jar);
    sl_free(app);
    for (int known = 1; known >= 0; known--) {
        const char *const secrets[] = {TWO, known ? ONE : NULL, NULL};

        app = sl_new();
        assert_int_equal(sl_set_secrets(app, secrets), 0);
        sl_use(app, sl_session_with(app, &o));
        sl_all(app, ".*", visited);
        strcpy(jar, seal);
        expect(app, known ? "ada -" : "- -");
        get(app, set_more); /* seals it anew, by the first */
        if (known)
            strcpy(newer, jar);
        sl_free(app);
        assert_true(sets_cookies());
    }
    app = app_with(o);
    strcpy(jar, newer);
    expect(app, "- -"); /* sealed by the second */
    sl_free(app);
}

/* Another request of the same visitor, in the middle of the first. */
static sl_app *same_app;

static void meanwhile(int (*fn)(sl_ctx *c))
{
    struct memory outer = m;
    char before[sizeof jar];
    int (*outer_visit)(sl_ctx * c) = visit;

    strcpy(before, jar);
    m = (struct memory){0};
    get(same_app, fn);
    assert_int_equal(m.status, 200);
    memory_finish(&m);
    m = outer;
    visit = outer_visit;
    strcpy(jar, before);
}

static int set_while_set(sl_ctx *c)
{
    int r = sl_session_set(c, "user", "bob");

    meanwhile(set_more);
    return r;
}

static int delete_while_set(sl_ctx *c)
{
    int r = sl_session_delete(c, "user");

    meanwhile(set_more);
    return r;
}

static int set_while_it_ends(sl_ctx *c)
{
    int r = sl_session_set(c, "user", "bob");

    meanwhile(log_out);
    return r;
}

static int renew_while_it_ends(sl_ctx *c)
{
    const char *more = sl_session_get(c, "more");
    int r = log_in(c);

    assert_non_null(more);
    meanwhile(log_out);
    return r;
}

static int set_while_renewed(sl_ctx *c)
{
    int r = sl_session_set(c, "user", "bob");

    meanwhile(log_in);
    return r;
}

static void requests_at_once(void **state)
{
    sl_app *app = same_app = app_with((sl_session_options){.store = SL_SESSION_SHARED});
    char before[sizeof jar];

    get(app, set_user);
    get(app, set_while_set);
    expect(app, "bob of it"); /* each its key */
    jar[0] = '\0';
    get(app, set_user);
    get(app, delete_while_set);
    expect(app, "- of it");
    get(app, set_user);
    strcpy(before, jar);
    get(app, set_while_it_ends);
    assert_false(sets_cookies());
    strcpy(jar, before);
    expect(app, "- -"); /* not brought back */
    jar[0] = '\0';
    get(app, set_more);
    get(app, renew_while_it_ends);
    expect(app, "ada -"); /* what this request said, not what the ended one had */
    jar[0] = '\0';
    get(app, set_more);
    get(app, set_while_renewed);
    expect(app, "- -"); /* the old id is nobody's */
    sl_free(app);
}

static void when_it_is_full(void **state)
{
    sl_app *app =
        app_with((sl_session_options){.store = SL_SESSION_SHARED, .capacity = 3, .bytes = 64});
    char first[sizeof jar];

    get(app, set_user);
    strcpy(first, jar);
    for (int i = 0; i < 20; i++) {
        jar[0] = '\0';
        get(app, set_user);
        expect(app, "ada -");
    }
    strcpy(jar, first);
    expect(app, "- -");
    sl_free(app);
}

static void names_and_attributes(void **state)
{
    sl_app *app = app_of(state);

    https = true;
    get(app, set_user);
    assert_true(strncmp(jar, "__Host-session=", 15) == 0);
    assert_non_null(strstr(m.headers, "; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Lax"));
    expect(app, "ada -");
    https = false;
    expect(app, "- -"); /* what came by HTTPS is not for others */
    sl_free(app);
    app = app_with((sl_session_options){.name = "sid",
                                        .domain = "example.com",
                                        .path = "/app",
                                        .same_site = SL_SAME_SITE_STRICT,
                                        .secure = SL_COOKIE_ON,
                                        .until_closed = true,
                                        .store = *(sl_session_store *)*state});
    https = true;
    get(app, set_user);
    assert_non_null(
        strstr(m.headers, "; Path=/app; Domain=example.com; Secure; HttpOnly; SameSite=Strict\n"));
    assert_true(strncmp(jar, "sid=", 4) == 0);
    clock_offset = DAY / 2;
    expect(app, "ada -");
    assert_true(sets_cookies() == !is_shared(state)); /* rolling on is the store's affair */
    get(app, log_out);
    assert_non_null(
        strstr(m.headers, "Set-Cookie: sid=; Path=/app; Domain=example.com; Max-Age=0"));
    sl_free(app);
}

static int without(sl_ctx *c)
{
    assert_false(sl_has_session(c));
    assert_null(sl_session_get(c, "a"));
    assert_int_equal(sl_session_delete(c, "a"), -SL_EFAIL);
    assert_int_equal(sl_session_destroy(c), -SL_EFAIL);
    assert_int_equal(sl_session_regenerate(c), -SL_EFAIL);
    return sl_session_set(c, "a", "1");
}

static void without_the_layer(void **state)
{
    sl_app *app = sl_new();

    memory_log_start();
    jar[0] = '\0';
    sl_all(app, ".*", visited);
    get(app, without);
    assert_int_equal(m.status, 500);
    assert_non_null(strstr(memory_log, "there is no sl_session() above this handler"));
    sl_free(app);
}

static void impossible_options(void **state)
{
    static const struct {
        sl_session_options o;
        const char *complaint;
    } bad[] = {
        {{.name = "a b"}, "\"a b\" cannot be the name of its cookie"},
        {{.name = ""}, "cannot be the name"},
        {{.path = "app"}, "path \"app\" must begin with /"},
        {{.store = SL_SESSION_SHARED, .idle_s = 4294968, .lifetime_s = 9999999}, "idle_s can be"},
        {{.store = SL_SESSION_SHARED, .bytes = SIZE_MAX / 2}, "impossible"},
        {{.idle_s = 5}, "no secrets: set SHALLOT_SECRETS"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sl_session_options o = bad[i].o;
        sl_app *app = sl_new();
        sl_middleware layer;

        memory_log_start();
        o.size = sizeof o;
        layer = sl_session_with(app, &o);
        assert_null(layer.run);
        assert_false(sl__app_fit(app));
        assert_int_equal(memory_log_lines, 1);
        assert_non_null(strstr(memory_log, bad[i].complaint));
        sl_free(app);
    }
}

static int in_need(sl_ctx *c)
{
    char *room = sl_alloc(c, 3000);
    int r;

    if (!room)
        return -ENOMEM;
    r = sl_session_set(c, "more", "of it");
    if (r == 0 && !sl_session_get(c, "user"))
        r = sl_fail(c, 503, "who is it?");
    return r < 0 ? r : sl_session_regenerate(c);
}

static void without_memory(void **state)
{
    sl_app *app = app_of(state);
    char before[sizeof jar];
    long n;

    for (n = 0, failed = true; failed; n++) {
        jar[0] = '\0';
        get(app, set_user);
        strcpy(before, jar);
        failed = false;
        left = n;
        sl__mem_fault = fault;
        get(app, in_need);
        sl__mem_fault = NULL;
        assert_true(m.status == 200 || m.status == 503 || m.status == 500);
        if (m.status == 200)
            expect(app, "ada of it");
    }
    assert_true(n > 3);
    sl_free(app);
}

#define BOTH(test)                                                                                 \
    {"cookie: " #test, test, NULL, NULL, &cookie_store},                                           \
    {                                                                                              \
        "shared: " #test, test, NULL, NULL, &shared_store                                          \
    }

static sl_session_store cookie_store = SL_SESSION_COOKIE, shared_store = SL_SESSION_SHARED;

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(kept_from_one_to_the_next),
        BOTH(caching_said_by_the_program_stays),
        BOTH(values_of_every_kind),
        BOTH(an_empty_one_ends),
        BOTH(fixation),
        BOTH(what_belongs_to_the_id_goes_with_it),
        BOTH(replay_after_the_end),
        BOTH(tampered_and_cut),
        BOTH(a_failure_saves_nothing),
        BOTH(saved_before_the_head_leaves),
        BOTH(there_is_a_limit),
        BOTH(time_passes),
        BOTH(every_life_ends),
        {"an_idle_time_that_was_shortened", an_idle_time_that_was_shortened, NULL, NULL, NULL},
        {"cookie: steps_of_the_clock", steps_of_the_clock, NULL, NULL, &cookie_store},
        {"cookie: keys_come_and_go", keys_come_and_go, NULL, NULL, &cookie_store},
        cmocka_unit_test(requests_at_once),
        cmocka_unit_test(when_it_is_full),
        BOTH(names_and_attributes),
        cmocka_unit_test(without_the_layer),
        cmocka_unit_test(impossible_options),
        BOTH(without_memory),
    };
    int r;

    unsetenv("SHALLOT_SECRETS");
    unsetenv("SHALLOT_SECRETS_FILE");
    r = cmocka_run_group_tests(tests, NULL, NULL);
    memory_finish(&m);
    return r;
}
