/*
 * Signed text: "text.expiry.signature", readable by all, made by nobody else.
 *
 * The signature covers the purpose and everything before its own dot. The expiry is in seconds
 * since 1970, 0 for never; the text may have dots, because it is read from the end.
 */
#include <shallot/crypto.h>
#include <shallot/ctx.h>

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ring.h"

#define MAC 32u
#define MAC_TEXT SL_BASE64URL_LEN(MAC)

/* Of "purpose", NUL, "text.expiry", which begin at @p all. */
static bool mac(const struct slc_key *key, const char *all, size_t len, uint8_t ret[MAC])
{
    return slc_mac(key->sign, all, len, ret, MAC);
}

char *sl_sign(sl_ctx *c, const char *purpose, const char *text, int64_t seconds)
{
    const struct slc_ring *ring = slc_ring_of(c);
    int64_t expiry = seconds > 0 ? (int64_t)time(NULL) + seconds : 0;
    size_t before = strlen(purpose) + 1, len = strlen(text);
    char *all = ring ? sl_alloc(c, before + len + MAC_TEXT + 24) : NULL, *end;
    uint8_t signature[MAC];

    if (!all)
        return NULL;
    memcpy(all, purpose, before);
    memcpy(all + before, text, len);
    end = all + before + len;
    end += sprintf(end, ".%" PRId64, expiry);
    if (!mac(&ring->keys[0], all, (size_t)(end - all), signature))
        return NULL;
    *end++ = '.';
    sl_base64url_encode(signature, MAC, end);
    return all + before;
}

/* Seconds of "123", which is all there is; negative: no number. */
static int64_t number(const char *text)
{
    int64_t n = 0;

    if (!*text)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || n > (INT64_MAX - 9) / 10)
            return -1;
        n = n * 10 + (*text - '0');
    }
    return n;
}

static bool genuine(const struct slc_ring *ring, const char *all, size_t len, const char *signature)
{
    uint8_t given[MAC], right[MAC];
    bool found = false;

    if (strlen(signature) != MAC_TEXT ||
        sl_base64url_decode(signature, MAC_TEXT, given) != (ssize_t)MAC)
        return false;
    for (unsigned i = 0; i < ring->count && !found; i++)
        found = mac(&ring->keys[i], all, len, right) && CRYPTO_memcmp(given, right, MAC) == 0;
    return found;
}

const char *sl_unsign(sl_ctx *c, const char *purpose, const char *signed_text)
{
    const struct slc_ring *ring = slc_ring_of(c);
    size_t before = strlen(purpose) + 1;
    char *all, *dot;
    int64_t expiry;

    if (!ring || !signed_text)
        return NULL;
    all = sl_alloc(c, before + strlen(signed_text) + 1);
    if (!all)
        return NULL;
    memcpy(all, purpose, before);
    strcpy(all + before, signed_text);
    dot = strrchr(all + before, '.');
    if (!dot || !genuine(ring, all, (size_t)(dot - all), dot + 1))
        return NULL;
    *dot = '\0';
    dot = strrchr(all + before, '.');
    expiry = dot ? number(dot + 1) : -1;
    if (expiry < 0 || (expiry > 0 && expiry <= (int64_t)time(NULL)))
        return NULL;
    *dot = '\0';
    return all + before;
}
