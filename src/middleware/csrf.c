/*
 * Requests that other sites make in a visitor's name.
 *
 * A browser sends the visitor's cookies with every request to us, whoever wrote the page it comes
 * from. Two things give such a request away: what browsers say about its origin, which pages cannot
 * change, and a secret of the visitor's that pages of other sites cannot read. The secret is in the
 * session or in a signed cookie; pages get it masked by random octets, another text each time, so
 * that nobody learns it from how well answers compress (BREACH).
 */
#include <shallot/app.h>
#include <shallot/crypto.h>
#include <shallot/ctx.h>
#include <shallot/error.h>
#include <shallot/log.h>
#include <shallot/request.h>
#include <shallot/response.h>
#include <shallot/session.h>

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STATE "shallot.csrf"
#define KEY "_csrf" /* of the session; does not survive its renewal */
#define SECRET 32u
#define TOKEN SL_BASE64URL_LEN(2 * SECRET)
#define TOO_OLD                                                                                    \
    "the form is too old, or was not sent from a page of this site: go back, load the page anew "  \
    "and send it again"

struct conf {
    sl_csrf_options o; /* filled in; strings and list are ours */
    char **origins;    /* NULL-terminated */
};

/* In the request's arena. */
struct request {
    const struct conf *conf;
    bool made; /* in this request, for a cookie that only the next one brings */
    uint8_t secret[SECRET];
};

enum origin { UNKNOWN, OURS, STRANGE };

static bool is_safe(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           strcmp(method, "OPTIONS") == 0 || strcmp(method, "TRACE") == 0;
}

/* Where the request comes from, by the browser's word. */

/* Length of host and port, without the port that goes without saying. */
static size_t host_len(const char *host, const char *scheme)
{
    const char *port = strcmp(scheme, "https") == 0 ? ":443" : ":80";
    size_t len = strlen(host), port_len = strlen(port);

    return len > port_len && strcmp(host + len - port_len, port) == 0 ? len - port_len : len;
}

/* Who came by HTTPS has pages of HTTPS; a proxy that nobody told us of may have hidden that it was
 * HTTPS, so the other way round is let pass. */
static bool is_own(sl_ctx *c, const char *origin)
{
    const char *host = sl_host(c), *scheme = sl_scheme(c);
    const char *from = strstr(origin, "://");
    bool https = strncasecmp(origin, "https://", 8) == 0;
    size_t len = host_len(host, scheme);

    if (!from || len == 0 || (strcmp(scheme, "https") == 0 && !https))
        return false;
    from += 3;
    return host_len(from, https ? "https" : "http") == len && strncasecmp(from, host, len) == 0;
}

static bool is_listed(const struct conf *conf, const char *origin)
{
    for (char **o = conf->origins; o && *o; o++)
        if (strcasecmp(*o, origin) == 0)
            return true;
    return false;
}

static enum origin origin_of(sl_ctx *c, const struct conf *conf)
{
    const char *site = sl_header(c, "Sec-Fetch-Site"), *origin = sl_header(c, "Origin");

    if (origin && is_listed(conf, origin))
        return OURS;
    if (site && (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0))
        return OURS;
    if (site && (strcmp(site, "same-site") == 0 || strcmp(site, "cross-site") == 0))
        return STRANGE;
    if (!origin)
        return UNKNOWN;
    return is_own(c, origin) ? OURS : STRANGE;
}

/* The secret. */

static const char *cookie_name(const sl_ctx *c)
{
    return strcmp(sl_scheme(c), "https") == 0 ? "__Host-csrf" : "csrf";
}

static bool has_secret(sl_ctx *c, const struct conf *conf, uint8_t ret[SECRET])
{
    const char *text;
    const void *bytes;
    size_t len;

    if (conf->o.cookie) {
        text = sl_signed_cookie(c, cookie_name(c));
        return text && strlen(text) == SL_BASE64URL_LEN(SECRET) &&
               sl_base64url_decode(text, strlen(text), ret) == (ssize_t)SECRET;
    }
    bytes = sl_session_bytes(c, KEY, &len);
    if (!bytes || len != SECRET)
        return false;
    memcpy(ret, bytes, SECRET);
    return true;
}

