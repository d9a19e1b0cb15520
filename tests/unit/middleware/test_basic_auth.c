/* Who is let in by Basic authentication, and what everybody else is told. */
#include "layers.h"

#include "../../../src/middleware/basic_auth.c"

static const sl_user users[] = {
    {"Aladdin", "open sesame"}, {"test", "123\xc2\xa3"}, {"a", "b:c"}, {NULL, NULL}};

static int handler(sl_ctx *c)
{
    return sl_text(c, "%s", sl_basic_user(c));
}

static bool checks(sl_ctx *c, const char *name, const char *password, void *self)
{
    assert_string_equal(self, "self");
    return strcmp(name, "") == 0 && strcmp(password, "") == 0;
}

static sl_middleware by_table(sl_app *app)
{
    return sl_basic_auth(.users = users, .realm = "a \"b\" \\c");
}

static sl_middleware by_both(sl_app *app)
{
    return sl_basic_auth(.users = users, .check = checks, .self = (void *)(uintptr_t) "self");
}

struct row {
    const char *credentials, *user; /* NULL: 401 */
};

static void expect(sl_middleware (*make)(sl_app *app), const struct row *r, const char *challenged)
{
    sl_app *app = sl_new();
    char lines[300] = "";
    struct memory m;

    if (r->credentials)
        snprintf(lines, sizeof lines, "Authorization: %s\r\n", r->credentials);
    sl_use(app, make(app));
    sl_use(app, handler);
    ask(&m, app, "GET", "/", lines);
    if (m.status != (r->user ? 200 : 401))
        print_error("%s: %d\n", r->credentials, m.status);
    assert_int_equal(m.status, r->user ? 200 : 401);
    assert_string_equal(memory_body(&m), r->user ? r->user : "a name and a password are needed\n");
    expect_header(&m, "WWW-Authenticate", r->user ? NULL : challenged);
    memory_finish(&m);
    sl_free(app);
}

static void table(void **state)
{
    static const struct row rows[] = {
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin"}, /* RFC 7617 §2 */
        {"basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin"},
        {"BASIC QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Aladdin"}, /* without its padding */
        {"Basic dGVzdDoxMjPCow==", "test"},              /* §2.1: UTF-8 */
        {"Basic YTpiOmM=", "a"},                         /* the first colon counts */
        {NULL, NULL},
        {"", NULL},
        {"Basic", NULL},
        {"Basic ", NULL},
        {"BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==", NULL},
        {"Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", NULL},
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=", NULL}, /* padded wrongly */
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ===", NULL},
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==", NULL}, /* bits left over */
        {"Basic QWxhZGRpbjpvcGVuIHNlc2Ft ZQ==", NULL},
        {"Basic QWxhZGRpbjpvcGVuIHNlc2Ft*Q==", NULL},
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, Basic YTpi", NULL},
        {"Basic QWxhZGRpbg==", NULL},                 /* no colon */
        {"Basic QWxhZGRpbjo=", NULL},                 /* no password */
        {"Basic OnBhc3M=", NULL},                     /* no name */
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQA=", NULL}, /* a NUL at the end */
        {"Basic YQpiOmM=", NULL},                     /* a line feed */
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZXg=", NULL}, /* more than the password */
        {"Basic QWxhZGRpbjpvcGVuIHNlc2Ft", NULL},     /* less */
        {"Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==", NULL}, /* another case */
        {"Basic dGVzdDpvcGVuIHNlc2FtZQ==", NULL},     /* somebody else's password */
        {"Basic Og==", NULL},
        {"Basic =", NULL},
        {"Basic A", NULL},
    };
    static const struct row other = {"Basic Og==", ""}, same = {"Basic YTpiOmM=", "a"},
                            wrong = {"Basic YTpi", NULL};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(by_table, &rows[i], "Basic realm=\"a \\\"b\\\" \\\\c\", charset=\"UTF-8\"");
    expect(by_both, &other, NULL);
    expect(by_both, &same, NULL);
    expect(by_both, &wrong, "Basic realm=\"restricted\", charset=\"UTF-8\"");
}

/* Against what the C library's users would write by hand. */
static void base64(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t len = 0; len < 40; len++) {
        unsigned char in[40], out[60];
        char text[60];
        size_t at = 0;

        for (size_t i = 0; i < len; i++)
            in[i] = (unsigned char)(i * 77 + len * 13);
        for (size_t i = 0; i < len; i += 3) {
            unsigned group = (unsigned)in[i] << 16 | (i + 1 < len ? (unsigned)in[i + 1] << 8 : 0) |
                             (i + 2 < len ? in[i + 2] : 0);

            for (int k = 0; k < 4; k++)
                text[at++] = (size_t)k > len - i ? '=' : digits[group >> (18 - 6 * k) & 63];
        }
        assert_int_equal(decode(text, at, out), len);
        assert_memory_equal(in, out, len);
    }
}

static void mistakes(void **state)
{
    static const sl_user nobody[] = {{NULL, NULL}}, open[] = {{"a", ""}, {NULL, NULL}},
                         odd[] = {{"a:b", "c"}, {NULL, NULL}};

    memory_log_start();
    expect_refusal(sl_basic_auth(), "sl_basic_auth: who may come in?");
    expect_refusal(sl_basic_auth(.users = nobody), "who may come in?");
    expect_refusal(sl_basic_auth(.users = open), "without a password");
    expect_refusal(sl_basic_auth(.users = odd), "no colon");
    expect_refusal(sl_basic_auth(.users = users, .realm = "a\nb"), "control characters");
}

static void memory(void **state)
{
    sl_app *app = sl_new();

    each_part_of_making_fails(by_table);
    sl_use(app, by_both(app));
    sl_use(app, handler);
    each_part_of_serving_fails(
        app, "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpiOmM=\r\n\r\n", 200);
    each_part_of_serving_fails(app, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 401);
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(base64),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
