/*
 * The two stores of sessions.
 *
 * session.c comes here when a handler asks for the session, and when it is time to save. In the
 * cookie store everything is in the seal. In the shared store the cookie has an id, and the map has
 * what belongs to it under the id's hash: who reads the memory, a core file or a crash report
 * learns no id. A change there is merged with what others have changed meanwhile, under the map's
 * lock, and never brings back what somebody has ended.
 */
#include "session_store.h"

#include <shallot/ctx.h>
#include <shallot/error.h>
#include <shallot/request.h>

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <time.h>

#define TRIES 4 /* cookies of the name that are looked at */
#define ID 24u  /* octets: 192 bits */

/* Seconds. Cookies come back after a reboot, the map does not and is spared steps of the clock. */
int64_t session_now(const struct session_conf *conf)
{
    struct timespec t;

    if (!conf->map)
        return (int64_t)time(NULL);
    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec;
}

const char *session_cookie_name(const struct session *s)
{
    const sl_session_options *o = &s->conf->o;

    if (s->conf->named || o->domain || strcmp(o->path, "/") != 0 || o->secure == SL_COOKIE_OFF)
        return o->name;
    return strcmp(sl_scheme(s->c), "https") == 0 ? "__Host-session" : o->name;
}

static bool is_over(const struct session *s)
{
    const sl_session_options *o = &s->conf->o;
    int64_t now = session_now(s->conf);

    return now >= s->data.created + o->lifetime_s || now >= s->data.saved + o->idle_s;
}

static int store_failed(sl_ctx *c, int error)
{
    if (error != -EBUSY)
        return error;
    return sl_fail(c, 503, "session: a worker holds the store and does not go on");
}

/* Finding it. */

static const char *purpose_of(const struct session *s)
{
    return sl_format(s->c, "session %s", session_cookie_name(s));
}

static int find_sealed(struct session *s, const char *value)
{
    const char *purpose = purpose_of(s);
    size_t len;
    void *octets = purpose ? sl_unseal(s->c, purpose, value, &len) : NULL;

    return octets ? session_data_read(s->c, &s->data, octets, len) : -ENOENT;
}

static int hash_id(const uint8_t id[ID], char ret[SL_BASE64URL_LEN(SESSION_HASH) + 1])
{
    uint8_t hash[SESSION_HASH];

    if (EVP_Digest(id, ID, hash, NULL, EVP_sha256(), NULL) != 1)
        return -ENOMEM;
    sl_base64url_encode(hash, SESSION_HASH, ret);
    return 0;
}

static int find_shared(struct session *s, const char *value)
{
    size_t len = strlen(value), room = s->conf->o.bytes;
    uint8_t id[ID], *octets;
    ssize_t n;

    if (len != SL_BASE64URL_LEN(ID) || sl_base64url_decode(value, len, id) != (ssize_t)ID)
        return -ENOENT;
    octets = sl_alloc(s->c, room);
    if (!octets || hash_id(id, s->place) < 0)
        return -ENOMEM;
    n = sl_map_get(s->conf->map, s->place, octets, room);
    if (n < 0)
        return (int)n;
    return session_data_read(s->c, &s->data, octets, (size_t)n < room ? (size_t)n : room);
}

void session_find(struct session *s)
{
    const char *name = session_cookie_name(s), *value;

    for (size_t i = 0; i < TRIES && !s->came && (value = sl_cookie_at(s->c, name, i)); i++) {
        int r = s->conf->map ? find_shared(s, value) : find_sealed(s, value);

        s->broken |= r == -EBUSY || r == -ENOMEM;
        s->came = r == 0 && !is_over(s);
        s->value = value;
    }
    if (!s->came) {
        s->data = (struct session_data){.created = session_now(s->conf)};
        s->data.saved = s->data.created;
    }
}

/* Saving it: a session in which nothing is left ends. */

static unsigned seconds_left(const struct session *s)
{
    const sl_session_options *o = &s->conf->o;
    int64_t left = s->data.created + o->lifetime_s - session_now(s->conf);

    left = left < (int64_t)o->idle_s ? left : (int64_t)o->idle_s;
    return left > 0 ? (unsigned)left : 1;
}

static int set_cookie(struct session *s, const char *value)
{
    const sl_session_options *o = &s->conf->o;

    return sl_set_cookie(s->c, session_cookie_name(s), value,
                         .max_age = o->until_closed ? 0 : seconds_left(s), .path = o->path,
                         .domain = o->domain, .secure = o->secure, .same_site = o->same_site);
}

static int clear_cookie(struct session *s)
{
    const sl_session_options *o = &s->conf->o;

    if (!sl_cookie(s->c, session_cookie_name(s)))
        return 0;
    return sl_clear_cookie(s->c, session_cookie_name(s), .path = o->path, .domain = o->domain,
                           .secure = o->secure, .same_site = o->same_site);
}

