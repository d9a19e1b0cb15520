/*
 * What src/crypto/ makes: base64url against known answers, secrets good and bad, signed and sealed
 * text that is tampered with everywhere, keys that come and go, cookies, passwords.
 */
#include "../app/memory_exchange.h"
#include "clocks.h"

#include "shallot/crypto.h"

#include <openssl/crypto.h>

#define ONE "0123456789abcdef0123456789abcdef one"
#define WORD "0123456789abcdef0123456789abcdef"
#define TWO "fedcba9876543210fedcba9876543210 two"

static struct memory m;
static int (*with_ctx)(sl_ctx *c);

static int handle(sl_ctx *c)
{
    return with_ctx(c);
}

/* Runs @p fn in a request of an app with these secrets. */
static void run_with(const char *const *secrets, int (*fn)(sl_ctx *c), const char *head)
{
    static char text[9000];
    sl_app *app = sl_new();

    if (secrets)
        assert_int_equal(sl_set_secrets(app, secrets), 0);
    assert_int_equal(sl_all(app, ".*", handle), 0);
    memory_finish(&m);
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", head);
    with_ctx = fn;
    memory_request(&m, app, text);
    sl_free(app);
}

static const char *const one[] = {ONE, NULL}, *const two[] = {TWO, NULL};
static const char *const two_one[] = {TWO, ONE, NULL};

static void base64(void **state)
{
    static const struct {
        const char *plain, *text;
    } known[] = {
        /* RFC 4648 §10 without padding */
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
    static const char *const bad[] = {"A",   "Zh",   "Zm9",   "Zg==",  "Zm9v=", "Z g",
                                      "+/8", "Zg\n", "Zm9vA", "Z\xff", "____A"};
    uint8_t bytes[64], back[64];
    char text[100];

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t len = strlen(known[i].plain);

        assert_int_equal(sl_base64url_encode(known[i].plain, len, text), strlen(known[i].text));
        assert_string_equal(text, known[i].text);
        assert_int_equal(SL_BASE64URL_LEN(len), strlen(text));
        assert_int_equal(sl_base64url_decode(text, strlen(text), back), len);
        assert_memory_equal(back, known[i].plain, len);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(sl_base64url_decode(bad[i], strlen(bad[i]), back), -EINVAL);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        sl_random(bytes, len);
        assert_int_equal(sl_base64url_encode(bytes, len, text), SL_BASE64URL_LEN(len));
        assert_int_equal(sl_base64url_decode(text, strlen(text), back), len);
        assert_memory_equal(bytes, back, len);
    }
}

static int tokens(sl_ctx *c)
{
    char *a = sl_random_token(c, 16), *b = sl_random_token(c, 16);

    assert_int_equal(strlen(a), 22);
    assert_string_not_equal(a, b);
    assert_string_equal(sl_random_token(c, 0), "");
    return 0;
}

static void random_tokens(void **state)
{
    run_with(NULL, tokens, "");
}

/* Secrets: given in code or by the environment; what the log says of bad ones. */

static const struct {
    const char *environment, *code;
    const char *complaint; /* NULL: they are good */
} sources[] = {
    {NULL, ONE, NULL},
    {WORD, NULL, NULL},
    {WORD, "short", NULL}, /* the environment has the last word */
    {NULL, NULL, "no secrets: set SHALLOT_SECRETS to"},
    {"", NULL, "no secrets: set SHALLOT_SECRETS to"},
    {NULL, "", "sl_secrets(): secret 1 has 0 octets"},
    {NULL, "0123456789abcdef0123456789abcde", "secret 1 has 31 octets"},
    {NULL, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "secret 1 can be guessed"},
    {NULL, "abcabcabcabcabcabcabcabcabcabcabcabc", "secret 1 can be guessed"},
    {" ,\n", NULL, "SHALLOT_SECRETS is empty"},
    {"0123456789abcdef0123456789abcdef, short", NULL, "SHALLOT_SECRETS: secret 2 has 5 octets"},
    {"0123456789abcdef0123456789abcdef,fedcba9876543210fedcba9876543210", NULL, NULL},
    {"0123456789abcdef0123456789abcdef0 0123456789abcdef0123456789abcdef1 "
     "0123456789abcdef0123456789abcdef2 0123456789abcdef0123456789abcdef3 "
     "0123456789abcdef0123456789abcdef4 0123456789abcdef0123456789abcdef5 "
     "0123456789abcdef0123456789abcdef6 0123456789abcdef0123456789abcdef7 "
     "0123456789abcdef0123456789abcdef8",
     NULL, "more than 8 secrets"},
};

