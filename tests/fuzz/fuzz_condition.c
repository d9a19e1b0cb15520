/*
 * Conditions and dates. A list matches what stands in it and goes on matching with more behind it;
 * weak comparison takes all that strong comparison takes; a date that can be read comes back as it
 * was written.
 */
#include <string.h>

#include "base/time.h"
#include "fuzz.h"
#include "http/condition.h"

#define NOW INT64_C(1800000000)

static void check_date(struct sl__str in)
{
    char text[SL__HTTP_DATE_LEN + 1];
    int64_t at, again;

    if (!sl__http_date_read(in, NOW, &at))
        return;
    sl__http_date(at, text);
    if (at < INT64_C(253402300800)) { /* a leap second at the end of the year 9999 */
        CHECK(sl__http_date_read(sl__str_of(text), NOW, &again));
        CHECK(again == at);
    }
}

static enum sl__verdict judge(struct sl__str match, struct sl__str none_match,
                              struct sl__str modified, bool reading)
{
    const struct sl__validators v = {SL__STR("\"a\""), true, NOW - 5};
    const struct sl__conditions c = {match, none_match, modified, modified};

    return sl__condition_judge(&c, &v, reading, NOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sl__validators v = {SL__STR("\"a\""), true, NOW - 5};
    const struct sl__validators odd = {{(const char *)data, size}, false, 0};
    struct sl__str in = {(const char *)data, size}, none = {NULL, 0};
    char *more = malloc(size + 6);

    CHECK(more);
    check_date(in);
    if (judge(in, none, none, true) == SL__VERDICT_GO) /* a strong match is a weak one too */
        CHECK(judge(none, in, none, true) == SL__VERDICT_FRESH);
    if (judge(none, in, none, true) == SL__VERDICT_FRESH) {
        CHECK(judge(none, in, none, false) == SL__VERDICT_UNMET);
        if (memchr(in.ptr, '"', size)) { /* else it is "*", which is no list */
            memcpy(more, in.ptr, size);
            memcpy(more + size, ", \"z\"", 5);
            CHECK(judge(none, (struct sl__str){more, size + 5}, none, true) == SL__VERDICT_FRESH);
        }
    }
    judge(none, none, in, true);
    sl__condition_if_range(in, &v, NOW);
    sl__condition_if_range(SL__STR("\"a\""), &odd, NOW);
    free(more);
    return 0;
}
