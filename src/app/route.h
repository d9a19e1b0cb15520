/*
 * A route, lists of routes, and what a request is looking for among them.
 */
#ifndef SL__APP_ROUTE_H
#define SL__APP_ROUTE_H

#include "app/path.h"
#include "app/pattern.h"
#include "shallot/common.h"

#define SL__METHODS_ALL UINT32_MAX

struct sl__regex;

/** A parameter's name and the segment it stands for. */
struct sl__route_param {
    struct sl__str name;
    uint32_t segment;
    bool rest; /* that segment and all behind it */
};

struct sl__route {
    uint32_t order;   /* of its definition in the table */
    uint32_t methods; /* bits of enum sl__method; SL__METHODS_ALL */
    char *method;     /* NULL: every one */
    char *pattern;
    struct sl__regex *regex; /* NULL: a path pattern */
    struct sl__route_param *params;
    uint32_t param_count;
    sl_middleware *layers;
    size_t count;
};

/** Routes in order of definition. Zeroed memory is an empty list. */
struct sl__ends {
    const struct sl__route **list;
    uint32_t count, size;
};

/** A search in a table: for what, and where it has come to. */
struct sl__search {
    const struct sl__path *path;   /* split, unless direct */
    const struct sl__ends *direct; /* all routes that take the path; NULL: it takes the tree */
    uint32_t base;                 /* the segment of the path with which patterns begin */
    uint32_t from;                 /* order of the first route not yet looked at */
    uint32_t methods;              /* one bit; GET too for HEAD without a route of its own */
    struct sl__str name;           /* for SL__METHOD_OTHER */
};

/** True if a route takes one of the methods. */
static inline bool sl__route_takes(const struct sl__route *route, const struct sl__search *s)
{
    if (!(route->methods & s->methods))
        return false;
    return s->methods != 1u << SL__METHOD_OTHER || !route->method ||
           sl__str_equal(sl__str_of(route->method), s->name);
}

/** Appends a route, later than all there are. 0 or -ENOMEM. */
int sl__ends_add(struct sl__ends *e, const struct sl__route *route);
/** Index of the first route of order @p from or later; count if there is none. */
uint32_t sl__ends_from(const struct sl__ends *e, uint32_t from);
void sl__ends_finish(struct sl__ends *e);

/** The first route of the list, which is not empty, that the search has not come to yet, is defined
 * before @p best (NULL: any), and takes the request; else @p best. */
SL__APART const struct sl__route *
sl__ends_look(const struct sl__ends *e, const struct sl__search *s, const struct sl__route *best);

/** The same; mostly it is the first of the list. */
static inline const struct sl__route *sl__ends_consider(const struct sl__ends *e,
                                                        const struct sl__search *s,
                                                        const struct sl__route *best)
{
    const uint32_t other = 1u << SL__METHOD_OTHER; /* then the name has to be compared */
    const struct sl__route *first = e->list[0];

    if (!best && first->order >= s->from && (first->methods & s->methods & ~other))
        return first;
    return sl__ends_look(e, s, best);
}

#endif
