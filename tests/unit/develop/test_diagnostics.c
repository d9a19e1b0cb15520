/* What compilers have really written (gcc 12, clang 14, GNU ld, make, ninja, cmake), understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shallot/develop.h"

static const char gcc[] =
    "In file included from b.h:1,\n"
    "                 from a.c:2:\n"
    "c.h: In function ‘cc’:\n"
    "c.h:1:23: warning: returning ‘char *’ from a function with return type ‘int’ "
    "makes integer from pointer without a cast [-Wint-conversion]\n"
    "    1 | int cc(void) { return \"x\"; }\n"
    "      |                       ^~~\n"
    "b.h: In function ‘bb’:\n"
    "b.h:2:16: error: ‘retrun’ undeclared (first use in this function)\n"
    "    2 | int bb(void) { retrun 3; }\n"
    "      |                ^~~~~~\n"
    "b.h:2:16: note: each undeclared identifier is reported only once for each function it "
    "appears in\n"
    "b.h:2:22: error: expected ‘;’ before numeric constant\n"
    "    2 | int bb(void) { retrun 3; }\n"
    "      |                      ^~\n"
    "      |                      ;\n"
    "a.c: In function ‘main’:\n"
    "a.c:11:14: warning: format ‘%d’ expects argument of type ‘int’, but argument 2 has type "
    "‘char *’ [-Wformat=]\n"
    "   11 |     printf(\"%d %s\\n\", \"text\", 3);\n"
    "      |             ~^        ~~~~~~\n"
    "      |              |        |\n"
    "      |              int      char *\n"
    "      |             %s\n"
    "a.c: At top level:\n"
    "a.c:4:12: warning: ‘unused_thing’ defined but not used [-Wunused-function]\n"
    "    4 | static int unused_thing(void)\n"
    "      |            ^~~~~~~~~~~~\n"
    "d.c:1:1: error: something of another file\n"
    "make: *** [Makefile:2: a] Error 1\n";

static const char clang[] =
    "In file included from a.c:2:\n"
    "In file included from ./b.h:1:\n"
    "./c.h:1:23: warning: incompatible pointer to integer conversion [-Wint-conversion]\n"
    "int cc(void) { return \"x\"; }\n"
    "                      ^~~\n"
    "a.c:11:23: warning: format specifies type 'int' but the argument has type 'char *' "
    "[-Wformat]\n"
    "    printf(\"%d %s\\n\", \"text\", 3);\n"
    "            ~~        ^~~~~~\n"
    "            %s\n"
    "a.c:12:16: error: expected ';' at end of declaration\n"
    "    char *p = 5\n"
    "               ^\n"
    "               ;\n"
    "a.c:2:1: note: expanded from here\n"
    "4 warnings and 3 errors generated.\n";

static void expect_item(const sl_diagnostics *d, size_t i, const char *expected)
{
    const sl_diagnostic *x = &d->items[i];
    char got[1024];

    assert_true(i < d->count);
    snprintf(got, sizeof got, "%d %s:%u:%u %s|%s|%s|%s", x->severity, x->file, x->line, x->column,
             x->message, x->option, x->function, x->via);
    assert_string_equal(got, expected);
}

static void expect_line(const sl_diagnostics *d, size_t i, size_t nth, const char *expected)
{
    const sl_diagnostic_line *l = &d->items[i].lines[nth];
    char got[1024];

    assert_true(nth < d->items[i].line_count);
    snprintf(got, sizeof got, "%u[%s][%s]%u-%u[%s]", l->number, l->text, l->marks, l->from, l->to,
             l->labels);
    assert_string_equal(got, expected);
}

static void check_gcc(const char *output)
{
    sl_diagnostics *d = sl_diagnostics_new(output);

    assert_int_equal(d->count, 6);
    assert_int_equal(d->errors, 3);
    assert_int_equal(d->warnings, 3);
    assert_string_equal(d->rest, "");
    expect_item(d, 0,
                "1 c.h:1:23 returning ‘char *’ from a function with return type ‘int’ makes "
                "integer from pointer without a cast|-Wint-conversion|cc|b.h:1");
    expect_line(d, 0, 0, "1[int cc(void) { return \"x\"; }][                      ^~~]22-25[]");
    expect_item(d, 1, "2 b.h:2:16 ‘retrun’ undeclared (first use in this function)||bb|");
    expect_line(d, 2, 0,
                "2[int bb(void) { retrun 3; }][                     ^~]21-23"
                "[                     ;]");
    expect_line(d, 3, 0,
                "11[    printf(\"%d %s\\n\", \"text\", 3);][            ~^        ~~~~~~]12-14"
                "[             |        |\n             int      char *\n            %s]");
    expect_item(d, 4, "1 a.c:4:12 ‘unused_thing’ defined but not used|-Wunused-function||");
    expect_item(d, 5, "2 d.c:1:1 something of another file|||");
    assert_int_equal(d->items[5].line_count, 0);
    sl_diagnostics_free(d);
}

static void test_gcc(void **state)
{
    check_gcc(gcc);
}

/* -fdiagnostics-color=always, a link to the manual, and the ends of a terminal's lines. */
static void test_colours(void **state)
{
    char *coloured = malloc(4 * sizeof gcc), *to = coloured;

    for (const char *at = gcc; *at; at++) {
        if (*at == '\n')
            *to++ = '\r';
        *to++ = *at;
        if (at[0] == ':' && at[1] == ' ')
            to = stpcpy(to, "\033[m\033[K\033]8;;https://gcc.gnu.org\a\033]8;;\033\\\033[01;35m");
    }
    *to = '\0';
    check_gcc(coloured);
    free(coloured);
}