static int make_secret(sl_ctx *c, struct request *q)
{
    char text[SL_BASE64URL_LEN(SECRET) + 1];
    int r;

    sl_random(q->secret, SECRET);
    if (!q->conf->o.cookie)
        return sl_session_set_bytes(c, KEY, q->secret, SECRET);
    sl_base64url_encode(q->secret, SECRET, text);
    r = sl_set_signed_cookie(c, cookie_name(c), text);
    q->made = r == 0;
    return r;
}

/* A page with a token is one visitor's; the session says so for itself. */
static int mark_answer(sl_ctx *c)
{
    int r = sl_vary(c, "Cookie");

    if (r < 0 || sl_response_header(c, "Cache-Control"))
        return r;
    return sl_set_header(c, "Cache-Control", "private, no-cache");
}

/* The visitor's secret, for a page. */
static int need_secret(sl_ctx *c, struct request *q)
{
    int r = q->conf->o.cookie ? mark_answer(c) : 0;

    if (r < 0 || q->made)
        return r;
    return has_secret(c, q->conf, q->secret) ? 0 : make_secret(c, q);
}

/* What a request has to show; text of any kind. */
static bool unmask(const char *token, uint8_t ret[SECRET])
{
    uint8_t both[2 * SECRET];

    if (!token || strlen(token) != TOKEN ||
        sl_base64url_decode(token, TOKEN, both) != (ssize_t)sizeof both)
        return false;
    for (size_t i = 0; i < SECRET; i++)
        ret[i] = both[i] ^ both[SECRET + i];
    return true;
}

/* The field of an urlencoded form; names and tokens have nothing in them that is escaped. */
static int find_field(sl_ctx *c, const char *field, const char **ret)
{
    const char *type = sl_header(c, "Content-Type"), *at, *end, *stop;
    static const char form[] = "application/x-www-form-urlencoded";
    size_t name = strlen(field), len;
    const void *body;
    char *copy;
    int r;

    *ret = NULL;
    if (!type || strncasecmp(type, form, sizeof form - 1) != 0)
        return 0;
    r = sl_request_body(c, &body, &len);
    if (r < 0)
        return r;
    for (at = body, end = at + len; at < end; at = stop + 1) {
        stop = memchr(at, '&', (size_t)(end - at));
        stop = stop ? stop : end;
        if ((size_t)(stop - at) != name + 1 + TOKEN || memcmp(at, field, name) != 0 ||
            at[name] != '=')
            continue;
        copy = sl_alloc(c, TOKEN + 1);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, at + name + 1, TOKEN);
        copy[TOKEN] = '\0';
        *ret = copy;
        return 0;
    }
    return 0;
}

static int check_token(sl_ctx *c, const struct conf *conf)
{
    const char *token = sl_header(c, conf->o.header);
    uint8_t right[SECRET], given[SECRET];
    int r;

    if (!conf->o.cookie && !sl_has_session(c))
        return sl_fail(c, 500, "csrf: there is no sl_session() above it, and .cookie is not set");
    if (!has_secret(c, conf, right))
        return sl_fail(c, 403, TOO_OLD);
    if (!token) {
        r = find_field(c, conf->o.field, &token);
        if (r < 0)
            return r;
    }
    if (!unmask(token, given) || CRYPTO_memcmp(right, given, SECRET) != 0)
        return sl_fail(c, 403, TOO_OLD);
    return 0;
}

/* Uploads are the handler's to read. Where the token is in such a form the browser's word has to
 * do, which every browser that sends it keeps. */
static bool is_upload(sl_ctx *c)
{
    static const char upload[] = "multipart/form-data";
    const char *type = sl_header(c, "Content-Type");

    return type && strncasecmp(type, upload, sizeof upload - 1) == 0;
}

static int check(sl_ctx *c, const struct conf *conf)
{
    switch (origin_of(c, conf)) {
    case STRANGE:
        return sl_fail(c, 403, "pages of other sites cannot change anything here");
    case OURS:
        if (is_upload(c) && !sl_header(c, conf->o.header))
            return 0;
        break;
    case UNKNOWN:
        break;
    }
    return conf->o.no_token ? 0 : check_token(c, conf);
}

