/*
 * Time in words: HTTP dates (RFC 9110 §5.6.7) and durations for log lines.
 */
#ifndef SL__BASE_TIME_H
#define SL__BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SL__MS INT64_C(1000000) /* nanoseconds in a millisecond */
#define SL__SEC INT64_C(1000000000)

#define SL__HTTP_DATE_LEN 29

/** Writes "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL. */
void sl__http_date(int64_t unix_seconds, char buf[SL__HTTP_DATE_LEN + 1]);

/**
 * Reads a date in any of the three formats. The name of the day has to be one, not the right one.
 *
 * @param now  seconds since the epoch: a year of two digits is never more than 50 years ahead
 * @param ret  seconds since the epoch; untouched on failure
 * @return     false for what is no date
 */
bool sl__http_date_read(struct sl__str text, int64_t now, int64_t *ret);

#endif
