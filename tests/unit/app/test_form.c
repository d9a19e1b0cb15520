/* Forms: fields and files, whole and part by part, in any pieces; limits; nothing is left behind.
 */
#include "memory_exchange.h"
#include "starving.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "app/spool.h"
#include "base/mem.h"

#define TYPE "multipart/form-data; boundary=XX"
#define FIELD(name, value)                                                                         \
    "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_(name, file, value)                                                                   \
    "--XX\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" file                  \
    "\"\r\nContent-Type: text/plain\r\n\r\n" value "\r\n"

static char folder[] = "/tmp/shallot-form-XXXXXX";
static size_t piece; /* octets that one read gives; 0: all there are */

static void ask(struct memory *m, sl_app *app, const char *type, const char *body)
{
    static char text[200000];

    snprintf(text, sizeof text,
             "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
             type, strlen(body), body);
    *m = (struct memory){.piece = piece};
    memory_begin(m, app, text);
    memory_serve(m);
}

static void expect_typed(sl_app *app, const char *type, const char *body, int status,
                         const char *answer)
{
    static const size_t pieces[] = {0, 1, 7, 1000};

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct memory m;

        piece = pieces[i];
        ask(&m, app, type, body);
        if (m.status != status || (answer && strcmp(memory_body(&m), answer) != 0))
            fail_msg("%.300s by %zu: %d %s", body, piece, m.status, memory_body(&m));
        memory_finish(&m);
    }
    piece = 0;
}

static void expect(sl_app *app, const char *body, int status, const char *answer)
{
    expect_typed(app, TYPE, body, status, answer);
}

static unsigned files_there(void)
{
    DIR *d = opendir(folder);
    unsigned count = 0;

    while (readdir(d))
        count++;
    closedir(d);
    return count - 2;
}

static char said[100000];

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
    size_t len = strlen(said);
    va_list args;

    va_start(args, fmt);
    vsnprintf(said + len, sizeof said - len, fmt, args);
    va_end(args);
}

static sl_form_options options;

static int show(sl_ctx *c)
{
    const char *name, *value;
    const sl_upload *u;
    int r;

    options.size = sizeof options;
    options.spool = folder;
    r = sl_request_form_with(c, &options);
    if (r < 0)
        return r;
    assert_int_equal(sl_request_form(c), 0); /* as before, whatever the options */
    said[0] = '\0';
    for (size_t i = 0; sl_form_pair(c, i, &name, &value); i++)
        say("%s=%s;", name, value);
    for (size_t i = 0; (u = sl_form_file_at(c, NULL, i)); i++) {
        char buf[200] = "";
        ssize_t n = pread(u->fd, buf, 20, 0);

        assert_true(n >= 0);
        say("%s:%s:%s:%s:%llu:%.*s;", u->name, u->filename, u->raw_filename,
            u->type ? u->type : "-", (unsigned long long)u->size, (int)n, buf);
    }
    return sl_text(c, "%s", said);
}

static void pairs(void **state)
{
    static const char type[] = "application/x-www-form-urlencoded";
    sl_app *app = sl_new(.limits = {.form_parts = 3, .body_bytes = 50});

    sl_post(app, "/", show);
    expect_typed(app, type, "", 200, "");
    expect_typed(app, type, "a=1&b=x+y%26&&a", 200, "a=1;b=x y&;a=;");
    expect_typed(app, "application/x-www-form-urlencoded;charset=UTF-8", "%C3%A9=%", 400,
                 "form field 1: a bad escape\n");
    expect_typed(app, type, "a=1&b=%00", 400, "form field 2: a bad escape\n");
    expect_typed(app, type, "a&b&c", 200, "a=;b=;c=;");
    expect_typed(app, type, "a&b&c&d", 413, "expected no more than 3 fields\n");
    expect_typed(app, type, "a=12345678901234567890123456789012345678901234567890", 413, NULL);
    expect_typed(app, "application/x-www-form-urlencoded;charset=latin1", "a", 415, NULL);
    expect_typed(app, "text/plain", "a", 415, "a form expected, not text/plain\n");
    options.field_bytes = 10;
    expect_typed(app, type, "a=23456789012", 413, "expected no more than 10 octets of fields\n");
    options = (sl_form_options){0};
    sl_free(app);
}

