/* Files held in memory: found, compared with the disk, dropped, and never more than there is room
 * for. The wall clock is ours, so that a file just made can be as old as a test wants it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "http/file_cache.h"

#define CAPACITY ((size_t)262144)

static char folder[] = "/tmp/shallot-files-XXXXXX";
static struct sl__file_cache cache;
static int64_t tick;
static int64_t age;   /* of what is changed now, in seconds */
static int64_t fixed; /* the time that the clock shows; 0: the right one and age */
static struct sl__found found;

static int64_t wall(void)
{
    return fixed ? fixed : time(NULL) + age;
}

static const char *path_of(const char *name)
{
    static char path[4][128];
    static unsigned turn;
    char *to = path[turn++ % 4];

    snprintf(to, sizeof path[0], "%s/%s", folder, name);
    return to;
}

static void put_bytes(const char *name, const char *bytes, size_t len, int flags)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | flags, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void put(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text), O_TRUNC);
}

static void put_size(const char *name, size_t len)
{
    char *bytes = calloc(1, len + 1);

    put_bytes(name, bytes, len, O_TRUNC);
    free(bytes);
}

/* In a tick of its own. The file found is the test's to let go. */
static int find(const char *name)
{
    return sl__file_cache_find(&cache, path_of(name), ++tick, &found);
}

static bool is_held(const char *name)
{
    return sl__map_get(&cache.map, sl__str_of(path_of(name))) != NULL;
}

static void expect(const char *name, const char *text)
{
    assert_int_equal(find(name), 0);
    assert_non_null(found.file);
    assert_int_equal(found.fd, -1);
    assert_int_equal(found.len, (int64_t)strlen(text));
    assert_string_equal(found.file->bytes.ptr, text);
    sl__file_let_go(found.file);
}

static int begin(void **state)
{
    age = 60;
    fixed = 0;
    sl__sys_wall_fn = wall;
    sl__file_cache_init(&cache, CAPACITY);
    return 0;
}

static int end(void **state)
{
    char command[128];

    sl__sys_wall_fn = NULL;
    sl__mem_fault = NULL;
    sl__sys_fault = NULL;
    sl__file_cache_finish(&cache);
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    return system(command);
}

static void what_has_not_changed_is_read_once(void **state)
{
    struct sl__file *first;

    put("a", "alpha");
    expect("a", "alpha");
    assert_true(is_held("a"));
    assert_int_equal(find("a"), 0);
    first = found.file;
    assert_int_equal(find("a"), 0);
    assert_ptr_equal(found.file, first);
    assert_int_equal(first->holders, 3);
    sl__file_let_go(first);
    sl__file_let_go(first);
    put("empty", "");
    expect("empty", "");
    expect("empty", "");
}

static void what_changed_just_now_is_not_kept(void **state)
{
    put("a", "alpha");
    for (age = -5; age <= 2; age++) { /* also by a clock that was put back */
        expect("a", "alpha");
        assert_false(is_held("a"));
        put("a", "gamma");
        expect("a", "gamma");
        put("a", "alpha");
    }
    age = 60;
    expect("a", "alpha");
    assert_true(is_held("a"));
}

static void a_file_put_in_its_place_is_seen(void **state)
{
    put("a", "alpha");
    expect("a", "alpha");
    put("b", "betas");
    assert_int_equal(rename(path_of("b"), path_of("a")), 0);
    tick--; /* the same tick again: the look still holds */
    expect("a", "alpha");
    expect("a", "betas");
    expect("a", "betas");
    assert_int_equal(symlink(path_of("a"), path_of("link")), 0);
    expect("link", "betas");
    put("c", "gamma");
    unlink(path_of("link"));
    assert_int_equal(symlink(path_of("c"), path_of("link")), 0);
    expect("link", "gamma");
}

/* Same size, and the time of modification put back: the time of change tells. */
static void a_file_rewritten_in_its_place_is_seen(void **state)
{
    struct stat before, after;
    struct timespec times[2];

    put("a", "alpha");
    expect("a", "alpha");
    assert_int_equal(stat(path_of("a"), &before), 0);
    times[0] = before.st_atim;
    times[1] = before.st_mtim;
    do { /* until the clock of the file system has moved on */
        put_bytes("a", "gamma", 5, 0);
        assert_int_equal(utimensat(AT_FDCWD, path_of("a"), times, 0), 0);
        assert_int_equal(stat(path_of("a"), &after), 0);
    } while (after.st_ctim.tv_nsec == before.st_ctim.tv_nsec &&
             after.st_ctim.tv_sec == before.st_ctim.tv_sec);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    expect("a", "gamma");
}

