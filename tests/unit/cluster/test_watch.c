/* Watching a tree: what is a change, what is none, and that a burst is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/time.h"
#include "cluster/watch.h"

struct fixture {
    struct sl__loop loop;
    struct sl__tree *tree;
    char root[64];
    unsigned reports, files;
    char name[PATH_MAX];
    const char *ignored;
    bool free_in_callback;
};

static void changed(void *self, const char *name, unsigned count)
{
    struct fixture *f = self;

    f->reports++;
    f->files += count;
    snprintf(f->name, sizeof f->name, "%s", name);
    if (f->free_in_callback) {
        sl__tree_free(f->tree);
        f->tree = NULL;
    }
}

static bool ignore(void *self, const char *name)
{
    struct fixture *f = self;

    return f->ignored && strcmp(name, f->ignored) == 0;
}

static const char *at(const struct fixture *f, const char *name)
{
    static char path[2][PATH_MAX];
    static int turn;

    turn = !turn;
    snprintf(path[turn], PATH_MAX, "%s/%s", f->root, name);
    return path[turn];
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
    FILE *out = fopen(at(f, name), "we");

    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static void make_folder(const struct fixture *f, const char *name)
{
    assert_int_equal(mkdir(at(f, name), 0777), 0);
}

static void shell(const struct fixture *f, const char *command)
{
    char line[512];

    snprintf(line, sizeof line, "cd %s && %s", f->root, command);
    assert_int_equal(system(line), 0);
}

/* Runs until a report came; fails after 10 s. */
static void expect_report(struct fixture *f)
{
    int64_t deadline = sl__sys_now() + 10 * SL__SEC;
    unsigned before = f->reports;

    while (f->reports == before && sl__sys_now() < deadline)
        assert_int_equal(sl__loop_once(&f->loop, 100), 0);
    assert_int_equal(f->reports, before + 1);
}

/* That nothing comes is shown by something that does: a mark is written, and only it is reported.
 */
static void expect_silence(struct fixture *f)
{
    unsigned files = f->files;

    write_file(f, "mark.c", "");
    expect_report(f);
    assert_string_equal(f->name, "mark.c");
    assert_int_equal(f->files, files + 1);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    strcpy(f->root, "/tmp/shallot-watch-XXXXXX");
    if (!mkdtemp(f->root) || sl__loop_init(&f->loop) < 0)
        return -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char line[128];

    sl__tree_free(f->tree);
    sl__loop_finish(&f->loop);
    snprintf(line, sizeof line, "rm -rf %s", f->root);
    if (system(line) != 0)
        return -1;
    free(f);
    return 0;
}

static void start(struct fixture *f)
{
    const struct sl__tree_events events = {.changed = changed, .ignore = ignore, .self = f};
    char error[512] = "";

    f->tree = sl__tree_watch(&f->loop, f->root, &events, error, sizeof error);
    assert_string_equal(error, "");
    assert_non_null(f->tree);
}

static void test_a_write_is_a_change(void **state)
{
    struct fixture *f = *state;

    write_file(f, "a.c", "one");
    start(f);
    write_file(f, "a.c", "two");
    expect_report(f);
    assert_string_equal(f->name, "a.c");
    assert_int_equal(f->files, 1);
    expect_silence(f);
}

static void test_a_burst_is_one_change(void **state)
{
    struct fixture *f = *state;
    char name[32];

    start(f);
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "f%02d.c", i);
        write_file(f, name, "x");
        write_file(f, name, "xy");
    }
    expect_report(f);
    assert_string_equal(f->name, "f00.c");
    assert_int_equal(f->files, 50);
}

/* Without a pause a change is reported all the same, 300 ms after it began. */
static void test_endless_writing_is_reported(void **state)
{
    struct fixture *f = *state;
    int64_t began = sl__sys_now();

    start(f);
    while (f->reports == 0 && sl__sys_now() < began + 10 * SL__SEC) {
        write_file(f, "a.c", "x");
        sl__loop_once(&f->loop, 1);
    }
    assert_int_equal(f->reports, 1);
    assert_true(sl__sys_now() - began >= 290 * SL__MS);
}

/* More and more files are one burst, however long it takes to write them. The first may be told of
 * by themselves, and where the machine interrupted us one may be two. */