static void where_secrets_come_from(void **state)
{
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        const char *const list[] = {sources[i].code, NULL};
        sl_app *app;
        int r;

        memory_log_start();
        if (sources[i].environment)
            setenv("SHALLOT_SECRETS", sources[i].environment, 1);
        app = sl_new();
        r = sl_set_secrets(app, list);
        if (r < 0 && !sources[i].complaint)
            print_error("%s", memory_log);
        assert_int_equal(r, sources[i].complaint ? -EINVAL : 0);
        assert_true(sl__app_fit(app) == !sources[i].complaint);
        assert_int_equal(memory_log_lines, sources[i].complaint ? 1 : 0);
        if (sources[i].complaint && !strstr(memory_log, sources[i].complaint))
            print_error("\"%s\" is not in \"%s\"\n", sources[i].complaint, memory_log);
        if (sources[i].complaint)
            assert_non_null(strstr(memory_log, sources[i].complaint));
        if (sources[i].code && *sources[i].code)
            assert_null(strstr(memory_log, sources[i].code)); /* never in the log */
        sl_free(app);
        unsetenv("SHALLOT_SECRETS");
    }
}

static void secrets_in_a_file(void **state)
{
    char path[] = "/tmp/shallot-XXXXXX";
    int fd = mkstemp(path);
    sl_app *app;

    memory_log_start();
    assert_int_equal(write(fd, ONE "\n", sizeof ONE), sizeof ONE); /* "… one": two words */
    setenv("SHALLOT_SECRETS_FILE", path, 1);
    app = sl_new();
    assert_int_equal(sl_secrets(app), -EINVAL);
    assert_non_null(strstr(memory_log, "SHALLOT_SECRETS_FILE: secret 2 has 3 octets"));
    sl_free(app);
    assert_int_equal(ftruncate(fd, 32), 0);
    app = sl_new();
    assert_int_equal(sl_secrets(app), 0);
    assert_int_equal(sl_secrets(app), 0); /* there already */
    assert_true(sl__app_fit(app));
    assert_int_equal(sl_secrets(app, ONE), -EINVAL);
    assert_false(sl__app_fit(app));
    sl_free(app);
    close(fd);
    unlink(path);
    app = sl_new();
    assert_int_equal(sl_secrets(app), -EINVAL);
    assert_non_null(strstr(memory_log, "No such file"));
    assert_false(sl__app_fit(app));
    sl_free(app);
    unsetenv("SHALLOT_SECRETS_FILE");
}

/* A text that was made by one request is kept for the next. */
static char kept[5000];

static void keep(const char *text)
{
    assert_non_null(text);
    snprintf(kept, sizeof kept, "%s", text);
}

static int sign(sl_ctx *c)
{
    keep(sl_sign(c, "test", "a.b c", 60));
    assert_memory_equal(kept, "a.b c.", 6);
    return 0;
}

static int unsign(sl_ctx *c)
{
    const char *text = sl_unsign(c, "test", kept);

    return text ? sl_text(c, "%s", text) : sl_fail(c, 403, "no");
}

static int unsign_otherwise(sl_ctx *c)
{
    static const char *const bad[] = {"", ".", "..", "a", "a.b", "a.0.", "a..", "a.0.AAAA"};
    size_t len = strlen(kept);

    assert_null(sl_unsign(c, "tests", kept));
    assert_null(sl_unsign(c, "tes", kept));
    assert_null(sl_unsign(c, "", kept));
    assert_null(sl_unsign(c, "test", NULL));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_null(sl_unsign(c, "test", bad[i]));
    for (size_t i = 0; i < len; i++) { /* every bit, every cut */
        for (int bit = 0; bit < 8; bit++) {
            kept[i] ^= (char)(1 << bit);
            if (kept[i])
                assert_null(sl_unsign(c, "test", kept));
            kept[i] ^= (char)(1 << bit);
        }
        assert_null(sl_unsign(c, "test", kept + i + 1));
    }
    while (len > 0) {
        char was = kept[--len];

        kept[len] = '\0';
        assert_null(sl_unsign(c, "test", kept));
        kept[len] = was;
        if (len == 0)
            break;
    }
    return 0;
}