static void a_file_that_became_shorter_or_longer_is_seen(void **state)
{
    put("a", "alpha");
    expect("a", "alpha");
    assert_int_equal(truncate(path_of("a"), 2), 0);
    expect("a", "al");
    put_bytes("a", "ert", 3, O_APPEND);
    expect("a", "alert");
    assert_int_equal(truncate(path_of("a"), 0), 0);
    expect("a", "");
}

static void everything_is_read_anew_after_a_minute(void **state)
{
    struct sl__file *first;

    put("a", "alpha");
    assert_int_equal(find("a"), 0);
    first = found.file;
    tick += 59 * SL__SEC;
    assert_int_equal(find("a"), 0);
    assert_ptr_equal(found.file, first);
    sl__file_let_go(found.file);
    tick += SL__SEC;
    assert_int_equal(find("a"), 0);
    assert_ptr_not_equal(found.file, first);
    sl__file_let_go(found.file);
    sl__file_let_go(first);
}

static void what_is_no_regular_file_is_refused(void **state)
{
    put("a", "alpha");
    expect("a", "alpha");
    unlink(path_of("a"));
    assert_int_equal(find("a"), -ENOENT);
    assert_false(is_held("a"));
    assert_int_equal(mkdir(path_of("a"), 0700), 0);
    assert_int_equal(find("a"), -EISDIR);
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_int_equal(find("fifo"), -EISDIR);
    assert_int_equal(sl__file_cache_find(&cache, "/dev/null", ++tick, &found), -EISDIR);
    assert_int_equal(sl__file_cache_find(&cache, "", ++tick, &found), -ENOENT);
}

static ssize_t no_open(enum sl__sys_call call)
{
    return call == SL__SYS_OPEN ? -EACCES : 0;
}

static void failures_of_open_are_told(void **state)
{
    put("a", "alpha");
    sl__sys_fault = no_open;
    assert_int_equal(find("a"), -EACCES);
    sl__sys_fault = NULL;
    expect("a", "alpha");
}

/* Files of the kernel say a length that they do not have. */
static void what_is_read_counts_not_what_was_said(void **state)
{
    static const char *const path = "/sys/kernel/mm/transparent_hugepage/enabled";

    if (access(path, R_OK) < 0)
        skip();
    assert_int_equal(sl__file_cache_find(&cache, path, ++tick, &found), 0);
    assert_non_null(found.file);
    assert_true(found.len > 0 && found.len < 4096);
    assert_int_equal(cache.bytes, 0);
    sl__file_let_go(found.file);
}

static void large_files_are_given_open(void **state)
{
    put_size("small", SL__FILE_SMALL);
    assert_int_equal(find("small"), 0);
    assert_non_null(found.file);
    assert_int_equal(found.len, SL__FILE_SMALL);
    sl__file_let_go(found.file);
    put_size("large", SL__FILE_SMALL + 1);
    assert_int_equal(find("large"), 0);
    assert_null(found.file);
    assert_true(found.fd >= 0);
    assert_int_equal(found.len, SL__FILE_SMALL + 1);
    assert_int_equal(found.stamp.etag[0], '"');
    assert_int_equal(strlen(found.stamp.modified), SL__HTTP_DATE_LEN);
    close(found.fd);
    put_size("small", SL__FILE_SMALL + 1); /* a small one that grew is let go */
    assert_int_equal(find("small"), 0);
    assert_true(found.fd >= 0);
    close(found.fd);
    assert_int_equal(cache.bytes, 0);
}

static void the_cache_is_bounded_and_keeps_what_is_used(void **state)
{
    char name[16];

    put("used", "alpha");
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "%d", i);
        put_size(name, 10000);
        expect("used", "alpha");
        assert_int_equal(find(name), 0);
        sl__file_let_go(found.file);
        assert_true(is_held(name) && is_held("used"));
        assert_true(cache.bytes <= CAPACITY);
    }
    assert_false(is_held("0"));
    assert_true(cache.bytes > CAPACITY / 2);
    for (int i = 0; i < 2000; i++) { /* empty files take room too */
        snprintf(name, sizeof name, "e%d", i);
        put(name, "");
        expect(name, "");
        assert_true(cache.bytes <= CAPACITY);
    }
    assert_true(cache.map.used < 1500);
}

static void one_file_gets_a_share_only(void **state)
{
    sl__file_cache_finish(&cache);
    sl__file_cache_init(&cache, 65536);
    put_size("a", 7000);
    put_size("b", 9000);
    assert_int_equal(find("a"), 0);
    sl__file_let_go(found.file);
    assert_int_equal(find("b"), 0);
    sl__file_let_go(found.file);
    assert_true(is_held("a"));
    assert_false(is_held("b"));
    sl__file_cache_finish(&cache);
    sl__file_cache_init(&cache, 1);
    assert_int_equal(find("a"), 0);
    assert_int_equal(found.len, 7000);
    sl__file_let_go(found.file);
    assert_int_equal(cache.bytes, 0);
}

