/*
 * The upstreams of a proxy: a list, a turn, and for each a short memory of its failures.
 *
 * One that has failed often enough is out for a while and then let in again; it comes back on
 * probation, so that its next failure puts it out at once. Of a single upstream nothing better is
 * known than to ask it.
 */
#include "proxy_upstreams.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SPACES " \t\r\n,"
#define UNIX "unix:"

static bool begins_with(const char *text, size_t len, const char *with)
{
    return len > strlen(with) && strncasecmp(text, with, strlen(with)) == 0;
}

static bool is_authority(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] == 127 || strchr("/?#@\\\"<>^`{|}", text[i]))
            return false;
    return len > 0 && *text != ':';
}

static int fill(struct proxy__upstream *one, const char *url, size_t url_len, const char *host,
                size_t host_len, const char *name, size_t name_len)
{
    one->name = strndup(name, name_len);
    one->url = strndup(url, url_len);
    one->host = strndup(host, host_len);
    return one->name && one->url && one->host ? 0 : -ENOMEM;
}

static int read_one(struct proxy__upstream *one, const char *text, size_t len)
{
    size_t scheme = begins_with(text, len, "http://")    ? strlen("http://")
                    : begins_with(text, len, "https://") ? strlen("https://")
                                                         : 0;
    size_t url = len > 0 && text[len - 1] == '/' ? len - 1 : len;
    int r;

    if (begins_with(text, len, UNIX) && text[strlen(UNIX)] == '/') {
        r = fill(one, "http://localhost", strlen("http://localhost"), "localhost",
                 strlen("localhost"), text, len);
        one->unix_path = one->name ? one->name + strlen(UNIX) : NULL;
        return r;
    }
    if (scheme == 0 || url <= scheme || !is_authority(text + scheme, url - scheme))
        return -EINVAL;
    return fill(one, text, url, text + scheme, url - scheme, text, len);
}

int proxy__upstreams_init(struct proxy__upstreams *u, const char *text, char **ret_bad)
{
    int r = 0;

    *ret_bad = NULL;
    u->list = calloc(PROXY__UPSTREAMS_MAX, sizeof *u->list);
    if (!u->list)
        return -ENOMEM;
    for (text += strspn(text, SPACES); *text && r == 0; text += strspn(text, SPACES)) {
        size_t len = strcspn(text, SPACES);

        r = u->count < PROXY__UPSTREAMS_MAX ? read_one(&u->list[u->count++], text, len) : -EINVAL;
        if (r == -EINVAL)
            *ret_bad = strndup(text, len);
        text += len;
    }
    return r == 0 && u->count == 0 ? -EINVAL : r;
}

void proxy__upstreams_finish(struct proxy__upstreams *u)
{
    for (unsigned i = 0; i < u->count; i++) {
        free(u->list[i].name);
        free(u->list[i].url);
        free(u->list[i].host);
    }
    free(u->list);
    *u = (struct proxy__upstreams){0};
}

bool proxy__is_in(const struct proxy__upstreams *u, const struct proxy__upstream *one, int64_t now)
{
    return !one->down && (u->count == 1 || now >= one->out_until);
}

struct proxy__upstream *proxy__choose(struct proxy__upstreams *u, int64_t now, uint64_t tried)
{
    struct proxy__upstream *best = NULL;

    for (unsigned i = 0; i < u->count; i++) {
        unsigned at = (u->next + i) % u->count;
        struct proxy__upstream *one = &u->list[at];

        if (tried >> at & 1 || !proxy__is_in(u, one, now))
            continue;
        if (!best || one->busy < best->busy)
            best = one;
        if (!u->least_busy)
            break;
    }
    if (best)
        u->next = ((unsigned)(best - u->list) + 1) % u->count;
    return best;
}

bool proxy__failed(struct proxy__upstreams *u, struct proxy__upstream *one, int64_t now)
{
    bool was_in = proxy__is_in(u, one, now);

    if (one->fails < u->fails_max)
        one->fails++;
    if (one->fails < u->fails_max || u->count == 1)
        return false;
    one->out_until = now + u->out_ms;
    return was_in;
}

bool proxy__answered(struct proxy__upstreams *u, struct proxy__upstream *one)
{
    bool was_out = one->fails >= u->fails_max && u->count > 1;

    one->fails = 0;
    one->out_until = 0;
    return was_out;
}
