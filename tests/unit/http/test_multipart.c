/* multipart/form-data: what comes out, whatever the cuts; what is refused; names made safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/multipart.h"
#include "shallot/error.h"

/* Everything that comes out, as text: "[head|data]" for each part, "." for the end, "!N" for an
 * error, "?" if there is no end. */
static char out[60000];
static size_t out_len;
static bool over; /* the end, or an error, has been said */

static void say(const char *text, size_t len)
{
    assert_true(out_len + len < sizeof out);
    memcpy(out + out_len, text, len);
    out_len += len;
    out[out_len] = '\0';
}

static bool one_step(struct sl__multipart *m, struct sl__str *w)
{
    struct sl__multipart_step step;
    int r = sl__multipart_next(m, *w, &step);

    if (r < 0) {
        say(r == -SL_ETOOBIG ? "!big" : "!bad", 4);
        over = true;
        return false;
    }
    assert_true(step.used <= w->len);
    if (step.event == SL__MULTIPART_PART) {
        say("[", 1);
        say(step.text.ptr, step.text.len);
        say("|", 1);
    } else if (step.event == SL__MULTIPART_DATA) {
        assert_true(step.text.len > 0);
        say(step.text.ptr, step.text.len);
    } else if (step.event == SL__MULTIPART_END) {
        say(".", 1);
        over = true;
    }
    *w = (struct sl__str){w->ptr + step.used, w->len - step.used};
    return step.event == SL__MULTIPART_PART || step.event == SL__MULTIPART_DATA;
}

/* The text in pieces: up to @p cut, then by @p piece. */
static void feed(const char *boundary, const char *text, size_t len, size_t cut, size_t piece)
{
    struct sl__multipart m;
    size_t at = 0, end = 0;

    out_len = 0;
    out[0] = '\0';
    over = false;
    assert_int_equal(sl__multipart_init(&m, sl__str_of(boundary)), 0);
    for (;;) {
        char *exact = malloc(end - at ? end - at : 1); /* for the sanitizer */
        struct sl__str w = {memcpy(exact, text + at, end - at), end - at};

        while (one_step(&m, &w))
            ;
        at = end - w.len;
        free(exact);
        if (over)
            return;
        if (end == len)
            break;
        end = end == 0 && cut > 0 ? cut : end + piece;
        end = end < len ? end : len;
    }
    say("?", 1);
}

static void expect_len(const char *boundary, const char *text, size_t len, const char *wanted)
{
    feed(boundary, text, len, 0, len);
    if (strcmp(out, wanted) != 0)
        fail_msg("%s: %s instead of %s", text, out, wanted);
    feed(boundary, text, len, 0, 1);
    assert_string_equal(out, wanted);
    for (size_t cut = 1; cut < len && len < 2000; cut++) {
        feed(boundary, text, len, cut, len);
        assert_string_equal(out, wanted);
    }
}

static void expect(const char *text, const char *wanted)
{
    expect_len("XX", text, strlen(text), wanted);
}

static void parts(void **state)
{
    static const char odd[] = "--a b'()+_,-./:=?c\r\n\r\nd\r\n--a b'()+_,-./:=?c--";

    expect("--XX--", ".");
    expect("--XX--\r\nwhatever", ".");
    expect("--XX\r\nA: b\r\n\r\nc\r\n--XX--\r\n", "[A: b|c.");
    expect("--XX\r\nA: b\r\nC: d\r\n\r\n\r\n--XX\r\nE: f\r\n\r\ng\r\n--XX--",
           "[A: b\r\nC: d|[E: f|g.");
    expect("--XX\r\n\r\nno fields\r\n--XX--", "[|no fields.");
    expect("--XX\r\nA: b\r\n\r\n--XX--", "[A: b|."); /* its CR LF was the blank line's */
    expect("--XX \t \r\nA: b\r\n\r\nc\r\n--XX--", "[A: b|c.");
    expect("preamble\r\n--XX\r\nA: b\r\n\r\nc\r\n--XX--epilogue", "[A: b|c.");
    expect("\r\n--XX\r\nA: b\r\n\r\nc\r\n--XX--", "[A: b|c.");
    expect("--X\r\n--XX\r\nA: b\r\n\r\nc\r\n--XX--", "[A: b|c.");
    /* Data that looks like a delimiter, nearly. */
    expect("--XX\r\nA: b\r\n\r\n--X\r\n--X\r\n-XX\r--XX\n--XX\r\n\r\n--XX--",
           "[A: b|--X\r\n--X\r\n-XX\r--XX\n--XX\r\n.");
    expect("--XX\r\nA: b\r\n\r\n\r\r\n\r\r\n\r\n--XX--", "[A: b|\r\r\n\r\r\n.");
    expect("--XX\r\nA: b\r\n\r\nc--XX--\r\n--XX--", "[A: b|c--XX--.");
    expect_len("a b'()+_,-./:=?c", odd, sizeof odd - 1, "[|d.");
}

