/*
 * The key ring of an app: what its secrets become. Names inside this library begin with slc_.
 */
#ifndef CRYPTO_RING_H
#define CRYPTO_RING_H

#include <openssl/evp.h>

#include <shallot/common.h>

#define SLC_KEYS_MAX 8
#define SLC_KEY 32u /* octets of a derived key */

/** Ready to begin with, so that a request neither looks an algorithm up nor sets up a key. */
struct slc_key {
    EVP_MAC_CTX *sign; /* HMAC-SHA256 */
    EVP_MAC_CTX *seal; /* HMAC-SHA512 */
};

struct slc_ring {
    unsigned count; /* 0: not yet, or never */
    struct slc_key keys[SLC_KEYS_MAX];
    EVP_CIPHER *cipher; /* AES-256-GCM */
};

/** The app's ring; NULL if there is none, which has been logged. */
const struct slc_ring *slc_ring_of(sl_ctx *c);

/** The MAC of some octets; @p ret has room for all of it. False without memory. */
bool slc_mac(const EVP_MAC_CTX *key, const void *octets, size_t len, uint8_t *ret, size_t size);

#endif