static int seal(sl_ctx *c)
{
    char *text = sl_seal(c, "test", "a\0b", 3, 60), *again = sl_seal(c, "test", "a\0b", 3, 60);

    assert_int_equal(strlen(text), SL_SEALED_LEN(3));
    assert_string_not_equal(text, again); /* nobody sees that they are the same */
    keep(text);
    return 0;
}

static int unseal(sl_ctx *c)
{
    size_t len;
    void *bytes = sl_unseal(c, "test", kept, &len);

    if (!bytes)
        return sl_fail(c, 403, "no");
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "a\0b", 4); /* and a NUL */
    return sl_text(c, "a.b c");
}

static int unseal_otherwise(sl_ctx *c)
{
    size_t len = strlen(kept);

    assert_null(sl_unseal(c, "tests", kept, NULL));
    assert_null(sl_unseal(c, "", kept, NULL));
    assert_null(sl_unseal(c, "test", NULL, NULL));
    assert_null(sl_unseal(c, "test", "", NULL));
    for (size_t i = 0; i < len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            kept[i] ^= (char)(1 << bit);
            assert_null(sl_unseal(c, "test", kept, NULL));
            kept[i] ^= (char)(1 << bit);
        }
        assert_null(sl_unseal(c, "test", kept + i + 1, NULL));
    }
    for (size_t i = len; i-- > 0;) {
        char was = kept[i];

        kept[i] = '\0';
        assert_null(sl_unseal(c, "test", kept, NULL));
        kept[i] = was;
    }
    return 0;
}

static void made_and_read(int (*make)(sl_ctx *c), int (*read)(sl_ctx *c), int (*spoil)(sl_ctx *c))
{
    const char *const three[] = {"another secret of some 32 octets, the third", TWO, ONE, NULL};

    memory_log_start();
    run_with(one, make, "");
    run_with(one, spoil, "");
    run_with(one, read, "");
    assert_int_equal(m.status, 200);
    assert_string_equal(memory_body(&m), "a.b c");
    run_with(two_one, read, ""); /* an old key still counts */
    assert_int_equal(m.status, 200);
    run_with(three, read, "");
    assert_int_equal(m.status, 200);
    run_with(two, read, ""); /* until it is gone */
    assert_int_equal(m.status, 403);
    run_with(two_one, make, ""); /* the first key makes */
    run_with(two, read, "");
    assert_int_equal(m.status, 200);
    clock_offset = 59;
    run_with(two, read, "");
    assert_int_equal(m.status, 200);
    clock_offset = 60;
    run_with(two, read, "");
    assert_int_equal(m.status, 403);
    clock_offset = -86400; /* the clock was put back: it lives the longer, but it lives */
    run_with(two, read, "");
    assert_int_equal(m.status, 200);
    clock_offset = 0;
    run_with(NULL, read, "");
    assert_int_equal(m.status, 403);
    assert_non_null(strstr(memory_log, "no secrets: call sl_secrets(app) in main()"));
}

static void signed_text(void **state)
{
    made_and_read(sign, unsign, unsign_otherwise);
}

static void sealed_bytes(void **state)
{
    made_and_read(seal, unseal, unseal_otherwise);
}

static int for_ever(sl_ctx *c)
{
    char *text = sl_sign(c, "test", "", 0), *sealed = sl_seal(c, "test", NULL, 0, 0);

    assert_memory_equal(text, ".0.", 3);
    clock_offset = 4000000000;
    assert_string_equal(sl_unsign(c, "test", text), "");
    assert_string_equal(sl_unseal(c, "test", sealed, NULL), "");
    clock_offset = 0;
    return 0;
}

static void without_an_end(void **state)
{
    run_with(one, for_ever, "");
    assert_int_equal(m.status, 200);
}

/* Made by Python's hashlib, hmac and cryptography, as the comments of sign.c and seal.c say: what
 * browsers hold must open after every change of this library. */
static int made_elsewhere(sl_ctx *c)
{
    char *sealed;
    size_t len;

    assert_string_equal(
        sl_unsign(c, "test", "hello.4102444800.XeC7qTdAWvJaNv8Vrv5oYZ-zB38AA9U1yTHbxi1yskE"),
        "hello");
    sealed =
        sl_unseal(c, "test", "AAECAwQFBgcICQoLDA0OD8F3iykvyO9roSRZNN2JFAN2yooVIDfFQC6daws7", &len);
    assert_string_equal(sealed, "hello");
    assert_int_equal(len, 5);
    return 0;
}

