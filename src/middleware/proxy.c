/*
 * The reverse proxy: a request comes in from the client's side of the onion, goes out by
 * sl_fetch_open() to the upstream whose turn it is, and the answer becomes the response.
 *
 * Nothing is collected on the way: the request's body is the source of the transfer, the answer's
 * that of the response, and each is as fast as the slower side. Which upstreams are out is known
 * to each worker by itself.
 */
#include <shallot/ctx.h>
#include <shallot/error.h>
#include <shallot/log.h>
#include <shallot/proxy.h>
#include <shallot/request.h>
#include <shallot/response.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "proxy_fields.h"
#include "proxy_inside.h"

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whose fault it was, and what may be done about it. */

static bool is_upstreams_fault(int error)
{
    return error == -ETIMEDOUT || error == -EHOSTUNREACH || error == -ECONNREFUSED ||
           error == -ECONNRESET || error == -EPROTO;
}

static void note_failure(struct proxy__self *proxy, struct proxy__upstream *u, const char *why)
{
    if (proxy__failed(&proxy->upstreams, u, now_ms()))
        sl_warn("proxy: %s is out for %lld ms: %s", u->name, (long long)proxy->upstreams.out_ms,
                why);
}

static void note_answer(struct proxy__self *proxy, struct proxy__upstream *u)
{
    if (proxy__answered(&proxy->upstreams, u))
        sl_info("proxy: %s is back", u->name);
}

static void enter(struct proxy__passage *p, struct proxy__upstream *u)
{
    p->upstream = u;
    u->busy++;
}

static void leave(void *passage)
{
    struct proxy__passage *p = passage;

    if (p->upstream)
        p->upstream->busy--;
    p->upstream = NULL;
}

/* One after the other, until one answers. */
static int find_answer(struct proxy__passage *p)
{
    struct proxy__self *proxy = p->proxy;
    struct proxy__upstream *u;
    uint64_t tried = 0;
    int r = 0;

    while ((u = proxy__choose(&proxy->upstreams, now_ms(), tried))) {
        if (tried)
            sl_warn("proxy: %s. asking %s", p->answer.error, u->name);
        tried |= (uint64_t)1 << (u - proxy->upstreams.list);
        enter(p, u);
        r = proxy__ask(p);
        if (r == 0)
            note_answer(proxy, u);
        if (r == 0 || !is_upstreams_fault(r))
            return r;
        leave(p);
        note_failure(proxy, u, p->answer.error);
        if (!p->answer.repeatable)
            return r;
    }
    if (tried == 0)
        return sl_fail(p->c, 503, "proxy: every upstream is out (%u of them)",
                       proxy->upstreams.count);
    return r;
}

/* The way back. */

static bool seen_before(const sl_fetched *a, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcasecmp(a->headers[k].name, a->headers[i].name) == 0)
            return true;
    return false;
}

/* What several layers may have a say in. */
static bool is_shared(const char *name)
{
    return strcasecmp(name, "Set-Cookie") == 0 || strcasecmp(name, "Vary") == 0 ||
           strcasecmp(name, "Link") == 0;
}

static bool is_left_out(const char *name)
{
    return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Date") == 0 ||
           strcasecmp(name, "Via") == 0;
}

/* All lines of Connection in one. NULL: none. */
static const char *connection_of(sl_ctx *c, const sl_fetched *a)
{
    const char *all = NULL;

    for (size_t i = 0; i < a->header_count; i++)
        if (strcasecmp(a->headers[i].name, "Connection") == 0)
            all = sl_format(c, "%s,%s", all ? all : "", a->headers[i].value);
    return all;
}

static int pass_header(struct proxy__passage *p, size_t i)
{
    const sl_fetch_header *h = &p->answer.headers[i];
    bool more = seen_before(&p->answer, i) || is_shared(h->name);
    int r =
        more ? sl_append_header(p->c, h->name, h->value) : sl_set_header(p->c, h->name, h->value);

    if (r == -SL_EBADHEADER)
        return sl_fail(p->c, 502, "proxy: %s answers with a header that cannot be passed on: %.80s",
                       p->upstream->name, h->name);
    return r;
}

static int pass_headers(struct proxy__passage *p)
{
    const sl_fetched *a = &p->answer;
    const char *connection = connection_of(p->c, a), *via = sl_fetched_header(a, "Via");
    int r = sl_type(p->c, NULL); /* none, unless it says so */

    for (size_t i = 0; i < a->header_count && r == 0; i++)
        if (!proxy__is_hop_by_hop(a->headers[i].name, connection) &&
            !is_left_out(a->headers[i].name))
            r = pass_header(p, i);
    if (r < 0)
        return r;
    via = via ? sl_format(p->c, "%s, %s", via, p->proxy->name) : p->proxy->name;
    return via ? sl_set_header(p->c, "Via", via) : -ENOMEM;
}

