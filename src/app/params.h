/*
 * Parameters of a matched route or prefix.
 */
#ifndef SL__APP_PARAMS_H
#define SL__APP_PARAMS_H

#include <errno.h>

#include "app/ctx.h"

/**
 * What a match has caught: the segments are the context's, so that only their place is kept. A
 * value is copied and terminated when somebody asks for it; some nobody ever does.
 */
struct sl__params {
    struct sl__params *outer; /* of the prefix around */
    const struct sl__route_param *names;
    const struct sl__regex *regex; /* then names is NULL */
    struct sl__str *groups;        /* with regex: what was caught; ptr NULL: took no part */
    uint32_t count;
    uint32_t base;      /* segment from which those of names are counted */
    const char *text[]; /* NULL until asked for */
};

/** Parameters of a path pattern that matched from segment @p base on, put in front of the present
 * ones. 0 or -ENOMEM. */
static inline int sl__params_push(sl_ctx *c, const struct sl__route_param *names, uint32_t count,
                                  uint32_t base)
{
    struct sl__params *p;

    if (count == 0)
        return 0;
    p = sl__arena_alloc(&c->x->arena, sizeof *p + count * sizeof p->text[0]);
    if (!p)
        return -ENOMEM;
    p->outer = c->frame->params;
    p->names = names;
    p->regex = NULL;
    p->count = count;
    p->base = base;
    for (uint32_t i = 0; i < count; i++)
        p->text[i] = NULL;
    c->frame->params = p;
    return 0;
}

/** What the regular expression that matched just now has caught, likewise. */
int sl__params_push_groups(sl_ctx *c, const struct sl__regex *regex, struct sl__str subject);

#endif
