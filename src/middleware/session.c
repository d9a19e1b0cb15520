/*
 * Sessions: the layer, and what handlers call.
 *
 * The layer leaves a session with the request, empty handed: the cookie is looked at when a handler
 * asks. From then on a writer of ours waits for the head, because what is pushed takes the head
 * along while the layers below are still running; else the layer itself saves when they have
 * returned. Finding and saving is in session_store.c.
 */
#include <shallot/app.h>
#include <shallot/ctx.h>
#include <shallot/error.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_store.h"

#define STATE "shallot.session"
#define COOKIE_MAX 4096u
#define DAY 86400u

static int before_the_head(sl_ctx *c, sl_writer *w)
{
    struct session *s = (struct session *)(void *)((char *)w - offsetof(struct session, writer));
    int r = session_save(s);

    return r < 0 ? r : sl_pass_begin(c, w);
}

/* What handlers call. */

/* The session of this request, looked at; NULL without the layer. */
static struct session *look(sl_ctx *c)
{
    struct session *s = sl_state(c, STATE);
    int r;

    if (!s || s->looked)
        return s;
    s->looked = true;
    s->writer.begin = before_the_head;
    r = sl_push_writer(c, &s->writer);
    s->saved = r == -SL_ECOMMITTED;
    s->broken = r == -ENOMEM;
    session_find(s);
    return s;
}

/* The session, about to be changed. */
static int open_it(sl_ctx *c, struct session **ret)
{
    struct session *s = look(c);

    if (!s)
        return sl_fail(c, 500, "session: there is no sl_session() above this handler");
    if (s->saved)
        return -SL_ECOMMITTED;
    if (s->broken)
        return sl_fail(c, 503, "session: the store does not answer");
    *ret = s;
    return 0;
}

const void *sl_session_bytes(sl_ctx *c, const char *key, size_t *ret_len)
{
    struct session *s = look(c);
    struct session_entry *e = s && key ? session_data_find(&s->data, key) : NULL;

    if (ret_len)
        *ret_len = e ? e->len : 0;
    return e ? e->bytes : NULL;
}

const char *sl_session_get(sl_ctx *c, const char *key)
{
    return sl_session_bytes(c, key, NULL);
}

static int check_room(struct session *s)
{
    size_t size = session_data_size(&s->data), whole;

    if (s->conf->map && size > s->conf->o.bytes)
        return sl_fail(s->c, 500,
                       "session: it would have %zu octets, .bytes of sl_session() says %zu at most",
                       size, s->conf->o.bytes);
    whole = strlen(session_cookie_name(s)) + SL_SEALED_LEN(size);
    if (!s->conf->map && whole > COOKIE_MAX)
        return sl_fail(s->c, 500,
                       "session: its cookie would have %zu octets, browsers keep %u: keep less in "
                       "it, or use .store = SL_SESSION_SHARED",
                       whole, COOKIE_MAX);
    return 0;
}

/* The entry of this key; a new one says that there is nothing. */
static struct session_entry *entry_of(struct session *s, const char *key)
{
    struct session_entry *e = session_data_find(&s->data, key);

    if (e)
        return e;
    e = sl_alloc(s->c, sizeof *e);
    key = e ? sl_strdup(s->c, key) : NULL;
    if (!key)
        return NULL;
    *e = (struct session_entry){.next = s->data.entries, .key = key};
    s->data.entries = e;
    return e;
}

/* NULL @p bytes delete it. */
static int change(sl_ctx *c, const char *key, const void *bytes, size_t len)
{
    size_t key_len = key ? strlen(key) : 0;
    struct session_entry *e, before;
    struct session *s = NULL;
    char *copy = NULL;
    int r;

    if (key_len == 0 || key_len > SESSION_KEY_MAX || len > UINT32_MAX)
        return -EINVAL;
    r = open_it(c, &s);
    if (r < 0)
        return r;
    e = entry_of(s, key);
    if (bytes)
        copy = sl_alloc(c, len + 1);
    if (!e || (bytes && !copy))
        return -ENOMEM;
    if (!bytes && !e->bytes)
        return 0;
    if (bytes)
        *(char *)mempcpy(copy, bytes, len) = '\0';
    before = *e;
    *e = (struct session_entry){before.next, before.key, copy, len, true};
    r = bytes ? check_room(s) : 0;
    if (r < 0)
        *e = before;
    s->changed |= r == 0;
    return r;
}

bool sl_has_session(const sl_ctx *c)
{
    return sl_state(c, STATE) != NULL;
}

int sl_session_set_bytes(sl_ctx *c, const char *key, const void *bytes, size_t len)
{
    if (!bytes && len > 0)
        return -EINVAL;
    return change(c, key, bytes ? bytes : "", len);
}

