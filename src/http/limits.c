/*
 * Limits: what the program did not name becomes its default, what a parser could not bear is cut
 * down to what it can.
 *
 * The app comes here once, before it listens.
 */
#include "http/limits.h"

#include "http/http1/parse.h"

#define HEAD_BYTES_MAX ((size_t)65536) /* as <shallot/limits.h> promises */

void sl__limits_fill(struct sl_limits *limits)
{
#define FILL(field, value, reason)                                                                 \
    if (limits->field == 0)                                                                        \
        limits->field = value;
    SL__LIMITS(FILL)
#undef FILL
    if (limits->head_bytes > HEAD_BYTES_MAX)
        limits->head_bytes = HEAD_BYTES_MAX;
    if (limits->head_fields > SL__FIELDS_MAX)
        limits->head_fields = SL__FIELDS_MAX;
}
