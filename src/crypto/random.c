/*
 * Randomness: the kernel's, asked for each time. No state of ours can be copied by a fork or read
 * from a core file.
 */
#include <shallot/crypto.h>
#include <shallot/ctx.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void sl_random(void *buf, size_t len)
{
    uint8_t *at = buf;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (n < 0 && errno != EINTR) {
            abort(); /* no kernel of this century; going on would be worse */
        }
    }
}

char *sl_random_token(sl_ctx *c, size_t octets)
{
    uint8_t *raw = octets < SIZE_MAX / 8 ? sl_alloc(c, octets) : NULL;
    char *text = raw ? sl_alloc(c, SL_BASE64URL_LEN(octets) + 1) : NULL;

    if (!text)
        return NULL;
    sl_random(raw, octets);
    sl_base64url_encode(raw, octets, text);
    return text;
}