static void test_clang(void **state)
{
    sl_diagnostics *d = sl_diagnostics_new(clang);

    assert_int_equal(d->count, 4);
    assert_int_equal(d->errors, 1);
    assert_int_equal(d->warnings, 2);
    assert_string_equal(d->rest, "");
    expect_item(d, 0,
                "1 c.h:1:23 incompatible pointer to integer conversion|-Wint-conversion||b.h:1");
    expect_line(d, 0, 0, "1[int cc(void) { return \"x\"; }][                      ^~~]22-25[]");
    expect_line(d, 1, 0,
                "11[    printf(\"%d %s\\n\", \"text\", 3);][            ~~        ^~~~~~]22-28"
                "[            %s]");
    expect_line(d, 2, 0, "12[    char *p = 5][               ^]15-16[               ;]");
    expect_item(d, 3, "0 a.c:2:1 expanded from here|||");
    sl_diagnostics_free(d);
}

static void test_a_complaint_of_several_lines(void **state)
{
    sl_diagnostics *d = sl_diagnostics_new("h.c:11:34: error: expected ‘;’ before ‘}’ token\n"
                                           "   11 |     return f(c)\n"
                                           "      |                ^\n"
                                           "      |                ;\n"
                                           "   12 | }\n"
                                           "      | ~               \n"
                                           "h.c:1:1: note: include it\n"
                                           "  +++ |+#include <stdlib.h>\n"
                                           "    1 | #include <shallot.h>\n");

    assert_int_equal(d->count, 2);
    assert_int_equal(d->items[0].line_count, 2);
    expect_line(d, 0, 1, "12[}][~               ]0-0[]");
    expect_line(d, 1, 0, "1[#include <shallot.h>][]0-0[]");
    sl_diagnostics_free(d);
}

