/*
 * A bound on how often a client may ask, for all workers together.
 *
 * Each client has a bucket in a map that the workers share. It is kept as one moment: when it will
 * be full again if nothing more is taken (the generic cell rate algorithm, which is a token bucket
 * without a clock that ticks). A request moves it on by the time one token takes to come back, in
 * one step under the map's lock, unless it would lie further away than a whole bucket takes. So
 * over any number of workers not one request more gets through than the numbers say; and a bucket
 * that is full need not be remembered, which is why entries have a time to live.
 */
#include <shallot/ctx.h>
#include <shallot/middleware.h>
#include <shallot/request.h>
#include <shallot/response.h>
#include <shallot/shared.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "address.h"
#include "keep.h"

#define NAME "sl_rate_limit"
#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)
#define KEY_BYTES 96
#define CAPACITY 16384
#define BEHIND_MS 10000       /* a worker's idea of the time may be late by so much */
#define LONGEST_MS 4000000000 /* for which an entry can be told to live */

struct limiter {
    struct keeper keeper;
    sl_map *buckets;
    int64_t token; /* ns after which one comes back */
    int64_t depth; /* ns in which an empty bucket fills */
    const char *header;
    const char *(*key)(sl_ctx *c, void *self);
    void *self;
    const char *policy; /* values of headers; NULL: none are sent */
    const char *name;
    int64_t complained;
};

/* A request at the bucket. */
struct visit {
    const struct limiter *l;
    int64_t now;
    int64_t full; /* when it will be full again */
    int64_t wait; /* until there is a token; 0: this one has got it */
};

static int64_t present(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t); /* the same for all processes */
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* Under the map's lock. What other numbers have left behind, before a reload, is an empty bucket at
 * worst. */
static int take(sl_map_entry *e, void *self)
{
    struct visit *v = self;
    const struct limiter *l = v->l;
    int64_t full = v->now;

    if (e->len == sizeof full)
        memcpy(&full, e->value, sizeof full);
    if (full < v->now)
        full = v->now;
    else if (full > v->now + l->depth)
        full = v->now + l->depth;
    v->wait = full + l->token - v->now - l->depth;
    if (v->wait <= 0) {
        v->wait = 0;
        full += l->token;
    }
    v->full = full;
    memcpy(e->value, &full, sizeof full);
    e->len = sizeof full;
    e->ttl_ms = (unsigned)((full - v->now) / MILLISECOND + BEHIND_MS);
    return 0;
}

static uint64_t fnv(uint64_t hash, const char *text)
{
    while (*text)
        hash = (hash ^ (unsigned char)*text++) * UINT64_C(0x100000001b3);
    return hash;
}

/* What is too long for a key is told apart by its hash. */
static void name_key(char key[KEY_BYTES + 1], char kind, const char *text)
{
    if (snprintf(key, KEY_BYTES + 1, "%c%s", kind, text) <= KEY_BYTES)
        return;
    snprintf(key, KEY_BYTES + 1, "%c%.40s %016" PRIx64 "%016" PRIx64, kind + 'A' - 'a', text,
             fnv(UINT64_C(0xcbf29ce484222325), text), fnv(UINT64_C(0x9e3779b97f4a7c15), text));
}

/* A client has a whole IPv6 network of 64 bits to choose addresses from. */
static void name_address(char key[KEY_BYTES + 1], const char *remote)
{
    char text[ADDRESS_TEXT];
    struct address a;
    const char *port;

    if (!address_of(remote, strlen(remote), &a, &port)) {
        name_key(key, 'a', remote);
        return;
    }
    if (!address_is_ipv4(&a))
        memset(a.octets + 8, 0, 8);
    address_write(&a, NULL, 0, text);
    name_key(key, 'a', text);
}

/* False: this request is not counted. */
static bool client(sl_ctx *c, const struct limiter *l, char key[KEY_BYTES + 1])
{
    const char *text = l->key ? l->key(c, l->self) : NULL;

    if (l->key) {
        if (text)
            name_key(key, 'k', text);
        return text != NULL;
    }
    text = l->header ? sl_header(c, l->header) : NULL;
    if (text && *text)
        name_key(key, 'h', text);
    else
        name_address(key, sl_remote(c));
    return true;
}

static int64_t seconds(int64_t ns)
{
    return (ns + SECOND - 1) / SECOND;
}