static void test_a_burst_that_grows_is_one(void **state)
{
    struct fixture *f = *state;
    int64_t began = sl__sys_now(), last = began;
    unsigned interrupted = 0, written = 0, early = 0;
    char name[32];

    start(f);
    while (last < began + 700 * SL__MS) {
        int64_t now;

        snprintf(name, sizeof name, "f%u.c", written++);
        write_file(f, name, "x");
        sl__loop_once(&f->loop, 1);
        now = sl__sys_now();
        interrupted += now - last > 4 * SL__MS; /* a burst of few files has ended then */
        if (written == 12)
            early = f->reports;
        last = now;
    }
    while (f->files < written && sl__sys_now() < last + 10 * SL__SEC)
        sl__loop_once(&f->loop, 100);
    assert_int_equal(f->files, written);
    assert_in_range(f->reports, early + 1, early + 1 + interrupted);
}

static void test_save_by_rename(void **state)
{
    struct fixture *f = *state;

    write_file(f, "a.c", "one");
    start(f);
    /* vim: a probe, a swap file, the old one aside, the new one written, the old one removed */
    shell(f,
          "touch 4913 && rm 4913 && touch .a.c.swp && mv a.c a.c~ && echo two >a.c && rm a.c~ && "
          "rm .a.c.swp");
    expect_report(f);
    assert_string_equal(f->name, "a.c");
    assert_int_equal(f->files, 1);
    /* others: a temporary file of any name, moved over the old one */
    shell(f, "echo three >XyZ123 && mv XyZ123 a.c");
    expect_report(f);
    assert_string_equal(f->name, "a.c");
    assert_int_equal(f->files, 2);
}

static void test_temporary_files_never_happened(void **state)
{
    struct fixture *f = *state;

    start(f);
    shell(f, "echo x >scratch && rm scratch");
    expect_silence(f);
}

static void test_deleted_and_moved_away(void **state)
{
    struct fixture *f = *state;

    write_file(f, "a.c", "one");
    make_folder(f, "sub");
    write_file(f, "sub/b.c", "one");
    start(f);
    assert_int_equal(unlink(at(f, "a.c")), 0);
    expect_report(f);
    assert_string_equal(f->name, "a.c");
    shell(f, "mv sub .hidden");
    expect_report(f);
    assert_string_equal(f->name, "sub");
    write_file(f, ".hidden/b.c", "two"); /* its watch has been taken off */
    expect_silence(f);
    shell(f, "mv .hidden other");
    expect_report(f);
    assert_string_equal(f->name, "other/b.c");
    write_file(f, "other/b.c", "three");
    expect_report(f);
    assert_string_equal(f->name, "other/b.c");
}

static void test_folders_made_later(void **state)
{
    struct fixture *f = *state;

    start(f);
    shell(f, "mkdir -p a/b/c/d && echo x >a/b/c/d/deep.c"); /* written before a watch can stand */
    expect_report(f);
    assert_string_equal(f->name, "a/b/c/d/deep.c");
    write_file(f, "a/b/later.c", "x");
    expect_report(f);
    assert_string_equal(f->name, "a/b/later.c");
    make_folder(f, "empty");
    expect_silence(f);
}

static void test_links(void **state)
{
    struct fixture *f = *state;

    write_file(f, "a.c", "x");
    start(f);
    assert_int_equal(symlink("a.c", at(f, "soft.c")), 0);
    expect_report(f);
    assert_string_equal(f->name, "soft.c");
    assert_int_equal(link(at(f, "a.c"), at(f, "hard.c")), 0);
    expect_report(f);
    assert_string_equal(f->name, "hard.c");
}

static void test_outputs_do_not_count(void **state)
{
    struct fixture *f = *state;

    make_folder(f, "build");
    make_folder(f, ".git");
    make_folder(f, "weird");
    write_file(f, "weird/CMakeCache.txt", "");
    make_folder(f, "weird/deeper");
    start(f);
    write_file(f, "build/gen.c", "x");
    write_file(f, ".git/index", "x");
    write_file(f, "weird/gen.c", "x");
    write_file(f, "weird/deeper/gen.c", "x");
    write_file(f, "a.o", "x");
    write_file(f, "libx.so.1", "x");
    write_file(f, ".hidden.c", "x");
    expect_silence(f);
    make_folder(f, "node_modules");
    write_file(f, "node_modules/x.js", "x");
    make_folder(f, "made"); /* shows only later that it is a build folder */
    expect_silence(f);
    write_file(f, "made/build.ninja", "x");
    write_file(f, "made/gen.c", "x");
    expect_silence(f);
}

