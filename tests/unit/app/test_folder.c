/* Folders whose files clients may name: what is there for them, compressed siblings, what is kept
 * in memory, and a folder that is replaced by another. */
#include "memory_exchange.h"
#include "starving.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"

static char place[] = "/tmp/shallot-folder-XXXXXX";
static sl_folder *folder;
static int64_t age, tick;
static int result;
static unsigned opened; /* system calls that open */

static int64_t wall(void)
{
    return time(NULL) + age;
}

static int64_t clock_of_loop(void)
{
    return tick;
}

static ssize_t count(enum sl__sys_call call)
{
    opened += call == SL__SYS_OPENAT2;
    return 0;
}

static const char *in(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *to = path[turn++ % 4];

    snprintf(to, sizeof path[0], "%s/%s", place, name);
    return to;
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(in(name), "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int answer(sl_ctx *c)
{
    result = sl_folder_file(c, folder, sl_query(c, "f"));
    return result;
}

static int begin(void **state)
{
    assert_non_null(mkdtemp(place));
    mkdir(in("a"), 0700);
    mkdir(in("a/sub"), 0700);
    put("secret", "secret");
    put("a/page.html", "page");
    put("a/.hidden", "hidden");
    put("a/sub/x", "x");
    assert_int_equal(symlink("page.html", in("a/link")), 0);
    assert_int_equal(symlink("../secret", in("a/out")), 0);
    assert_int_equal(mkfifo(in("a/fifo"), 0600), 0);
    sl__sys_wall_fn = wall;
    sl__sys_clock_fn = clock_of_loop;
    return 0;
}

static int end(void **state)
{
    char command[300];

    sl__sys_wall_fn = NULL;
    sl__sys_clock_fn = NULL;
    snprintf(command, sizeof command, "rm -rf %s", place);
    return system(command);
}

static sl_app *prepare(void)
{
    sl_app *app = sl_new();

    memory_log_start();
    age = 60;
    tick += SL__SEC;
    sl_use(app, answer);
    return app;
}

static void finish(sl_app *app)
{
    sl_folder_close(folder);
    folder = NULL;
    sl_free(app);
}

/* In a tick of its own. */
static void ask(struct memory *m, sl_app *app, const char *name, const char *fields)
{
    char text[1024];

    tick += 1000;
    snprintf(text, sizeof text, "GET /?f=%s HTTP/1.1\r\nHost: a\r\n%s\r\n", name, fields);
    memory_request(m, app, text);
}

static void expect(sl_app *app, const char *name, int wanted, const char *body)
{
    struct memory m;

    ask(&m, app, name, "");
    if (result != wanted)
        print_error("%s: %d\n", name, result);
    assert_int_equal(result, wanted);
    if (body)
        assert_string_equal(memory_body(&m), body);
    memory_finish(&m);
}

static void what_is_there(void **state)
{
    static const struct {
        const char *name;
        int plain, with_dots, without_links;
        const char *body;
    } table[] = {
        {"page.html", 0, 0, 0, "page"},
        {"sub/x", 0, 0, 0, "x"},
        {".hidden", -ENOENT, 0, -ENOENT, NULL},
        {"link", 0, 0, -ENOENT, "page"},
        {"out", -ENOENT, -ENOENT, -ENOENT, NULL},
        {"sub", -EISDIR, -EISDIR, -EISDIR, NULL},
        {"fifo", -EISDIR, -EISDIR, -EISDIR, NULL},
        {"missing", -ENOENT, -ENOENT, -ENOENT, NULL},
        {"page.html/x", -ENOENT, -ENOENT, -ENOENT, NULL},
        {"sub/", -ENOENT, -ENOENT, -ENOENT, NULL},
        {"/page.html", -ENOENT, -ENOENT, -ENOENT, NULL},
        {"", -ENOENT, -ENOENT, -ENOENT, NULL},
        {"../secret", -ENOENT, -ENOENT, -ENOENT, NULL},
        {"sub/../page.html", -ENOENT, -ENOENT, -ENOENT, NULL},
        {"./page.html", -ENOENT, -ENOENT, -ENOENT, NULL},
    };

    for (int way = 0; way < 3; way++) {
        sl_app *app = prepare();

        folder = sl_folder_open(in("a"), .dotfiles = way == 1, .no_links = way == 2);
        assert_non_null(folder);
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
            int wanted = way == 0   ? table[i].plain
                         : way == 1 ? table[i].with_dots
                                    : table[i].without_links;

            expect(app, table[i].name, wanted, wanted == 0 ? table[i].body : NULL);
            expect(app, table[i].name, wanted, wanted == 0 ? table[i].body : NULL);
        }
        finish(app);
    }
}

static void no_folder(void **state)
{
    memory_log_start();
    assert_null(sl_folder_open(in("nothing")));
    assert_null(sl_folder_open(in("secret")));
    assert_null(sl_folder_open(NULL));
    assert_int_equal(memory_log_lines, 3);
    assert_non_null(strstr(memory_log, "No such file or directory"));
    sl_folder_close(NULL);
}

/* Sends @p wanted of page.css to a client that accepts @p accepted. */
static void sibling(sl_app *app, const char *accepted, const char *wanted, bool vary)
{
    struct memory m;
    char field[128] = "", line[64];

    if (accepted)
        snprintf(field, sizeof field, "Accept-Encoding: %s\r\n", accepted);
    ask(&m, app, "page.css", field);
    assert_int_equal(m.status, 200);
    assert_string_equal(memory_body(&m), wanted);
    assert_true(memory_has_header(&m, "Content-Type: text/css; charset=utf-8"));
    assert_int_equal(strstr(m.headers, "Vary: Accept-Encoding\n") != NULL, vary);
    if (strcmp(wanted, "page") == 0) {
        assert_null(strstr(m.headers, "Content-Encoding"));
    } else {
        snprintf(line, sizeof line, "Content-Encoding: %s", wanted);
        assert_true(memory_has_header(&m, line));
    }
    memory_finish(&m);
}

static void siblings(void **state)
{
    struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    sl_app *app = prepare();

    put("a/page.css", "page");
    folder = sl_folder_open(in("a"));
    sibling(app, "br, gzip", "page", false);
    put("a/page.css.gz", "gzip");
    sibling(app, "br, gzip", "page", false); /* noticed within a second */
    tick += SL__SEC;
    sibling(app, "br, gzip", "gzip", true);
    sibling(app, NULL, "page", true);
    sibling(app, "br, gzip;q=0", "page", true);
    put("a/page.css.br", "br");
    put("a/page.css.zst", "zstd");
    tick += SL__SEC;
    sibling(app, "gzip, br, zstd", "br", true);
    sibling(app, "gzip, br;q=0.5, zstd;q=0.9", "gzip", true);
    sibling(app, "zstd", "zstd", true);
    sibling(app, "*", "br", true);
    sibling(app, "deflate", "page", true);
    unlink(in("a/page.css.br"));
    sibling(app, "gzip, br, zstd", "page", true); /* gone just now */
    tick += SL__SEC;
    sibling(app, "gzip, br, zstd", "zstd", true);
    /* one that is older than its file is of another version */
    utimensat(AT_FDCWD, in("a/page.css.zst"), old, 0);
    tick += SL__SEC;
    sibling(app, "gzip, zstd", "gzip", true);
    finish(app);
    app = prepare();
    folder = sl_folder_open(in("a"), .no_siblings = true);
    sibling(app, "gzip", "page", false);
    finish(app);
}

static const char *etag_of(sl_app *app, const char *name, const char *fields)
{
    static char etag[4][64];
    static unsigned turn;
    char *to = etag[turn++ % 4];
    struct memory m;
    const char *at;

    ask(&m, app, name, fields);
    at = strstr(m.headers, "ETag: ");
    assert_non_null(at);
    snprintf(to, sizeof etag[0], "%.*s", (int)strcspn(at + 6, "\n"), at + 6);
    memory_finish(&m);
    return to;
}

/* Of the same length and time as its file: the entity tags differ all the same. */
static void siblings_are_other_representations(void **state)
{
    static const char gzip[] = "Accept-Encoding: gzip\r\n";
    struct timespec then[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    sl_app *app = prepare();
    char fields[256], plain[64];
    struct memory m;

    put("a/same.css", "same");
    put("a/same.css.gz", "gzip");
    utimensat(AT_FDCWD, in("a/same.css"), then, 0);
    utimensat(AT_FDCWD, in("a/same.css.gz"), then, 0);
    folder = sl_folder_open(in("a"));
    strcpy(plain, etag_of(app, "same.css", ""));
    assert_string_not_equal(plain, etag_of(app, "same.css", gzip));
    snprintf(fields, sizeof fields, "%sIf-None-Match: %s\r\n", gzip,
             etag_of(app, "same.css", gzip));
    ask(&m, app, "same.css", fields);
    assert_int_equal(m.status, 304);
    assert_true(memory_has_header(&m, "Vary: Accept-Encoding"));
    assert_null(strstr(m.headers, "Content-Encoding"));
    memory_finish(&m);
    snprintf(fields, sizeof fields, "%sIf-None-Match: %s\r\n", gzip, plain);
    ask(&m, app, "same.css", fields);
    assert_int_equal(m.status, 200);
    memory_finish(&m);
    snprintf(fields, sizeof fields, "%sRange: bytes=1-2\r\n", gzip);
    ask(&m, app, "same.css", fields);
    assert_int_equal(m.status, 206); /* of what is sent, not of what is in it (RFC 9110 §14) */
    assert_string_equal(memory_body(&m), "zi");
    memory_finish(&m);
    finish(app);
}

static void large_files_have_siblings_too(void **state)
{
    static char text[40001];
    sl_app *app = prepare();
    struct memory m;

    memset(text, 'x', sizeof text - 1);
    put("a/large.css", text);
    put("a/large.css.gz", "gzip");
    folder = sl_folder_open(in("a"));
    ask(&m, app, "large.css", "Accept-Encoding: gzip\r\n");
    assert_string_equal(memory_body(&m), "gzip");
    memory_finish(&m);
    expect(app, "large.css", 0, text);
    finish(app);
}

static void few_calls(void **state)
{
    sl_app *app = prepare();

    folder = sl_folder_open(in("a"));
    expect(app, "page.html", 0, "page");
    sl__sys_fault = count;
    opened = 0;
    expect(app, "page.html", 0, "page");
    assert_in_range(opened, 0, 1); /* one look in a new tick */
    opened = 0;
    for (int i = 0; i < 10; i++) {
        tick -= 1000; /* the same tick again */
        expect(app, "page.html", 0, "page");
    }
    assert_int_equal(opened, 0);
    sl__sys_fault = NULL;
    finish(app);
}

/* What was moved out is not served from memory, though a link leads there now. */
static void moved_out(void **state)
{
    sl_app *app = prepare();

    mkdir(in("a/moving"), 0700);
    put("a/moving/x", "mine");
    folder = sl_folder_open(in("a"));
    expect(app, "moving/x", 0, "mine");
    expect(app, "moving/x", 0, "mine");
    assert_int_equal(rename(in("a/moving"), in("moved")), 0);
    assert_int_equal(symlink("../moved", in("a/moving")), 0);
    expect(app, "moving/x", -ENOENT, NULL);
    finish(app);
}

/* A deployment: the name of the folder is that of another one. */
static void replaced(void **state)
{
    sl_app *app = prepare();

    mkdir(in("one"), 0700);
    mkdir(in("two"), 0700);
    put("one/x", "one");
    put("two/x", "two");
    assert_int_equal(symlink("one", in("current")), 0);
    folder = sl_folder_open(in("current"));
    expect(app, "x", 0, "one");
    assert_int_equal(symlink("two", in("next")), 0);
    assert_int_equal(rename(in("next"), in("current")), 0);
    expect(app, "x", 0, "two");
    unlink(in("current"));
    expect(app, "x", 0, "two"); /* for as long as there is none */
    assert_int_equal(symlink("one", in("current")), 0);
    expect(app, "x", 0, "one");
    finish(app);
}

static ssize_t no_openat2(enum sl__sys_call call)
{
    return call == SL__SYS_OPENAT2 ? -EPERM : 0;
}

static void without_openat2(void **state)
{
    sl_app *app = prepare();

    sl__sys_fault = no_openat2;
    folder = sl_folder_open(in("a"));
    assert_int_equal(memory_log_lines, 1);
    assert_non_null(strstr(memory_log, "are not followed"));
    for (int i = 0; i < 2; i++) {
        expect(app, "page.html", 0, "page");
        expect(app, "sub/x", 0, "x");
        expect(app, "link", -ENOENT, NULL);
        expect(app, "out", -ENOENT, NULL);
    }
    sl__sys_fault = NULL;
    finish(app);
}

static int with_little_room(sl_ctx *c)
{
    char *room = sl_alloc(c, 3800);

    return room ? sl_next(c) : -ENOMEM;
}

static void without_memory(void **state)
{
    sl_app *app = sl_new();

    memory_log_start();
    age = 60;
    sl_use(app, with_little_room);
    sl_use(app, answer);
    put("a/page.css", "page");
    put("a/page.css.gz", "gzip");
    failed = true;
    for (long n = 0; failed; n++) {
        struct memory m = {0};

        tick += 2 * SL__SEC;
        left = -1;
        folder = sl_folder_open(in("a"));
        memory_begin(&m, app,
                     "GET /?f=page.css HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
        assert_int_equal(sl__buf_reserve(&m.body, 1000), 0); /* the test's own */
        failed = false;
        left = n;
        sl__mem_fault = fault;
        memory_serve(&m);
        sl__mem_fault = NULL;
        assert_true(m.status == 200 || m.status == 503 || m.status == 404);
        if (m.status == 200)
            assert_string_equal(memory_body(&m),
                                strstr(m.headers, "Content-Encoding: gzip") ? "gzip" : "page");
        memory_finish(&m);
        sl_folder_close(folder);
    }
    sl_free(app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there),
        cmocka_unit_test(no_folder),
        cmocka_unit_test(siblings),
        cmocka_unit_test(siblings_are_other_representations),
        cmocka_unit_test(large_files_have_siblings_too),
        cmocka_unit_test(few_calls),
        cmocka_unit_test(moved_out),
        cmocka_unit_test(replaced),
        cmocka_unit_test(without_openat2),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
