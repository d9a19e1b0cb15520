/*
 * What the connections of a worker count as they go; the scoreboard is told when the loop falls
 * asleep.
 */
#ifndef SL__HTTP_COUNTED_H
#define SL__HTTP_COUNTED_H

#include <stdint.h>

struct sl__counted {
    unsigned serving;        /* requests in a handler now */
    uint64_t served;         /* answers by the service */
    uint64_t refused;        /* answers without it: malformed, too slow, too much */
    uint64_t others;         /* of both, those that are not 2xx */
    uint64_t classes[6];     /* those, by the status's first digit */
    uint64_t received, sent; /* octets */
};

/** An answer that is not 2xx. */
static inline void sl__count_other(struct sl__counted *n, unsigned status)
{
    n->others++;
    n->classes[status < 600 ? status / 100 : 0]++;
}

#endif
