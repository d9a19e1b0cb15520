/*
 * Ranges: "bytes=0-99, 500-, -10" made into places within a representation.
 *
 * Comes here from the app when a file is asked for in part. Defends against a request that costs
 * more to answer than to send: the list is bounded, and what overlaps is joined, so that an answer
 * is never longer than the file and a few lines for each part.
 */
#include "http/range.h"

#include <stdbool.h>

#define GAP 80 /* octets in between: what the lines of another part would take */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static struct sl__str trimmed(struct sl__str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Takes what is in front of the next comma, and the comma. */
static struct sl__str take_element(struct sl__str *list)
{
    const char *comma = memchr(list->ptr, ',', list->len);
    size_t len = comma ? (size_t)(comma - list->ptr) : list->len;
    struct sl__str element = {list->ptr, len};

    list->ptr += len;
    list->len -= len;
    if (comma) {
        list->ptr++;
        list->len--;
    }
    return trimmed(element);
}

/* -1: no number. One that is beyond all files is as good as another. */
static int64_t number(struct sl__str digits)
{
    int64_t n = 0;

    if (digits.len == 0)
        return -1;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];

        if (c < '0' || c > '9')
            return -1;
        n = n > (INT64_MAX - 9) / 10 ? INT64_MAX : n * 10 + (c - '0');
    }
    return n;
}

/* What one element means; len 0: nothing that is there. False if it is malformed. */
static bool read_one(struct sl__str s, int64_t size, struct sl__range *ret)
{
    const char *dash = memchr(s.ptr, '-', s.len);
    struct sl__str before, behind;
    int64_t first, last;

    if (!dash)
        return false;
    before = (struct sl__str){s.ptr, (size_t)(dash - s.ptr)};
    behind = (struct sl__str){dash + 1, s.len - before.len - 1};
    last = number(behind);
    if (before.len == 0) { /* so many at the end */
        if (last < 0)
            return false;
        *ret = last < size ? (struct sl__range){size - last, last} : (struct sl__range){0, size};
        return true;
    }
    first = number(before);
    if (first < 0 || (behind.len > 0 && last < first))
        return false;
    if (behind.len == 0 || last >= size)
        last = size - 1;
    *ret = (struct sl__range){first, first < size ? last - first + 1 : 0};
    return true;
}

/* Within a few octets, or overlapping. */
static bool near(const struct sl__range *a, const struct sl__range *b)
{
    return a->at - GAP <= b->at + b->len && b->at - GAP <= a->at + a->len;
}

/* Makes one of the two, at the place of the first. */
static void join(struct sl__ranges *r, int first, int second)
{
    struct sl__range *a = &r->list[first], *b = &r->list[second];
    int64_t end = a->at + a->len > b->at + b->len ? a->at + a->len : b->at + b->len;

    a->at = a->at < b->at ? a->at : b->at;
    a->len = end - a->at;
    r->count--;
    memmove(b, b + 1, (size_t)(r->count - second) * sizeof *b);
}

/* Joins the one that was added last with those near it: what they become may be near to others. */
static void settle(struct sl__ranges *r)
{
    int at = r->count - 1;

    for (int i = 0; i < r->count; i++) {
        if (i == at || !near(&r->list[i], &r->list[at]))
            continue;
        join(r, i < at ? i : at, i < at ? at : i);
        at = i < at ? i : at;
        i = -1;
    }
}

enum sl__range_verdict sl__range_read(struct sl__str value, int64_t size, struct sl__ranges *ret)
{
    const struct sl__str unit = SL__STR("bytes=");
    int seen = 0;

    value = trimmed(value);
    ret->count = 0;
    if (value.len < unit.len || !sl__str_equal_nocase((struct sl__str){value.ptr, unit.len}, unit))
        return SL__RANGE_WHOLE;
    value.ptr += unit.len;
    value.len -= unit.len;
    while (value.len > 0) {
        struct sl__str element = take_element(&value);
        struct sl__range range;

        if (element.len == 0) /* an empty element of a list is passed over (§5.6.1.2) */
            continue;
        if (++seen > SL__RANGES_MAX)
            return SL__RANGE_WHOLE;
        if (!read_one(element, size, &range))
            return SL__RANGE_NONE;
        if (range.len == 0)
            continue;
        ret->list[ret->count++] = range;
        settle(ret);
    }
    if (seen == 0)
        return SL__RANGE_WHOLE;
    return ret->count > 0 ? SL__RANGE_PARTS : SL__RANGE_NONE;
}