static void known_answers(void **state)
{
    run_with(one, made_elsewhere, "");
    assert_int_equal(m.status, 200);
}

/* The n-th allocation of OpenSSL's fails, for every n: nothing is half made, nothing leaks. */
static long left = -1;
static bool failed;

static bool fault(void)
{
    if (left < 0 || left-- > 0)
        return false;
    left = -1;
    failed = true;
    return true;
}

static void *failing_malloc(size_t size, const char *file, int line)
{
    return size == 0 || fault() ? NULL : malloc(size);
}

static void *failing_realloc(void *old, size_t size, const char *file, int line)
{
    return fault() ? NULL : realloc(old, size);
}

static void plain_free(void *ptr, const char *file, int line)
{
    free(ptr);
}

static int all_of_it(sl_ctx *c)
{
    char *text, *sealed;

    left = *kept;
    text = sl_sign(c, "test", "a", 60);
    sealed = sl_seal(c, "test", "a", 1, 60);
    if (text && sealed) {
        const char *plain = sl_unsign(c, "test", text),
                   *opened = sl_unseal(c, "test", sealed, NULL);

        assert_true(failed || (plain && opened));
        assert_true(!plain || strcmp(plain, "a") == 0);
        assert_true(!opened || strcmp(opened, "a") == 0);
    }
    left = -1;
    return 0;
}

static void without_memory(void **state)
{
    long n;

    memory_log_start();
    for (n = 0, failed = true; failed && n < 127; n++) {
        failed = false;
        *kept = (char)n;
        run_with(one, all_of_it, "");
    }
    assert_in_range(n, 4, 100);
    for (n = 0, failed = true; failed; n++) {
        sl_app *app = sl_new();
        int r;

        failed = false;
        left = n;
        r = sl_set_secrets(app, one);
        left = -1;
        assert_true(failed ? r == 0 || r == -ENOMEM : r == 0);
        assert_true(sl__app_fit(app) == (r == 0));
        sl_free(app);
    }
    assert_true(n > 10);
}

/* Cookies. */

static int set_cookies(sl_ctx *c)
{
    assert_int_equal(sl_set_signed_cookie(c, "cart", "17", .max_age = 60), 0);
    assert_int_equal(sl_set_sealed_cookie(c, "note", "any text; \xc3\xa4"), 0);
    assert_int_equal(sl_set_signed_cookie(c, "cart", "a b"), -SL_EFAIL);
    assert_int_equal(sl_set_signed_cookie(c, NULL, "1"), -EINVAL);
    assert_int_equal(sl_set_signed_cookie(c, "old", "1", .expires = 1), -SL_EFAIL);
    assert_int_equal(sl_set_signed_cookie(c, "old", "1", .max_age = -1), -SL_EFAIL);
    return 0;
}

static int get_cookies(sl_ctx *c)
{
    const char *cart = sl_signed_cookie(c, "cart"), *note = sl_sealed_cookie(c, "note");

    return sl_text(c, "%s %s", cart ? cart : "-", note ? note : "-");
}

/* The value that the last answer set for this cookie. */
static const char *value_set(const char *name)
{
    static char value[2][5000];
    static int turn;
    char begin[50];
    const char *at;

    snprintf(begin, sizeof begin, "Set-Cookie: %s=", name);
    at = strstr(m.headers, begin);
    assert_non_null(at);
    turn = !turn;
    snprintf(value[turn], sizeof value[turn], "%.*s", (int)strcspn(at + strlen(begin), ";\n"),
             at + strlen(begin));
    return value[turn];
}

static void expect_cookies(const char *const *secrets, const char *head, const char *body)
{
    run_with(secrets, get_cookies, head);
    assert_string_equal(memory_body(&m), body);
}

