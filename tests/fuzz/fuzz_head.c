/*
 * The parser of heads. Whatever the octets: a cut never changes a negative outcome, spans lie
 * inside what was parsed and hold only what they may, and the vector scans agree with the tables.
 * The second parser here is the same one, built without vectors.
 */
#define SL__SCAN_BY_TABLE
#define sl__http1_parse parse_by_table
#define sl__http1_still_partial still_partial_by_table
#define sl__http1_terminate_fields terminate_fields_by_table
#include "http/http1/parse.c"
#undef sl__http1_parse
#undef sl__http1_still_partial
#undef sl__http1_terminate_fields

#include <stdlib.h>

#include "fuzz.h"
#include "http/limits.h"
#include "http/target.h"

ssize_t sl__http1_parse(const char *buf, size_t len, const struct sl_limits *limits,
                        struct sl__request *ret, struct sl__field *fields);
bool sl__http1_still_partial(const struct sl__http1_part *part, const char *buf, size_t len,
                             const struct sl_limits *limits);

static ssize_t parse_prefix(const char *data, size_t len, const struct sl_limits *limits,
                            struct sl__http1_part *ret)
{
    struct sl__field fields[SL__FIELDS_MAX];
    struct sl__request r = {0};
    char *copy = malloc(len ? len : 1); /* so that a look beyond the end is seen */
    ssize_t n;

    CHECK(copy);
    memcpy(copy, data, len);
    n = sl__http1_parse(copy, len, limits, &r, fields);
    free(copy);
    *ret = (struct sl__http1_part){(uint32_t)len, n == 0 ? r.run : 0};
    return n;
}

static void check_prefixes(const char *data, size_t size, const struct sl_limits *limits,
                           ssize_t whole)
{
    size_t step = 1 + size / 64; /* another selection for each size */
    struct sl__http1_part part = {0};

    for (size_t len = size % step; len < size; len += step) {
        bool partial = sl__http1_still_partial(&part, data, len, limits);
        ssize_t n = parse_prefix(data, len, limits, &part);

        CHECK(n == 0 || (n == whole && !partial));
        if (n == 0)
            CHECK(whole <= 0 || len < (size_t)whole);
    }
}

static void check_span(struct sl__span s, ssize_t n)
{
    CHECK(s.at <= (size_t)n && s.len <= (size_t)n - s.at);
}

static void check_request(const char *data, ssize_t n, const struct sl__request *r)
{
    char *decoded = malloc(r->path.len + 1);

    CHECK(decoded);
    check_span(r->method_name, n);
    check_span(r->target, n);
    check_span(r->path, n);
    check_span(r->query, n);
    check_span(r->host, n);
    CHECK(r->method_name.len > 0 && r->target.len > 0);
    CHECK(r->path_escaped || !memchr(data + r->path.at, '%', r->path.len));
    CHECK(sl__decode_path((struct sl__str){data + r->path.at, r->path.len}, decoded) >= 0);
    CHECK(r->body == SL__BODY_LENGTH ? r->content_length > 0 : r->content_length == 0);
    CHECK(r->content_length <= INT64_MAX);
    for (uint32_t i = 0; i < r->field_count; i++) {
        struct sl__span name = r->fields[i].name, value = r->fields[i].value;

        check_span(name, n);
        check_span(value, n);
        CHECK(name.len > 0);
        for (uint32_t k = 0; k < name.len; k++)
            CHECK(sl__char_is(data[name.at + k], SL__CHAR_TOKEN));
        for (uint32_t k = 0; k < value.len; k++)
            CHECK(sl__char_is(data[value.at + k], SL__CHAR_VALUE));
        if (value.len > 0)
            CHECK(data[value.at] != ' ' && data[value.at + value.len - 1] != ' ');
    }
    free(decoded);
}

/* NULs go over delimiters only: behind the head nothing changes, and strings end where spans do. */
static void check_strings(const char *data, size_t size, ssize_t n, const struct sl__request *r)
{
    char *copy = malloc(size);
    struct sl__request of_copy = *r;

    CHECK(copy);
    memcpy(copy, data, size);
    of_copy.base = copy;
    CHECK(strlen(sl__request_text(&of_copy, r->method_name)) == r->method_name.len);
    CHECK(strlen(sl__request_text(&of_copy, r->target)) == r->target.len);
    for (uint32_t i = 0; i < r->field_count; i++)
        CHECK(strlen(sl__request_text(&of_copy, r->fields[i].value)) == r->fields[i].value.len);
    CHECK(memcmp(copy + n, data + n, size - (size_t)n) == 0);
    free(copy);
}

static bool same_span(struct sl__span a, struct sl__span b)
{
    return a.at == b.at && a.len == b.len;
}

static void check_same(const struct sl__request *a, const struct sl__request *b)
{
    CHECK(a->method == b->method && a->minor == b->minor && a->facts == b->facts);
    CHECK(a->body == b->body && a->content_length == b->content_length);
    CHECK(a->path_escaped == b->path_escaped && a->asterisk == b->asterisk);
    CHECK(a->keep_alive == b->keep_alive && a->expect_continue == b->expect_continue);
    CHECK(same_span(a->method_name, b->method_name) && same_span(a->target, b->target));
    CHECK(same_span(a->path, b->path) && same_span(a->query, b->query));
    CHECK(same_span(a->host, b->host) && a->field_count == b->field_count);
    CHECK(memcmp(a->fields, b->fields, a->field_count * sizeof(*a->fields)) == 0);
}

static void check_all(const char *data, size_t size, const struct sl_limits *limits)
{
    struct sl__field fields[SL__FIELDS_MAX], same_fields[SL__FIELDS_MAX];
    struct sl__request r = {0}, same = {0};
    ssize_t n = sl__http1_parse(data, size, limits, &r, fields);

    CHECK(parse_by_table(data, size, limits, &same, same_fields) == n);
    CHECK(n <= (ssize_t)size && n <= (ssize_t)limits->head_bytes);
    if (n > 0) {
        CHECK(r.field_count <= limits->head_fields);
        check_same(&r, &same);
        check_request(data, n, &r);
        check_strings(data, size, n, &r);
    } else {
        CHECK(r.run == same.run);
    }
    check_prefixes(data, size, limits, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_limits wide = {0}, narrow = {.head_bytes = 96, .head_fields = 3, .target_bytes = 24};

    sl__limits_fill(&wide);
    sl__limits_fill(&narrow);
    check_all((const char *)data, size, &wide);
    check_all((const char *)data, size, &narrow);
    return 0;
}
