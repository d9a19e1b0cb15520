/*
 * The parser of heads. The table in parse_cases.h says what each head is; every head is fed whole,
 * cut at every octet, and with another request behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/http1/parse.h"
#include "http/limits.h"
#include "shallot/error.h"

#include "parse_cases.h"

#define CASES (sizeof(parse_cases) / sizeof(*parse_cases))

static struct sl_limits limits;
static struct sl__field fields[SL__FIELDS_MAX];

static int set_up(void **state)
{
    (void)state;
    limits = (struct sl_limits){0};
    sl__limits_fill(&limits);
    return 0;
}

/* Parses a copy that ends where the octets end, so that a sanitizer sees any look beyond. */
static ssize_t parse(const char *head, size_t len, struct sl__request *r)
{
    char *copy = malloc(len ? len : 1);
    ssize_t n;

    assert_non_null(copy);
    memcpy(copy, head, len);
    n = sl__http1_parse(copy, len, &limits, r, fields);
    free(copy);
    return n;
}

static ssize_t wanted(const struct parse_case *c)
{
    return c->result == GOOD ? (ssize_t)c->len : c->result;
}

static void table_whole(void **state)
{
    struct sl__request r;

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct parse_case *c = &parse_cases[i];
        ssize_t n = parse(c->head, c->len, &r);

        if (n != wanted(c))
            fail_msg("RFC %s, %s: %zd instead of %zd", c->section, c->why, n, wanted(c));
    }
}

/* A head cut anywhere wants more or has failed already, and what has failed stays so: this is how
 * the outcome cannot depend on segments. */
static void table_cut_everywhere(void **state)
{
    struct sl__request r;

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct parse_case *c = &parse_cases[i];
        bool failed = false;

        for (size_t len = 0; len < c->len; len++) {
            ssize_t n = parse(c->head, len, &r);

            if (n != (failed ? c->result : 0) && (n >= 0 || n != c->result))
                fail_msg("RFC %s, %s, cut at %zu: %zd", c->section, c->why, len, n);
            failed = n < 0;
        }
    }
}

/* Whoever asks sl__http1_still_partial() first, octet by octet, is told what parsing tells. */
static void table_in_parts(void **state)
{
    struct sl__request r;
    size_t spared = 0;

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct parse_case *c = &parse_cases[i];
        struct sl__http1_part part = {0};

        for (size_t len = 1; len <= c->len; len++) {
            bool partial = sl__http1_still_partial(&part, c->head, len, &limits);
            ssize_t n = parse(c->head, len, &r);

            if (partial && n != 0)
                fail_msg("RFC %s, %s, at %zu: %zd", c->section, c->why, len, n);
            spared += partial;
            part = (struct sl__http1_part){(uint32_t)len, n == 0 ? r.run : 0};
        }
    }
    assert_true(spared > 1000);
}

/* A long name and a long value are parsed once, however they come; and the limit is not missed. */
static void long_parts_are_parsed_once(void **state)
{
    static char head[65536] = "GET / HTTP/1.1\r\nHost: a\r\n";
    const size_t begin = strlen(head), half = limits.head_bytes / 2;
    struct sl__http1_part part = {0};
    struct sl__request r;
    int parsed = 0;

    (void)state;
    memset(head + begin, 'n', half - begin);
    head[half] = ':';
    memset(head + half + 1, 'v', limits.head_bytes - half - 1);
    for (size_t len = begin + 1; len < limits.head_bytes; len++) {
        if (!sl__http1_still_partial(&part, head, len, &limits)) {
            assert_int_equal(sl__http1_parse(head, len, &limits, &r, fields), 0);
            part.run = r.run;
            parsed++;
        }
        part.seen = (uint32_t)len;
    }
    assert_int_equal(parsed, 2);
    assert_false(sl__http1_still_partial(&part, head, limits.head_bytes, &limits));
    assert_int_equal(sl__http1_parse(head, limits.head_bytes, &limits, &r, fields),
                     -SL_EHEADTOOBIG);
}

