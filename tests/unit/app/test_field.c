/* Values of paths and queries in variables: what fits, what is refused and in which words; keys
 * that come several times. */
#include "memory_exchange.h"

#include <limits.h>

static void expect(sl_app *app, const char *target, int status, const char *body)
{
    memory_expect(app, "GET", target, status, body);
}

static int with_id(sl_ctx *c)
{
    int id;
    int r = sl_param_int(c, "id", &id, SL_AT_LEAST(1));

    return r < 0 ? r : sl_text(c, "%d", id);
}

static int with_page(sl_ctx *c)
{
    unsigned page = 1;
    bool all = false;
    double scale = 1;
    int r = sl_query_int(c, "page", &page, SL_AT_MOST(100));

    if (r == 0)
        r = sl_query_bool(c, "all", &all);
    if (r == 0)
        r = sl_query_double(c, "scale", &scale, SL_BETWEEN(0.5, 2));
    return r < 0 ? r : sl_text(c, "%u %d %g", page, all, scale);
}

static void one_at_a_time(void **state)
{
    sl_app *app = sl_new();

    sl_get(app, "/id/:id", with_id);
    sl_get(app, "/page", with_page);
    expect(app, "/id/7", 200, "7");
    expect(app, "/id/0007", 200, "7");
    expect(app, "/id/2147483647", 200, "2147483647");
    expect(app, "/id/0", 400,
           "parameter id: expected an integer from 1 to 2147483647, got \"0\"\n");
    expect(app, "/id/2147483648", 400,
           "parameter id: expected an integer from 1 to 2147483647, got \"2147483648\"\n");
    expect(app, "/id/x%0A%7F", 400, NULL);
    expect(app, "/id/1%202", 400, NULL);
    expect(app, "/page", 200, "1 0 1");
    expect(app, "/page?page=100&all=yes&scale=.75", 400,
           "query scale: expected a number from 0.5 to 2, got \".75\"\n");
    expect(app, "/page?page=100&all=yes&scale=0.75", 200, "100 1 0.75");
    expect(app, "/page?page=101", 400,
           "query page: expected an integer from 0 to 100, got \"101\"\n");
    expect(app, "/page?page=-1", 400,
           "query page: expected an integer from 0 to 100, got \"-1\"\n");
    expect(app, "/page?all", 400, "query all: expected true or false, got \"\"\n");
    expect(app, "/page?scale=nan", 400, NULL);
    expect(app, "/page?scale=3", 400, NULL);
    sl_free(app);
}

static struct {
    int i;
    unsigned u;
    long l;
    long long ll;
    unsigned long ul;
    double d;
    bool b;
    const char *t;
} v;

static int read_all(sl_ctx *c)
{
    return sl_query_fields(
        c, SL_FIELD("i", &v.i, .optional = true), SL_FIELD("u", &v.u, .optional = true),
        SL_FIELD("l", &v.l, .optional = true), SL_FIELD("ll", &v.ll, .optional = true),
        SL_FIELD("ul", &v.ul, .optional = true), SL_FIELD("d", &v.d, .optional = true),
        SL_FIELD("b", &v.b, .optional = true),
        SL_FIELD("t", &v.t, .optional = true, SL_BETWEEN(1, 3)));
}

static void every_kind(void **state)
{
    static const struct {
        const char *query;
        int status;
    } cases[] = {
        {"i=-2147483648", 200},
        {"i=-2147483649", 400},
        {"i=", 400},
        {"i=-", 400},
        {"i=+5", 400}, /* a space and 5 */
        {"i=%2B5", 400},
        {"i=0x10", 400},
        {"i=1e3", 400},
        {"i=5.0", 400},
        {"i=%EF%BC%95", 400},
        {"u=4294967295", 200},
        {"u=4294967296", 400},
        {"u=-0", 200},
        {"u=-1", 400},
        {"l=9223372036854775807", 200},
        {"l=9223372036854775808", 400},
        {"ll=-9223372036854775808", 200},
        {"ll=99999999999999999999999", 400},
        {"ul=9223372036854775807", 200},
        {"ul=-1", 400},
        {"d=-1.5e-3", 200},
        {"d=1e308", 200},
        {"d=1e309", 400},
        {"d=1.", 400},
        {"d=1e", 400},
        {"d=0x1p3", 400},
        {"d=inf", 400},
        {"d=1,5", 400},
        {"b=on", 200},
        {"b=TRUE", 400},
        {"b=2", 400},
        {"t=abc", 200},
        {"t=%C3%A9%C3%A9%C3%A9", 200},
        {"t=abcd", 400},
        {"t=", 400},
        {"i=1&i=x", 200}, /* the first counts */
    };
    sl_app *app = sl_new();
    char target[100];

    sl_get(app, "/", read_all);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(target, sizeof target, "/?%s", cases[i].query);
        expect(app, target, cases[i].status, NULL);
    }
    assert_int_equal(v.u, 0);
    assert_true(v.l == LONG_MAX && v.ll == LLONG_MIN && v.ul == LONG_MAX);
    assert_true(v.d == 1e308 && v.b && v.i == 1);
    expect(app, "/?t=abcdefghijklmnopqrstuvwxyzabcdefghijklm%C3%A9%C3%A9", 400,
           "query t: expected a text of 1 to 3 characters, got "
           "\"abcdefghijklmnopqrstuvwxyzabcdefghijklm...\"\n");
    sl_free(app);
}

static int required(sl_ctx *c)
{
    const char *q;
    struct json_t *json;
    int r = sl_query_fields(c, SL_FIELD("q", &q, SL_AT_LEAST(2)));

    return r < 0 ? r : sl_query_fields(c, SL_FIELD("json", &json));
}

static void is_required(void **state)
{
    sl_app *app = sl_new();

    memory_log_start();
    sl_get(app, "/", required);
    expect(app, "/", 400, "query q: expected a text of 2 or more characters, got nothing\n");
    expect(app, "/?q=x", 400, "query q: expected a text of 2 or more characters, got \"x\"\n");
    expect(app, "/?q=xx", 500, NULL); /* the program's mistake, not the client's */
    assert_non_null(strstr(memory_log, "a variable of a type"));
    sl_free(app);
}

static int keys(sl_ctx *c)
{
    const char *name, *value;
    char text[100] = "";

    assert_string_equal(sl_query_at(c, "tag", 0), "a");
    assert_string_equal(sl_query_at(c, "tag", 1), "b c");
    assert_string_equal(sl_query_at(c, "tag", 2), "");
    assert_null(sl_query_at(c, "tag", 3));
    assert_null(sl_query_at(c, "none", 0));
    for (size_t i = 0; sl_query_pair(c, i, &name, &value); i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s=%s;", name, value);
    return sl_text(c, "%s", text);
}

static int no_keys(sl_ctx *c)
{
    const char *name, *value;

    assert_false(sl_query_pair(c, 0, &name, &value));
    return 0;
}

static void several_times(void **state)
{
    sl_app *app = sl_new();

    sl_get(app, "/", keys);
    sl_get(app, "/none", no_keys);
    expect(app, "/?tag=a&x=1&tag=b+c&&tag", 200, "tag=a;x=1;tag=b c;tag=;");
    expect(app, "/none", 200, NULL);
    expect(app, "/none?", 200, NULL);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_at_a_time),
                                       cmocka_unit_test(every_kind), cmocka_unit_test(is_required),
                                       cmocka_unit_test(several_times)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
