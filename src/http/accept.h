/*
 * What a client accepts: the quality that one of its Accept fields gives to something offered
 * (RFC 9110 §12.4.2, §12.5). Pure, without memory of its own.
 */
#ifndef SL__HTTP_ACCEPT_H
#define SL__HTTP_ACCEPT_H

#include <stdbool.h>

#include "base/str.h"

enum sl__accept {
    SL__ACCEPT_TYPE,     /* Accept: offered is a media type, perhaps with parameters */
    SL__ACCEPT_ENCODING, /* Accept-Encoding */
    SL__ACCEPT_LANGUAGE, /* Accept-Language: offered is a language tag (RFC 4647) */
    SL__ACCEPT_CHARSET,  /* Accept-Charset */
};

/** What the most specific member of the field that speaks of it says. */
struct sl__quality {
    unsigned weight; /* q in thousandths; 0: not acceptable */
    unsigned rank;   /* how exactly it was named; 0: not at all, then weight is 0 too */
};

/** @p offered by the field @p value, several lines joined by commas. Members that are malformed
 * count as not there. */
struct sl__quality sl__accept_quality(enum sl__accept kind, struct sl__str value,
                                      struct sl__str offered);

/** True if no member of the field says anything: it is empty, or malformed throughout. */
bool sl__accept_is_silent(enum sl__accept kind, struct sl__str value);

#endif
