/*
 * Path patterns: "/users/:id" taken apart, with the place of a mistake.
 */
#ifndef SL__APP_PATTERN_H
#define SL__APP_PATTERN_H

#include "app/path.h"

enum sl__part_kind { SL__PART_LITERAL, SL__PART_PARAM, SL__PART_REST };

struct sl__part {
    enum sl__part_kind kind;
    struct sl__str text; /* the literal, or the name; "*" for a rest without one */
};

struct sl__pattern {
    struct sl__part parts[SL__SEGMENTS_MAX];
    unsigned count;
    unsigned params; /* parts that are not literal */
};

struct sl__mistake {
    const char *what;
    size_t at; /* octets before it */
};

/**
 * Takes a pattern apart; the parts are views of it.
 *
 * ":name" is one segment that is not empty, "*name" at the end the rest; both begin their segment.
 * A literal is compared with the decoded segment.
 *
 * @return 0; -SL_EBADPATTERN with @p ret_mistake filled
 */
int sl__pattern_parse(struct sl__str pattern, struct sl__pattern *ret,
                      struct sl__mistake *ret_mistake);

#endif
