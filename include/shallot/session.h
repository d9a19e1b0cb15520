/*
 * Sessions: values that belong to one visitor, from one request to the next; and the protection of
 * forms against requests that other sites make in the visitor's name (CSRF).
 *
 *     sl_use(app, sl_session(app));
 *     sl_use(app, sl_csrf(app));
 *     ...
 *     sl_session_regenerate(c);
 *     sl_session_set(c, "user", name);
 */
#ifndef SHALLOT_SESSION_H
#define SHALLOT_SESSION_H

#include <shallot/common.h>
#include <shallot/cookie.h>

SL_BEGIN_DECLS

/** Where sessions are kept. */
typedef enum sl_session_store {
    /** All of it in the cookie, sealed (sl_seal()): nothing to keep, any number of machines. Holds
     * some 2,900 octets; a copy of the cookie is good until its time is over, whatever happens. */
    SL_SESSION_COOKIE = 0,
    /** In memory that all workers share, the cookie has a random id: survives crashes, reloads and
     * upgrades, not the end of the program; what is destroyed is gone at once. */
    SL_SESSION_SHARED = 1,
} sl_session_store;

/** Options of sl_session(); a field left zero takes its default. Strings are copied. */
typedef struct sl_session_options {
    size_t size;            /**< sizeof(sl_session_options), set by the macro */
    sl_session_store store; /**< default SL_SESSION_COOKIE */
    const char *name;       /**< of the cookie. Default "session", and "__Host-session" for requests
                               that came by HTTPS (unless there is a domain or path) */
    unsigned idle_s;        /**< without a request that looks at it, it ends. Default a day */
    unsigned lifetime_s;    /**< after so long it ends in any case. Default 30 days */
    bool until_closed;      /**< the browser forgets it when it is closed */
    const char *path;       /**< of the cookie. Default "/" */
    const char *domain;     /**< of the cookie. Default none: this host only */
    sl_cookie_flag secure;  /**< of the cookie. Auto: for requests that came by HTTPS */
    sl_same_site same_site; /**< of the cookie. Default SL_SAME_SITE_LAX */
    size_t capacity; /**< shared store: sessions; over it the one used longest ago makes room.
                        Default 10,000 */
    size_t bytes;    /**< shared store: octets of one session. Default 2,048 */
} sl_session_options;

/**
 * Gives every request below a session. It is read when a handler asks for it, and saved, with a
 * cookie if need be, before the head of the answer leaves: when the layers below have returned, or
 * at the first sl_write(). It is saved when it was changed, and when it was looked at and a tenth
 * of idle_s has gone by since it was saved last. A request that fails (a negative return) saves
 * nothing. An answer for which the session was looked at says Vary: Cookie and, if it says nothing
 * of caching, Cache-Control: private, no-cache.
 *
 * The cookie store needs secrets: see sl_set_secrets(). Impossible options are said in one line,
 * and the app does not serve. In main(). In C use the macro sl_session(app, .store = …).
 */
SL_API sl_middleware sl_session_with(sl_app *app, const sl_session_options *options);

/* All of these: without sl_session() above, nothing is there, and changes fail with a message. */

/** True below sl_session(). */
SL_API bool sl_has_session(const sl_ctx *c);

/** A text of the session; NULL if there is none. Valid until the request ends. */
SL_API const char *sl_session_get(sl_ctx *c, const char *key);

/** The same for bytes; there is a NUL behind them. @p ret_len may be NULL. */
SL_API const void *sl_session_bytes(sl_ctx *c, const char *key, size_t *ret_len);

/**
 * Keeps a text (copied). The first makes the session. Of several requests at once, in the shared
 * store each changes the keys it has set; in the cookie the last answer counts.
 *
 * @param key  1 to 255 octets. Those that begin with '_' do not survive sl_session_regenerate()
 * @return     0; -SL_EFAIL if there is no room for it, with a message, to be returned by the
 * handler; -SL_ECOMMITTED once the head is on its way; -EINVAL; -ENOMEM
 */
