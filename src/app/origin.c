/*
 * Where a request came from: the client's address, the scheme and the host it asked for; and what
 * it is called.
 *
 * The connection knows the peer, the head the host. Behind a proxy both are the proxy's, and a
 * layer that knows which proxies to trust tells the truth here; everybody inside reads that.
 */
#include "app/ctx.h"

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "http/chars.h"
#include "http/http1/host.h"
#include "shallot/request.h"

#define ID_MAX 128

const char *sl_remote(const sl_ctx *c)
{
    struct sl__told *told = sl__ctx_told(c->me);

    if (!told)
        return "";
    if (told->remote)
        return told->remote;
    if (!told->peer)
        told->peer = c->x->ops->remote(c->x);
    return told->peer ? told->peer : "";
}

const char *sl_scheme(const sl_ctx *c)
{
    return c->told && c->told->scheme ? c->told->scheme : "http";
}

const char *sl_protocol(const sl_ctx *c)
{
    return sl__ctx_request(c)->minor > 0 ? "HTTP/1.1" : "HTTP/1.0";
}

const char *sl_host(sl_ctx *c)
{
    const char *host = c->told && c->told->host ? c->told->host : sl_header(c, "host");

    return host ? host : "";
}

static bool all_of(struct sl__str s, unsigned classes)
{
    for (size_t i = 0; i < s.len; i++)
        if (!sl__char_is(s.ptr[i], classes))
            return false;
    return s.len > 0;
}

/* Puts a copy where it is told. */
static int tell(sl_ctx *c, const char **at, const char *text)
{
    const char *copy = text ? sl_strdup(c, text) : NULL;

    if (text && !copy)
        return -ENOMEM;
    *at = copy;
    return 0;
}

const char *sl_id(const sl_ctx *c)
{
    struct sl__told *told = sl__ctx_told(c->me);

    if (!told)
        return "";
    if (!told->id)
        told->id = sl_format(c->me, "%u-%" PRIu64, sl__log_worker(), c->x->number);
    return told->id ? told->id : "";
}

const char *sl__ctx_name(const sl_ctx *c)
{
    return c->told && c->told->named ? c->told->id : NULL;
}

/* It goes into log lines as it is. */
static bool is_id(const char *id)
{
    size_t len = strspn(id, "!#$%&()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`"
                            "abcdefghijklmnopqrstuvwxyz{|}~");

    return len > 0 && len <= ID_MAX && id[len] == '\0';
}

int sl_set_id(sl_ctx *c, const char *id)
{
    struct sl__told *told = sl__ctx_told(c);
    int r;

    if (id && !is_id(id))
        return -EINVAL;
    r = told ? tell(c, &told->id, id) : -ENOMEM;
    if (r == 0)
        told->named = id != NULL;
    return r;
}

int sl_set_remote(sl_ctx *c, const char *remote)
{
    struct sl__told *told = sl__ctx_told(c);

    if (remote && !all_of(sl__str_of(remote), SL__CHAR_VALUE))
        return -EINVAL;
    return told ? tell(c, &told->remote, remote) : -ENOMEM;
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* A letter, then letters, digits, '+', '-' and '.'. */
static bool is_scheme(const char *text)
{
    if (!is_letter(*text))
        return false;
    while (is_letter(*text) || sl__char_is(*text, SL__CHAR_DIGIT) ||
           (*text && strchr("+-.", *text)))
        text++;
    return *text == '\0';
}

int sl_set_scheme(sl_ctx *c, const char *scheme)
{
    struct sl__told *told = sl__ctx_told(c);
    char *copy = NULL;

    if (scheme && !is_scheme(scheme))
        return -EINVAL;
    if (scheme)
        copy = sl_strdup(c, scheme);
    if (!told || (scheme && !copy))
        return -ENOMEM;
    for (char *p = copy; p && *p; p++)
        *p = is_letter(*p) ? (char)(*p | 0x20) : *p;
    told->scheme = copy;
    return 0;
}

int sl_set_host(sl_ctx *c, const char *host)
{
    struct sl__told *told = sl__ctx_told(c);

    if (host && !sl__host_valid(sl__str_of(host)))
        return -EINVAL;
    return told ? tell(c, &told->host, host) : -ENOMEM;
}
