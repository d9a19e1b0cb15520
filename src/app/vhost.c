/*
 * Hosts that a router answers to.
 *
 * Comes from router.c: once with the pattern of sl_router_new(), then for each request that reaches
 * the router. What the request says has been through the parser, so it is a host by its grammar;
 * its port and the dot that ends an absolute name mean nothing here.
 */
#include "app/vhost.h"

#include "http/http1/host.h"

/* Without port and final dot. */
static struct sl__str bare(struct sl__str host)
{
    const char *colon = memrchr(host.ptr, ':', host.len);

    if (colon && !memchr(colon, ']', host.len - (size_t)(colon - host.ptr)))
        host.len = (size_t)(colon - host.ptr);
    if (host.len > 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    return host;
}

static bool has_wildcard(const char *pattern)
{
    return pattern[0] == '*' && pattern[1] == '.';
}

bool sl__vhost_valid(const char *pattern)
{
    struct sl__str host = sl__str_of(has_wildcard(pattern) ? pattern + 2 : pattern);

    return sl__host_valid(host) && bare(host).len == host.len && !memchr(host.ptr, '*', host.len) &&
           host.ptr[0] != '.';
}

bool sl__vhost_matches(const char *pattern, struct sl__str host)
{
    struct sl__str wanted = sl__str_of(pattern);

    host = bare(host);
    if (!has_wildcard(pattern))
        return sl__str_equal_nocase(wanted, host);
    wanted = (struct sl__str){pattern + 1, wanted.len - 1};
    if (host.len <= wanted.len)
        return false;
    return sl__str_equal_nocase(wanted,
                                (struct sl__str){host.ptr + host.len - wanted.len, wanted.len});
}