int sl_session_set(sl_ctx *c, const char *key, const char *text)
{
    return text ? change(c, key, text, strlen(text)) : -EINVAL;
}

int sl_session_delete(sl_ctx *c, const char *key)
{
    return change(c, key, NULL, 0);
}

int sl_session_regenerate(sl_ctx *c)
{
    struct session *s = NULL;
    int r = open_it(c, &s);

    if (r < 0)
        return r;
    for (struct session_entry *e = s->data.entries; e; e = e->next)
        if (e->key[0] == '_') {
            e->bytes = NULL;
            e->changed = true;
        }
    s->renewed = s->changed = true;
    s->data.created = session_now(s->conf);
    return 0;
}

int sl_session_destroy(sl_ctx *c)
{
    struct session *s = NULL;
    int r = open_it(c, &s);

    if (r == 0)
        r = session_end(s);
    if (r < 0)
        return r;
    s->ended = true;
    s->came = s->changed = s->renewed = false;
    s->data = (struct session_data){.created = session_now(s->conf)};
    return 0;
}

/* The layer. */

static int run(sl_ctx *c, void *self)
{
    void *outer = sl_state(c, STATE);
    struct session *s = sl_alloc(c, sizeof *s);
    int r = s ? 0 : -ENOMEM;

    if (r == 0) {
        *s = (struct session){.c = c, .conf = self};
        r = sl_set_state(c, STATE, s, NULL);
    }
    if (r < 0)
        return r;
    r = sl_next(c);
    if (r == 0)
        r = session_save(s);
    sl_set_state(c, STATE, outer, NULL);
    return r;
}

static void free_conf(void *self)
{
    struct session_conf *conf = self;

    if (!conf)
        return;
    free((char *)(uintptr_t)conf->o.name);
    free((char *)(uintptr_t)conf->o.path);
    free((char *)(uintptr_t)conf->o.domain);
    free(conf);
}

static int copy_text(const char **at, const char *otherwise)
{
    const char *text = *at ? *at : otherwise;

    *at = text ? strdup(text) : NULL;
    return text && !*at ? -ENOMEM : 0;
}

static int fill_in(struct session_conf *conf, const sl_session_options *given)
{
    sl_session_options *o = &conf->o;
    int r, r2, r3;

    if (given)
        memcpy(o, given, given->size < sizeof *o ? given->size : sizeof *o);
    conf->named = o->name != NULL;
    o->lifetime_s = o->lifetime_s ? o->lifetime_s : 30 * DAY;
    o->idle_s = o->idle_s ? o->idle_s : DAY;
    if (o->idle_s > o->lifetime_s)
        o->idle_s = o->lifetime_s;
    o->capacity = o->capacity ? o->capacity : 10000;
    o->bytes = o->bytes ? o->bytes : 2048;
    r = copy_text(&o->name, "session"); /* all three: what is not ours must not be freed */
    r2 = copy_text(&o->path, "/");
    r3 = copy_text(&o->domain, NULL);
    return r < 0 || r2 < 0 || r3 < 0 ? -ENOMEM : 0;
}

static int open_store(sl_app *app, struct session_conf *conf)
{
    const sl_session_options *o = &conf->o;
    char name[100];

    if (!*o->name || strlen(o->name) > 60 ||
        o->name[strspn(o->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"
                                "QRSTUVWXYZ0123456789-_.")])
        return sl_refuse(app,
                         "sl_session(): \"%s\" cannot be the name of its cookie: 1 to 60 "
                         "letters, digits, '-', '_' and '.'",
                         o->name);
    if (o->path[0] != '/')
        return sl_refuse(app, "sl_session(): path \"%s\" must begin with /", o->path);
    if (o->store == SL_SESSION_COOKIE)
        return sl_secrets(app);
    if (o->idle_s > UINT_MAX / 1000)
        return sl_refuse(app, "sl_session(): idle_s can be %u at most in the shared store",
                         UINT_MAX / 1000);
    snprintf(name, sizeof name, "%s %s", STATE, o->name);
    conf->map = sl_map_new(app, name, .capacity = o->capacity, .value_bytes = o->bytes,
                           .key_bytes = SL_BASE64URL_LEN(SESSION_HASH));
    return conf->map ? 0 : -EINVAL;
}

sl_middleware sl_session_with(sl_app *app, const sl_session_options *options)
{
    struct session_conf *conf = calloc(1, sizeof *conf);
    int r = conf ? fill_in(conf, options) : -ENOMEM;

    if (r == 0)
        r = open_store(app, conf);
    if (r == 0)
        return (sl_middleware){run, conf, free_conf};
    if (r != -EINVAL)
        sl_refuse(app, "sl_session(): %s", sl_strerror(r));
    free_conf(conf);
    return (sl_middleware){NULL, NULL, NULL};
}
