/*
 * Response heads. The input is a list of header operations, one a line ('=' set, '+' append,
 * '-' remove; name, ':', value). Whatever a handler tried to set, what goes out is a head that our
 * own parser reads back as exactly the headers that stand: no line comes from inside a value.
 */
#include <string.h>

#include "fuzz.h"
#include "http/http1/chunk.h"
#include "http/http1/write.h"

#define DATE_SECOND 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */
#define FIELDS_MAX 4096

/* Lines end at 0xfe here, so that CR and LF can be tried in names and values. */
#define LINE_END 0xfe

static void operate(struct sl__response *r, struct sl__arena *a, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    struct sl__str name, value = {"", 0};
    int result;

    if (len == 0)
        return;
    name = (struct sl__str){line + 1, (colon ? (size_t)(colon - line) : len) - (colon != line)};
    if (colon == line)
        name = (struct sl__str){line, 0};
    if (colon)
        value = (struct sl__str){colon + 1, len - (size_t)(colon - line) - 1};
    result = sl__response_set_header(r, a, name, *line == '-' ? NULL : &value, *line == '+');
    CHECK(*line == '-' || (result == 0) == sl__header_allowed(name, value));
}

static void check_head(const struct sl__response *r, const struct sl__buf *out, int framing)
{
    static struct sl__field fields[FIELDS_MAX];
    const char *head = out->data + out->at, *lines = memchr(head, '\n', sl__buf_len(out));
    const struct sl__header *header = r->headers;
    int n, at = 1 + framing; /* Date and what frames come first */

    CHECK(lines);
    lines++;
    n = sl__trailers_parse(lines, sl__buf_len(out) - (size_t)(lines - head), fields, FIELDS_MAX);
    CHECK(n >= at);
    for (; header; header = header->next) {
        if (sl__str_equal_nocase(header->name, SL__STR("Content-Length")))
            continue;
        CHECK(at < n);
        CHECK(sl__str_equal(header->name,
                            (struct sl__str){lines + fields[at].name.at, fields[at].name.len}));
        CHECK(sl__str_equal(header->value,
                            (struct sl__str){lines + fields[at].value.at, fields[at].value.len}));
        at++;
    }
    CHECK(at == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    struct sl__arena arena = {0};
    struct sl__response r;
    struct sl__http1_date date;
    struct sl__buf out = {0};

    if (size < 2 || size > FIELDS_MAX)
        return 0;
    sl__http1_date_set(&date, DATE_SECOND);
    sl__response_init(&r);
    r.status = 100 + (p[0] & 0x7f) * 4;
    struct sl__http1_head head = {.response = &r,
                                  .length = p[1] & 1 ? (int64_t)size : -1,
                                  .chunked = p[1] & 2,
                                  .close = p[1] & 4,
                                  .keep_alive = p[1] & 8,
                                  .date = &date};
    for (p += 2; p < end;) {
        const char *stop = memchr(p, LINE_END, (size_t)(end - p));

        operate(&r, &arena, p, (size_t)((stop ? stop : end) - p));
        p = stop ? stop + 1 : end;
    }
    CHECK(sl__http1_write_head(&out, &head) == 0);
    check_head(&r, &out, (head.length >= 0 || head.chunked) + (head.close || head.keep_alive));
    sl__response_clear(&r);
    sl__arena_reset(&arena);
    sl__buf_finish(&out);
    return 0;
}