static void refuses(void **state)
{
    expect("", "?");
    expect("--X", "?");
    expect("--XX", "?");
    expect("--XX-", "?");
    expect("--XX\r\nA: b\r\n\r\nc", "[A: b|c?");
    expect("--XX\r\nA: b", "?");
    expect("--XX\r\nA: b\r\n\r\nc\r\n--XX", "[A: b|c?");
    expect("--XX\r\nA: b\r\n\r\nc\r\n--XXY\r\n", "[A: b|c!bad");
    expect("--XX-x", "!bad");
    expect("--XX --", "!bad");
    expect("--XX\n", "!bad");
    expect("--XX\r\r", "!bad");
    expect("--XXX\r\n\r\n", "!bad");
    expect("no delimiter at all", "?");
}

static void bounds(void **state)
{
    struct sl__multipart m;
    static char text[30000], wanted[30000];
    char long_name[72];
    size_t at;

    memset(long_name, 'x', sizeof long_name);
    assert_int_equal(sl__multipart_init(&m, (struct sl__str){long_name, 70}), 0);
    assert_int_equal(sl__multipart_init(&m, (struct sl__str){long_name, 71}), -SL_EBADREQUEST);
    assert_int_equal(sl__multipart_init(&m, SL__STR("")), -SL_EBADREQUEST);
    assert_int_equal(sl__multipart_init(&m, SL__STR("a ")), -SL_EBADREQUEST);
    assert_int_equal(sl__multipart_init(&m, SL__STR("a\rb")), -SL_EBADREQUEST);
    assert_int_equal(sl__multipart_init(&m, SL__STR("a\"b")), -SL_EBADREQUEST);
    for (int more = 0; more < 2; more++) { /* fields of just the size, and one more */
        size_t size = SL__PART_HEAD_MAX + (size_t)more;

        at = (size_t)sprintf(text, "--XX\r\n");
        memset(text + at, 'h', size);
        sprintf(text + at + size, "\r\n\r\nc\r\n--XX--");
        wanted[0] = '[';
        memset(wanted + 1, 'h', size);
        strcpy(wanted + 1 + size, "|c.");
        expect_len("XX", text, strlen(text), more ? "!big" : wanted);
        memset(text, 'p', size); /* and a preamble */
        strcpy(text + size, "\r\n--XX\r\n\r\nc\r\n--XX--");
        expect_len("XX", text, strlen(text), more ? "!bad" : "[|c.");
    }
}

