/*
 * Secrets: where they come from, whether they are worth the name, and the keys they become.
 *
 * main() comes here through sl_secrets() or through a middleware that needs them; each worker is
 * the same program and finds the same. The ring is kept with the app, where requests find it. In
 * development, where nobody has to set up anything, the first worker makes a secret up and leaves
 * it in a map of the master's memory, from which all others take it.
 */
#include <shallot/app.h>
#include <shallot/crypto.h>
#include <shallot/ctx.h>
#include <shallot/error.h>
#include <shallot/fiber.h>
#include <shallot/log.h>
#include <shallot/shared.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring.h"

#define STATE "shallot.secrets"
#define SHORTEST 32u
#define DIFFERENT 8 /* octets a secret must have at least; 32 random hex digits have 14 */
#define SEPARATORS " \t\r\n,"
#define TEXT_MAX ((size_t)16384) /* of a file, or of the environment */
#define HOW "a random text of 32 octets or more, as `openssl rand -hex 32` prints it"

struct secrets {
    struct slc_ring ring; /* first */
    sl_map *made_up;      /* development; NULL */
};

/* HKDF-SHA256 (RFC 5869) without salt, one label for each use. */
static int derive(const char *secret, size_t len, const char *label, uint8_t ret[SLC_KEY])
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)label,
                                          strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    int r = ctx && EVP_KDF_derive(ctx, ret, SLC_KEY, params) == 1 ? 0 : -ENOMEM;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return r;
}