static void table_with_more_behind(void **state)
{
    static const char behind[] = "\0\x80\r\n\r\nGET /next HTTP/1.1\r\nHost: b\r\n\r\n";
    struct sl__request r;
    char both[1024];

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct parse_case *c = &parse_cases[i];
        ssize_t n;

        assert_true(c->len + sizeof(behind) <= sizeof(both));
        memcpy(both, c->head, c->len);
        memcpy(both + c->len, behind, sizeof(behind));
        n = parse(both, c->len + sizeof(behind), &r);
        if (c->result != MORE && n != wanted(c))
            fail_msg("RFC %s, %s: %zd instead of %zd", c->section, c->why, n, wanted(c));
    }
}

/* A plain Host in the first line has a way of its own; elsewhere, and written otherwise, it means
 * the same. */
static void host_is_judged_anywhere(void **state)
{
    static const char first[] = "GET / HTTP/1.1\r\nHost: ";
    static const char *const others[] = {
        "GET / HTTP/1.1\r\nhOST: ", "GET / HTTP/1.1\r\nHost:", "GET / HTTP/1.1\r\nA: b\r\nHost: ",
        "GET / HTTP/1.1\r\nA: b\r\nhost:\t"};
    struct sl__request r;
    char head[1024];
    size_t compared = 0;

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct parse_case *c = &parse_cases[i];

        if (c->len < sizeof(first) || memcmp(c->head, first, sizeof(first) - 1) != 0)
            continue;
        for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++) {
            size_t len = strlen(others[k]), rest = c->len - (sizeof(first) - 1);
            ssize_t n;

            memcpy(head, others[k], len);
            memcpy(head + len, c->head + sizeof(first) - 1, rest);
            n = parse(head, len + rest, &r);
            if (n != (c->result == GOOD ? (ssize_t)(len + rest) : c->result))
                fail_msg("RFC %s, %s, %s: %zd", c->section, c->why, others[k], n);
            compared++;
        }
    }
    assert_true(compared > 200);
}

static bool span_is(const char *base, struct sl__span s, const char *text)
{
    return s.len == strlen(text) && memcmp(base + s.at, text, s.len) == 0;
}

static void fields_are_spans(void **state)
{
    static const char head[] = "\r\nPUT /a%20b/c?d=e&f HTTP/1.1\r\nhost: a.test:80\r\nX-Empty:\r\n"
                               "X:\t 1 \t2 \t\r\nContent-Length: 17\r\n\r\nbody";
    static const char *const names[] = {"host", "X-Empty", "X", "Content-Length"};
    static const char *const values[] = {"a.test:80", "", "1 \t2", "17"};
    struct sl__request r;

    (void)state;
    assert_int_equal(sl__http1_parse(head, sizeof(head) - 1, &limits, &r, fields),
                     sizeof(head) - 5);
    assert_int_equal(r.method, SL__METHOD_PUT);
    assert_true(span_is(head, r.method_name, "PUT"));
    assert_true(span_is(head, r.target, "/a%20b/c?d=e&f"));
    assert_true(span_is(head, r.path, "/a%20b/c"));
    assert_true(span_is(head, r.query, "d=e&f"));
    assert_true(span_is(head, r.host, "a.test:80"));
    assert_true(r.path_escaped);
    assert_false(r.asterisk);
    assert_int_equal(r.minor, 1);
    assert_int_equal(r.body, SL__BODY_LENGTH);
    assert_int_equal(r.content_length, 17);
    assert_int_equal(r.field_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(span_is(head, r.fields[i].name, names[i]));
        assert_true(span_is(head, r.fields[i].value, values[i]));
    }
}

static void pieces_are_strings(void **state)
{
    char head[] = "GET /a?b HTTP/1.1\r\nHost: a.test \r\nX:\r\nY:z\r\n\r\nnext";
    struct sl__request r = {.base = head};
    ssize_t n = sl__http1_parse(head, sizeof(head) - 1, &limits, &r, fields);

    (void)state;
    assert_int_equal(n, sizeof(head) - 5);
    assert_ptr_equal(r.base, head);
    assert_string_equal(sl__request_text(&r, r.method_name), "GET");
    assert_string_equal(sl__request_text(&r, r.target), "/a?b");
    assert_string_equal(sl__request_text(&r, r.fields[0].value), "a.test");
    assert_string_equal(sl__request_text(&r, r.fields[1].value), "");
    assert_string_equal(sl__request_text(&r, r.fields[2].value), "z");
    assert_string_equal(head + n, "next");
}