static void parts(void **state)
{
    sl_app *app = sl_new();

    sl_post(app, "/", show);
    expect(app, "--XX--", 200, "");
    expect(app, FIELD("a", "1") FIELD("b", "x\r\ny") FIELD("a", "") "--XX--", 200,
           "a=1;b=x\r\ny;a=;");
    expect(app, FIELD("a", "1") FILE_("f", "../x.txt", "content") FILE_("f", "", "") "--XX--\r\n",
           200, "a=1;f:x.txt:../x.txt:text/plain:7:content;");
    expect(app, FILE_("f", "empty", "") "--XX--", 200, "f:empty:empty:text/plain:0:;");
    expect(app, FILE_("f", "", "content") "--XX--", 400,
           "form field \"f\": a file without a name\n");
    expect_typed(app, "Multipart/Form-Data; charset=utf-8; boundary=\"X X\"",
                 "--X X\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--X X--", 200,
                 "a=b;");
    expect_typed(app, "multipart/form-data", "--XX--", 400,
                 "multipart/form-data without a boundary\n");
    expect_typed(app, "multipart/form-data; boundary=\"\"", "--XX--", 400, NULL);
    expect_typed(app, "multipart/mixed; boundary=XX", "--XX--", 415, NULL);
    expect(app, "", 400, "broken multipart/form-data in part 0\n");
    expect(app, FIELD("a", "1") "--XX\r\nContent-Disposition: form-data; name=b\r\n\r\nc", 400,
           "broken multipart/form-data in part 2\n");
    expect(app, FIELD("a", "1") "--XX\r\nX: y\r\n\r\nc\r\n--XX--", 400, NULL);
    expect(app,
           "--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Type: multipart/mixed; "
           "boundary=YY\r\n\r\n--YY--\r\n--XX--",
           413, "a multipart in part 1: expected no more than one level\n");
    assert_int_equal(files_there(), 0);
    sl_free(app);
}

static void limits(void **state)
{
    static char text[150000], wanted[100];
    sl_app *app = sl_new(.limits = {.form_parts = 3, .body_bytes = 100000});
    size_t len;

    sl_post(app, "/", show);
    expect(app, FIELD("a", "") FIELD("a", "") FIELD("a", "") "--XX--", 200, NULL);
    expect(app, FIELD("a", "") FIELD("a", "") FIELD("a", "") FIELD("a", "") "--XX--", 413,
           "expected no more than 3 parts\n");
    options.field_bytes = 10;
    expect(app, FIELD("abc", "1234567") "--XX--", 200, NULL);
    expect(app, FIELD("abc", "12345678") "--XX--", 413,
           "expected no more than 10 octets of fields\n");
    options.files = 1;
    expect(app, FILE_("f", "a", "1") FILE_("f", "", "") "--XX--", 200, NULL);
    expect(app, FILE_("f", "a", "1") FILE_("f", "b", "1") "--XX--", 413,
           "expected no more than 1 files\n");
    options.file_bytes = 5;
    expect(app, FILE_("f", "a", "12345") "--XX--", 200, NULL);
    expect(app, FILE_("f", "a", "123456") "--XX--", 413,
           "form field \"f\": expected a file of no more than 5 octets\n");
    options = (sl_form_options){0};
    len = (size_t)sprintf(text, "--XX\r\nContent-Disposition: form-data; name=a\r\nX: ");
    memset(text + len, 'x', 9000);
    strcpy(text + len + 9000, "\r\n\r\nb\r\n--XX--");
    expect(app, text, 413, "a part's fields of more than 8192 octets\n");
    /* Around the room that is written at once. */
    for (size_t size = 65534; size <= 131074; size += size == 65538 ? 65532 : 1) {
        len = (size_t)sprintf(text,
                              "--XX\r\nContent-Disposition: form-data; name=f; filename=g\r\n\r\n");
        memset(text + len, 'y', size);
        strcpy(text + len + size, "\r\n--XX--");
        sprintf(wanted, "f:g:g:-:%zu:yyyyyyyyyyyyyyyyyyyy;", size);
        expect(app, text, 200, wanted);
    }
    sl_free(app);
}

static int pull(sl_ctx *c)
{
    const sl_part *part;
    char buf[5];
    ssize_t n;
    int r;

    said[0] = '\0';
    assert_int_equal(sl_part_read(c, buf, 0), -EINVAL);
    while ((r = sl_part_next(c, &part)) > 0) {
        say("%s(%s):", part->name, part->filename ? part->filename : "");
        if (strcmp(part->name, "skip") == 0)
            continue;
        while ((n = sl_part_read(c, buf, sizeof buf)) > 0)
            say("%.*s", (int)n, buf);
        if (n < 0)
            return (int)n;
        assert_int_equal(sl_part_read(c, buf, sizeof buf), 0);
    }
    if (r < 0) {
        assert_true(sl_part_next(c, &part) < 0);
        return r;
    }
    assert_int_equal(sl_part_next(c, &part), 0);
    return sl_text(c, "%s", said);
}

static void pulled(void **state)
{
    sl_app *app = sl_new();

    sl_post(app, "/", pull);
    expect(app, "--XX--", 200, "");
    expect(app,
           FIELD("a", "1234567890123") FIELD("skip", "all of this\r\n\r\nand that")
               FILE_("f", "g", "x") FIELD("skip", "") "--XX--",
           200, "a():1234567890123skip():f(g):xskip():");
    expect(app, FIELD("a", "1"), 400, NULL);
    expect_typed(app, "application/x-www-form-urlencoded", "a=b", 415, NULL);
    sl_free(app);
}

static int into_variables(sl_ctx *c)
{
    const char *name;
    unsigned age;
    bool agree = false;
    int r = sl_form_fields(c, SL_FIELD("name", &name, SL_BETWEEN(1, 5)), SL_FIELD("age", &age),
                           SL_FIELD("agree", &agree, .optional = true));

    return r < 0 ? r : sl_text(c, "%s %u %d", name, age, agree);
}

