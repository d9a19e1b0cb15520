/*
 * The key ring of an app: what its secrets become. Names inside this library begin with slc_.
 */
#ifndef CRYPTO_RING_H
#define CRYPTO_RING_H

#include <shallot/common.h>

#define SLC_KEYS_MAX 8
#define SLC_KEY 32u /* octets of a derived key */

struct slc_key {
    uint8_t sign[SLC_KEY], seal[SLC_KEY];
};

struct slc_ring {
    unsigned count; /* 0: not yet, or never */
    struct slc_key keys[SLC_KEYS_MAX];
};

/** The app's ring, made of the environment's secrets if nobody has said anything; NULL if there is
 * none, which has been logged. */
const struct slc_ring *slc_ring_of(sl_ctx *c);

#endif
