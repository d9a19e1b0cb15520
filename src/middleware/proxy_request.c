/*
 * The way there: what an upstream is asked, made from what the client asked.
 *
 * Fields that belong to the client's connection end here, those that say where the request came
 * from begin here. The body is the source of the transfer and is read when the upstream wants it.
 */
#include <shallot/ctx.h>
#include <shallot/request.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy_fields.h"
#include "proxy_inside.h"

#define SET_MAX 8 /* headers that we set */

static ssize_t from_client(void *buf, size_t len, void *self)
{
    struct proxy__passage *p = self;

    return sl_read(p->c, buf, len);
}

/* What we say about the request ourselves. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {
        "Host",
        "Content-Length",
        "Expect",
        "Via",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The value, behind what the client sent under that name, if that is to be kept. */
static const char *behind(struct proxy__passage *p, const char *name, const char *value, bool keep)
{
    const char *came = keep ? sl_header(p->c, name) : NULL;

    return came && *came ? sl_format(p->c, "%s, %s", came, value) : value;
}

static size_t add(struct proxy__passage *p, size_t at, const char *name, const char *value)
{
    p->headers[at] = (sl_fetch_header){name, value};
    return at + 1;
}

static size_t add_provenance(struct proxy__passage *p, size_t at)
{
    const char *remote = sl_remote(p->c), *host = sl_host(p->c), *scheme = sl_scheme(p->c);
    size_t room = 2 * (strlen(host) + strlen(scheme)) + 128;
    char *element = sl_alloc(p->c, room), *address = sl_alloc(p->c, 64);
    bool keep = p->proxy->append;

    if (!element || !address)
        return at;
    proxy__address(remote, address, 64);
    if (proxy__forwarded(remote, host, scheme, element, room))
        at = add(p, at, "Forwarded", behind(p, "Forwarded", element, keep));
    at = add(p, at, "X-Forwarded-For", behind(p, "X-Forwarded-For", address, keep));
    if (*host)
        at = add(p, at, "X-Forwarded-Host", behind(p, "X-Forwarded-Host", host, keep));
    return add(p, at, "X-Forwarded-Proto", behind(p, "X-Forwarded-Proto", scheme, keep));
}

static size_t count_headers(const sl_ctx *c)
{
    const char *name, *value;
    size_t count = 0;

    while (sl_header_at(c, count, &name, &value))
        count++;
    return count;
}

/* True if every one has a value: the arena was large enough. */
static bool complete(const sl_fetch_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!headers[i].value && strcasecmp(headers[i].name, "Accept") != 0 &&
            strcasecmp(headers[i].name, "User-Agent") != 0)
            return false;
    return true;
}

static int make_headers(struct proxy__passage *p)
{
    size_t count = count_headers(p->c), at = 0;
    const char *connection = sl_header(p->c, "Connection"), *name, *value;

    p->headers = sl_alloc(p->c, (count + SET_MAX + 1) * sizeof *p->headers);
    if (!p->headers)
        return -ENOMEM;
    for (size_t i = 0; sl_header_at(p->c, i, &name, &value); i++)
        if (!proxy__is_hop_by_hop(name, connection) && !is_ours(name))
            at = add(p, at, name, value);
    if (!sl_header(p->c, "Accept")) /* libcurl's own */
        at = add(p, at, "Accept", NULL);
    if (!sl_header(p->c, "User-Agent"))
        at = add(p, at, "User-Agent", NULL);
    at = add_provenance(p, at);
    at = add(p, at, "Via", behind(p, "Via", p->proxy->name, true));
    p->host = at;
    at = add(p, at, "Host", sl_header(p->c, "Host"));
    if (!p->headers[p->host].value) /* HTTP/1.0 */
        p->headers[p->host].value = "";
    p->headers[at] = (sl_fetch_header){NULL, NULL};
    return complete(p->headers, at) ? 0 : -ENOMEM;
}

static int make_target(struct proxy__passage *p)
{
    const char *target = sl_target(p->c), *path = proxy__path(target);

    if (*path == '/' || *path == '*')
        p->target = path;
    else
        p->target = sl_format(p->c, "/%s", path);
    return p->target ? 0 : -ENOMEM;
}

static void look_at_body(struct proxy__passage *p)
{
    const char *length = sl_header(p->c, "Content-Length");

    p->body_len = length ? strtoll(length, NULL, 10) : 0;
    p->has_body =
        (p->body_len > 0 || sl_header(p->c, "Transfer-Encoding")) && strcmp(p->method, "HEAD") != 0;
}

/* Who is asked for a body of no length says so, or some wait for it. */
static bool says_empty(const struct proxy__passage *p)
{
    return !p->has_body && strcmp(p->method, "HEAD") != 0 && sl_header(p->c, "Content-Length");
}

int proxy__ask(struct proxy__passage *p)
{
    const struct proxy__self *proxy = p->proxy;
    sl_fetch_options o = {
        .size = sizeof o,
        .method = p->method,
        .headers = p->headers,
        .body = says_empty(p) ? "" : NULL,
        .source = p->has_body ? from_client : NULL,
        .source_self = p,
        .source_len = p->has_body ? p->body_len : 0,
        .connect_ms = proxy->connect_ms,
        .idle_ms = proxy->idle_ms,
        .ca_file = proxy->ca_file,
        .unix_path = p->upstream->unix_path,
        .target = p->target,
    };

    if (proxy->upstream_host)
        p->headers[p->host].value = p->upstream->host;
    return sl_fetch_open_in_request(p->c, &p->answer, p->upstream->url, &o);
}

int proxy__prepare(struct proxy__passage *p)
{
    int r = make_target(p);

    look_at_body(p);
    return r < 0 ? r : make_headers(p);
}