/* Lines that begin and end anywhere in a block, or go over several, with an octet in them that is
 * left to the table, and without. */
static void values_of_every_length(void **state)
{
    struct sl__request r;
    char head[1024];

    (void)state;
    for (int one = 0; one < 150; one++) {
        for (int two = 0; two < 150; two++) {
            int len = sprintf(head, "GET / HTTP/1.1\r\nHost: a\r\nOne: %0*d\r\nTwo: %0*d\r\n\r\n",
                              one, 0, two, 0);
            char *odd = strstr(head, "One: ") + 5 + one / 2;

            if (two % 3 == 0 && one > 2)
                *odd = two % 2 ? '\t' : '\xff';
            assert_int_equal(parse(head, (size_t)len, &r), len);
            assert_int_equal(r.field_count, 3);
            assert_true(span_is(head, fields[1].name, "One") &&
                        span_is(head, fields[2].name, "Two"));
            assert_int_equal(fields[1].value.len, one ? one : 1);
            assert_int_equal(fields[2].value.len, two ? two : 1);
            assert_int_equal(head[fields[2].value.at + fields[2].value.len], '\r');
            *odd = '\n';
            assert_int_equal(parse(head, (size_t)len, &r), -SL_EBADREQUEST);
        }
    }
}

struct target_case {
    const char *line, *path, *query, *host;
    bool escaped, asterisk;
};

static void targets_are_taken_apart(void **state)
{
    static const struct target_case cases[] = {
        {"GET / HTTP/1.1", "/", "", "a.test", false, false},
        {"GET /? HTTP/1.1", "/", "", "a.test", false, false},
        {"GET /a?%41 HTTP/1.1", "/a", "%41", "a.test", false, false},
        {"GET /%41?b?c HTTP/1.1", "/%41", "b?c", "a.test", true, false},
        {"GET http://b.test HTTP/1.1", "", "", "b.test", false, false},
        {"GET https://b.test:1/c/d?e HTTP/1.1", "/c/d", "e", "b.test:1", false, false},
        {"GET HTTP://b.test?e/f HTTP/1.1", "", "e/f", "b.test", false, false},
        {"OPTIONS * HTTP/1.1", "*", "", "a.test", false, true},
        {"OPTIONS http://b.test HTTP/1.1", "", "", "b.test", false, true},
        {"OPTIONS http://b.test/ HTTP/1.1", "/", "", "b.test", false, false},
        {"OPTIONS http://b.test? HTTP/1.1", "", "", "b.test", false, false},
    };
    char head[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct target_case *c = &cases[i];
        int len = snprintf(head, sizeof(head), "%s\r\nHost: a.test\r\n\r\n", c->line);
        struct sl__request r;

        assert_int_equal(sl__http1_parse(head, (size_t)len, &limits, &r, fields), len);
        if (!span_is(head, r.path, c->path) || !span_is(head, r.query, c->query) ||
            !span_is(head, r.host, c->host) || r.path_escaped != c->escaped ||
            r.asterisk != c->asterisk)
            fail_msg("%s", c->line);
        assert_int_equal(r.query.at == 0, strchr(c->line, '?') == NULL);
    }
}

struct meaning_case {
    int minor;
    const char *lines;
    bool keep_alive, expect_continue;
    enum sl__body_kind body;
    uint64_t length;
};

