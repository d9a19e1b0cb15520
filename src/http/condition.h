/*
 * Conditional requests (RFC 9110 §13): what the client says it has, against what there is.
 *
 * Pure: values of fields go in, a verdict comes out.
 */
#ifndef SL__HTTP_CONDITION_H
#define SL__HTTP_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/** Values of the fields, their lines joined; ptr NULL: the request has none. */
struct sl__conditions {
    struct sl__str match, none_match;                /* If-Match, If-None-Match */
    struct sl__str modified_since, unmodified_since; /* If-Modified-Since, If-Unmodified-Since */
};

/** What tells the representation that would be sent from others. */
struct sl__validators {
    struct sl__str etag; /* with its quotes, and W/ if it is weak; ptr NULL: none */
    bool dated;          /* there is a date of the last change */
    int64_t modified;    /* that date, in seconds since the epoch */
};

enum sl__verdict {
    SL__VERDICT_GO,    /* as if there were no conditions */
    SL__VERDICT_FRESH, /* 304: the client has it already */
    SL__VERDICT_UNMET, /* 412 */
};

/**
 * Weighs the preconditions in the order of §13.2.2, for a resource that exists. What is no list of
 * entity tags matches nothing; what is no date is not there.
 *
 * @param reading  the method is GET or HEAD
 * @param now      seconds since the epoch, for dates whose year has two digits
 */
enum sl__verdict sl__condition_judge(const struct sl__conditions *conditions,
                                     const struct sl__validators *v, bool reading, int64_t now);

/** The last of those steps: true if the representation is still the one that If-Range names
 * (§13.1.5), so that a range of it makes sense. A weak entity tag never does. */
bool sl__condition_if_range(struct sl__str value, const struct sl__validators *v, int64_t now);

#endif
