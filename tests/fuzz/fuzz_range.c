/*
 * Ranges: whatever comes, each part lies within the representation, none overlaps another, and
 * together they are no longer than it.
 */
#include "fuzz.h"
#include "http/range.h"

static void check(struct sl__str value, int64_t size)
{
    struct sl__ranges r;
    int64_t sum = 0;

    if (sl__range_read(value, size, &r) != SL__RANGE_PARTS)
        return;
    CHECK(r.count >= 1 && r.count <= SL__RANGES_MAX);
    for (int i = 0; i < r.count; i++) {
        CHECK(r.list[i].at >= 0 && r.list[i].len > 0);
        CHECK(r.list[i].len <= size - r.list[i].at);
        sum += r.list[i].len;
        for (int j = 0; j < i; j++)
            CHECK(r.list[i].at >= r.list[j].at + r.list[j].len ||
                  r.list[j].at >= r.list[i].at + r.list[i].len);
    }
    CHECK(sum <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t sizes[] = {0, 1, 1000, INT64_C(1) << 40, INT64_MAX};
    struct sl__str value = {(const char *)data, size};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check(value, sizes[i]);
    return 0;
}
