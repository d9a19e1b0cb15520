/*
 * Time in words. Dates are computed here rather than by strftime() and strptime(), which ask the
 * locale and the time zone; this is the Gregorian calendar in era arithmetic (400 years repeat),
 * with the year beginning in March, so that the leap day is the last of its year.
 */
#include "base/time.h"

#include <string.h>

#define DAY 86400
#define FIRST_SECOND INT64_C(-62167219200) /* the year 0 */
#define LAST_SECOND INT64_C(253402300799)  /* the year 9999 */

static const char names[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date {
    unsigned year, month, day, weekday; /* month and weekday from 0, weekday 0 is Sunday */
};

static struct date date_of(int64_t days)
{
    struct date d;
    int64_t shifted = days + 719468; /* days since 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    unsigned of_era = (unsigned)(shifted - era * 146097);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned march_month = (5 * of_year + 2) / 153;

    d.day = of_year - (153 * march_month + 2) / 5 + 1;
    d.month = (march_month + 2) % 12;
    d.year = (unsigned)((int64_t)year + era * 400) + (d.month < 2);
    d.weekday = (unsigned)(((days + 4) % 7 + 7) % 7); /* the epoch was a Thursday */
    return d;
}

static void two_digits(char *at, unsigned value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

void sl__http_date(int64_t unix_seconds, char buf[SL__HTTP_DATE_LEN + 1])
{
    int64_t days;
    unsigned second;
    struct date d;

    if (unix_seconds < FIRST_SECOND)
        unix_seconds = FIRST_SECOND;
    if (unix_seconds > LAST_SECOND) /* the format has four digits for the year */
        unix_seconds = LAST_SECOND;
    days = (unix_seconds >= 0 ? unix_seconds : unix_seconds - (DAY - 1)) / DAY;
    second = (unsigned)(unix_seconds - days * DAY);
    d = date_of(days);
    memcpy(buf, "Xxx, 00 Xxx 0000 00:00:00 GMT", SL__HTTP_DATE_LEN + 1);
    memcpy(buf, names + (size_t)3 * d.weekday, 3);
    two_digits(buf + 5, d.day);
    memcpy(buf + 8, months + (size_t)3 * d.month, 3);
    two_digits(buf + 12, d.year / 100);
    two_digits(buf + 14, d.year % 100);
    two_digits(buf + 17, second / 3600);
    two_digits(buf + 20, second / 60 % 60);
    two_digits(buf + 23, second % 60);
}

static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t march_year = month < 2 ? year - 1 : year;
    int64_t era = (march_year >= 0 ? march_year : march_year - 399) / 400;
    unsigned of_era = (unsigned)(march_year - era * 400);
    unsigned of_year = (153 * ((month + 10) % 12) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* A date being read. */
struct reader {
    const char *at, *end;
    int64_t year;
    unsigned month, day, hour, minute, second;
};

static bool take(struct reader *r, const char *literal)
{
    size_t len = strlen(literal);

    if ((size_t)(r->end - r->at) < len || memcmp(r->at, literal, len) != 0)
        return false;
    r->at += len;
    return true;
}

/* Exactly @p digits digits. */
static bool take_number(struct reader *r, unsigned digits, unsigned *ret)
{
    *ret = 0;
    if ((size_t)(r->end - r->at) < digits)
        return false;
    for (; digits > 0; digits--, r->at++) {
        if (*r->at < '0' || *r->at > '9')
            return false;
        *ret = *ret * 10 + (unsigned)(*r->at - '0');
    }
    return true;
}

/* One of the three-letter names in @p list. */
static bool take_name(struct reader *r, const char *list, unsigned *ret)
{
    if (r->end - r->at < 3)
        return false;
    for (unsigned i = 0; list[(size_t)3 * i]; i++) {
        if (memcmp(list + (size_t)3 * i, r->at, 3) != 0)
            continue;
        r->at += 3;
        *ret = i;
        return true;
    }
    return false;
}

static bool take_time(struct reader *r)
{
    return take_number(r, 2, &r->hour) && take(r, ":") && take_number(r, 2, &r->minute) &&
           take(r, ":") && take_number(r, 2, &r->second);
}

static bool take_year(struct reader *r)
{
    unsigned year;

    if (!take_number(r, 4, &year))
        return false;
    r->year = year;
    return true;
}

/* Sun, 06 Nov 1994 08:49:37 GMT, from the comma on. */
static bool read_fixed(struct reader *r)
{
    return take(r, ", ") && take_number(r, 2, &r->day) && take(r, " ") &&
           take_name(r, months, &r->month) && take(r, " ") && take_year(r) && take(r, " ") &&
           take_time(r) && take(r, " GMT");
}

/* Sunday, 06-Nov-94 08:49:37 GMT, behind "Sun". The century is the one that puts the date at most
 * 50 years ahead. */
static bool read_rfc850(struct reader *r, unsigned weekday, int64_t now)
{
    static const char *const rest[] = {"day, ",   "day, ", "sday, ", "nesday, ",
                                       "rsday, ", "day, ", "urday, "};
    unsigned year;
    int64_t this_year;

    if (!take(r, rest[weekday]) || !take_number(r, 2, &r->day) || !take(r, "-") ||
        !take_name(r, months, &r->month) || !take(r, "-") || !take_number(r, 2, &year) ||
        !take(r, " ") || !take_time(r) || !take(r, " GMT"))
        return false;
    this_year = date_of(now / DAY).year;
    r->year = this_year - this_year % 100 + year;
    if (r->year > this_year + 50)
        r->year -= 100;
    else if (r->year <= this_year - 50)
        r->year += 100;
    return true;
}

/* Sun Nov  6 08:49:37 1994, behind "Sun". */
static bool read_asctime(struct reader *r)
{
    return take(r, " ") && take_name(r, months, &r->month) && take(r, " ") &&
           (take(r, " ") ? take_number(r, 1, &r->day) : take_number(r, 2, &r->day)) &&
           take(r, " ") && take_time(r) && take(r, " ") && take_year(r);
}

static bool is_possible(const struct reader *r)
{
    int64_t first = days_of(r->year, r->month, 1);
    int64_t next = days_of(r->month < 11 ? r->year : r->year + 1, (r->month + 1) % 12, 1);

    return r->day >= 1 && r->day <= next - first && r->hour < 24 && r->minute < 60 &&
           r->second <= 60; /* a leap second */
}

bool sl__http_date_read(struct sl__str text, int64_t now, int64_t *ret)
{
    struct reader r = {.at = text.ptr, .end = text.ptr + text.len};
    unsigned weekday;
    bool ok;

    if (!take_name(&r, names, &weekday))
        return false;
    if (r.at < r.end && *r.at == ',')
        ok = read_fixed(&r);
    else if (r.at < r.end && *r.at == ' ')
        ok = read_asctime(&r);
    else
        ok = read_rfc850(&r, weekday, now);
    if (!ok || r.at != r.end || !is_possible(&r))
        return false;
    *ret =
        days_of(r.year, r.month, r.day) * DAY + (r.hour * 60 + r.minute) * INT64_C(60) + r.second;
    return true;
}
