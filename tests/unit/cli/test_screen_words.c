/* Complaints and crashes as they stand on the screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "screen.h"

static char shown[65536];

static const char *show(const char *output, unsigned columns, bool colours, unsigned most)
{
    sl_diagnostics *d = sl_diagnostics_new(output);
    struct paper p = {.columns = columns, .colours = colours};

    paper_diagnostics(&p, d, most);
    snprintf(shown, sizeof shown, "%s", p.text ? p.text : "");
    paper_free(&p);
    sl_diagnostics_free(d);
    return shown;
}

static const char complaint[] = "a.c:1:5: warning: too bad [-Wbad]\n"
                                "    1 | int x = 5\n"
                                "      |     ^\n"
                                "a.c:1:10: error: expected ';'\n"
                                "    1 | int x = 5\n"
                                "      |          ^\n"
                                "      |          ;\n"
                                "a.c:2:1: note: here\n";

static void test_errors_come_first(void **state)
{
    assert_string_equal(show(complaint, 0, false, 10), "  a.c:1:10: error: expected ';'\n"
                                                       "       1 | int x = 5\n"
                                                       "         |          ^\n"
                                                       "         |          ;\n"
                                                       "  a.c:2:1: note: here\n"
                                                       "\n"
                                                       "  a.c:1:5: warning: too bad [-Wbad]\n"
                                                       "       1 | int x = 5\n"
                                                       "         |     ^\n"
                                                       "\n");
    assert_null(strchr(show(complaint, 80, false, 10), '\033'));
    assert_non_null(strstr(show(complaint, 80, true, 10), "\033[31merror: \033[0m"));
}

static void test_of_very_many_some(void **state)
{
    char output[4096] = "";
    size_t len = 0;

    for (int i = 0; i < 30; i++)
        len += (size_t)sprintf(output + len, "a.c:%d:1: error: x\na.c:1:1: warning: y\n", i + 1);
    show(output, 80, false, 10);
    assert_non_null(strstr(shown, "a.c:10:1: error"));
    assert_null(strstr(shown, "a.c:11:1: error"));
    assert_null(strstr(shown, "warning"));
    assert_non_null(strstr(shown, "... 50 more\n"));
}

/* What is marked stays in sight on a narrow terminal, and its marks below it. */
static void test_long_lines_are_moved(void **state)
{
    char output[1024];

    snprintf(output, sizeof output, "a.c:1:150: error: x\n    1 | %*sbad\n      | %*s^~~\n", 149,
             "", 149, "");
    show(output, 60, false, 10);
    assert_non_null(
        strstr(shown, "       1 |                 bad\n         |                 ^~~\n"));
}

static void test_counts(void **state)
{
    char text[64];

    paper_counts(&(sl_diagnostics){.errors = 1, .warnings = 2}, text, sizeof text);
    assert_string_equal(text, "1 error, 2 warnings");
    paper_counts(&(sl_diagnostics){.errors = 2}, text, sizeof text);
    assert_string_equal(text, "2 errors");
    paper_counts(&(sl_diagnostics){.warnings = 1}, text, sizeof text);
    assert_string_equal(text, "1 warning");
    paper_counts(&(sl_diagnostics){0}, text, sizeof text);
    assert_string_equal(text, "");
}

static const char *crash(const char *report)
{
    struct paper p = {.columns = 0};

    paper_crash(&p, &(sl_development_news){.output = report});
    snprintf(shown, sizeof shown, "%s", p.text ? p.text : "");
    paper_free(&p);
    return shown;
}

static void test_crash(void **state)
{
    assert_string_equal(
        crash("crash of worker 5 (pid 7): SIGSEGV, address 0x0 is not mapped\n"
              "  GET /boom, route none, request 5-2, 0.1 ms old\n"
              "  answered for it: 1 with 500, 0 with 503; 0 idle connections passed on\n"
              "  #0  0x561d416e41e6 hello at /elsewhere/hello.c:15\n"
              "  #1  0x7fca5d591234 run at ../src/app/onion.c:22\n"
              "  #2  0x7fca5d591234 main at ../sysdeps/x/libc_start_call_main.h:58\n"
              "  report 751: shallot crashes 751\n"),
        "    address 0x0 is not mapped\n"
        "    GET /boom, route none, request 5-2, 0.1 ms old\n"
        "    in hello  /elsewhere/hello.c:15\n"
        "    report 751: shallot crashes 751\n\n");
    assert_string_equal(crash("crash of worker 5 (pid 7): SIGKILL\n  no request\n"
                              "  #1  0x7fca5d591234 run at ../src/app/onion.c:22\n"),
                        "    no request\n    in run  ../src/app/onion.c:22\n\n");
    assert_string_equal(crash(""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_come_first),
        cmocka_unit_test(test_of_very_many_some),
        cmocka_unit_test(test_long_lines_are_moved),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
