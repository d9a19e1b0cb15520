/* What pages are made of: escaping, excerpts, reports, requests; and that nothing gets through. */
#include "../app/memory_exchange.h"

#include <limits.h>

#include "develop/attach.h"
#include "develop/pages.h"
#include "develop/report.h"
#include "develop/request_text.h"
#include "develop/show.h"
#include "develop/source.h"

static char folder[] = "/tmp/shallot-pages-XXXXXX";

static const char *text_of(struct sl__html *h)
{
    assert_false(h->failed);
    sl__buf_append(&h->buf, "", 1);
    return h->buf.data + h->buf.at;
}

static void expect_text(const char *in, size_t len, const char *want)
{
    struct sl__html h = {0};

    sl__html_text(&h, (struct sl__str){in, len});
    assert_string_equal(text_of(&h), want);
    sl__buf_finish(&h.buf);
}

static void text_is_never_markup(void **state)
{
    expect_text("<b a=\"x\" c='y'>&amp;", 20, "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;");
    expect_text("a\0b\x1b[31m\x7f\t\n", 11,
                "a\xe2\x90\x80"
                "b\xe2\x90\x9b[31m\xe2\x90\xa1\t\n");
    expect_text("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80");
    /* no UTF-8: alone, cut, longer than need be, half of a pair, beyond the last */
    expect_text("\x80", 1, "\xef\xbf\xbd");
    expect_text("\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd");
    expect_text("\xc0\xbc", 2, "\xef\xbf\xbd\xef\xbf\xbd");
    expect_text("\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    expect_text("\xf4\x90\x80\x80<", 5, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd&lt;");
}

static void a_format_escapes_its_values(void **state)
{
    struct sl__html h = {0};

    sl__html_format(&h, "<a href=\"%s\">%.*s %d %u %zu %lld %llu %%</a>", "\"><", 1, "&b", -7, 8u,
                    (size_t)9, LLONG_MIN, ULLONG_MAX);
    assert_string_equal(text_of(&h), "<a href=\"&quot;&gt;&lt;\">&amp; -7 8 9 -9223372036854775808 "
                                     "18446744073709551615 %</a>");
    sl__buf_finish(&h.buf);
}

static void expect_line(const char *line, const char *want)
{
    struct sl__html h = {0};

    sl__c_line_write(&h, sl__str_of(line), SL__C_PLAIN);
    assert_string_equal(text_of(&h), want);
    sl__buf_finish(&h.buf);
}

static void lines_of_c(void **state)
{
    struct sl__html h = {0};

    expect_line("int a = 0x1f; // <x>", "<span class=\"k\">int</span> a = <span class=\"n\">0x1f"
                                        "</span>; <span class=\"c\">// &lt;x&gt;</span>");
    expect_line("f(\"a\\\"b\", '\\'')",
                "<span class=\"f\">f</span>(<span class=\"s\">&quot;a\\&quot;b&quot;</span>, "
                "<span class=\"s\">&#39;\\&#39;&#39;</span>)");
    expect_line(" # include <x>", "<span class=\"p\"> # include &lt;x&gt;</span>");
    expect_line("\"open \\", "<span class=\"s\">&quot;open \\</span>");
    assert_int_equal(sl__c_line_write(&h, sl__str_of("a /* b"), SL__C_PLAIN), SL__C_COMMENT);
    assert_int_equal(sl__c_line_write(&h, sl__str_of(" b */ c"), SL__C_COMMENT), SL__C_PLAIN);
    sl__buf_finish(&h.buf);
}

