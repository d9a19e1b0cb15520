/*
 * Cookies that a handler sets: checked, written, and one of a kind.
 *
 * A browser drops a cookie that breaks its rules without a word, so whatever it would drop is
 * refused here, with the reason. What a name's prefix promises to the program is given with it.
 */
#include "shallot/cookie.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/reply.h"
#include "base/time.h"
#include "http/cookie.h"
#include "shallot/request.h"
#include "shallot/response.h"

#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

struct wish {
    const char *name, *value;
    struct sl_cookie_options o;
    bool cleared;
};

static bool has_prefix(const char *name, const char *prefix)
{
    return strncasecmp(name, prefix, strlen(prefix)) == 0; /* in any case, as browsers have it */
}

/* Why it must have Secure; NULL. */
static const char *needs_secure(const struct wish *w)
{
    if (has_prefix(w->name, "__Secure-") || has_prefix(w->name, "__Host-"))
        return "its prefix";
    if (w->o.same_site == SL_SAME_SITE_NONE)
        return "SameSite=None";
    return w->o.partitioned ? "Partitioned" : NULL;
}

static int refuse(sl_ctx *c, const struct wish *w, const char *why)
{
    return sl_fail(c, 500, "cookie \"%s\": %s", w->name, why);
}

static int check_octets(sl_ctx *c, const struct wish *w)
{
    struct sl__str name = sl__str_of(w->name), value = sl__str_of(w->value);
    ssize_t at;

    if (name.len == 0)
        return refuse(c, w, "it has no name");
    at = sl__cookie_name_fault(name);
    if (at >= 0)
        return sl_fail(c, 500, "cookie: octet %zd of its name cannot be in one (it is 0x%02x)", at,
                       (unsigned char)name.ptr[at]);
    at = sl__cookie_value_fault(value);
    if (at >= 0)
        return sl_fail(c, 500,
                       "cookie \"%s\": octet %zd of its value cannot be in one (it is 0x%02x)",
                       w->name, at, (unsigned char)value.ptr[at]);
    if (name.len + value.len > SL__COOKIE_MAX)
        return sl_fail(c, 500,
                       "cookie \"%s\": name and value have %zu octets, browsers keep %d at most",
                       w->name, name.len + value.len, SL__COOKIE_MAX);
    return 0;
}

static int check_attributes(sl_ctx *c, const struct wish *w)
{
    const sl_cookie_options *o = &w->o;
    const char *secure = needs_secure(w);

    if (*o->path && !sl__cookie_path_valid(sl__str_of(o->path)))
        return refuse(c, w, "this cannot be its path");
    if (o->domain && !sl__cookie_domain_valid(sl__str_of(o->domain)))
        return refuse(c, w, "this cannot be its domain");
    if (o->max_age < 0)
        return refuse(c, w, "max_age is negative; there is sl_clear_cookie()");
    if (o->expires < 0 || o->expires > LAST_SECOND)
        return refuse(c, w, "this cannot be the moment it expires");
    if (secure && o->secure == SL_COOKIE_OFF)
        return sl_fail(c, 500, "cookie \"%s\": %s asks for Secure", w->name, secure);
    if (has_prefix(w->name, "__Host-") && (o->domain || strcmp(o->path, "/") != 0))
        return refuse(c, w, "__Host- asks for Path=/ and no Domain");
    return 0;
}

static bool is_secure(const sl_ctx *c, const struct wish *w)
{
    if (w->o.secure == SL_COOKIE_AUTO)
        return needs_secure(w) || strcmp(sl_scheme(c), "https") == 0;
    return w->o.secure == SL_COOKIE_ON;
}

static const char *same_site(const struct wish *w)
{
    switch (w->o.same_site) {
    case SL_SAME_SITE_STRICT:
        return "Strict";
    case SL_SAME_SITE_NONE:
        return "None";
    default:
        return "Lax";
    }
}

static const char *write_line(sl_ctx *c, const struct wish *w)
{
    const sl_cookie_options *o = &w->o;
    char date[SL__HTTP_DATE_LEN + 1], age[40] = "";
    bool expires = w->cleared || o->expires != 0;

    if (w->cleared || o->max_age != 0)
        snprintf(age, sizeof age, "; Max-Age=%" PRId64, o->max_age);
    sl__http_date(o->expires, date);
    return sl_format(c, "%s=%s%s%s%s%s%s%s%s%s%s; SameSite=%s%s", w->name, w->value,
                     *o->path ? "; Path=" : "", o->path, o->domain ? "; Domain=" : "",
                     o->domain ? o->domain : "", age, expires ? "; Expires=" : "",
                     expires ? date : "", is_secure(c, w) ? "; Secure" : "",
                     o->http_only == SL_COOKIE_OFF ? "" : "; HttpOnly", same_site(w),
                     o->partitioned ? "; Partitioned" : "");
}

/* In the place of the one that meant the same cookie, or behind all. */
static int put_line(sl_ctx *c, const char *line)
{
    struct sl__str value = sl__str_of(line);
    struct sl__header *h;

    for (h = c->x->response.headers; h; h = h->next)
        if (sl__str_equal_nocase(h->name, SL__STR("Set-Cookie")) &&
            sl__set_cookie_same(h->value, value)) {
            h->value = value;
            return 0;
        }
    return sl_append_header(c, "Set-Cookie", line);
}

static int set(sl_ctx *c, struct wish *w, const sl_cookie_options *given)
{
    const char *line;
    int r = sl__reply_open_head(c);

    if (r < 0)
        return r;
    if (!w->name || !w->value)
        return -EINVAL;
    if (given)
        memcpy(&w->o, given, given->size < sizeof w->o ? given->size : sizeof w->o);
    w->o.path = w->o.path ? w->o.path : "/";
    if (w->cleared)
        w->o.max_age = w->o.expires = 0;
    r = check_octets(c, w);
    if (r == 0)
        r = check_attributes(c, w);
    if (r < 0)
        return r;
    line = write_line(c, w);
    return line ? put_line(c, line) : -ENOMEM;
}

int sl_set_cookie_with(sl_ctx *c, const char *name, const char *value,
                       const sl_cookie_options *options)
{
    struct wish w = {.name = name, .value = value};

    return set(c, &w, options);
}

int sl_clear_cookie_with(sl_ctx *c, const char *name, const sl_cookie_options *options)
{
    struct wish w = {.name = name, .value = "", .cleared = true};

    return set(c, &w, options);
}