static void fields_have_meaning(void **state)
{
    static const struct meaning_case cases[] = {
        {1, "", true, false, SL__BODY_NONE, 0},
        {3, "", true, false, SL__BODY_NONE, 0},
        {0, "", false, false, SL__BODY_NONE, 0},
        {1, "Connection: close\r\n", false, false, SL__BODY_NONE, 0},
        {1, "Connection: CLOSE\r\n", false, false, SL__BODY_NONE, 0},
        {1, "Connection: closed\r\n", true, false, SL__BODY_NONE, 0},
        {1, "Connection: x-close\r\n", true, false, SL__BODY_NONE, 0},
        {1, "Connection: upgrade ,\tclose\r\n", false, false, SL__BODY_NONE, 0},
        {1, "Connection: ,,close,,\r\n", false, false, SL__BODY_NONE, 0},
        {1, "Connection: keep-alive\r\nConnection: close\r\n", false, false, SL__BODY_NONE, 0},
        {1, "Connection: close\r\nConnection: keep-alive\r\n", false, false, SL__BODY_NONE, 0},
        {0, "Connection: Keep-Alive\r\n", true, false, SL__BODY_NONE, 0},
        {0, "Connection: TE, keep-alive\r\n", true, false, SL__BODY_NONE, 0},
        {0, "Connection: keep-alive, close\r\n", false, false, SL__BODY_NONE, 0},
        {0, "Connection: keep-alives\r\n", false, false, SL__BODY_NONE, 0},
        {0, "Keep-Alive: 5\r\n", false, false, SL__BODY_NONE, 0},
        {1, "Content-Length: 0\r\n", true, false, SL__BODY_NONE, 0},
        {1, "Content-Length: 000\r\nExpect: 100-continue\r\n", true, false, SL__BODY_NONE, 0},
        {1, "Content-Length: 5\r\n", true, false, SL__BODY_LENGTH, 5},
        {1, "Content-Length: 9223372036854775807\r\n", true, false, SL__BODY_LENGTH, INT64_MAX},
        {1, "Transfer-Encoding: Chunked\r\n", true, false, SL__BODY_CHUNKED, 0},
        {1, "Expect: 100-continue\r\n", true, false, SL__BODY_NONE, 0},
        {1, "Expect: 100-Continue\r\nContent-Length: 1\r\n", true, true, SL__BODY_LENGTH, 1},
        {1, "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", true, true, SL__BODY_CHUNKED,
         0},
        {1, "Expect:\r\nContent-Length: 1\r\n", true, false, SL__BODY_LENGTH, 1},
        {0, "Expect: 100-continue\r\nContent-Length: 1\r\n", false, false, SL__BODY_LENGTH, 1},
    };
    char head[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct meaning_case *c = &cases[i];
        int len = snprintf(head, sizeof(head), "POST / HTTP/1.%d\r\nHost: a\r\n%s\r\n", c->minor,
                           c->lines);
        struct sl__request r;

        assert_int_equal(sl__http1_parse(head, (size_t)len, &limits, &r, fields), len);
        if (r.minor != c->minor || r.keep_alive != c->keep_alive || r.body != c->body ||
            r.expect_continue != c->expect_continue || r.content_length != c->length)
            fail_msg("HTTP/1.%d, %s", c->minor, c->lines);
    }
}

/* Nothing of an earlier request may shine through. */
static void a_request_is_filled_afresh(void **state)
{
    static const char head[] = "GET / HTTP/1.0\r\n\r\n";
    struct sl__request r;

    (void)state;
    memset(&r, 0xff, sizeof(r));
    assert_int_equal(sl__http1_parse(head, sizeof(head) - 1, &limits, &r, fields),
                     sizeof(head) - 1);
    assert_int_equal(r.query.at, 0);
    assert_int_equal(r.host.len, 0);
    assert_false(r.path_escaped || r.asterisk || r.keep_alive || r.expect_continue);
    assert_int_equal(r.body, SL__BODY_NONE);
    assert_int_equal(r.content_length, 0);
    assert_int_equal(r.field_count, 0);
    assert_null(r.trailers);
    assert_int_equal(r.trailer_count, 0);
}

/* Fills @p buf with a head whose target has @p target octets and which has @p count fields, one of
 * them padded until the head has @p total octets. */
static size_t build(char *buf, size_t target, unsigned count, size_t total)
{
    size_t len = (size_t)sprintf(buf, "GET /");

    memset(buf + len, 'a', target - 1);
    len += target - 1;
    len += (size_t)sprintf(buf + len, " HTTP/1.1\r\nHost: a\r\n");
    for (unsigned i = 2; i < count; i++)
        len += (size_t)sprintf(buf + len, "X: y\r\n");
    len += (size_t)sprintf(buf + len, "Z: ");
    while (len + 4 < total)
        buf[len++] = 'z';
    return len + (size_t)sprintf(buf + len, "\r\n\r\n");
}

