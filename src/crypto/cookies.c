/*
 * Cookies that are signed or sealed: the value made for the name, then set like any other.
 *
 * The end of a cookie's time is inside, because a browser may be somebody's script. The purpose is
 * the name, so that no value can be moved to another cookie.
 */
#include <shallot/crypto.h>
#include <shallot/ctx.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#define TRIES 8 /* cookies of one name that are looked at */

static int64_t seconds_of(const sl_cookie_options *o)
{
    if (o->max_age != 0)
        return o->max_age;
    return o->expires != 0 ? o->expires - (int64_t)time(NULL) : 0;
}

static int set(sl_ctx *c, const char *name, const char *value, const sl_cookie_options *given,
               bool seal)
{
    sl_cookie_options o = {0};
    const char *purpose, *made = NULL;

    if (!name || !value)
        return -EINVAL;
    if (given)
        memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    o.size = sizeof o;
    if (o.max_age < 0 || (o.expires != 0 && seconds_of(&o) <= 0))
        return sl_fail(c, 500, "cookie \"%s\": its time is over before it begins", name);
    purpose = sl_format(c, "%s cookie %s", seal ? "sealed" : "signed", name);
    if (purpose && seal)
        made = sl_seal(c, purpose, value, strlen(value), seconds_of(&o));
    else if (purpose)
        made = sl_sign(c, purpose, value, seconds_of(&o));
    if (!made)
        return sl_fail(c, 500, "cookie \"%s\": it cannot be %s", name, seal ? "sealed" : "signed");
    return sl_set_cookie_with(c, name, made, &o);
}

int sl_set_signed_cookie_with(sl_ctx *c, const char *name, const char *value,
                              const sl_cookie_options *options)
{
    return set(c, name, value, options, false);
}

int sl_set_sealed_cookie_with(sl_ctx *c, const char *name, const char *value,
                              const sl_cookie_options *options)
{
    return set(c, name, value, options, true);
}

static const char *get(sl_ctx *c, const char *name, bool seal)
{
    const char *purpose = NULL, *found = NULL, *value;

    for (size_t i = 0; i < TRIES && !found && (value = sl_cookie_at(c, name, i)); i++) {
        if (!purpose)
            purpose = sl_format(c, "%s cookie %s", seal ? "sealed" : "signed", name);
        if (!purpose)
            return NULL;
        found = seal ? sl_unseal(c, purpose, value, NULL) : sl_unsign(c, purpose, value);
    }
    return found;
}

const char *sl_signed_cookie(sl_ctx *c, const char *name)
{
    return get(c, name, false);
}

const char *sl_sealed_cookie(sl_ctx *c, const char *name)
{
    return get(c, name, true);
}
