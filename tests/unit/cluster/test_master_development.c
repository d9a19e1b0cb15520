/*
 * The master in development mode (DV1 to DV5): a change swaps the worker, with and without a build.
 */
#include "harness.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void save(struct cluster *c, const char *name, const char *text)
{
    FILE *f = fopen(cluster_path(c, name), "w");

    fputs(text, f);
    fclose(f);
}

static void test_a_file_swaps_the_worker(void **state)
{
    struct cluster c;
    int fd;

    cluster_open(&c, "", &(struct cluster_options){.instances = 4, .development = true});
    expect(&c, "1 worker: development");
    expect_ready(&c, 1);
    fd = cluster_connect(c.port);
    cluster_ask(fd, "who");
    save(&c, "page.html", "<h1>new</h1>");
    expect(&c, "changed: page.html");
    expect_ready(&c, 2);
    expect(&c, "hook exit 1 code 0 signal 0 expected 1");
    assert_string_equal(cluster_ask(fd, "who"), "worker 2");
    close(fd);
    cluster_close(&c);
}

static void test_the_executable_swaps_the_worker(void **state)
{
    struct cluster c;
    char command[512];

    cluster_open(&c, "", &(struct cluster_options){.instances = 1, .development = true});
    expect_ready(&c, 1);
    snprintf(command, sizeof command, "cp %s %s && mv %s %s", cluster_path(&c, "program"),
             cluster_path(&c, ".new"), cluster_path(&c, ".new"), cluster_path(&c, "program"));
    assert_int_equal(system(command), 0);
    expect(&c, "changed: program");
    expect_ready(&c, 2);
    expect(&c, "hook exit 1 code 0 signal 0 expected 1");
    assert_false(seen(&c, "changed:")); /* once, though two watches look at it */
    cluster_close(&c);
}

/* The build copies "source" over "code": whatever a compiler would do, in short. */
#define BUILD                                                                                      \
    "cd \"$TEST_FOLDER\" && echo building && if grep -q bad src/source; then "                     \
    "echo 'source:1: bad'; exit 1; fi; if grep -q long src/source; then echo long; sleep 60; fi; " \
    "cp src/source .c && mv .c code"

static void start_with_build(struct cluster *c, const char *build)
{
    cluster_open(c, "", &(struct cluster_options){.no_start = true});
    assert_int_equal(mkdir(cluster_path(c, "src"), 0700), 0);
    save(c, "src/source", "");
    cluster_start(c,
                  &(struct cluster_options){.development = true, .build = build, .watch = "src"});
    expect_ready(c, 1);
}

static void test_build(void **state)
{
    struct cluster c;

    start_with_build(&c, BUILD);
    save(&c, "src/source", "bad");
    expect(&c, "changed: source");
    expect(&c, "source:1: bad");
    expect(&c, "build failed: exit code 1");
    save(&c, "src/source", "long"); /* DV2: a new save cancels a running build */
    expect(&c, "changed: source");
    expect(&c, "long");
    save(&c, "src/source", "die");
    expect(&c, "changed: source");
    expect(&c, "built in");
    expect(&c, "generation 2 failed"); /* the old one serves */
    close(cluster_connect(c.port));
    save(&c, "src/source", "");
    expect(&c, "built in");
    expect(&c, "generation 3 serves");
    expect(&c, "hook exit 1 code 0 signal 0 expected 1");
    cluster_close(&c);
}

/* A build that writes into the tree comes to rest: what it writes is the same as the last time. */
static void test_build_that_writes_into_the_tree(void **state)
{
    struct cluster c;

    start_with_build(&c, "cd \"$TEST_FOLDER\"/src && echo building && echo 1 > version.h");
    save(&c, "source", "outside of the tree");
    save(&c, "src/source", "new");
    expect(&c, "changed: source");
    expect(&c, "changed: version.h"); /* nobody can know yet */
    expect(&c, "built in");
    expect(&c, " serves, ");
    save(&c, "src/source", "newer");
    expect(&c, "changed: source");
    expect(&c, "built in");
    expect(&c, " serves, ");
    assert_false(seen(&c, "changed: version.h"));
    cluster_close(&c);
    assert_false(seen(&c, "changed: version.h"));
}

static void test_stop_ends_a_running_build(void **state)
{
    struct cluster c;

    start_with_build(&c, BUILD);
    save(&c, "src/source", "long");
    expect(&c, "building");
    cluster_signal(&c, SIGINT);
    assert_int_equal(cluster_wait(&c), 0); /* no process is left: the pipe came to its end */
    cluster_close(&c);
}

static void test_crash_at_start_waits_for_a_change(void **state)
{
    struct cluster c;

    cluster_open(&c, "exit", &(struct cluster_options){.development = true});
    expect(&c, "waiting for the next change");
    cluster_code(&c, "");
    expect(&c, "changed: code");
    expect_ready(&c, 2);
    expect(&c, "generation 2 serves");
    kill(c.pid, SIGKILL); /* DV4: one that crashes while serving is respawned */
    expect(&c, "died (SIGKILL). restarting...");
    expect_ready(&c, 3);
    cluster_close(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_swaps_the_worker),
        cmocka_unit_test(test_the_executable_swaps_the_worker),
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_build_that_writes_into_the_tree),
        cmocka_unit_test(test_stop_ends_a_running_build),
        cmocka_unit_test(test_crash_at_start_waits_for_a_change),
    };
    int status;

    if (harness_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