static void head_at_its_limit(void **state)
{
    static char buf[70000];
    struct sl__request r;

    (void)state;
    for (size_t total = limits.head_bytes - 1; total <= limits.head_bytes + 1; total++) {
        bool good = total <= limits.head_bytes;

        assert_int_equal(build(buf, 1, 3, total), total);
        assert_int_equal(parse(buf, total, &r), good ? (ssize_t)total : BIG);
        for (size_t len = total - 8; len < total; len++)
            assert_int_equal(parse(buf, len, &r), len < limits.head_bytes ? MORE : BIG);
        /* Whatever else has come in the same read. */
        assert_int_equal(parse(buf, sizeof(buf), &r), good ? (ssize_t)total : BIG);
    }
}

static void fields_at_their_limit(void **state)
{
    static char buf[70000];
    struct sl__request r;
    size_t len;

    (void)state;
    len = build(buf, 1, limits.head_fields, 0);
    assert_int_equal(parse(buf, len, &r), len);
    assert_int_equal(r.field_count, limits.head_fields);
    len = build(buf, 1, limits.head_fields + 1, 0);
    assert_int_equal(parse(buf, len, &r), BIG);
    assert_int_equal(parse(buf, len - 7, &r), MORE); /* before "Z: \r\n\r\n" */
    assert_int_equal(parse(buf, len - 6, &r), BIG);
}

static void target_at_its_limit(void **state)
{
    static char buf[70000];
    struct sl__request r;
    size_t max = limits.target_bytes, len;

    (void)state;
    len = build(buf, max, 3, 0);
    assert_int_equal(parse(buf, len, &r), len);
    assert_int_equal(r.target.len, max);
    len = build(buf, max + 1, 3, 0);
    assert_int_equal(parse(buf, len, &r), LONG);
    assert_int_equal(parse(buf, 4 + max, &r), MORE);
    assert_int_equal(parse(buf, 4 + max + 1, &r), LONG);
    build(buf, 60000, 3, 0);
    assert_int_equal(parse(buf, 60000, &r), LONG);
    buf[4 + max + 1] = '\x01'; /* behind the limit: nobody looks */
    assert_int_equal(parse(buf, 60000, &r), LONG);
    buf[4 + max - 1] = '\x01'; /* before the limit */
    assert_int_equal(parse(buf, 60000, &r), BAD);
    memcpy(buf + 4 + max - 3, "%41", 3);
    buf[4 + max] = ' ';
    assert_true(parse(buf, 60000, &r) == BAD); /* the version is wrong, the escape was not */
    memcpy(buf + 4 + max - 3, "a%41", 4);      /* an escape across the limit */
    assert_int_equal(parse(buf, 60000, &r), LONG);
    assert_int_equal(parse(buf, 4 + max, &r), MORE);
}

static void limits_are_filled_and_bounded(void **state)
{
    struct sl_limits l = {.head_bytes = 1000000, .head_fields = 5000, .idle_ms = 7};

    (void)state;
    sl__limits_fill(&l);
    assert_int_equal(l.head_bytes, 65536);
    assert_int_equal(l.head_fields, SL__FIELDS_MAX);
    assert_int_equal(l.idle_ms, 7);
    assert_int_equal(l.target_bytes, 8192);
    assert_int_equal(l.connections, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_whole),
        cmocka_unit_test(table_cut_everywhere),
        cmocka_unit_test(table_in_parts),
        cmocka_unit_test(long_parts_are_parsed_once),
        cmocka_unit_test(table_with_more_behind),
        cmocka_unit_test(host_is_judged_anywhere),
        cmocka_unit_test(values_of_every_length),
        cmocka_unit_test(fields_are_spans),
        cmocka_unit_test(pieces_are_strings),
        cmocka_unit_test(targets_are_taken_apart),
        cmocka_unit_test(fields_have_meaning),
        cmocka_unit_test(a_request_is_filled_afresh),
        cmocka_unit_test(head_at_its_limit),
        cmocka_unit_test(fields_at_their_limit),
        cmocka_unit_test(target_at_its_limit),
        cmocka_unit_test(limits_are_filled_and_bounded),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