static void variables(void **state)
{
    static const char type[] = "application/x-www-form-urlencoded";
    sl_app *app = sl_new();

    sl_post(app, "/", into_variables);
    expect_typed(app, type, "name=Ann&age=30&agree=on", 200, "Ann 30 1");
    expect_typed(app, type, "name=Ann&age=x", 422,
                 "form field age: expected an integer from 0 to 4294967295, got \"x\"\n");
    expect_typed(app, type, "age=1", 422,
                 "form field name: expected a text of 1 to 5 characters, got nothing\n");
    expect(app, FIELD("name", "Ann") FIELD("age", "30") "--XX--", 200, "Ann 30 0");
    expect_typed(app, "text/plain", "", 415, NULL);
    sl_free(app);
}

static const char *target; /* a path, with %s for the folder */

static int keeper(sl_ctx *c)
{
    const sl_upload *u;
    int r = sl_request_form(c, .spool = folder, .mode = 0640);

    if (r < 0)
        return r;
    assert_null(sl_form_file(c, "none"));
    u = sl_form_file(c, "f");
    assert_non_null(u);
    assert_int_equal(sl_upload_keep(c, &(sl_upload){0}, "x"), -EINVAL);
    return sl_upload_keep(c, u, target);
}

static void kept(void **state)
{
    sl_app *app = sl_new();
    struct memory m;
    char path[200], bytes[20] = "";
    struct stat st;
    int fd;

    memory_log_start();
    sl_post(app, "/", keeper);
    snprintf(path, sizeof path, "%s/kept", folder);
    target = path;
    for (int i = 0; i < 2; i++) {
        if (i == 1) { /* on another file system, if there is one */
            snprintf(path, sizeof path, "/dev/shm/shallot-form-%d", getpid());
            if (access("/dev/shm", W_OK) != 0)
                break;
        }
        ask(&m, app, TYPE, FILE_("f", "g", "content") "--XX--");
        assert_int_equal(m.status, 200);
        memory_finish(&m);
        assert_int_equal(files_there(), 1 - i);
        fd = open(path, O_RDONLY);
        assert_int_equal(read(fd, bytes, sizeof bytes), 7);
        assert_string_equal(bytes, "content");
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
        assert_int_equal(st.st_nlink, 1);
        close(fd);
        ask(&m, app, TYPE, FILE_("f", "g", "other") "--XX--"); /* nothing is overwritten */
        assert_int_equal(m.status, 500);
        memory_finish(&m);
        assert_non_null(strstr(memory_log, "File exists"));
        unlink(path);
    }
    target = "/nowhere/at/all";
    ask(&m, app, TYPE, FILE_("f", "g", "content") "--XX--");
    assert_int_equal(m.status, 500);
    memory_finish(&m);
    assert_int_equal(files_there(), 0);
    sl_free(app);
}

static int nowhere(sl_ctx *c)
{
    return sl_request_form(c, .spool = "/nowhere");
}

static void no_spool(void **state)
{
    sl_app *app = sl_new();

    memory_log_start();
    sl_post(app, "/", nowhere);
    expect(app, FILE_("f", "g", "content") "--XX--", 500, NULL);
    assert_non_null(strstr(memory_log, "cannot keep an upload in /nowhere: No such file"));
    expect(app, FIELD("a", "b") "--XX--", 200, NULL);
    sl_free(app);
}

static unsigned descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

static void without_memory(void **state)
{
    static char body[20000];
    sl_app *app = sl_new();
    unsigned open_before = descriptors();
    long n;

    memory_log_start();
    sl_post(app, "/", show);
    strcpy(body, FILE_("f", "g", "content") FIELD("a", ""));
    body[strlen(body) - 2] = '\0';
    memset(body + strlen(body), 'x', 9000);
    strcat(body, "\r\n" FILE_("f", "h", "content") "--XX--");
    for (n = 0, failed = true; failed; n++) {
        char text[20000];
        struct memory m = {0};

        snprintf(text, sizeof text,
                 "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: " TYPE
                 "\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(body), body);
        memory_begin(&m, app, text);
        failed = false;
        left = n;
        sl__mem_fault = fault;
        memory_serve(&m);
        sl__mem_fault = NULL;
        if (m.status != 503 && m.status != 200) /* routes can do without */
            fail_msg("allocation %ld: %d %s", n, m.status, memory_body(&m));
        memory_finish(&m);
        assert_int_equal(descriptors(), open_before);
    }
    assert_true(n > 8);
    assert_int_equal(files_there(), 0);
    sl_free(app);
}

/* Where no file can be without a name. */
static void named(void **state)
{
    sl__spool_named = true;
    parts(state);
    kept(state);
    no_spool(state);
    without_memory(state);
    sl__spool_named = false;
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs),    cmocka_unit_test(parts),          cmocka_unit_test(limits),
        cmocka_unit_test(pulled),   cmocka_unit_test(variables),      cmocka_unit_test(kept),
        cmocka_unit_test(no_spool), cmocka_unit_test(without_memory), cmocka_unit_test(named),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
