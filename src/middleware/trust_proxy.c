/*
 * Where a request came from, although it came through proxies.
 *
 * Each proxy adds whom it was asked by at the end of a list. The last entry is the peer's word, the
 * one before it that of whoever the last entry names, and so on: so the list is read from its end,
 * as long as the one whose word it is is trusted. The first stranger is the client; what stands
 * before is what he says, and nobody listens. A name that is no address (RFC 7239 §6.2, §6.3) ends
 * it too: the client then is "unknown", for he is not the proxy, which may have rights that he has
 * not.
 *
 * Scheme and host belong to the outermost proxy that is trusted: with Forwarded they stand in its
 * entry; of X-Forwarded-Proto and -Host, which proxies rather set than extend, the entry that is as
 * far from the end, or the first if there are not so many.
 */
#include <shallot/ctx.h>
#include <shallot/middleware.h>
#include <shallot/request.h>

#include <errno.h>
#include <strings.h>

#include "address.h"
#include "keep.h"

#define NAME "sl_trust_proxy"
#define UNKNOWN "unknown" /* the client; RFC 7239 §6.2 */
#define HOPS_MAX 64       /* each is searched for from the beginning of the list */

struct network {
    struct address address;
    unsigned bits;
};

struct trust {
    struct keeper keeper;
    bool forwarded, host, local; /* local: whoever comes by a unix socket */
    size_t count;
    struct network *networks;
};

struct text {
    const char *at; /* NULL: none */
    size_t len;
};

static const struct text unknown = {UNKNOWN, sizeof UNKNOWN - 1};

/* What a proxy says about the request it was asked. */
struct word {
    struct text from, scheme, host;
};

static struct text trim(struct text t)
{
    while (t.len > 0 && (t.at[0] == ' ' || t.at[0] == '\t')) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t'))
        t.len--;
    return t;
}

/* The end of the quoted string that begins at @p at, if it is one: a value as a whole. A quote that
 * stands anywhere else, or is never closed, is a character like others: a client that sends one
 * shall not swallow what the proxy has written behind it. */
static size_t quoted_end(struct text t, size_t at)
{
    if (at == 0 || t.at[at - 1] != '=')
        return at;
    for (size_t i = at + 1; i < t.len; i++) {
        if (t.at[i] == '\\' && i + 1 < t.len)
            i++;
        else if (t.at[i] == '"')
            return i + 1 == t.len || strchr(",; \t", t.at[i + 1]) ? i : at;
    }
    return at;
}

/* Takes the next piece up to @p separator that is not empty. False at the end. */
static bool next_piece(struct text *left, char separator, bool quotes, struct text *ret)
{
    ret->len = 0;
    while (left->len > 0 && ret->len == 0) {
        size_t i = 0, used;

        for (; i < left->len && left->at[i] != separator; i++)
            if (quotes && left->at[i] == '"')
                i = quoted_end(*left, i);
        used = i < left->len ? i + 1 : i;
        *ret = trim((struct text){left->at, i});
        *left = (struct text){left->at + used, left->len - used};
    }
    return ret->len > 0;
}

static size_t pieces(struct text list, bool quotes)
{
    struct text piece;
    size_t count = 0;

    while (next_piece(&list, ',', quotes, &piece))
        count++;
    return count;
}

/* The piece that is the @p number-th from the end, from 1; the first if there are not so many. */
static struct text from_end(struct text list, bool quotes, size_t number)
{
    size_t count = pieces(list, quotes);
    struct text piece = {NULL, 0};

    for (size_t left = count > number ? count - number + 1 : 1; left > 0; left--)
        next_piece(&list, ',', quotes, &piece);
    return piece;
}

/* Without quotes; what is escaped in them makes no address, scheme or host, so it stays. */
static struct text unquoted(struct text t)
{
    if (t.len >= 2 && t.at[0] == '"' && t.at[t.len - 1] == '"')
        return (struct text){t.at + 1, t.len - 2};
    return t;
}

static bool is(struct text t, const char *name)
{
    return t.len == strlen(name) && strncasecmp(t.at, name, t.len) == 0;
}

/* One element of Forwarded: "for=192.0.2.60;proto=http;host=a" (RFC 7239 §4). */
static struct word read_element(struct text element)
{
    struct word w = {.from = {NULL, 0}};
    struct text pair;

    while (next_piece(&element, ';', true, &pair)) {
        const char *equals = memchr(pair.at, '=', pair.len);
        struct text name, value;

        if (!equals)
            continue;
        name = (struct text){pair.at, (size_t)(equals - pair.at)};
        value = unquoted((struct text){equals + 1, pair.len - name.len - 1});
        if (is(name, "for"))
            w.from = value;
        else if (is(name, "proto"))
            w.scheme = value;
        else if (is(name, "host"))
            w.host = value;
    }
    return w;
}

static struct text field(sl_ctx *c, const char *name)
{
    const char *value = sl_header(c, name);

    return (struct text){value, value ? strlen(value) : 0};
}

static bool trusts(const struct trust *t, const struct address *a)
{
    for (size_t i = 0; i < t->count; i++)
        if (address_within(a, &t->networks[i].address, t->networks[i].bits))
            return true;
    return false;
}

/* Goes back along the list, as far as trust goes: whom the last proxy that is trusted was asked by,
 * as it says; and how many words were believed. */