static void fields(void **state)
{
    static const struct {
        const char *head;
        int r;
        const char *name, *filename, *type;
    } cases[] = {
        {"Content-Disposition: form-data; name=\"a\"", 0, "a", NULL, NULL},
        {"content-disposition:form-data;name=a", 0, "a", NULL, NULL},
        {"Content-Disposition: form-data; name=\"a\"; filename=\"b.txt\"\r\nContent-Type: "
         "text/plain\r\n"
         "X-Other: 1",
         0, "a", "b.txt", "text/plain"},
        {"Content-Disposition: form-data; name=\"\"; filename=\"\"", 0, "", "", NULL},
        {"Content-Disposition: form-data; name=\"a%22b\\\"c\\\\d%0d%0A%41\"", 0,
         "a\"b\"c\\d\r\n%41", NULL, NULL},
        {"Content-Disposition: form-data; filename=\"C:\\dir\\x.txt\"; name=a", 0, "a",
         "C:\\dir\\x.txt", NULL},
        {"Content-Disposition: form-data; name=a; filename*=UTF-8''x", 0, "a", NULL, NULL},
        {"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: 8bit", 0, "a", NULL,
         NULL},
        {"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", -1, 0, 0,
         0},
        {"", -1, NULL, NULL, NULL},
        {"Content-Type: text/plain", -1, NULL, NULL, NULL},
        {"Content-Disposition: form-data", -1, NULL, NULL, NULL},
        {"Content-Disposition: form-data; filename=x", -1, NULL, NULL, NULL},
        {"Content-Disposition: attachment; name=a", -1, NULL, NULL, NULL},
        {"Content-Disposition: form-data; name=a; name=b", -1, NULL, NULL, NULL},
        {"Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b", -1, 0,
         0, 0},
        {"Content-Disposition: form-data; name=a\r\nContent-Type: a/b\r\nContent-Type: c/d", -1, 0,
         0, 0},
        {"Content-Disposition: form-data; name=\"a", -1, NULL, NULL, NULL},
        {"Content-Disposition: form-data; name=\"a\\\"", -1, NULL, NULL, NULL},
        {"Content-Disposition: form-data; name", -1, NULL, NULL, NULL},
        {"Content-Disposition: form-data; name=a\r\n folded", -1, NULL, NULL, NULL},
        {"Content-Disposition: form-data; name=a\r\nnothing", -1, NULL, NULL, NULL},
        {"Content-Disposition : form-data; name=a", -1, NULL, NULL, NULL},
        {"Content-Disposition: form-data; name=\"a\x01\"", -1, NULL, NULL, NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl__part_head h;
        char name[100] = "", filename[100] = "";
        int r = sl__part_head(sl__str_of(cases[i].head), &h);

        if (r != (cases[i].r ? -SL_EBADREQUEST : 0))
            fail_msg("%s: %d", cases[i].head, r);
        if (r < 0)
            continue;
        sl__part_name(h.name, name);
        if (h.is_file)
            sl__part_name(h.filename, filename);
        assert_string_equal(name, cases[i].name);
        assert_int_equal(h.is_file, cases[i].filename != NULL);
        assert_string_equal(filename, cases[i].filename ? cases[i].filename : "");
        assert_true(sl__str_equal(h.type, sl__str_of(cases[i].type ? cases[i].type : "")));
    }
}

static void safe_names(void **state)
{
    static const char *const cases[][2] = {
        {"photo.jpg", "photo.jpg"},
        {"caf\xc3\xa9 \xf0\x9f\xa7\x85.txt", "caf\xc3\xa9 \xf0\x9f\xa7\x85.txt"},
        {"", "file"},
        {"/", "file"},
        {".", "_"},
        {"..", "_"},
        {"../../etc/passwd", "passwd"},
        {"..\\..\\windows\\system.ini", "system.ini"},
        {"C:\\Users\\a\\x.txt", "x.txt"},
        {"/etc/passwd/", "file"},
        {".htaccess", "_htaccess"},
        {"...", "_"},
        {"-rf", "_rf"},
        {"a\nb\tc\x7f.sh", "a_b_c_.sh"},
        {"a:b|c?d*e<f>g\"h", "a_b_c_d_e_f_g_h"},
        {"x.txt. . ", "x.txt"},
        {"  x.txt", "x.txt"},
        {"   ", "file"},
        {"a\xff\xfe"
         "b\xc3",
         "a__b_"},
        {"\xc0\xaf\xe0\x80\xaf.txt", "_____.txt"},
        {"\xed\xa0\x80.txt", "___.txt"},
        {"a\xe2\x80\xae"
         "gpj.exe",
         "a_gpj.exe"},
        {"a\xc2\x85"
         "b",
         "a_b"},
        {"\xef\xbb\xbf.txt", "_.txt"},
    };
    char text[600], safe[610];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl__safe_name(sl__str_of(cases[i][0]), safe);
        assert_string_equal(safe, cases[i][1]);
    }
    memset(text, 'x', sizeof text);
    sl__safe_name((struct sl__str){text, 600}, safe);
    assert_int_equal(strlen(safe), 200);
    memcpy(text + 590, ".tar.extra", 10);
    sl__safe_name((struct sl__str){text, 600}, safe);
    assert_int_equal(strlen(safe), 200);
    assert_string_equal(safe + 194, ".extra");
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[0] = 'x';
    text[1] = 'x';
    sl__safe_name((struct sl__str){text, 599}, safe);
    assert_true(strlen(safe) <= 200 && strlen(safe) >= 198);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),  cmocka_unit_test(refuses),    cmocka_unit_test(bounds),
        cmocka_unit_test(fields), cmocka_unit_test(safe_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
