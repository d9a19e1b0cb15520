/*
 * A table of routes: finds the next route for a path and a method, in the order of definition.
 *
 * Path patterns live in a tree over segments, so that ten thousand cost what ten cost; regular
 * expressions are tried one by one, and only those defined before the best path pattern.
 */
#ifndef SL__APP_TABLE_H
#define SL__APP_TABLE_H

#include "app/path.h"
#include "app/pattern.h"
#include "shallot/common.h"

#define SL__METHODS_ALL UINT32_MAX

struct sl__regex;
struct sl__table;

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

/** Which methods a request is content with. */
struct sl__wanted {
    uint32_t methods;    /* one bit; GET too for HEAD without a route of its own */
    struct sl__str name; /* for SL__METHOD_OTHER */
};

/** What is looked at: a path from a segment on. */
struct sl__place {
    const struct sl__path *path;
    uint32_t base;
};

/** Routes in order of definition. Zeroed memory is an empty list. */
struct sl__ends {
    const struct sl__route **list;
    uint32_t count, size;
};

struct sl__table {
    struct sl__route **routes; /* in order of definition; owned */
    uint32_t count, size;
    struct sl__node *tree;   /* of the path patterns */
    struct sl__ends regexes; /* the others */
    uint32_t methods;        /* bits of all that occur */
    uint64_t steps;          /* tests: nodes visited and expressions tried so far */
};

/** NULL when out of memory. */
struct sl__table *sl__table_new(void);
/** Lets go of the routes' layers too. NULL is fine. */
void sl__table_free(struct sl__table *t);

/** As sl_app_route(). The layers are held on success only. */
int sl__table_add(struct sl__table *t, const char *method, const char *pattern,
                  const sl_middleware *layers, size_t count);

/** The first route from order @p from on that takes the path and one of the methods; NULL. The
 * captures of a regular expression can be asked for until the next match. */
const struct sl__route *sl__table_find(struct sl__table *t, const struct sl__place *place,
                                       const struct sl__wanted *wanted, uint32_t from);

/** The same for HEAD, to which a GET route is as good unless a HEAD route was written for this path
 * (RFC 9110 §9.3.2). */
struct sl__wanted sl__table_wanted_by_head(struct sl__table *t, const struct sl__place *place);

/** Methods a request is content with here. */
static inline struct sl__wanted sl__table_wanted(struct sl__table *t, const struct sl__place *place,
                                                 const struct sl__request *r)
{
    struct sl__wanted wanted = {.methods = 1u << r->method};

    if (r->method == SL__METHOD_HEAD)
        return sl__table_wanted_by_head(t, place);
    if (r->method == SL__METHOD_OTHER)
        wanted.name = sl__request_str(r, r->method_name);
    return wanted;
}

/** True if a route takes one of the methods. */
static inline bool sl__route_takes(const struct sl__route *route, const struct sl__wanted *wanted)
{
    if (!(route->methods & wanted->methods))
        return false;
    return wanted->methods != 1u << SL__METHOD_OTHER || !route->method ||
           sl__str_equal(sl__str_of(route->method), wanted->name);
}

/** True if some route of the table takes the method, whatever the path. */
bool sl__table_knows(const struct sl__table *t, struct sl__str method);
/** The subject a regular expression of the table matches: the path from the base on, with its
 * slash. */
struct sl__str sl__place_text(const struct sl__place *place);

#endif
