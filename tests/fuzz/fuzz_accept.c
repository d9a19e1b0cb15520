/*
 * Accept fields. The first octet chooses the field, then comes what is offered up to a NUL, then
 * the field's value. Weights and ranks stay in their ranges; the order of two members does not
 * matter; what stands behind a comma cannot hurt what stands before it.
 */
#include <string.h>

#include "fuzz.h"
#include "http/accept.h"

static struct sl__quality quality(enum sl__accept kind, struct sl__str value,
                                  struct sl__str offered)
{
    struct sl__quality q = sl__accept_quality(kind, value, offered);

    CHECK(q.weight <= 1000);
    CHECK(q.rank > 0 || q.weight == 0);
    CHECK(q.rank <= value.len + 4);
    if (q.rank > 0)
        CHECK(!sl__accept_is_silent(kind, value));
    return q;
}

/* Two lists, one behind the other, both ways. */
static void both_ways(enum sl__accept kind, struct sl__str a, struct sl__str b,
                      struct sl__str offered)
{
    char *ab = malloc(a.len + b.len + 1), *ba = malloc(a.len + b.len + 1);
    struct sl__quality one, other;

    CHECK(ab && ba);
    memcpy(ab, a.ptr, a.len);
    ab[a.len] = ',';
    memcpy(ab + a.len + 1, b.ptr, b.len);
    memcpy(ba, b.ptr, b.len);
    ba[b.len] = ',';
    memcpy(ba + b.len + 1, a.ptr, a.len);
    one = quality(kind, (struct sl__str){ab, a.len + b.len + 1}, offered);
    other = quality(kind, (struct sl__str){ba, a.len + b.len + 1}, offered);
    CHECK(one.weight == other.weight && one.rank == other.rank);
    free(ab);
    free(ba);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *nul, *comma;
    struct sl__str offered, value;
    enum sl__accept kind;

    if (size < 1)
        return 0;
    kind = (enum sl__accept)(text[0] & 3);
    nul = memchr(text + 1, '\0', size - 1);
    if (!nul)
        return 0;
    offered = (struct sl__str){text + 1, (size_t)(nul - text) - 1};
    value = (struct sl__str){nul + 1, size - offered.len - 2};
    quality(kind, value, offered);
    comma = memchr(value.ptr, ',', value.len);
    if (comma && !memchr(value.ptr, '"', value.len))
        both_ways(kind, (struct sl__str){value.ptr, (size_t)(comma - value.ptr)},
                  (struct sl__str){comma + 1, (size_t)(value.ptr + value.len - comma) - 1},
                  offered);
    return 0;
}
