/*
 * Choosing among what is offered by what the client accepts.
 *
 * Handlers come in with a list, best first; http/accept.c says what the client's field makes of
 * each. What remains to be decided here is what no field, or a field that says nothing, means, and
 * who wins.
 */
#include "shallot/accept.h"

#include "app/ctx.h"
#include "app/types.h"
#include "http/accept.h"
#include "shallot/request.h"

static bool better(struct sl__quality a, struct sl__quality b)
{
    return a.weight > b.weight || (a.weight == b.weight && a.weight > 0 && a.rank > b.rank);
}

/* "html" is the type sl_type() makes of it; a type is itself. NULL: neither. */
static const char *full_type(const char *offered)
{
    return strchr(offered, '/') ? offered : sl__type_of_extension(sl__str_of(offered));
}

static const char *best_of(enum sl__accept kind, const char *field, const char *const *offered)
{
    struct sl__str value = sl__str_of(field);
    struct sl__quality best = {0, 0};
    const char *found = NULL;

    for (; *offered; offered++) {
        const char *full = kind == SL__ACCEPT_TYPE ? full_type(*offered) : *offered;
        struct sl__quality q;

        if (!full)
            continue;
        q = sl__accept_quality(kind, value, sl__str_of(full));
        if (!better(q, best))
            continue;
        best = q;
        found = *offered;
    }
    return found;
}

static const char *choose(sl_ctx *c, enum sl__accept kind, const char *name,
                          const char *const *offered)
{
    const char *field = sl_header(c, name);

    if (!field || sl__accept_is_silent(kind, sl__str_of(field)))
        return *offered;
    return best_of(kind, field, offered);
}

const char *sl_accepts_of(sl_ctx *c, const char *const *offered)
{
    return choose(c, SL__ACCEPT_TYPE, "accept", offered);
}

const char *sl_accepts_language_of(sl_ctx *c, const char *const *offered)
{
    return choose(c, SL__ACCEPT_LANGUAGE, "accept-language", offered);
}

const char *sl_accepts_charset_of(sl_ctx *c, const char *const *offered)
{
    return choose(c, SL__ACCEPT_CHARSET, "accept-charset", offered);
}

/* Among what is offered, if nothing rules it out. */
static const char *identity(const char *field, const char *const *offered)
{
    struct sl__str plain = SL__STR("identity");
    struct sl__quality q = sl__accept_quality(SL__ACCEPT_ENCODING, sl__str_of(field), plain);

    if (q.rank > 0 && q.weight == 0)
        return NULL;
    while (*offered && !sl__str_equal_nocase(sl__str_of(*offered), plain))
        offered++;
    return *offered;
}

const char *sl_accepts_encoding_of(sl_ctx *c, const char *const *offered)
{
    const char *field = sl_header(c, "accept-encoding"), *found;

    found = best_of(SL__ACCEPT_ENCODING, field ? field : "", offered);
    return found ? found : identity(field ? field : "", offered);
}