static int say(sl_ctx *c, const struct visit *v)
{
    const struct limiter *l = v->l;
    int64_t left = (l->depth - (v->full - v->now)) / l->token;
    char text[160];
    int r;

    if (!l->policy)
        return 0;
    snprintf(text, sizeof text, "\"%s\";r=%" PRId64 ";t=%" PRId64, l->name, left,
             seconds(v->full - v->now));
    r = sl_keep_header(c, "RateLimit-Policy", l->policy);
    return r < 0 ? r : sl_keep_header(c, "RateLimit", text);
}

static int refuse_request(sl_ctx *c, const struct visit *v)
{
    char after[24];
    int r;

    snprintf(after, sizeof after, "%" PRId64, seconds(v->wait));
    r = sl_keep_header(c, "Retry-After", after);
    return r < 0 ? r : sl_fail(c, 429, "too many requests, the next one in %s s", after);
}

/* Without the map nobody is refused: one worker that is stopped with its lock would else stop all
 * others too. Once a minute that is worth a line. */
static void complain(struct limiter *l, int64_t now, int error)
{
    if (l->complained && now - l->complained < 60 * SECOND)
        return;
    l->complained = now;
    sl_warn(NAME ": requests pass uncounted: the shared map fails (%d)", error);
}

static int run(sl_ctx *c, void *self)
{
    struct limiter *l = self;
    struct visit v = {.l = l, .now = present()};
    char key[KEY_BYTES + 1];
    int r;

    if (!client(c, l, key))
        return sl_next(c);
    r = sl_map_update(l->buckets, key, take, &v);
    if (r < 0) {
        complain(l, v.now, r);
        return sl_next(c);
    }
    r = say(c, &v);
    if (r < 0)
        return r;
    return v.wait > 0 ? refuse_request(c, &v) : sl_next(c);
}

/* A value in quotes goes into headers, and is said by the program. */
static bool is_name(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++)
        if (name[i] < 0x20 || name[i] > 0x7e || name[i] == '"' || name[i] == '\\')
            return false;
    return len > 0 && len <= 64;
}

static const char *mistake(const sl_rate_limit_options *o)
{
    if (o->limit == 0)
        return "how many? Give .limit";
    if (o->name && !is_name(o->name))
        return "a name has 1 to 64 visible ASCII characters, no quotes or backslash";
    if ((uint64_t)o->window_ms * o->burst / o->limit > LONGEST_MS - BEHIND_MS)
        return "a bucket of this depth would take more than 46 days to fill";
    return NULL;
}

/* The map of those who have no name is the n-th: main() makes the same ones in the same order in
 * every worker. */
static sl_map *map_of(sl_app *app, const sl_rate_limit_options *o)
{
    static unsigned unnamed;
    char name[100];

    if (o->name)
        snprintf(name, sizeof name, "shallot.rate-limit %s", o->name);
    else
        snprintf(name, sizeof name, "shallot.rate-limit %u", ++unnamed);
    return sl_map_new(app, name, .capacity = o->capacity ? o->capacity : CAPACITY,
                      .value_bytes = sizeof(int64_t), .key_bytes = KEY_BYTES);
}

sl_middleware sl_rate_limit_with(sl_app *app, const sl_rate_limit_options *given)
{
    sl_rate_limit_options o;
    struct limiter *l;
    const char *wrong;
    char policy[160];

    TAKE_OPTIONS(o, given);
    o.window_ms = o.window_ms ? o.window_ms : 60000;
    o.burst = o.burst ? o.burst : o.limit;
    wrong = mistake(&o);
    if (wrong)
        return refuse(NAME, wrong);
    l = keep_new(sizeof *l);
    if (!l)
        return keep_done(NULL, run, NAME);
    l->token = (o.window_ms * MILLISECOND + o.limit - 1) / o.limit;
    l->depth = l->token * o.burst;
    l->key = o.key;
    l->self = o.self;
    l->header = keep_text(&l->keeper, o.header);
    l->name = keep_text(&l->keeper, o.name ? o.name : "default");
    snprintf(policy, sizeof policy, "\"%s\";q=%u;w=%u", o.name ? o.name : "default", o.limit,
             (o.window_ms + 999) / 1000);
    l->policy = o.quiet ? NULL : keep_text(&l->keeper, policy);
    l->buckets = map_of(app, &o);
    if (!l->buckets)
        l->keeper.failed = true; /* which has been said */
    return keep_done(l, run, NAME);
}