SL_API int sl_session_set(sl_ctx *c, const char *key, const char *text);
SL_API int sl_session_set_bytes(sl_ctx *c, const char *key, const void *bytes, size_t len);

/** Forgets a key. A session without any ends. 0, also if there was none; otherwise as
 * sl_session_set(). */
SL_API int sl_session_delete(sl_ctx *c, const char *key);

/**
 * Gives the session another id and keeps what is in it; the old id is nobody's then. To be called
 * whenever somebody logs in or gets other rights: an id that somebody else knew before, or had
 * planted (session fixation), is of no use after it. As sl_session_set().
 */
SL_API int sl_session_regenerate(sl_ctx *c);

/** Ends the session: in the shared store at once, and the browser forgets the cookie. What is set
 * after it is in another one. As sl_session_set(). */
SL_API int sl_session_destroy(sl_ctx *c);

/** Options of sl_csrf(); a field left zero takes its default. Strings are copied. */
typedef struct sl_csrf_options {
    size_t size; /**< sizeof(sl_csrf_options), set by the macro */
    bool cookie; /**< the secret is in a signed cookie of its own, "csrf" or "__Host-csrf", not
                    in the session: for pages without one. Needs secrets (sl_set_secrets()) */
    const char *header;         /**< where scripts put the token. Default "X-CSRF-Token" */
    const char *field;          /**< of a form, where it is otherwise. Default "csrf_token" */
    const char *const *origins; /**< NULL-terminated: other sites whose requests are taken, as in
                                   "https://shop.example.com". Default none */
    bool no_token; /**< believe the browser alone, which says where requests come from: no token for
                      those of this site and the origins, nor for programs that say nothing */
} sl_csrf_options;

/**
 * Refuses requests that change something (all but GET, HEAD, OPTIONS and TRACE) unless they come
 * from this site's own pages: first by what the browser says (Sec-Fetch-Site, Origin), then by a
 * token that only a page of this site can have. It is in a header, or in a field of an
 * urlencoded form, which is then read as a whole (sl_request_body()). A multipart form is not read:
 * without the header, the browser has to say that it comes from this site. 403 with a message that
 * people can make use of.
 *
 * Below sl_session(), unless .cookie is set. In C use the macro sl_csrf(app, .cookie = true).
 */
SL_API sl_middleware sl_csrf_with(sl_app *app, const sl_csrf_options *options);

/**
 * The token for forms of this answer, another text each time (so that compression tells nothing
 * about it), as good as any before it until the visitor logs in. Makes the secret, so before the
 * head leaves.
 *
 * @return in the request's arena; NULL if there can be none, which is logged
 */
SL_API const char *sl_csrf_token(sl_ctx *c);

/** The same as a hidden field of a form, "<input type=...>"; "" if there can be none. */
SL_API const char *sl_csrf_field(sl_ctx *c);

SL_END_DECLS

#ifndef __cplusplus
#define sl_session(...) SL_SESSION_CALL_(__VA_ARGS__, .size = sizeof(sl_session_options))
#define SL_SESSION_CALL_(app, ...) sl_session_with(app, &(sl_session_options){__VA_ARGS__})
#define sl_csrf(...) SL_CSRF_CALL_(__VA_ARGS__, .size = sizeof(sl_csrf_options))
#define SL_CSRF_CALL_(app, ...) sl_csrf_with(app, &(sl_csrf_options){__VA_ARGS__})
#else
inline sl_middleware sl_csrf(sl_app *app, sl_csrf_options o = {})
{
    o.size = sizeof o;
    return sl_csrf_with(app, &o);
}
inline sl_middleware sl_session(sl_app *app, sl_session_options o = {})
{
    o.size = sizeof o;
    return sl_session_with(app, &o);
}
#endif

#endif
