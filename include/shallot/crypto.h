/*
 * What keeps values safe in other people's hands: secrets, random tokens, text that is signed,
 * bytes that are sealed (encrypted), cookies of both kinds, and passwords. Made of OpenSSL's
 * libcrypto, in libshallot-crypto, which pkg-config shallot links when a program uses it.
 */
#ifndef SHALLOT_CRYPTO_H
#define SHALLOT_CRYPTO_H

#include <shallot/common.h>
#include <shallot/cookie.h>

SL_BEGIN_DECLS

/**
 * Gives the app its secrets. The first signs and seals, every one of them (8 at most) verifies and
 * opens: a new one goes to the front, an old one away when nothing of its time counts any more.
 * What is used is derived from them (HKDF-SHA256), another key for each purpose.
 *
 * The environment has the last word: SHALLOT_SECRETS, one or several separated by spaces or commas,
 * or SHALLOT_SECRETS_FILE, a file that holds them likewise and is read anew by each worker that
 * starts, so that a reload changes them. Without any, production does not serve; in development one
 * is made up, the same for all workers until the program ends, with a warning.
 *
 * In main(), before what uses them. sl_session() and sl_csrf() see to it themselves. In C use the
 * macro sl_secrets(app, "first", "second") or sl_secrets(app) for the environment's.
 *
 * @param secrets  NULL-terminated, copied; each of 32 octets or more: what `openssl rand -hex 32`
 * prints
 * @return         0; -EINVAL for missing, short or too regular ones: said in one line, and the app
 * does not serve; -ENOMEM
 */
SL_API int sl_set_secrets(sl_app *app, const char *const *secrets);

/** Fills @p buf with random octets of the kernel's (getrandom(2)), fit for keys. */
SL_API void sl_random(void *buf, size_t len);

/** Text nobody can guess: @p octets random ones (16 and more are beyond guessing) in base64url, in
 * the request's arena. NULL when out of memory. */
SL_API char *sl_random_token(sl_ctx *c, size_t octets);

/** Characters that @p len octets take in base64url, without a NUL. */
#define SL_BASE64URL_LEN(len) (((len)*4 + 2) / 3)

/** Writes base64url without padding (RFC 4648 §5) and a NUL. Returns the length without it. */
SL_API size_t sl_base64url_encode(const void *bytes, size_t len, char *ret);

/** Reads it, strictly: no padding, no other characters, no bits set that stand for nothing. @p ret
 * has room for len * 3 / 4 octets. Returns how many there are; -EINVAL. */
SL_API ssize_t sl_base64url_decode(const char *text, size_t len, void *ret);

/* Below, @p purpose is the program's word for what a text is for ("password reset"): what was made
 * for one purpose is nothing for another. */

/**
 * Signs a text, which stays readable: "text.expiry.signature" (HMAC-SHA256, base64url).
 *
 * @param seconds  it is good for so long; 0: for ever
 * @return         in the request's arena; NULL without secrets (which is logged) or memory
 */
SL_API char *sl_sign(sl_ctx *c, const char *purpose, const char *text, int64_t seconds);

/** The text of a signed one; NULL if it is not what sl_sign() made for this purpose, or too old.
 * Compared in constant time. */
SL_API const char *sl_unsign(sl_ctx *c, const char *purpose, const char *signed_text);

/**
 * Seals bytes: nobody else reads or changes them. Base64url of a random salt and AES-256-GCM under
 * a key of that salt alone, so there is no number of seals after which keys wear out.
 *
 * @return  in the request's arena, SL_SEALED_LEN(len) characters; NULL as sl_sign()
 */
SL_API char *sl_seal(sl_ctx *c, const char *purpose, const void *bytes, size_t len,
                     int64_t seconds);

/** Length of what sl_seal() makes of @p len bytes, without the NUL. */
#define SL_SEALED_LEN(len) SL_BASE64URL_LEN((len) + 40)

