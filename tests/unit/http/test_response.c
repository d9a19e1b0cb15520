/*
 * A response in the making: headers and what may be one, payloads, lengths.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/response.h"
#include "shallot/error.h"

#include <errno.h>

static struct sl__response response;
static struct sl__arena arena;

static int set_up(void **state)
{
    (void)state;
    sl__arena_init(&arena, NULL);
    sl__response_init(&response);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl__response_clear(&response);
    sl__arena_reset(&arena);
    return 0;
}

static int set(const char *name, const char *value)
{
    struct sl__str text = sl__str_of(value);

    return sl__response_set_header(&response, &arena, sl__str_of(name), &text, false);
}

static int append(const char *name, const char *value)
{
    struct sl__str text = sl__str_of(value);

    return sl__response_set_header(&response, &arena, sl__str_of(name), &text, true);
}

static int drop(const char *name)
{
    return sl__response_set_header(&response, &arena, sl__str_of(name), NULL, false);
}

/* All headers as one line, and the list's end where it should be. */
static const char *all(void)
{
    static char text[512];
    size_t len = 0;
    struct sl__header **last = &response.headers;

    text[0] = '\0';
    for (const struct sl__header *h = response.headers; h; h = h->next) {
        assert_int_equal(strlen(h->name.ptr), h->name.len);
        assert_int_equal(strlen(h->value.ptr), h->value.len);
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%s=%s;", h->name.ptr, h->value.ptr);
    }
    while (*last)
        last = &(*last)->next;
    assert_ptr_equal(response.last, last);
    return text;
}

static void headers_keep_their_order(void **state)
{
    (void)state;
    assert_int_equal(set("A", "1"), 0);
    assert_int_equal(set("B", "2"), 0);
    assert_int_equal(append("C", "3"), 0);
    assert_string_equal(all(), "A=1;B=2;C=3;");
    assert_int_equal(set("b", "4"), 0);
    assert_string_equal(all(), "A=1;b=4;C=3;");
    assert_int_equal(append("B", "5"), 0);
    assert_int_equal(append("D", ""), 0);
    assert_string_equal(all(), "A=1;b=4;C=3;B=5;D=;");
    assert_int_equal(set("B", "6"), 0);
    assert_string_equal(all(), "A=1;B=6;C=3;D=;");
    assert_int_equal(append("E", "7"), 0);
    assert_int_equal(drop("d"), 0);
    assert_int_equal(drop("a"), 0);
    assert_int_equal(drop("nobody"), 0);
    assert_string_equal(all(), "B=6;C=3;E=7;");
    assert_int_equal(drop("E"), 0);
    assert_int_equal(append("F", "8"), 0);
    assert_string_equal(all(), "B=6;C=3;F=8;");
    assert_string_equal(sl__response_header(&response, SL__STR("c"))->value.ptr, "3");
    assert_null(sl__response_header(&response, SL__STR("A")));
    sl__response_clear(&response);
    assert_string_equal(all(), "");
}

static void names_and_values_are_copies(void **state)
{
    char name[] = "X-Name", value[] = " \tvalue\t ";

    (void)state;
    assert_int_equal(set(name, value), 0);
    memset(name, 'z', sizeof(name) - 1);
    memset(value, 'z', sizeof(value) - 1);
    assert_string_equal(all(), "X-Name=value;"); /* and space around it is not part of it */
}

static void only_what_is_allowed(void **state)
{
    static const char *const names[] = {
        "",           "A B",        "A:",      ":A",         "A\r\nB",     "A\n",
        "A\t",        "\xc3\xa9",   "A/B",     "A(",         "\"A\"",      "A=B",
        "A\x7f",      "Date",       "dAtE",    "Connection", "CONNECTION", "Transfer-Encoding",
        "Keep-Alive", "keep-alive", "Upgrade", "Trailer",
    };
    static const char *const values[] = {
        "a\r\nSet-Cookie: b=c", "a\nb", "a\rb", "\r", "\n", "\x01", "a\x1f", "\x7f", "a\vb", "\f",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_int_equal(set(names[i], "v"), -SL_EBADHEADER);
        assert_int_equal(append(names[i], "v"), -SL_EBADHEADER);
        assert_int_equal(drop(names[i]), -SL_EBADHEADER);
    }
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        assert_int_equal(set("X", values[i]), -SL_EBADHEADER);
        assert_int_equal(append("X", values[i]), -SL_EBADHEADER);
    }
    assert_false(sl__header_allowed(SL__STR("X"), SL__STR("a\0b")));
    assert_false(sl__header_allowed(SL__STR("X\0"), SL__STR("a")));
    assert_true(sl__header_allowed(SL__STR("X"), SL__STR("caf\xc3\xa9\tand \"more\"")));
    assert_true(sl__header_allowed(SL__STR("!#$%&'*+-.^_`|~09azAZ"), SL__STR("")));
    assert_true(sl__header_allowed(SL__STR("Dated"), SL__STR("x")));
    assert_true(sl__header_allowed(SL__STR("TE"), SL__STR("x")));
    assert_string_equal(all(), "");
}

