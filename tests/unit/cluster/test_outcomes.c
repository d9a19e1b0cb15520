/*
 * What a build writes into the tree, told from what a developer saves while it runs.
 */
#include "cluster/outcomes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/shallot-outcomes-XXXXXX";

static bool write_and_ask(struct sl__outcomes *o, const char *name, const char *text)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return sl__outcomes_is(o, folder, name);
}

static void test_same_content(void **state)
{
    struct sl__outcomes o = {0};

    assert_false(write_and_ask(&o, "version.h", "1"));
    for (int i = 0; i < 100; i++)
        assert_true(write_and_ask(&o, "version.h", "1"));
    assert_false(write_and_ask(&o, "main.c", "1"));
    assert_false(write_and_ask(&o, "version.h", "2")); /* a developer's, or news */
    assert_true(write_and_ask(&o, "version.h", "2"));
    sl__outcomes_finish(&o);
    sl__outcomes_finish(&o);
}

static void test_always_different(void **state)
{
    struct sl__outcomes o = {0};
    char text[16];
    int builds = 0;

    do /* a file with the time of day in it */
        snprintf(text, sizeof text, "%d", ++builds);
    while (!write_and_ask(&o, "time.h", text));
    assert_int_equal(builds, 31);
    sl__outcomes_edited(&o, "time.h"); /* edited while nothing is built: anybody's again */
    assert_false(write_and_ask(&o, "time.h", "x"));
    sl__outcomes_edited(&o, "never seen");
    sl__outcomes_finish(&o);
}

static void test_removed(void **state)
{
    struct sl__outcomes o = {0};

    assert_false(sl__outcomes_is(&o, folder, "missing"));
    assert_true(sl__outcomes_is(&o, folder, "missing"));
    assert_false(write_and_ask(&o, "missing", "here"));
    sl__outcomes_finish(&o);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];

    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_content),
        cmocka_unit_test(test_always_different),
        cmocka_unit_test(test_removed),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
