/*
 * Passwords: scrypt in a thread, because it is slow by design.
 *
 * What is kept says how it was made, so that the price can rise and old ones still count. A text
 * that asks for a price beyond ours is refused: whoever can write into the table of users must not
 * be able to take the memory of the machine.
 */
#include <shallot/crypto.h>
#include <shallot/fiber.h>

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define LOG_N 15 /* 32 MiB with r 8 */
#define LOG_N_MAX 17
#define R 8
#define P 1
#define SALT 16u
#define HASH 32u
#define MEMORY ((uint64_t)256 << 20) /* never more */

struct job {
    const char *password;
    unsigned log_n;
    uint8_t salt[SALT], hash[HASH];
};

static int work(void *arg)
{
    struct job *j = arg;
    int done = EVP_PBE_scrypt(j->password, strlen(j->password), j->salt, SALT,
                              UINT64_C(1) << j->log_n, R, P, MEMORY, j->hash, HASH);

    return done == 1 ? 0 : -ENOMEM;
}

int sl_hash_password(const char *password, char ret[SL_PASSWORD_HASH])
{
    struct job j = {.password = password, .log_n = LOG_N};
    char salt[SL_BASE64URL_LEN(SALT) + 1], hash[SL_BASE64URL_LEN(HASH) + 1];
    int r;

    sl_random(j.salt, SALT);
    r = sl_offload(work, &j);
    if (r < 0)
        return r;
    sl_base64url_encode(j.salt, SALT, salt);
    sl_base64url_encode(j.hash, HASH, hash);
    snprintf(ret, SL_PASSWORD_HASH, "$scrypt$ln=%u,r=%d,p=%d$%s$%s", j.log_n, R, P, salt, hash);
    return 0;
}

/* Takes "$scrypt$ln=15,r=8,p=1$salt$hash" apart. */
static bool parse(const char *text, struct job *j)
{
    const size_t salt = SL_BASE64URL_LEN(SALT), hash = SL_BASE64URL_LEN(HASH);
    int at = 0;

    if (sscanf(text, "$scrypt$ln=%2u,r=8,p=1$%n", &j->log_n, &at) != 1 || at == 0 || j->log_n < 1 ||
        j->log_n > LOG_N_MAX || strlen(text + at) != salt + 1 + hash)
        return false;
    return text[(size_t)at + salt] == '$' &&
           sl_base64url_decode(text + at, salt, j->salt) == (ssize_t)SALT &&
           sl_base64url_decode(text + (size_t)at + salt + 1, hash, j->hash) == (ssize_t)HASH;
}

int sl_check_password(const char *password, const char *hash)
{
    struct job right = {.log_n = LOG_N}, j;
    int r;

    if (hash && !parse(hash, &right))
        return -EINVAL;
    j = right;
    j.password = password;
    r = sl_offload(work, &j);
    if (r < 0)
        return r;
    return hash && CRYPTO_memcmp(j.hash, right.hash, HASH) == 0 ? 0 : -EACCES;
}
