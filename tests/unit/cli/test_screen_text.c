/* Lines of the screen: what fits, what is cut, and that nothing of others acts on the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "screen.h"

static const char *foreign(const char *text, unsigned room, bool unicode, unsigned *ret_columns)
{
    static char kept[256];
    struct paper p = {.columns = 80, .unicode = unicode};

    *ret_columns = paper_add_foreign(&p, text, room);
    strcpy(kept, p.text ? p.text : "");
    paper_free(&p);
    return kept;
}

static void test_what_does_not_fit_is_cut_in_the_middle(void **state)
{
    unsigned n;

    assert_string_equal(foreign("/index.html", 11, true, &n), "/index.html");
    assert_int_equal(n, 11);
    assert_string_equal(foreign("/index.html", 10, true, &n), "/ind….html");
    assert_int_equal(n, 10);
    assert_string_equal(foreign("/index.html", 9, false, &n), "/in...tml");
    assert_int_equal(n, 9);
    assert_string_equal(foreign("/index.html", 3, true, &n), "/in");
    assert_string_equal(foreign("/index.html", 0, true, &n), "/index.html");
    assert_string_equal(foreign("", 5, true, &n), "");
    assert_int_equal(n, 0);
}

static void test_wide_characters(void **state)
{
    unsigned n;

    assert_int_equal(text_width("a日本"), 5);
    assert_int_equal(text_width("e\xcc\x81"), 1); /* e and an accent upon it */
    assert_int_equal(text_width("🧅"), 2);
    assert_string_equal(foreign("日本語日本語", 8, true, &n), "日…本語");
    assert_int_equal(n, 7); /* half a character is none */
    assert_string_equal(foreign("grün", 4, true, &n), "grün");
}

/* For every length and room: never wider, and never less than there is room for by more than one.
 */
static void test_every_room(void **state)
{
    static const char *const texts[] = {"/a/path/that/is/long", "日本語日本語日本語", "aé日b\x80z"};
    unsigned n;

    for (size_t i = 0; i < 3; i++)
        for (unsigned room = 1; room < 30; room++) {
            const char *got = foreign(texts[i], room, true, &n);

            assert_int_equal(text_width(got), n);
            assert_true(n <= room);
        }
}

static void test_nothing_acts_on_the_terminal(void **state)
{
    unsigned n;

    assert_string_equal(foreign("/\033[31mred\r\n\t\x7f", 0, true, &n), "/?[31mred????");
    assert_string_equal(foreign("\xc2\x9b"
                                "31m",
                                0, true, &n),
                        "?31m"); /* C1: a control sequence in one character */
    assert_string_equal(foreign("\xff\xc0\xaf\xed\xa0\x80", 0, true, &n), "??????");
}

static const char *output(const char *text, bool colours)
{
    static char kept[256];
    struct paper p = {.columns = 80, .colours = colours};

    paper_add_output(&p, text, strlen(text));
    strcpy(kept, p.text ? p.text : "");
    paper_free(&p);
    return kept;
}

static void test_output_keeps_its_colours_only(void **state)
{
    assert_string_equal(output("\033[1;31mred\033[0m\r", true), "\033[1;31mred\033[0m\033[0m");
    assert_string_equal(output("\033[1;31mred\033[0m", false), "red");
    assert_string_equal(output("a\033[2Jb\033[Hc\033]0;title\ad\033=e\033", true), "abcde");
    assert_string_equal(output("a\tb\bc", true), "a\tbc");
    assert_string_equal(output("grün", true), "grün");
    assert_string_equal(output("\033[31", true), "");
}

static void test_times(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0.0 ms"},
        {1240000, "1.2 ms"},
        {99900000, "99.9 ms"},
        {100000000, "100 ms"},
        {999000000, "999 ms"},
        {1240000000, "1.24 s"},
        {99990000000, "99.99 s"},
        {3600000000000, "3600 s"},
    };
    char got[32];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        paper_time(cases[i].ns, got, sizeof got);
        assert_string_equal(got, cases[i].text);
    }
}

static const char *request(unsigned columns, bool colours, const char *path, const char *query,
                           int status)
{
    static char kept[512];
    struct paper p = {.columns = columns, .colours = colours, .unicode = true};
    const sl_development_news n = {.method = "GET",
                                   .path = path,
                                   .query = query,
                                   .status = status,
                                   .ns = 1500000,
                                   .worker = 3};

    paper_request(&p, 0, &n);
    strcpy(kept, p.text);
    paper_free(&p);
    return kept;
}

static void test_requests(void **state)
{
    assert_string_equal(request(0, false, "/x", "", 200),
                        "  00:00:00  GET       /x                        200    1.5 ms  w3\n");
    assert_string_equal(
        request(0, false, "/a/path/longer/than/its/column", "q=1", 404),
        "  00:00:00  GET       /a/path/longer/than/its/column?q=1  404    1.5 ms  w3\n");
    assert_string_equal(
        request(80, false, "/x", "a=b", 200),
        "  00:00:00  GET       /x?a=b                                 200    1.5 ms  w3\n");
    assert_non_null(strstr(request(80, true, "/x", "", 200), "\033[32m200\033[0m"));
    assert_non_null(strstr(request(80, true, "/x", "", 302), "\033[36m302\033[0m"));
    assert_non_null(strstr(request(80, true, "/x", "", 404), "\033[33m404\033[0m"));
    assert_non_null(strstr(request(80, true, "/x", "", 500), "\033[31m500\033[0m"));
    assert_null(strchr(request(80, false, "/x", "", 500), '\033'));
}

/* From every width a line of one line. */
static void test_requests_of_every_width(void **state)
{
    const char *path = "/a/very/long/path/that/goes/on/and/on/and/on/and/on/and/on/and/on/and/on";

    for (unsigned columns = 37; columns < 200; columns++)
        assert_true(text_width(request(columns, false, path, "with=query", 200)) - 1 < columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_does_not_fit_is_cut_in_the_middle),
        cmocka_unit_test(test_wide_characters),
        cmocka_unit_test(test_every_room),
        cmocka_unit_test(test_nothing_acts_on_the_terminal),
        cmocka_unit_test(test_output_keeps_its_colours_only),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_requests_of_every_width),
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
