/* Media types: the built-in table, and what the system's lists add to it. */
#include "memory_exchange.h"

#include <fcntl.h>

#include "app/types.h"
#include "app/types_system.h"
#include "base/mem.h"

static void built_in(void **state)
{
    static const struct {
        const char *path, *type;
    } table[] = {
        {"a.html", "text/html; charset=utf-8"},
        {"/x.y/a.HTML", "text/html; charset=utf-8"},
        {"a.tar.gz", "application/gzip"},
        {"a.mjs", "text/javascript; charset=utf-8"},
        {"a.wasm", "application/wasm"},
        {"a.html/b", "application/octet-stream"},
        {"a", "application/octet-stream"},
        {"a.", "application/octet-stream"},
        {"a.no-such-extension", "application/octet-stream"},
        {"a.html-and-more-than-any-extension-is-long", "application/octet-stream"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(sl__type_of_path(table[i].path), table[i].type);
}

static char list[] = "/tmp/shallot-types-XXXXXX";

static void load(const char *text)
{
    int fd = open(list, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    sl__system_types_load(list);
}

static void expect(const char *extension, const char *type)
{
    const char *got = sl__type_of_extension(sl__str_of(extension));

    if (!type) {
        assert_null(got);
        return;
    }
    assert_non_null(got);
    assert_string_equal(got, type);
    assert_ptr_equal(got, sl__type_of_extension(sl__str_of(extension))); /* it stays */
}

static void as_in_mime_types(void **state)
{
    load("# a comment\n"
         "application/x-one\t\tone ONE2\n"
         "application/none\n"
         "text/x-two two  three\r\n"
         "\n"
         "   text/x-four four\n"
         "text/other two html\n"
         "nonsense bad\n"
         "a/b/c bad2\n"
         "a/b;c bad3\n"
         "application/last last");
    expect("one", "application/x-one");
    expect("One", "application/x-one");
    expect("one2", "application/x-one");
    expect("two", "text/x-two; charset=utf-8"); /* the first */
    expect("three", "text/x-two; charset=utf-8");
    expect("four", "text/x-four; charset=utf-8");
    expect("html", "text/html; charset=utf-8");
    expect("last", "application/last");
    expect("bad", NULL);
    expect("bad2", NULL);
    expect("bad3", NULL);
    expect("", NULL);
}

static void as_in_globs2(void **state)
{
    load("# of shared-mime-info\n"
         "80:application/x-one:*.one\n"
         "50:application/x-other:*.one\n"
         "50:text/x-two:*.two\n"
         "50:text/x-makefile:makefile\n"
         "50:text/x-c++src:*.CC:cs\n"
         "50:application/x-tarz:*.tar.zz\n"
         "10:application/odd:*.[ab]\n"
         "50:broken\n"
         "50\n");
    expect("one", "application/x-one");
    expect("two", "text/x-two; charset=utf-8");
    expect("cc", NULL);
    expect("makefile", NULL);
    expect("[ab]", NULL);
}

static void unreadable(void **state)
{
    sl__system_types_load("/nowhere/at/all");
    expect("one", NULL);
    load("");
    expect("one", NULL);
}

static long left;

static bool fault(size_t size)
{
    return left >= 0 && left-- == 0;
}

static void without_memory(void **state)
{
    for (long n = 0; n < 6; n++) {
        left = n;
        sl__mem_fault = fault;
        load("text/x-one one\ntext/x-two two\n");
        sl__type_of_extension(SL__STR("one"));
        sl__mem_fault = NULL;
        expect("txt", "text/plain; charset=utf-8");
    }
    expect("one", "text/x-one; charset=utf-8");
}

/* What this system has, be it what it may. */
static void of_this_system(void **state)
{
    sl__system_types_finish();
    sl__type_of_extension(SL__STR("no-such-extension"));
    expect("png", "image/png");
}

static int finish(void **state)
{
    sl__system_types_finish();
    return unlink(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in),       cmocka_unit_test(as_in_mime_types),
        cmocka_unit_test(as_in_globs2),   cmocka_unit_test(unreadable),
        cmocka_unit_test(without_memory), cmocka_unit_test(of_this_system),
    };

    close(mkstemp(list));
    return cmocka_run_group_tests(tests, NULL, finish);
}