/* Has nothing to pass on; read to its end, the connection can be kept. */
static int pass_nothing(struct proxy__passage *p)
{
    char octet;
    ssize_t n = sl_fetch_read(&p->answer, &octet, sizeof octet);

    return n < 0 ? (int)n : 0;
}

static int pass_back(struct proxy__passage *p)
{
    int status = p->answer.status, r = sl_set_status(p->c, status);

    if (r == 0)
        r = pass_headers(p);
    if (r < 0)
        return r;
    if (status == 204 || status == 205 || status == 304)
        return pass_nothing(p);
    return sl_fetch_pass(p->c, &p->answer);
}

static int run(sl_ctx *c, void *self)
{
    struct proxy__self *proxy = self;
    struct proxy__passage *p = sl_alloc(c, sizeof *p);
    int r;

    if (!p)
        return -ENOMEM;
    *p = (struct proxy__passage){.c = c, .proxy = proxy, .method = sl_method(c)};
    proxy__start_probing(sl_app_of(c), proxy);
    if (strcmp(p->method, "CONNECT") == 0)
        return sl_fail(c, 501, "this is no proxy to connect through");
    if (proxy__lists(sl_header(c, "Upgrade"), "websocket"))
        return sl_fail(c, 501, "this proxy passes no WebSockets");
    r = proxy__prepare(p);
    if (r == 0)
        r = sl_defer(c, leave, p);
    if (r == 0)
        r = find_answer(p);
    return r < 0 ? r : pass_back(p);
}

static void destroy(void *self)
{
    struct proxy__self *p = self;

    if (!p)
        return;
    proxy__upstreams_finish(&p->upstreams);
    free(p->probe);
    free(p->name);
    free(p->ca_file);
    free(p);
}

static bool is_path(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c == 127)
            return false;
    return *text == '/';
}

static bool is_pseudonym(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c == 127 || strchr(",;()\"", *c))
            return false;
    return *text != '\0';
}

/* 0, or a negative error that was logged. */
static int set_texts(struct proxy__self *p, const sl_proxy_options *o)
{
    const char *name = o->name ? o->name : "shallot";
    size_t room = strlen(name) + sizeof "1.1 ";

    if (!is_pseudonym(name)) {
        sl_log_error("sl_proxy: .name \"%s\" is no name for Via: use letters, digits and dots",
                     name);
        return -EINVAL;
    }
    if (o->probe && !is_path(o->probe)) {
        sl_log_error("sl_proxy: .probe \"%s\" is no path: it begins with a slash", o->probe);
        return -EINVAL;
    }
    p->name = malloc(room);
    p->probe = o->probe ? strdup(o->probe) : NULL;
    p->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
    if (!p->name || (o->probe && !p->probe) || (o->ca_file && !p->ca_file)) {
        sl_log_error("sl_proxy: out of memory");
        return -ENOMEM;
    }
    snprintf(p->name, room, "1.1 %s", name);
    return 0;
}

static int set_upstreams(struct proxy__self *p, const char *text)
{
    char *bad;
    int r = proxy__upstreams_init(&p->upstreams, text ? text : "", &bad);

    if (r == -EINVAL && bad)
        sl_log_error("sl_proxy: \"%s\" is no upstream: write http://host:port, https://host or "
                     "unix:/path, with nothing behind, and at most %d of them",
                     bad, PROXY__UPSTREAMS_MAX);
    else if (r == -EINVAL)
        sl_log_error("sl_proxy: no upstream is named: write http://host:port");
    else if (r < 0)
        sl_log_error("sl_proxy: out of memory");
    free(bad);
    return r;
}

static unsigned or_else(unsigned given, unsigned otherwise)
{
    return given ? given : otherwise;
}

sl_middleware sl_proxy_with(const char *upstreams, const sl_proxy_options *given)
{
    struct proxy__self *p = calloc(1, sizeof *p);
    sl_proxy_options o = {0};

    if (given)
        memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    if (!p || set_upstreams(p, upstreams) < 0 || set_texts(p, &o) < 0) {
        destroy(p);
        return (sl_middleware){NULL, NULL, NULL};
    }
    p->append = o.append;
    p->upstream_host = o.upstream_host;
    p->connect_ms = or_else(o.connect_ms, 5000);
    p->idle_ms = or_else(o.idle_ms, 60000);
    p->probe_ms = or_else(o.probe_ms, 5000);
    p->upstreams.fails_max = or_else(o.fails, 3);
    p->upstreams.out_ms = or_else(o.out_ms, 10000);
    p->upstreams.least_busy = o.balance == SL_LEAST_BUSY;
    return (sl_middleware){run, p, destroy};
}