/** The bytes of a sealed text and a NUL behind them, in the request's arena. @p ret_len may be
 * NULL. NULL if it is not what sl_seal() made for this purpose, or too old. */
SL_API void *sl_unseal(sl_ctx *c, const char *purpose, const char *sealed, size_t *ret_len);

/**
 * Cookies whose value is signed or sealed for their name; with max_age or expires the end of their
 * time is part of it, whatever the browser does. A signed one can be read by whoever has it; the
 * text of a sealed one may be any. In C use the macros sl_set_signed_cookie(c, "name", "value",
 * .max_age = 3600) and sl_set_sealed_cookie(). As sl_set_cookie().
 *
 * They tell that the program made a value, not for whom or when: for logins there is sl_session().
 */
SL_API int sl_set_signed_cookie_with(sl_ctx *c, const char *name, const char *value,
                                     const sl_cookie_options *options);
SL_API int sl_set_sealed_cookie_with(sl_ctx *c, const char *name, const char *value,
                                     const sl_cookie_options *options);

/** Their value: of several cookies of this name the first that is genuine; NULL if none is. */
SL_API const char *sl_signed_cookie(sl_ctx *c, const char *name);
SL_API const char *sl_sealed_cookie(sl_ctx *c, const char *name);

/** Octets of what sl_hash_password() writes, its NUL included, at most. */
#define SL_PASSWORD_HASH 128

/**
 * What to keep of a password: a text that tells whether another is the same, at a price (scrypt
 * with 32 MiB, RFC 7914; a tenth of a second of a thread of sl_offload()). On a fiber.
 *
 * @param ret  receives "$scrypt$ln=15,r=8,p=1$salt$hash"
 * @return     0; -ECANCELED; -ENOMEM
 */
SL_SUSPENDS SL_API int sl_hash_password(const char *password, char ret[SL_PASSWORD_HASH]);

/**
 * Is it the password? Takes as long for a wrong one. A NULL hash is nobody's, and takes as long
 * too: whether there is such a user should not show.
 *
 * @return 0 if it is; -EACCES if not; -EINVAL for what is no hash; -ECANCELED; -ENOMEM
 */
SL_SUSPENDS SL_API int sl_check_password(const char *password, const char *hash);

SL_END_DECLS

#ifndef __cplusplus
#define sl_secrets(...) SL_SECRETS_CALL_(__VA_ARGS__, NULL)
#define SL_SECRETS_CALL_(app, ...) sl_set_secrets(app, (const char *const[]){__VA_ARGS__})
#define sl_set_signed_cookie(c, name, ...)                                                         \
    SL_SIGNED_COOKIE_CALL_(c, name, __VA_ARGS__, .size = sizeof(sl_cookie_options))
#define SL_SIGNED_COOKIE_CALL_(c, name, value, ...)                                                \
    sl_set_signed_cookie_with(c, name, value, &(sl_cookie_options){__VA_ARGS__})
#define sl_set_sealed_cookie(c, name, ...)                                                         \
    SL_SEALED_COOKIE_CALL_(c, name, __VA_ARGS__, .size = sizeof(sl_cookie_options))
#define SL_SEALED_COOKIE_CALL_(c, name, value, ...)                                                \
    sl_set_sealed_cookie_with(c, name, value, &(sl_cookie_options){__VA_ARGS__})
#else
template <typename... Secrets> inline int sl_secrets(sl_app *app, Secrets... secrets)
{
    const char *const list[] = {secrets..., nullptr};
    return sl_set_secrets(app, list);
}
inline int sl_set_signed_cookie(sl_ctx *c, const char *name, const char *value,
                                sl_cookie_options o = {})
{
    o.size = sizeof o;
    return sl_set_signed_cookie_with(c, name, value, &o);
}
inline int sl_set_sealed_cookie(sl_ctx *c, const char *name, const char *value,
                                sl_cookie_options o = {})
{
    o.size = sizeof o;
    return sl_set_sealed_cookie_with(c, name, value, &o);
}
#endif

#endif
