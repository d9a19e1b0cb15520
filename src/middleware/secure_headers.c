/*
 * Headers that make browsers more careful.
 *
 * Which ones, and what they say, is settled when the layer is made; a request costs as many copies
 * as there are headers. They are set before what is below runs, so that a handler can say something
 * else, and are kept when an error takes the place of the answer: error pages are pages.
 */
#include <shallot/ctx.h>
#include <shallot/middleware.h>
#include <shallot/request.h>
#include <shallot/response.h>

#include "keep.h"

#define NAME "sl_secure_headers"
#define MOST 10

struct secure {
    struct keeper keeper;
    size_t count;
    struct {
        const char *name, *value;
    } header[MOST];
    const char *hsts; /* NULL: not sent */
};

static int run(sl_ctx *c, void *self)
{
    const struct secure *s = self;
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->count; i++)
        r = sl_keep_header(c, s->header[i].name, s->header[i].value);
    if (r == 0 && s->hsts && strcmp(sl_scheme(c), "https") == 0)
        r = sl_keep_header(c, "Strict-Transport-Security", s->hsts);
    return r < 0 ? r : sl_next(c);
}

/* The value to send: what was given, or the default; NULL: none. */
static const char *value_of(struct secure *s, const char *given, const char *otherwise)
{
    const char *value = given ? given : otherwise;

    return value && *value ? keep_text(&s->keeper, value) : NULL;
}

static void add(struct secure *s, const char *name, const char *given, const char *otherwise)
{
    const char *value = value_of(s, given, otherwise);

    if (!value)
        return;
    s->header[s->count].name = name;
    s->header[s->count].value = value;
    s->count++;
}

sl_middleware sl_secure_headers_with(const sl_secure_headers_options *given)
{
    struct secure *s = keep_new(sizeof *s);
    sl_secure_headers_options o;

    if (!s)
        return keep_done(NULL, run, NAME);
    TAKE_OPTIONS(o, given);
    add(s, "X-Content-Type-Options", o.content_type, "nosniff");
    add(s, "X-Frame-Options", o.frame, "SAMEORIGIN");
    add(s, "Referrer-Policy", o.referrer, "strict-origin-when-cross-origin");
    add(s, "Cross-Origin-Opener-Policy", o.opener, "same-origin");
    add(s, "Cross-Origin-Resource-Policy", o.resource, "same-origin");
    add(s, "Content-Security-Policy", o.csp, NULL);
    add(s, "Permissions-Policy", o.permissions, NULL);
    s->hsts = value_of(s, o.hsts, "max-age=31536000");
    return keep_done(s, run, NAME);
}