static void who_has_a_file_keeps_it(void **state)
{
    struct sl__file *evicted, *last;
    char name[16];

    put("a", "alpha");
    assert_int_equal(find("a"), 0);
    evicted = found.file;
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "%d", i);
        put_size(name, 10000);
        assert_int_equal(find(name), 0);
        if (i < 99)
            sl__file_let_go(found.file);
    }
    last = found.file;
    assert_false(is_held("a"));
    assert_int_equal(evicted->holders, 1);
    assert_string_equal(evicted->bytes.ptr, "alpha");
    sl__file_let_go(evicted);
    sl__file_cache_finish(&cache);
    assert_int_equal(last->bytes.len, 10000);
    sl__file_let_go(last);
}

static void a_response_borrows_the_bytes(void **state)
{
    struct sl__response r;
    struct sl__file *file;

    put("a", "alpha");
    sl__response_init(&r);
    assert_int_equal(find("a"), 0);
    file = found.file;
    sl__file_lend(file, &r);
    assert_int_equal(sl__response_length(&r), 5);
    assert_ptr_equal(r.stamp, &file->stamp);
    assert_int_equal(file->holders, 2);
    sl__response_set_bytes(&r, SL__STR("other"));
    assert_int_equal(file->holders, 1);
    assert_int_equal(find("a"), 0);
    sl__file_lend(found.file, &r);
    sl__response_clear(&r);
    assert_int_equal(file->holders, 1);
}

static void the_stamp_follows_the_version(void **state)
{
    struct timespec times[2] = {{.tv_sec = 784111777}, {.tv_sec = 784111777, .tv_nsec = 255}};
    char etag[sizeof found.stamp.etag];

    put("a", "alpha");
    assert_int_equal(utimensat(AT_FDCWD, path_of("a"), times, 0), 0);
    assert_int_equal(find("a"), 0);
    assert_string_equal(found.file->stamp.modified, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_string_equal(found.file->stamp.etag, "\"ae1b981bc490aff-5\"");
    memcpy(etag, found.file->stamp.etag, sizeof etag);
    sl__file_let_go(found.file);
    put("a", "gamma");
    assert_int_equal(find("a"), 0);
    assert_string_not_equal(found.file->stamp.etag, etag);
    sl__file_let_go(found.file);
    fixed = 784111778; /* what comes from the future is said to be of now (RFC 9110 §8.8.2.1) */
    assert_int_equal(find("a"), 0);
    sl__file_let_go(found.file);
    put("a", "delta");
    assert_int_equal(find("a"), 0);
    assert_string_equal(found.file->stamp.modified, "Sun, 06 Nov 1994 08:49:38 GMT");
    sl__file_let_go(found.file);
}

static long left; /* allocations until one fails */
static bool failed;

static bool fault(size_t size)
{
    if (left-- > 0)
        return false;
    failed = true;
    return left == -1;
}

/* Without memory a file is given open, or is not kept; the next look finds everything well. */
static void the_nth_allocation_fails(void **state)
{
    char text[8];

    put("a", "alpha");
    failed = true;
    for (long n = 0; failed; n++) {
        sl__file_cache_finish(&cache);
        sl__file_cache_init(&cache, CAPACITY);
        left = n;
        failed = false;
        sl__mem_fault = fault;
        assert_int_equal(find("a"), 0);
        sl__mem_fault = NULL;
        assert_int_equal(found.len, 5);
        if (found.file) {
            assert_string_equal(found.file->bytes.ptr, "alpha");
            sl__file_let_go(found.file);
        } else {
            assert_int_equal(read(found.fd, text, sizeof text), 5);
            assert_memory_equal(text, "alpha", 5);
            close(found.fd);
        }
        assert_int_equal(is_held("a"), !failed);
        expect("a", "alpha");
        assert_true(is_held("a"));
        assert_true(n < 10);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_has_not_changed_is_read_once),
        TEST(what_changed_just_now_is_not_kept),
        TEST(a_file_put_in_its_place_is_seen),
        TEST(a_file_rewritten_in_its_place_is_seen),
        TEST(a_file_that_became_shorter_or_longer_is_seen),
        TEST(everything_is_read_anew_after_a_minute),
        TEST(what_is_no_regular_file_is_refused),
        TEST(failures_of_open_are_told),
        TEST(what_is_read_counts_not_what_was_said),
        TEST(large_files_are_given_open),
        TEST(the_cache_is_bounded_and_keeps_what_is_used),
        TEST(one_file_gets_a_share_only),
        TEST(who_has_a_file_keeps_it),
        TEST(a_response_borrows_the_bytes),
        TEST(the_stamp_follows_the_version),
        TEST(the_nth_allocation_fails),
    };
    int r;

    if (!mkdtemp(folder))
        return 1;
    r = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return r;
}