static int save_sealed(struct session *s)
{
    size_t len = session_data_size(&s->data);
    const char *purpose = purpose_of(s), *sealed;
    uint8_t *octets = sl_alloc(s->c, len);

    if (len == SESSION_DATA_EMPTY)
        return clear_cookie(s);
    if (!purpose || !octets)
        return -ENOMEM;
    session_data_write(&s->data, octets);
    sealed = sl_seal(s->c, purpose, octets, len, seconds_left(s));
    return sealed ? set_cookie(s, sealed) : sl_fail(s->c, 500, "session: it cannot be sealed");
}

/* What is done with an entry of the map, under its lock. */
struct work {
    const struct session *s;
    uint8_t *octets; /* room for o.bytes */
    ssize_t len;
    unsigned ttl_ms;
};

static int merge_entry(sl_map_entry *e, void *self)
{
    struct work *w = self;

    if (e->len < 0)
        return -ENOENT;
    w->len =
        session_data_merge(&w->s->data, e->value, (size_t)e->len, w->octets, w->s->conf->o.bytes);
    if (w->len < 0)
        return (int)w->len;
    memcpy(e->value, w->octets, (size_t)w->len);
    e->len = w->len > SESSION_DATA_EMPTY ? w->len : -1;
    e->ttl_ms = w->ttl_ms;
    return 0;
}

static int take_entry(sl_map_entry *e, void *self)
{
    struct work *w = self;

    w->len = e->len;
    if (e->len > 0)
        memcpy(w->octets, e->value, (size_t)e->len);
    e->len = -1;
    return 0;
}

/* Under an id of its own, with what the old one had, unless somebody has ended that. */
static int save_renewed(struct session *s, struct work *w)
{
    size_t room = s->conf->o.bytes;
    char value[SL_BASE64URL_LEN(ID) + 1], place[sizeof s->place];
    uint8_t id[ID], *octets = sl_alloc(s->c, room);
    ssize_t len;
    int r = octets ? 0 : -ENOMEM;

    w->len = 0;
    if (r == 0 && s->came)
        r = sl_map_update(s->conf->map, s->place, take_entry, w);
    if (r < 0)
        return r;
    len = session_data_merge(&s->data, w->octets, w->len > 0 ? (size_t)w->len : 0, octets, room);
    if (len <= SESSION_DATA_EMPTY)
        return len < 0 ? (int)len : clear_cookie(s);
    sl_random(id, ID);
    sl_base64url_encode(id, ID, value);
    r = hash_id(id, place);
    if (r == 0)
        r = sl_map_add(s->conf->map, place, octets, (size_t)len, w->ttl_ms);
    return r == 0 ? set_cookie(s, value) : r;
}

static int save_shared(struct session *s)
{
    struct work w = {.s = s, .octets = sl_alloc(s->c, s->conf->o.bytes)};
    int r;

    if (!w.octets)
        return -ENOMEM;
    w.ttl_ms = seconds_left(s) * 1000;
    if (s->renewed || !s->came)
        return save_renewed(s, &w);
    r = sl_map_update(s->conf->map, s->place, merge_entry, &w);
    if (r == -ENOENT) /* ended by somebody else meanwhile, whose answer tells the browser */
        return 0;
    if (r < 0)
        return r;
    if (w.len <= SESSION_DATA_EMPTY) /* nobody has anything left in it */
        return clear_cookie(s);
    return s->conf->o.until_closed ? 0 : set_cookie(s, s->value);
}

int session_end(struct session *s)
{
    int r = 0;

    if (s->came && s->conf->map)
        r = sl_map_delete(s->conf->map, s->place);
    return r == -ENOENT ? 0 : store_failed(s->c, r);
}

static bool is_due(const struct session *s)
{
    return s->came && session_now(s->conf) - s->data.saved >= (int64_t)(s->conf->o.idle_s / 10);
}

/* The answer is one visitor's. */
static int mark_answer(sl_ctx *c)
{
    int r = sl_vary(c, "Cookie");

    if (r < 0 || sl_response_header(c, "Cache-Control"))
        return r;
    return sl_set_header(c, "Cache-Control", "private, no-cache");
}

int session_save(struct session *s)
{
    bool any = session_data_any(&s->data);
    int r;

    if (!s->looked || s->saved)
        return 0;
    s->saved = true;
    r = mark_answer(s->c);
    if (r < 0 || s->broken)
        return r;
    if (s->ended && !any) {
        r = clear_cookie(s);
    } else if ((s->changed && (any || s->came)) || is_due(s)) {
        s->data.saved = session_now(s->conf);
        r = s->conf->map ? save_shared(s) : save_sealed(s);
    }
    return r < 0 ? store_failed(s->c, r) : 0;
}
