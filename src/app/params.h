/*
 * Parameters of a matched route or prefix.
 */
#ifndef SL__APP_PARAMS_H
#define SL__APP_PARAMS_H

#include "app/ctx.h"

/**
 * What a match has caught. The values are terminated when somebody asks for one; most are asked for
 * once, and some never.
 */
struct sl__params {
    struct sl__params *outer; /* of the prefix around */
    const struct sl__route_param *names;
    const struct sl__regex *regex; /* then names is NULL and the values are its captures */
    uint32_t count;
    struct sl__param_value {
        struct sl__str caught; /* ptr NULL: a capture that took no part */
        const char *text;      /* NULL until asked for */
    } value[];
};

/** Parameters of a path pattern that matched from segment @p base on, put in front of the present
 * ones. 0 or -ENOMEM. */
int sl__params_push(sl_ctx *c, const struct sl__route_param *names, uint32_t count, uint32_t base);

/** Captures of a regular expression, likewise. */
int sl__params_push_groups(sl_ctx *c, const struct sl__regex *regex, const struct sl__str *groups,
                           unsigned count);

#endif
