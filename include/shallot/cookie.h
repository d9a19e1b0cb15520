/*
 * Cookies (RFC 6265bis): one more of the request's than sl_cookie() gives, and those of the
 * response. Signed and encrypted ones are in <shallot/crypto.h>, sessions in <shallot/session.h>.
 */
#ifndef SHALLOT_COOKIE_H
#define SHALLOT_COOKIE_H

#include <shallot/common.h>
#include <shallot/request.h>

SL_BEGIN_DECLS

/** Zero is what is safe or, where that depends on the request, what suits it. */
typedef enum sl_cookie_flag {
    SL_COOKIE_AUTO = 0,
    SL_COOKIE_ON = 1,
    SL_COOKIE_OFF = 2,
} sl_cookie_flag;

/** SameSite: whether a cookie comes with requests that other sites cause. */
typedef enum sl_same_site {
    SL_SAME_SITE_LAX = 0,    /**< from other sites it comes with links that are followed only */
    SL_SAME_SITE_STRICT = 1, /**< never from other sites */
    SL_SAME_SITE_NONE = 2,   /**< always; browsers want Secure with it, so it gets it */
} sl_same_site;

/** Attributes of sl_set_cookie() and sl_clear_cookie(). Strings are read during the call only. */
typedef struct sl_cookie_options {
    size_t size;           /**< sizeof(sl_cookie_options), set by the macro */
    int64_t max_age;       /**< seconds until it is forgotten (browsers: 400 days at most); 0: when
                              the browser ends its session */
    int64_t expires;       /**< the same as a moment, in seconds since 1970; max_age counts if both
                              are there; 0: none */
    const char *path;      /**< default "/"; "" for none: the folder of the request's path */
    const char *domain;    /**< default none: this host only, not those under it */
    sl_cookie_flag secure; /**< over HTTPS only. Auto: when the request came so (sl_scheme()), or
                              when something else asks for it: SameSite=None, partitioned, a
                              prefix of the name */
    sl_cookie_flag http_only; /**< hidden from scripts. Auto: on */
    sl_same_site same_site;   /**< default SL_SAME_SITE_LAX */
    bool partitioned;         /**< one for each site this one is embedded in */
} sl_cookie_options;

/**
 * The @p i th cookie of this name, from 0, without quotes; NULL beyond the last. sl_cookie() is the
 * first: browsers send the one with the longest path first, but another host under the same domain
 * may have set it (which names that begin with "__Host-" rule out).
 */
SL_API const char *sl_cookie_at(sl_ctx *c, const char *name, size_t i);

/**
 * Sets a cookie. Of the same name, domain, path and partition the last one set by a response
 * stands. In C use the macro sl_set_cookie(c, "name", "value", .max_age = 3600).
 *
 * @param name   a token; "__Secure-" before it makes browsers insist on Secure, "__Host-" also on
 * Path=/ and no domain: they are given, or refused when the options say otherwise
 * @param value  printable ASCII but for spaces and any of ",;\ (encode others, or see
 * sl_set_sealed_cookie()). With the name at most 4,096 octets
 * @return       0; -SL_EFAIL for what cannot be, with a message that says why, to be returned by
 * the handler; -SL_ECOMMITTED; -ENOMEM
 */
SL_API int sl_set_cookie_with(sl_ctx *c, const char *name, const char *value,
                              const sl_cookie_options *options);

/** Makes the browser forget a cookie: name, path, domain and partition must be those it was set
 * with. In C use the macro sl_clear_cookie(c, "name"). As sl_set_cookie(). */
SL_API int sl_clear_cookie_with(sl_ctx *c, const char *name, const sl_cookie_options *options);

SL_END_DECLS

#ifndef __cplusplus
#define sl_set_cookie(c, name, ...)                                                                \
    SL_SET_COOKIE_CALL_(c, name, __VA_ARGS__, .size = sizeof(sl_cookie_options))
#define SL_SET_COOKIE_CALL_(c, name, value, ...)                                                   \
    sl_set_cookie_with(c, name, value, &(sl_cookie_options){__VA_ARGS__})
#define sl_clear_cookie(c, ...)                                                                    \
    SL_CLEAR_COOKIE_CALL_(c, __VA_ARGS__, .size = sizeof(sl_cookie_options))
#define SL_CLEAR_COOKIE_CALL_(c, name, ...)                                                        \
    sl_clear_cookie_with(c, name, &(sl_cookie_options){__VA_ARGS__})
#else
inline int sl_set_cookie(sl_ctx *c, const char *name, const char *value, sl_cookie_options o = {})
{
    o.size = sizeof o;
    return sl_set_cookie_with(c, name, value, &o);
}
inline int sl_clear_cookie(sl_ctx *c, const char *name, sl_cookie_options o = {})
{
    o.size = sizeof o;
    return sl_clear_cookie_with(c, name, &o);
}
#endif

#endif