static void write_file(const char *name, const char *bytes, size_t len)
{
    char path[200];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* The numbers of the lines that are shown; the marked one with a star. "" if nothing is. */
static void shown(const char *file, unsigned line, char *ret)
{
    const struct sl__excerpt e = {.file = file, .line = line, .around = 2, .root = folder};
    struct sl__html h = {0};

    *ret = '\0';
    if (!sl__excerpt_write(&h, &e)) {
        assert_int_equal(sl__buf_len(&h.buf), 0);
        return;
    }
    for (const char *at = text_of(&h); (at = strstr(at, "<td>")); at++)
        if (at[4] >= '0' && at[4] <= '9')
            ret += sprintf(ret, "%s%.*s ", at[-2] == '"' ? "*" : "", (int)strcspn(at + 4, "<"),
                           at + 4);
    sl__buf_finish(&h.buf);
}

static void expect_shown(const char *file, unsigned line, const char *want)
{
    char numbers[200];

    shown(file, line, numbers);
    assert_string_equal(numbers, want);
}

static void excerpts(void **state)
{
    static const char five[] = "one\ntwo\r\nthree\nfour\nfive";

    write_file("five.c", five, strlen(five));
    write_file("binary", "a\0b\n", 4);
    write_file("empty", "", 0);
    expect_shown("five.c", 1, "*1 2 3 ");
    expect_shown("five.c", 3, "1 2 *3 4 5 ");
    expect_shown("five.c", 5, "3 4 *5 ");
    expect_shown("five.c", 6, "");
    expect_shown("five.c", 0, "");
    expect_shown("five.c", UINT32_MAX - 1, "");
    expect_shown("none.c", 1, "");
    expect_shown("", 1, "");
    expect_shown("binary", 1, "");
    expect_shown("empty", 1, "");
    expect_shown("/dev/zero", 1, "");
    expect_shown("../../../../../../../dev/tty", 1, "");
    expect_shown(".", 1, "");
}

static void a_very_long_line_is_cut_between_characters(void **state)
{
    const struct sl__excerpt e = {
        .file = "long.c", .line = 1, .column = 3, .width = 5000, .around = 1, .root = folder};
    struct sl__html h = {0};
    static char line[200000];

    for (size_t i = 0; i + 1 < sizeof line; i += 2)
        memcpy(line + i, "\xc3\xbc", 2);
    line[0] = 'x'; /* so that the cut falls into a character */
    line[1] = 'x';
    line[2] = 'x';
    line[sizeof line - 1] = '\n';
    write_file("long.c", line, sizeof line);
    assert_true(sl__excerpt_write(&h, &e));
    assert_true(sl__buf_len(&h.buf) < 3000);
    assert_null(strstr(text_of(&h), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"));
    assert_non_null(strstr(text_of(&h), "\xe2\x80\xa6"));
    sl__buf_finish(&h.buf);
}

static const char ours[] =
    "crash of worker 3 (pid 17): SIGSEGV, address 0x0 is not mapped\n"
    "  GET /users/9, route /users/:id, request 3-2, 0.1 ms old\n"
    "  answered for it: 1 with 500, 0 with 503; 0 idle connections passed on\n"
    "  #0  0x000055d4aaaa show_user at five.c:3\n"
    "  #1  0x000055d4aaab sl_run_handler at /lib/src/onion.c:88\n"
    "      (and 12 times more)\n"
    "  #2  0x00007f0000aa main (app+0x11d4)\n"
    "  #3  0x00007f0000ab libc.so.6+0x27249\n"
    "  report 41: shallot crashes 41\n";

static void expect_str(struct sl__str s, const char *want)
{
    assert_int_equal(s.len, strlen(want));
    assert_memory_equal(s.ptr ? s.ptr : "", want, s.len);
}

static void our_reports(void **state)
{
    struct sl__report r;

    sl__report_parse(sl__str_of(ours), &r);
    expect_str(r.title, "SIGSEGV, address 0x0 is not mapped");
    expect_str(r.about, "GET /users/9, route /users/:id, request 3-2, 0.1 ms old");
    assert_int_equal(r.worker, 3);
    assert_int_equal(r.number, 41);
    assert_int_equal(r.stack_count, 1);
    assert_int_equal(r.frame_count, 4);
    expect_str(r.frames[0].function, "show_user");
    expect_str(r.frames[0].file, "five.c");
    assert_int_equal(r.frames[0].line, 3);
    expect_str(r.frames[1].note, "and 12 times more");
    expect_str(r.frames[2].module, "app+0x11d4");
    expect_str(r.frames[3].module, "libc.so.6+0x27249");
    expect_str(r.frames[3].function, "");
}

static const char theirs[] =
    "==9==ERROR: AddressSanitizer: heap-use-after-free on address 0x6020 at pc 0x55 bp 0x7f\n"
    "READ of size 4 at 0x602000000010 thread T0\n"
    "    #0 0x564d7636cf28 in use /tmp/my dir/a.c:2:32\n"
    "    #1 0x564d762af300 in _start (/tmp/asan+0x20300) (BuildId: 489e)\n"
    "\n"
    "0x602000000010 is located 0 bytes inside of 4-byte region [0x602000000010,0x602000000014)\n"
    "freed by thread T0 here:\n"
    "    #0 0x564d76331ea2 in free (/tmp/asan+0xa2ea2)\n"
    "    #1 0x564d7636cec5 in main five.c:3\n"
    "\n"
    "previously allocated by thread T0 here:\n"
    "    #0 0x564d7633214e in operator new(unsigned long) (/tmp/asan+0xa314e)\n"
    "    #1 0x564d7633214e in N::f(int, char) five.c:4:1\n"
    "SUMMARY: AddressSanitizer: heap-use-after-free /tmp/asan.c:2:32 in use\n";

static void sanitizers_reports(void **state)
{
    struct sl__report r;

    sl__report_parse(sl__str_of(theirs), &r);
    assert_true(r.sanitizer);
    expect_str(r.title, "heap-use-after-free");
    assert_int_equal(r.stack_count, 3);
    expect_str(r.stacks[0].heading, "READ of size 4 at 0x602000000010 thread T0");
    expect_str(r.stacks[1].heading, "freed by thread T0 here:");
    expect_str(r.stacks[2].heading, "previously allocated by thread T0 here:");
    expect_str(r.frames[0].file, "/tmp/my dir/a.c");
    assert_int_equal(r.frames[0].line, 2);
    assert_int_equal(r.frames[0].column, 32);
    expect_str(r.frames[1].module, "/tmp/asan+0x20300");
    assert_int_equal(r.frames[3].line, 3);
    expect_str(r.frames[4].function, "operator new(unsigned long)");
    expect_str(r.frames[5].function, "N::f(int, char)");
    assert_int_equal(r.frames[5].line, 4);
    sl__report_parse(SL__STR("a b.c:12:5: runtime error: signed integer overflow\n"), &r);
    expect_str(r.title, "signed integer overflow");
    assert_int_equal(r.frame_count, 1);
    expect_str(r.frames[0].file, "a b.c");
    sl__report_parse(SL__STR("nothing\n#\n#1\n#1 0x\n"), &r);
    assert_int_equal(r.title.len, 0);
}

static void the_command_that_asks_again(void **state)
{
    struct sl__asked a;
    struct sl__buf out = {0};

    sl__asked_parse(SL__STR("POST /a?b='c HTTP/1.1\nHost: h:80\nUser-Agent: x\nno field\n"
                            "Content-Length: 3\nX-A: it's $(reboot) `a`\nCookie:\tb=c\nX-Empty:\n"),
                    &a);
    assert_int_equal(a.count, 6);
    sl__asked_command(&a, &out);
    sl__buf_append(&out, "", 1);
    assert_string_equal(out.data + out.at, "curl -i -X 'POST' 'http://h:80/a?b='\\''c' \\\n"
                                           "  -H 'X-A: it'\\''s $(reboot) `a`' \\\n"
                                           "  -H 'Cookie: b=c' \\\n"
                                           "  -H 'X-Empty;' \\\n"
                                           "  --data-binary @body");
    sl__buf_finish(&out);
    sl__asked_parse((struct sl__str){0}, &a); /* a crash with no request */
    assert_int_equal(a.count, 0);
    assert_int_equal(a.method.len, 0);
}

static void a_crash_as_a_page(void **state)
{
    struct sl__crash_told c = {.page = {.name = "<app>", .root = folder, .from = "1.2"},
                               .report = sl__str_of(ours),
                               .head = SL__STR("GET /<script> HTTP/1.1\nHost: a\nX: <b>\n")};
    struct sl__html h = {0};
    const char *text;

    sl__page_of_crash(&h, &c);
    text = text_of(&h);
    assert_non_null(strstr(text, "SIGSEGV, address 0x0 is not mapped in <code>show_user</code>"));
    assert_non_null(strstr(text, "five.c:<b>3</b>"));
    assert_non_null(strstr(text, "<tr class=\"here\"><td>3</td>"));
    assert_non_null(strstr(text, "3 frames of libraries"));
    assert_non_null(strstr(text, "shallot crashes 41"));
    assert_non_null(strstr(text, "/&lt;script&gt;"));
    assert_null(strstr(text, "<script>"));
    assert_null(strstr(text, "<app>"));
    assert_null(strstr(text, "X: <b>"));
    sl__buf_finish(&h.buf);
    h = (struct sl__html){0};
    c.page.piece = true;
    c.scene = SL__CRASH_KEPT;
    c.report = sl__str_of(theirs);
    sl__page_of_crash(&h, &c);
    text = text_of(&h);
    assert_null(strstr(text, "<html"));
    assert_non_null(strstr(text, "freed by thread T0 here:"));
    sl__buf_finish(&h.buf);
}

static void a_failed_build_as_a_page(void **state)
{
    static const char words[] = "five.c: In function 'main':\n"
                                "five.c:3:2: error: unknown <type>\n"
                                "    3 | three\n"
                                "      |  ^~~\n"
                                "gone.c:9:1: warning: it is gone [-Wgone]\n"
                                "    9 | gone <b>\n"
                                "      | ^~~~\n";
    struct sl__build_told b = {.page = {.name = "app", .root = folder, .from = "1.2", .number = 7},
                               .output = sl__str_of(words),
                               .status = 1,
                               .ms = 1234};
    struct sl__html h = {0};
    const char *text;

    sl__page_of_build(&h, &b);
    text = text_of(&h);
    assert_non_null(strstr(text, "<h1>unknown &lt;type&gt;</h1>"));
    assert_non_null(strstr(text, "1 error, 1 warning after 1.23 s."));
    assert_non_null(strstr(text, "data-shallot=\"build\" data-number=\"7\""));
    assert_non_null(strstr(text, "<tr class=\"here\"><td>3</td>"));
    assert_non_null(strstr(text, "gone &lt;b&gt;")); /* as the compiler showed it */
    assert_null(strstr(text, "<b>gone"));
    sl__buf_finish(&h.buf);
    h = (struct sl__html){0};
    b.output = SL__STR("make: *** no rule <x>\n");
    b.page.piece = true;
    sl__page_of_build(&h, &b);
    text = text_of(&h);
    assert_null(strstr(text, "<x>"));
    assert_non_null(strstr(text, "no rule &lt;x&gt;"));
    sl__buf_finish(&h.buf);
}

static void distances(void **state)
{
    char filled[64];

    assert_int_equal(sl__distance(SL__STR(""), SL__STR("abc")), 3);
    assert_int_equal(sl__distance(SL__STR("kitten"), SL__STR("sitting")), 3);
    assert_int_equal(sl__distance(SL__STR("/user/1"), SL__STR("/users/1")), 1);
    sl__pattern_filled("/users/:id/x", "/user/17/y", filled, sizeof filled);
    assert_string_equal(filled, "/users/17/x");
    sl__pattern_filled("/users/:id", "/user", filled, sizeof filled);
    assert_string_equal(filled, "/users/:id");
    sl__pattern_filled("/files/*rest", "/file/a/b/c", filled, sizeof filled);
    assert_string_equal(filled, "/files/a/b/c");
    sl__pattern_filled("/", "/a/b", filled, sizeof filled);
    assert_string_equal(filled, "/");
    sl__pattern_filled("/:a/:b", "/123456789012345678901234567890/2", filled, 12);
    assert_true(strlen(filled) < 12);
}

/* In an app */

static int broken(sl_ctx *c)
{
    return sl_fail(c, 500, "no <b>%s</b>", "bold");
}

static int above(sl_ctx *c)
{
    int r = sl_next(c);

    return r < 0 ? sl_fail_as(c, r, 502, "it was worse") : 0;
}

static int numbered(sl_ctx *c)
{
    return -ENOSPC;
}

static int bare(sl_ctx *c)
{
    return sl_set_status(c, 410);
}

static sl_app *make_app(void)
{
    sl_app *app = sl_new(.mode = SL_DEVELOPMENT, .watch = folder);

    memory_log_start();
    sl_get(app, "/broken", above, broken);
    sl_get(app, "/numbered", numbered);
    sl_get(app, "/bare/:id", bare);
    sl_post(app, "/users", bare);
    assert_int_equal(sl__develop_attach(app), 0);
    return app;
}

/* Asks as a browser, and expects these; the first is unwanted. */
static void expect_page(const char *target, int status, const char *const *want)
{
    sl_app *app = make_app();
    char text[500];
    struct memory m;

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nX: <i>\r\n\r\n",
             target);
    memory_request(&m, app, text);
    assert_int_equal(m.status, status);
    assert_non_null(strstr(m.headers, "Content-Type: text/html; charset=utf-8"));
    assert_non_null(strstr(m.headers, "Content-Security-Policy: default-src 'none'"));
    assert_non_null(strstr(m.headers, "Vary: Accept"));
    sl__buf_append(&m.body, "", 1);
    assert_null(strstr(m.body.data, *want));
    while (*++want)
        if (!strstr(m.body.data, *want))
            fail_msg("%s: no %s in %s", target, *want, m.body.data);
    memory_finish(&m);
    sl_free(app);
}

static void errors_as_pages(void **state)
{
    expect_page("/broken", 502,
                (const char *[]){"<b>bold", "it was worse", "no &lt;b&gt;bold&lt;/b&gt;",
                                 "<span class=\"fn\">above</span>", "Because of",
                                 "<span class=\"fn\">broken</span>", "&lt;i&gt;", NULL});
    expect_page("/numbered", 500,
                (const char *[]){"<i>", "No space left on device", "-28 (ENOSPC)", NULL});
}

static void statuses_as_pages(void **state)
{
    expect_page("/user/'x'", 404,
                (const char *[]){"/user/'x'", "/user/&#39;x&#39;", "/bare/:id",
                                 "No route takes this path", NULL});
    expect_page("/userz", 404, (const char *[]){"<i>", "<tr class=\"near\"><td>POST", NULL});
    expect_page("/users", 405,
                (const char *[]){"<i>", "<tr class=\"near\"><td>POST", "this path", NULL});
    expect_page("/bare/1", 410,
                (const char *[]){"<table class=\"list\"><thead>", "410 Gone", NULL});
}

static void others_get_the_text_they_got_before(void **state)
{
    sl_app *app = make_app();

    memory_expect(app, "GET", "/none", 404, "404 Not Found\n");
    memory_expect(app, "GET", "/bare/1", 410, "410 Gone\n");
    sl_free(app);
}

static int setup(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[100];

    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_never_markup),
        cmocka_unit_test(a_format_escapes_its_values),
        cmocka_unit_test(lines_of_c),
        cmocka_unit_test(excerpts),
        cmocka_unit_test(a_very_long_line_is_cut_between_characters),
        cmocka_unit_test(our_reports),
        cmocka_unit_test(sanitizers_reports),
        cmocka_unit_test(the_command_that_asks_again),
        cmocka_unit_test(a_crash_as_a_page),
        cmocka_unit_test(a_failed_build_as_a_page),
        cmocka_unit_test(distances),
        cmocka_unit_test(errors_as_pages),
        cmocka_unit_test(statuses_as_pages),
        cmocka_unit_test(others_get_the_text_they_got_before),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