static size_t walk(const struct trust *t, struct text list, struct text *ret)
{
    size_t count = pieces(list, t->forwarded);

    *ret = (struct text){NULL, 0};
    if (count > HOPS_MAX)
        count = HOPS_MAX;
    for (size_t number = 1; number <= count; number++) {
        struct text entry = from_end(list, t->forwarded, number);
        struct address a;
        const char *port;

        *ret = t->forwarded ? read_element(entry).from : entry;
        if (!ret->at)
            *ret = unknown;
        if (!address_of(ret->at, ret->len, &a, &port) || !trusts(t, &a))
            return number;
    }
    return count;
}

static int tell(sl_ctx *c, int r, struct text value, int (*set)(sl_ctx *c, const char *text))
{
    char *copy;

    if (r < 0 || !value.at)
        return r;
    copy = sl_format(c, "%.*s", (int)value.len, value.at);
    if (!copy)
        return -ENOMEM;
    r = set(c, copy);
    return r == -EINVAL ? 0 : r; /* what makes no sense is not believed */
}

static int set_scheme(sl_ctx *c, const char *scheme)
{
    if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0)
        return 0;
    return sl_set_scheme(c, scheme);
}

/* In the form sl_remote() has. */
static int set_remote(sl_ctx *c, const char *remote)
{
    char text[ADDRESS_TEXT];
    struct address a;
    const char *port;

    if (!address_of(remote, strlen(remote), &a, &port))
        return sl_set_remote(c, UNKNOWN);
    address_write(&a, port, port ? strlen(port) : 0, text);
    return sl_set_remote(c, text);
}

static int believe(sl_ctx *c, const struct trust *t)
{
    struct text list = field(c, t->forwarded ? "forwarded" : "x-forwarded-for");
    struct word w = {.from = {NULL, 0}};
    struct text from;
    size_t number = walk(t, list, &from);
    int r;

    if (t->forwarded) {
        if (number > 0)
            w = read_element(from_end(list, true, number));
    } else {
        w.scheme = from_end(field(c, "x-forwarded-proto"), false, number > 0 ? number : 1);
        w.host = from_end(field(c, "x-forwarded-host"), false, number > 0 ? number : 1);
    }
    r = tell(c, 0, from, set_remote);
    r = tell(c, r, w.scheme, set_scheme);
    return t->host ? tell(c, r, w.host, sl_set_host) : r;
}

static bool trusts_peer(const struct trust *t, const char *peer)
{
    struct address a;
    const char *port;

    if (strcmp(peer, "unix") == 0)
        return t->local;
    return address_of(peer, strlen(peer), &a, &port) && trusts(t, &a);
}

static int run(sl_ctx *c, void *self)
{
    const struct trust *t = self;
    int r = 0;

    if (trusts_peer(t, sl_remote(c)))
        r = believe(c, t);
    return r < 0 ? r : sl_next(c);
}

static const struct group {
    const char *name;
    const char *networks[4];
} groups[] = {
    {"loopback", {"127.0.0.0/8", "::1"}},
    {"private", {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}},
    {"linklocal", {"169.254.0.0/16", "fe80::/10"}},
};

/* "192.0.2.0/24", "2001:db8::/32", or one address. No bit may be set beyond the prefix: it would
 * mean something else than it says. */
static bool read_network(const char *text, struct network *n)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    unsigned most, bits = 0;

    if (!address_read(text, len, &n->address))
        return false;
    most = address_is_ipv4(&n->address) && !memchr(text, ':', len) ? 32 : 128;
    if (slash) {
        if (!address_is_port(slash + 1, strlen(slash + 1)) || strlen(slash + 1) > 3)
            return false;
        bits = (unsigned)strtoul(slash + 1, NULL, 10);
    }
    if (bits > most)
        return false;
    n->bits = slash ? 128 - most + bits : 128;
    for (unsigned i = n->bits; i < 128; i++)
        if (n->address.octets[i / 8] >> (7 - i % 8) & 1)
            return false;
    return true;
}

static bool add_network(struct trust *t, const char *text)
{
    struct network *n = &t->networks[t->count];

    if (!read_network(text, n))
        return false;
    t->count++;
    return true;
}

static bool add(struct trust *t, const char *text)
{
    if (strcmp(text, "unix") == 0)
        return t->local = true;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (strcmp(groups[i].name, text) != 0)
            continue;
        for (size_t k = 0; k < 4 && groups[i].networks[k]; k++)
            add_network(t, groups[i].networks[k]);
        return true;
    }
    return add_network(t, text);
}

sl_middleware sl_trust_proxy_with(const sl_trust_proxy_options *given)
{
    static const char *const otherwise[] = {"loopback", "unix", NULL};
    struct trust *t = keep_new(sizeof *t);
    sl_trust_proxy_options o;
    size_t count = 0;

    if (!t)
        return keep_done(NULL, run, NAME);
    TAKE_OPTIONS(o, given);
    if (!o.trusted)
        o.trusted = otherwise;
    while (o.trusted[count])
        count++;
    t->forwarded = o.forwarded;
    t->host = o.host;
    t->networks = keep_alloc(&t->keeper, (4 * count + 1) * sizeof *t->networks);
    for (size_t i = 0; t->networks && i < count; i++) {
        if (add(t, o.trusted[i]))
            continue;
        sl_log_error(NAME ": \"%s\" is no address, network or known group of them", o.trusted[i]);
        keep_free(t);
        return (sl_middleware){NULL, NULL, NULL};
    }
    return keep_done(t, run, NAME);
}