static void content_length_is_one_number(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "-1",
                                      "+1",
                                      "1 2",
                                      "1,1",
                                      "0x1",
                                      "1.0",
                                      "9223372036854775808",
                                      "99999999999999999999999"};

    (void)state;
    assert_int_equal(sl__response_announced(&response), -1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(set("Content-Length", bad[i]), -SL_EBADHEADER);
    assert_int_equal(append("Content-Length", " 5 "), 0);
    assert_int_equal(append("content-length", "9223372036854775807"), 0);
    assert_string_equal(all(), "content-length=9223372036854775807;");
    assert_int_equal(sl__response_announced(&response), INT64_MAX);
    assert_int_equal(drop("Content-Length"), 0);
    assert_int_equal(sl__response_announced(&response), -1);
}

static ssize_t source(void *self, void *buf, size_t len)
{
    (void)self;
    (void)buf;
    (void)len;
    return 0;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int given_back;

static void give_back(struct sl__lender *l)
{
    given_back++;
}

static void what_was_lent_is_given_back_once(void **state)
{
    struct sl__lender lender = {give_back};
    const struct sl__stamp stamp = {"", ""};

    (void)state;
    given_back = 0;
    sl__response_set_lent(&response, SL__STR("hello"), &lender);
    assert_null(response.stamp);
    assert_int_equal(sl__response_length(&response), 5);
    response.stamp = &stamp;
    sl__response_set_lent(&response, SL__STR("hello!"), &lender);
    assert_int_equal(given_back, 1);
    assert_null(response.stamp);
    assert_int_equal(sl__response_length(&response), 6);
    sl__response_set_bytes(&response, SL__STR("other"));
    assert_int_equal(given_back, 2);
    sl__response_set_lent(&response, SL__STR("hello"), &lender);
    sl__response_set_source(&response, source, &arena);
    assert_int_equal(given_back, 3);
    sl__response_set_lent(&response, SL__STR(""), &lender);
    sl__response_clear(&response);
    assert_int_equal(given_back, 4);
    sl__response_clear(&response);
    assert_int_equal(given_back, 4);
}

static void payloads_replace_each_other(void **state)
{
    int one = open("/dev/null", O_RDONLY | O_CLOEXEC),
        two = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(one >= 0 && two >= 0);
    assert_int_equal(sl__response_length(&response), 0);
    sl__response_set_bytes(&response, SL__STR("hello"));
    assert_int_equal(sl__response_length(&response), 5);
    sl__response_set_file(&response, one, 3, 7);
    assert_int_equal(response.payload, SL__PAYLOAD_FILE);
    assert_int_equal(sl__response_length(&response), 7);
    assert_null(response.bytes.ptr);
    sl__response_set_file(&response, two, 0, 9);
    assert_false(is_open(one));
    assert_true(is_open(two));
    sl__response_set_source(&response, source, &arena);
    assert_false(is_open(two));
    assert_int_equal(sl__response_length(&response), -1);
    assert_int_equal(set("Content-Length", "11"), 0);
    assert_int_equal(sl__response_length(&response), 11);
    sl__response_set_bytes(&response, SL__STR("hello"));
    assert_null(response.source);
    assert_int_equal(sl__response_length(&response), 5);
    one = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sl__response_set_file(&response, one, 0, 0);
    sl__response_clear(&response);
    assert_false(is_open(one));
    assert_int_equal(response.payload, SL__PAYLOAD_NONE);
    assert_int_equal(sl__response_length(&response), 0);
}

static bool always(size_t size)
{
    (void)size;
    return true;
}

static void out_of_memory_changes_nothing(void **state)
{
    static char large[8192];

    (void)state;
    assert_int_equal(set("A", "1"), 0);
    memset(large, 'x', sizeof(large) - 1);
    sl__mem_fault = always;
    assert_int_equal(set("A", large), -ENOMEM);
    assert_int_equal(append("B", large), -ENOMEM);
    sl__mem_fault = NULL;
    assert_string_equal(all(), "A=1;");
}

static void statuses_have_reasons(void **state)
{
    (void)state;
    assert_string_equal(sl__status_text(200), "OK");
    assert_string_equal(sl__status_text(413), "Content Too Large");
    assert_string_equal(sl__status_text(431), "Request Header Fields Too Large");
    assert_string_equal(sl__status_text(505), "HTTP Version Not Supported");
    assert_string_equal(sl__status_text(100), "Continue");
    assert_string_equal(sl__status_text(299), "");
    assert_string_equal(sl__status_text(-1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(headers_keep_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_and_values_are_copies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_is_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(content_length_is_one_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(payloads_replace_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_lent_is_given_back_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_memory_changes_nothing, set_up, tear_down),
        cmocka_unit_test(statuses_have_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
