/*
 * What the client would like: choosing among what the program has to offer (RFC 9110 §12.5).
 *
 *     switch_on(sl_accepts(c, "html", "json"));
 *
 * Each takes one to as many as you like, best first, and returns the one to send: the very pointer
 * that was passed, or NULL when the client takes none of them (406, or send something anyway). The
 * highest q-value wins; at the same q what the client named more exactly; then what was offered
 * first. Members of a field that are malformed count as not there. An answer that depends on one of
 * these should say so: Vary.
 */
#ifndef SHALLOT_ACCEPT_H
#define SHALLOT_ACCEPT_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/**
 * By Accept. What is offered is a media type ("application/json", with parameters if you like) or
 * an extension that sl_type() knows ("html", "json", "png"). A range with parameters wants those
 * parameters, except that a charset of which the offer says nothing is let pass.
 *
 * @param offered  NULL-terminated. In code: sl_accepts(c, "html", "json")
 * @return         without an Accept field, or with one that says nothing, the first
 */
SL_API const char *sl_accepts_of(sl_ctx *c, const char *const *offered);

/**
 * By Accept-Encoding: content codings, "br", "gzip", "zstd". "identity" (the bytes as they are) can
 * be offered like any other: it is acceptable unless "identity;q=0" or "*;q=0" rules it out, and
 * comes after every coding that the client has asked for.
 *
 * Without the field any coding would do (RFC 9110 §12.5.3), but who does not ask often cannot
 * decode: then, as with an empty field, nothing but "identity" is acceptable.
 */
SL_API const char *sl_accepts_encoding_of(sl_ctx *c, const char *const *offered);

/**
 * By Accept-Language: language tags. "en" asks for "en-US" too (RFC 4647 §3.3.1), and "en-GB" is
 * content with "en" (§3.4); the closer one is preferred. Without the field, or with one that says
 * nothing, the first. NULL should become the program's own language rather than an error.
 */
SL_API const char *sl_accepts_language_of(sl_ctx *c, const char *const *offered);

/** By Accept-Charset, which browsers no longer send. Without the field the first. */
SL_API const char *sl_accepts_charset_of(sl_ctx *c, const char *const *offered);

SL_END_DECLS

#ifndef __cplusplus
#define SL_OFFERED_(...)                                                                           \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define sl_accepts(c, ...) sl_accepts_of(c, SL_OFFERED_(__VA_ARGS__))
#define sl_accepts_encoding(c, ...) sl_accepts_encoding_of(c, SL_OFFERED_(__VA_ARGS__))
#define sl_accepts_language(c, ...) sl_accepts_language_of(c, SL_OFFERED_(__VA_ARGS__))
#define sl_accepts_charset(c, ...) sl_accepts_charset_of(c, SL_OFFERED_(__VA_ARGS__))
#else
#define SL_ACCEPTS_(name, of)                                                                      \
    template <typename... Offered> inline const char *name(sl_ctx *c, Offered... offered)          \
    {                                                                                              \
        const char *const list[] = {offered..., nullptr};                                          \
        return of(c, list);                                                                        \
    }
SL_ACCEPTS_(sl_accepts, sl_accepts_of)
SL_ACCEPTS_(sl_accepts_encoding, sl_accepts_encoding_of)
SL_ACCEPTS_(sl_accepts_language, sl_accepts_language_of)
SL_ACCEPTS_(sl_accepts_charset, sl_accepts_charset_of)
#undef SL_ACCEPTS_
#endif

#endif
