/*
 * Parameters: what ":id", "*path" and captures caught, by name.
 *
 * Comes here from the tables and routers when something matched, and from handlers through
 * sl_param(). Segments are decoded by the time they are matched, so a value is a copy with a NUL.
 */
#include "app/params.h"

#include <errno.h>

#include "app/regex.h"
#include "shallot/request.h"

static struct sl__params *push(sl_ctx *c, uint32_t count)
{
    struct sl__params *p = sl__arena_alloc(&c->x->arena, sizeof *p + count * sizeof p->value[0]);

    if (!p)
        return NULL;
    *p = (struct sl__params){.outer = c->cursor.params, .count = count};
    c->cursor.params = p;
    return p;
}

int sl__params_push(sl_ctx *c, const struct sl__route_param *names, uint32_t count, uint32_t base)
{
    struct sl__params *p;

    if (count == 0)
        return 0;
    p = push(c, count);
    if (!p)
        return -ENOMEM;
    p->names = names;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = base + names[i].segment;

        p->value[i].text = NULL;
        if (names[i].rest) {
            p->value[i].caught = sl__path_rest(&c->path, at);
        } else {
            const struct sl__segment *s = &c->path.segments[at];

            p->value[i].caught = (struct sl__str){s->ptr, s->len};
        }
    }
    return 0;
}

int sl__params_push_groups(sl_ctx *c, const struct sl__regex *regex, const struct sl__str *groups,
                           unsigned count)
{
    struct sl__params *p = push(c, count);

    if (!p)
        return -ENOMEM;
    p->regex = regex;
    for (unsigned i = 0; i < count; i++) {
        p->value[i].caught = groups[i];
        p->value[i].text = NULL;
    }
    return 0;
}

static struct sl__param_value *find(struct sl__params *p, const char *name)
{
    if (p->regex) {
        int group = sl__regex_group(p->regex, name);

        return group >= 0 && (uint32_t)group < p->count ? &p->value[group] : NULL;
    }
    for (uint32_t i = 0; i < p->count; i++)
        if (sl__str_equal(p->names[i].name, sl__str_of(name)))
            return &p->value[i];
    return NULL;
}

const char *sl_param(const sl_ctx *c, const char *name)
{
    for (struct sl__params *p = c->cursor.params; p; p = p->outer) {
        struct sl__param_value *v = find(p, name);

        if (!v || !v->caught.ptr)
            continue;
        if (!v->text)
            v->text = sl__arena_copy(&c->x->arena, v->caught.ptr, v->caught.len);
        return v->text;
    }
    return NULL;
}
