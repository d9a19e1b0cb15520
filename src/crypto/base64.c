/*
 * Base64url: octets as text that cookies, URLs and headers leave alone (RFC 4648 §5).
 *
 * Without padding, and with one text for each value: a decoder that lets spare bits pass gives an
 * attacker several texts that are the same.
 */
#include <shallot/crypto.h>

#include <errno.h>

static const char letters[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t sl_base64url_encode(const void *bytes, size_t len, char *ret)
{
    const uint8_t *in = bytes;
    char *out = ret;

    for (; len >= 3; len -= 3, in += 3) {
        *out++ = letters[in[0] >> 2];
        *out++ = letters[(in[0] & 3) << 4 | in[1] >> 4];
        *out++ = letters[(in[1] & 15) << 2 | in[2] >> 6];
        *out++ = letters[in[2] & 63];
    }
    if (len > 0) {
        *out++ = letters[in[0] >> 2];
        *out++ = letters[(in[0] & 3) << 4 | (len > 1 ? in[1] >> 4 : 0)];
    }
    if (len > 1)
        *out++ = letters[(in[1] & 15) << 2];
    *out = '\0';
    return (size_t)(out - ret);
}

/* What a letter stands for; -1. By comparisons, because a table would tell through the cache. */
static int value_of(char c)
{
    int v = -1;

    v += (c >= 'A' && c <= 'Z') * (c - 'A' + 1);
    v += (c >= 'a' && c <= 'z') * (c - 'a' + 27);
    v += (c >= '0' && c <= '9') * (c - '0' + 53);
    v += (c == '-') * 63 + (c == '_') * 64;
    return v;
}

ssize_t sl_base64url_decode(const char *text, size_t len, void *ret)
{
    uint8_t *out = ret;
    uint32_t bits = 0;
    unsigned held = 0;

    if (len % 4 == 1)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        int v = value_of(text[i]);

        if (v < 0)
            return -EINVAL;
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *out++ = (uint8_t)(bits >> held);
        }
    }
    if (bits & ((1U << held) - 1))
        return -EINVAL;
    return out - (uint8_t *)ret;
}
