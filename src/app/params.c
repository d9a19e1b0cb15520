/*
 * Parameters: what ":id", "*path" and captures caught, by name.
 *
 * Comes here from the tables and routers when something matched, and from handlers through
 * sl_param(). Segments are decoded by the time they are matched, so a value is a copy with a NUL.
 */
#include "app/params.h"

#include "app/regex.h"
#include "shallot/request.h"

int sl__params_push_groups(sl_ctx *c, const struct sl__regex *regex, struct sl__str subject)
{
    struct sl__str groups[SL__REGEX_GROUPS];
    struct sl__params *p;
    unsigned count;
    int r;

    if (sl__regex_captures(regex) == 0)
        return 0;
    count = sl__regex_groups(subject, groups);
    r = sl__params_push(c, NULL, count, 0);
    if (r < 0)
        return r;
    p = c->frame->params;
    p->regex = regex;
    p->groups = sl__arena_alloc(&c->x->arena, count * sizeof groups[0]);
    if (!p->groups)
        return -ENOMEM;
    memcpy(p->groups, groups, count * sizeof groups[0]);
    return 0;
}

/* Index of the parameter called @p name; -1. */
static int find(const struct sl__params *p, const char *name)
{
    struct sl__str wanted = sl__str_of(name);

    if (p->regex) {
        int group = sl__regex_group(p->regex, name);

        return group >= 0 && (uint32_t)group < p->count && p->groups[group].ptr ? group : -1;
    }
    for (uint32_t i = 0; i < p->count; i++)
        if (sl__str_equal(p->names[i].name, wanted))
            return (int)i;
    return -1;
}

static struct sl__str caught(const sl_ctx *c, const struct sl__params *p, int i)
{
    const struct sl__segment *s;

    if (p->regex)
        return p->groups[i];
    if (p->names[i].rest)
        return sl__path_rest(&c->path, p->base + p->names[i].segment);
    s = &c->path.segments[p->base + p->names[i].segment];
    return (struct sl__str){s->ptr, s->len};
}

const char *sl_param(const sl_ctx *c, const char *name)
{
    for (struct sl__params *p = c->frame->params; p; p = p->outer) {
        int i = find(p, name);

        if (i < 0)
            continue;
        if (!p->text[i]) {
            struct sl__str value = caught(c, p, i);

            p->text[i] = sl__arena_copy(&c->x->arena, value.ptr, value.len);
        }
        return p->text[i];
    }
    return NULL;
}

/* Segments of the path that lead to the layer that runs. */
static uint32_t segments_above(const sl_ctx *c)
{
    uint32_t above = c->frame->base;

    for (const struct sl__params *p = c->frame->params; p; p = p->outer) {
        const struct sl__route_param *last =
            p->names && p->count > 0 ? &p->names[p->count - 1] : NULL;

        if (last && last->rest && p->base + last->segment > above)
            above = p->base + last->segment;
    }
    return above;
}

const char *sl_path_below(const sl_ctx *c)
{
    uint32_t above = segments_above(c);
    const char *path = sl_path(c);

    if (above == 0)
        return path;
    return above < c->path.count ? path + c->path.segments[above].at - 1 : "";
}
