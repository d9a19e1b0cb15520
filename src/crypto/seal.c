/*
 * Sealed bytes: base64url of salt, AES-256-GCM of (expiry, bytes), tag.
 *
 * A nonce of 96 bits chosen at random under one key wears it out after some 2^32 seals. So each
 * seal has a key and a nonce of its own, made of the ring's key and a random salt of 128 bits by
 * HMAC-SHA512: what may meet then are salts, after 2^64. The purpose is authenticated beside it.
 */
#include <shallot/crypto.h>
#include <shallot/ctx.h>

#include <limits.h>
#include <openssl/crypto.h>
#include <string.h>
#include <time.h>

#include "ring.h"

#define SALT 16u
#define EXPIRY 8u
#define TAG 16u
#define AROUND (SALT + EXPIRY + TAG)
#define NONCE 12

_Static_assert(SL_SEALED_LEN(100) == SL_BASE64URL_LEN(100 + AROUND), "the header says 40");

/* Both ways in place: @p text of @p len octets, then its tag. */
static bool crypt(const struct slc_ring *ring, unsigned key, bool seal, const uint8_t salt[SALT],
                  const char *purpose, uint8_t *text, size_t len, uint8_t tag[TAG])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    size_t purpose_len = strlen(purpose);
    uint8_t made[64]; /* a key and a nonce are at its beginning */
    int n = 0;
    bool good;

    good = ctx && slc_mac(ring->keys[key].seal, salt, SALT, made, sizeof made) &&
           EVP_CipherInit_ex(ctx, ring->cipher, NULL, made, made + SLC_KEY, seal) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)purpose, (int)purpose_len) == 1 &&
           EVP_CipherUpdate(ctx, text, &n, text, (int)len) == 1;
    if (good && !seal)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1;
    good = good && EVP_CipherFinal_ex(ctx, text + n, &n) == 1;
    if (good && seal)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1;
    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(made, sizeof made);
    return good;
}

static void put_number(uint8_t *at, int64_t n)
{
    for (unsigned i = 0; i < EXPIRY; i++)
        at[i] = (uint8_t)((uint64_t)n >> (8 * i));
}

static int64_t get_number(const uint8_t *at)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < EXPIRY; i++)
        n |= (uint64_t)at[i] << (8 * i);
    return (int64_t)n;
}

char *sl_seal(sl_ctx *c, const char *purpose, const void *bytes, size_t len, int64_t seconds)
{
    const struct slc_ring *ring = slc_ring_of(c);
    uint8_t *all, *text;
    char *out;

    if (!ring || len > INT_MAX / 2)
        return NULL;
    all = sl_alloc(c, AROUND + len);
    out = sl_alloc(c, SL_SEALED_LEN(len) + 1);
    if (!all || !out)
        return NULL;
    text = all + SALT;
    sl_random(all, SALT);
    put_number(text, seconds > 0 ? (int64_t)time(NULL) + seconds : 0);
    if (len > 0)
        memcpy(text + EXPIRY, bytes, len);
    if (!crypt(ring, 0, true, all, purpose, text, EXPIRY + len, text + EXPIRY + len))
        return NULL;
    sl_base64url_encode(all, AROUND + len, out);
    return out;
}

/* Tries the keys in turn on copies, because what does not fit is garbled. */
static bool open_with(const struct slc_ring *ring, const char *purpose, const uint8_t *all,
                      uint8_t *text, size_t len)
{
    uint8_t tag[TAG];

    for (unsigned i = 0; i < ring->count; i++) {
        memcpy(text, all + SALT, len);
        memcpy(tag, all + SALT + len, TAG);
        if (crypt(ring, i, false, all, purpose, text, len, tag))
            return true;
    }
    return false;
}

void *sl_unseal(sl_ctx *c, const char *purpose, const char *sealed, size_t *ret_len)
{
    const struct slc_ring *ring = slc_ring_of(c);
    size_t len = sealed ? strlen(sealed) : 0;
    uint8_t *all, *text;
    int64_t expiry;
    ssize_t n;

    if (!ring || len < SL_BASE64URL_LEN(AROUND) || len > INT_MAX / 2)
        return NULL;
    all = sl_alloc(c, len);
    text = sl_alloc(c, len);
    n = all && text ? sl_base64url_decode(sealed, len, all) : -1;
    if (n < (ssize_t)AROUND || !open_with(ring, purpose, all, text, (size_t)n - SALT - TAG))
        return NULL;
    expiry = get_number(text);
    if (expiry < 0 || (expiry > 0 && expiry <= (int64_t)time(NULL)))
        return NULL;
    if (ret_len)
        *ret_len = (size_t)n - AROUND;
    text[(size_t)n - SALT - TAG] = '\0'; /* where the tag was counted in */
    return text + EXPIRY;
}