static void cookies(void **state)
{
    const char *cart, *note;
    char head[6000];

    memory_log_start();
    run_with(one, set_cookies, "");
    cart = value_set("cart");
    note = value_set("note");
    assert_non_null(strstr(m.headers, "; Max-Age=60; HttpOnly"));
    snprintf(head, sizeof head, "Cookie: cart=%s; note=%s\r\n", cart, note);
    expect_cookies(two_one, head, "17 any text; \xc3\xa4");
    expect_cookies(two, head, "- -");
    snprintf(head, sizeof head, "Cookie: cart=1; cart=%s; note=\"%s\"\r\n", cart, note);
    expect_cookies(one, head, "17 any text; \xc3\xa4"); /* somebody else's before it */
    snprintf(head, sizeof head, "Cookie: note=%s; cart=%s\r\n", cart, note);
    expect_cookies(one, head, "- -"); /* moved to another name */
    snprintf(head, sizeof head, "Cookie: cart=18%s; note=%sA\r\n", cart + 2, note);
    expect_cookies(one, head, "- -");
    snprintf(head, sizeof head, "Cookie: cart=%s; note=%s\r\n", cart, note);
    clock_offset = 61;
    expect_cookies(one, head, "- any text; \xc3\xa4");
    clock_offset = 0;
}

static int no_ring(sl_ctx *c)
{
    assert_int_equal(sl_set_signed_cookie(c, "a", "1"), -SL_EFAIL);
    assert_string_equal(sl_error(c), "cookie \"a\": it cannot be signed");
    assert_null(sl_signed_cookie(c, "a"));
    assert_null(sl_sealed_cookie(c, "a"));
    return 0;
}

static void cookies_without_secrets(void **state)
{
    memory_log_start();
    run_with(NULL, no_ring, "Cookie: a=1\r\n");
    assert_int_equal(m.status, 200);
    assert_true(memory_log_lines > 0);
}

/* Passwords, on a fiber. */

static struct sl__loop loop;
static bool passwords_checked;

static void check_passwords(void *arg)
{
    static const char *const bad[] = {
        "",
        "plain",
        "$scrypt$",
        "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=31,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=1,r=9,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=1,r=8,p=1$AAAAAAAAAAAAAAAAAAAAA!$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    char hash[SL_PASSWORD_HASH], other[SL_PASSWORD_HASH];

    assert_int_equal(sl_hash_password("secret", hash), 0);
    assert_int_equal(sl_hash_password("secret", other), 0);
    assert_string_not_equal(hash, other); /* salted */
    assert_int_equal(sl_check_password("secret", hash), 0);
    assert_int_equal(sl_check_password("Secret", hash), -EACCES);
    assert_int_equal(sl_check_password("", hash), -EACCES);
    assert_int_equal(sl_check_password("secret", NULL), -EACCES);
    hash[strlen(hash) - 2] = hash[strlen(hash) - 2] == 'A' ? 'B' : 'A';
    assert_int_equal(sl_check_password("secret", hash), -EACCES);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(sl_check_password("secret", bad[i]), -EINVAL);
    /* Python: hashlib.scrypt(b"pleaseletmein", salt=b"SodiumChlorideXX", n=2, r=8, p=1, dklen=32)
     */
    assert_int_equal(sl_check_password("pleaseletmein",
                                       "$scrypt$ln=1,r=8,p=1$U29kaXVtQ2hsb3JpZGVYWA$"
                                       "H7fi0FxH1U1sDEkbcY2SUT_gy88DfLToDFhIHenqjI8"),
                     0);
    passwords_checked = true;
}

static void passwords(void **state)
{
    assert_int_equal(sl__loop_init(&loop), 0);
    assert_int_equal(sl__fibers_init(&loop, 100), 0);
    assert_int_equal(sl__fiber_start(NULL, check_passwords, NULL), 0);
    while (!passwords_checked)
        assert_int_equal(sl__loop_once(&loop, 1000), 0);
    sl__fibers_finish();
    sl__loop_finish(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64),
        cmocka_unit_test(random_tokens),
        cmocka_unit_test(where_secrets_come_from),
        cmocka_unit_test(secrets_in_a_file),
        cmocka_unit_test(signed_text),
        cmocka_unit_test(sealed_bytes),
        cmocka_unit_test(without_an_end),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(cookies),
        cmocka_unit_test(cookies_without_secrets),
        cmocka_unit_test(passwords),
    };

    CRYPTO_set_mem_functions(failing_malloc, failing_realloc, plain_free);
    unsetenv("SHALLOT_SECRETS");
    unsetenv("SHALLOT_SECRETS_FILE");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
