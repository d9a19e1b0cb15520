/*
 * The chunked decoder. However a body is cut, it decodes to the same data, the same trailer section
 * and the same end or error at the same octet; a trailer section it lets pass can be parsed.
 */
#include <string.h>

#include "fuzz.h"
#include "http/http1/chunk.h"
#include "http/http1/scan.h"

struct decoded {
    char *data, *trailer;
    size_t data_len, trailer_len, used;
    int result;
};

static void init(struct decoded *d, size_t size)
{
    *d = (struct decoded){.data = malloc(size + 1), .trailer = malloc(size + 1)};
    CHECK(d->data && d->trailer);
}

static void finish(struct decoded *d)
{
    free(d->data);
    free(d->trailer);
}

static void feed(struct sl__chunk *c, const char *in, size_t len, struct decoded *d)
{
    char *copy = malloc(len ? len : 1);
    struct sl__chunk_step step;
    size_t at = 0;

    CHECK(copy);
    memcpy(copy, in, len);
    while (d->result == 0 && at < len) {
        d->result = sl__chunk_decode(c, copy + at, len - at, &step);
        if (d->result < 0)
            break;
        CHECK(step.used > 0 && step.used <= len - at);
        CHECK(step.data_at <= step.used && step.data_len <= step.used - step.data_at);
        memcpy(d->data + d->data_len, copy + at + step.data_at, step.data_len);
        d->data_len += step.data_len;
        if (step.trailer) {
            CHECK(step.data_len == 0);
            memcpy(d->trailer + d->trailer_len, copy + at, step.used);
            d->trailer_len += step.used;
        }
        at += step.used;
        d->used += step.used;
        d->result = step.done;
    }
    free(copy);
}

/* Pieces of pseudo-random length up to @p longest. */
static void check_cut(const char *in, size_t size, size_t longest, const struct decoded *whole)
{
    struct sl__chunk c = {0};
    struct decoded d;
    uint32_t seed = (uint32_t)size * 2654435761U + (uint32_t)longest;
    size_t at = 0;

    init(&d, size);
    while (at < size && d.result == 0) {
        size_t len;

        seed = seed * 1664525U + 1013904223U;
        len = 1 + (seed >> 16) % longest;
        if (len > size - at)
            len = size - at;
        feed(&c, in + at, len, &d);
        at += len;
    }
    CHECK(d.result == whole->result);
    if (d.result >= 0) {
        CHECK(d.used == whole->used);
        CHECK(d.trailer_len == whole->trailer_len);
        CHECK(memcmp(d.trailer, whole->trailer, d.trailer_len) == 0);
        CHECK(d.data_len == whole->data_len && memcmp(d.data, whole->data, d.data_len) == 0);
    }
    finish(&d);
}

static void check_trailer(const struct decoded *d)
{
    static struct sl__field fields[8192];
    int n = sl__trailers_parse(d->trailer, d->trailer_len, fields, 8192);

    CHECK(n >= 0);
    for (int i = 0; i < n; i++) {
        struct sl__span value = fields[i].value;

        CHECK(fields[i].name.len > 0 && value.at + value.len <= d->trailer_len);
        for (uint32_t k = 0; k < value.len; k++)
            CHECK(sl__char_is(d->trailer[value.at + k], SL__CHAR_VALUE));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *in = (const char *)data;
    struct sl__chunk c = {0};
    struct decoded whole;

    init(&whole, size);
    feed(&c, in, size, &whole);
    check_cut(in, size, 1, &whole);
    check_cut(in, size, 3, &whole);
    check_cut(in, size, 40, &whole);
    if (whole.result == 1)
        check_trailer(&whole);
    /* Any octets are some trailer section, or none; never a crash. */
    memcpy(whole.trailer, in, size);
    whole.trailer_len = size;
    sl__trailers_parse(whole.trailer, size, (struct sl__field[16]){0}, 16);
    finish(&whole);
    return 0;
}
