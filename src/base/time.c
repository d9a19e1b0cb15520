/*
 * Time in words. The date is computed here rather than by strftime(), which asks the locale and the
 * time zone; this is the Gregorian calendar in era arithmetic (400 years repeat), with the year
 * beginning in March, so that the leap day is the last of its year.
 */
#include "base/time.h"

#include <string.h>

#define DAY 86400
#define FIRST_SECOND INT64_C(-62167219200) /* the year 0 */
#define LAST_SECOND INT64_C(253402300799)  /* the year 9999 */

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
    static const char names[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
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