static int run(sl_ctx *c, void *self)
{
    struct request *q = sl_alloc(c, sizeof *q);
    int r = q ? 0 : -ENOMEM;

    if (r == 0 && !is_safe(sl_method(c)))
        r = check(c, self);
    if (r < 0)
        return r;
    *q = (struct request){.conf = self};
    r = sl_set_state(c, STATE, q, NULL);
    return r == 0 ? sl_next(c) : r;
}

const char *sl_csrf_token(sl_ctx *c)
{
    struct request *q = sl_state(c, STATE);
    uint8_t both[2 * SECRET];
    char *text = NULL;
    int r;

    if (!q) {
        sl_error("%s %s: no CSRF token: there is no sl_csrf() above this handler", sl_method(c),
                 sl_target(c));
        return NULL;
    }
    r = need_secret(c, q);
    if (r == 0 && !(text = sl_alloc(c, TOKEN + 1)))
        r = -ENOMEM;
    if (r < 0) {
        sl_error("%s %s: no CSRF token: %s", sl_method(c), sl_target(c), sl_strerror(r));
        return NULL;
    }
    sl_random(both, SECRET);
    for (size_t i = 0; i < SECRET; i++)
        both[SECRET + i] = both[i] ^ q->secret[i];
    sl_base64url_encode(both, sizeof both, text);
    return text;
}

const char *sl_csrf_field(sl_ctx *c)
{
    const struct request *q = sl_state(c, STATE);
    const char *token = sl_csrf_token(c), *field = NULL;

    if (token)
        field = sl_format(c, "<input type=\"hidden\" name=\"%s\" value=\"%s\">", q->conf->o.field,
                          token);
    return field ? field : "";
}

/* The layer. */

static void free_conf(void *self)
{
    struct conf *conf = self;

    if (!conf)
        return;
    for (char **o = conf->origins; o && *o; o++)
        free(*o);
    free(conf->origins);
    free((char *)(uintptr_t)conf->o.header);
    free((char *)(uintptr_t)conf->o.field);
    free(conf);
}

static int copy_origins(struct conf *conf, const char *const *list)
{
    size_t count = 0;

    while (list && list[count])
        count++;
    conf->origins = calloc(count + 1, sizeof *conf->origins);
    for (size_t i = 0; conf->origins && i < count; i++)
        if (!(conf->origins[i] = strdup(list[i])))
            return -ENOMEM;
    return conf->origins ? 0 : -ENOMEM;
}

static int fill_in(struct conf *conf, const sl_csrf_options *given)
{
    sl_csrf_options *o = &conf->o;

    if (given)
        memcpy(o, given, given->size < sizeof *o ? given->size : sizeof *o);
    o->header = strdup(o->header ? o->header : "X-CSRF-Token");
    o->field = strdup(o->field ? o->field : "csrf_token");
    return o->header && o->field ? copy_origins(conf, o->origins) : -ENOMEM;
}

/* "https://host" or "https://host:port", as browsers write it. */
static bool is_origin(const char *text)
{
    const char *host = strstr(text, "://");

    return host && host > text && host[3] && !strpbrk(host + 3, "/?#@ ");
}

static int look_over(sl_app *app, const struct conf *conf)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    if (!*conf->o.field || conf->o.field[strspn(conf->o.field, plain)])
        return sl_refuse(app, "sl_csrf(): field \"%s\" must be of letters, digits, '-' and '_'",
                         conf->o.field);
    if (!*conf->o.header || conf->o.header[strspn(conf->o.header, plain)])
        return sl_refuse(app, "sl_csrf(): \"%s\" cannot be a header's name", conf->o.header);
    for (char **o = conf->origins; *o; o++)
        if (!is_origin(*o))
            return sl_refuse(app, "sl_csrf(): origin \"%s\" must be as in \"https://example.com\"",
                             *o);
    return conf->o.cookie && !conf->o.no_token ? sl_secrets(app) : 0;
}

sl_middleware sl_csrf_with(sl_app *app, const sl_csrf_options *options)
{
    struct conf *conf = calloc(1, sizeof *conf);
    int r = conf ? fill_in(conf, options) : -ENOMEM;

    if (r == 0)
        r = look_over(app, conf);
    if (r == 0)
        return (sl_middleware){run, conf, free_conf};
    if (r != -EINVAL)
        sl_refuse(app, "sl_csrf(): %s", sl_strerror(r));
    free_conf(conf);
    return (sl_middleware){NULL, NULL, NULL};
}