/* One line each: what is understood of it, or "rest", or "noise". */
static void test_single_lines(void **state)
{
    static const struct {
        const char *line, *expected;
    } cases[] = {
        {"/usr/bin/ld: /tmp/x/l.c:3: undefined reference to `other'",
         "2 /tmp/x/l.c:3:0 undefined reference to `other'|||"},
        {"l.c:(.text+0x5): undefined reference to `helper'",
         "2 l.c:0:0 undefined reference to `helper'|||"},
        {"/usr/bin/ld: cannot find -lnothere: No such file or directory",
         "2 :0:0 cannot find -lnothere: No such file or directory|||"},
        {"/usr/bin/ld: b.o: b.c:1: multiple definition of `x'; a.o:a.c:1: first defined here",
         "2 b.o: b.c:1:0 multiple definition of `x'; a.o:a.c:1: first defined here|||"},
        {"ld.lld: error: undefined symbol: f", "2 :0:0 undefined symbol: f|||"},
        {"gcc: error: x.c: No such file or directory", "2 :0:0 x.c: No such file or directory|||"},
        {"cc1: fatal error: x.c: No such file or directory",
         "2 :0:0 x.c: No such file or directory|||"},
        {"a.c:1:10: fatal error: nothere.h: No such file or directory",
         "2 a.c:1:10 nothere.h: No such file or directory|||"},
        {"make: *** No rule to make target 'x.c', needed by 'x'.  Stop.",
         "2 :0:0 No rule to make target 'x.c', needed by 'x'.  Stop.|||"},
        {"Makefile:3: *** missing separator.  Stop.",
         "2 Makefile:3:0 missing separator.  Stop.|||"},
        {"meson.build:3:0: ERROR: Dependency \"x\" not found",
         "2 meson.build:3:0 Dependency \"x\" not found|||"},
        {"ninja: error: loading 'build.ninja': No such file or directory",
         "2 :0:0 loading 'build.ninja': No such file or directory|||"},
        {"my file:x.c:3:4: error: a : b: c", "2 my file:x.c:3:4 a : b: c|||"},
        {"building by hand", "rest"},
        {"a line with [-Wsomething]", "rest"},
        {"make: *** [Makefile:3: app] Error 1", "noise"},
        {"make[2]: *** [Makefile:3: app] Error 1", "noise"},
        {"make: Nothing to be done for 'all'.", "noise"},
        {"gcc -Wall -c a.c -o a.o", "noise"},
        {"ccache x86_64-linux-gnu-gcc-12 -Wall -c a.c -o a.o", "noise"},
        {"/usr/bin/clang++-14 a.cpp", "noise"},
        {"[3/10] Compiling C object a.o", "noise"},
        {"[ 50%] Building C object a.o", "noise"},
        {"2 warnings and 1 error generated.", "noise"},
        {"collect2: error: ld returned 1 exit status", "noise"},
        {"clang: error: linker command failed with exit code 1 (use -v to see invocation)",
         "noise"},
        {"cc1: all warnings being treated as errors", "noise"},
        {"-- Configuring done", "noise"},
        {"", "noise"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_diagnostics *d = sl_diagnostics_new(cases[i].line);

        if (d->count == 1)
            expect_item(d, 0, cases[i].expected);
        else
            assert_string_equal(d->rest[0] ? "rest" : "noise", cases[i].expected);
        sl_diagnostics_free(d);
    }
}

static void test_files_of_other_folders(void **state)
{
    sl_diagnostics *d = sl_diagnostics_new("ninja: Entering directory `build'\n"
                                           "../src/a.c:1:1: error: one\n"
                                           "/abs/b.c:1:1: error: two\n"
                                           "make[1]: Entering directory '/home/x/sub'\n"
                                           "./a.c:1:1: error: three\n"
                                           "make[1]: Leaving directory '/home/x/sub'\n"
                                           "a.c:1:1: error: four\n");

    assert_int_equal(d->count, 4);
    assert_string_equal(d->items[0].file, "src/a.c");
    assert_string_equal(d->items[1].file, "/abs/b.c");
    assert_string_equal(d->items[2].file, "/home/x/sub/a.c");
    assert_string_equal(d->items[3].file, "a.c");
    sl_diagnostics_free(d);
}

static void test_cmake(void **state)
{
    sl_diagnostics *d = sl_diagnostics_new("CMake Error at CMakeLists.txt:3 (find_package):\n"
                                           "  Could not find a package.\n"
                                           "\n"
                                           "-- Configuring incomplete, errors occurred!\n");

    assert_int_equal(d->count, 1);
    expect_item(d, 0, "2 CMakeLists.txt:3:0 Could not find a package.|||");
    assert_string_equal(d->rest, "");
    sl_diagnostics_free(d);
}

static void test_very_many(void **state)
{
    char *output = malloc(4000 * 24), *to = output;
    sl_diagnostics *d;

    for (int i = 0; i < 4000; i++)
        to += sprintf(to, "a.c:%d:1: warning: x\n", i + 1);
    d = sl_diagnostics_new(output);
    assert_int_equal(d->warnings, 4000);
    assert_int_equal(d->count, 1000);
    sl_diagnostics_free(d);
    sl_diagnostics_free(NULL);
    free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gcc),          cmocka_unit_test(test_colours),
        cmocka_unit_test(test_clang),        cmocka_unit_test(test_a_complaint_of_several_lines),
        cmocka_unit_test(test_single_lines), cmocka_unit_test(test_files_of_other_folders),
        cmocka_unit_test(test_cmake),        cmocka_unit_test(test_very_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
