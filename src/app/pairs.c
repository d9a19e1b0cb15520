/*
 * Names and values of the query and of the cookies: parsed once, when a handler asks for the first.
 *
 * One allocation holds the list, one the texts. A request whose pairs do not fit into memory looks
 * as if it had none.
 */
#include "app/ctx.h"
#include "http/cookie.h"
#include "http/target.h"
#include "shallot/cookie.h"
#include "shallot/request.h"

static const struct sl__pairs none;

static struct sl__pairs *make(sl_ctx *c, size_t count)
{
    struct sl__pairs *p = sl__arena_alloc(&c->x->arena, sizeof *p + count * sizeof p->pair[0]);

    if (p)
        p->count = 0;
    return p;
}

/* The value of the name that comes the (skip + 1)th time. */
static const char *find(const struct sl__pairs *p, const char *name, size_t skip)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (strcmp(p->pair[i].name, name) == 0 && skip-- == 0)
            return p->pair[i].value;
    return NULL;
}

static void add(struct sl__pairs *p, const char *name, const char *value)
{
    p->pair[p->count].name = name;
    p->pair[p->count].value = value;
    p->count++;
}

static const struct sl__pairs *parse_query(sl_ctx *c)
{
    const struct sl__request *r = sl__ctx_request(c);
    struct sl__str all = r->query.at ? sl__request_str(r, r->query) : (struct sl__str){"", 0};
    struct sl__str left = all, key, value;
    struct sl__pairs *p;
    size_t count = 0;
    char *text;

    while (sl__query_next(&left, &key, &value))
        count++;
    if (count == 0)
        return &none;
    p = make(c, count);
    text = sl__arena_alloc(&c->x->arena, all.len + 2 * count); /* every text and its NUL */
    if (!p || !text)
        return &none;
    for (left = all; sl__query_next(&left, &key, &value);) {
        char *name = text;
        ssize_t n = sl__decode_form(key, name), m;

        if (n < 0) /* the parser lets none through */
            continue;
        m = sl__decode_form(value, name + n + 1);
        if (m < 0)
            continue;
        add(p, name, name + n + 1);
        text += n + m + 2;
    }
    return p;
}

static const struct sl__pairs *query_of(sl_ctx *c)
{
    if (!c->query)
        c->query = parse_query(c);
    return c->query;
}

const char *sl_query(sl_ctx *c, const char *name)
{
    return find(query_of(c), name, 0);
}

const char *sl_query_at(sl_ctx *c, const char *name, size_t i)
{
    return find(query_of(c), name, i);
}

bool sl_query_pair(sl_ctx *c, size_t i, const char **ret_name, const char **ret_value)
{
    const struct sl__pairs *p = query_of(c);

    if (i >= p->count)
        return false;
    *ret_name = p->pair[i].name;
    *ret_value = p->pair[i].value;
    return true;
}

static char *put(char *text, struct sl__str s)
{
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return text + s.len + 1;
}

static const struct sl__pairs *parse_cookies(sl_ctx *c)
{
    const char *field = sl_header(c, "cookie");
    struct sl__str all = sl__str_of(field ? field : ""), left = all, name, value;
    struct sl__pairs *p;
    size_t count = 0;
    char *text;

    while (sl__cookie_next(&left, &name, &value))
        count++;
    if (count == 0)
        return &none;
    p = make(c, count);
    text = sl__arena_alloc(&c->x->arena, all.len + 2 * count);
    if (!p || !text)
        return &none;
    for (left = all; sl__cookie_next(&left, &name, &value);) {
        char *at = put(text, name);

        add(p, text, at);
        text = put(at, value);
    }
    return p;
}

const char *sl_cookie_at(sl_ctx *c, const char *name, size_t i)
{
    if (!c->cookies)
        c->cookies = parse_cookies(c);
    return find(c->cookies, name, i);
}

const char *sl_cookie(sl_ctx *c, const char *name)
{
    return sl_cookie_at(c, name, 0);
}
