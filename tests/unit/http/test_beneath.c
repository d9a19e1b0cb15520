/* Files beneath a folder: by the kernel, name by name where it cannot, and nothing outside by
 * either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "http/beneath.h"

static char place[] = "/tmp/shallot-beneath-XXXXXX";
static struct sl__beneath b;

static const char *in(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *to = path[turn++ % 4];

    snprintf(to, sizeof path[0], "%s/%s", place, name);
    return to;
}

static void put(const char *name)
{
    int fd = open(in(name), O_WRONLY | O_CREAT, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, name, strlen(name)), (ssize_t)strlen(name));
    close(fd);
}

/* The text of the file that is opened, its name beneath the place; NULL with the error in *ret. */
static const char *read_of(const char *path, int *ret)
{
    static char text[256];
    int fd = sl__beneath_open(&b, path, O_RDONLY);
    ssize_t n;

    *ret = fd;
    if (fd < 0)
        return NULL;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static int begin(void **state)
{
    assert_non_null(mkdtemp(place));
    mkdir(in("root"), 0700);
    mkdir(in("root/sub"), 0700);
    mkdir(in("root/sub/deep"), 0700);
    mkdir(in("other"), 0700);
    put("root/a");
    put("root/..b");
    put("root/sub/c");
    put("root/sub/deep/d");
    put("other/secret");
    assert_int_equal(symlink("a", in("root/link")), 0);
    assert_int_equal(symlink("sub/deep", in("root/linkdir")), 0);
    assert_int_equal(symlink("../../a", in("root/sub/deep/up")), 0);
    assert_int_equal(symlink("../../../other/secret", in("root/sub/deep/out")), 0);
    assert_int_equal(symlink("../other", in("root/outdir")), 0);
    assert_int_equal(symlink(in("root/a"), in("root/absolute")), 0);
    assert_int_equal(symlink("/etc/passwd", in("root/passwd")), 0);
    assert_int_equal(symlink("loop", in("root/loop")), 0);
    assert_int_equal(symlink("/proc/self/root", in("root/magic")), 0);
    return 0;
}

static int end(void **state)
{
    char command[300];

    snprintf(command, sizeof command, "rm -rf %s", place);
    return system(command);
}

static const struct {
    const char *path, *text; /* NULL: not opened */
    bool link;               /* some part of it is one */
} cases[] = {
    {"a", "root/a", false},
    {"..b", "root/..b", false},
    {"sub/c", "root/sub/c", false},
    {"sub/deep/d", "root/sub/deep/d", false},
    {"link", "root/a", true},
    {"linkdir/d", "root/sub/deep/d", true},
    {"sub/deep/up", "root/a", true},
    {"linkdir/up", "root/a", true},
    {"sub/deep/out", NULL, true},
    {"outdir/secret", NULL, true},
    {"absolute", NULL, true},
    {"passwd", NULL, true},
    {"loop", NULL, true},
    {"magic/etc/passwd", NULL, true},
    {"missing", NULL, false},
    {"a/b", NULL, false},
    {"", NULL, false},
    {"/", NULL, false},
    {"/a", NULL, false},
    {"/etc/passwd", NULL, false},
    {"a/", NULL, false},
    {"sub//c", NULL, false},
    {"./a", NULL, false},
    {"sub/./c", NULL, false},
    {"sub/../a", NULL, false},
    {"..", NULL, false},
    {"../other/secret", NULL, false},
    {"sub/../../other/secret", NULL, false},
    {"sub/..", NULL, false},
    {".", NULL, false},
};

static void expect(bool links)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].link && !links ? NULL : cases[i].text;
        int r;
        const char *got = read_of(cases[i].path, &r);

        if ((got == NULL) != (text == NULL))
            print_error("%s: %s, %d\n", cases[i].path, got ? got : "nothing", r);
        if (text) {
            assert_non_null(got);
            assert_string_equal(got, text);
        } else {
            assert_null(got);
        }
    }
}

static int root(void)
{
    int fd = open(in("root"), O_PATH | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void links_that_stay(void **state)
{
    int dir = root();

    sl__beneath_init(&b, dir, true);
    if (b.steps)
        print_message("no openat2 here\n");
    expect(!b.steps);
    close(dir);
}

static void no_links(void **state)
{
    int dir = root();

    sl__beneath_init(&b, dir, false);
    expect(false);
    close(dir);
}

static ssize_t refused;

static ssize_t fault(enum sl__sys_call call)
{
    return call == SL__SYS_OPENAT2 ? refused : 0;
}

static void without_the_kernel(void **state)
{
    static const int errors[] = {-ENOSYS, -EPERM};

    for (size_t i = 0; i < 2; i++) {
        int dir = root();
        char path[600];

        refused = errors[i];
        sl__sys_fault = fault;
        sl__beneath_init(&b, dir, true);
        assert_true(b.steps);
        expect(false);
        memset(path, 'x', sizeof path);
        path[300] = '/';
        path[599] = '\0';
        assert_int_equal(sl__beneath_open(&b, path, O_RDONLY), -ENAMETOOLONG);
        sl__sys_fault = NULL;
        close(dir);
    }
}

static int again; /* how often the kernel cannot tell */

static ssize_t uncertain(enum sl__sys_call call)
{
    return call == SL__SYS_OPENAT2 && again-- > 0 ? -EAGAIN : 0;
}

static void renaming_all_the_time(void **state)
{
    int dir = root(), r;

    sl__beneath_init(&b, dir, true);
    if (!b.steps) {
        sl__sys_fault = uncertain;
        again = 5;
        assert_non_null(read_of("a", &r));
        again = 1000;
        assert_null(read_of("a", &r));
        assert_int_equal(r, -EAGAIN);
        assert_true(again > 900);
        sl__sys_fault = NULL;
    }
    close(dir);
}

static void plain_names(void **state)
{
    static const struct {
        const char *path;
        bool plain, without_dots;
    } table[] = {
        {"a", true, true},          {"a/b/c.d", true, true},
        {"a.b/c.", true, true},     {".a", true, false},
        {"a/.b", true, false},      {"...", true, false},
        {"..a", true, false},       {".well-known/x", true, false},
        {"a/..b/c", true, false},   {"", false, false},
        {"/", false, false},        {"/a", false, false},
        {"a/", false, false},       {"a//b", false, false},
        {".", false, false},        {"..", false, false},
        {"./a", false, false},      {"../a", false, false},
        {"a/.", false, false},      {"a/..", false, false},
        {"a/./b", false, false},    {"a/../b", false, false},
        {"\\..\\a", true, true},    {"..\\a", true, false},
        {"a%2F..%2Fb", true, true},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_int_equal(sl__beneath_plain(table[i].path, true), table[i].plain);
        assert_int_equal(sl__beneath_plain(table[i].path, false), table[i].without_dots);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_that_stay),    cmocka_unit_test(no_links),
        cmocka_unit_test(without_the_kernel), cmocka_unit_test(renaming_all_the_time),
        cmocka_unit_test(plain_names),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