static void test_ignore_callback(void **state)
{
    struct fixture *f = *state;

    f->ignored = "sub/prog";
    make_folder(f, "sub");
    start(f);
    write_file(f, "sub/prog", "x");
    expect_silence(f);
}

static void test_freed_in_its_callback(void **state)
{
    struct fixture *f = *state;

    start(f);
    f->free_in_callback = true;
    write_file(f, "a.c", "x");
    expect_report(f);
    assert_null(f->tree);
}

/* The queue of the kernel is made to overflow by filling it while nobody reads. */
static void test_overflow_is_one_change(void **state)
{
    struct fixture *f = *state;
    FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    unsigned events = 16384;

    if (limit) {
        if (fscanf(limit, "%u", &events) != 1)
            events = 16384;
        fclose(limit);
    }
    if (events > 200000)
        skip();
    write_file(f, "a.c", "x");
    write_file(f, "b.c", "x");
    start(f);
    for (unsigned i = 0; i <= events; i++) { /* equal neighbours would be merged */
        int fd = open(at(f, i % 2 ? "a.c" : "b.c"), O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        close(fd);
    }
    make_folder(f, "lost"); /* its event is among the lost */
    expect_report(f);
    expect_silence(f);
    write_file(f, "lost/x.c", "x");
    expect_report(f);
    assert_string_equal(f->name, "lost/x.c");
}

static void test_no_such_folder(void **state)
{
    struct fixture *f = *state;
    const struct sl__tree_events events = {.changed = changed, .self = f};
    char error[512] = "";

    assert_null(sl__tree_watch(&f->loop, "/nonexistent/x", &events, error, sizeof error));
    assert_string_equal(error, "cannot watch /nonexistent/x: No such file or directory");
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        bool folder, ignored;
    } cases[] = {
        {"main.c", false, false},    {"page.html", false, false},
        {"Makefile", false, false},  {"main.o", false, true},
        {"lib.a", false, true},      {"lib.so", false, true},
        {"lib.so.0.1", false, true}, {"main.d", false, true},
        {"main.c~", false, true},    {".#main.c", false, true},
        {"#main.c#", false, true},   {"main.c.swp", false, true},
        {"4913", false, true},       {".env", false, true},
        {"server.log", false, true}, {"data.sqlite3-wal", false, true},
        {"core", false, true},       {"core.4242", false, true},
        {"core.c", false, false},    {"build", false, false},
        {"build", true, true},       {"build-debug", true, true},
        {"builders", true, false},   {"cmake-build-debug", true, true},
        {"_build", true, true},      {"target", true, true},
        {"dist", true, true},        {"out", true, true},
        {"outer", true, false},      {".git", true, true},
        {"src", true, false},        {"conf.d", true, false},
        {"prog", false, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (sl__tree_ignores(cases[i].name, cases[i].folder) != cases[i].ignored)
            fail_msg("%s", cases[i].name);
}

static void test_products(void **state)
{
    struct fixture *f = *state;

    write_file(f, "text", "int main;");
    write_file(f, "lib", "!<arch>\nxx");
    shell(f, "cp /proc/self/exe prog");
    assert_false(sl__tree_is_product(f->root, "text"));
    assert_false(sl__tree_is_product(f->root, "missing"));
    assert_true(sl__tree_is_product(f->root, "lib"));
    assert_true(sl__tree_is_product(f->root, "prog"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_write_is_a_change),
        TEST(test_a_burst_is_one_change),
        TEST(test_endless_writing_is_reported),
        TEST(test_a_burst_that_grows_is_one),
        TEST(test_save_by_rename),
        TEST(test_temporary_files_never_happened),
        TEST(test_deleted_and_moved_away),
        TEST(test_folders_made_later),
        TEST(test_links),
        TEST(test_outputs_do_not_count),
        TEST(test_ignore_callback),
        TEST(test_freed_in_its_callback),
        TEST(test_overflow_is_one_change),
        TEST(test_no_such_folder),
        TEST(test_names),
        TEST(test_products),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