static EVP_MAC_CTX *hmac_with(const char *hash, const uint8_t key[SLC_KEY])
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    char name[8];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };

    strcpy(name, hash);
    EVP_MAC_free(mac);
    if (ctx && EVP_MAC_init(ctx, key, SLC_KEY, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

static EVP_MAC_CTX *key_for(const char *secret, size_t len, const char *label, const char *hash)
{
    EVP_MAC_CTX *ctx = NULL;
    uint8_t key[SLC_KEY];

    if (derive(secret, len, label, key) == 0)
        ctx = hmac_with(hash, key);
    OPENSSL_cleanse(key, sizeof key);
    return ctx;
}

static int add_key(struct slc_ring *ring, const char *secret, size_t len)
{
    struct slc_key *key = &ring->keys[ring->count];

    if (!ring->cipher)
        ring->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    key->sign = key_for(secret, len, "shallot 1 sign", "SHA256");
    key->seal = key_for(secret, len, "shallot 1 seal", "SHA512");
    if (!ring->cipher || !key->sign || !key->seal)
        return -ENOMEM; /* what there is goes with the ring */
    ring->count++;
    return 0;
}

static bool is_regular(const char *text, size_t len)
{
    bool seen[256] = {false};
    int different = 0;

    for (size_t i = 0; i < len; i++) {
        different += !seen[(unsigned char)text[i]];
        seen[(unsigned char)text[i]] = true;
    }
    return different < DIFFERENT;
}

/* Takes one secret, or says what is wrong with it, but not what it is. */
static int take(sl_app *app, struct slc_ring *ring, const char *text, size_t len, const char *from)
{
    unsigned number = ring->count + 1;

    if (len < SHORTEST)
        return sl_refuse(app, "%s: secret %u has %zu octets: it takes " HOW, from, number, len);
    if (is_regular(text, len))
        return sl_refuse(app, "%s: secret %u can be guessed: it takes " HOW, from, number);
    if (ring->count == SLC_KEYS_MAX)
        return sl_refuse(app, "%s: there are more than %d secrets: drop the oldest", from,
                         SLC_KEYS_MAX);
    return add_key(ring, text, len);
}

static int take_list(sl_app *app, struct slc_ring *ring, const char *text, const char *from)
{
    int r = 0;

    for (text += strspn(text, SEPARATORS); *text && r == 0; text += strspn(text, SEPARATORS)) {
        size_t len = strcspn(text, SEPARATORS);

        r = take(app, ring, text, len, from);
        text += len;
    }
    if (r == 0 && ring->count == 0)
        r = sl_refuse(app, "%s is empty: it takes " HOW, from);
    return r;
}

static ssize_t read_whole(const char *path, char *buf, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;
    size_t len = 0;

    if (fd < 0)
        return -errno;
    while (n > 0 && len < room) {
        n = read(fd, buf + len, room - len);
        if (n > 0)
            len += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
    if (n < 0)
        n = -errno;
    close(fd);
    return n < 0 ? n : (ssize_t)len;
}

static int take_file(sl_app *app, struct slc_ring *ring, const char *path)
{
    char *text = malloc(TEXT_MAX);
    ssize_t n = text ? read_whole(path, text, TEXT_MAX - 1) : -ENOMEM;
    int r = (int)n;

    if (n >= 0) {
        text[n] = '\0';
        r = take_list(app, ring, text, "SHALLOT_SECRETS_FILE");
    } else {
        r = sl_refuse(app, "SHALLOT_SECRETS_FILE=%s: %s", path, sl_strerror(r));
    }
    if (text)
        OPENSSL_cleanse(text, TEXT_MAX);
    free(text);
    return r;
}

/* By the first worker, in development. */
static int make_up(sl_app *app, void *self)
{
    struct secrets *s = self;
    uint8_t secret[SLC_KEY];
    ssize_t r = -EBUSY;

    (void)app;
    for (int tries = 0; r == -EBUSY && tries < 50; tries++) {
        sl_random(secret, sizeof secret);
        r = sl_map_add(s->made_up, "secret", secret, sizeof secret, 0);
        if (r == 0)
            sl_warn("SHALLOT_SECRETS is not set: sessions and signed cookies end with this "
                    "program. Production wants " HOW);
        if (r == -EEXIST)
            r = sl_map_get(s->made_up, "secret", secret, sizeof secret);
        if (r == -EBUSY && sl_sleep(20) < 0)
            return -ECANCELED;
    }
    if (r >= 0)
        r = add_key(&s->ring, (const char *)secret, sizeof secret);
    OPENSSL_cleanse(secret, sizeof secret);
    return (int)r;
}

static int do_without(sl_app *app, struct secrets *s)
{
    if (sl_mode_of(app) != SL_DEVELOPMENT)
        return sl_refuse(app, "no secrets: set SHALLOT_SECRETS to " HOW
                              ", or SHALLOT_SECRETS_FILE to a file that holds it");
    s->made_up = sl_map_new(app, STATE, .capacity = 1, .value_bytes = SLC_KEY, .key_bytes = 8);
    return s->made_up ? sl_on_start(app, make_up, s) : -ENOMEM;
}

static int fill(sl_app *app, struct secrets *s, const char *const *given)
{
    const char *listed = getenv("SHALLOT_SECRETS"), *file = getenv("SHALLOT_SECRETS_FILE");
    int r = 0;

    if (listed && *listed)
        return take_list(app, &s->ring, listed, "SHALLOT_SECRETS");
    if (file && *file)
        return take_file(app, &s->ring, file);
    if (!given || !*given)
        return do_without(app, s);
    for (; *given && r == 0; given++)
        r = take(app, &s->ring, *given, strlen(*given), "sl_secrets()");
    return r;
}

static void forget(void *value)
{
    struct secrets *s = value;

    for (unsigned i = 0; i < SLC_KEYS_MAX; i++) {
        EVP_MAC_CTX_free(s->ring.keys[i].sign);
        EVP_MAC_CTX_free(s->ring.keys[i].seal);
    }
    EVP_CIPHER_free(s->ring.cipher);
    free(s);
}

int sl_set_secrets(sl_app *app, const char *const *given)
{
    struct secrets *s = sl_app_state(app, STATE);
    int r;

    if (s && given && *given)
        return sl_refuse(app, "sl_secrets() must come before what uses them, and once");
    if (s)
        return 0;
    s = calloc(1, sizeof *s);
    r = s ? sl_set_app_state(app, STATE, s, forget) : -ENOMEM;
    if (r == 0)
        r = fill(app, s, given);
    if (r == -ENOMEM)
        sl_refuse(app, "sl_secrets(): out of memory");
    return r;
}

const struct slc_ring *slc_ring_of(sl_ctx *c)
{
    const struct slc_ring *ring = sl_app_state(sl_app_of(c), STATE);

    if (ring && ring->count > 0)
        return ring;
    sl_error("%s",
             ring ? "the secrets are not there yet: they are from sl_on_start() callbacks on"
                  : "no secrets: call sl_secrets(app) in main(), and set SHALLOT_SECRETS to " HOW);
    return NULL;
}

bool slc_mac(const EVP_MAC_CTX *key, const void *octets, size_t len, uint8_t *ret, size_t size)
{
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(key);
    bool good =
        ctx && EVP_MAC_update(ctx, octets, len) == 1 && EVP_MAC_final(ctx, ret, &size, size) == 1;

    EVP_MAC_CTX_free(ctx);
    return good;
}
