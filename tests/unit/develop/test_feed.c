/* The feed: what is written comes out the same, never waits, and keeps room for what counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster/feed.h"
#include "develop/develop.h"

#define MOST (SL__FEED_HEAD + SL__FEED_TEXT + 64)

struct fixture {
    int reader, writer;
    char octets[MOST + 1];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    if (sl__feed_pair(&f->reader, &f->writer) < 0)
        return -1;
    sl__feed_use(f->writer);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    close(f->reader);
    close(f->writer);
    sl__feed_use(-1);
    free(f);
    return 0;
}

/* @return length, -1: there is none */
static ssize_t take(struct fixture *f)
{
    ssize_t n = recv(f->reader, f->octets, MOST, MSG_DONTWAIT);

    f->octets[n > 0 ? n : 0] = '\0';
    return n;
}

static void test_a_record(void **state)
{
    struct fixture *f = *state;
    struct sl__feed_record r;
    struct sl__feed_line l;

    sl__feed_begin(&l, "request");
    sl__feed_add_text(&l, "method", "GET");
    sl__feed_add_text(&l, "path", "/a\tb\nc=d\033[31m\x7f");
    sl__feed_add_number(&l, "status", -200);
    sl__feed_send(&l, "some\ttext=1\nmore\n");
    assert_true(take(f) > 0);
    assert_string_equal(f->octets,
                        "request\tmethod=GET\tpath=/a\\x09b\\x0ac=d\\x1b[31m\\x7f\tstatus=-200"
                        "\nsome\ttext=1\nmore\n");
    sl__feed_parse(f->octets, &r);
    assert_string_equal(r.kind, "request");
    assert_int_equal(r.count, 3);
    assert_string_equal(sl__feed_value(&r, "path"), "/a\\x09b\\x0ac=d\\x1b[31m\\x7f");
    assert_int_equal(sl__feed_number(&r, "status"), -200);
    assert_int_equal(sl__feed_number(&r, "method"), 0);
    assert_string_equal(sl__feed_value(&r, "nothing"), "");
    assert_string_equal(r.text, "some\ttext=1\nmore\n");
}

static void test_without_text(void **state)
{
    struct fixture *f = *state;
    struct sl__feed_record r;
    struct sl__feed_line l;

    sl__feed_begin(&l, "building");
    sl__feed_send(&l, NULL);
    assert_int_equal(take(f), 8);
    sl__feed_parse(f->octets, &r);
    assert_string_equal(r.kind, "building");
    assert_int_equal(r.count, 0);
    assert_string_equal(r.text, "");
}

static void test_what_is_too_long_is_cut(void **state)
{
    struct fixture *f = *state;
    struct sl__feed_line l;
    char *text = malloc(300000);

    memset(text, 'x', 299999);
    text[299999] = '\0';
    sl__feed_begin(&l, "failed");
    sl__feed_add_text(&l, "why", text);
    sl__feed_add_text(&l, "none", "there is no room for this");
    sl__feed_send(&l, text);
    assert_true(l.len <= SL__FEED_HEAD);
    assert_int_equal(take(f), l.len + 1 + SL__FEED_TEXT);
    free(text);
}

static void test_nobody_reads(void **state)
{
    struct sl__feed_line l;

    sl__feed_use(-1);
    assert_false(sl__feed_open());
    sl__feed_begin(&l, "request");
    sl__feed_send(&l, "text");
    sl__feed_send_one_of_many(&l);
}

static void test_a_reader_that_is_gone(void **state)
{
    struct fixture *f = *state;
    struct sl__feed_line l;

    close(f->reader);
    f->reader = dup(f->writer);
    sl__feed_begin(&l, "request");
    sl__feed_send(&l, NULL); /* no SIGPIPE, no error */
    sl__feed_send_one_of_many(&l);
}

/* A reader that does not read: requests fill half of the room, and a build's words still fit. */
static void test_room_is_kept(void **state)
{
    struct fixture *f = *state;
    struct sl__feed_line l;
    char *text = malloc(SL__FEED_TEXT);
    int requests = 0, builds = 0;

    memset(text, 'x', SL__FEED_TEXT - 1);
    text[SL__FEED_TEXT - 1] = '\0';
    sl__feed_begin(&l, "request");
    sl__feed_add_text(&l, "path", "/");
    for (int i = 0; i < 20000; i++)
        sl__feed_send_one_of_many(&l);
    sl__feed_begin(&l, "failed");
    sl__feed_send(&l, text);
    while (take(f) > 0)
        *(strncmp(f->octets, "request", 7) == 0 ? &requests : &builds) += 1;
    assert_true(requests > 20 && requests < 20000);
    assert_int_equal(builds, 1);
    free(text);
}

static void test_garbage(void **state)
{
    static const char *const garbage[] = {
        "",      "\n",        "\t",          "\t\t=\t=x\n",
        "built", "built\tms", "built\tms=x", "request\tus=99999999999999999999"};
    sl_development_news news;
    char octets[64];

    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        strcpy(octets, garbage[i]);
        if (sl__develop_read_record(octets, &news))
            assert_int_equal(news.ns, 0);
    }
    strcpy(octets, "unheard-of\tms=3");
    assert_false(sl__develop_read_record(octets, &news));
}

static void expect_words(const char *record, const char *words)
{
    sl_development_news news;
    char octets[512], text[256];

    strcpy(octets, record);
    assert_true(sl__develop_read_record(octets, &news));
    sl__develop_complete(&news, text, sizeof text);
    assert_string_equal(news.text, words);
    assert_int_equal(news.size, sizeof news);
    assert_non_null(news.url);
}

static void test_words(void **state)
{
    expect_words("listening\turl=http://127.0.0.1:80\tindex=0", "listening on http://127.0.0.1:80");
    expect_words("changed\tfile=a.c\tmore=0", "changed: a.c");
    expect_words("changed\tfile=a.c\tmore=7", "changed: a.c and 7 more");
    expect_words("building", "building");
    expect_words("built\tms=412", "built in 0.41 s");
    expect_words("failed\tstatus=2\tms=50\na.c:1:1: error",
                 "build failed: exit code 2 after 0.05 s");
    expect_words("failed\tsignal=15\tms=50",
                 "build failed: ended by SIGTERM (Terminated) after 0.05 s");
    expect_words("swapped\tms=80\tgeneration=3", "generation 3 serves, 80 ms after the save");
    expect_words("swapped\tgeneration=3", "generation 3 serves");
    expect_words("kept\twhy=it died", "the code before serves on: it died");
    expect_words("crashed\tsignal=11\tworker=2\tthen=restarting",
                 "worker 2 was ended by SIGSEGV (Segmentation fault), another takes its place");
    expect_words("crashed\tsignal=99\tworker=2", "worker 2 was ended by signal 99");
    expect_words("request\tmethod=GET\tpath=/x\tquery=a=b\tstatus=404\tus=1500\tworker=1",
                 "GET /x?a=b 404 in 1.5 ms");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_record),
        TEST(test_without_text),
        TEST(test_what_is_too_long_is_cut),
        TEST(test_nobody_reads),
        TEST(test_a_reader_that_is_gone),
        TEST(test_room_is_kept),
        TEST(test_garbage),
        TEST(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
